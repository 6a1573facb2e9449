// The decision log: <store>/log, a RocksDB of its own that is never checkpointed and that no rollback touches.
//
// Decisions arrive in batches, a few a second. They are put into the open block of their class, and the records as they
// came into the family `recent`, so that a new process opens the same block again. A block that is full, or whose day
// is over, is sealed: written as columns (block_codec.h), with what it adds to the rollups, in the one atomic write
// that removes its records from `recent`. So a decision is in exactly one block and in the rollups once, whenever this
// process dies.
//
// A write is safe against the death of this process at once, and against that of the machine within a second (sync()).
// Retention drops whole blocks. Counters and what was lost are no decisions: they are rows of the family `events`, and
// counters are added up in the same write (counter_sum_store.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/block.h"
#include "tools/log/block_codec.h"
#include "tools/log/counter_sums.h"
#include "tools/log/forget.h"
#include "tools/log/known_list.h"
#include "tools/log/missing_rows.h"
#include "tools/log/record_batch.h"
#include "tools/log/rollup.h"
#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/policy.h"

namespace weir::log {

// What was taken from a ring by the last write: stored with the rows themselves, so that after a crash between
// the write and the release of the ring the same records are known again and not stored twice.
struct RingMark {
  std::string ring;  // the file's name
  std::uint64_t records = 0;
  std::string hash;  // over sizes and octets of these records
  std::uint64_t dropped = 0;
  std::uint64_t damaged = 0;
};

struct LogTotals {
  std::uint64_t bytes = 0;
  std::uint64_t rows = 0;
  std::optional<WallTime> oldest;
  std::uint64_t dropped = 0;  // decisions that never reached the log, since it was made
};

struct LogRetention {
  std::chrono::milliseconds keep{};
  std::uint64_t size_bytes = 0;                                        // of all classes together
  std::map<DecisionClass, std::chrono::milliseconds> keep_class = {};  // where it differs from `keep`

  std::chrono::milliseconds keep_of(DecisionClass decision_class) const {
    const auto own = keep_class.find(decision_class);
    return own == keep_class.end() ? keep : own->second;
  }
  bool operator==(const LogRetention&) const = default;
};

// The side that writes. One thread.
class LogWriter {
 public:
  virtual ~LogWriter() = default;
  // Records and marks in one atomic write. Records in any order.
  virtual Result<void> append(const RecordBatch& batch, const std::vector<RingMark>& marks) = 0;
  virtual std::optional<RingMark> mark(const std::string& ring) const = 0;
  // What the ids of `generation` mean, so that old rows can be read when the generation is long gone.
  virtual bool knows_names(GenerationNumber generation) const = 0;
  virtual Result<void> remember_names(GenerationNumber generation, const PolicySet& policies) = 0;
};

// A block as a search finds it, before it is read.
struct BlockRef {
  std::string key;
  BlockHeader header;
  std::uint64_t sequence = 0;  // rises with every block; an open one keeps it when it is sealed
  std::uint64_t bytes = 0;
  std::shared_ptr<const Block> open;  // not sealed yet: as it was when it was found
};

// What forget() has done.
struct Forgotten {
  std::uint64_t rows = 0;
  std::uint64_t blocks = 0;
  std::vector<std::string> damaged =
      {};  // blocks that cannot be read, so that nobody knows whether they hold more: why
};

// append, retain, sync, remember_names: one thread. Everything else: any.
class DecisionLog : public LogWriter {
 public:
  // A log of the format before this one is taken over first (old_log.h): that may take a second for a million rows.
  // Errors: busy, permission, incompatible, corrupt, io.
  static Result<std::unique_ptr<DecisionLog>> open(const std::filesystem::path& directory);

  virtual Result<void> sync() = 0;
  // Behind an error of a call that writes, and before the next one of those. Error: corrupt (the log must be opened
  // anew, and nothing may be written before).
  virtual Result<void> check_writable() const = 0;
  // Lets blocks be sealed whose day is over or that reach back a quarter of the time that is kept, lets rollups be
  // folded, and drops blocks whose last row is older than is kept (so no row lives longer than five quarters of it),
  // then the oldest until the rest is within `size_bytes`. Returns how many blocks went. Errors also of the last fold.
  virtual Result<std::uint64_t> retain(const LogRetention& retention, WallTime now) = 0;
  // Waits until all that retain() or a full block has begun is done. Errors: as of the write.
  virtual Result<void> settle() = 0;
  // Rows of [since_ms, until_ms), both days' beginnings, and of `clients`, that were decided on before `now` belong to
  // nobody from here on, also those that are still on their way; and what said otherwise leaves the disk. Each block
  // is one write: what is cut short is begun anew, and says then what was left. `is_ending` is asked now and then; may
  // be empty. Errors: timed_out (somebody else reads what was, or the process ends: again later), io.
  virtual Result<Forgotten> forget(const ClientSet& clients, std::int64_t since_ms, std::int64_t until_ms, WallTime now,
                                   const std::function<bool()>& is_ending) = 0;

  // Those with rows in [since_ms, until_ms): the one with the newest last row first.
  virtual std::vector<BlockRef> find_blocks(std::int64_t since_ms, std::int64_t until_ms) const = 0;
  // Errors: not_found (retention came by meanwhile), corrupt, incompatible, io.
  virtual Result<BlockSummary> read_summary(const BlockRef& block) const = 0;
  enum class Parts : std::uint8_t { names, all };
  // `wanted` is asked when its names are known, and says whether the rest is read; may be empty. nullptr: it was not.
  using NamesVisitor = std::function<bool(const Block& names)>;
  virtual Result<std::shared_ptr<const Block>> read_block(const BlockRef& block, Parts parts,
                                                          const NamesVisitor& wanted = {}) const = 0;

  // Counters and losses of [since_ms, until_ms), the newest first, until `visit` says false. Errors: io, corrupt.
  using EventVisitor = std::function<bool(RecordSort sort, std::int64_t time_ms, std::span<const std::uint8_t> record)>;
  virtual Result<void> scan_events(std::int64_t since_ms, std::int64_t until_ms, const EventVisitor& visit) const = 0;

  // Counts of [since_ms, until_ms), both multiples of a minute, by minute, hour or day (`step_ms`), in any order. A
  // place may come several times: add_up() makes one of them.
  virtual Result<std::vector<CountCell>> read_counts(std::int64_t since_ms, std::int64_t until_ms,
                                                     std::int64_t step_ms) const = 0;
  // How often each registrable domain was decided on in [since_ms, until_ms), both multiples of an hour.
  virtual Result<void> visit_domains(std::int64_t since_ms, std::int64_t until_ms,
                                     const DomainVisitor& visit) const = 0;

  // Sums of the counters of [since_ms, until_ms), both multiples of a minute, by slots of `step_ms`, which is one too.
  // Counters that come meanwhile are in all of it or in nothing. Errors: io, corrupt.
  virtual Result<CounterSums> read_counters(std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms,
                                            Groups groups) const = 0;

  // A copy as it is now, by hard links, at `target`, which is not there yet. Errors: exists, io.
  virtual Result<void> copy_to(const std::filesystem::path& target) const = 0;

  // What [since_ms, until_ms) misses beside blocks that cannot be read.
  virtual std::vector<MissingRows> losses(std::int64_t since_ms, std::int64_t until_ms) const = 0;

  virtual LogTotals totals() const = 0;
  virtual std::shared_ptr<const PolicySet> names(GenerationNumber generation) const = 0;  // nullptr: unknown
  virtual std::string group_name(std::uint32_t code) const = 0;                           // of a CountCell
  // What a list was called last, also where it is not defined any more; nothing: unknown.
  virtual std::optional<KnownList> list(std::uint32_t list) const = 0;
};

}  // namespace weir::log
