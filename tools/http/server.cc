#include "tools/http/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "tools/http/channel.h"
#include "tools/http/connection.h"
#include "tools/support/accepting.h"
#include "tools/support/socket_address.h"
#include "zones/base/descriptor.h"

namespace weir::http {
namespace {

struct Listener {
  Descriptor socket;
  bool is_secret = false;
};

Result<Descriptor> bind_listener(const Endpoint& endpoint, std::string_view section) {
  const SocketAddress address = SocketAddress::of(endpoint);
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (socket.get() >= 0 && ::bind(socket.get(), address.get(), address.size) == 0 &&
      ::listen(socket.get(), SOMAXCONN) == 0)
    return socket;
  const ErrorCode code = errno == EADDRINUSE                 ? ErrorCode::busy
                         : errno == EACCES || errno == EPERM ? ErrorCode::permission
                                                             : ErrorCode::io;
  return Error{code, "[" + std::string(section) + "] listen: " + endpoint.to_text() + ": " + std::strerror(errno)};
}

class ThreadedServer final : public Server {
 public:
  ThreadedServer(std::vector<Listener> listeners, Descriptor stop, CertificateSource certificate, Answerer& answerer)
      : listeners_(std::move(listeners)),
        stop_(std::move(stop)),
        certificate_(std::move(certificate)),
        answerer_(answerer) {
    thread_ = std::thread([this] { accept_loop(); });
  }

  ~ThreadedServer() override {
    const std::uint64_t one = 1;
    write_all(stop_, {reinterpret_cast<const char*>(&one), sizeof one});
    thread_.join();
    for (Worker& worker : workers_) worker.thread.join();
  }

  std::size_t connections() const override { return open_.load(std::memory_order_relaxed); }

 private:
  struct Worker {
    std::atomic<bool> done{false};
    IpAddress from;
    std::thread thread;
  };

  void accept_loop() {
    std::vector<pollfd> polled;
    for (const Listener& listener : listeners_) polled.push_back({listener.socket.get(), POLLIN, 0});
    polled.push_back({stop_.get(), POLLIN, 0});
    for (;;) {
      if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return;
      if (polled.back().revents != 0) return;
      for (std::size_t i = 0; i < listeners_.size(); ++i) {
        if (polled[i].revents != 0) accept(listeners_[i]);
      }
    }
  }

  void accept(const Listener& listener) {
    SocketAddress from;
    Descriptor socket(::accept4(listener.socket.get(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() < 0) return rest_after_failed_accept(stop_.get());
    reap();
    Caller caller{from.endpoint().address, {}};
    SocketAddress local;
    if (::getsockname(socket.get(), local.get(), &local.size) != 0) return;
    caller.local = local.endpoint().address;
    const auto of_source = std::count_if(workers_.begin(), workers_.end(),
                                         [&](const Worker& worker) { return worker.from == caller.from; });
    if (workers_.size() >= kMaxConnections || static_cast<std::size_t>(of_source) >= kMaxConnectionsASource)
      return turn_away(socket, listener.is_secret);
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Worker& worker = workers_.emplace_back();
    worker.from = caller.from;
    open_.fetch_add(1, std::memory_order_relaxed);
    worker.thread =
        std::thread([this, &worker, caller, is_secret = listener.is_secret, socket = std::move(socket)]() mutable {
          serve(std::move(socket), caller, is_secret);
          open_.fetch_sub(1, std::memory_order_relaxed);
          worker.done.store(true, std::memory_order_release);
        });
  }

  void serve(Descriptor socket, const Caller& caller, bool is_secret) {
    std::shared_ptr<const TlsContext> tls;
    if (is_secret) {
      auto context = certificate_();
      if (!context) return;  // the client sees a closed connection; `certificate_` keeps what is wrong
      tls = std::move(*context);
    }
    Channel channel(std::move(socket), stop_.get(), std::move(tls));
    serve_connection(channel, answerer_, caller, [this] { return connections() > kMaxConnections / 2; });
  }

  // Nobody waits for it: this is the thread that accepts.
  void turn_away(const Descriptor& socket, bool is_secret) {
    if (is_secret) return;
    Response full = make_error(503, "busy", "too many connections");
    full.fields.push_back({"Retry-After", "5"});
    const std::string octets =
        write_head(full, Framing::length, After::close, std::chrono::system_clock::now()) + full.body;
    static_cast<void>(::send(socket.get(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0);
    answerer_.count(full.status);
  }

  void reap() {
    for (auto at = workers_.begin(); at != workers_.end();) {
      if (at->done.load(std::memory_order_acquire)) {
        at->thread.join();
        at = workers_.erase(at);
      } else {
        ++at;
      }
    }
  }

  const std::vector<Listener> listeners_;
  const Descriptor stop_;  // readable for ever once the server ends
  const CertificateSource certificate_;
  Answerer& answerer_;
  std::atomic<std::size_t> open_{0};
  std::list<Worker> workers_;  // of the accepting thread, and of the destructor after it
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const std::vector<Endpoint>& listen, CertificateSource certificate,
                                              Answerer& answerer, std::string_view section) {
  std::vector<Listener> listeners;
  for (const Endpoint& endpoint : listen) {
    const bool is_secret = certificate && !endpoint.address.unmapped().is_loopback();
    if (is_secret) {
      if (auto good = certificate(); !good) return good.error();
    }
    auto socket = bind_listener(endpoint, section);
    if (!socket) return socket.error();
    listeners.push_back({std::move(*socket), is_secret});
  }
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop.get() < 0) return Error{ErrorCode::io, std::string("eventfd: ") + std::strerror(errno)};
  return std::unique_ptr<Server>(
      new ThreadedServer(std::move(listeners), std::move(stop), std::move(certificate), answerer));
}

}  // namespace weir::http
