#include "resolver/cache/rrset_cache.h"

#include <algorithm>
#include <array>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "resolver/base/limits.h"

namespace weir {
namespace {

using std::chrono::seconds;

constexpr std::size_t kShards = 16;
// An entry's own octets beside key and payload: list node, index node and bucket, and the allocator's share of each
// (counted with malloc_usable_size on Debian 12).
constexpr std::size_t kEntryOverhead = 208;

// What shares a key replaces each other: an RRset and the knowledge that there is none.
enum class Slot : char { data = 'd', nxdomain = 'x', delegation = 'z', failure = 'f' };
enum class Content : std::uint8_t { rrset, negative, delegation, failure };

std::string key_of(Slot slot, const Name& name, RecordType type = RecordType{}) {
  std::string key;
  key.reserve(name.size() + 3);
  key += static_cast<char>(slot);
  key += static_cast<char>(static_cast<std::uint16_t>(type) >> 8);
  key += static_cast<char>(static_cast<std::uint16_t>(type));
  for (const std::uint8_t octet : name.wire()) key += static_cast<char>(fold(octet));
  return key;
}

// Entries are packed: a map of a million RRsets is otherwise mostly pointers.
class Packer {
 public:
  void number(std::uint64_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) out_ += static_cast<char>(value >> (8 * i));
  }
  void octets(std::span<const std::uint8_t> octets) {
    number(octets.size(), 4);
    out_.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  }
  void name(const Name& name) { octets(name.wire()); }
  void rrset(const Rrset& rrset) {
    name(rrset.owner);
    number(static_cast<std::uint16_t>(rrset.type), 2);
    number(static_cast<std::uint16_t>(rrset.record_class), 2);
    number(static_cast<std::uint16_t>(rrset.type_covered), 2);
    number(rrset.size(), 2);
    octets(rrset.packed());
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view in) : in_(in) {}
  std::uint64_t number(unsigned octets) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < octets; ++i)
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(in_[i])) << 8 * i;
    in_.remove_prefix(octets);
    return value;
  }
  std::span<const std::uint8_t> octets() {
    const std::size_t size = number(4);
    const std::span<const std::uint8_t> out(reinterpret_cast<const std::uint8_t*>(in_.data()), size);
    in_.remove_prefix(size);
    return out;
  }
  Name name() { return *Name::from_wire(octets()); }
  Rrset rrset(std::uint32_t ttl) {
    Rrset rrset;
    rrset.owner = name();
    rrset.type = static_cast<RecordType>(number(2));
    rrset.record_class = static_cast<RecordClass>(number(2));
    rrset.type_covered = static_cast<RecordType>(number(2));
    rrset.ttl_seconds = ttl;
    const std::size_t count = number(2);
    rrset.set_packed(octets(), count);
    return rrset;
  }

 private:
  std::string_view in_;
};

struct Entry {
  std::string key;
  std::string payload;
  SteadyTime expires;
  Content content = Content::rrset;
  Credibility credibility = Credibility::glue;
  NegativeKind negative = NegativeKind::nodata;
  Signatures fetched_with = Signatures::not_needed;
  Security security = Security::indeterminate;
  std::uint8_t zone_cut_labels = 0;  // the zone cut is an ancestor of the name
  std::uint16_t failure_ttl = 0;

  std::size_t size_bytes() const { return kEntryOverhead + key.capacity() + payload.capacity(); }
};

using Entries = std::list<Entry>;

struct alignas(64) Shard {
  mutable std::mutex mutex;
  Entries entries;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> index;
  std::size_t bytes = 0;
};

std::uint32_t seconds_left(SteadyTime expires, SteadyTime now) {
  const auto left = std::chrono::ceil<seconds>(expires - now).count();
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

  // The rest is of a locked shard.
  static Entry* find(Shard& shard, const std::string& key) {
    const auto known = shard.index.find(key);
    if (known == shard.index.end()) return nullptr;
    shard.entries.splice(shard.entries.begin(), shard.entries, known->second);
    return &shard.entries.front();
  }
  static Entry* find_live(Shard& shard, const std::string& key, SteadyTime now) {
    Entry* entry = find(shard, key);
    return entry != nullptr && entry->expires > now ? entry : nullptr;
  }
  static void remove(Shard& shard, const std::string& key) {
    const auto known = shard.index.find(key);
    if (known == shard.index.end()) return;
    const auto entry = known->second;
    shard.bytes -= entry->size_bytes();
    shard.index.erase(known);  // before the key that it points into
    shard.entries.erase(entry);
  }
  void insert(Shard& shard, Entry entry) const {
    remove(shard, entry.key);
    const std::size_t share = capacity_bytes / kShards;
    if (entry.size_bytes() > share) return;
    while (shard.bytes + entry.size_bytes() > share) {
      shard.bytes -= shard.entries.back().size_bytes();
      shard.index.erase(shard.entries.back().key);
      shard.entries.pop_back();
    }
    shard.bytes += entry.size_bytes();
    shard.entries.push_front(std::move(entry));
    shard.index.emplace(shard.entries.front().key, shard.entries.begin());
  }
};

RrsetCache::RrsetCache(std::size_t capacity_bytes) : state_(std::make_unique<State>()) {
  state_->capacity_bytes = capacity_bytes;
}

RrsetCache::~RrsetCache() = default;

void RrsetCache::put(const SignedRrset& data, Credibility credibility, const Name& zone_cut, Signatures fetched_with,
                     SteadyTime now, SteadyTime not_after) {
  Entry entry;
  entry.key = key_of(Slot::data, data.rrset.owner, data.rrset.type);
  entry.expires = expiry(data.rrset.ttl_seconds, Limit::ttl_s, now, not_after);
  if (entry.expires <= now) return;
  entry.credibility = credibility;
  entry.fetched_with = fetched_with;
  entry.zone_cut_labels = static_cast<std::uint8_t>(zone_cut.label_count());
  Packer packer;
  entry.security = data.security;
  packer.rrset(data.rrset);
  packer.rrset(data.signatures);
  for (const auto* beside : {&data.proofs, &data.authority, &data.additional}) {
    packer.number(beside->size(), 1);
    for (const Rrset& rrset : *beside) packer.rrset(rrset);
  }
  entry.payload = packer.take();
  Shard& shard = state_->shard(data.rrset.owner);
  const std::lock_guard lock(shard.mutex);
  if (const Entry* known = State::find_live(shard, entry.key, now)) {
    if (known->credibility > credibility) return;
    // What was validated is not replaced by what was not, as long as it says the same.
    if (data.security == Security::indeterminate && known->security != Security::indeterminate &&
        known->payload == entry.payload && known->expires >= entry.expires) {
      return;
    }
    // Glue that is offered again does not live longer for it.
    if (credibility == Credibility::glue && known->expires > entry.expires) return;
  }
  state_->insert(shard, std::move(entry));
}

std::optional<CachedRrset> RrsetCache::find(const Name& name, RecordType type, Credibility at_least,
                                            Signatures signatures, SteadyTime now) const {
  const std::string key = key_of(Slot::data, name, type);
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  const Entry* entry = State::find_live(shard, key, now);
  if (entry == nullptr || entry->content != Content::rrset || entry->credibility < at_least) return std::nullopt;
  if (signatures == Signatures::needed && entry->fetched_with != Signatures::needed) return std::nullopt;
  Unpacker unpacker(entry->payload);
  const std::uint32_t ttl = seconds_left(entry->expires, now);
  CachedRrset out;
  out.data.rrset = unpacker.rrset(ttl);
  out.data.signatures = unpacker.rrset(ttl);
  out.data.rrset.owner = name;
  out.data.signatures.owner = name;
  for (auto* beside : {&out.data.proofs, &out.data.authority, &out.data.additional}) {
    for (std::uint64_t left = unpacker.number(1); left > 0; --left) beside->push_back(unpacker.rrset(ttl));
  }
  out.data.security = entry->security;
  out.credibility = entry->credibility;
  out.zone_cut = name.suffix(entry->zone_cut_labels);
  return out;
}

void RrsetCache::put_negative(const Name& name, RecordType type, NegativeKind kind, const std::vector<Rrset>& authority,
                              std::uint32_t ttl_seconds, const Name& zone_cut, Signatures fetched_with, SteadyTime now,
                              Security security) {
  Entry entry;
  entry.key = kind == NegativeKind::nxdomain ? key_of(Slot::nxdomain, name) : key_of(Slot::data, name, type);
  entry.expires = expiry(ttl_seconds, Limit::negative_ttl_s, now, SteadyTime::max());
  if (entry.expires <= now) return;
  entry.content = Content::negative;
  entry.credibility = Credibility::authoritative_answer;
  entry.negative = kind;
  entry.security = security;
  entry.fetched_with = fetched_with;
  entry.zone_cut_labels = static_cast<std::uint8_t>(zone_cut.label_count());
  Packer packer;
  packer.number(authority.size(), 1);
  for (const Rrset& rrset : authority) packer.rrset(rrset);
  entry.payload = packer.take();
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  state_->insert(shard, std::move(entry));
}

std::optional<CachedNegative> RrsetCache::find_negative(const Name& name, RecordType type, Signatures signatures,
                                                        SteadyTime now) const {
  // NODATA of exactly this, else NXDOMAIN at the name or at any ancestor (RFC 8020).
  for (unsigned labels = name.label_count() + 1; labels > 0; --labels) {
    const bool exact = labels == name.label_count() + 1;
    const Name at = exact ? name : name.suffix(labels);
    const std::string key = exact ? key_of(Slot::data, at, type) : key_of(Slot::nxdomain, at);
    Shard& shard = state_->shard(at);
    const std::lock_guard lock(shard.mutex);
    const Entry* entry = State::find_live(shard, key, now);
    if (entry == nullptr || entry->content != Content::negative) continue;
    if (signatures == Signatures::needed && entry->fetched_with != Signatures::needed) continue;
    Unpacker unpacker(entry->payload);
    CachedNegative out;
    out.kind = entry->negative;
    out.ttl_seconds = seconds_left(entry->expires, now);
    for (std::uint64_t left = unpacker.number(1); left > 0; --left) {
      out.authority.push_back(unpacker.rrset(out.ttl_seconds));
    }
    out.zone_cut = at.suffix(entry->zone_cut_labels);
    out.security = entry->security;
    return out;
  }
  return std::nullopt;
}

void RrsetCache::put_delegation(const Delegation& delegation, SteadyTime now) {
  if (delegation.expires <= now) return;
  Entry entry;
  entry.key = key_of(Slot::delegation, delegation.zone_cut);
  entry.expires = delegation.expires;
  entry.content = Content::delegation;
  Packer packer;
  packer.number(delegation.servers.size(), 2);
  for (const NameServer& server : delegation.servers) {
    packer.name(server.name);
    packer.number(server.addresses.size(), 2);
    for (const IpAddress& address : server.addresses) packer.octets(address.bytes());
  }
  entry.payload = packer.take();
  Shard& shard = state_->shard(delegation.zone_cut);
  const std::lock_guard lock(shard.mutex);
  state_->insert(shard, std::move(entry));
}

std::optional<Delegation> RrsetCache::closest_delegation(const Name& name, SteadyTime now) const {
  for (unsigned labels = name.label_count() + 1; labels-- > 0;) {
    const Name at = name.suffix(labels);
    const std::string key = key_of(Slot::delegation, at);
    Shard& shard = state_->shard(at);
    const std::lock_guard lock(shard.mutex);
    const Entry* entry = State::find_live(shard, key, now);
    if (entry == nullptr) continue;
    Unpacker unpacker(entry->payload);
    Delegation out;
    out.zone_cut = at;
    out.expires = entry->expires;
    out.servers.resize(unpacker.number(2));
    for (NameServer& server : out.servers) {
      server.name = unpacker.name();
      for (std::uint64_t left = unpacker.number(2); left > 0; --left) {
        server.addresses.push_back(IpAddress::from_octets(unpacker.octets()));
      }
    }
    return out;
  }
  return std::nullopt;
}

std::uint32_t RrsetCache::put_failure(const Name& name, RecordType type, std::optional<EdeCode> ede,
                                      const std::string& text, SteadyTime now, std::uint64_t longest) {
  std::uint64_t ttl = limit_of(Limit::failure_ttl_min_s);
  Entry entry;
  entry.key = key_of(Slot::failure, name, type);
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  if (const Entry* known = State::find(shard, entry.key)) {
    if (now - known->expires < seconds(longest)) ttl = std::min<std::uint64_t>(known->failure_ttl * 2U, longest);
  }
  entry.content = Content::failure;
  entry.failure_ttl = static_cast<std::uint16_t>(ttl);
  entry.expires = now + seconds(ttl);
  Packer packer;
  packer.number(ede ? static_cast<std::uint16_t>(*ede) : 0xFFFF, 2);
  packer.octets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  entry.payload = packer.take();
  state_->insert(shard, std::move(entry));
  return static_cast<std::uint32_t>(ttl);
}

std::optional<CachedFailure> RrsetCache::find_failure(const Name& name, RecordType type, SteadyTime now) const {
  const std::string key = key_of(Slot::failure, name, type);
  Shard& shard = state_->shard(name);
  const std::lock_guard lock(shard.mutex);
  const Entry* entry = State::find_live(shard, key, now);
  if (entry == nullptr) return std::nullopt;
  Unpacker unpacker(entry->payload);
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
  State::remove(shard, key_of(Slot::failure, name, type));
}

void RrsetCache::clear() {
  for (Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.index.clear();
    shard.entries.clear();
    shard.bytes = 0;
  }
}

void RrsetCache::erase(const Name& name) {
  Shard& shard = state_->shard(name);
  const std::string wanted = key_of(Slot::data, name).substr(3);
  const std::lock_guard lock(shard.mutex);
  for (auto entry = shard.entries.begin(); entry != shard.entries.end();) {
    const auto next = std::next(entry);
    if (entry->key.compare(3, std::string::npos, wanted) == 0) State::remove(shard, std::string(entry->key));
    entry = next;
  }
}

std::size_t RrsetCache::size_bytes() const {
  std::size_t bytes = 0;
  for (const Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    bytes += shard.bytes;
  }
  return bytes;
}

std::size_t RrsetCache::entries() const {
  std::size_t count = 0;
  for (const Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    count += shard.entries.size();
  }
  return count;
}

std::size_t RrsetCache::capacity_bytes() const {
  return state_->capacity_bytes;
}

}  // namespace weir
