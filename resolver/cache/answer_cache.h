// Whole unfiltered answers, ready to be copied: the cache that the packet path reads. Shared by all workers.
//
// Entries lie in fixed size classes of one arena that is never unmapped, so a reader may look at memory that
// is being reused: it copies atomic words and then checks that the slot which led there is still the same (each
// slot carries a version). Readers never wait and never write shared memory but to mark an entry as used for
// the first time. Writers lock one bucket; the allocator has a lock of its own, taken by misses only.
//
// What is not cached here: AD, the Extended DNS Error of a block and the block itself. They are made for each
// reply, so a change of policy needs no flush; a change of rules is noticed by the names epoch.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "resolver/wire/query.h"
#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

inline constexpr std::size_t kMaxCachedAnswer = 8192;  // octets of one entry with all that belongs to it

// The question as an answer depends on it. `qname` in any case.
struct AnswerKey {
  std::span<const std::uint8_t> qname;
  std::uint64_t qname_hash = 0;  // hash_wire_name(qname)
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  bool translated = false;  // AAAA may be made of A for this client (RFC 6147)

  static AnswerKey of(const Query& query) {
    return {.qname = query.qname,
            .qname_hash = query.qname_hash,
            .type = query.type,
            .record_class = query.record_class,
            .dnssec_ok = query.dnssec_ok,
            .checking_disabled = query.checking_disabled,
            .translated = false};
  }
};

// Seconds of the steady clock, as entries hold them.
using CacheSeconds = std::uint32_t;
inline CacheSeconds to_cache_seconds(SteadyTime time) {
  return static_cast<CacheSeconds>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

// The longest that an entry may be used after it expired.
inline constexpr CacheSeconds kMaxStale = (1U << 21) - 1;

// What is put. `wire`: header, question, records, without OPT, counts set; TTLs as of `inserted`.
struct NewAnswer {
  std::span<const std::uint8_t> wire;
  std::span<const std::uint16_t> ttl_offsets;
  Rcode rcode = Rcode::noerror;
  std::uint8_t security = 0;  // the engine's Security
  CacheSeconds inserted = 0;
  CacheSeconds expires = 0;
  // Until when it may stand in for an answer that cannot be had (RFC 8767): up to kMaxStale after `expires`; not later
  // than that: never. `stale`: it stands in already, its TTLs are over.
  CacheSeconds stale_until = 0;
  bool stale = false;
  std::optional<EdeCode> ede;  // of the answer itself (why it failed), not of a block
  std::string_view ede_text;
  NamesEpoch epoch;                       // under which `matches` were looked up
  std::span<const std::uint8_t> matches;  // encode_matches(); empty: nothing in the answer matches any rule
};

// A copy of an entry, all but its wire. Reused: one for each worker. About 8 KiB.
class CachedAnswer {
 public:
  std::size_t wire_size = 0;
  Rcode rcode = Rcode::noerror;
  std::uint8_t security = 0;
  CacheSeconds inserted = 0;
  CacheSeconds expires = 0;
  CacheSeconds stale_until = 0;
  bool stale = false;
  NamesEpoch epoch;
  std::optional<EdeCode> ede;

  std::span<const std::uint16_t> ttl_offsets() const {
    return {reinterpret_cast<const std::uint16_t*>(tail_.data()), ttl_count_};
  }
  std::string_view ede_text() const {
    return {reinterpret_cast<const char*>(tail_.data()) + 2U * ttl_count_, text_size_};
  }
  std::span<const std::uint8_t> matches() const {
    return {reinterpret_cast<const std::uint8_t*>(tail_.data()) + 2U * ttl_count_ + text_size_, matches_size_};
  }

 private:
  friend class AnswerCache;
  std::uint16_t ttl_count_ = 0;
  std::uint16_t matches_size_ = 0;
  std::uint8_t text_size_ = 0;
  std::array<std::uint64_t, kMaxCachedAnswer / 8> tail_;
};

enum class Reading : std::uint8_t {
  fresh,
  stale_too  // also what has expired, up to its stale_until
};

enum class PutMode : std::uint8_t {
  answer,  // replaces what is there
  matches  // only where the same answer is there with an older epoch
};

class AnswerCache {
 public:
  // All memory that it ever uses, reserved here and touched as it fills (huge pages where the system has them).
  // Errors: too_large (the system does not give that much).
  static Result<std::unique_ptr<AnswerCache>> make(std::size_t size_bytes);
  ~AnswerCache();
  AnswerCache(const AnswerCache&) = delete;
  AnswerCache& operator=(const AnswerCache&) = delete;

  // Three steps, so that a batch overlaps its memory latencies: prepare() for all, locate() for all, then read().
  struct Probe {
    std::uint64_t hash = 0;
    std::uint32_t bucket = 0;
    std::uint8_t slot = 0;  // where read() begins; kSlots: certainly nothing
  };
  Probe prepare(const AnswerKey& key) const;  // hashes, prefetches the bucket
  bool locate(Probe& probe) const;            // prefetches the entry; false: not here
  // The wire's first min(wire_size, out.size()) octets go to `out` (at least 512), the rest into `answer`.
  // False: not here, expired, or replaced in this very moment.
  bool read(Probe& probe, const AnswerKey& key, CacheSeconds now, std::span<std::uint8_t> out, CachedAnswer& answer,
            Reading reading = Reading::fresh);

  // False: too large, or nothing could be evicted.
  bool put(const AnswerKey& key, const NewAnswer& answer, PutMode mode = PutMode::answer);
  // After a read() that succeeded; callers sample (each 64th hit adds 64). Never waits; may be lost.
  void add_hits(const Probe& probe, std::uint32_t hits);
  std::uint32_t hits(const Probe& probe) const;

  // After a read() that succeeded, and once an entry: true for the one who is to have it asked for again before it
  // expires. Never waits; where another thread is in the way nobody is told.
  bool claim_refresh(const Probe& probe);
  // Removes the entry if its time is over: something newer is known.
  void erase_expired(const AnswerKey& key, CacheSeconds now);

  // Removes the entries of `name`, or of it and everything below; returns how many. Walks the whole table.
  std::uint64_t flush(const Name& name, bool subtree);

  // What lies at `name` and, where wanted, below it; at most `most`. Walks the whole table.
  struct Listed {
    Name name;
    RecordType type = RecordType::a;
    bool dnssec_ok = false;
    bool checking_disabled = false;
    Rcode rcode = Rcode::noerror;
    std::uint8_t security = 0;
    CacheSeconds expires = 0;
    std::uint32_t hits = 0;  // sampled, see add_hits()
  };
  std::vector<Listed> list(const Name& name, bool subtree, std::size_t most);
  // Tells everything in a part of the table, beginning at bucket `at` (0 at first), and moves `at` on; false: that was
  // the end. `each` is called without any lock.
  bool walk(std::size_t& at, const std::function<void(const Listed&)>& each);

  // Makes the memory present that the next entries will take, so that no put() waits while the system clears a huge
  // page (milliseconds seen). Call it about once a second from a thread that may wait.
  void prepare_memory();

  std::uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }  // by live entries
  std::size_t capacity_bytes() const { return map_size_; }

 private:
  static constexpr unsigned kSlots = 7;
  static constexpr std::array<std::uint16_t, 13> kClasses = {128,  192,  256,  384,  512,  768, 1024,
                                                             1536, 2048, 3072, 4096, 6144, 8192};
  static constexpr std::size_t kUnit = 64;
  static constexpr std::size_t kSlabSize = 64 * 1024;

  // One cache line. A slot holds tag (16 bits), version (20), entry's first unit plus one (28; 0: empty).
  struct alignas(64) Bucket {
    std::atomic<std::uint32_t> lock{0};
    std::atomic<std::uint32_t> used{0};  // the clock's bit of each slot
    std::array<std::atomic<std::uint64_t>, kSlots> slots{};
  };
  static_assert(sizeof(Bucket) == 64);

  AnswerCache(void* map, std::size_t map_size, std::size_t bucket_count, std::uint32_t slab_count);

  class BucketLock;
  struct SizeClass {
    std::vector<std::uint32_t> free;   // units
    std::vector<std::uint32_t> slabs;  // numbers of slabs
    std::size_t hand = 0;              // the clock's: entry number over all its slabs
    std::uint64_t evictions = 0;       // since a slab was last taken for it
  };

  std::uint64_t* words(std::uint32_t unit) const { return arena_ + std::size_t{unit} * (kUnit / 8); }
  // What slot `slot` of `bucket` has, while it is locked; nothing where it has nothing.
  std::optional<Listed> look(Bucket& bucket, unsigned slot) const;
  unsigned class_of(std::uint32_t unit) const { return slab_class_[unit / (kSlabSize / kUnit)].load(relaxed_); }
  bool same_key(std::uint32_t unit, std::uint64_t hash, const AnswerKey& key) const;
  // The slot that refers to `unit`; kSlots: none. The bucket is locked.
  static unsigned slot_of(const Bucket& bucket, std::uint32_t unit);
  std::uint32_t clear_slot(Bucket& bucket, unsigned slot);  // locked; returns its unit

  std::optional<std::uint32_t> allocate(unsigned size_class);
  void release(std::uint32_t unit);
  bool grow(SizeClass& wanted, unsigned size_class);
  bool evict_one(unsigned size_class);
  bool steal_slab(unsigned for_class);
  void give_slab(std::uint32_t slab, unsigned size_class);
  bool empty_slab(std::uint32_t slab, unsigned size_class);

  static constexpr auto relaxed_ = std::memory_order_relaxed;

  void* map_ = nullptr;
  std::size_t map_size_ = 0;
  Bucket* buckets_ = nullptr;
  std::uint32_t bucket_mask_ = 0;
  std::uint64_t* arena_ = nullptr;
  std::uint32_t slab_count_ = 0;
  std::unique_ptr<std::atomic<std::uint8_t>[]> slab_class_;

  std::mutex allocator_;  // everything below
  std::uint32_t next_slab_ = 0;
  std::array<SizeClass, kClasses.size()> classes_;

  std::size_t prepared_ = 0;  // octets of the map, from its beginning; of prepare_memory() alone

  std::atomic<std::uint64_t> entries_{0};
  std::atomic<std::uint64_t> used_bytes_{0};
};

}  // namespace weir
