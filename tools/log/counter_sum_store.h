// Sums of counters in the log's database: an hour has one value, by minute and group, and its day another, by hour.
//
// What comes is added to both values in the write that stores its rows: so a crash neither loses nor doubles any, and
// late ones need no care. Counters are few (a minute's, of each worker and group), so reading a value to add to it
// costs less than keeping parts would.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "tools/log/counter_sums.h"
#include "tools/log/log_database.h"
#include "zones/base/result.h"

namespace weir::log {

// read: any thread. The others: the one that writes counters.
class CounterSumStore {
 public:
  explicit CounterSumStore(LogDatabase& database) : database_(database) {}

  // Sums by minute, in any order. A value that is damaged stays as it is: decisions do not wait for it, and questions
  // say what they lack. Errors: io.
  Result<void> add(std::vector<CounterSum> minutes, rocksdb::WriteBatch& writes) const;
  // Hours and days that are over by then.
  void drop_before(std::int64_t oldest_ms, rocksdb::WriteBatch& writes) const;
  // All counters in the family `events` once more, in the place of what is there. `group_code`: of a record's group.
  Result<void> recount(const std::function<std::uint32_t(const CounterRecord& counters)>& group_code,
                       rocksdb::WriteBatch& writes) const;

  // As DecisionLog says.
  Result<CounterSums> read(std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms, Groups groups) const;

 private:
  Result<void> add_to(RollupKind kind, const std::vector<CounterSum>& sums, FrameWriter& frames,
                      rocksdb::WriteBatch& writes) const;
  void put(RollupKind kind, std::int64_t slot, const std::vector<CounterSum>& sums, FrameWriter& frames,
           rocksdb::WriteBatch& writes) const;

  LogDatabase& database_;
};

}  // namespace weir::log
