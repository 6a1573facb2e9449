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

namespace weir {
namespace {

using boost::asio::posix::descriptor_base;
using boost::asio::posix::stream_descriptor;
using ErrorValue = boost::system::error_code;

constexpr unsigned kPortTries = 16;  // a port in use is drawn again
constexpr std::uint16_t kFirstPort = 1024;
constexpr std::size_t kMaxDatagram = 4096;  // we offer 1232; what is longer is not read in whole and so ignored
constexpr unsigned kMaxDatagramsPerTurn = 8;

struct Flight {
  Flight(boost::asio::io_context& loop, int descriptor) : socket(loop, descriptor) {}

  stream_descriptor socket;
  UpstreamTransport transport = UpstreamTransport::udp;
  // TCP: the query with its length before it, and the answer as far as it has come.
  std::vector<std::uint8_t> outgoing;
  std::size_t sent = 0;
  std::vector<std::uint8_t> incoming;
};

class SocketUpstream final : public Upstream {
 public:
  SocketUpstream(boost::asio::io_context& loop, SecureRandom& random, const std::vector<IpAddress>& outgoing,
                 std::size_t max_outstanding, Received received)
      : loop_(loop), random_(random), max_outstanding_(max_outstanding), received_(std::move(received)) {
    for (const IpAddress& address : outgoing)
      (address.family == AddressFamily::ipv4 ? outgoing_ipv4_ : outgoing_ipv6_).push_back(address);
  }

  void send(Exchange exchange) override {
    const int descriptor = flights_.size() < max_outstanding_ ? open_socket(exchange) : -1;
    if (descriptor < 0) return fail_later(exchange.id, ExchangeFailure::network_error);
    auto [at, added] = flights_.try_emplace(exchange.id.value, std::make_unique<Flight>(loop_, descriptor));
    if (!added) return;
    Flight& flight = *at->second;
    flight.transport = exchange.transport;
    if (exchange.transport == UpstreamTransport::tcp) {
      flight.outgoing.reserve(exchange.message.size() + 2);
      flight.outgoing.push_back(static_cast<std::uint8_t>(exchange.message.size() >> 8));
      flight.outgoing.push_back(static_cast<std::uint8_t>(exchange.message.size()));
      flight.outgoing.insert(flight.outgoing.end(), exchange.message.begin(), exchange.message.end());
      return wait(exchange.id, flight, descriptor_base::wait_write);
    }
    if (::send(descriptor, exchange.message.data(), exchange.message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      flights_.erase(at);
      return fail_later(exchange.id, ExchangeFailure::network_error);
    }
    wait(exchange.id, flight, descriptor_base::wait_read);
  }

  void cancel(ExchangeId exchange) override { flights_.erase(exchange.value); }
  std::size_t outstanding() const override { return flights_.size(); }

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

  void wait(ExchangeId id, Flight& flight, descriptor_base::wait_type what) {
    // By number, not by pointer: the flight may be cancelled before the handler runs.
    flight.socket.async_wait(what, [this, id](const ErrorValue& error) {
      if (error) return;
      const auto at = flights_.find(id.value);
      if (at == flights_.end()) return;
      Flight& ready = *at->second;
      if (ready.transport == UpstreamTransport::udp) return receive_datagrams(id, ready);
      if (ready.sent < ready.outgoing.size()) return write_stream(id, ready);
      read_stream(id, ready);
    });
  }

  // What is not the answer is ignored by the engine, which then still wants more (TuDoor); what is ends with
  // cancel() while received_ runs, so the flight is looked up again each time.
  void receive_datagrams(ExchangeId id, Flight& first) {
    Flight* flight = &first;
    for (unsigned i = 0; i < kMaxDatagramsPerTurn; ++i) {
      const ssize_t got = ::recv(flight->socket.native_handle(), datagram_.data(), datagram_.size(), MSG_DONTWAIT);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (got < 0) return finish(id, {.failure = ExchangeFailure::network_error, .message = {}});
      received_(id, {.failure = ExchangeFailure::none, .message = {datagram_.data(), static_cast<std::size_t>(got)}});
      const auto at = flights_.find(id.value);
      if (at == flights_.end()) return;
      flight = at->second.get();
    }
    wait(id, *flight, descriptor_base::wait_read);
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
    received_(id, response);
  }

  // Not from within send(): the engine is in the middle of handing exchanges out.
  void fail_later(ExchangeId id, ExchangeFailure failure) {
    boost::asio::post(loop_, [this, alive = std::weak_ptr<int>(alive_), id, failure] {
      if (!alive.expired()) received_(id, {.failure = failure, .message = {}});
    });
  }

  boost::asio::io_context& loop_;
  SecureRandom& random_;
  std::vector<IpAddress> outgoing_ipv4_;
  std::vector<IpAddress> outgoing_ipv6_;
  const std::size_t max_outstanding_;
  const Received received_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Flight>> flights_;
  std::array<std::uint8_t, kMaxDatagram> datagram_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace

std::unique_ptr<Upstream> Upstream::make(boost::asio::io_context& loop, SecureRandom& random,
                                         const std::vector<IpAddress>& outgoing, std::size_t max_outstanding,
                                         Received received) {
  return std::make_unique<SocketUpstream>(loop, random, outgoing, max_outstanding, std::move(received));
}

}  // namespace weir
