#include "tools/log/retention.h"

#include <algorithm>
#include <utility>

namespace weir::log {

std::vector<std::string> blocks_to_drop(const BlockIndex& index, const LogRetention& retention, std::int64_t now_ms,
                                        std::uint64_t other_bytes) {
  std::vector<std::pair<std::int64_t, const std::string*>> by_age;
  by_age.reserve(index.all().size());
  for (const auto& [key, entry] : index.all()) by_age.emplace_back(entry.header.last_ms, &key);
  std::sort(by_age.begin(), by_age.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : *a.second < *b.second;
  });
  std::vector<std::string> dropped;
  std::uint64_t left = index.bytes() + other_bytes;
  for (const auto& [last_ms, key] : by_age) {
    const IndexEntry& entry = index.all().at(*key);
    const bool is_old = last_ms < now_ms - retention.keep_of(entry.header.decision_class).count();
    if (!is_old && left <= retention.size_bytes) continue;
    left -= entry.bytes;
    dropped.push_back(*key);
  }
  return dropped;
}

std::map<DecisionClass, RollupStore::Oldest> oldest_rollups(const BlockIndex& index, const LogRetention& retention,
                                                            std::int64_t now_ms,
                                                            const std::vector<std::string>& dropped) {
  std::map<DecisionClass, RollupStore::Oldest> oldest;
  for (std::size_t each = 0; each < kDecisionClasses; ++each) {
    const auto decision_class = static_cast<DecisionClass>(each);
    const std::int64_t by_age = now_ms - retention.keep_of(decision_class).count();
    oldest[decision_class] = {by_age, by_age};
  }
  for (const std::string& key : dropped) {
    const BlockHeader& header = index.all().at(key).header;
    std::int64_t& domains_ms = oldest[header.decision_class].domains_ms;
    domains_ms = std::max(domains_ms, header.last_ms);
  }
  return oldest;
}

}  // namespace weir::log
