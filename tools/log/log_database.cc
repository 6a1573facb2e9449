#include "tools/log/log_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace weir::log {
namespace {

constexpr const char* kFamilyNames[kFamilies] = {"default", "index",  "summaries", "block_names", "columns",
                                                 "records", "events", "rollups",   "meta"};
constexpr std::size_t kCacheBytes = 8 << 20;
constexpr std::chrono::seconds kSnapshotPatience{10};
constexpr std::chrono::milliseconds kLookAgain{5};

rocksdb::ColumnFamilyOptions options_of(Family family, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  options.compression = rocksdb::kNoCompression;  // most values are compressed already
  options.write_buffer_size = 4 << 20;
  // Small files: what retention drops can then be unlinked whole instead of being rewritten.
  options.target_file_size_base = 8 << 20;
  switch (family) {
    case Family::names:
    case Family::columns:
    case Family::summaries:
      table.no_block_cache = true;  // a search reads each value once
      break;
    case Family::recent:
      // Records of an open block are mostly gone again before this is full, and what is gone is never written.
      options.write_buffer_size = 24 << 20;
      options.compression = rocksdb::kLZ4Compression;
      table.no_block_cache = true;
      break;
    case Family::events:
      options.compression = rocksdb::kZSTD;
      table.block_cache = cache;
      break;
    default:
      table.block_cache = cache;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

std::string number_octets(std::uint64_t value) {
  std::string out(8, '\0');
  for (unsigned i = 0; i < 8; ++i) out[7 - i] = static_cast<char>(value >> (8 * i));
  return out;
}

std::uint64_t number_of(std::string_view octets) {
  std::uint64_t value = 0;
  for (const char octet : octets.substr(0, 8)) value = value << 8 | static_cast<std::uint8_t>(octet);
  return value;
}

std::uint64_t time_octets_value(std::int64_t ms) {
  return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

std::string block_key(DecisionClass decision_class, std::int64_t first_ms, std::uint64_t sequence) {
  return static_cast<char>(decision_class) + number_octets(time_octets_value(first_ms)) + number_octets(sequence);
}

std::string recent_key(DecisionClass decision_class, std::uint64_t number) {
  return static_cast<char>(decision_class) + number_octets(number);
}

std::string event_key(std::int64_t time_ms, std::uint64_t number, std::uint32_t index) {
  return number_octets(time_octets_value(time_ms)) + number_octets(number) + number_octets(index).substr(4);
}

std::string rollup_key(RollupKind kind, DecisionClass decision_class, std::int64_t slot, std::uint64_t sequence) {
  return std::string{static_cast<char>(kind), static_cast<char>(decision_class)} +
         number_octets(time_octets_value(slot)) + number_octets(sequence);
}

Error LogDatabase::error(const rocksdb::Status& status) const {
  const std::string text = status.ToString();
  const ErrorCode code = status.IsCorruption()                                   ? ErrorCode::corrupt
                         : text.find("lock") != std::string::npos                ? ErrorCode::busy
                         : text.find("Permission denied") != std::string::npos   ? ErrorCode::permission
                         : status.IsInvalidArgument() || status.IsNotSupported() ? ErrorCode::incompatible
                                                                                 : ErrorCode::io;
  return {code, "decision log " + directory_.string() + ": " + text};
}

Result<std::unique_ptr<LogDatabase>> LogDatabase::open(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return Error{error == std::errc::permission_denied ? ErrorCode::permission : ErrorCode::io,
                 "decision log " + directory.string() + ": " + error.message()};
  }
  std::unique_ptr<LogDatabase> out(new LogDatabase(directory));
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_total_wal_size = 32 << 20;
  options.keep_log_file_num = 2;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_background_jobs = 1;
  options.max_open_files = 64;
  options.listeners.push_back(out->errors_.listener());
  const auto cache = rocksdb::NewLRUCache(kCacheBytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (std::size_t i = 0; i < kFamilies; ++i)
    descriptors.emplace_back(i == 0 ? rocksdb::kDefaultColumnFamilyName : kFamilyNames[i],
                             options_of(static_cast<Family>(i), cache));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  // Nothing is dropped in silence: first only what lies whole, or is cut off at the end, is taken.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  auto status = rocksdb::DB::Open(options, directory.string(), descriptors, &handles, &db);
  if (status.IsCorruption()) {
    out->journal_fault_ = status.ToString();
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    handles.clear();
    status = rocksdb::DB::Open(options, directory.string(), descriptors, &handles, &db);
  }
  if (!status.ok()) return out->error(status);
  out->db_.reset(db);
  std::copy(handles.begin(), handles.end(), out->families_.begin());
  return out;
}

LogDatabase::~LogDatabase() {
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    if (family != nullptr) db_->DestroyColumnFamilyHandle(family);
  }
}

std::unique_ptr<rocksdb::Iterator> LogDatabase::iterate(Family family) const {
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(rocksdb::ReadOptions(), this->family(family)));
}

Result<std::optional<std::string>> LogDatabase::find(Family family, std::string_view key) const {
  std::string value;
  const auto status = db_->Get(rocksdb::ReadOptions(), this->family(family), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error(status);
  return std::optional<std::string>(std::move(value));
}

Result<void> LogDatabase::write(rocksdb::WriteBatch& batch) {
  const auto status = db_->Write(rocksdb::WriteOptions(), &batch);
  if (status.ok()) return {};
  failed_ = true;
  return error(status);
}

Result<void> LogDatabase::sync() {
  const auto status = db_->SyncWAL();
  if (status.ok() || status.IsNotSupported()) return {};
  return error(status);
}

void LogDatabase::drop_files(Family family, std::string_view begin, std::string_view end) {
  const rocksdb::Slice first = slice(begin);
  const rocksdb::Slice last = slice(end);
  static_cast<void>(rocksdb::DeleteFilesInRange(db_.get(), this->family(family), &first, &last, false));
}

void LogDatabase::compact(Family family, std::string_view begin, std::string_view end, std::atomic<bool>& stop) {
  const rocksdb::Slice first = slice(begin);
  const rocksdb::Slice last = slice(end);
  rocksdb::CompactRangeOptions options;
  options.canceled = &stop;
  static_cast<void>(db_->CompactRange(options, this->family(family), &first, &last));
}

Result<void> LogDatabase::erase_superseded(std::atomic<bool>& stop) {
  const Error cut_short{ErrorCode::timed_out, "decision log " + directory_.string() +
                                                  ": what was before could not be taken off the disk yet: somebody "
                                                  "reads it, or the process ends"};
  // Readers hold snapshots for milliseconds; one that begins from here on sees the new values only.
  const rocksdb::SequenceNumber latest = db_->GetLatestSequenceNumber();
  const auto deadline = std::chrono::steady_clock::now() + kSnapshotPatience;
  for (std::uint64_t oldest = 0;
       db_->GetIntProperty(rocksdb::DB::Properties::kOldestSnapshotSequence, &oldest) && oldest != 0 && oldest < latest;
       std::this_thread::sleep_for(kLookAgain)) {
    if (stop || std::chrono::steady_clock::now() >= deadline) return cut_short;
  }
  // All families, or the write-ahead log stays, which they share.
  const std::vector<rocksdb::ColumnFamilyHandle*> all(families_.begin(), families_.end());
  if (const auto flushed = db_->Flush(rocksdb::FlushOptions(), all); !flushed.ok()) return error(flushed);
  for (const Family each : {Family::index, Family::summaries, Family::names, Family::columns, Family::recent}) {
    rocksdb::CompactRangeOptions options;
    options.canceled = &stop;
    const auto compacted = db_->CompactRange(options, family(each), nullptr, nullptr);
    if (stop || compacted.IsIncomplete()) return cut_short;
    if (!compacted.ok()) return error(compacted);
  }
  // Files that nobody needs any more are unlinked before this returns.
  if (const auto disabled = db_->DisableFileDeletions(); !disabled.ok()) return error(disabled);
  if (const auto enabled = db_->EnableFileDeletions(false); !enabled.ok()) return error(enabled);
  return {};
}

}  // namespace weir::log
