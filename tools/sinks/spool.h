// What waits for one sink, on disk: <store>/spool/NAME/.
//
// Batches are appended before they go into the decision log and count only when the log has them (commit()), so what is
// read here is in the log as well, each row once, whenever this process dies. Files of batches go when all in them has
// been handed over. Beyond `bound_bytes` the newest batches are dropped and counted, as a full ring drops the newest:
// what waits is a stretch of time without holes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tools/sinks/interrupt.h"
#include "tools/sinks/spool_state.h"
#include "zones/base/result.h"

namespace weir::sinks {

// How far the decision log has come. `number`: of its newest batch; `rows`: decisions since it was made.
struct LogPosition {
  std::uint64_t writer = 0;
  std::uint64_t number = 0;
  std::uint64_t rows = 0;
};

// One turn's decisions, packed once for all sinks.
struct PackedBatch {
  BatchId id;
  std::uint32_t rows = 0;
  std::string payload;
};

// What take() gives.
struct Taken {
  std::vector<PackedBatch> batches;
  std::uint64_t rows = 0;
  std::uint64_t lost = 0;  // rows that could not be read
  // Behind them: the file, the octet in it, and its rows up to there.
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t rows_of_file = 0;
};

struct SpoolTotals {  // rows
  std::uint64_t sent = 0;
  std::uint64_t waiting = 0;
  std::uint64_t dropped = 0;
  std::uint64_t bytes = 0;  // on disk
};

// append, commit, sync: the log's thread. take, done, place: the sink's thread. The rest: any.
class Spool {
 public:
  // `log`: where the log stands. Batches that it does not have are removed: their decisions come again.
  // Errors: permission, io.
  static Result<std::unique_ptr<Spool>> open(std::filesystem::path directory, std::uint64_t bound_bytes,
                                             const LogPosition& log);

  // One that was appended and not committed is replaced. What finds no space is dropped, and counted by commit().
  void append(const PackedBatch& batch);
  void commit(const BatchId& id);
  void sync();

  // Waits for rows; then, until there are `max_rows`, up to `linger` for more. Whole batches, at least one, and
  // more only within `max_rows`. Empty: interrupted (wake() after raising), or all of it was lost.
  Taken take(std::uint64_t max_rows, std::chrono::milliseconds linger, const Interrupt& interrupt);
  void done(const Taken& taken, const Place& place);
  Place place() const;
  void wake();

  void set_bound(std::uint64_t bound_bytes);
  SpoolTotals totals() const;

 private:
  struct Segment {
    std::filesystem::path file;
    std::uint64_t size = 0;       // with what is not committed yet
    std::uint64_t committed = 0;  // octets
    std::uint64_t rows = 0;       // committed
    std::uint64_t rows_done = 0;
  };
  struct Pending {
    PackedBatch batch;  // without its payload
    bool is_kept = false;
  };

  Spool(std::filesystem::path directory, std::uint64_t bound_bytes, StateFile state_file, SpoolState state)
      : directory_(std::move(directory)),
        bound_bytes_(bound_bytes),
        state_file_(std::move(state_file)),
        state_(state) {}
  Result<void> load(const LogPosition& log);
  void load_segment(Segment& segment, const LogPosition& log, bool& is_cut);
  void balance(const LogPosition& log);
  bool write(const PackedBatch& batch);
  bool add_segment();
  std::uint64_t bytes() const;

  const std::filesystem::path directory_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t bound_bytes_;
  StateFile state_file_;
  SpoolState state_;
  std::deque<Segment> segments_;  // the oldest first; the last is appended to
  std::uint64_t next_file_ = 0;
  std::uint64_t offset_ = 0;  // in the first: what is before it is done
  std::uint64_t waiting_ = 0;
  std::optional<Pending> pending_;
  Descriptor append_;  // of the log's thread
  bool is_synced_ = true;
};

}  // namespace weir::sinks
