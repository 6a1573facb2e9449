// Gives the disk back that dropped blocks held, on a thread of its own: RocksDB may take seconds to rewrite what lies
// beside them, and appending, sealing and reading go on meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "tools/log/log_database.h"
#include "zones/link/decision.h"

namespace weir::log {

// Any thread.
class DiskCare {
 public:
  // Calls `use` with the class's first key (BlockIndex::first_key), while no block can come before it.
  using AtFirstKey =
      std::function<void(DecisionClass decision_class, const std::function<void(const std::string& key)>& use)>;
  DiskCare(LogDatabase& database, AtFirstKey at_first_key);
  ~DiskCare();  // cuts short what is being done
  DiskCare(const DiskCare&) = delete;
  DiskCare& operator=(const DiskCare&) = delete;

  void shrink();  // soon
  void settle();  // waits until it is done, or is ended
  void end();
  std::atomic<bool>& is_ending() { return is_ending_; }

 private:
  void run();

  LogDatabase& database_;
  const AtFirstKey at_first_key_;
  std::atomic<bool> is_ending_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_wanted_ = false;
  std::thread thread_;
};

}  // namespace weir::log
