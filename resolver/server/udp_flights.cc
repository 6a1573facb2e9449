#include "resolver/server/udp_flights.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace weir {

Result<UdpFlights> UdpFlights::open() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (epoll.get() < 0) return Error{ErrorCode::io, std::string("epoll_create1: ") + std::strerror(errno)};
  return UdpFlights(std::move(epoll));
}

bool UdpFlights::send(ExchangeId exchange, Descriptor socket, std::span<const std::uint8_t> message) {
  if (::send(socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = exchange.value;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) != 0) return false;
  return sockets_.try_emplace(exchange.value, std::move(socket)).second;
}

bool UdpFlights::receive(const Received& received) {
  std::array<epoll_event, kMessagesPerTurn> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), kMessagesPerTurn, 0);
  for (int i = 0; i < count; ++i) {
    const ExchangeId exchange{events[static_cast<std::size_t>(i)].data.u64};
    const auto at = sockets_.find(exchange.value);
    if (at == sockets_.end()) continue;  // cancelled by what came before it
    // One datagram a turn: who sends many that are not the answer waits like everybody else.
    const ssize_t got = ::recv(at->second.get(), datagram_.data(), datagram_.size(), MSG_DONTWAIT);
    if (got >= 0) {
      received(exchange, {.failure = ExchangeFailure::none,
                          .message = std::span(datagram_).first(static_cast<std::size_t>(got))});
    } else if (errno != EAGAIN && errno != EINTR) {
      sockets_.erase(at);
      received(exchange, {.failure = ExchangeFailure::network_error, .message = {}});
    }
  }
  return count == kMessagesPerTurn;
}

}  // namespace weir
