#include "tools/sidecar/notify_listener.h"

#include <netinet/in.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "tools/sidecar/dns_stream.h"
#include "tools/support/accepting.h"
#include "tools/support/socket_address.h"
#include "tools/support/tsig_keys.h"
#include "zones/base/text.h"
#include "zones/dns/message.h"
#include "zones/dns/tsig.h"

namespace weir::sidecar {
namespace {

constexpr std::chrono::seconds kTellEvery{10};
constexpr std::size_t kMessageHeaderSize = 12;

Error refused(const Endpoint& from, const std::string& why) {
  return {ErrorCode::invalid, "NOTIFY from " + from.address.to_text() + ": " + why};
}

// Header and question come back, as a response with authority (RFC 1996 section 3.12: RCODE 0).
std::vector<std::uint8_t> echo(std::span<const std::uint8_t> message, std::size_t question_end) {
  std::vector<std::uint8_t> out(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(question_end));
  out[2] = 0x80 | static_cast<std::uint8_t>(Opcode::notify) << 3 | 0x04;
  out[3] = 0;
  std::fill(out.begin() + 6, out.begin() + kMessageHeaderSize, std::uint8_t{0});
  return out;
}

bool is_primary_of_any(const Config& config, const IpAddress& address) {
  return std::any_of(config.lists.begin(), config.lists.end(), [&](const ListConfig& list) {
    return std::any_of(list.primaries.begin(), list.primaries.end(),
                       [&](const Endpoint& primary) { return primary.address.unmapped() == address; });
  });
}

}  // namespace

Result<NotifyAnswer> answer_notify(std::span<const std::uint8_t> message, const Endpoint& from, const Config& config,
                                   WallTime now) {
  const auto start = read_message_start(message);
  if (!start || start->flags.response || start->opcode != Opcode::notify || !start->has_question ||
      start->qtype != RecordType::soa || start->qclass != RecordClass::in) {
    return refused(from, "this is none");
  }
  const std::string zone = escape_for_display(start->qname.to_text());
  NotifyAnswer out;
  const Name* key = nullptr;
  bool is_known = false;
  for (const ListConfig& list : config.lists) {
    if (!list.zone || *list.zone != start->qname) continue;
    is_known = true;
    const bool is_primary = std::any_of(list.primaries.begin(), list.primaries.end(), [&](const Endpoint& primary) {
      return primary.address.unmapped() == from.address;
    });
    if (!is_primary) continue;
    // Two lists of one zone with two keys: the first has the word.
    if (out.lists.empty()) key = list.tsig_key ? &*list.tsig_key : nullptr;
    out.lists.push_back(list.definition.name);
  }
  if (out.lists.empty()) return refused(from, (is_known ? "it is no primary of " : "no list is the zone ") + zone);
  out.octets = echo(message, start->question_end);
  if (key == nullptr) return out;
  auto secret = load_tsig_key(config, *key);
  if (!secret) return secret.error();
  TsigExchange exchange(std::move(*secret), "NOTIFY from " + from.address.to_text());
  if (auto verified = exchange.verify(message, now); !verified) return verified.error();
  exchange.sign(out.octets, now);
  return out;
}

Result<Descriptor> NotifyListener::bind_socket(const Endpoint& endpoint, Socket::Kind kind) {
  const bool is_stream = kind != Socket::Kind::datagram;
  const SocketAddress address = SocketAddress::of(endpoint);
  Descriptor socket(
      ::socket(address.family(), (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (address.family() == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (is_stream) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (socket.get() >= 0 && ::bind(socket.get(), address.get(), address.size) == 0 &&
      (!is_stream || ::listen(socket.get(), SOMAXCONN) == 0)) {
    return socket;
  }
  const bool refused = errno == EACCES || errno == EPERM;
  const ErrorCode code = errno == EADDRINUSE ? ErrorCode::busy : refused ? ErrorCode::permission : ErrorCode::io;
  return Error{code, std::string("[transfer] listen") + (kind == Socket::Kind::tls ? "_tls: " : ": ") +
                         endpoint.to_text() + ": " + std::strerror(errno)};
}

Result<std::unique_ptr<NotifyListener>> NotifyListener::start(ConfigSource config, ZoneServer& server,
                                                              std::function<void(const std::string&)> hurry) {
  std::vector<Socket> sockets;
  const auto bind = [&](const Endpoint& endpoint, Socket::Kind kind) -> Result<void> {
    auto socket = bind_socket(endpoint, kind);
    if (!socket) return socket.error();
    sockets.push_back({std::move(*socket), kind});
    return {};
  };
  const auto in_force = config();
  for (const Endpoint& endpoint : in_force->transfer.listen) {
    for (const Socket::Kind kind : {Socket::Kind::datagram, Socket::Kind::stream}) {
      if (auto bound = bind(endpoint, kind); !bound) return bound.error();
    }
  }
  for (const Endpoint& endpoint : in_force->transfer.listen_tls) {
    if (auto bound = bind(endpoint, Socket::Kind::tls); !bound) return bound.error();
  }
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop.get() < 0) return Error{ErrorCode::io, std::string("eventfd: ") + std::strerror(errno)};
  return std::unique_ptr<NotifyListener>(
      new NotifyListener(std::move(config), server, std::move(hurry), std::move(sockets), std::move(stop)));
}

NotifyListener::NotifyListener(ConfigSource config, ZoneServer& server, std::function<void(const std::string&)> hurry,
                               std::vector<Socket> sockets, Descriptor stop)
    : config_(std::move(config)),
      server_(server),
      hurry_(std::move(hurry)),
      sockets_(std::move(sockets)),
      stop_(std::move(stop)) {
  if (!sockets_.empty()) thread_ = std::thread([this] { loop(); });
}

NotifyListener::~NotifyListener() {
  stopping_ = true;
  const std::uint64_t one = 1;
  write_all(stop_, {reinterpret_cast<const char*>(&one), sizeof one});
  if (thread_.joinable()) thread_.join();
}

void NotifyListener::loop() {
  std::vector<pollfd> polled;
  for (const Socket& socket : sockets_) polled.push_back({socket.descriptor.get(), POLLIN, 0});
  polled.push_back({stop_.get(), POLLIN, 0});
  while (!stopping_) {
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
      spdlog::error("no NOTIFY is heard any more: {}", std::strerror(errno));
      return;
    }
    for (std::size_t i = 0; i < sockets_.size() && !stopping_; ++i) {
      if (polled[i].revents == 0) continue;
      sockets_[i].kind == Socket::Kind::datagram ? receive(sockets_[i].descriptor) : accept(sockets_[i]);
    }
  }
}

// One datagram: the others are told by the next poll.
void NotifyListener::receive(const Descriptor& socket) {
  std::array<std::uint8_t, kMaxNotifySize> buffer;
  SocketAddress from;
  const ssize_t size = ::recvfrom(socket.get(), buffer.data(), buffer.size(), 0, from.get(), &from.size);
  if (size < 0) return;
  const std::span message(buffer.data(), static_cast<std::size_t>(size));
  const auto start = read_message_start(message);
  const bool is_query = start && start->opcode == Opcode::query;
  const auto answer = is_query ? server_.answer_datagram(message, from.endpoint()) : take(message, from.endpoint());
  if (!answer.empty()) (void)::sendto(socket.get(), answer.data(), answer.size(), 0, from.get(), from.size);
}

// Who may have a zone gets a thread. Of a primary one message is read here: it connects again for the next. Nobody else
// is listened to at all, so nobody else can take this thread's time.
void NotifyListener::accept(const Socket& listener) {
  SocketAddress address;
  Descriptor socket(::accept4(listener.descriptor.get(), address.get(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.get() < 0) return rest_after_failed_accept(stop_.get());
  const Endpoint from = address.endpoint();
  const bool is_tls = listener.kind == Socket::Kind::tls;
  if (server_.may_ask(from.address)) {
    const auto hears = [this](std::span<const std::uint8_t> message, const Endpoint& peer) {
      return take(message, peer);
    };
    return server_.take(std::move(socket), from, is_tls ? Secrecy::tls : Secrecy::none, hears);
  }
  if (is_tls) return tell("TLS from " + from.address.to_text() + ": it may have no zone");
  if (!is_primary_of_any(*config_(), from.address)) {
    return tell("NOTIFY from " + from.address.to_text() + ": it is no primary of any list");
  }
  DnsStream stream =
      DnsStream::accepted(std::move(socket), from, std::chrono::steady_clock::now() + kNotifyPatience, stopping_);
  const auto message = stream.receive();
  if (!message) return tell("NOTIFY from " + message.error().message);
  const auto answer = take(*message, from);
  if (answer.empty()) return;
  if (const auto sent = stream.send(answer); !sent) tell("NOTIFY from " + sent.error().message);
}

std::vector<std::uint8_t> NotifyListener::take(std::span<const std::uint8_t> message, const Endpoint& from) {
  auto answer = answer_notify(message, from, *config_(), std::chrono::system_clock::now());
  if (!answer) {
    tell(answer.error().message);
    return {};
  }
  for (const std::string& list : answer->lists) hurry_(list);
  return std::move(answer->octets);
}

// Anybody can send something: the log must not grow by it.
void NotifyListener::tell(const std::string& fault) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (now - told_ < kTellEvery) return;
  told_ = now;
  spdlog::warn("{}", fault);
}

}  // namespace weir::sidecar
