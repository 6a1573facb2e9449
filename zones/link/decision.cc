#include "zones/link/decision.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace weir {
namespace {

// Of a record, behind its kind. A reader takes nothing from a layout that it does not know. Up to the class all
// layouts of a decision are alike.
constexpr std::uint8_t kCountersLayout = 2;
constexpr std::uint8_t kCountersWithoutGeneration = 1;
constexpr std::uint8_t kDecisionLayout = 2;
constexpr std::uint8_t kWideDecisionLayout = 1;  // every field in every record; a log from before may hold such rows

// Which fields a decision's record has beside those of every one.
constexpr std::uint8_t kHasLinkAddress = 1;
constexpr std::uint8_t kHasWinner = 2;
constexpr std::uint8_t kHasLinkName = 4;
constexpr std::uint8_t kHasLosers = 8;
constexpr std::uint8_t kAllFields = kHasLinkAddress | kHasWinner | kHasLinkName | kHasLosers;

// Writes little-endian numbers; sticky like zones/dns/writer.h.
class Packer {
 public:
  explicit Packer(std::span<std::uint8_t> out) : out_(out) {}

  template <class T>
  void number(T value) {
    if (!fits(sizeof(T))) return;
    if constexpr (std::endian::native == std::endian::little) {  // as one store
      std::memcpy(out_.data() + size_, &value, sizeof(T));
      size_ += sizeof(T);
    } else {
      const auto bits = static_cast<std::uint64_t>(value);
      for (std::size_t i = 0; i < sizeof(T); ++i) out_[size_++] = static_cast<std::uint8_t>(bits >> (8 * i));
    }
  }
  void octets(std::span<const std::uint8_t> octets) {
    if (!fits(octets.size())) return;
    std::copy(octets.begin(), octets.end(), out_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += octets.size();
  }
  void address(const IpAddress& address) {
    number(static_cast<std::uint8_t>(address.family));
    octets(address.bytes());
  }
  void name(const Name& name) {
    number(static_cast<std::uint8_t>(name.size()));
    octets(name.wire());
  }
  void match(const Match& match) {
    number(match.list);
    number(match.detail);
    number(static_cast<std::uint8_t>(match.kind));
    number(static_cast<std::uint8_t>(match.action));
    number(match.labels);
    number(match.flags);
    number(match.below_first);
    number(match.below_count);
  }
  void time(WallTime time) {
    number(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
  }
  std::size_t size() const { return ok_ ? size_ : 0; }

 private:
  bool fits(std::size_t more) {
    ok_ = ok_ && more <= out_.size() - size_;
    return ok_;
  }

  std::span<std::uint8_t> out_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

// The other direction: after the first fault everything reads as zero and ok() stays false.
class Unpacker {
 public:
  explicit Unpacker(std::span<const std::uint8_t> in) : in_(in) {}

  template <class T>
  T number() {
    const auto bytes = octets(sizeof(T));
    if constexpr (std::endian::native == std::endian::little) {  // as one load
      T value{};
      if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
      return value;
    } else {
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < bytes.size(); ++i) bits |= std::uint64_t{bytes[i]} << (8 * i);
      return static_cast<T>(bits);
    }
  }
  // An enumerator up to `last`.
  template <class T>
  T choice(T last) {
    const auto value = number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) ok_ = false;
    return ok_ ? static_cast<T>(value) : T{};
  }
  std::span<const std::uint8_t> octets(std::size_t count) {
    if (!ok_ || count > in_.size() - position_) {
      ok_ = false;
      return {};
    }
    position_ += count;
    return in_.subspan(position_ - count, count);
  }
  // Wide: sixteen octets whatever the family.
  IpAddress address(bool is_wide) {
    IpAddress address;
    const auto family = number<std::uint8_t>();
    if (family != 4 && family != 6) ok_ = false;
    const auto bytes = octets(family == 4 && !is_wide ? 4 : 16);
    if (!ok_) return {};
    address.family = static_cast<AddressFamily>(family);
    std::copy(bytes.begin(), bytes.end(), address.octets.begin());
    return address;
  }
  Name name() {
    auto name = Name::from_wire(octets(number<std::uint8_t>()));
    if (!name) ok_ = false;
    return name ? std::move(*name) : Name();
  }
  Match match() {
    Match match;
    match.list = number<std::uint32_t>();
    match.detail = number<std::uint32_t>();
    match.kind = choice(PatternKind::client);
    match.action = choice(Action::answer);
    match.labels = number<std::uint8_t>();
    match.flags = number<std::uint8_t>();
    match.below_first = number<std::uint8_t>();
    match.below_count = number<std::uint8_t>();
    return match;
  }
  WallTime time() {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(number<std::int64_t>())));
  }
  // The layout; 0 where it is not of this kind.
  std::uint8_t layout_of(RecordKind kind) {
    if (number<std::uint8_t>() != static_cast<std::uint8_t>(kind)) ok_ = false;
    const auto layout = number<std::uint8_t>();
    return ok_ ? layout : std::uint8_t{0};
  }
  void losers(Decision& decision) {
    decision.loser_count = number<std::uint8_t>();
    if (decision.loser_count > decision.losers.size()) ok_ = false;
    for (unsigned i = 0; ok_ && i < decision.loser_count; ++i) decision.losers[i] = match();
  }
  bool whole() const { return ok_ && position_ == in_.size(); }

 private:
  std::span<const std::uint8_t> in_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

void read(Unpacker& from, bool is_wide, Decision& decision) {
  decision.time = from.time();
  decision.decision_class = from.choice(DecisionClass::blocked_upstream);
  decision.link = from.choice(LinkKind::name_server);
  decision.transport = from.choice(Transport::tcp);
  decision.action = from.choice(Action::answer);
  decision.mode = from.choice(BlockMode::cname);
  const std::uint8_t fields = is_wide ? kAllFields : from.choice(kAllFields);
  const auto has = [&](std::uint8_t field) { return (fields & field) != 0; };
  decision.client.level = from.choice(Privacy::none);
  if (is_wide) {
    decision.client.address = from.address(true);
    decision.client.prefix_length = from.number<std::uint8_t>();
    decision.client.pseudonym = from.number<std::uint64_t>();
  } else if (decision.client.level == Privacy::full || decision.client.level == Privacy::prefix) {
    decision.client.prefix_length = from.number<std::uint8_t>();
    decision.client.address = from.address(false);
  } else if (decision.client.level == Privacy::pseudonym) {
    decision.client.pseudonym = from.number<std::uint64_t>();
  }
  decision.group = from.number<std::uint32_t>();
  decision.generation.value = from.number<std::uint64_t>();
  decision.qtype = static_cast<RecordType>(from.number<std::uint16_t>());
  decision.latency_us = from.number<std::uint32_t>();
  if (has(kHasLinkAddress)) decision.link_address = from.address(is_wide);
  if (has(kHasWinner)) decision.winner = from.match();
  if (has(kHasLosers)) from.losers(decision);
  decision.qname = from.name();
  if (has(kHasLinkName)) decision.link_name = from.name();
}

// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash that cannot be turned round without its key, even over the
// small space of IPv4 addresses.
std::uint64_t siphash(std::span<const std::uint8_t> data, const std::array<std::uint8_t, 16>& key) {
  const auto word = [](const std::uint8_t* octets, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{octets[i]} << (8 * i);
    return value;
  };
  const std::uint64_t k0 = word(key.data(), 8);
  const std::uint64_t k1 = word(key.data() + 8, 8);
  std::uint64_t v0 = k0 ^ 0x736f6d6570736575;
  std::uint64_t v1 = k1 ^ 0x646f72616e646f6d;
  std::uint64_t v2 = k0 ^ 0x6c7967656e657261;
  std::uint64_t v3 = k1 ^ 0x7465646279746573;
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  };
  const auto compress = [&](std::uint64_t message) {
    v3 ^= message;
    rounds(2);
    v0 ^= message;
  };
  std::size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) compress(word(data.data() + i, 8));
  compress(word(data.data() + i, data.size() - i) | (std::uint64_t{data.size() & 0xFF} << 56));
  v2 ^= 0xFF;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace

std::size_t encode(const Decision& decision, std::span<std::uint8_t> out) {
  Packer packer(out.first(std::min(out.size(), kMaxRecordSize)));
  packer.number(static_cast<std::uint8_t>(RecordKind::decision));
  packer.number(kDecisionLayout);
  packer.time(decision.time);
  packer.number(static_cast<std::uint8_t>(decision.decision_class));
  packer.number(static_cast<std::uint8_t>(decision.link));
  packer.number(static_cast<std::uint8_t>(decision.transport));
  packer.number(static_cast<std::uint8_t>(decision.action));
  packer.number(static_cast<std::uint8_t>(decision.mode));
  const auto losers = std::min<std::size_t>(decision.loser_count, decision.losers.size());
  const bool has_link_address = decision.link_address != IpAddress{};
  const bool has_winner = decision.winner != Match{};
  const bool has_link_name = !decision.link_name.is_root();
  packer.number(static_cast<std::uint8_t>((has_link_address ? kHasLinkAddress : 0) | (has_winner ? kHasWinner : 0) |
                                          (has_link_name ? kHasLinkName : 0) | (losers != 0 ? kHasLosers : 0)));

  // Only what the level keeps, whatever else the caller left in the struct.
  const ClientIdentity& client = decision.client;
  packer.number(static_cast<std::uint8_t>(client.level));
  if (client.level == Privacy::full || client.level == Privacy::prefix) {
    packer.number(client.prefix_length);
    packer.address(Prefix::of(client.address, client.prefix_length).address);
  } else if (client.level == Privacy::pseudonym) {
    packer.number(client.pseudonym);
  }

  packer.number(decision.group);
  packer.number(decision.generation.value);
  packer.number(static_cast<std::uint16_t>(decision.qtype));
  packer.number(decision.latency_us);
  if (has_link_address) packer.address(decision.link_address);
  if (has_winner) packer.match(decision.winner);
  if (losers != 0) packer.number(static_cast<std::uint8_t>(losers));
  for (std::size_t i = 0; i < losers; ++i) packer.match(decision.losers[i]);
  packer.name(decision.qname);
  if (has_link_name) packer.name(decision.link_name);
  return packer.size();
}

std::size_t encode(const CounterRecord& counters, std::span<std::uint8_t> out) {
  Packer packer(out.first(std::min(out.size(), kMaxRecordSize)));
  packer.number(static_cast<std::uint8_t>(RecordKind::counters));
  packer.number(kCountersLayout);
  packer.time(counters.time);
  packer.number(counters.group);
  packer.number(counters.generation.value);
  packer.number(counters.queries);
  packer.number(counters.blocked);
  packer.number(counters.cached);
  packer.number(counters.failed);
  return packer.size();
}

RecordKind record_kind(std::span<const std::uint8_t> record) {
  if (record.empty() || record[0] > static_cast<std::uint8_t>(RecordKind::counters)) return RecordKind::none;
  return static_cast<RecordKind>(record[0]);
}

std::optional<Decision> decode_decision(std::span<const std::uint8_t> record) {
  Unpacker unpacker(record);
  const std::uint8_t layout = unpacker.layout_of(RecordKind::decision);
  if (layout != kDecisionLayout && layout != kWideDecisionLayout) return std::nullopt;
  Decision decision;
  read(unpacker, layout == kWideDecisionLayout, decision);
  if (!unpacker.whole() || decision.client.prefix_length > decision.client.address.bits()) return std::nullopt;
  return decision;
}

std::optional<CounterRecord> decode_counters(std::span<const std::uint8_t> record) {
  Unpacker unpacker(record);
  const std::uint8_t layout = unpacker.layout_of(RecordKind::counters);
  if (layout != kCountersLayout && layout != kCountersWithoutGeneration) return std::nullopt;
  CounterRecord counters;
  counters.time = unpacker.time();
  counters.group = unpacker.number<std::uint32_t>();
  if (layout == kCountersLayout) counters.generation.value = unpacker.number<std::uint64_t>();
  counters.queries = unpacker.number<std::uint64_t>();
  counters.blocked = unpacker.number<std::uint64_t>();
  counters.cached = unpacker.number<std::uint64_t>();
  counters.failed = unpacker.number<std::uint64_t>();
  if (!unpacker.whole()) return std::nullopt;
  return counters;
}

ClientIdentity identity_of(const IpAddress& client, Privacy level, std::optional<std::array<std::uint8_t, 16>> key) {
  const IpAddress address = client.unmapped();
  const bool ipv4 = address.family == AddressFamily::ipv4;
  ClientIdentity identity;
  switch (level) {
    case Privacy::full:
      identity.address = address;
      identity.prefix_length = static_cast<std::uint8_t>(address.bits());
      break;
    case Privacy::prefix:
      identity.prefix_length = ipv4 ? 24 : 56;
      identity.address = Prefix::of(address, identity.prefix_length).address;
      break;
    case Privacy::pseudonym:
      if (!key) return identity;  // level none
      identity.pseudonym = siphash(address.bytes(), *key);
      break;
    case Privacy::none:
      return identity;
  }
  identity.level = level;
  return identity;
}

}  // namespace weir
