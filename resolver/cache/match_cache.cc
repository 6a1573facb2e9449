#include "resolver/cache/match_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <type_traits>

#include "zones/dns/name.h"

namespace weir {

// Three cache lines.
struct alignas(64) MatchCache::Entry {
  std::uint64_t hash;
  std::uint64_t epoch;
  Scope scope;
  std::uint8_t name_size;
  std::uint8_t match_count;
  std::uint8_t list_count;
  std::uint8_t shared_labels;
  bool recent;  // found since its set was last full
  std::uint8_t name[kMaxStoredName];
  std::uint32_t lists[kMaxLists];
  Match matches[kMaxMatches];
};

namespace {

constexpr std::uint64_t kBelowSalt = 0xA5A5F00D12345678ULL;

bool same_name(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  if (std::memcmp(a, b, size) == 0) return true;
  return std::equal(a, a + size, b, [](std::uint8_t x, std::uint8_t y) { return fold(x) == fold(y); });
}

}  // namespace

MatchCache::MatchCache(std::size_t size_bytes) {
  static_assert(sizeof(Entry) == 192 && std::is_trivially_copyable_v<Entry>);
  const std::size_t count = std::bit_floor(std::max<std::size_t>(size_bytes / sizeof(Entry), 2 * kWays));
  size_ = count * sizeof(Entry);
  // Zeroed pages are valid empty entries, and what is never used stays untouched.
  void* map = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) throw std::bad_alloc();  // as any container would; at the start only
  entries_ = static_cast<Entry*>(map);
  mask_ = (count - 1) & ~std::uint64_t{kWays - 1};
}

MatchCache::~MatchCache() {
  munmap(entries_, size_);
}

void MatchCache::prefetch(std::uint64_t hash) const {
  const Entry* entry = &entries_[hash & mask_];
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + 1);
}

bool MatchCache::find_entry(std::span<const std::uint8_t> name, std::uint64_t hash, Scope scope, NamesEpoch epoch,
                            MatchSet& out) const {
  for (unsigned way = 0; way < kWays; ++way) {
    Entry& entry = entries_[(hash & mask_) + way];
    if (entry.hash != hash || entry.scope != scope || entry.epoch != epoch.value || entry.name_size != name.size() ||
        !same_name(entry.name, name.data(), name.size()))
      continue;
    entry.recent = true;
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

  Entry* target = nullptr;
  for (unsigned way = 0; way < kWays; ++way) {
    Entry& entry = entries_[(hash & mask_) + way];
    const bool same = entry.hash == hash && entry.scope == scope && entry.name_size == name.size() &&
                      same_name(entry.name, name.data(), name.size());
    if (same || entry.scope == Scope::empty || entry.epoch != epoch.value) {
      target = &entry;
      if (same) break;
    }
  }
  if (target == nullptr) {
    // The first that was not found since the last time; then all begin anew.
    Entry* set = &entries_[hash & mask_];
    target = set + (hash >> 32) % kWays;
    for (unsigned way = 0; way < kWays && target->recent; ++way) target = set[way].recent ? target : set + way;
    for (unsigned way = 0; way < kWays; ++way) set[way].recent = false;
  }
  target->hash = hash;
  target->epoch = epoch.value;
  target->scope = scope;
  target->recent = false;
  target->name_size = static_cast<std::uint8_t>(name.size());
  target->match_count = static_cast<std::uint8_t>(matches.matches.size());
  target->list_count = static_cast<std::uint8_t>(matches.lists_below.size());
  target->shared_labels = matches.shared_suffix_labels;
  std::copy(name.begin(), name.end(), target->name);
  std::copy(matches.matches.begin(), matches.matches.end(), target->matches);
  std::copy(matches.lists_below.begin(), matches.lists_below.end(), target->lists);
  if (scope == Scope::below) shared_lengths_ |= 1ULL << shared;
}

}  // namespace weir
