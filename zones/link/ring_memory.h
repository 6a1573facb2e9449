// The ring itself, in memory that two threads or processes share; ring.cc gives it a file.
//
// Two counters that only rise say where the producer (head) and the consumer (tail) stand; octet n lies at
// n mod capacity. A record is its size and a checksum (4 octets each), then its octets, padded to eight; it may
// lie across the end. Each side owns one counter, keeps its own copy of it and rewrites the shared one, so a
// scribble on it heals. Nothing read from the memory is believed: a fault costs records, never a wild access.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

namespace weir {

inline constexpr std::uint64_t kRingMagic = 0x474E495252494557;  // "WEIRRING"
inline constexpr std::uint32_t kRingVersion = 1;

// At the start of the memory; the octets follow it. Counters on cache lines of their own.
struct RingHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t header_size;
  std::uint64_t capacity;  // a power of two
  alignas(64) std::atomic<std::uint64_t> head;
  std::atomic<std::uint64_t> dropped;
  alignas(64) std::atomic<std::uint64_t> tail;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(RingHeader) == 192);

struct RingMemory {
  RingHeader* header = nullptr;
  std::uint8_t* octets = nullptr;
  std::uint64_t capacity = 0;  // checked by whoever made this; the header's is not read again
};

// Head and tail are what a ring can have.
bool is_sound(const RingMemory& memory);

class RingWriter {
 public:
  explicit RingWriter(const RingMemory& memory);
  bool push(std::span<const std::uint8_t> record) noexcept;
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  bool drop() noexcept;

  RingMemory memory_;
  std::uint64_t head_;
  std::uint64_t tail_;  // as last seen: read again only when the ring looks full
  std::uint64_t dropped_;
};

class RingReader {
 public:
  explicit RingReader(const RingMemory& memory);
  std::size_t peek(std::span<std::uint8_t> out) noexcept;
  void release() noexcept { memory_.header->tail.store(cursor_, std::memory_order_release); }
  std::uint64_t dropped() const noexcept { return memory_.header->dropped.load(std::memory_order_relaxed); }
  std::uint64_t damaged() const noexcept { return damaged_; }

 private:
  std::size_t skip_to(std::uint64_t head) noexcept;

  RingMemory memory_;
  std::uint64_t cursor_;  // behind what was peeked
  std::uint64_t damaged_ = 0;
};

}  // namespace weir
