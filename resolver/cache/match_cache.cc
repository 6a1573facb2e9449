#include "resolver/cache/match_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <type_traits>

#include "zones/dns/name.h"

namespace weir {

// Three cache lines; a name of the usual length with one match lies in the first two.
struct alignas(64) MatchCache::Entry {
  std::uint64_t epoch;
  std::uint8_t name_size;
  std::uint8_t match_count;
  std::uint8_t list_count;
  std::uint8_t shared_labels;
  std::uint8_t name[kMaxStoredName];
  Match matches[kMaxMatches];
  std::uint32_t lists[kMaxLists];
};

// What a probe reads first stands in one line for all ways, so that a miss touches nothing else.
struct alignas(64) MatchCache::Set {
  std::uint32_t tags[kWays];
  Scope scopes[kWays];
  bool recent[kWays];  // found since the set was last full
  Entry entries[kWays];
};

namespace {

constexpr std::uint64_t kBelowSalt = 0xA5A5F00D12345678ULL;

// The set is chosen by the lower bits.
std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}

bool same_name(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  if (std::memcmp(a, b, size) == 0) return true;
  return std::equal(a, a + size, b, [](std::uint8_t x, std::uint8_t y) { return fold(x) == fold(y); });
}

}  // namespace

MatchCache::MatchCache(std::size_t size_bytes) {
  static_assert(sizeof(Entry) == 192 && sizeof(Set) == 64 + kWays * 192 && std::is_trivially_copyable_v<Set>);
  const std::size_t count = std::bit_floor(std::max<std::size_t>(size_bytes / sizeof(Set), 2));
  size_ = count * sizeof(Set);
  // Zeroed pages are valid empty sets, and what is never used stays untouched.
  void* map = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) throw std::bad_alloc();  // as any container would; at the start only
  sets_ = static_cast<Set*>(map);
  mask_ = count - 1;
}

MatchCache::~MatchCache() {
  munmap(sets_, size_);
}

void MatchCache::prefetch(std::uint64_t hash) const {
  __builtin_prefetch(&sets_[hash & mask_]);
}

void MatchCache::prefetch_entry(std::uint64_t hash) const {
  const Set& set = sets_[hash & mask_];
  for (unsigned way = 0; way < kWays; ++way) {
    if (set.tags[way] != tag_of(hash)) continue;
    const auto* lines = reinterpret_cast<const std::uint8_t*>(&set.entries[way]);
    __builtin_prefetch(lines);
    __builtin_prefetch(lines + 64);
  }
}

bool MatchCache::find_entry(std::span<const std::uint8_t> name, std::uint64_t hash, Scope scope, NamesEpoch epoch,
                            MatchSet& out) const {
  Set& set = sets_[hash & mask_];
  for (unsigned way = 0; way < kWays; ++way) {
    if (set.tags[way] != tag_of(hash) || set.scopes[way] != scope) continue;
    const Entry& entry = set.entries[way];
    if (entry.epoch != epoch.value || entry.name_size != name.size() ||
        !same_name(entry.name, name.data(), name.size()))
      continue;
    set.recent[way] = true;
    out.matches.assign(entry.matches, entry.matches + entry.match_count);
    out.lists_below.assign(entry.lists, entry.lists + entry.list_count);
    out.shared_suffix_labels = entry.shared_labels;
    return true;
  }
  return false;
}

bool MatchCache::find(std::span<const std::uint8_t> qname, std::uint64_t hash, NamesEpoch epoch, MatchSet& out) const {
  if (find_entry(qname, hash, Scope::name, epoch, out)) return true;
  if (shared_lengths_ == 0) return false;
  std::uint8_t offsets[kMaxLabels + 1];
  unsigned labels = 0;
  for (std::size_t at = 0; qname[at] != 0; at += qname[at] + 1U) offsets[labels++] = static_cast<std::uint8_t>(at);
  // Only lengths at which a suffix was ever put are worth a probe; strictly below the suffix.
  std::uint64_t lengths = shared_lengths_;
  if (labels < 64) lengths &= (1ULL << labels) - 1;
  for (; lengths != 0; lengths &= lengths - 1) {
    const auto length = static_cast<unsigned>(std::countr_zero(lengths));
    const auto suffix = qname.subspan(offsets[labels - length]);
    if (find_entry(suffix, hash_wire_name(suffix) ^ kBelowSalt, Scope::below, epoch, out)) return true;
  }
  return false;
}

void MatchCache::put(std::span<const std::uint8_t> qname, std::uint64_t hash, NamesEpoch epoch,
                     const MatchSet& matches) {
  if (matches.matches.size() > kMaxMatches || matches.lists_below.size() > kMaxLists) return;
  Scope scope = Scope::name;
  std::span<const std::uint8_t> name = qname;
  const unsigned shared = matches.shared_suffix_labels;
  if (shared > 0 && shared < 64) {
    unsigned labels = 0;
    for (std::size_t at = 0; qname[at] != 0; at += qname[at] + 1U) ++labels;
    // The suffix itself may have rules of its own (exact, "only below"), so it keeps an entry of its own.
    if (labels > shared) {
      std::size_t at = 0;
      for (unsigned skip = labels - shared; skip > 0; --skip) at += qname[at] + 1U;
      name = qname.subspan(at);
      hash = hash_wire_name(name) ^ kBelowSalt;
      scope = Scope::below;
    }
  }
  if (name.size() > kMaxStoredName) return;

  Set& set = sets_[hash & mask_];
  unsigned target = kWays;
  for (unsigned way = 0; way < kWays; ++way) {
    const Entry& entry = set.entries[way];
    const bool same = set.tags[way] == tag_of(hash) && set.scopes[way] == scope && entry.name_size == name.size() &&
                      same_name(entry.name, name.data(), name.size());
    if (same || set.scopes[way] == Scope::empty || entry.epoch != epoch.value) {
      target = way;
      if (same) break;
    }
  }
  if (target == kWays) {
    // The first that was not found since the last time; then all begin anew.
    target = tag_of(hash) % kWays;
    for (unsigned way = 0; way < kWays && set.recent[target]; ++way) target = way;
    std::fill(std::begin(set.recent), std::end(set.recent), false);
  }
  set.tags[target] = tag_of(hash);
  set.scopes[target] = scope;
  set.recent[target] = false;
  Entry& entry = set.entries[target];
  entry.epoch = epoch.value;
  entry.name_size = static_cast<std::uint8_t>(name.size());
  entry.match_count = static_cast<std::uint8_t>(matches.matches.size());
  entry.list_count = static_cast<std::uint8_t>(matches.lists_below.size());
  entry.shared_labels = matches.shared_suffix_labels;
  std::copy(name.begin(), name.end(), entry.name);
  std::copy(matches.matches.begin(), matches.matches.end(), entry.matches);
  std::copy(matches.lists_below.begin(), matches.lists_below.end(), entry.lists);
  if (scope == Scope::below) shared_lengths_ |= 1ULL << shared;
}

}  // namespace weir
