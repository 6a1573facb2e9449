#include "tools/sidecar/control_server.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <thread>
#include <utility>

#include "tools/support/accepting.h"
#include "zones/base/descriptor.h"

namespace weir::sidecar {
namespace {

// Of a client that does not read: a stream ends rather than waits for it for ever.
constexpr int kSendTimeoutMs = 10'000;

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return "uid " + std::to_string(uid);
}

class Connection final : public Responder {
 public:
  Connection(Descriptor socket, int stop_event, const ControlHandler& handler)
      : socket_(std::move(socket)), stop_event_(stop_event), handler_(handler) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
      peer_is_root_ = peer.uid == 0;
      user_ = user_name(peer.uid);
    }
  }

  void serve() {
    std::string buffer;
    std::array<char, 65536> piece;
    for (;;) {
      const std::size_t end = buffer.find('\n');
      if (end != std::string::npos) {
        const std::string line = buffer.substr(0, end);
        buffer.erase(0, end + 1);
        if (!send_line(answer(line))) return;
        continue;
      }
      if (buffer.size() > kMaxControlLine) {
        send_line(encode_error(
            {ErrorCode::too_large, "a request is at most " + std::to_string(kMaxControlLine) + " octets"}));
        return;
      }
      if (!wait(POLLIN, -1)) return;
      const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;
      buffer.append(piece.data(), static_cast<std::size_t>(got));
    }
  }

  bool progress(const std::string& line) override { return !gone_ && send_line(line); }

  bool is_gone() override {
    if (gone_) return true;
    pollfd waiting[2] = {{socket_.get(), 0, 0}, {stop_event_, POLLIN, 0}};
    ::poll(waiting, 2, 0);
    gone_ = (waiting[0].revents & (POLLHUP | POLLERR)) != 0 || waiting[1].revents != 0;
    return gone_;
  }

 private:
  std::string answer(const std::string& line) {
    auto request = decode_request(line);
    if (!request) return encode_error(request.error());
    if (!peer_is_root_ || request->who.empty()) request->who = user_;
    std::string reply = handler_(*request, *this);
    if (reply.size() > kMaxControlLine) {
      return encode_error({ErrorCode::too_large, "the answer is longer than " + std::to_string(kMaxControlLine) +
                                                     " octets: ask for less at a time"});
    }
    return reply;
  }

  // False on a time-out, and when the server ends.
  bool wait(short events, int timeout_ms) {
    pollfd waiting[2] = {{socket_.get(), events, 0}, {stop_event_, POLLIN, 0}};
    int ready = 0;
    do {
      ready = ::poll(waiting, 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && waiting[1].revents == 0;
  }

  bool send_line(std::string line) {
    if (line.empty() || line.back() != '\n') line += '\n';
    std::size_t done = 0;
    while (done < line.size()) {
      const ssize_t sent = ::send(socket_.get(), line.data() + done, line.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        done += static_cast<std::size_t>(sent);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        if (!wait(POLLOUT, kSendTimeoutMs)) gone_ = true;
      } else if (errno != EINTR) {
        gone_ = true;
      }
      if (gone_) return false;
    }
    return true;
  }

  Descriptor socket_;
  const int stop_event_;
  const ControlHandler& handler_;
  std::string user_ = "unknown";
  bool peer_is_root_ = false;
  bool gone_ = false;
};

class ThreadedControlServer final : public ControlServer {
 public:
  ThreadedControlServer(std::filesystem::path path, Descriptor listener, Descriptor stop, ControlHandler handler)
      : path_(std::move(path)), listener_(std::move(listener)), stop_(std::move(stop)), handler_(std::move(handler)) {
    thread_ = std::thread([this] { accept_loop(); });
  }

  ~ThreadedControlServer() override {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_.get(), &one, sizeof one));
    thread_.join();
    for (Worker& worker : workers_) worker.thread.join();
    ::unlink(path_.c_str());
  }

 private:
  struct Worker {
    std::atomic<bool> done{false};
    std::thread thread;
  };

  void accept_loop() {
    for (;;) {
      pollfd waiting[2] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
      if (waiting[1].revents != 0) return;
      Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (socket.get() < 0) {
        rest_after_failed_accept(stop_.get());
        continue;
      }
      for (auto at = workers_.begin(); at != workers_.end();) {
        if (at->done.load(std::memory_order_acquire)) {
          at->thread.join();
          at = workers_.erase(at);
        } else {
          ++at;
        }
      }
      if (workers_.size() >= kMaxControlConnections) {
        const std::string line = encode_error({ErrorCode::busy, "too many control connections"});
        static_cast<void>(!::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
        continue;
      }
      Worker& worker = workers_.emplace_back();
      worker.thread = std::thread([this, &worker, socket = std::move(socket)]() mutable {
        {
          Connection connection(std::move(socket), stop_.get(), handler_);
          connection.serve();
        }
        worker.done.store(true, std::memory_order_release);
      });
    }
  }

  const std::filesystem::path path_;
  const Descriptor listener_;
  const Descriptor stop_;  // readable for ever once the server ends
  const ControlHandler handler_;
  std::list<Worker> workers_;  // of the accepting thread, and of the destructor after it
  std::thread thread_;
};

Error socket_error(const std::filesystem::path& path) {
  const ErrorCode code = errno == EACCES || errno == EPERM ? ErrorCode::permission
                         : errno == EADDRINUSE             ? ErrorCode::busy
                                                           : ErrorCode::io;
  return {code, "control socket " + path.string() + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::filesystem::path& socket,
                                                            ControlHandler handler) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.string().size() >= sizeof address.sun_path) {
    return Error{ErrorCode::invalid, "control socket " + socket.string() + ": the path is longer than " +
                                         std::to_string(sizeof address.sun_path - 1) + " octets ([run] path)"};
  }
  std::memcpy(address.sun_path, socket.c_str(), socket.string().size());
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (listener.get() < 0) return socket_error(socket);
  ::unlink(socket.c_str());  // left over: the instance lock says that nobody listens there
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(socket.c_str(), 0660) != 0 || ::listen(listener.get(), 64) != 0) {
    return socket_error(socket);
  }
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop.get() < 0) return socket_error(socket);
  return std::unique_ptr<ControlServer>(
      new ThreadedControlServer(socket, std::move(listener), std::move(stop), std::move(handler)));
}

}  // namespace weir::sidecar
