// Whether a RocksDB has met an error behind which it does not write.
//
// It is left at that until the database is opened anew, by a new process. RocksDB would go on in place after a full
// disk, from a thread of its own that looks for space every five seconds; but with a log that took a record by half it
// then syncs that log, which Debian's build (7.8, with assertions) ends the process for. For the same reason nobody may
// write or sync behind an error.
#pragma once

#include <rocksdb/listener.h>

#include <atomic>
#include <memory>

namespace weir::store {

// One a database, in DBOptions::listeners. Any thread.
class WriteErrors final : public rocksdb::EventListener {
 public:
  bool any() const { return any_.load(std::memory_order_acquire); }

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override {
    any_.store(true, std::memory_order_release);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::atomic<bool> any_{false};
};

}  // namespace weir::store
