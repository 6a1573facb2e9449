// UDP queries on their way to name servers, a connected socket each, all watched by one epoll instance of their own: a
// query costs one call to watch it, and one call tells of all that have come.
//
// The owner waits until descriptor() is readable, then calls receive(). One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>

#include "resolver/engine/engine.h"
#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir {

class UdpFlights {
 public:
  static Result<UdpFlights> open();

  int descriptor() const { return epoll_.get(); }
  std::size_t size() const { return sockets_.size(); }

  // Takes a connected, non-blocking socket. False: nothing could be sent, and the socket is closed.
  bool send(ExchangeId exchange, Descriptor socket, std::span<const std::uint8_t> message);
  void cancel(ExchangeId exchange) { sockets_.erase(exchange.value); }

  // Up to kMessagesPerTurn messages and failures. `received` may cancel any exchange, and send others. What is not the
  // answer leaves its exchange as it is; a network error ends it. True: there may be more.
  using Received = std::function<void(ExchangeId exchange, const Response& response)>;
  bool receive(const Received& received);

 private:
  // A signature check takes 50 to 100 microseconds: with 16 of them a turn of the loop stays about a millisecond.
  static constexpr int kMessagesPerTurn = 16;
  static constexpr std::size_t kMaxDatagram = 4096;  // we offer 1232; what is longer is cut here, and so ignored

  explicit UdpFlights(Descriptor epoll) : epoll_(std::move(epoll)) {}

  Descriptor epoll_;
  std::unordered_map<std::uint64_t, Descriptor> sockets_;
  std::array<std::uint8_t, kMaxDatagram> datagram_;
};

}  // namespace weir
