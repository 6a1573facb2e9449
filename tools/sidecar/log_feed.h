// Batches on their way into the log, handed to whoever watches at this moment (`weir log tail`).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "tools/log/record_batch.h"

namespace weir::sidecar {

// Any thread. A watcher that does not keep up loses the oldest batches; nobody ever waits for it.
class LogFeed {
 public:
  class Watcher {
   public:
    // Those since the last call, waiting for one up to `bound`; `missed` counts records that were lost.
    std::vector<std::shared_ptr<const log::RecordBatch>> take(std::chrono::milliseconds bound, std::uint64_t& missed);

   private:
    friend class LogFeed;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<std::shared_ptr<const log::RecordBatch>> batches_;
    std::size_t records_ = 0;  // in them
    std::uint64_t missed_ = 0;
  };

  std::shared_ptr<Watcher> watch();  // until the pointer is dropped
  bool is_watched();
  void publish(const std::shared_ptr<const log::RecordBatch>& batch);

 private:
  static constexpr std::size_t kMaxWaiting = 65536;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Watcher>> watchers_;
};

}  // namespace weir::sidecar
