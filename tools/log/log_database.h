// The RocksDB of the decision log: its families, its keys, its errors. Only sources of this room include it.
//
//   index      block key -> rows, octets, last time, lowest generation
//   summaries, names, columns   block key -> the three values of block_codec.h
//   recent     class, batch number -> records of the open block, as they came
//   events     time, batch number, index -> sort and record
//   rollups    kind, class, slot, sequence -> rollup.h; several of a slot are added up; counters_…: counter_sums.h
//   meta       sequence, dropped, counted, ring/<file>, names/<generation>, policies/<hash>, group/<code>,
//              loss/, lost/: losses.h
//
// A block key is its class, its first time and its sequence number, so what a class holds is a range in order of time.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "zones/base/result.h"
#include "zones/link/decision.h"
#include "zones/store/write_errors.h"

namespace weir::log {

enum class Family : std::uint8_t { unused, index, summaries, names, columns, recent, events, rollups, meta };
inline constexpr std::size_t kFamilies = 9;

// The numbers stand on disk: never change or reuse one.
enum class RollupKind : std::uint8_t {
  cells_of_hour = 1,
  cells_of_day = 2,
  domains_of_hour = 3,
  domains_of_day = 4,
  counters_of_hour = 5,
  counters_of_day = 6
};

std::string block_key(DecisionClass decision_class, std::int64_t first_ms, std::uint64_t sequence);
std::string recent_key(DecisionClass decision_class, std::uint64_t number);
std::string event_key(std::int64_t time_ms, std::uint64_t number, std::uint32_t index);
// `slot`: hours or days since 1970.
std::string rollup_key(RollupKind kind, DecisionClass decision_class, std::int64_t slot, std::uint64_t sequence);

std::string number_octets(std::uint64_t value);    // 8, big-endian: keys in order
std::uint64_t number_of(std::string_view octets);  // the first 8
std::uint64_t time_octets_value(std::int64_t ms);  // negative ones are 0
inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// Any thread.
class LogDatabase {
 public:
  // Errors: busy, permission, incompatible, corrupt, io.
  static Result<std::unique_ptr<LogDatabase>> open(const std::filesystem::path& directory);
  LogDatabase(const LogDatabase&) = delete;
  LogDatabase& operator=(const LogDatabase&) = delete;
  ~LogDatabase();

  rocksdb::ColumnFamilyHandle* family(Family family) const { return families_[static_cast<std::size_t>(family)]; }
  rocksdb::DB& db() const { return *db_; }
  std::unique_ptr<rocksdb::Iterator> iterate(Family family) const;
  // Nothing: missing. Any other failure is an error.
  Result<std::optional<std::string>> find(Family family, std::string_view key) const;
  Result<void> write(rocksdb::WriteBatch& batch);
  Result<void> sync();
  // Files that hold nothing but keys of [begin, end) are gone at once; whoever calls makes sure that none comes there
  // meanwhile. A failure costs disk, nothing else; so below.
  void drop_files(Family family, std::string_view begin, std::string_view end);
  // What is deleted in [begin, end) gives its octets back, by rewriting what lies beside it. Takes seconds; `stop` ends
  // it.
  void compact(Family family, std::string_view begin, std::string_view end, std::atomic<bool>& stop);
  // No file of the database, nor its write-ahead log, holds a value any more that was overwritten or deleted before
  // this. Errors: timed_out (a snapshot holds on to it, or `stop`), io.
  Result<void> erase_superseded(std::atomic<bool>& stop);
  bool has_failed() const { return failed_ || errors_.any(); }
  // Why the end of what was written was lost when this was opened: its write-ahead log was damaged before its end. What
  // a crash cuts off at the end is none. Empty: nothing was.
  const std::string& journal_fault() const { return journal_fault_; }
  Error error(const rocksdb::Status& status) const;
  const std::filesystem::path& directory() const { return directory_; }

 private:
  explicit LogDatabase(std::filesystem::path directory) : directory_(std::move(directory)) {}

  const std::filesystem::path directory_;
  const store::WriteErrors errors_;
  std::atomic<bool> failed_{false};
  std::string journal_fault_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families_{};
};

}  // namespace weir::log
