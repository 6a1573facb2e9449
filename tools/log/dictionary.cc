#include "tools/log/dictionary.h"

#include <xxhash.h>

namespace weir::log {
namespace {

constexpr std::size_t kFirstSlots = 256;

}  // namespace

Dictionary::Dictionary() : slots_(kFirstSlots) {}

std::uint32_t Dictionary::intern(std::string_view octets) {
  if (2 * (ends_.size() + 1) > slots_.size()) grow();
  const auto hash = static_cast<std::uint32_t>(XXH3_64bits(octets.data(), octets.size()));
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at].code_after != 0; at = (at + 1) & mask) {
    if (slots_[at].hash == hash && this->at(slots_[at].code_after - 1) == octets) return slots_[at].code_after - 1;
  }
  arena_.append(octets);
  ends_.push_back(static_cast<std::uint32_t>(arena_.size()));
  slots_[at] = {hash, static_cast<std::uint32_t>(ends_.size())};
  return static_cast<std::uint32_t>(ends_.size() - 1);
}

void Dictionary::grow() {
  std::vector<Slot> larger(2 * slots_.size());
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.code_after == 0) continue;
    std::size_t at = slot.hash & mask;
    while (larger[at].code_after != 0) at = (at + 1) & mask;
    larger[at] = slot;
  }
  slots_ = std::move(larger);
}

void Dictionary::clear() {
  arena_.clear();
  ends_.clear();
  slots_.assign(kFirstSlots, Slot{});
}

}  // namespace weir::log
