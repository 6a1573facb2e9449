#include "zones/store/database.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

namespace weir::store {
namespace {

// Takes what RocksDB wants to log and drops it; errors reach us as Status.
class SilentLogger : public rocksdb::Logger {
 public:
  SilentLogger() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

const char* family_name(Family family) {
  switch (family) {
    case Family::meta:
      return "default";
    case Family::names:
      return "names";
    case Family::sources:
      return "sources";
    case Family::lists:
      return "lists";
    case Family::policies:
      return "policies";
    case Family::payload:
      return "payload";
    case Family::timeline:
      return "timeline";
  }
  return "default";
}

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<SilentLogger>();
  // All tables stay open: a generation that is removed under a reader goes on working.
  options.max_open_files = -1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.paranoid_checks = true;
  return options;
}

}  // namespace

Error to_error(const rocksdb::Status& status, const std::string& what) {
  const std::string text = status.ToString();
  ErrorCode code = ErrorCode::io;
  if (status.IsCorruption()) {
    code = ErrorCode::corrupt;
  } else if (status.IsNotFound() || status.IsPathNotFound()) {
    code = ErrorCode::not_found;
  } else if (status.IsInvalidArgument() || status.IsNotSupported()) {
    code = ErrorCode::incompatible;  // other families or formats than ours
  } else if (text.find("Permission denied") != std::string::npos) {
    code = ErrorCode::permission;
  } else if (text.find("lock ") != std::string::npos) {
    code = ErrorCode::busy;
  }
  return {code, what + ": " + text};
}

Error corrupt(const std::string& what) {
  return {ErrorCode::corrupt, what + ": a record of the policy store is damaged"};
}

rocksdb::ColumnFamilyOptions family_options(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.format_version = 5;
  // Indexes and filters lie in the shared cache, where they are counted and where two generations that share a
  // table share them too; pinned, so that a look-up does not go through the cache's lock for them.
  table.cache_index_and_filter_blocks = true;
  table.metadata_cache_options.unpartitioned_pinning = rocksdb::PinningTier::kAll;
  table.metadata_cache_options.partition_pinning = rocksdb::PinningTier::kAll;
  table.metadata_cache_options.top_level_index_pinning = rocksdb::PinningTier::kAll;
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = 8U << 20;
  // A table's filter is made in memory at its end, of some twenty octets a name: tables of 64 MiB took 70 MB each time.
  options.target_file_size_base = kTableBytes;
  options.arena_block_size = 64U << 10;  // most families of a reader hold next to nothing
  switch (family) {
    case Family::names:
    case Family::payload:
      table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
      table.whole_key_filtering = true;
      options.optimize_filters_for_hits = false;
      break;
    case Family::sources:
      table.block_size = 16U << 10;  // read in order only
      break;
    default:
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

Result<std::unique_ptr<Database>> Database::open_writer(const std::filesystem::path& path,
                                                        const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::DBOptions options = database_options();
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.avoid_flush_during_recovery = true;
  options.max_background_jobs = 2;
  // Merging tables may wait; an import that shares a core with it, or the resolver, may not.
  options.env->LowerThreadPoolCPUPriority(rocksdb::Env::Priority::LOW, rocksdb::CpuPriority::kLow);
  options.max_total_wal_size = 16U << 20;
  options.keep_log_file_num = 1;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const Family family : kAllFamilies) {
    descriptors.emplace_back(family_name(family), family_options(family, cache));
  }
  std::unique_ptr<Database> database(new Database());
  options.listeners.push_back(database->errors_.listener());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options, path.string(), descriptors, &handles, &db);
  if (!status.ok()) return to_error(status, path.string());
  database->db_.reset(db);
  for (std::size_t i = 0; i < kFamilies; ++i) database->handles_[i] = handles[i];
  return database;
}

Result<std::unique_ptr<Database>> Database::open_reader(const std::filesystem::path& path,
                                                        const std::shared_ptr<rocksdb::Cache>& cache,
                                                        std::span<const Family> families) {
  rocksdb::DBOptions options = database_options();
  // A log that a checkpoint brings along is whole. By default what lies behind a damaged record would be left out in
  // silence, and a generation that lacks its rules lets everything through.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const Family family : families) {
    descriptors.emplace_back(family_name(family), family_options(family, cache));
  }
  std::unique_ptr<Database> database(new Database());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, path.string(), descriptors, &handles, &db);
  if (!status.ok()) return to_error(status, path.string());
  database->db_.reset(db);
  for (std::size_t i = 0; i < families.size(); ++i) {
    database->handles_[static_cast<std::size_t>(families[i])] = handles[i];
  }
  return database;
}

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    if (handle != nullptr) (void)db_->DestroyColumnFamilyHandle(handle);
  }
  (void)db_->Close();
}

Result<std::string> Database::get(Family family, std::string_view key) const {
  std::string value;
  auto found = find(family, key, value);
  if (!found) return found.error();
  if (!*found) return Error{ErrorCode::not_found, std::string("no such record in the policy store")};
  return value;
}

Result<bool> Database::find(Family family, std::string_view key, std::string& value) const {
  const rocksdb::Status status = db_->Get({}, this->family(family), slice(key), &value);
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  return to_error(status, std::string("policy store, family ") + family_name(family));
}

std::vector<Table> Database::tables() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  db_->GetLiveFilesMetaData(&files);
  std::vector<Table> out;
  for (const rocksdb::LiveFileMetaData& file : files) {
    for (const Family family : kAllFamilies) {
      if (file.column_family_name == family_name(family))
        out.push_back({family, std::filesystem::path(file.db_path) / file.name.substr(1)});  // "/000012.sst"
    }
  }
  return out;
}

Result<void> Database::check(const Table& table) const {
  // Without the cache: what is read once would drive out what is in use.
  rocksdb::SstFileReader reader(rocksdb::Options(database_options(), family_options(table.family, nullptr)));
  rocksdb::Status status = reader.Open(table.path.string());
  if (status.ok()) status = reader.VerifyChecksum();
  if (!status.ok()) return to_error(status, table.path.string());
  return {};
}

std::unique_ptr<rocksdb::Iterator> Database::iterate(Family family) const {
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({}, this->family(family)));
}

}  // namespace weir::store
