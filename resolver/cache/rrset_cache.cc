#include "resolver/cache/rrset_cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>

#include "resolver/base/limits.h"
#include "resolver/cache/entry_table.h"

namespace weir {
namespace {

using std::chrono::seconds;

constexpr std::size_t kShards = 16;
// The kinds of entries. What shares name, kind and type replaces each other: an RRset, and the knowledge that there is
// none.
constexpr char kData = 'd', kNxdomain = 'x', kDelegation = 'z', kFailure = 'f';
enum class Content : std::uint8_t { rrset, negative, delegation, failure };

// The eight tags of an entry.
struct Head {
  Content content = Content::rrset;
  Credibility credibility = Credibility::glue;
  NegativeKind negative = NegativeKind::nodata;
  Signatures fetched_with = Signatures::not_needed;
  Security security = Security::indeterminate;
  std::uint8_t zone_cut_labels = 0;  // the zone cut is an ancestor of the name
  std::uint16_t failure_ttl = 0;
};
static_assert(sizeof(Head) == sizeof(Entry::tags));

Head head_of(const Entry& entry) {
  return std::bit_cast<Head>(entry.tags);
}

Entry entry_with(const Head& head, SteadyTime expires) {
  Entry entry;
  entry.expires = expires;
  entry.tags = std::bit_cast<decltype(entry.tags)>(head);
  return entry;
}

// Entries are packed: a map of a million RRsets is otherwise mostly pointers.
class Packer {
 public:
  void number(std::uint64_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void octets(std::span<const std::uint8_t> octets) {
    number(octets.size(), 4);
    out_.insert(out_.end(), octets.begin(), octets.end());
  }
  void name(const Name& name) { octets(name.wire()); }
  // Its owner and type are the entry's.
  void own(const Rrset& rrset) {
    number(rrset.size(), 2);
    if (rrset.empty()) return;
    number(static_cast<std::uint16_t>(rrset.record_class), 2);
    number(static_cast<std::uint16_t>(rrset.type_covered), 2);
    octets(rrset.packed());
  }
  void beside(const Rrset& rrset) {
    name(rrset.owner);
    number(static_cast<std::uint16_t>(rrset.type), 2);
    own(rrset);
  }
  void all(const std::vector<Rrset>& rrsets) {
    number(rrsets.size(), 1);
    for (const Rrset& rrset : rrsets) beside(rrset);
  }
  // With what each has left longer or shorter than the entry.
  void all_with_ttl(const std::vector<Rrset>& rrsets, std::int64_t entry_ttl) {
    number(rrsets.size(), 1);
    for (const Rrset& rrset : rrsets) {
      const auto ttl = static_cast<std::int64_t>(std::min<std::uint64_t>(rrset.ttl_seconds, limit_of(Limit::ttl_s)));
      number(static_cast<std::uint32_t>(static_cast<std::int32_t>(ttl - entry_ttl)), 4);
      beside(rrset);
    }
  }
  std::span<const std::uint8_t> packed() const { return out_; }

 private:
  std::vector<std::uint8_t> out_;
};

class Unpacker {
 public:
  explicit Unpacker(const Entry& entry) : in_(entry.payload()) {}
  std::uint64_t number(unsigned octets) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < octets; ++i) value |= static_cast<std::uint64_t>(in_[i]) << 8 * i;
    in_ = in_.subspan(octets);
    return value;
  }
  std::span<const std::uint8_t> octets() {
    const std::size_t size = number(4);
    const auto out = in_.first(size);
    in_ = in_.subspan(size);
    return out;
  }
  Name name() { return *Name::from_wire(octets()); }
  Rrset own(const Name& owner, RecordType type, std::uint32_t ttl) {
    Rrset rrset;
    rrset.owner = owner;
    rrset.type = type;
    rrset.ttl_seconds = ttl;
    const std::size_t count = number(2);
    if (count == 0) return rrset;
    rrset.record_class = static_cast<RecordClass>(number(2));
    rrset.type_covered = static_cast<RecordType>(number(2));
    rrset.set_packed(octets(), count);
    return rrset;
  }
  std::vector<Rrset> all(std::uint32_t ttl) {
    std::vector<Rrset> out;
    for (std::uint64_t left = number(1); left > 0; --left) {
      out.push_back(beside(ttl));
    }
    return out;
  }
  // Those that have something left.
  std::vector<Rrset> all_with_ttl(std::uint32_t entry_ttl) {
    std::vector<Rrset> out;
    for (std::uint64_t left = number(1); left > 0; --left) {
      const auto ttl = std::int64_t{entry_ttl} + static_cast<std::int32_t>(static_cast<std::uint32_t>(number(4)));
      Rrset rrset = beside(static_cast<std::uint32_t>(std::max<std::int64_t>(ttl, 0)));
      if (ttl > 0) out.push_back(std::move(rrset));
    }
    return out;
  }

 private:
  Rrset beside(std::uint32_t ttl) {
    const Name owner = name();
    const auto type = static_cast<RecordType>(number(2));
    return own(owner, type, ttl);
  }

  std::span<const std::uint8_t> in_;
};

Delegation unpack_delegation(const Entry& entry, const Name& zone_cut) {
  Unpacker unpacker(entry);
  Delegation out;
  out.zone_cut = zone_cut;
  out.expires = entry.expires;
  out.since = SteadyTime(SteadyTime::duration(static_cast<SteadyTime::rep>(unpacker.number(8))));
  out.servers.resize(unpacker.number(2));
  for (NameServer& server : out.servers) {
    server.name = unpacker.name();
    for (std::uint64_t left = unpacker.number(2); left > 0; --left) {
      server.addresses.push_back(IpAddress::from_octets(unpacker.octets()));
    }
  }
  return out;
}

struct alignas(64) Shard {
  mutable std::mutex mutex;
  EntryTable table;

  Entry* find_live(const EntryKey& key, SteadyTime now) {
    Entry* entry = table.find(key);
    return entry != nullptr && entry->expires > now ? entry : nullptr;
  }
};

// Rounded down: nobody downstream may keep it longer than we.
std::uint32_t seconds_left(SteadyTime expires, SteadyTime now) {
  const auto left = std::chrono::floor<seconds>(expires - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, 0x7FFFFFFF));
}

SteadyTime expiry(std::uint32_t ttl, Limit cap, SteadyTime now, SteadyTime not_after) {
  return std::min(now + seconds(std::min<std::uint64_t>(ttl, limit_of(cap))), not_after);
}

}  // namespace

struct RrsetCache::State {
  std::size_t capacity_bytes;
  std::array<Shard, kShards> shards;

  Shard& shard(const Name& name) { return shards[name.hash() >> 20 & (kShards - 1)]; }

  std::size_t share() const { return capacity_bytes / kShards; }
};

RrsetCache::RrsetCache(std::size_t capacity_bytes) : state_(std::make_unique<State>()) {
  state_->capacity_bytes = capacity_bytes;
}

RrsetCache::~RrsetCache() = default;

void RrsetCache::put(const SignedRrset& data, Credibility credibility, const Name& zone_cut, Signatures fetched_with,
                     SteadyTime now, SteadyTime not_after) {
  // A wildcard's records go with the proof that they may stand there, and end with it.
  std::uint32_t ttl = data.rrset.ttl_seconds;
  for (const Rrset& proof : data.proofs) ttl = std::min(ttl, proof.ttl_seconds);
  const SteadyTime expires = expiry(ttl, Limit::ttl_s, now, not_after);
  if (expires <= now) return;
  Head head;
  head.credibility = credibility;
  head.fetched_with = fetched_with;
  head.security = data.security;
  head.zone_cut_labels = static_cast<std::uint8_t>(zone_cut.label_count());
  Packer packer;
  packer.own(data.rrset);
  packer.own(data.signatures);
  packer.all(data.proofs);
  const auto entry_ttl = std::chrono::floor<seconds>(expires - now).count();
  for (const auto* beside : {&data.authority, &data.additional}) packer.all_with_ttl(*beside, entry_ttl);
  const EntryKey key{data.rrset.owner, kData, data.rrset.type};
  Shard& shard = state_->shard(data.rrset.owner);
  const std::lock_guard lock(shard.mutex);
  if (const Entry* known = shard.find_live(key, now)) {
    const Head before = head_of(*known);
    if (before.credibility > credibility) return;
    // What was validated is not replaced by what was not, as long as it says the same.
    if (data.security == Security::indeterminate && before.security != Security::indeterminate &&
        known->expires >= expires && std::ranges::equal(known->payload(), packer.packed())) {
      return;
    }
    // Glue that is offered again does not live longer for it.
    if (credibility == Credibility::glue && known->expires > expires) return;
  }
  shard.table.insert(key, entry_with(head, expires), packer.packed(), state_->share());
}

std::optional<CachedRrset> RrsetCache::find(const Name& name, RecordType type, Credibility at_least,
                                            Signatures signatures, SteadyTime now) const {
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  const Entry* entry = shard.find_live({name, kData, type}, now);
  if (entry == nullptr) return std::nullopt;
  const Head head = head_of(*entry);
  if (head.content != Content::rrset || head.credibility < at_least) return std::nullopt;
  if (signatures == Signatures::needed && head.fetched_with != Signatures::needed) return std::nullopt;
  Unpacker unpacker(*entry);
  const std::uint32_t ttl = seconds_left(entry->expires, now);
  CachedRrset out;
  out.data.rrset = unpacker.own(name, type, ttl);
  out.data.signatures = unpacker.own(name, RecordType::rrsig, ttl);
  out.data.proofs = unpacker.all(ttl);
  out.data.authority = unpacker.all_with_ttl(ttl);
  out.data.additional = unpacker.all_with_ttl(ttl);
  out.data.security = head.security;
  out.credibility = head.credibility;
  out.zone_cut = name.suffix(head.zone_cut_labels);
  return out;
}

void RrsetCache::put_negative(const Name& name, RecordType type, NegativeKind kind, const std::vector<Rrset>& authority,
                              std::uint32_t ttl_seconds, const Name& zone_cut, Signatures fetched_with, SteadyTime now,
                              Security security) {
  const SteadyTime expires = expiry(ttl_seconds, Limit::negative_ttl_s, now, SteadyTime::max());
  if (expires <= now) return;
  Head head;
  head.content = Content::negative;
  head.credibility = Credibility::authoritative_answer;
  head.negative = kind;
  head.security = security;
  head.fetched_with = fetched_with;
  head.zone_cut_labels = static_cast<std::uint8_t>(zone_cut.label_count());
  Packer packer;
  packer.all(authority);
  const EntryKey key = kind == NegativeKind::nxdomain ? EntryKey{name, kNxdomain} : EntryKey{name, kData, type};
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  shard.table.insert(key, entry_with(head, expires), packer.packed(), state_->share());
}

std::optional<CachedNegative> RrsetCache::find_negative(const Name& name, RecordType type, Signatures signatures,
                                                        SteadyTime now) const {
  // NODATA of exactly this, else NXDOMAIN at the name or at any ancestor (RFC 8020).
  for (unsigned labels = name.label_count() + 1; labels > 0; --labels) {
    const bool exact = labels == name.label_count() + 1;
    const Name at = exact ? name : name.suffix(labels);
    Shard& shard = state_->shard(at);
    const std::lock_guard lock(shard.mutex);
    const Entry* entry = shard.find_live(exact ? EntryKey{at, kData, type} : EntryKey{at, kNxdomain}, now);
    if (entry == nullptr) continue;
    const Head head = head_of(*entry);
    if (head.content != Content::negative) continue;
    if (signatures == Signatures::needed && head.fetched_with != Signatures::needed) continue;
    CachedNegative out;
    out.kind = head.negative;
    out.ttl_seconds = seconds_left(entry->expires, now);
    out.authority = Unpacker(*entry).all(out.ttl_seconds);
    out.zone_cut = at.suffix(head.zone_cut_labels);
    out.security = head.security;
    return out;
  }
  return std::nullopt;
}

void RrsetCache::put_delegation(const Delegation& delegation, SteadyTime now) {
  if (delegation.expires <= now) return;
  Head head;
  head.content = Content::delegation;
  Packer packer;
  packer.number(static_cast<std::uint64_t>(now.time_since_epoch().count()), 8);
  packer.number(delegation.servers.size(), 2);
  for (const NameServer& server : delegation.servers) {
    packer.name(server.name);
    packer.number(server.addresses.size(), 2);
    for (const IpAddress& address : server.addresses) packer.octets(address.bytes());
  }
  Shard& shard = state_->shard(delegation.zone_cut);
  const std::lock_guard lock(shard.mutex);
  shard.table.insert({delegation.zone_cut, kDelegation}, entry_with(head, delegation.expires), packer.packed(),
                     state_->share());
}

std::optional<Delegation> RrsetCache::closest_delegation(const Name& name, SteadyTime now) const {
  for (unsigned labels = name.label_count() + 1; labels-- > 0;) {
    const Name at = name.suffix(labels);
    Shard& shard = state_->shard(at);
    const std::lock_guard lock(shard.mutex);
    const Entry* entry = shard.find_live({at, kDelegation}, now);
    if (entry != nullptr) return unpack_delegation(*entry, at);
  }
  return std::nullopt;
}

std::uint32_t RrsetCache::put_failure(const Name& name, RecordType type, std::optional<EdeCode> ede,
                                      const std::string& text, SteadyTime now, std::uint64_t longest) {
  std::uint64_t ttl = std::min(limit_of(Limit::failure_ttl_min_s), std::max<std::uint64_t>(longest / 4, 1));
  const EntryKey key{name, kFailure, type};
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  if (const Entry* known = shard.table.find(key)) {
    if (now - known->expires < seconds(longest))
      ttl = std::min<std::uint64_t>(head_of(*known).failure_ttl * 2U, longest);
  }
  Head head;
  head.content = Content::failure;
  head.failure_ttl = static_cast<std::uint16_t>(ttl);
  Packer packer;
  packer.number(ede ? static_cast<std::uint16_t>(*ede) : 0xFFFF, 2);
  packer.octets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  shard.table.insert(key, entry_with(head, now + seconds(ttl)), packer.packed(), state_->share());
  return static_cast<std::uint32_t>(ttl);
}

std::optional<CachedFailure> RrsetCache::find_failure(const Name& name, RecordType type, SteadyTime now) const {
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  const Entry* entry = shard.find_live({name, kFailure, type}, now);
  if (entry == nullptr) return std::nullopt;
  Unpacker unpacker(*entry);
  CachedFailure out;
  const std::uint64_t code = unpacker.number(2);
  if (code != 0xFFFF) out.ede = static_cast<EdeCode>(code);
  const auto text = unpacker.octets();
  out.text.assign(text.begin(), text.end());
  out.ttl_seconds = seconds_left(entry->expires, now);
  return out;
}

void RrsetCache::forget_failure(const Name& name, RecordType type) {
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  shard.table.erase({name, kFailure, type});
}

void RrsetCache::clear() {
  for (Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.table.clear();
  }
}

void RrsetCache::erase(const Name& name) {
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  shard.table.erase_all(name);
}

namespace {

CachedEntry show(const Entry& entry, const Name& name, SteadyTime now) {
  using Kind = CachedEntry::Kind;
  const Head head = head_of(entry);
  CachedEntry out;
  out.name = name;
  out.type = entry.type;
  out.ttl_seconds = seconds_left(entry.expires, now);
  out.security = head.security;
  out.zone_cut = name.suffix(head.zone_cut_labels);
  Unpacker unpacker(entry);
  switch (head.content) {
    case Content::rrset:
      out.kind = head.credibility == Credibility::glue              ? Kind::glue
                 : head.credibility == Credibility::unauthoritative ? Kind::unauthoritative
                                                                    : Kind::answer;
      out.data.emplace();
      out.data->rrset = unpacker.own(name, entry.type, out.ttl_seconds);
      out.data->signatures = unpacker.own(name, RecordType::rrsig, out.ttl_seconds);
      break;
    case Content::negative:
      out.kind = head.negative == NegativeKind::nxdomain ? Kind::nxdomain : Kind::nodata;
      break;
    case Content::delegation:
      out.kind = Kind::delegation;
      out.servers = unpack_delegation(entry, name).servers;
      break;
    case Content::failure: {
      out.kind = Kind::failure;
      const std::uint64_t code = unpacker.number(2);
      if (code != 0xFFFF) out.ede = static_cast<EdeCode>(code);
      const auto text = unpacker.octets();
      out.text.assign(text.begin(), text.end());
      break;
    }
  }
  return out;
}

// Whether a folded name in wire format can be at `wanted` or below it; names that end alike are looked at more closely.
bool ends_alike(std::span<const std::uint8_t> name, std::span<const std::uint8_t> wanted) {
  return name.size() >= wanted.size() &&
         std::ranges::equal(name.last(wanted.size()), wanted,
                            [](std::uint8_t known, std::uint8_t asked) { return known == fold(asked); });
}

}  // namespace

std::uint64_t RrsetCache::erase_subtree(const Name& name) {
  std::uint64_t count = 0;
  for (Shard& shard : state_->shards) {
    std::vector<Name> below;
    const std::lock_guard lock(shard.mutex);
    const std::size_t before = shard.table.entries();
    shard.table.for_each([&](const Entry& entry) {
      if (!ends_alike(entry.name(), name.wire())) return;
      if (auto found = Name::from_wire(entry.name()); found && found->is_at_or_below(name)) {
        below.push_back(std::move(*found));
      }
    });
    for (const Name& each : below) shard.table.erase_all(each);
    count += before - shard.table.entries();
  }
  return count;
}

std::vector<CachedEntry> RrsetCache::list(const Name& name, Below below, SteadyTime now, std::size_t most) const {
  std::vector<CachedEntry> out;
  for (const Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.table.for_each([&](const Entry& entry) {
      if (out.size() >= most || entry.expires <= now || !ends_alike(entry.name(), name.wire())) return;
      if (below == Below::left_out && entry.name().size() != name.size()) return;
      const auto found = Name::from_wire(entry.name());
      if (found && found->is_at_or_below(name)) out.push_back(show(entry, *found, now));
    });
  }
  std::ranges::sort(out, [](const CachedEntry& a, const CachedEntry& b) {
    const auto order = a.name.canonical_compare(b.name);
    if (order != 0) return order < 0;
    return a.type != b.type ? a.type < b.type : a.kind < b.kind;
  });
  return out;
}

std::size_t RrsetCache::size_bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    bytes += shard.table.size_bytes();
  }
  return bytes;
}

std::size_t RrsetCache::entries() const {
  std::size_t count = 0;
  for (const Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    count += shard.table.entries();
  }
  return count;
}

std::size_t RrsetCache::capacity_bytes() const {
  return state_->capacity_bytes;
}

}  // namespace weir
