// Fetches lists when they are due: a few threads, so that one slow server does not hold up the others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tools/sidecar/list_state.h"
#include "tools/sidecar/list_updater.h"

namespace weir::sidecar {

inline constexpr unsigned kParallelFetches = 3;

class Scheduler {
 public:
  // Everything outlives it. Lists that were never imported, or whose source or reading changed, are due at once.
  Scheduler(ConfigSource config, ListStates& states, ListUpdater& updater);
  ~Scheduler();  // waits for what runs; `stop` of the updater ends it soon

  // The configuration changed: look again.
  void wake();
  // This list is due now, or as soon as the update of it that runs has ended. Any thread.
  void hurry(const std::string& list);

 private:
  void loop();
  // The list that is due longest and that nobody works on, or how long nothing is due.
  std::string next_due(std::int64_t now_s, std::int64_t& wait_s);

  const ConfigSource config_;
  ListStates& states_;
  ListUpdater& updater_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> taken_;  // by one of the threads
  std::set<std::string> urgent_;    // somebody said that they changed
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weir::sidecar
