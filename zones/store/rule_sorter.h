// Takes the rules of one reading in any order and gives them back in the order of their keys, without duplicates.
//
// The memory is bounded: what is more goes in sorted runs to the disk and is merged when it is read. A run is sorted
// and written beside who adds the next one's rules. What the list has already is marked and left out at once.
#pragma once

#include <array>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/rule.h"
#include "zones/store/fingerprint.h"
#include "zones/store/present_rules.h"
#include "zones/store/rule_cursor.h"
#include "zones/store/spool.h"

namespace weir::store {

// About 600,000 rules, half of them in the run that is being written.
inline constexpr std::size_t kSortMemoryBytes = 40U << 20;

// Text that stays where it is, in few large allocations.
class Arena {
 public:
  std::string_view store(std::string_view text);
  std::size_t size_bytes() const { return used_; }
  void clear();  // keeps what is allocated

 private:
  static constexpr std::size_t kChunkBytes = 1U << 20;
  struct Chunk {
    std::unique_ptr<char[]> octets;
    std::size_t size;
  };
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;  // the one in use
  std::size_t at_ = 0;     // in it
  std::size_t used_ = 0;
};

class RuleSorter : public RuleCursor {
 public:
  // `folder`: for the runs. `present`: what is marked instead of sorted; none: nothing.
  explicit RuleSorter(std::filesystem::path folder, std::size_t memory = kSortMemoryBytes,
                      std::shared_ptr<PresentRules> present = nullptr);
  ~RuleSorter() override;

  // Errors: io (a run cannot be written).
  Result<void> add(const SourcedRule& rule);
  // All were added. Errors: io.
  Result<void> sort();

  PresentRules* present() const { return present_.get(); }

  // Of the same rule the first line.
  bool next(WantedRule& rule) override;
  Result<void> status() const override;

  std::size_t runs() const { return runs_.size(); }  // on the disk

 private:
  struct Record {
    std::uint64_t line;
    std::uint32_t key_size;
    std::uint32_t payload_size;
  };
  struct Item {
    std::uint64_t high;  // the key's first 16 octets: most comparisons end here
    std::uint64_t low;
    const char* record;  // Record, then the key, then the payload
  };
  // Rules in memory: added in any order, sorted, and given back.
  class Batch {
   public:
    void add(std::string_view record);
    std::size_t size_bytes() const { return arena_.size_bytes() + items_.size() * sizeof(Item); }
    void sort();
    bool next(WantedRule& rule);
    void clear();

   private:
    Arena arena_;
    std::vector<Item> items_;
    std::size_t at_ = 0;
  };
  class Merge;
  static Record record_of(const Item& item);
  static std::string_view key_of(const Item& item);
  static WantedRule rule_of(const Item& item);
  // A rule that is being looked for among those that the list has.
  struct Looked {
    std::string record;
    std::uint64_t hash = 0;
  };
  Result<void> settle(Looked& looked);
  Result<void> keep(std::string_view record);
  Result<void> spill();
  Result<void> write_run();
  Result<void> wait_for_run();

  const std::filesystem::path folder_;
  const std::size_t memory_;
  const std::shared_ptr<PresentRules> present_;
  Hasher hash_;
  Batch batch_;
  static constexpr std::size_t kLooked = 16;
  std::array<Looked, kLooked> looked_;  // a ring, the newest at added_
  std::size_t added_ = 0;
  std::vector<std::unique_ptr<Spool>> runs_;
  std::unique_ptr<Merge> merge_;  // of the runs and what is in memory; none where all is
  // Of the thread that writes a run, while there is one.
  Batch written_batch_;
  std::unique_ptr<Spool> written_run_;
  std::future<Result<void>> writing_;  // the last member: its end waits for that thread
};

}  // namespace weir::store
