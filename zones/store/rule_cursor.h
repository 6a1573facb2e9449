// The rules that a list is to have, in the order of their rule keys: from an import, sorted; or from the validity
// intervals, as they were at some generation. And the difference to what it has.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/store/database.h"
#include "zones/store/fingerprint.h"
#include "zones/store/keys.h"
#include "zones/store/writer.h"

namespace weir::store {

// Text that stays where it is, in few large allocations.
class Arena {
 public:
  std::string_view store(std::string_view text);

 private:
  static constexpr std::size_t kChunkBytes = 1U << 20;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t left_ = 0;
  char* at_ = nullptr;
};

struct WantedRule {
  std::string_view key;
  std::uint64_t import = 0;
  std::uint64_t line = 0;
  std::uint32_t detail = 0;              // known already; 0: none or new
  const std::string* payload = nullptr;  // of a rule whose detail is new
};

class RuleCursor {
 public:
  virtual ~RuleCursor() = default;
  // False at the end or after a failure; what `rule` points to holds as long as the cursor.
  virtual bool next(WantedRule& rule) = 0;
  virtual Result<void> status() const { return {}; }
};

// Takes rules in any order and gives them back sorted, without duplicates (the first line stays).
// In memory: about 70 octets a rule. A list too large for that can be sorted on disk behind the same two calls.
class RuleSorter : public RuleCursor {
 public:
  explicit RuleSorter(ImportId import) : import_(import) {}
  // Error: too_large (a rule with more text than a record holds).
  Result<void> add(const SourcedRule& rule);
  void sort();
  bool next(WantedRule& rule) override;

 private:
  struct Record {
    std::uint64_t line;
    std::uint32_t payload;  // index + 1; 0: none
    std::uint32_t key_size;
  };
  struct Item {
    std::uint64_t high;  // the key's first 16 octets: most comparisons end here
    std::uint64_t low;
    const char* record;  // Record, then the key
  };
  static Record record_of(const Item& item);
  static std::string_view key_of(const Item& item);

  ImportId import_;
  Hasher hash_;
  Arena arena_;
  std::vector<Item> items_;
  std::deque<std::string> payloads_;
  std::string scratch_;
  std::size_t at_ = 0;
};

// What a list held at one generation.
class PastRules : public RuleCursor {
 public:
  PastRules(const Database& database, ListId list, std::uint64_t generation);
  bool next(WantedRule& rule) override;
  Result<void> status() const override;

 private:
  bool find_open();
  bool find_closed();

  std::uint64_t generation_;
  Arena arena_;
  std::string open_prefix_;
  std::string closed_prefix_;
  std::unique_ptr<rocksdb::Iterator> open_;
  std::unique_ptr<rocksdb::Iterator> closed_;
  bool started_ = false;
  bool open_valid_ = false;
  bool closed_valid_ = false;
  std::string_view open_key_;
  std::string_view closed_key_;
  Interval open_interval_;
  Interval closed_interval_;
  bool damaged_ = false;
};

struct RuleChange {
  std::string_view key;
  bool added = false;
  Interval interval;                     // the new one, or the open one that ends
  const std::string* payload = nullptr;  // to be stored under interval.detail
};

// Sorted by key; holds as long as the cursor that it came from.
struct ChangeSet {
  Arena arena;
  std::vector<RuleChange> changes;
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t unchanged = 0;
};

// `effective`: the generation that new rules first appear in. `next_payload` rises with each new detail.
Result<void> diff(const Database& database, ListId list, RuleCursor& wanted, std::uint64_t effective,
                  std::uint64_t& next_payload, const std::function<void(std::uint64_t)>& progress, ChangeSet& out);

// The same where it is known what goes and what comes, both sorted; a rule of both stays. `before`: rules of the list.
// Errors: not_found (a rule that is to go is not there), exists (one that is to come is), corrupt, io.
Result<void> difference(const Database& database, ListId list, std::uint64_t before, RuleCursor& gone, RuleCursor& come,
                        ChangeSet& out);

}  // namespace weir::store
