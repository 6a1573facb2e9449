// All sinks of [[sink]]: each gets every decision that the log gets, in the same batches.
//
// A turn of the drain asks for a Turn, which puts its decisions into every spool; then the log writes them together
// with the turn's mark, and commit() lets the sinks have them. Whatever is in a spool and not in the log when this
// process dies is removed at the next start, for it comes again. Batches have numbers that rise for ever: a number is
// at least the microsecond in which this process began, so a log that is restored from a copy does not use one twice.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/sinks/packed_batch.h"
#include "tools/sinks/sink.h"
#include "tools/sinks/spool.h"
#include "zones/config/config.h"

namespace weir::sinks {

// The name of the mark in the log that says how far it has come; no ring has it.
inline constexpr const char* kSinksMark = "sinks";

struct SinkState {
  std::string name;
  std::string kind;
  std::string to;                 // without what a URL may hold before its host or behind its path
  std::uint64_t spool_bytes = 0;  // the most that may wait
  SpoolTotals totals;
  SinkProgress progress;
};

class Sinks {
 public:
  // `mark`: kSinksMark of the log. Begins nothing: apply() does.
  Sinks(const std::filesystem::path& store, const std::optional<log::RingMark>& mark, ShowDecisionSource show,
        WallTime now);
  ~Sinks();

  // What the configuration says from now on. Sinks that it does not name any more end, and what waits for them is
  // removed; one that is defined anew goes on with what waits for it. Any thread.
  void apply(const std::vector<SinkConfig>& configs);

  // One turn of the drain: between its making and its end no sink comes or goes.
  class Turn {
   public:
    // What the log writes with the decisions; nothing where there are none.
    const std::optional<log::RingMark>& mark() const { return mark_; }
    void commit();  // the log has them

   private:
    friend class Sinks;
    explicit Turn(Sinks& sinks) : sinks_(sinks), lock_(sinks.mutex_) {}
    Sinks& sinks_;
    std::unique_lock<std::mutex> lock_;
    LogPosition after_;
    std::optional<log::RingMark> mark_;
  };
  Turn begin(const log::RecordBatch& batch);  // the log's thread
  // Before the log's: what is safe there is safe here. The log's thread.
  void sync();

  std::vector<SinkState> states() const;  // any thread

 private:
  struct Entry {
    SinkConfig config;
    std::unique_ptr<Spool> spool;
    std::unique_ptr<Sink> sink;
    std::string fault = {};  // why there is no spool
    std::uint64_t lost = 0;  // rows meanwhile
  };
  Entry make(const SinkConfig& config) const;

  const std::filesystem::path folder_;
  const ShowDecisionSource show_;
  std::mutex applying_;
  mutable std::mutex mutex_;
  LogPosition position_;
  std::uint64_t first_number_;
  std::map<std::string, Entry> entries_;
  log::FrameWriter frames_;  // of the log's thread
};

}  // namespace weir::sinks
