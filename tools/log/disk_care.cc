#include "tools/log/disk_care.h"

#include <utility>

#include "tools/log/block_index.h"
#include "zones/base/thread_rank.h"

namespace weir::log {
namespace {

constexpr std::uint64_t kRecordsFrom = 8 << 20;  // octets in files

}  // namespace

DiskCare::DiskCare(LogDatabase& database, AtFirstKey at_first_key)
    : database_(database), at_first_key_(std::move(at_first_key)), thread_([this] { run(); }) {}

DiskCare::~DiskCare() {
  end();
  thread_.join();
}

void DiskCare::shrink() {
  {
    const std::lock_guard lock(mutex_);
    is_wanted_ = true;
  }
  changed_.notify_all();
}

void DiskCare::settle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !is_wanted_ || is_ending_; });
}

void DiskCare::end() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
}

void DiskCare::run() {
  rank_behind_others();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_wanted_ || is_ending_; });
    if (is_ending_) return;
    lock.unlock();
    for (std::size_t each = 0; each < kDecisionClasses; ++each) {
      const auto decision_class = static_cast<DecisionClass>(each);
      for (const Family family : {Family::summaries, Family::names, Family::columns}) {
        std::string end;
        at_first_key_(decision_class, [&](const std::string& key) {
          database_.drop_files(family, class_start(decision_class), key);
          end = key;
        });
        database_.compact(family, class_start(decision_class), end, is_ending_);
      }
    }
    database_.compact(Family::rollups, "", "\xFF", is_ending_);
    // Records whose blocks were sealed since they were written out; what still waits is rewritten with it.
    std::uint64_t of_records = 0;
    if (database_.db().GetIntProperty(database_.family(Family::recent), rocksdb::DB::Properties::kTotalSstFilesSize,
                                      &of_records) &&
        of_records > kRecordsFrom)
      database_.compact(Family::recent, "", "\xFF", is_ending_);
    lock.lock();
    is_wanted_ = false;
    changed_.notify_all();
  }
}

}  // namespace weir::log
