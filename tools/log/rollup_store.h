// The rollups in the log's database: what blocks add, folded into one value an hour, and into one a day when it is
// over.
//
// Each block adds values of its own under its sequence number, in the write that stores the block. A day that has been
// folded still takes late ones: they are added to the hour and to the day.
#pragma once

#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/log/frames.h"
#include "tools/log/log_database.h"
#include "tools/log/rollup.h"
#include "zones/base/result.h"

namespace weir::log {

// add, drop_before, fold: the thread that writes. The others: any.
class RollupStore {
 public:
  explicit RollupStore(LogDatabase& database) : database_(database) {}

  Result<void> add(const BlockRollup& sums, DecisionClass decision_class, std::uint64_t sequence, FrameWriter& frames,
                   rocksdb::WriteBatch& writes);
  // Hours and days that are over before the class's moment, in ms. Domains take room as blocks do, and go with them;
  // counts are few and stay for as long as decisions of that age may be kept.
  struct Oldest {
    std::int64_t counts_ms = 0;
    std::int64_t domains_ms = 0;
  };
  void drop_before(const std::map<DecisionClass, Oldest>& oldest, rocksdb::WriteBatch& writes) const;
  // Makes one value of several where an hour is over or they are many, and a day of its hours.
  Result<void> fold(std::int64_t now_ms, FrameWriter& frames);

  // As DecisionLog says. `moment`: as of when.
  Result<std::vector<CountCell>> read_cells(std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms,
                                            const rocksdb::Snapshot* moment) const;
  Result<void> visit_domains(std::int64_t since_ms, std::int64_t until_ms, const rocksdb::Snapshot* moment,
                             const DomainVisitor& visit) const;
  std::uint64_t bytes() const;  // on the disk, about; with the events

 private:
  struct Slot {
    RollupKind kind{};
    DecisionClass decision_class{};
    std::int64_t slot = 0;
    auto operator<=>(const Slot&) const = default;
  };
  struct Part {
    std::string key;
    std::string value;
  };
  static Slot slot_of(std::string_view key);
  Result<bool> has_day(RollupKind day_kind, DecisionClass decision_class, std::int64_t day) const;
  Result<void> fold_slot(const Slot& slot, const std::vector<Part>& parts, FrameWriter& frames,
                         rocksdb::WriteBatch& writes);
  Result<void> fold_days(std::int64_t now_ms, FrameWriter& frames);
  using Days = std::set<std::pair<DecisionClass, std::int64_t>>;
  // Values of `kind` in [first_slot, last_slot], of every class; of hours not those of `whole_days`, which are not
  // read.
  Result<void> visit(RollupKind kind, std::int64_t first_slot, std::int64_t last_slot, const Days& whole_days,
                     const rocksdb::Snapshot* moment,
                     const std::function<Result<void>(const Slot&, std::string_view value)>& take) const;

  LogDatabase& database_;
  std::map<Slot, unsigned> parts_;     // hours with more than one value, since this process began
  std::int64_t folded_until_day_ = 0;  // days before it need no look
  bool looked_at_old_ = false;
};

}  // namespace weir::log
