#include "tools/sidecar/log_feed.h"

#include <algorithm>
#include <utility>

namespace weir::sidecar {

std::vector<std::shared_ptr<const log::RecordBatch>> LogFeed::Watcher::take(std::chrono::milliseconds bound,
                                                                            std::uint64_t& missed) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, bound, [this] { return !batches_.empty(); });
  missed = std::exchange(missed_, 0);
  records_ = 0;
  std::vector<std::shared_ptr<const log::RecordBatch>> batches(batches_.begin(), batches_.end());
  batches_.clear();
  return batches;
}

std::shared_ptr<LogFeed::Watcher> LogFeed::watch() {
  auto watcher = std::make_shared<Watcher>();
  const std::lock_guard lock(mutex_);
  watchers_.push_back(watcher);
  return watcher;
}

bool LogFeed::is_watched() {
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const std::weak_ptr<Watcher>& watcher) { return watcher.expired(); });
  return !watchers_.empty();
}

void LogFeed::publish(const std::shared_ptr<const log::RecordBatch>& batch) {
  const std::lock_guard lock(mutex_);
  for (const auto& weak : watchers_) {
    const auto watcher = weak.lock();
    if (!watcher) continue;
    {
      const std::lock_guard watcher_lock(watcher->mutex_);
      watcher->batches_.push_back(batch);
      watcher->records_ += batch->size();
      while (watcher->records_ > kMaxWaiting && watcher->batches_.size() > 1) {
        watcher->records_ -= watcher->batches_.front()->size();
        watcher->missed_ += watcher->batches_.front()->size();
        watcher->batches_.pop_front();
      }
    }
    watcher->arrived_.notify_one();
  }
}

}  // namespace weir::sidecar
