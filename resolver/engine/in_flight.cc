#include "resolver/engine/in_flight.h"

#include <algorithm>

namespace weir {

EngineNumber InFlight::enter(std::function<void()> wake) {
  wakes_.push_back(std::move(wake));
  return EngineNumber{static_cast<std::uint32_t>(wakes_.size() - 1)};
}

bool InFlight::begin(std::uint64_t question, EngineNumber engine) {
  Shard& shard = shard_of(question);
  const std::lock_guard lock(shard.mutex);
  const auto [at, added] = shard.entries.try_emplace(question);
  Entry& entry = at->second;
  if (added) entry.owner = engine;
  if (entry.owner == engine) {
    ++entry.count;
    return true;
  }
  if (std::ranges::find(entry.waiting, engine) == entry.waiting.end()) entry.waiting.push_back(engine);
  return false;
}

void InFlight::end(std::uint64_t question, EngineNumber engine) {
  std::vector<EngineNumber> waiting;
  Shard& shard = shard_of(question);
  {
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.entries.find(question);
    if (at == shard.entries.end() || at->second.owner != engine || --at->second.count != 0) return;
    waiting = std::move(at->second.waiting);
    shard.entries.erase(at);
  }
  for (const EngineNumber waiter : waiting) wakes_[waiter.value]();
}

std::size_t InFlight::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.entries.size();
  }
  return size;
}

}  // namespace weir
