#include "resolver/dnssec/zone_trust.h"

#include <algorithm>
#include <utility>

namespace weir {

ZoneTrustCache::ZoneTrustCache(std::size_t max_zones) : max_of_shard_(std::max<std::size_t>(1, max_zones / kShards)) {}

std::optional<ZoneTrust> ZoneTrustCache::find(const Name& zone, SteadyTime now) {
  Shard& shard = this->shard(zone);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.index.find(zone);
  if (known == shard.index.end() || known->second->trust.expires <= now) return std::nullopt;
  shard.entries.splice(shard.entries.begin(), shard.entries, known->second);
  return known->second->trust;
}

void ZoneTrustCache::put(const Name& zone, ZoneTrust trust) {
  Shard& shard = this->shard(zone);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.index.find(zone);
  if (known != shard.index.end()) {
    known->second->trust = std::move(trust);
    shard.entries.splice(shard.entries.begin(), shard.entries, known->second);
    return;
  }
  if (shard.entries.size() >= max_of_shard_) {
    shard.index.erase(shard.entries.back().zone);
    shard.entries.pop_back();
  }
  shard.entries.push_front({zone, std::move(trust)});
  shard.index.emplace(zone, shard.entries.begin());
}

void ZoneTrustCache::erase(const Name& zone) {
  Shard& shard = this->shard(zone);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.index.find(zone);
  if (known == shard.index.end()) return;
  shard.entries.erase(known->second);
  shard.index.erase(known);
}

void ZoneTrustCache::erase_subtree(const Name& name) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto entry = shard.entries.begin(); entry != shard.entries.end();) {
      const auto next = std::next(entry);
      if (entry->zone.is_at_or_below(name)) {
        shard.index.erase(entry->zone);
        shard.entries.erase(entry);
      }
      entry = next;
    }
  }
}

void ZoneTrustCache::clear() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.index.clear();
    shard.entries.clear();
  }
}

std::size_t ZoneTrustCache::size() const {
  std::size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.entries.size();
  }
  return count;
}

}  // namespace weir
