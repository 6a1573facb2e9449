// What the log misses though none of its blocks is damaged: the end of a journal that was, and what never came out of a
// resolver's ring. It is told for as long as such rows would be kept.
//
// Losses of rings that follow upon each other within a minute are kept as one, so that a day has no more of them than
// minutes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/log/log_database.h"
#include "tools/log/missing_rows.h"

namespace weir::log {

struct RingLoss {
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::uint64_t decisions = 0;      // for which there was no room
  std::uint64_t damaged_bytes = 0;  // of which nobody knows how many decisions they were

  RingLoss with(const RingLoss& other) const;
};

// One thread at a time.
class Losses {
 public:
  static constexpr std::size_t kMostApart = 64;  // of rings, in one answer: more are told as one

  explicit Losses(LogDatabase& database) : database_(database) {}

  // Errors: io.
  Result<void> load();
  // A write of its own. Errors: as of the database.
  Result<void> add_journal(std::int64_t first_ms, std::int64_t last_ms, const std::string& why);
  // Together with those before it, into `writes`. It counts once it is given to keep(), behind the commit.
  RingLoss put(const RingLoss& loss, rocksdb::WriteBatch& writes) const;
  void keep(const RingLoss& put);
  void drop_before(std::int64_t oldest_ms, rocksdb::WriteBatch& writes);

  // Those of [since_ms, until_ms).
  std::vector<MissingRows> find(std::int64_t since_ms, std::int64_t until_ms) const;

 private:
  bool goes_on_with(const RingLoss& loss) const;  // the last one

  LogDatabase& database_;
  std::vector<MissingRows> journals_;
  std::vector<RingLoss> rings_;  // one behind the other
};

}  // namespace weir::log
