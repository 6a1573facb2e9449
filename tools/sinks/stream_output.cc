#include "tools/sinks/stream_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "zones/base/text.h"

namespace weir::sinks {
namespace {

constexpr std::chrono::hours kAsLongAsItTakes{24};

Error unavailable(int number, const std::string& what) {
  return {ErrorCode::unavailable, what + ": " + std::strerror(number)};
}

Result<void> await_space(const Descriptor& to, const Interrupt& interrupt) {
  switch (interrupt.wait(kAsLongAsItTakes, to.get(), POLLOUT)) {
    case Waited::ready:
      return {};
    case Waited::interrupted:
      return Error{ErrorCode::unavailable, "ended while it was being written to"};
    case Waited::timed_out:
      break;
  }
  return Error{ErrorCode::unavailable, "nobody reads what is written"};
}

}  // namespace

Result<Descriptor> connect_unix(const std::filesystem::path& socket, int type) {
  const std::string shown = escape_for_display(socket.string());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() >= sizeof address.sun_path)
    return Error{ErrorCode::invalid, shown + ": a socket's path has at most 107 octets"};
  std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
  Descriptor connected(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connected.get() < 0 ||
      ::connect(connected.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unavailable(errno, shown);
  return connected;
}

Result<Descriptor> open_pipe(const std::filesystem::path& pipe) {
  const std::string shown = escape_for_display(pipe.string());
  Descriptor opened(::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (opened.get() < 0 && errno == ENXIO) return Error{ErrorCode::unavailable, "nobody reads from " + shown};
  if (opened.get() < 0) return unavailable(errno, shown);
  struct stat info{};
  if (::fstat(opened.get(), &info) != 0 || !S_ISFIFO(info.st_mode))
    return Error{ErrorCode::invalid, shown + " is no named pipe"};
  return opened;
}

Result<void> send_all(const Descriptor& to, std::string_view octets, std::size_t unit, const Interrupt& interrupt) {
  while (!octets.empty()) {
    const ssize_t sent = ::write(to.get(), octets.data(), std::min(octets.size(), unit));
    if (sent > 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto waited = await_space(to, interrupt); !waited) return waited;
    } else if (errno != EINTR) {
      return unavailable(errno, "whoever read has left");
    }
  }
  return {};
}

Result<void> send_message(const Descriptor& to, std::string_view message, const Interrupt& interrupt) {
  for (;;) {
    if (::send(to.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0) return {};
    if (errno == EMSGSIZE) return Error{ErrorCode::too_large, "a message is too long for the socket"};
    if (errno == EAGAIN || errno == ENOBUFS) {
      if (auto waited = await_space(to, interrupt); !waited) return waited;
    } else if (errno != EINTR) {
      return unavailable(errno, "whoever read has left");
    }
  }
}

Result<std::string> receive_some(const Descriptor& from, std::chrono::milliseconds bound, const Interrupt& interrupt) {
  std::array<char, 1024> buffer;
  for (;;) {
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got >= 0) return std::string(buffer.data(), static_cast<std::size_t>(got));
    if (errno != EAGAIN && errno != EINTR) return unavailable(errno, "whoever read has left");
    const Waited waited = interrupt.wait(bound, from.get(), POLLIN);
    if (waited == Waited::timed_out) return Error{ErrorCode::timed_out, "whoever listens does not answer"};
    if (waited == Waited::interrupted) return Error{ErrorCode::unavailable, "ended while it was being read from"};
  }
}

}  // namespace weir::sinks
