// The decision log: <store>/log, a RocksDB of its own that is never checkpointed and that no rollback touches.
//
// Rows arrive in small batches, a few times a second. Each batch is stored at once as a small block; when
// enough of them are there they are replaced, in one atomic write, by one large block that compresses well.
// Keys are the time of a block's first row and a sequence number, so a search seeks to its time range.
// Families: blocks and recent (key -> block), index (key -> rows, octets, last time), meta (ring marks,
// totals, and what lists and groups were called in each generation that decided something).
//
// A write is safe against the death of this process at once, and against that of the machine within a second
// (sync()). Retention drops whole blocks, the oldest first.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/sidecar/log_block.h"
#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/policy.h"

namespace weir::sidecar {

inline constexpr std::size_t kBlockRows = 16384;          // of a large block
inline constexpr std::chrono::minutes kMaxBlockSpan{10};  // between its first row and its last: bounds every seek

// What was taken from a ring by the last write: stored with the rows themselves, so that after a crash between
// the write and the release of the ring the same records are known again and not stored twice.
struct RingMark {
  std::string ring;  // the file's name
  std::uint64_t records = 0;
  std::string sha256;  // over sizes and octets of these records
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
  std::chrono::milliseconds keep;
  std::uint64_t size_bytes;
  bool operator==(const LogRetention&) const = default;
};

// append, retain, sync: one thread. Everything else: any.
class DecisionLog {
 public:
  // Errors: busy, permission, incompatible, corrupt, io.
  static Result<std::unique_ptr<DecisionLog>> open(const std::filesystem::path& directory);
  virtual ~DecisionLog() = default;

  // Rows and marks in one atomic write. `rows` in any order.
  virtual Result<void> append(std::vector<LogRow> rows, const std::vector<RingMark>& marks) = 0;
  virtual std::optional<RingMark> mark(const std::string& ring) const = 0;
  virtual Result<void> sync() = 0;
  // Behind an error of a call that writes, and before the next one of those. Error: corrupt (the log must be opened
  // anew, and nothing may be written before).
  virtual Result<void> check_writable() const = 0;
  // Drops blocks whose last row is older than `keep`, then the oldest until the rest is within `size_bytes`.
  // Returns how many blocks went.
  virtual Result<std::uint64_t> retain(const LogRetention& retention, WallTime now) = 0;

  // Rows of [since, until), newest block first and inside a block the newest row first, until `visit` says false.
  // A block that is damaged is skipped and counted in `damaged`.
  virtual Result<void> scan(WallTime since, WallTime until, const std::function<bool(const LogRow&)>& visit,
                            std::uint64_t* damaged) const = 0;
  virtual LogTotals totals() const = 0;

  // What the ids of `generation` mean, so that old rows can be read when the generation is long gone.
  virtual bool knows_names(GenerationNumber generation) const = 0;
  virtual Result<void> remember_names(GenerationNumber generation, const PolicySet& policies) = 0;
  virtual std::shared_ptr<const PolicySet> names(GenerationNumber generation) const = 0;  // nullptr: unknown
};

}  // namespace weir::sidecar
