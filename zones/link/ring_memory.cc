#include "zones/link/ring_memory.h"

#include <algorithm>
#include <cstring>

#include "zones/link/decision.h"

namespace weir {
namespace {

constexpr std::uint64_t kLine = 64;
constexpr std::uint64_t kLinesAhead = 3;  // of most records

struct RecordHead {
  std::uint32_t size;
  std::uint32_t check;
};
static_assert(sizeof(RecordHead) == 8);

constexpr std::uint64_t padded(std::uint64_t size) {
  return (size + 7) & ~std::uint64_t{7};
}

// Tells records from scribbles; 8 octets a step. `position` is part of it, so that a record of an earlier round
// is not taken for one of this.
std::uint32_t check_of(std::span<const std::uint8_t> record, std::uint64_t position) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15;
  std::uint64_t state = (position ^ record.size()) * kFactor;
  std::size_t i = 0;
  for (; i + 8 <= record.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, record.data() + i, 8);
    state = (state ^ word) * kFactor;
    state ^= state >> 29;
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, record.data() + i, record.size() - i);
  state = (state ^ rest) * kFactor;
  return static_cast<std::uint32_t>(state >> 32);
}

void copy_in(const RingMemory& memory, std::uint64_t position, std::span<const std::uint8_t> from) {
  const std::uint64_t start = position & (memory.capacity - 1);
  const std::uint64_t first = std::min<std::uint64_t>(from.size(), memory.capacity - start);
  std::memcpy(memory.octets + start, from.data(), first);
  std::memcpy(memory.octets, from.data() + first, from.size() - first);
}

void copy_out(const RingMemory& memory, std::uint64_t position, std::span<std::uint8_t> to) {
  const std::uint64_t start = position & (memory.capacity - 1);
  const std::uint64_t first = std::min<std::uint64_t>(to.size(), memory.capacity - start);
  std::memcpy(to.data(), memory.octets + start, first);
  std::memcpy(to.data() + first, memory.octets, to.size() - first);
}

bool plausible(std::uint64_t head, std::uint64_t tail, std::uint64_t capacity) {
  return head % 8 == 0 && tail % 8 == 0 && head - tail <= capacity;
}

}  // namespace

bool is_sound(const RingMemory& memory) {
  return plausible(memory.header->head.load(std::memory_order_acquire),
                   memory.header->tail.load(std::memory_order_acquire), memory.capacity);
}

RingWriter::RingWriter(const RingMemory& memory)
    : memory_(memory),
      head_(memory.header->head.load(std::memory_order_relaxed)),
      tail_(memory.header->tail.load(std::memory_order_acquire)),
      dropped_(memory.header->dropped.load(std::memory_order_relaxed)) {}

bool RingWriter::push(std::span<const std::uint8_t> record) noexcept {
  if (record.empty() || record.size() > kMaxRecordSize) return drop();
  const std::uint64_t needed = sizeof(RecordHead) + padded(record.size());
  if (head_ - tail_ > memory_.capacity - needed) {
    const std::uint64_t tail = memory_.header->tail.load(std::memory_order_acquire);
    if (!plausible(head_, tail, memory_.capacity)) return drop();  // the consumer puts it right at its next release
    tail_ = tail;
    if (head_ - tail_ > memory_.capacity - needed) return drop();
  }
  const RecordHead head{static_cast<std::uint32_t>(record.size()), check_of(record, head_)};
  std::memcpy(memory_.octets + (head_ & (memory_.capacity - 1)), &head, sizeof head);  // aligned: never across the end
  copy_in(memory_, head_ + sizeof head, record);
  head_ += needed;
  memory_.header->head.store(head_, std::memory_order_release);
  // The consumer has read there since: the lines are on their way back until the next record comes.
  for (std::uint64_t line = 0; line < kLinesAhead * kLine; line += kLine)
    __builtin_prefetch(memory_.octets + ((head_ + line) & (memory_.capacity - 1)), 1);
  return true;
}

bool RingWriter::drop() noexcept {
  memory_.header->dropped.store(++dropped_, std::memory_order_relaxed);
  return false;
}

RingReader::RingReader(const RingMemory& memory)
    : memory_(memory), cursor_(memory.header->tail.load(std::memory_order_relaxed)) {
  const std::uint64_t head = memory.header->head.load(std::memory_order_acquire);
  if (!plausible(head, cursor_, memory.capacity)) skip_to(head);
}

std::size_t RingReader::peek(std::span<std::uint8_t> out) noexcept {
  const std::uint64_t head = memory_.header->head.load(std::memory_order_acquire);
  if (head == cursor_) return 0;
  if (!plausible(head, cursor_, memory_.capacity)) return skip_to(head);
  RecordHead record;
  std::memcpy(&record, memory_.octets + (cursor_ & (memory_.capacity - 1)), sizeof record);
  const std::uint64_t whole = sizeof record + padded(record.size);
  if (record.size == 0 || record.size > std::min(kMaxRecordSize, out.size()) || whole > head - cursor_) {
    return skip_to(head);
  }
  const auto octets = out.first(record.size);
  copy_out(memory_, cursor_ + sizeof record, octets);
  if (check_of(octets, cursor_) != record.check) return skip_to(head);
  cursor_ += whole;
  return record.size;
}

// Where records begin is known only at the head, so everything up to there is lost.
std::size_t RingReader::skip_to(std::uint64_t head) noexcept {
  damaged_ += std::min(head - cursor_, memory_.capacity);
  cursor_ = head & ~std::uint64_t{7};
  return 0;
}

}  // namespace weir
