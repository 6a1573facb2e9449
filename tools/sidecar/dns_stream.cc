#include "tools/sidecar/dns_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/support/socket_address.h"

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

Error DnsStream::about_peer(Error error) const {
  error.message = server_ + ": " + error.message;
  return error;
}

Result<void> DnsStream::wait_for(TlsChannel::Want want, SteadyTime until, const char* what) const {
  return wait(want == TlsChannel::Want::output ? POLLOUT : POLLIN, until, what);
}

Result<void> DnsStream::shake_hands() {
  const SteadyTime until = steady_now() + kConnectPatience;
  while (true) {
    const auto step = tls_->shake_hands();
    if (!step) return about_peer(step.error());
    if (step->want != TlsChannel::Want::nothing) {
      if (auto ready = wait_for(step->want, until, "to agree on TLS"); !ready) return ready;
    } else if (step->octets > 0) {
      return {};
    } else {
      return Error{ErrorCode::unavailable, server_ + ": the connection was closed before TLS was agreed on"};
    }
  }
}

Result<void> DnsStream::secure(std::shared_ptr<const TlsContext> context, const std::string& name) {
  auto channel = TlsChannel::connecting(std::move(context), socket_.get(), name, peer_);
  if (!channel) return about_peer(channel.error());
  tls_ = std::move(*channel);
  return shake_hands();
}

Result<void> DnsStream::secure_accepted(std::shared_ptr<const TlsContext> context) {
  auto channel = TlsChannel::accepting(std::move(context), socket_.get());
  if (!channel) return about_peer(channel.error());
  tls_ = std::move(*channel);
  return shake_hands();
}

Result<std::size_t> DnsStream::write_some_of(std::span<const std::uint8_t> octets, SteadyTime until) {
  if (tls_) {
    const auto step = tls_->write(octets);
    if (!step) return about_peer(step.error());
    if (step->want == TlsChannel::Want::nothing && step->octets == 0)
      return Error{ErrorCode::unavailable, server_ + ": the connection was closed"};
    if (step->want == TlsChannel::Want::nothing) return step->octets;
    if (auto ready = wait_for(step->want, until, "to send"); !ready) return ready.error();
    return std::size_t{0};
  }
  const ssize_t wrote = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
  if (wrote >= 0) return static_cast<std::size_t>(wrote);
  if (errno == EAGAIN) {
    if (auto ready = wait(POLLOUT, until, "to send"); !ready) return ready.error();
  } else if (errno != EINTR) {
    return Error{ErrorCode::unavailable, server_ + ": " + std::strerror(errno)};
  }
  return std::size_t{0};
}

Result<void> DnsStream::send(std::span<const std::uint8_t> message) {
  std::vector<std::uint8_t> framed = {static_cast<std::uint8_t>(message.size() >> 8),
                                      static_cast<std::uint8_t>(message.size())};
  framed.insert(framed.end(), message.begin(), message.end());
  const SteadyTime until = steady_now() + kMessagePatience;
  for (std::size_t sent = 0; sent < framed.size();) {
    const auto wrote = write_some_of(std::span(framed).subspan(sent), until);
    if (!wrote) return wrote.error();
    sent += *wrote;
  }
  return {};
}

Result<std::size_t> DnsStream::read_some_of(std::span<std::uint8_t> out, SteadyTime until) {
  const Error closed{ErrorCode::unavailable, server_ + ": the connection was closed before the answer was whole"};
  if (tls_) {
    const auto step = tls_->read(out);
    if (!step) return about_peer(step.error());
    if (step->want == TlsChannel::Want::nothing) return step->octets > 0 ? Result<std::size_t>(step->octets) : closed;
    if (auto ready = wait_for(step->want, until, "for the answer"); !ready) return ready.error();
    return std::size_t{0};
  }
  const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), 0);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got == 0) return closed;
  if (errno == EAGAIN) {
    if (auto ready = wait(POLLIN, until, "for the answer"); !ready) return ready.error();
  } else if (errno != EINTR) {
    return Error{ErrorCode::unavailable, server_ + ": " + std::strerror(errno)};
  }
  return std::size_t{0};
}

Result<void> DnsStream::read_exactly(std::uint8_t* out, std::size_t size, SteadyTime until) {
  for (std::size_t have = 0; have < size;) {
    const auto got = read_some_of({out + have, size - have}, until);
    if (!got) return got.error();
    have += *got;
    received_bytes_ += *got;
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
