// What is known of every sealed block without reading it: the family `index`, whole in memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tools/log/block.h"
#include "tools/log/log_database.h"
#include "zones/base/result.h"

namespace weir::log {

inline constexpr std::size_t kDecisionClasses = 6;

struct IndexEntry {
  BlockHeader header;
  std::uint64_t bytes = 0;
  std::uint64_t oldest_generation = 0;
};
std::string encode(const IndexEntry& entry);

std::uint64_t sequence_of(std::string_view block_key);
std::string class_start(DecisionClass decision_class);  // no key of the class comes before it

// One thread, or under its owner's lock.
class BlockIndex {
 public:
  Result<void> load(const LogDatabase& database);
  void put(const std::string& key, const IndexEntry& entry);  // also in the place of an older entry
  void erase(const std::string& key);
  const IndexEntry* find(const std::string& key) const;
  const std::map<std::string, IndexEntry>& all() const { return entries_; }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return bytes_; }
  std::optional<std::int64_t> oldest_ms() const;
  std::optional<std::uint64_t> oldest_generation() const;
  // The class's first key, or where the next class begins if it has none: what lies between class_start() and it is
  // gone.
  std::string first_key(DecisionClass decision_class) const;

 private:
  std::map<std::string, IndexEntry> entries_;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace weir::log
