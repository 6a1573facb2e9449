// Whether a RocksDB has met an error behind which it does not write.
//
// It is left at that until the database is opened anew, by a new process. RocksDB would go on in place after a full
// disk, from a thread of its own that looks for space every five seconds; but with a log that took a record by half it
// then syncs that log, which Debian's build (7.8, with assertions) ends the process for. For the same reason nobody may
// write or sync behind an error.
#pragma once

#include <atomic>
#include <memory>

namespace rocksdb {
class EventListener;
}

namespace weir::store {

// One a database. Any thread.
class WriteErrors {
 public:
  WriteErrors();
  bool any() const { return any_->load(std::memory_order_acquire); }
  const std::shared_ptr<rocksdb::EventListener>& listener() const { return listener_; }  // for DBOptions::listeners

 private:
  std::shared_ptr<std::atomic<bool>> any_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<rocksdb::EventListener> listener_;
};

}  // namespace weir::store
