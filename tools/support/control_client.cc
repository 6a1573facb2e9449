#include "tools/support/control_client.h"

#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "zones/base/text.h"

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A closed peer must be an error, not a signal that ends the program.
constexpr int kSendFlags = MSG_NOSIGNAL;

Error cannot_connect(const std::filesystem::path& socket, std::string_view daemon, int code) {
  const std::string shown = escape_for_display(socket.string());
  const std::string name(daemon);
  if (code == EACCES || code == EPERM) {
    return {ErrorCode::permission,
            "not permitted to talk to " + name + " at " + shown + ": be root or in the group that owns the socket"};
  }
  if (code == ENOENT || code == ECONNREFUSED || code == ENOTDIR) {
    return {ErrorCode::unavailable, name + " does not run: nobody listens at " + shown +
                                        " (start it with 'systemctl start " + name +
                                        "', or name its configuration with --config)"};
  }
  return {ErrorCode::unavailable, name + " cannot be reached at " + shown + ": " + std::strerror(code)};
}

// True when `socket` is ready for `events` before `patience` has passed; zero patience waits for ever.
Result<void> wait_for(int socket, short events, milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  for (;;) {
    int timeout = -1;
    if (patience.count() > 0) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
      timeout = left > 0 ? static_cast<int>(left) : 0;
    }
    pollfd entry{socket, events, 0};
    const int ready = poll(&entry, 1, timeout);
    if (ready > 0) return {};
    if (ready == 0) return Error{ErrorCode::timed_out, "no answer within " + std::to_string(patience.count()) + " ms"};
    if (errno != EINTR) return Error{ErrorCode::io, std::strerror(errno)};
  }
}

}  // namespace

Result<ControlClient> ControlClient::connect(const std::filesystem::path& socket, std::string_view daemon) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::invalid, escape_for_display(path) + " is too long for a socket: at most " +
                                         std::to_string(sizeof address.sun_path - 1) + " octets"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Descriptor handle(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (handle.get() < 0) return Error{ErrorCode::io, std::string("no socket: ") + std::strerror(errno)};
  int outcome = 0;
  do {
    outcome = ::connect(handle.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (outcome < 0 && errno == EINTR);
  if (outcome < 0) return cannot_connect(socket, daemon, errno);
  return ControlClient(std::move(handle), std::string(daemon));
}

Result<std::string> ControlClient::request(const ControlRequest& request, const Progress& progress,
                                           milliseconds patience) {
  const std::string line = encode_request(request);
  if (line.size() > kMaxControlLine) {
    return Error{ErrorCode::too_large, "the request has " + std::to_string(line.size()) + " octets, more than " +
                                           std::to_string(kMaxControlLine)};
  }
  if (auto sent = send_line(line, patience); !sent) return sent.error();
  for (;;) {
    auto answer = receive_line(patience);
    if (!answer) return answer.error();
    auto reply = decode_reply(*answer);
    if (!reply) {
      close();
      return Error{ErrorCode::corrupt, daemon_ + " answered something that is no reply: " + reply.error().message};
    }
    switch (reply->kind) {
      case ControlReply::Kind::result:
        return std::move(reply->body);
      case ControlReply::Kind::error:
        return std::move(reply->error);
      case ControlReply::Kind::progress:
        if (progress && progress(reply->body) == Continue::no) {
          close();  // the rest of the stream is not for the next request
          return std::string("null");
        }
    }
  }
}

Result<void> ControlClient::send_line(std::string_view line, milliseconds patience) {
  if (!is_open()) return lost("the connection is closed");
  while (!line.empty()) {
    if (auto ready = wait_for(socket_.get(), POLLOUT, patience); !ready) return lost(ready.error().message);
    const ssize_t sent = send(socket_.get(), line.data(), line.size(), kSendFlags | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return lost(std::strerror(errno));
    line.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::string> ControlClient::receive_line(milliseconds patience) {
  if (!is_open()) return lost("the connection is closed");
  std::size_t searched = 0;
  for (;;) {
    if (const auto end = received_.find('\n', searched); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    searched = received_.size();
    if (received_.size() > kMaxControlLine) {
      close();
      return Error{ErrorCode::corrupt, daemon_ + " sent a line without end"};
    }
    if (auto ready = wait_for(socket_.get(), POLLIN, patience); !ready) {
      if (ready.error().code != ErrorCode::timed_out) return lost(ready.error().message);
      close();
      return Error{ErrorCode::timed_out, daemon_ + ": " + ready.error().message};
    }
    char buffer[65536];
    const ssize_t got = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return lost(std::strerror(errno));
    if (got == 0) return lost("it closed the connection before it had answered");
    received_.append(buffer, static_cast<std::size_t>(got));
  }
}

Error ControlClient::lost(const std::string& why) {
  close();
  return {ErrorCode::unavailable, "lost " + daemon_ + ": " + why};
}

void ControlClient::close() {
  socket_ = Descriptor();
  received_.clear();
}

std::string calling_user() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[16384];
  if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_name;
  return "uid " + std::to_string(getuid());
}

}  // namespace weir
