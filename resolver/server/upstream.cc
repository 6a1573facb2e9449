#include "resolver/server/upstream.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <unordered_map>

#include "resolver/server/socket_address.h"
#include "resolver/server/udp_flights.h"

namespace weir {
namespace {

using boost::asio::posix::descriptor_base;
using boost::asio::posix::stream_descriptor;
using ErrorValue = boost::system::error_code;

constexpr unsigned kPortTries = 16;  // a port in use is drawn again
constexpr std::uint16_t kFirstPort = 1024;

// A TCP connection: the query with its length before it, and the answer as far as it has come.
struct Flight {
  Flight(boost::asio::io_context& loop, int descriptor) : socket(loop, descriptor) {}

  stream_descriptor socket;
  std::vector<std::uint8_t> outgoing;
  std::size_t sent = 0;
  std::vector<std::uint8_t> incoming;
};

class SocketUpstream final : public Upstream {
 public:
  SocketUpstream(boost::asio::io_context& loop, SecureRandom& random, const std::vector<IpAddress>& outgoing,
                 std::size_t max_outstanding, Handlers handlers, UdpFlights udp)
      : loop_(loop),
        random_(random),
        max_outstanding_(max_outstanding),
        handlers_(std::move(handlers)),
        udp_(std::move(udp)),
        udp_readiness_(loop, udp_.descriptor()) {
    for (const IpAddress& address : outgoing)
      (address.family == AddressFamily::ipv4 ? outgoing_ipv4_ : outgoing_ipv6_).push_back(address);
    wait_for_datagrams();
  }
  ~SocketUpstream() override { udp_readiness_.release(); }  // the flights close it

  void send(Exchange exchange) override {
    const int descriptor = outstanding() < max_outstanding_ ? open_socket(exchange) : -1;
    if (descriptor < 0) return fail_later(exchange.id);
    if (exchange.transport == UpstreamTransport::udp) {
      if (!udp_.send(exchange.id, Descriptor(descriptor), exchange.message)) fail_later(exchange.id);
      return;
    }
    auto [at, added] = flights_.try_emplace(exchange.id.value, std::make_unique<Flight>(loop_, descriptor));
    if (!added) return;
    Flight& flight = *at->second;
    flight.outgoing.reserve(exchange.message.size() + 2);
    flight.outgoing.push_back(static_cast<std::uint8_t>(exchange.message.size() >> 8));
    flight.outgoing.push_back(static_cast<std::uint8_t>(exchange.message.size()));
    flight.outgoing.insert(flight.outgoing.end(), exchange.message.begin(), exchange.message.end());
    wait(exchange.id, flight, descriptor_base::wait_write);
  }

  void cancel(ExchangeId exchange) override {
    udp_.cancel(exchange);
    flights_.erase(exchange.value);
  }
  std::size_t outstanding() const override { return udp_.size() + flights_.size(); }

 private:
  // Connected (TCP: connecting), from a random port and one of our outgoing addresses; -1 on failure.
  int open_socket(const Exchange& exchange) {
    const bool udp = exchange.transport == UpstreamTransport::udp;
    const bool ipv6 = exchange.server.address.family == AddressFamily::ipv6;
    const int descriptor =
        ::socket(ipv6 ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (!udp) {
      const int on = 1;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    sockaddr_in6 peer;
    const socklen_t size = to_sockaddr(exchange.server, peer);
    if (!bind_source(descriptor, exchange) ||
        (::connect(descriptor, reinterpret_cast<const sockaddr*>(&peer), size) != 0 && errno != EINPROGRESS)) {
      ::close(descriptor);
      return -1;
    }
    return descriptor;
  }

  bool bind_source(int descriptor, const Exchange& exchange) {
    const AddressFamily family = exchange.server.address.family;
    const auto& choices = family == AddressFamily::ipv4 ? outgoing_ipv4_ : outgoing_ipv6_;
    IpAddress source;
    source.family = family;
    if (!choices.empty()) source = choices[random_.below(static_cast<std::uint32_t>(choices.size()))];
    const bool udp = exchange.transport == UpstreamTransport::udp;
    if (!udp && choices.empty()) return true;  // TCP has its sequence numbers; the kernel's port will do
    for (unsigned i = 0; i < kPortTries; ++i) {
      const auto port = static_cast<std::uint16_t>(udp ? kFirstPort + random_.below(65536U - kFirstPort) : 0);
      sockaddr_in6 local;
      const socklen_t size = to_sockaddr({source, port}, local);
      if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&local), size) == 0) return true;
      if (errno != EADDRINUSE && errno != EACCES) return false;
    }
    return false;
  }

  void wait_for_datagrams() {
    udp_readiness_.async_wait(descriptor_base::wait_read, [this](const ErrorValue& error) {
      if (error) return;
      udp_.receive(handlers_.received);
      handlers_.drained();
      wait_for_datagrams();
    });
  }

  void wait(ExchangeId id, Flight& flight, descriptor_base::wait_type what) {
    // By number, not by pointer: the flight may be cancelled before the handler runs.
    flight.socket.async_wait(what, [this, id](const ErrorValue& error) {
      if (error) return;
      const auto at = flights_.find(id.value);
      if (at == flights_.end()) return;
      Flight& ready = *at->second;
      if (ready.sent < ready.outgoing.size()) return write_stream(id, ready);
      read_stream(id, ready);
    });
  }

  void write_stream(ExchangeId id, Flight& flight) {
    const ssize_t sent = ::send(flight.socket.native_handle(), flight.outgoing.data() + flight.sent,
                                flight.outgoing.size() - flight.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
      return finish(id, {.failure = ExchangeFailure::network_error, .message = {}});
    if (sent > 0) flight.sent += static_cast<std::size_t>(sent);
    wait(id, flight, flight.sent < flight.outgoing.size() ? descriptor_base::wait_write : descriptor_base::wait_read);
  }

  void read_stream(ExchangeId id, Flight& flight) {
    std::array<std::uint8_t, 16384> chunk;
    const ssize_t got = ::recv(flight.socket.native_handle(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got == 0) return finish(id, {.failure = ExchangeFailure::connection_closed, .message = {}});
    if (got < 0 && errno != EAGAIN && errno != EINTR)
      return finish(id, {.failure = ExchangeFailure::connection_closed, .message = {}});
    if (got > 0) flight.incoming.insert(flight.incoming.end(), chunk.begin(), chunk.begin() + got);
    if (flight.incoming.size() >= 2) {
      const std::size_t length = static_cast<std::size_t>(flight.incoming[0]) << 8 | flight.incoming[1];
      if (flight.incoming.size() >= length + 2) {
        const std::vector<std::uint8_t> message(flight.incoming.begin() + 2,
                                                flight.incoming.begin() + 2 + static_cast<std::ptrdiff_t>(length));
        return finish(id, {.failure = ExchangeFailure::none, .message = message});
      }
    }
    wait(id, flight, descriptor_base::wait_read);
  }

  // The socket has nothing more to say.
  void finish(ExchangeId id, const Response& response) {
    flights_.erase(id.value);
    handlers_.received(id, response);
    handlers_.drained();
  }

  // Not from within send(): the engine is in the middle of handing exchanges out.
  void fail_later(ExchangeId id) {
    boost::asio::post(loop_, [this, alive = std::weak_ptr<int>(alive_), id] {
      if (alive.expired()) return;
      handlers_.received(id, {.failure = ExchangeFailure::network_error, .message = {}});
      handlers_.drained();
    });
  }

  boost::asio::io_context& loop_;
  SecureRandom& random_;
  std::vector<IpAddress> outgoing_ipv4_;
  std::vector<IpAddress> outgoing_ipv6_;
  const std::size_t max_outstanding_;
  const Handlers handlers_;
  UdpFlights udp_;
  stream_descriptor udp_readiness_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Flight>> flights_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

Result<std::unique_ptr<Upstream>> Upstream::make(boost::asio::io_context& loop, SecureRandom& random,
                                                 const std::vector<IpAddress>& outgoing, std::size_t max_outstanding,
                                                 Handlers handlers) {
  auto udp = UdpFlights::open();
  if (!udp) return udp.error();
  return std::unique_ptr<Upstream>(
      std::make_unique<SocketUpstream>(loop, random, outgoing, max_outstanding, std::move(handlers), std::move(*udp)));
}

}  // namespace weir
