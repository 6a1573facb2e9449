// RocksDB as this room uses it: families, options for writer and reader, errors. Only sources of this room
// include it: RocksDB stays out of the room's contracts.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "zones/base/result.h"
#include "zones/store/generation.h"
#include "zones/store/write_errors.h"

namespace weir::store {

enum class Family : std::uint8_t { meta, names, sources, lists, policies, payload, timeline };
inline constexpr std::size_t kFamilies = 7;
inline constexpr Family kAllFamilies[kFamilies] = {Family::meta,     Family::names,   Family::sources, Family::lists,
                                                   Family::policies, Family::payload, Family::timeline};

// Of one table: small enough that a compaction of a few changes does not rewrite a whole list.
inline constexpr std::uint64_t kTableBytes = 16U << 20;

// What a resolver reads. `sources` and `timeline` stay closed until somebody asks for history.
inline constexpr Family kServingFamilies[] = {Family::meta, Family::names, Family::lists, Family::policies,
                                              Family::payload};

inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// `what`: the path or the step, for the message.
Error to_error(const rocksdb::Status& status, const std::string& what);
Error corrupt(const std::string& what);

rocksdb::ColumnFamilyOptions family_options(Family family, const std::shared_ptr<rocksdb::Cache>& cache);

struct Table {
  Family family = Family::meta;
  std::filesystem::path path;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> open_writer(const std::filesystem::path& path,
                                                       const std::shared_ptr<rocksdb::Cache>& cache);
  // Writes nothing, not even a LOG: the resolver has no right to.
  static Result<std::unique_ptr<Database>> open_reader(const std::filesystem::path& path,
                                                       const std::shared_ptr<rocksdb::Cache>& cache,
                                                       std::span<const Family> families);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const { return handles_[static_cast<std::size_t>(family)]; }

  // not_found where the key is missing.
  Result<std::string> get(Family family, std::string_view key) const;
  // False: missing. Any other failure is an error.
  Result<bool> find(Family family, std::string_view key, std::string& value) const;
  std::unique_ptr<rocksdb::Iterator> iterate(Family family) const;
  // Those of the families that are open.
  std::vector<Table> tables() const;
  // Every block against its checksum. Errors: corrupt, io.
  Result<void> check(const Table& table) const;
  // Of a writer: nothing is written any more, and nothing may be tried.
  bool has_stopped_writing() const { return errors_.any(); }

 private:
  Database() = default;
  const WriteErrors errors_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> handles_{};
};

}  // namespace weir::store
