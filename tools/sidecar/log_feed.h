// Rows on their way into the log, handed to whoever watches at this moment (`weir log tail`).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "tools/sidecar/log_block.h"

namespace weir::sidecar {

// Any thread. A watcher that does not keep up loses the oldest rows; nobody ever waits for it.
class LogFeed {
 public:
  class Watcher {
   public:
    // Rows since the last call, waiting for them up to `bound`; `missed` counts those that were lost.
    std::vector<LogRow> take(std::chrono::milliseconds bound, std::uint64_t& missed);

   private:
    friend class LogFeed;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<LogRow> rows_;
    std::uint64_t missed_ = 0;
  };

  std::shared_ptr<Watcher> watch();  // until the pointer is dropped
  void publish(const std::vector<LogRow>& rows);

 private:
  static constexpr std::size_t kMaxWaiting = 4096;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Watcher>> watchers_;
};

}  // namespace weir::sidecar
