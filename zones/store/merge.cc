// The tables that the generation in force reads: merged behind large imports, and then put in the place of those that
// it was published with.
#include <fcntl.h>
#include <rocksdb/metadata.h>

#include <cerrno>
#include <cstdio>

#include "zones/store/checkpoint.h"
#include "zones/store/policy_store.h"

namespace weir::store {

// The tables of level 0 overlap, those of one further level do not.
unsigned PolicyStoreImpl::places_to_search() const {
  rocksdb::ColumnFamilyMetaData names;
  database_->db().GetColumnFamilyMetaData(database_->family(Family::names), &names);
  std::size_t places = 0;
  for (const rocksdb::LevelMetaData& level : names.levels)
    places += level.level == 0 ? level.files.size() : std::size_t{!level.files.empty()};
  return static_cast<unsigned>(places);
}

Result<void> PolicyStoreImpl::merge_tables(std::atomic<bool>& stop) const {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.canceled = &stop;
  const auto status = database_->db().CompactRange(options, database_->family(Family::names), nullptr, nullptr);
  if (!status.ok() && !status.IsIncomplete()) return to_error(status, live_path(store_).string());
  return {};
}

bool PolicyStoreImpl::has_merged_tables() const {
  for (const auto& property :
       {rocksdb::DB::Properties::kNumRunningCompactions, rocksdb::DB::Properties::kCompactionPending,
        rocksdb::DB::Properties::kNumRunningFlushes}) {
    std::uint64_t count = 0;
    if (!database_->db().GetAggregatedIntProperty(property, &count) || count != 0) return false;
  }
  return places_to_search() < places_in_force_.load();
}

Result<bool> PolicyStoreImpl::renew() {
  if (unpublished_ || announced_ || published_.value == 0 || !has_merged_tables()) return false;
  const auto info = info_of(published_);
  if (!info) return info.error();
  const std::filesystem::path target = generation_path(store_, published_);
  std::filesystem::path prepared = target;
  prepared += ".tmp";
  std::error_code fault;
  std::filesystem::remove_all(prepared, fault);
  const unsigned places = places_to_search();
  auto done = make_checkpoint(*database_, prepared);
  if (done) done = describe_checkpoint(prepared, *info);
  // At no moment is the number without its directory.
  if (done && ::renameat2(AT_FDCWD, prepared.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0)
    done = system_error(errno, target.string());
  std::filesystem::remove_all(prepared, fault);  // the old one, where all went well
  places_in_force_ = places;                     // where not, it is not tried for ever
  if (!done) return done.error();
  return true;
}

}  // namespace weir::store
