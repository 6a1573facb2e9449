// Brings decisions from the resolver's rings into the decision log.
//
// A turn reads what every ring holds, writes it in one atomic write together with a mark of what was read,
// and only then gives the space back. So nothing is lost when this process dies at any point, and nothing
// is stored twice: at the next start a ring that still begins with exactly the marked records (their count and
// hash) was written but not released. Rings of workers that no longer exist are drained as well, and a ring
// file that was replaced is opened anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/log/record_batch.h"
#include "tools/sidecar/log_feed.h"
#include "tools/sinks/sinks.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/link/ring.h"

namespace weir::sidecar {

inline constexpr std::chrono::milliseconds kDrainEvery{200};
// Of one ring, and of all together, in one turn: bounds memory and the size of a write.
inline constexpr std::size_t kDrainRecords = 16384;
inline constexpr std::size_t kDrainRecordsOfAll = 65536;

// Gives the lists and groups of a generation whose names are to be remembered; nullptr where it is gone.
using NamesSource = std::function<std::shared_ptr<const PolicySet>(GenerationNumber)>;

// One thread; the log's only writer.
class Drain {
 public:
  // `sinks` get what the log gets; may be nullptr.
  Drain(std::filesystem::path run_directory, log::LogWriter& log, LogFeed& feed, NamesSource names,
        sinks::Sinks* sinks = nullptr);

  // One pass over all rings. Returns the rows written; when a ring was read to its bound, call again at once
  // (`more`). After an error nothing was released, so the next turn tries the same records again.
  struct Turn {
    std::uint64_t rows = 0;
    bool more = false;
  };
  Result<Turn> turn(Now now);

 private:
  // Records one behind the other, each with its size (two octets, little-endian) before it.
  struct Waiting {
    std::string octets;
    std::size_t records = 0;
    void clear() {
      octets.clear();
      records = 0;
    }
  };
  struct Ring {
    std::filesystem::path file;
    std::unique_ptr<RingConsumer> consumer;
    std::uint64_t inode = 0;
    std::uint32_t worker = 0;
    Waiting waiting;            // peeked and not yet in the log
    std::uint64_t dropped = 0;  // as of the last write
    std::uint64_t damaged = 0;
    // What is lost from here on came behind this moment. Unknown until the ring was looked at.
    std::optional<std::int64_t> whole_until_ms;
  };

  void find_rings(Now now);
  void open_ring(const std::filesystem::path& file, std::uint64_t inode);
  void skip_what_was_written(Ring& ring, const log::RingMark& mark);
  void peek(Ring& ring, std::size_t limit);
  // The records that wait into `batch_`, with the generations that they are of.
  void sort_out(const Ring& ring, Now now, std::set<GenerationNumber>& generations);

  const std::filesystem::path run_directory_;
  log::LogWriter& log_;
  LogFeed& feed_;
  const NamesSource names_;
  sinks::Sinks* const sinks_;
  std::map<std::string, Ring> rings_;
  std::shared_ptr<log::RecordBatch> batch_;  // of the turn; nobody else has it
  SteadyTime looked_{};
  bool looked_once_ = false;
};

}  // namespace weir::sidecar
