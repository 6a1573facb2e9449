#include "tools/sidecar/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tools/sidecar/schedule.h"

namespace weir::sidecar {
namespace {

// The wall clock may jump: what is due is looked at again at least this often.
constexpr std::int64_t kLongestWaitSeconds = 60;

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Scheduler::Scheduler(ConfigSource config, ListStates& states, ListUpdater& updater)
    : config_(std::move(config)), states_(states), updater_(updater) {
  for (unsigned i = 0; i < kParallelFetches; ++i) threads_.emplace_back([this] { loop(); });
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Scheduler::wake() {
  changed_.notify_all();
}

void Scheduler::hurry(const std::string& list) {
  {
    const std::lock_guard lock(mutex_);
    urgent_.insert(list);
  }
  changed_.notify_all();
}

std::string Scheduler::next_due(std::int64_t now_s, std::int64_t& wait_s) {
  wait_s = kLongestWaitSeconds;
  std::string next;
  std::int64_t next_s = INT64_MAX;
  const std::shared_ptr<const Config> config = config_();
  for (const ListConfig& list : config->lists) {
    const std::string& name = list.definition.name;
    const bool is_urgent = urgent_.contains(name);
    if (std::find(taken_.begin(), taken_.end(), name) != taken_.end() || updater_.is_updating(name)) {
      if (is_urgent) wait_s = 1;
      continue;
    }
    if (is_urgent) return name;
    const ListState state = states_.get(name);
    std::int64_t due_s = due_at(state, list.source, reading_of(list));
    // A clock that was far ahead when the time was written must not silence a list for years.
    const std::int64_t every_s = std::chrono::duration_cast<std::chrono::seconds>(list.every).count();
    if (due_s > now_s + 2 * every_s + kLongestWaitSeconds) due_s = 0;
    if (due_s > now_s) {
      wait_s = std::min(wait_s, due_s - now_s);
    } else if (due_s < next_s) {
      next = name;
      next_s = due_s;
    }
  }
  return next;
}

void Scheduler::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::int64_t wait_s = 0;
    const std::string name = next_due(now_seconds(), wait_s);
    if (name.empty()) {
      changed_.wait_for(lock, std::chrono::seconds(std::max<std::int64_t>(1, wait_s)));
      continue;
    }
    taken_.push_back(name);
    urgent_.erase(name);
    lock.unlock();
    static_cast<void>(!updater_.update(name, kSchedule, {}).has_value());  // logged and remembered there
    lock.lock();
    std::erase(taken_, name);
    if (urgent_.contains(name)) changed_.notify_one();
  }
}

}  // namespace weir::sidecar
