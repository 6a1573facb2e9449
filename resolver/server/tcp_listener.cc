#include "resolver/server/tcp_listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace weir {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using SystemError = boost::system::error_code;

constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kMaxMessage = 65535;
constexpr std::size_t kReadStep = 2048;                 // most queries are far shorter
constexpr std::chrono::milliseconds kAcceptAgain{100};  // when accept fails, as with no descriptors left
constexpr int kBacklog = 256;

Prefix customer_of(const IpAddress& client) {
  const IpAddress address = client.unmapped();
  return Prefix::of(address, address.family == AddressFamily::ipv4 ? 32 : 56);
}

Endpoint endpoint_of(const tcp::endpoint& endpoint) {
  if (endpoint.address().is_v4())
    return {IpAddress::from_octets(endpoint.address().to_v4().to_bytes()), endpoint.port()};
  return {IpAddress::from_octets(endpoint.address().to_v6().to_bytes()).unmapped(), endpoint.port()};
}

tcp::endpoint asio_endpoint(const Endpoint& endpoint) {
  if (endpoint.address.family == AddressFamily::ipv4) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(endpoint.address.octets.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4(bytes), endpoint.port};
  }
  return {asio::ip::address_v6(endpoint.address.octets), endpoint.port};
}

class Connection;

// What the listener and its connections share; connections may outlive the listener by a handler or two.
struct Shared {
  Shared(std::shared_ptr<TcpQuota> its_quota, WorkerMetrics& its_metrics, TcpListener::Handler its_handler)
      : quota(std::move(its_quota)), metrics(its_metrics), handler(std::move(its_handler)) {}

  const std::shared_ptr<TcpQuota> quota;
  WorkerMetrics& metrics;
  const TcpListener::Handler handler;
  std::unordered_set<std::shared_ptr<Connection>> connections;
};

// One client's connection. It reads while it may, hands whole messages to the handler and writes answers in the
// order in which they come. It lives as long as it is open (Shared) or an operation of it is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Endpoint client, std::shared_ptr<Shared> shared)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), client_(client), shared_(std::move(shared)) {}

  void start() {
    last_progress_ = Clock::now();
    watch();
    proceed();
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    SystemError ignored;
    timer_.cancel();
    socket_.close(ignored);
    shared_->quota->leave(client_.address);
    shared_->connections.erase(shared_from_this());
    shared_->metrics.set(Metric::tcp_connections, shared_->connections.size());
  }

  // The answer to one of the queries.
  void send(std::span<const std::uint8_t> message) {
    if (closed_) return;
    if (message.size() > kMaxMessage) {
      shared_->metrics.add(Metric::send_failures);
      return;
    }
    const std::uint8_t length[] = {static_cast<std::uint8_t>(message.size() >> 8),
                                   static_cast<std::uint8_t>(message.size())};
    waiting_.insert(waiting_.end(), std::begin(length), std::end(length));
    waiting_.insert(waiting_.end(), message.begin(), message.end());
  }

  // A query has been answered, or never will be.
  void settled() {
    --in_flight_;
    if (!closed_) proceed();
  }

 private:
  std::size_t unsent() const { return waiting_.size() + writing_.size() - written_; }

  // Queries are taken only while their answers have room.
  bool may_take() const {
    const TcpLimits& limits = shared_->quota->limits();
    return in_flight_ < limits.in_flight && unsent() < limits.unsent_bytes;
  }

  // After anything happened: take what is there, write what can go, read on or close.
  void proceed() {
    if (proceeding_) return;  // an answer given inside the handler: the loop below goes on
    proceeding_ = true;
    const auto self = shared_from_this();
    const bool sound = take_messages();
    proceeding_ = false;
    if (closed_) return;
    if (!sound) {
      shared_->metrics.add(Metric::malformed);
      return close();
    }
    write();
    if (ended_ && in_flight_ == 0 && unsent() == 0) return close();
    if (!reading_ && !ended_ && may_take()) read();
  }

  // Whole messages from the front of what was read. False: not DNS over TCP.
  bool take_messages() {
    std::size_t taken = 0;
    while (!closed_ && may_take() && input_size_ - taken >= kLengthBytes) {
      const std::size_t length = std::size_t{input_[taken]} << 8 | input_[taken + 1];
      if (length == 0) return false;
      if (input_size_ - taken < kLengthBytes + length) break;
      last_progress_ = Clock::now();
      ++in_flight_;
      shared_->handler(std::span(input_).subspan(taken + kLengthBytes, length), client_, make_reply());
      taken += kLengthBytes + length;
    }
    if (taken != 0) {
      std::copy(input_.begin() + static_cast<std::ptrdiff_t>(taken),
                input_.begin() + static_cast<std::ptrdiff_t>(input_size_), input_.begin());
      input_size_ -= taken;
    }
    return true;
  }

  TcpReply make_reply();

  void read() {
    // Room for what is announced, but never far ahead of what has come: a length alone costs nobody 64 KiB.
    constexpr std::size_t kWhole = kLengthBytes + kMaxMessage;
    if (input_.size() - input_size_ < kReadStep) {
      input_.resize(std::min(kWhole, std::max(2 * input_size_, input_size_ + kReadStep)));
    }
    reading_ = true;
    socket_.async_read_some(asio::buffer(input_.data() + input_size_, input_.size() - input_size_),
                            [self = shared_from_this()](const SystemError& error, std::size_t size) {
                              self->reading_ = false;
                              if (self->closed_) return;
                              if (error && error != asio::error::eof) return self->close();
                              self->ended_ = static_cast<bool>(error);  // its answers still go out (RFC 7766 6.2.3)
                              self->input_size_ += size;
                              self->proceed();
                            });
  }

  void write() {
    if (written_ == writing_.size()) {
      if (waiting_.empty()) return;
      writing_.clear();
      written_ = 0;
      std::swap(writing_, waiting_);
    } else if (write_pending_) {
      return;
    }
    write_pending_ = true;
    socket_.async_write_some(asio::buffer(writing_.data() + written_, writing_.size() - written_),
                             [self = shared_from_this()](const SystemError& error, std::size_t size) {
                               self->write_pending_ = false;
                               if (self->closed_) return;
                               if (error) return self->close();
                               self->last_progress_ = Clock::now();
                               self->written_ += size;
                               self->proceed();
                             });
  }

  // Looks a few times in the allowed time instead of moving a timer with every query.
  void watch() {
    const TcpLimits& limits = shared_->quota->limits();
    timer_.expires_after(std::min(limits.idle, limits.idle_when_full));
    timer_.async_wait([self = shared_from_this()](const SystemError& error) {
      if (error || self->closed_) return;
      if (self->is_idle()) {
        self->shared_->metrics.add(Metric::tcp_timeouts);
        return self->close();
      }
      self->watch();
    });
  }

  bool is_idle() const {
    if (in_flight_ != 0 && unsent() == 0) return false;  // it waits for us
    const TcpLimits& limits = shared_->quota->limits();
    const auto allowed = shared_->quota->nearly_full() ? limits.idle_when_full : limits.idle;
    return Clock::now() - last_progress_ >= allowed;
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const Endpoint client_;
  const std::shared_ptr<Shared> shared_;
  std::vector<std::uint8_t> input_;
  std::size_t input_size_ = 0;
  std::vector<std::uint8_t> writing_;  // on its way, from written_ on
  std::size_t written_ = 0;
  std::vector<std::uint8_t> waiting_;  // goes next
  unsigned in_flight_ = 0;
  Clock::time_point last_progress_;
  bool reading_ = false;
  bool write_pending_ = false;
  bool proceeding_ = false;
  bool ended_ = false;  // the client sends no more
  bool closed_ = false;
};

}  // namespace

struct TcpReply::Pending {
  explicit Pending(std::weak_ptr<Connection> its_connection) : connection(std::move(its_connection)) {}
  ~Pending() {
    if (const auto open = connection.lock()) open->settled();
  }
  void send(std::span<const std::uint8_t> message) {
    const auto open = std::exchange(connection, {}).lock();
    if (open == nullptr) return;
    open->send(message);
    open->settled();
  }
  std::weak_ptr<Connection> connection;  // empty: answered
};

void TcpReply::send(std::span<const std::uint8_t> message) const {
  pending_->send(message);
}

TcpReply Connection::make_reply() {
  return TcpReply(std::make_shared<TcpReply::Pending>(weak_from_this()));
}

namespace {

class AsioListener final : public TcpListener {
 public:
  AsioListener(asio::io_context& loop, std::shared_ptr<Shared> shared)
      : state_(std::make_shared<State>(loop, std::move(shared))) {}
  ~AsioListener() override {
    SystemError ignored;
    state_->acceptor.close(ignored);
    state_->again.cancel();
    const auto connections = state_->shared->connections;  // close() takes them out one by one
    for (const auto& connection : connections) connection->close();
  }

  // On failure the error of the operating system and what was tried.
  std::pair<SystemError, const char*> listen(const tcp::endpoint& endpoint) {
    SystemError error;
    auto& acceptor = state_->acceptor;
    if (acceptor.open(endpoint.protocol(), error)) return {error, "make a socket for"};
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true), error);
    if (error) return {error, "share"};
    if (endpoint.protocol() == tcp::v6() && acceptor.set_option(asio::ip::v6_only(true), error)) {
      return {error, "keep IPv4 off"};
    }
    if (acceptor.bind(endpoint, error)) return {error, "bind"};
    if (acceptor.listen(kBacklog, error)) return {error, "listen on"};
    acceptor.non_blocking(true, error);
    const auto bound = acceptor.local_endpoint(error);
    if (error) return {error, "look at"};
    local_ = endpoint_of(bound);
    accept(state_);
    return {};
  }
  Endpoint local() const override { return local_; }

 private:
  struct State {
    State(asio::io_context& loop, std::shared_ptr<Shared> its_shared)
        : acceptor(loop), again(loop), shared(std::move(its_shared)) {}
    tcp::acceptor acceptor;
    asio::steady_timer again;
    std::shared_ptr<Shared> shared;
  };

  static void accept(const std::shared_ptr<State>& state) {
    state->acceptor.async_accept([state](const SystemError& error, tcp::socket socket) {
      if (!state->acceptor.is_open()) return;
      if (!error) {
        admit(*state, std::move(socket));
        return accept(state);
      }
      if (error == asio::error::connection_aborted) return accept(state);
      // Out of descriptors or memory: the connection stays in the queue, so accepting at once would spin.
      state->again.expires_after(kAcceptAgain);
      state->again.async_wait([state](const SystemError& stopped) {
        if (!stopped && state->acceptor.is_open()) accept(state);
      });
    });
  }

  static void admit(State& state, tcp::socket socket) {
    SystemError error;
    const auto peer = socket.remote_endpoint(error);
    if (error) return;  // gone already
    const Endpoint client = endpoint_of(peer);
    Shared& shared = *state.shared;
    shared.metrics.add(Metric::tcp_accepted);
    if (!shared.quota->admit(client.address)) {
      shared.metrics.add(Metric::tcp_refused);
      return;
    }
    socket.set_option(tcp::no_delay(true), error);
    const auto connection = std::make_shared<Connection>(std::move(socket), client, state.shared);
    shared.connections.insert(connection);
    shared.metrics.set(Metric::tcp_connections, shared.connections.size());
    connection->start();
  }

  std::shared_ptr<State> state_;  // outlives the listener while a handler of the acceptor is under way
  Endpoint local_;
};

}  // namespace

bool TcpQuota::admit(const IpAddress& client) {
  const std::lock_guard lock(mutex_);
  if (connections_ >= limits_.connections) return false;
  unsigned& of_customer = by_prefix_[customer_of(client)];  // at most as many entries as connections
  if (of_customer >= limits_.connections_per_prefix) return false;
  ++of_customer;
  ++connections_;
  return true;
}

void TcpQuota::leave(const IpAddress& client) {
  const std::lock_guard lock(mutex_);
  const auto found = by_prefix_.find(customer_of(client));
  if (found == by_prefix_.end()) return;
  if (--found->second == 0) by_prefix_.erase(found);
  --connections_;
}

bool TcpQuota::nearly_full() const {
  const std::lock_guard lock(mutex_);
  return connections_ > limits_.connections / 4 * 3;
}

unsigned TcpQuota::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

std::size_t TcpQuota::Hash::operator()(const Prefix& prefix) const noexcept {
  const auto bytes = prefix.address.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<std::unique_ptr<TcpListener>> TcpListener::open(asio::io_context& loop, const Endpoint& address,
                                                       std::shared_ptr<TcpQuota> quota, WorkerMetrics& metrics,
                                                       Handler handler) {
  auto listener =
      std::make_unique<AsioListener>(loop, std::make_shared<Shared>(std::move(quota), metrics, std::move(handler)));
  const auto [error, doing] = listener->listen(asio_endpoint(address));
  if (!error) return std::unique_ptr<TcpListener>(std::move(listener));
  ErrorCode code = ErrorCode::io;
  if (error == asio::error::address_in_use) code = ErrorCode::busy;
  if (error == asio::error::access_denied) code = ErrorCode::permission;
  if (error.value() == EADDRNOTAVAIL) code = ErrorCode::invalid;
  return Error{code, std::string("cannot ") + doing + " TCP " + address.to_text() + ": " + error.message()};
}

}  // namespace weir
