#include "resolver/cache/answer_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <thread>

namespace weir {
namespace {

constexpr unsigned kHeaderWords = 6;
constexpr std::size_t kDnsHeader = 12;
constexpr unsigned kSweepBound = 256;  // entries that one eviction looks at
// How much of the arena is made present before it is needed: some 60,000 answers, more than misses come in a second;
// of a small cache half.
constexpr std::size_t kPreparedAhead = 16 << 20;
constexpr std::size_t kPreparedStep = 2 << 20;  // a huge page

constexpr unsigned kTagShift = 48;
constexpr unsigned kVersionShift = 28;
constexpr std::uint64_t kVersionMask = (1ULL << 20) - 1;
constexpr std::uint64_t kRefMask = (1ULL << 28) - 1;

// Loads are acquire and stores release instead of fences, which GCC 12's TSan rejects: a reader that saw a word
// of a newer entry then also sees that its slot has changed. On x86-64 both are plain moves.
std::uint64_t load(std::uint64_t& word) {
  return std::atomic_ref<std::uint64_t>(word).load(std::memory_order_acquire);
}
void store(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref<std::uint64_t>(word).store(value, std::memory_order_release);
}

void copy_out(std::uint8_t* to, std::uint64_t* from, std::size_t size) {
  for (; size >= 8; size -= 8, to += 8, ++from) {
    const std::uint64_t word = load(*from);
    std::memcpy(to, &word, 8);
  }
  if (size > 0) {
    const std::uint64_t word = load(*from);
    std::memcpy(to, &word, size);
  }
}

void copy_in(std::uint64_t* to, std::span<const std::uint8_t> from) {
  std::size_t at = 0;
  for (; at < from.size(); at += 8, ++to) {
    std::uint64_t word = 0;
    std::memcpy(&word, from.data() + at, std::min<std::size_t>(8, from.size() - at));
    store(*to, word);
  }
}

// A-Z to a-z in eight octets at once. Length octets (at most 63) are no letters.
std::uint64_t fold_word(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t low = word & (0x7F * kOnes);
  const std::uint64_t above_z = low + (0x7F - 'Z') * kOnes;
  const std::uint64_t from_a = low + (0x80 - 'A') * kOnes;
  return word | ((~word & (0x80 * kOnes) & (from_a ^ above_z)) >> 2);
}

bool equal_folded(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  std::size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a + at, 8);
    std::memcpy(&y, b + at, 8);
    if (x != y && fold_word(x) != fold_word(y)) return false;
  }
  for (; at < size; ++at) {
    if (fold(a[at]) != fold(b[at])) return false;
  }
  return true;
}

std::uint8_t key_flags(const AnswerKey& key) {
  return static_cast<std::uint8_t>((key.dnssec_ok ? 1U : 0U) | (key.checking_disabled ? 2U : 0U) |
                                   (key.translated ? 4U : 0U));
}

// The part of the key beside the name, with its size; one word of the entry's header.
std::uint64_t key_word(const AnswerKey& key) {
  return static_cast<std::uint64_t>(key.type) | static_cast<std::uint64_t>(key.record_class) << 16 |
         static_cast<std::uint64_t>(key_flags(key)) << 32 | static_cast<std::uint64_t>(key.qname.size()) << 40;
}
constexpr std::uint64_t kKeyWordMask = (1ULL << 48) - 1;  // above it lies the rcode

std::uint64_t full_hash(const AnswerKey& key) {
  std::uint64_t hash = key.qname_hash ^ (key_word(key) * 0x9E3779B97F4A7C15ULL);
  hash ^= hash >> 29;
  hash *= 0xBF58476D1CE4E5B9ULL;
  return hash ^ (hash >> 32);
}
std::uint64_t tag_of(std::uint64_t hash) {
  return hash >> kTagShift;
}

struct Sizes {
  std::size_t wire = 0;
  std::size_t ttls = 0;  // count
  std::size_t matches = 0;
  std::size_t text = 0;

  std::size_t tail() const { return 2 * ttls + text + matches; }
  std::size_t tail_word() const { return kHeaderWords + (wire + 7) / 8; }
  std::size_t octets() const { return 8 * (tail_word() + (tail() + 7) / 8); }
};

// Header words: 0 hash; 1 key and rcode; 2 inserted, expires; 3 epoch; 4 sizes and flags; 5 EDE code (16 bits), hits
// (24), how long it may be used after it expired (21), and whether somebody refreshes it.
constexpr std::uint64_t kHasEde = 1ULL << 56;
constexpr std::uint64_t kIsStale = 1ULL << 59;
constexpr unsigned kHitsShift = 16;
constexpr std::uint64_t kMaxHits = (1ULL << 24) - 1;
constexpr unsigned kStaleShift = 40;
constexpr std::uint64_t kRefreshClaimed = 1ULL << 63;

std::uint64_t hits_of(std::uint64_t word) {
  return word >> kHitsShift & kMaxHits;
}
Sizes sizes_of(std::uint64_t word) {
  return {word & 0xFFFF, word >> 16 & 0xFFFF, word >> 32 & 0xFFFF, word >> 48 & 0xFF};
}

}  // namespace

// Spins: what is done under it is a few dozen instructions, and only writers come here.
class AnswerCache::BucketLock {
 public:
  explicit BucketLock(Bucket& bucket) : bucket_(bucket) {
    while (bucket_.lock.exchange(1, std::memory_order_acquire) != 0) {
      while (bucket_.lock.load(relaxed_) != 0) std::this_thread::yield();
    }
  }
  ~BucketLock() { bucket_.lock.store(0, std::memory_order_release); }
  BucketLock(const BucketLock&) = delete;
  BucketLock& operator=(const BucketLock&) = delete;

 private:
  Bucket& bucket_;
};

Result<std::unique_ptr<AnswerCache>> AnswerCache::make(std::size_t size_bytes) {
  const std::size_t total = std::max<std::size_t>(size_bytes, 2 * 1024 * 1024);
  // A bucket of seven slots for each 768 octets or more: entries of a plain answer take 128 to 256.
  const std::size_t bucket_count = std::bit_floor(total / 768);
  const std::size_t table = bucket_count * sizeof(Bucket);
  const std::size_t slabs = std::min((total - table) / kSlabSize, (kRefMask - 1) / (kSlabSize / kUnit));
  const std::size_t size = table + slabs * kSlabSize;
  // A reader that saw a torn header copies from its entry's start on, before it finds that out.
  void* map = mmap(nullptr, size + kMaxCachedAnswer, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED)
    return Error{ErrorCode::too_large, "an answer cache of " + std::to_string(size) + " octets is not to be had"};
  madvise(map, size, MADV_HUGEPAGE);  // a million names cost 60 ns a probe there, 79 in small pages
  return std::unique_ptr<AnswerCache>(new AnswerCache(map, size, bucket_count, static_cast<std::uint32_t>(slabs)));
}

// Zeroed pages are valid empty buckets.
AnswerCache::AnswerCache(void* map, std::size_t map_size, std::size_t bucket_count, std::uint32_t slab_count)
    : map_(map),
      map_size_(map_size),
      buckets_(static_cast<Bucket*>(map)),
      bucket_mask_(static_cast<std::uint32_t>(bucket_count - 1)),
      arena_(reinterpret_cast<std::uint64_t*>(buckets_ + bucket_count)),
      slab_count_(slab_count),
      slab_class_(std::make_unique<std::atomic<std::uint8_t>[]>(slab_count)) {}

AnswerCache::~AnswerCache() {
  munmap(map_, map_size_ + kMaxCachedAnswer);
}

AnswerCache::Probe AnswerCache::prepare(const AnswerKey& key) const {
  Probe probe;
  probe.hash = full_hash(key);
  probe.bucket = static_cast<std::uint32_t>(probe.hash) & bucket_mask_;
  __builtin_prefetch(&buckets_[probe.bucket]);
  return probe;
}

bool AnswerCache::locate(Probe& probe) const {
  const Bucket& bucket = buckets_[probe.bucket];
  const std::uint64_t tag = tag_of(probe.hash);
  for (probe.slot = 0; probe.slot < kSlots; ++probe.slot) {
    const std::uint64_t slot = bucket.slots[probe.slot].load(relaxed_);
    if (slot >> kTagShift != tag || (slot & kRefMask) == 0) continue;
    const auto* entry = words(static_cast<std::uint32_t>((slot & kRefMask) - 1));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + 8);
    return true;
  }
  return false;
}

bool AnswerCache::read(Probe& probe, const AnswerKey& key, CacheSeconds now, std::span<std::uint8_t> out,
                       CachedAnswer& answer, Reading reading) {
  Bucket& bucket = buckets_[probe.bucket];
  const std::uint64_t tag = tag_of(probe.hash);
  for (; probe.slot < kSlots; ++probe.slot) {
    const std::uint64_t slot = bucket.slots[probe.slot].load(std::memory_order_acquire);
    if (slot >> kTagShift != tag || (slot & kRefMask) == 0) continue;
    std::uint64_t* entry = words(static_cast<std::uint32_t>((slot & kRefMask) - 1));
    std::uint64_t header[kHeaderWords];
    for (unsigned i = 0; i < kHeaderWords; ++i) header[i] = load(entry[i]);
    if (header[0] != probe.hash || (header[1] & kKeyWordMask) != key_word(key)) continue;
    const Sizes sizes = sizes_of(header[4]);
    // These may be of another entry by now: nothing is copied past the buffers, the check below decides.
    if (sizes.octets() > kMaxCachedAnswer || sizes.wire < kDnsHeader + key.qname.size()) continue;
    const std::size_t copied = std::min(sizes.wire, out.size());
    copy_out(out.data(), entry + kHeaderWords, copied);
    copy_out(reinterpret_cast<std::uint8_t*>(answer.tail_.data()), entry + sizes.tail_word(), sizes.tail());
    if (bucket.slots[probe.slot].load(relaxed_) != slot) return false;

    if (!equal_folded(out.data() + kDnsHeader, key.qname.data(), key.qname.size())) continue;
    const auto expires = static_cast<CacheSeconds>(header[2] >> 32);
    const CacheSeconds stale_until = expires + static_cast<CacheSeconds>(header[5] >> kStaleShift & kMaxStale);
    if ((reading == Reading::fresh ? expires : stale_until) <= now) return false;
    answer.wire_size = sizes.wire;
    answer.rcode = static_cast<Rcode>(header[1] >> 48);
    answer.inserted = static_cast<CacheSeconds>(header[2]);
    answer.expires = expires;
    answer.stale_until = stale_until;
    answer.stale = (header[4] & kIsStale) != 0;
    answer.epoch = {header[3]};
    answer.security = static_cast<std::uint8_t>(header[4] >> 57 & 3);
    answer.ede = (header[4] & kHasEde) != 0 ? std::optional(static_cast<EdeCode>(header[5] & 0xFFFF)) : std::nullopt;
    answer.ttl_count_ = static_cast<std::uint16_t>(sizes.ttls);
    answer.matches_size_ = static_cast<std::uint16_t>(sizes.matches);
    answer.text_size_ = static_cast<std::uint8_t>(sizes.text);
    const std::uint32_t bit = 1U << probe.slot;
    if ((bucket.used.load(relaxed_) & bit) == 0) bucket.used.fetch_or(bit, relaxed_);
    return true;
  }
  return false;
}

bool AnswerCache::same_key(std::uint32_t unit, std::uint64_t hash, const AnswerKey& key) const {
  std::uint64_t* entry = words(unit);
  if (load(entry[0]) != hash || (load(entry[1]) & kKeyWordMask) != key_word(key)) return false;
  std::uint8_t beginning[kDnsHeader + kMaxNameSize];
  copy_out(beginning, entry + kHeaderWords, kDnsHeader + key.qname.size());
  return equal_folded(beginning + kDnsHeader, key.qname.data(), key.qname.size());
}

unsigned AnswerCache::slot_of(const Bucket& bucket, std::uint32_t unit) {
  unsigned slot = 0;
  while (slot < kSlots && (bucket.slots[slot].load(relaxed_) & kRefMask) != unit + 1ULL) ++slot;
  return slot;
}

std::uint32_t AnswerCache::clear_slot(Bucket& bucket, unsigned slot) {
  const std::uint64_t old = bucket.slots[slot].load(relaxed_);
  const auto unit = static_cast<std::uint32_t>((old & kRefMask) - 1);
  const std::uint64_t version = ((old >> kVersionShift) + 1) & kVersionMask;
  bucket.slots[slot].store(version << kVersionShift, std::memory_order_release);
  bucket.used.fetch_and(~(1U << slot), relaxed_);
  entries_.fetch_sub(1, relaxed_);
  used_bytes_.fetch_sub(kClasses[class_of(unit)], relaxed_);
  return unit;
}

bool AnswerCache::put(const AnswerKey& key, const NewAnswer& answer, PutMode mode) {
  const std::string_view text = answer.ede_text.substr(0, 160);
  const Sizes sizes{answer.wire.size(), answer.ttl_offsets.size(), answer.matches.size(), text.size()};
  if (sizes.octets() > kMaxCachedAnswer) return false;
  const auto size_class =
      static_cast<unsigned>(std::lower_bound(kClasses.begin(), kClasses.end(), sizes.octets()) - kClasses.begin());
  const auto unit = allocate(size_class);
  if (!unit) return false;

  const std::uint64_t hash = full_hash(key);
  std::uint64_t* entry = words(*unit);
  store(entry[0], hash);
  store(entry[1], key_word(key) | static_cast<std::uint64_t>(answer.rcode) << 48);
  store(entry[2], std::uint64_t{answer.inserted} | std::uint64_t{answer.expires} << 32);
  store(entry[3], answer.epoch.value);
  store(entry[4], sizes.wire | sizes.ttls << 16 | sizes.matches << 32 | sizes.text << 48 | (answer.ede ? kHasEde : 0) |
                      std::uint64_t{answer.security & 3U} << 57 | (answer.stale ? kIsStale : 0));
  const CacheSeconds usable_after =
      answer.stale_until > answer.expires ? std::min(answer.stale_until - answer.expires, kMaxStale) : 0;
  store(entry[5],
        (answer.ede ? static_cast<std::uint64_t>(*answer.ede) : 0) | std::uint64_t{usable_after} << kStaleShift);
  copy_in(entry + kHeaderWords, answer.wire);
  std::array<std::uint8_t, kMaxCachedAnswer> tail;
  std::size_t tail_size = 0;
  const auto append = [&](const void* data, std::size_t size) {
    if (size > 0) std::memcpy(tail.data() + tail_size, data, size);
    tail_size += size;
  };
  append(answer.ttl_offsets.data(), 2 * answer.ttl_offsets.size());
  append(text.data(), text.size());
  append(answer.matches.data(), answer.matches.size());
  copy_in(entry + sizes.tail_word(), {tail.data(), tail_size});

  std::optional<std::uint32_t> replaced;
  bool stored = false;
  {
    Bucket& bucket = buckets_[static_cast<std::uint32_t>(hash) & bucket_mask_];
    const BucketLock lock(bucket);
    unsigned target = kSlots;
    unsigned empty = kSlots;
    for (unsigned i = 0; i < kSlots && target == kSlots; ++i) {
      const std::uint64_t slot = bucket.slots[i].load(relaxed_);
      if ((slot & kRefMask) == 0) {
        if (empty == kSlots) empty = i;
      } else if (slot >> kTagShift == tag_of(hash) &&
                 same_key(static_cast<std::uint32_t>((slot & kRefMask) - 1), hash, key)) {
        target = i;
      }
    }
    bool wanted = true;
    if (mode == PutMode::matches) {
      wanted = target != kSlots;
      if (wanted) {
        const auto there = static_cast<std::uint32_t>((bucket.slots[target].load(relaxed_) & kRefMask) - 1);
        wanted = load(words(there)[2]) == load(entry[2]) && load(words(there)[3]) < answer.epoch.value;
        if (wanted) store(entry[5], load(words(there)[5]));
      }
    } else if (target == kSlots) {
      target = empty;
      if (target == kSlots) {
        // The bucket is full: the first slot that was not used since the last time, from a changing start.
        const std::uint32_t used = bucket.used.load(relaxed_) & ((1U << kSlots) - 1);
        const unsigned start = static_cast<unsigned>(hash >> 32) % kSlots;
        target = start;
        for (unsigned i = 0; i < kSlots; ++i) {
          const unsigned slot = (start + i) % kSlots;
          if ((used & (1U << slot)) != 0) continue;
          target = slot;
          break;
        }
        bucket.used.store(0, relaxed_);
      }
    }
    if (wanted) {
      const std::uint64_t old = bucket.slots[target].load(relaxed_);
      if ((old & kRefMask) != 0) replaced = clear_slot(bucket, target);
      const std::uint64_t version = ((bucket.slots[target].load(relaxed_) >> kVersionShift) + 1) & kVersionMask;
      bucket.slots[target].store(tag_of(hash) << kTagShift | version << kVersionShift | (*unit + 1ULL),
                                 std::memory_order_release);
      entries_.fetch_add(1, relaxed_);
      used_bytes_.fetch_add(kClasses[size_class], relaxed_);
      stored = true;
    }
  }
  if (replaced) release(*replaced);
  if (!stored) release(*unit);
  return stored;
}

void AnswerCache::add_hits(const Probe& probe, std::uint32_t hits) {
  Bucket& bucket = buckets_[probe.bucket];
  if (bucket.lock.exchange(1, std::memory_order_acquire) != 0) return;
  const std::uint64_t slot = bucket.slots[probe.slot].load(relaxed_);
  if (slot >> kTagShift == tag_of(probe.hash) && (slot & kRefMask) != 0) {
    std::uint64_t* entry = words(static_cast<std::uint32_t>((slot & kRefMask) - 1));
    if (load(entry[0]) == probe.hash) {
      const std::uint64_t word = load(entry[5]);
      const std::uint64_t added = std::min<std::uint64_t>(hits, kMaxHits - hits_of(word));
      store(entry[5], word + (added << kHitsShift));
    }
  }
  bucket.lock.store(0, std::memory_order_release);
}

std::uint32_t AnswerCache::hits(const Probe& probe) const {
  const std::uint64_t slot = buckets_[probe.bucket].slots[probe.slot].load(std::memory_order_acquire);
  if ((slot & kRefMask) == 0) return 0;
  return static_cast<std::uint32_t>(hits_of(load(words(static_cast<std::uint32_t>((slot & kRefMask) - 1))[5])));
}

bool AnswerCache::claim_refresh(const Probe& probe) {
  Bucket& bucket = buckets_[probe.bucket];
  if (bucket.lock.exchange(1, std::memory_order_acquire) != 0) return false;
  bool claimed = false;
  const std::uint64_t slot = bucket.slots[probe.slot].load(relaxed_);
  if (slot >> kTagShift == tag_of(probe.hash) && (slot & kRefMask) != 0) {
    std::uint64_t* entry = words(static_cast<std::uint32_t>((slot & kRefMask) - 1));
    const std::uint64_t word = load(entry[5]);
    claimed = load(entry[0]) == probe.hash && (word & kRefreshClaimed) == 0;
    if (claimed) store(entry[5], word | kRefreshClaimed);
  }
  bucket.lock.store(0, std::memory_order_release);
  return claimed;
}

void AnswerCache::erase_expired(const AnswerKey& key, CacheSeconds now) {
  Probe probe = prepare(key);
  if (!locate(probe)) return;  // most are not there: no lock for those
  Bucket& bucket = buckets_[probe.bucket];
  std::optional<std::uint32_t> removed;
  {
    const BucketLock lock(bucket);
    for (unsigned i = 0; i < kSlots && !removed; ++i) {
      const std::uint64_t slot = bucket.slots[i].load(relaxed_);
      if (slot >> kTagShift != tag_of(probe.hash) || (slot & kRefMask) == 0) continue;
      const auto unit = static_cast<std::uint32_t>((slot & kRefMask) - 1);
      if (!same_key(unit, probe.hash, key)) continue;
      const bool over = static_cast<CacheSeconds>(load(words(unit)[2]) >> 32) <= now;
      if (over || (load(words(unit)[4]) & kIsStale) != 0) removed = clear_slot(bucket, i);
    }
  }
  if (removed) release(*removed);
}

std::uint64_t AnswerCache::flush(const Name& name, bool subtree) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= bucket_mask_; ++i) {
    Bucket& bucket = buckets_[i];
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      if ((bucket.slots[slot].load(relaxed_) & kRefMask) == 0) continue;  // most are: no lock for those
      std::optional<std::uint32_t> removed;
      {
        const BucketLock lock(bucket);
        const std::uint64_t word = bucket.slots[slot].load(relaxed_);
        if ((word & kRefMask) == 0) continue;
        std::uint64_t* entry = words(static_cast<std::uint32_t>((word & kRefMask) - 1));
        std::uint8_t beginning[kDnsHeader + kMaxNameSize];
        const std::size_t size = load(entry[1]) >> 40 & 0xFF;
        copy_out(beginning, entry + kHeaderWords, kDnsHeader + size);
        const auto owner = Name::from_wire({beginning + kDnsHeader, size});
        if (owner && (subtree ? owner->is_at_or_below(name) : *owner == name)) removed = clear_slot(bucket, slot);
      }
      if (!removed) continue;
      release(*removed);
      ++count;
    }
  }
  return count;
}

std::optional<AnswerCache::Listed> AnswerCache::look(Bucket& bucket, unsigned slot) const {
  const std::uint64_t word = bucket.slots[slot].load(relaxed_);
  if ((word & kRefMask) == 0) return std::nullopt;
  std::uint64_t* entry = words(static_cast<std::uint32_t>((word & kRefMask) - 1));
  std::uint8_t beginning[kDnsHeader + kMaxNameSize];
  const std::uint64_t key = load(entry[1]);
  const std::size_t size = key >> 40 & 0xFF;
  copy_out(beginning, entry + kHeaderWords, kDnsHeader + size);
  const auto owner = Name::from_wire({beginning + kDnsHeader, size});
  if (!owner) return std::nullopt;
  Listed listed;
  listed.name = *owner;
  listed.type = static_cast<RecordType>(key & 0xFFFF);
  listed.dnssec_ok = (key >> 32 & 1) != 0;
  listed.checking_disabled = (key >> 32 & 2) != 0;
  listed.rcode = static_cast<Rcode>(key >> 48);
  listed.security = static_cast<std::uint8_t>(load(entry[4]) >> 57 & 3);
  listed.expires = static_cast<CacheSeconds>(load(entry[2]) >> 32);
  listed.hits = static_cast<std::uint32_t>(hits_of(load(entry[5])));
  return listed;
}

std::vector<AnswerCache::Listed> AnswerCache::list(const Name& name, bool subtree, std::size_t most) {
  std::vector<Listed> out;
  for (std::size_t i = 0; i <= bucket_mask_ && out.size() < most; ++i) {
    Bucket& bucket = buckets_[i];
    for (unsigned slot = 0; slot < kSlots && out.size() < most; ++slot) {
      if ((bucket.slots[slot].load(relaxed_) & kRefMask) == 0) continue;
      const BucketLock lock(bucket);
      auto listed = look(bucket, slot);
      if (!listed || !(subtree ? listed->name.is_at_or_below(name) : listed->name == name)) continue;
      out.push_back(std::move(*listed));
    }
  }
  return out;
}

bool AnswerCache::walk(std::size_t& at, const std::function<void(const Listed&)>& each) {
  constexpr std::size_t kBuckets = 1024;  // between two looks of the caller at whether to go on
  const std::size_t end = std::min<std::size_t>(at + kBuckets, std::size_t{bucket_mask_} + 1);
  std::array<std::optional<Listed>, kSlots> found;
  for (; at < end; ++at) {
    Bucket& bucket = buckets_[at];
    unsigned count = 0;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      if ((bucket.slots[slot].load(relaxed_) & kRefMask) == 0) continue;
      const BucketLock lock(bucket);
      found[count] = look(bucket, slot);
      count += found[count] ? 1 : 0;
    }
    for (unsigned i = 0; i < count; ++i) each(*found[i]);
  }
  return at <= bucket_mask_;
}

void AnswerCache::prepare_memory() {
  std::size_t wanted = reinterpret_cast<std::uint8_t*>(arena_) - static_cast<std::uint8_t*>(map_);
  {
    const std::lock_guard lock(allocator_);
    wanted += std::size_t{next_slab_} * kSlabSize + std::min(kPreparedAhead, map_size_ / 2);
  }
  wanted = std::min(wanted & ~(kPreparedStep - 1), map_size_);
  if (wanted <= prepared_) return;
  // A kernel before 5.14 knows no such advice; then pages come as they are touched.
  (void)madvise(static_cast<std::uint8_t*>(map_) + prepared_, wanted - prepared_, MADV_POPULATE_WRITE);
  prepared_ = wanted;
}

// --- memory ----------------------------------------------------------------------------------------------------

std::optional<std::uint32_t> AnswerCache::allocate(unsigned size_class) {
  const std::lock_guard lock(allocator_);
  SizeClass& wanted = classes_[size_class];
  if (wanted.free.empty() && !grow(wanted, size_class) && !evict_one(size_class)) return std::nullopt;
  if (wanted.free.empty()) return std::nullopt;
  const std::uint32_t unit = wanted.free.back();
  wanted.free.pop_back();
  return unit;
}

void AnswerCache::release(std::uint32_t unit) {
  const std::lock_guard lock(allocator_);
  classes_[class_of(unit)].free.push_back(unit);
}

// A new slab, an idle class's slab, or nothing.
bool AnswerCache::grow(SizeClass& wanted, unsigned size_class) {
  if (next_slab_ < slab_count_) {
    give_slab(next_slab_++, size_class);
    return true;
  }
  // Once a class has thrown out a quarter of what it holds, it may be too small beside the others.
  const std::size_t holds = wanted.slabs.size() * (kSlabSize / kClasses[size_class]);
  if (!wanted.slabs.empty() && 4 * wanted.evictions < holds) return false;
  const bool taken = steal_slab(size_class);
  // What counts is how busy each was lately: a class that nobody asks any more becomes a giver.
  for (SizeClass& other : classes_) other.evictions /= 2;
  wanted.evictions = 0;
  return taken;
}

void AnswerCache::give_slab(std::uint32_t slab, unsigned size_class) {
  SizeClass& owner = classes_[size_class];
  slab_class_[slab].store(static_cast<std::uint8_t>(size_class), relaxed_);
  owner.slabs.push_back(slab);
  const std::uint32_t first = slab * (kSlabSize / kUnit);
  const std::size_t count = kSlabSize / kClasses[size_class];
  for (std::size_t i = count; i > 0; --i)
    owner.free.push_back(first + static_cast<std::uint32_t>((i - 1) * kClasses[size_class] / kUnit));
}

// The clock: goes round the class's entries, spares those used since it last came by, takes the first other one.
bool AnswerCache::evict_one(unsigned size_class) {
  SizeClass& owner = classes_[size_class];
  const std::size_t per_slab = kSlabSize / kClasses[size_class];
  const std::size_t total = owner.slabs.size() * per_slab;
  for (unsigned step = 0; total > 0 && step < kSweepBound; ++step) {
    owner.hand = (owner.hand + 1) % total;
    const std::uint32_t unit = owner.slabs[owner.hand / per_slab] * static_cast<std::uint32_t>(kSlabSize / kUnit) +
                               static_cast<std::uint32_t>(owner.hand % per_slab * kClasses[size_class] / kUnit);
    Bucket& bucket = buckets_[static_cast<std::uint32_t>(load(words(unit)[0])) & bucket_mask_];
    const BucketLock lock(bucket);
    const unsigned slot = slot_of(bucket, unit);
    if (slot == kSlots) continue;  // on its way in or out in another thread
    const std::uint32_t bit = 1U << slot;
    if ((bucket.used.load(relaxed_) & bit) != 0 && step + 1 < kSweepBound) {
      bucket.used.fetch_and(~bit, relaxed_);
      continue;
    }
    owner.free.push_back(clear_slot(bucket, slot));
    ++owner.evictions;
    return true;
  }
  return false;
}

// Takes a slab from the class that throws out the least for its size.
bool AnswerCache::steal_slab(unsigned for_class) {
  unsigned donor = for_class;
  double least = 0.125;  // of its entries thrown out lately; a class half as busy as we are gives nothing
  const bool must = classes_[for_class].slabs.empty();
  for (unsigned i = 0; i < kClasses.size(); ++i) {
    const SizeClass& candidate = classes_[i];
    if (i == for_class || candidate.slabs.size() < 2) continue;
    const std::size_t holds = candidate.slabs.size() * (kSlabSize / kClasses[i]);
    const double share = static_cast<double>(candidate.evictions) / static_cast<double>(holds);
    if (share < least || (must && donor == for_class)) {
      donor = i;
      least = share;
    }
  }
  if (donor == for_class) return false;
  SizeClass& giver = classes_[donor];
  const std::size_t per_slab = kSlabSize / kClasses[donor];
  const std::size_t at = (giver.hand / per_slab + 1) % giver.slabs.size();
  const std::uint32_t slab = giver.slabs[at];
  if (!empty_slab(slab, donor)) return false;
  giver.slabs.erase(giver.slabs.begin() + static_cast<std::ptrdiff_t>(at));
  giver.hand = 0;
  give_slab(slab, for_class);
  return true;
}

// Throws out every entry of one slab and takes its free ones off the list; false when one is in use just now.
bool AnswerCache::empty_slab(std::uint32_t slab, unsigned size_class) {
  SizeClass& owner = classes_[size_class];
  const std::uint32_t first = slab * static_cast<std::uint32_t>(kSlabSize / kUnit);
  const std::size_t count = kSlabSize / kClasses[size_class];
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t unit = first + static_cast<std::uint32_t>(i * kClasses[size_class] / kUnit);
    Bucket& bucket = buckets_[static_cast<std::uint32_t>(load(words(unit)[0])) & bucket_mask_];
    const BucketLock lock(bucket);
    const unsigned slot = slot_of(bucket, unit);
    if (slot != kSlots) owner.free.push_back(clear_slot(bucket, slot));
  }
  const auto in_slab = [&](std::uint32_t unit) { return unit / (kSlabSize / kUnit) == slab; };
  const auto free_here = static_cast<std::size_t>(std::count_if(owner.free.begin(), owner.free.end(), in_slab));
  if (free_here != count) return false;
  std::erase_if(owner.free, in_slab);
  return true;
}

}  // namespace weir
