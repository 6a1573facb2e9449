// One sink at work: a thread that takes what its spool holds to where it belongs, and goes on trying.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tools/sinks/interrupt.h"
#include "tools/sinks/spool.h"
#include "tools/sinks/writer.h"
#include "zones/base/time.h"
#include "zones/config/config.h"

namespace weir::sinks {

struct SinkProgress {
  std::uint64_t failures = 0;  // attempts that brought nothing, since this process began
  std::string error;           // of the last attempt; empty: it went well
  std::string last_error;      // the last there was, also where it went well since
  WallTime error_at{};
  WallTime failing_since{};  // the first of the attempts that have failed since one went well; 0: none
  WallTime sent_at{};        // 0: nothing yet
};

// The destructor ends it within about a second; what waits goes on waiting.
class Sink {
 public:
  // `spool` and what `show` needs outlive it.
  Sink(const SinkConfig& config, Spool& spool, ShowDecisionSource show);
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  SinkProgress progress() const;  // any thread

 private:
  void loop();
  void note(const Result<void>& result);

  const std::string name_;
  Spool& spool_;
  const ShowDecisionSource show_;
  Interrupt interrupt_;
  const std::unique_ptr<Writer> writer_;
  mutable std::mutex mutex_;
  SinkProgress progress_;
  std::thread thread_;
};

}  // namespace weir::sinks
