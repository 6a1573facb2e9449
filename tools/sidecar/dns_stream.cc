#include "tools/sidecar/dns_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/sidecar/socket_address.h"

namespace weir::sidecar {
namespace {

constexpr int kLookAtStopMs = 200;

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Result<DnsStream> DnsStream::connect(const Endpoint& server, SteadyTime deadline, const std::atomic<bool>& stop) {
  const SocketAddress address = SocketAddress::of(server);
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto failed = [&](int code) {
    return Error{ErrorCode::unavailable, server.to_text() + ": " + std::strerror(code)};
  };
  if (socket.get() < 0) return failed(errno);
  DnsStream stream(std::move(socket), server, deadline, stop);
  if (::connect(stream.socket_.get(), address.get(), address.size) == 0) return stream;
  if (errno != EINPROGRESS) return failed(errno);
  if (auto ready = stream.wait(POLLOUT, steady_now() + kConnectPatience, "to connect"); !ready) return ready.error();
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(stream.socket_.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0 || code != 0) return failed(code);
  return stream;
}

Result<void> DnsStream::wait(short events, SteadyTime until, const char* what) const {
  until = std::min(until, deadline_);
  while (true) {
    if (stop_->load()) return Error{ErrorCode::unavailable, server_ + ": the sidecar ends"};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_now()).count();
    if (left <= 0) {
      const bool whole = until == deadline_;
      return Error{ErrorCode::timed_out,
                   server_ + ": no time left " + what + (whole ? " ([fetch] timeout, for the whole of it)" : "")};
    }
    pollfd poll{socket_.get(), events, 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::min<std::int64_t>(left + 1, kLookAtStopMs)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return Error{ErrorCode::io, server_ + ": poll: " + std::strerror(errno)};
  }
}

Result<void> DnsStream::send(std::span<const std::uint8_t> message) {
  std::vector<std::uint8_t> framed = {static_cast<std::uint8_t>(message.size() >> 8),
                                      static_cast<std::uint8_t>(message.size())};
  framed.insert(framed.end(), message.begin(), message.end());
  const SteadyTime until = steady_now() + kMessagePatience;
  for (std::size_t sent = 0; sent < framed.size();) {
    const ssize_t wrote = ::send(socket_.get(), framed.data() + sent, framed.size() - sent, MSG_NOSIGNAL);
    if (wrote >= 0) {
      sent += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      if (auto ready = wait(POLLOUT, until, "to send the query"); !ready) return ready;
    } else if (errno != EINTR) {
      return Error{ErrorCode::unavailable, server_ + ": " + std::strerror(errno)};
    }
  }
  return {};
}

Result<void> DnsStream::read_exactly(std::uint8_t* out, std::size_t size, SteadyTime until) {
  for (std::size_t have = 0; have < size;) {
    const ssize_t got = ::recv(socket_.get(), out + have, size - have, 0);
    if (got > 0) {
      have += static_cast<std::size_t>(got);
      received_bytes_ += static_cast<std::uint64_t>(got);
    } else if (got == 0) {
      return Error{ErrorCode::unavailable, server_ + ": the connection was closed before the answer was whole"};
    } else if (errno == EAGAIN) {
      if (auto ready = wait(POLLIN, until, "for the answer"); !ready) return ready;
    } else if (errno != EINTR) {
      return Error{ErrorCode::unavailable, server_ + ": " + std::strerror(errno)};
    }
  }
  return {};
}

Result<std::vector<std::uint8_t>> DnsStream::receive() {
  const SteadyTime until = steady_now() + kMessagePatience;
  std::uint8_t length[2];
  if (auto read = read_exactly(length, sizeof length, until); !read) return read.error();
  std::vector<std::uint8_t> message(static_cast<std::size_t>(length[0]) << 8 | length[1]);
  if (auto read = read_exactly(message.data(), message.size(), until); !read) return read.error();
  return message;
}

}  // namespace weir::sidecar
