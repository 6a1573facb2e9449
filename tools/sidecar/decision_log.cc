#include "tools/sidecar/decision_log.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "zones/store/write_errors.h"

namespace weir::sidecar {
namespace {

constexpr std::int64_t kSpanUs = std::chrono::microseconds(kMaxBlockSpan).count();
constexpr std::size_t kNamesKept = 64;           // parsed sets in memory
constexpr std::uint64_t kCompactFrom = 8 << 20;  // octets dropped before the files are rewritten

std::string big_endian(std::uint64_t value) {
  std::string out(8, '\0');
  for (unsigned i = 0; i < 8; ++i) out[7 - i] = static_cast<char>(value >> (8 * i));
  return out;
}

std::uint64_t from_big_endian(std::string_view octets) {
  std::uint64_t value = 0;
  for (const char octet : octets.substr(0, 8)) value = value << 8 | static_cast<std::uint8_t>(octet);
  return value;
}

std::uint64_t time_key(std::int64_t us) {
  return us < 0 ? 0 : static_cast<std::uint64_t>(us);
}

std::string block_key(std::int64_t first_us, std::uint64_t sequence) {
  return big_endian(time_key(first_us)) + big_endian(sequence);
}

std::int64_t key_time(const rocksdb::Slice& key) {
  return static_cast<std::int64_t>(from_big_endian({key.data(), key.size()}));
}

Error store_error(const rocksdb::Status& status, const std::filesystem::path& directory) {
  const ErrorCode code = status.IsCorruption()                                              ? ErrorCode::corrupt
                         : status.ToString().find("lock") != std::string::npos              ? ErrorCode::busy
                         : status.ToString().find("Permission denied") != std::string::npos ? ErrorCode::permission
                         : status.IsInvalidArgument() || status.IsNotSupported()            ? ErrorCode::incompatible
                                                                                            : ErrorCode::io;
  return {code, "decision log " + directory.string() + ": " + status.ToString()};
}

struct IndexEntry {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::int64_t last_us = 0;
};

std::string encode(const IndexEntry& entry) {
  return big_endian(entry.rows) + big_endian(entry.bytes) + big_endian(time_key(entry.last_us));
}

std::optional<IndexEntry> decode_entry(std::string_view text) {
  if (text.size() != 24) return std::nullopt;
  return IndexEntry{from_big_endian(text), from_big_endian(text.substr(8)),
                    static_cast<std::int64_t>(from_big_endian(text.substr(16)))};
}

std::string encode(const RingMark& mark) {
  return big_endian(mark.records) + big_endian(mark.dropped) + big_endian(mark.damaged) + mark.sha256;
}

std::optional<RingMark> decode_mark(std::string ring, std::string_view text) {
  if (text.size() < 24) return std::nullopt;
  return RingMark{std::move(ring), from_big_endian(text), std::string(text.substr(24)), from_big_endian(text.substr(8)),
                  from_big_endian(text.substr(16))};
}

class RocksDecisionLog final : public DecisionLog {
 public:
  explicit RocksDecisionLog(std::filesystem::path directory) : directory_(std::move(directory)) {}

  ~RocksDecisionLog() override {
    for (rocksdb::ColumnFamilyHandle* family : families_) {
      if (family != nullptr) db_->DestroyColumnFamilyHandle(family);
    }
  }

  Result<void> open() {
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    options.max_total_wal_size = 32 << 20;
    options.keep_log_file_num = 2;
    options.info_log_level = rocksdb::WARN_LEVEL;
    options.max_background_jobs = 1;
    options.max_open_files = 64;
    options.listeners.push_back(errors_.listener());
    rocksdb::BlockBasedTableOptions table;
    table.no_block_cache = true;  // a search reads each block once
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family.write_buffer_size = 8 << 20;
    family.compression = rocksdb::kNoCompression;  // values are compressed already
    // Small files: what retention drops can then be unlinked whole instead of being rewritten.
    family.target_file_size_base = 8 << 20;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const char* name : {"default", "blocks", "recent", "index", "meta"}) descriptors.emplace_back(name, family);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options, directory_.string(), descriptors, &handles, &db);
    if (!status.ok()) return store_error(status, directory_);
    db_.reset(db);
    std::copy(handles.begin(), handles.end(), families_.begin());
    return load();
  }

  Result<void> append(std::vector<LogRow> rows, const std::vector<RingMark>& marks) override {
    std::stable_sort(rows.begin(), rows.end(), [](const LogRow& a, const LogRow& b) { return a.time_us < b.time_us; });
    rocksdb::WriteBatch batch;
    for (const RingMark& mark : marks) batch.Put(meta(), "ring/" + mark.ring, encode(mark));
    std::uint64_t lost = 0;
    for (const LogRow& row : rows) {
      LostRecord record;
      if (row.kind == RowKind::lost && decode(row.record, record)) lost += record.dropped;
    }
    std::uint64_t sequence = sequence_;
    Pending pending = pending_;  // what becomes of it is only true when the write succeeds
    std::vector<std::pair<std::string, IndexEntry>> written;
    std::size_t begin = 0;
    while (begin < rows.size()) {
      // One small block never spans more than a large one may.
      std::size_t end = begin;
      while (end < rows.size() && end - begin < kBlockRows && rows[end].time_us - rows[begin].time_us <= kSpanUs) ++end;
      const std::span<const LogRow> part(rows.data() + begin, end - begin);
      if (!pending.takes(part)) close(pending, batch, sequence, written);
      const std::string key = block_key(part.front().time_us, ++sequence);
      batch.Put(recent(), key, encode_block(part));
      pending.add(key, part);
      begin = end;
    }
    if (pending.rows.size() >= kBlockRows) close(pending, batch, sequence, written);
    batch.Put(meta(), "sequence", big_endian(sequence));
    if (lost > 0) batch.Put(meta(), "dropped", big_endian(dropped() + lost));
    if (const auto status = db_->Write(rocksdb::WriteOptions(), &batch); !status.ok()) {
      return store_error(status, directory_);
    }
    const std::lock_guard lock(mutex_);
    sequence_ = sequence;
    pending_ = std::move(pending);
    dropped_ += lost;
    for (const RingMark& mark : marks) marks_[mark.ring] = mark;
    for (auto& [key, entry] : written) count(key, entry);
    return {};
  }

  std::optional<RingMark> mark(const std::string& ring) const override {
    const std::lock_guard lock(mutex_);
    const auto found = marks_.find(ring);
    if (found == marks_.end()) return std::nullopt;
    return found->second;
  }

  Result<void> check_writable() const override {
    if (!errors_.any()) return {};
    return Error{ErrorCode::corrupt,
                 "decision log " + directory_.string() +
                     ": it does not write any more after an error of the disk; it must be opened anew"};
  }

  Result<void> sync() override {
    const auto status = db_->SyncWAL();
    if (!status.ok() && !status.IsNotSupported()) return store_error(status, directory_);
    return {};
  }

  Result<std::uint64_t> retain(const LogRetention& retention, WallTime now) override {
    const std::int64_t oldest_us = to_us(now) - std::chrono::microseconds(retention.keep).count();
    std::string cut;  // keys below it go
    std::uint64_t blocks = 0;
    std::uint64_t left = bytes_;
    std::uint64_t gone = 0;
    for (auto at = index_.begin(); at != index_.end(); ++at) {
      if (at->second.last_us >= oldest_us && left <= retention.size_bytes) break;
      left -= at->second.bytes;
      gone += at->second.bytes;
      cut = at->first + '\0';  // just behind this key
      ++blocks;
    }
    const bool pending_too = !pending_.rows.empty() && pending_.last_us < oldest_us;
    if (blocks == 0 && !pending_too) return std::uint64_t{0};
    rocksdb::WriteBatch batch;
    if (blocks > 0) {
      batch.DeleteRange(this->blocks(), "", cut);
      batch.DeleteRange(index(), "", cut);
    }
    // Also small blocks that were damaged and are nobody's any more.
    if (pending_too) batch.DeleteRange(recent(), "", big_endian(time_key(oldest_us)));
    if (const auto status = db_->Write(rocksdb::WriteOptions(), &batch); !status.ok()) {
      return store_error(status, directory_);
    }
    {
      const std::lock_guard lock(mutex_);
      for (auto at = index_.begin(); at != index_.end() && at->first < cut; at = index_.erase(at)) {
        rows_ -= at->second.rows;
        bytes_ -= at->second.bytes;
      }
      if (pending_too) pending_ = {};
    }
    dropped_since_compaction_ += gone;
    if (dropped_since_compaction_ >= kCompactFrom) {
      dropped_since_compaction_ = 0;
      const rocksdb::Slice end(cut);
      // What is left of the range is in files that straddle its end; a failure here costs disk, nothing else.
      static_cast<void>(rocksdb::DeleteFilesInRange(db_.get(), this->blocks(), nullptr, &end, false));
      static_cast<void>(db_->CompactRange(rocksdb::CompactRangeOptions(), this->blocks(), nullptr, &end));
    }
    return blocks;
  }

  Result<void> scan(WallTime since, WallTime until, const std::function<bool(const LogRow&)>& visit,
                    std::uint64_t* damaged) const override {
    if (damaged != nullptr) *damaged = 0;
    const std::int64_t since_us = since == WallTime::min() ? 0 : to_us(since);
    const std::int64_t until_us = until == WallTime::max() ? INT64_MAX : to_us(until);
    // One view of both families: no row is seen twice while small blocks become a large one.
    rocksdb::ManagedSnapshot snapshot(db_.get());
    rocksdb::ReadOptions options;
    options.snapshot = snapshot.snapshot();
    const std::unique_ptr<rocksdb::Iterator> small(db_->NewIterator(options, recent()));
    const std::unique_ptr<rocksdb::Iterator> large(db_->NewIterator(options, blocks()));
    const std::string end = big_endian(time_key(until_us));
    small->SeekForPrev(end);
    large->SeekForPrev(end);
    const std::int64_t lowest_us =
        since_us < kSpanUs ? 0 : since_us - kSpanUs;  // a block that starts there can still reach in
    for (;;) {
      const bool use_small = small->Valid() && (!large->Valid() || small->key().compare(large->key()) > 0);
      rocksdb::Iterator& newest = use_small ? *small : *large;
      if (!newest.Valid() || key_time(newest.key()) < lowest_us) break;
      const auto rows = decode_block({newest.value().data(), newest.value().size()});
      if (!rows && damaged != nullptr) ++*damaged;
      if (rows) {
        for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
          if (row->time_us < since_us || row->time_us >= until_us) continue;
          if (!visit(*row)) return {};
        }
      }
      newest.Prev();
    }
    if (!small->status().ok()) return store_error(small->status(), directory_);
    if (!large->status().ok()) return store_error(large->status(), directory_);
    return {};
  }

  LogTotals totals() const override {
    const std::lock_guard lock(mutex_);
    LogTotals totals{bytes_ + pending_.bytes, rows_ + pending_.rows.size(), std::nullopt, dropped_};
    if (!index_.empty()) {
      totals.oldest = from_us(key_time(index_.begin()->first));
    } else if (!pending_.rows.empty()) {
      totals.oldest = from_us(pending_.first_us);
    }
    return totals;
  }

  bool knows_names(GenerationNumber generation) const override {
    {
      const std::lock_guard lock(mutex_);
      if (names_.contains(generation.value)) return true;
    }
    std::string ignored;
    return db_->Get(rocksdb::ReadOptions(), meta(), names_key(generation), &ignored).ok();
  }

  Result<void> remember_names(GenerationNumber generation, const PolicySet& policies) override {
    std::string json = policies.to_json();
    // Most publishes change rules only: then eight octets say "as in that generation".
    std::string value = "=" + json;
    {
      const std::lock_guard lock(mutex_);
      if (json == newest_names_json_) value = "@" + big_endian(newest_names_.value);
    }
    const auto status = db_->Put(rocksdb::WriteOptions(), meta(), names_key(generation), value);
    if (!status.ok()) return store_error(status, directory_);
    const std::lock_guard lock(mutex_);
    if (value[0] == '=') {
      newest_names_ = generation;
      newest_names_json_ = std::move(json);
    }
    keep_names(generation, std::make_shared<const PolicySet>(policies));
    return {};
  }

  std::shared_ptr<const PolicySet> names(GenerationNumber generation) const override {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = names_.find(generation.value); found != names_.end()) return found->second;
    }
    std::string value;
    if (!db_->Get(rocksdb::ReadOptions(), meta(), names_key(generation), &value).ok()) return nullptr;
    if (value.size() == 9 && value[0] == '@') {
      const GenerationNumber other{from_big_endian(std::string_view(value).substr(1))};
      if (!db_->Get(rocksdb::ReadOptions(), meta(), names_key(other), &value).ok()) return nullptr;
    }
    if (value.empty() || value[0] != '=') return nullptr;
    auto parsed = PolicySet::from_json(std::string_view(value).substr(1));
    if (!parsed) return nullptr;
    auto shared = std::make_shared<const PolicySet>(std::move(*parsed));
    const std::lock_guard lock(mutex_);
    keep_names(generation, shared);
    return shared;
  }

 private:
  // The rows of the small blocks, waiting to become a large one.
  struct Pending {
    std::vector<LogRow> rows;
    std::vector<std::string> keys;
    std::uint64_t bytes = 0;
    std::int64_t first_us = 0;
    std::int64_t last_us = 0;

    bool takes(std::span<const LogRow> part) const {
      if (rows.empty()) return true;
      return std::max(last_us, part.back().time_us) - std::min(first_us, part.front().time_us) <= kSpanUs;
    }
    void add(const std::string& key, std::span<const LogRow> part) {
      first_us = rows.empty() ? part.front().time_us : std::min(first_us, part.front().time_us);
      last_us = rows.empty() ? part.back().time_us : std::max(last_us, part.back().time_us);
      keys.push_back(key);
      for (const LogRow& row : part) bytes += row.record.size();
      rows.insert(rows.end(), part.begin(), part.end());
    }
  };

  rocksdb::ColumnFamilyHandle* blocks() const { return families_[1]; }
  rocksdb::ColumnFamilyHandle* recent() const { return families_[2]; }
  rocksdb::ColumnFamilyHandle* index() const { return families_[3]; }
  rocksdb::ColumnFamilyHandle* meta() const { return families_[4]; }
  static std::string names_key(GenerationNumber generation) { return "names/" + big_endian(generation.value); }

  std::uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

  // With mutex_ held.
  void keep_names(GenerationNumber generation, std::shared_ptr<const PolicySet> names) const {
    if (names_.size() >= kNamesKept) names_.erase(names_.begin());
    names_[generation.value] = std::move(names);
  }

  // With mutex_ held, or before anybody else is there.
  void count(const std::string& key, const IndexEntry& entry) {
    index_[key] = entry;
    rows_ += entry.rows;
    bytes_ += entry.bytes;
  }

  void close(Pending& pending, rocksdb::WriteBatch& batch, std::uint64_t& sequence,
             std::vector<std::pair<std::string, IndexEntry>>& written) {
    if (pending.rows.empty()) return;
    std::stable_sort(pending.rows.begin(), pending.rows.end(),
                     [](const LogRow& a, const LogRow& b) { return a.time_us < b.time_us; });
    const std::string key = block_key(pending.rows.front().time_us, ++sequence);
    const std::string block = encode_block(pending.rows);
    const IndexEntry entry{pending.rows.size(), block.size(), pending.rows.back().time_us};
    batch.Put(blocks(), key, block);
    batch.Put(index(), key, encode(entry));
    for (const std::string& small : pending.keys) batch.Delete(recent(), small);
    written.emplace_back(key, entry);
    pending = {};
  }

  Result<void> load() {
    std::string value;
    if (db_->Get(rocksdb::ReadOptions(), meta(), "sequence", &value).ok()) sequence_ = from_big_endian(value);
    if (db_->Get(rocksdb::ReadOptions(), meta(), "dropped", &value).ok()) dropped_ = from_big_endian(value);
    const std::unique_ptr<rocksdb::Iterator> marks(db_->NewIterator(rocksdb::ReadOptions(), meta()));
    for (marks->Seek("ring/"); marks->Valid() && marks->key().starts_with("ring/"); marks->Next()) {
      const std::string ring = marks->key().ToString().substr(5);
      if (auto mark = decode_mark(ring, {marks->value().data(), marks->value().size()})) marks_[ring] = *mark;
    }
    const std::unique_ptr<rocksdb::Iterator> entries(db_->NewIterator(rocksdb::ReadOptions(), index()));
    for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
      if (const auto entry = decode_entry({entries->value().data(), entries->value().size()})) {
        count(entries->key().ToString(), *entry);
      }
    }
    rocksdb::WriteBatch batch;
    std::vector<std::pair<std::string, IndexEntry>> written;
    const std::unique_ptr<rocksdb::Iterator> small(db_->NewIterator(rocksdb::ReadOptions(), recent()));
    for (small->SeekToFirst(); small->Valid(); small->Next()) {
      const auto rows = decode_block({small->value().data(), small->value().size()});
      // A damaged one stays where it is until retention comes by: scan() counts it.
      if (!rows || rows->empty()) continue;
      if (!pending_.takes(*rows)) close(pending_, batch, sequence_, written);
      pending_.add(small->key().ToString(), *rows);
    }
    if (!written.empty()) {
      batch.Put(meta(), "sequence", big_endian(sequence_));
      if (const auto status = db_->Write(rocksdb::WriteOptions(), &batch); !status.ok()) {
        return store_error(status, directory_);
      }
      for (const auto& [key, entry] : written) count(key, entry);
    }
    for (const rocksdb::Iterator* iterator : {marks.get(), entries.get(), small.get()}) {
      if (!iterator->status().ok()) return store_error(iterator->status(), directory_);
    }
    return {};
  }

  const std::filesystem::path directory_;
  const store::WriteErrors errors_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, 5> families_{};
  std::uint64_t dropped_since_compaction_ = 0;

  mutable std::mutex mutex_;  // everything below; written by the appending thread only
  std::uint64_t sequence_ = 0;
  Pending pending_;
  std::map<std::string, IndexEntry> index_;
  std::map<std::string, RingMark> marks_;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  GenerationNumber newest_names_;
  std::string newest_names_json_;
  mutable std::map<std::uint64_t, std::shared_ptr<const PolicySet>> names_;
};

}  // namespace

Result<std::unique_ptr<DecisionLog>> DecisionLog::open(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return Error{error == std::errc::permission_denied ? ErrorCode::permission : ErrorCode::io,
                 "decision log " + directory.string() + ": " + error.message()};
  }
  auto log = std::make_unique<RocksDecisionLog>(directory);
  if (auto opened = log->open(); !opened) return opened.error();
  return std::unique_ptr<DecisionLog>(std::move(log));
}

}  // namespace weir::sidecar
