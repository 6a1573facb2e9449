// What rules hold beyond a few octets, read from the database at first use and kept for the generation's life.
//
// Readers never lock: a fixed table of chains to which entries are only ever added in front. Two threads that
// miss the same id at once may both add it; either entry is good for ever.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "zones/store/database.h"
#include "zones/store/keys.h"

namespace weir::store {

class PayloadTable {
 public:
  // `failures` is counted up where a record cannot be read.
  PayloadTable(const Database& database, std::atomic<std::uint64_t>& failures);
  PayloadTable(const PayloadTable&) = delete;
  PayloadTable& operator=(const PayloadTable&) = delete;
  ~PayloadTable();

  // nullptr: no such id, or not readable.
  const RuleDetail* detail(std::uint64_t id) const;
  std::string_view pattern(std::uint64_t id) const;  // empty: none
  // Whether the pattern with this id (glob or regular expression) matches `name` (text without the final dot).
  bool pattern_matches(std::uint64_t id, PatternKind kind, std::string_view name) const;

 private:
  struct Node;
  static constexpr std::size_t kChains = 4096;

  const Node* find(std::uint64_t id) const;

  const Database& database_;
  std::atomic<std::uint64_t>& failures_;
  std::unique_ptr<std::atomic<const Node*>[]> chains_;
};

}  // namespace weir::store
