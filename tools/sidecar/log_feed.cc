#include "tools/sidecar/log_feed.h"

#include <algorithm>
#include <utility>

namespace weir::sidecar {

std::vector<LogRow> LogFeed::Watcher::take(std::chrono::milliseconds bound, std::uint64_t& missed) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, bound, [this] { return !rows_.empty(); });
  missed = std::exchange(missed_, 0);
  std::vector<LogRow> rows(std::make_move_iterator(rows_.begin()), std::make_move_iterator(rows_.end()));
  rows_.clear();
  return rows;
}

std::shared_ptr<LogFeed::Watcher> LogFeed::watch() {
  auto watcher = std::make_shared<Watcher>();
  const std::lock_guard lock(mutex_);
  watchers_.push_back(watcher);
  return watcher;
}

void LogFeed::publish(const std::vector<LogRow>& rows) {
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const std::weak_ptr<Watcher>& watcher) { return watcher.expired(); });
  for (const auto& weak : watchers_) {
    const auto watcher = weak.lock();
    if (!watcher) continue;
    {
      const std::lock_guard watcher_lock(watcher->mutex_);
      watcher->rows_.insert(watcher->rows_.end(), rows.begin(), rows.end());
      while (watcher->rows_.size() > kMaxWaiting) {
        watcher->rows_.pop_front();
        ++watcher->missed_;
      }
    }
    watcher->arrived_.notify_one();
  }
}

}  // namespace weir::sidecar
