// What comes into one list and what goes, in the order of the rule keys; and how it is found.
//
// It may be as long as the list, so it is read like a file: each reader goes over it once, with a rule's worth of
// memory.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/store/database.h"
#include "zones/store/fingerprint.h"
#include "zones/store/keys.h"
#include "zones/store/present_rules.h"
#include "zones/store/rule_cursor.h"
#include "zones/store/spool.h"

namespace weir::store {

struct RuleChange {
  std::string_view key;
  bool added = false;
  Interval interval;         // the new one, or the open one that ends
  std::string_view payload;  // to be stored under interval.detail; empty: none, or stored already
};

class ChangeSet {
 public:
  // `scratch`: where a file is made for what does not fit into memory.
  explicit ChangeSet(std::filesystem::path scratch) : spool_(std::move(scratch)) {}

  // In ascending order of the keys.
  void add(const RuleChange& change);
  void count_unchanged(std::uint64_t rules) { unchanged_ += rules; }
  Result<void> finish();  // behind the last one; errors: io

  std::uint64_t added() const { return added_; }
  std::uint64_t removed() const { return removed_; }
  std::uint64_t unchanged() const { return unchanged_; }
  std::uint64_t size() const { return added_ + removed_; }
  std::uint64_t payloads() const { return payloads_; }    // that are to be stored
  std::uint64_t last_line() const { return last_line_; }  // of what is added
  // What the sum of the list (fingerprint.h) and its counts of triggers change by, modulo their size.
  const Sum& sum_added() const { return sum_added_; }
  const Sum& sum_removed() const { return sum_removed_; }
  const std::array<std::uint64_t, 4>& triggers() const { return triggers_; }

  // What is known only when it is committed: from then on readers give what is added these numbers, and the payloads
  // ids from `first_payload` on, in their order.
  struct Stamp {
    std::uint64_t effective = 0;
    std::uint64_t import = 0;
    std::uint64_t first_payload = 0;
  };
  void set_stamp(const Stamp& stamp) { stamp_ = stamp; }

 private:
  friend class ChangeReader;
  Spool spool_;
  std::vector<std::string> first_keys_;  // of the spool's blocks
  std::string scratch_;
  Hasher hash_;
  std::uint64_t added_ = 0;
  std::uint64_t removed_ = 0;
  std::uint64_t unchanged_ = 0;
  std::uint64_t payloads_ = 0;
  std::uint64_t last_line_ = 0;
  Sum sum_added_{};
  Sum sum_removed_{};
  std::array<std::uint64_t, 4> triggers_{};
  std::optional<Stamp> stamp_;
};

// One thread a reader. The set outlives it and is finished.
class ChangeReader {
 public:
  explicit ChangeReader(const ChangeSet& changes);
  // Begins at the first key that is not before `key`: a binary search. Details are not those of the stamp.
  ChangeReader(const ChangeSet& changes, std::string_view key);

  // False at the end or after a failure; `change` is valid until the next call.
  bool next(RuleChange& change);
  Result<void> status() const;

 private:
  static std::size_t block_of(const ChangeSet& changes, std::string_view key);

  const ChangeSet& changes_;
  SpoolReader reader_;
  const std::string from_;
  std::uint64_t next_payload_ = 0;
  bool damaged_ = false;
};

// The difference between what a list has and what it is to have. `progress` is told the rules done, now and then;
// `seen`, where there is one, all rules that the list is to have. Errors: those of `wanted`, corrupt, io.
Result<void> diff(const Database& database, ListId list, RuleCursor& wanted,
                  const std::function<void(std::uint64_t)>& progress, ChangeSet& out,
                  PresentRulesDraft* seen = nullptr);

// The same where what stays is marked in `present` and `come` are the others, which are added to it. Errors: those of
// `come`, io; busy (`present` is not what the list has: it is to be read anew, and compared whole).
Result<void> diff(const Database& database, ListId list, PresentRules& present, RuleCursor& come,
                  const std::function<void(std::uint64_t)>& progress, ChangeSet& out);

// The same where it is known what goes and what comes, both sorted; a rule of both stays. `before`: rules of the list.
// Errors: not_found (a rule that is to go is not there), exists (one that is to come is), corrupt, io.
Result<void> difference(const Database& database, ListId list, std::uint64_t before, RuleCursor& gone, RuleCursor& come,
                        ChangeSet& out);

}  // namespace weir::store
