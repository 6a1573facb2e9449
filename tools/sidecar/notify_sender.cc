#include "tools/sidecar/notify_sender.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "tools/sidecar/transfer_messages.h"
#include "tools/support/socket_address.h"
#include "tools/support/tsig_keys.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kMaxNotifyAnswer = 1232;

std::vector<std::uint8_t> write_notify(const Name& zone, std::uint16_t id) {
  MessageStart start;
  start.id = id;
  start.opcode = Opcode::notify;
  start.has_question = true;
  start.qname = zone;
  start.qtype = RecordType::soa;
  std::vector<std::uint8_t> out = write_response(start, Rcode::noerror, true);
  out[2] &= 0x7F;  // it is a request
  return out;
}

}  // namespace

Result<std::unique_ptr<NotifySender>> NotifySender::start(ConfigSource config, GenerationNumber in_force) {
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake.get() < 0) return Error{ErrorCode::io, std::string("eventfd: ") + std::strerror(errno)};
  return std::unique_ptr<NotifySender>(new NotifySender(std::move(config), in_force, std::move(wake)));
}

NotifySender::NotifySender(ConfigSource config, GenerationNumber in_force, Descriptor wake)
    : config_(std::move(config)), wake_(std::move(wake)), number_(in_force.value) {
  thread_ = std::thread([this] { loop(); });
}

NotifySender::~NotifySender() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void NotifySender::wake() const {
  const std::uint64_t one = 1;
  write_all(wake_, {reinterpret_cast<const char*>(&one), sizeof one});
}

void NotifySender::published(GenerationNumber number) {
  {
    const std::lock_guard lock(mutex_);
    if (number.value == number_) return;
    number_ = number.value;
  }
  wake();
}

std::vector<NotifyState> NotifySender::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<NotifyState> out;
  for (const auto& [key, pending] : pending_) out.push_back(pending);
  return out;
}

// Secondaries that are new are told at once, those that are gone are forgotten. With the lock held.
void NotifySender::follow_config() {
  const auto config = config_();
  std::map<std::string, Pending> wanted;
  for (const ServeConfig& served : config->served) {
    for (const Endpoint& to : served.notify) {
      const std::string zone = escape_for_display(served.name.to_text());
      const std::string key = zone + ' ' + to.to_text();
      const auto known = pending_.find(key);
      Pending& pending = wanted[key];
      if (known != pending_.end()) pending = std::move(known->second);
      pending.zone = zone;
      pending.to = to;
      pending.served = served;
      if (pending.told == number_) continue;
      pending.told = number_;
      pending.tries = 0;
      pending.next = {};
    }
  }
  pending_ = std::move(wanted);
}

void NotifySender::send(Pending& pending, SteadyTime now) {
  ++pending.tries;
  pending.next = now + kFirstNotifyWait * (1U << (pending.tries - 1));
  pending.id = static_cast<std::uint16_t>(std::random_device{}());
  const SocketAddress address = SocketAddress::of(pending.to);
  pending.socket = Descriptor(::socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // From where the secondary is to ask: it hears its primaries only.
  for (const Endpoint& listen : config_()->transfer.listen) {
    SocketAddress own = SocketAddress::of({listen.address, 0});
    if (own.family() != address.family()) continue;
    (void)::bind(pending.socket.get(), own.get(), own.size);
    break;
  }
  if (::connect(pending.socket.get(), address.get(), address.size) != 0) return;
  std::vector<std::uint8_t> message = write_notify(pending.served.name, pending.id);
  if (pending.served.tsig_key) {
    auto key = load_tsig_key(*config_(), *pending.served.tsig_key);
    if (!key) return spdlog::warn("NOTIFY to {}: {}", pending.to.to_text(), key.error().message);
    TsigExchange exchange(std::move(*key), pending.to.to_text());
    exchange.sign(message, std::chrono::system_clock::now());
  }
  (void)::send(pending.socket.get(), message.data(), message.size(), MSG_NOSIGNAL);
}

// Whatever it says: it has heard. A forged answer costs the repetitions; the refresh of the zone is left.
void NotifySender::hear(Pending& pending) {
  std::array<std::uint8_t, kMaxNotifyAnswer> buffer;
  const ssize_t size = ::recv(pending.socket.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) {
    if (errno != EAGAIN) pending.socket = Descriptor();  // nobody listens there: again when it is time
    return;
  }
  const auto start = read_message_start({buffer.data(), static_cast<std::size_t>(size)});
  if (!start || !start->flags.response || start->id != pending.id || start->opcode != Opcode::notify) return;
  pending.answered = pending.told;
  pending.socket = Descriptor();
  if (start->rcode_low != 0)
    spdlog::warn("NOTIFY of {} to {}: it answers RCODE {}", pending.zone, pending.to.to_text(), start->rcode_low);
}

void NotifySender::loop() {
  for (;;) {
    std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
    std::vector<Pending*> heard;
    SteadyTime until = SteadyTime::max();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      follow_config();
      const SteadyTime now = std::chrono::steady_clock::now();
      for (auto& [key, pending] : pending_) {
        if (pending.answered == pending.told) continue;
        if (pending.tries < kNotifyTries && pending.next <= now) send(pending, now);
        if (pending.tries < kNotifyTries) until = std::min(until, pending.next);
        if (pending.socket.get() < 0) continue;
        polled.push_back({pending.socket.get(), POLLIN, 0});
        heard.push_back(&pending);
      }
    }
    int timeout = -1;
    if (until != SteadyTime::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
      timeout = static_cast<int>(std::max<std::int64_t>(left, 0));
    }
    if (::poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) {
      return spdlog::error("secondaries are told of nothing any more: {}", std::strerror(errno));
    }
    if (polled[0].revents != 0) {
      std::uint64_t count = 0;
      (void)read_some(wake_, &count, sizeof count);
    }
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < heard.size(); ++i) {
      if (polled[i + 1].revents != 0) hear(*heard[i]);
    }
  }
}

}  // namespace weir::sidecar
