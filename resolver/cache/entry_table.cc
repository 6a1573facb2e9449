#include "resolver/cache/entry_table.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace weir {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kNowhere = SIZE_MAX;
// So far from its home at most: names whose hashes collide on purpose push each other out instead of making runs that
// every look-up walks.
constexpr std::size_t kLongestRun = 256;
constexpr std::uint32_t kTaken = 1;
constexpr std::uint32_t kUsed = 2;

std::uint32_t mark_of(const Name& name) {
  return static_cast<std::uint32_t>(name.hash() >> 32) << 2 | kTaken;
}

bool is_same_name(const Entry& entry, const Name& name) {
  const auto wire = name.wire();
  return entry.name_size == wire.size() &&
         std::ranges::equal(entry.name(), wire,
                            [](std::uint8_t known, std::uint8_t asked) { return known == fold(asked); });
}

bool is_of(const Entry& entry, const EntryKey& key) {
  return entry.kind == key.kind && entry.type == key.type && is_same_name(entry, key.name);
}

}  // namespace

std::size_t Entry::size_bytes() const {
  // A block of malloc has 8 octets of its own and ends at a multiple of 16; slots are two thirds full on average.
  constexpr std::size_t kSlot = (sizeof(std::uint32_t) + sizeof(void*)) * 3 / 2;
  return ((sizeof(Entry) + name_size + payload_size + 8 + 15) & ~std::size_t{15}) + kSlot;
}

template <typename Fits>
std::size_t EntryTable::find_slot(const Name& name, Fits fits) const {
  if (marks_.empty()) return kNowhere;
  const std::uint32_t wanted = mark_of(name);
  std::size_t slot = home_of(wanted);
  for (std::size_t passed = 0; passed < kLongestRun && marks_[slot] != 0; ++passed, slot = next(slot))
    if ((marks_[slot] & ~kUsed) == wanted && fits(*blocks_[slot])) return slot;
  return kNowhere;
}

Entry* EntryTable::find(const EntryKey& key) {
  const std::size_t slot = find_slot(key.name, [&](const Entry& entry) { return is_of(entry, key); });
  if (slot == kNowhere) return nullptr;
  marks_[slot] |= kUsed;
  return blocks_[slot].get();
}

Entry* EntryTable::insert(const EntryKey& key, const Entry& head, std::span<const std::uint8_t> payload,
                          std::size_t capacity_bytes) {
  erase(key);
  const auto name = key.name.wire();
  Entry made = head;
  made.kind = key.kind;
  made.type = key.type;
  made.name_size = static_cast<std::uint8_t>(name.size());
  made.payload_size = static_cast<std::uint32_t>(payload.size());
  const std::size_t size = made.size_bytes();
  if (size > capacity_bytes) return nullptr;
  while (bytes_ + size > capacity_bytes) drop_one();
  if ((count_ + 1) * 4 > marks_.size() * 3) grow();

  Block block(new (::operator new(sizeof(Entry) + name.size() + payload.size())) Entry(made));
  auto* octets = reinterpret_cast<std::uint8_t*>(block.get() + 1);
  std::ranges::transform(name, octets, fold);
  std::ranges::copy(payload, octets + name.size());

  Entry* const out = block.get();
  place(mark_of(key.name) | kUsed, std::move(block));
  return out;
}

void EntryTable::place(std::uint32_t mark, Block block) {
  std::size_t slot = home_of(mark);
  for (std::size_t passed = 1; passed < kLongestRun && marks_[slot] != 0; ++passed) slot = next(slot);
  if (marks_[slot] == 0)
    ++count_;
  else
    bytes_ -= blocks_[slot]->size_bytes();
  bytes_ += block->size_bytes();
  marks_[slot] = mark;
  blocks_[slot] = std::move(block);
}

void EntryTable::erase(const EntryKey& key) {
  const std::size_t slot = find_slot(key.name, [&](const Entry& entry) { return is_of(entry, key); });
  if (slot != kNowhere) take_out(slot);
}

void EntryTable::erase_all(const Name& name) {
  const auto fits = [&](const Entry& entry) { return is_same_name(entry, name); };
  for (std::size_t slot = find_slot(name, fits); slot != kNowhere; slot = find_slot(name, fits)) take_out(slot);
}

void EntryTable::clear() {
  *this = EntryTable();
}

// What follows in the run moves up where it may, so that no run has a hole.
void EntryTable::take_out(std::size_t slot) {
  bytes_ -= blocks_[slot]->size_bytes();
  --count_;
  std::size_t hole = slot;
  for (std::size_t at = next(hole); marks_[at] != 0; at = next(at)) {
    const std::size_t from_home = (at - home_of(marks_[at])) & (marks_.size() - 1);
    const std::size_t from_hole = (at - hole) & (marks_.size() - 1);
    if (from_home < from_hole) continue;
    marks_[hole] = marks_[at];
    blocks_[hole] = std::move(blocks_[at]);
    hole = at;
  }
  marks_[hole] = 0;
  blocks_[hole].reset();
}

void EntryTable::grow() {
  EntryTable bigger;
  bigger.marks_.resize(std::max(kFirstSlots, marks_.size() * 2));
  bigger.blocks_.resize(bigger.marks_.size());
  for (std::size_t slot = 0; slot < marks_.size(); ++slot)
    if (marks_[slot] != 0) bigger.place(marks_[slot], std::move(blocks_[slot]));
  *this = std::move(bigger);
}

void EntryTable::drop_one() {
  for (;; hand_ = next(hand_)) {
    std::uint32_t& mark = marks_[hand_];
    if (mark == 0) continue;
    if ((mark & kUsed) == 0) return take_out(hand_);
    mark &= ~kUsed;
  }
}

}  // namespace weir
