#include "tools/log/old_log.h"

#include <rocksdb/db.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tools/log/log_database.h"
#include "zones/link/decision.h"

namespace weir::log {
namespace {

constexpr std::size_t kHeaderSize = 1 + 4 + 8 + 8 + 4;
constexpr std::size_t kRowHeaderSize = 1 + 8 + 2;
constexpr std::size_t kMaxRawBlock = 256 << 20;
constexpr std::size_t kRowsOfBatch = 16'384;

std::uint64_t little_endian(std::string_view in, std::size_t at, unsigned octets) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < octets; ++i) value |= std::uint64_t{static_cast<std::uint8_t>(in[at + i])} << (8 * i);
  return value;
}

// Rows until the first fault.
void add_rows(std::string_view block, RecordBatch& batch) {
  if (block.size() < kHeaderSize || block[0] != 1) return;
  const std::size_t raw_size = little_endian(block, 21, 4);
  if (raw_size > kMaxRawBlock) return;
  std::string raw(raw_size, '\0');
  const std::size_t got = ZSTD_decompress(raw.data(), raw_size, block.data() + kHeaderSize, block.size() - kHeaderSize);
  if (ZSTD_isError(got) != 0 || got != raw_size) return;
  for (std::size_t at = 0; at + kRowHeaderSize <= raw_size;) {
    const std::size_t size = little_endian(raw, at + 9, 2);
    const auto sort = static_cast<RecordSort>(raw[at]);
    const auto time_us = static_cast<std::int64_t>(little_endian(raw, at + 1, 8));
    at += kRowHeaderSize;
    if (size > raw_size - at || sort < RecordSort::decision || sort > RecordSort::lost) return;
    const std::span<const std::uint8_t> record(reinterpret_cast<const std::uint8_t*>(raw.data()) + at, size);
    if (sort != RecordSort::decision || decode_decision(record)) batch.add(sort, time_us / 1000, record);
    at += size;
  }
}

std::vector<std::string> families_of(const std::filesystem::path& directory) {
  std::vector<std::string> families;
  static_cast<void>(rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), directory.string(), &families));
  return families;
}

bool is_old(const std::filesystem::path& directory) {
  const auto families = families_of(directory);
  return std::find(families.begin(), families.end(), "blocks") != families.end();
}

Error file_error(const std::filesystem::path& path, const std::error_code& error) {
  return {error == std::errc::permission_denied ? ErrorCode::permission : ErrorCode::io,
          "decision log " + path.string() + ": " + error.message()};
}

}  // namespace

std::filesystem::path old_log_folder(const std::filesystem::path& directory) {
  return directory.string() + ".format-1";
}

Result<bool> put_old_log_aside(const std::filesystem::path& directory) {
  const std::filesystem::path aside = old_log_folder(directory);
  std::error_code error;
  if (std::filesystem::exists(aside, error)) {
    // What was taken over by then is taken over again.
    std::filesystem::remove_all(directory, error);
    if (error) return file_error(directory, error);
    return true;
  }
  if (!std::filesystem::exists(directory / "CURRENT", error) || !is_old(directory)) return false;
  std::filesystem::rename(directory, aside, error);
  if (error) return file_error(aside, error);
  return true;
}

Result<void> take_over_old_log(const std::filesystem::path& directory, DecisionLog& log) {
  const std::filesystem::path aside = old_log_folder(directory);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  std::vector<std::string> names = families_of(aside);
  for (const std::string& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status =
      rocksdb::DB::OpenForReadOnly(rocksdb::DBOptions(), aside.string(), descriptors, &handles, &opened);
  if (!status.ok()) return Error{ErrorCode::corrupt, "decision log " + aside.string() + ": " + status.ToString()};
  const std::unique_ptr<rocksdb::DB> database(opened);
  Result<void> done;
  for (std::size_t i = 0; i < names.size() && done; ++i) {
    const std::unique_ptr<rocksdb::Iterator> at(database->NewIterator(rocksdb::ReadOptions(), handles[i]));
    RecordBatch batch;
    if (names[i] == "blocks" || names[i] == "recent") {
      for (at->SeekToFirst(); at->Valid() && done; at->Next()) {
        add_rows(view(at->value()), batch);
        if (batch.size() < kRowsOfBatch) continue;
        done = log.append(batch, {});
        batch.clear();
      }
      if (done && !batch.empty()) done = log.append(batch, {});
    } else if (names[i] == "meta") {
      // What had been told of lost decisions is not told again; which records were written last is said otherwise now.
      std::vector<RingMark> marks;
      for (at->Seek("ring/"); at->Valid() && at->key().starts_with("ring/"); at->Next()) {
        const std::string_view value = view(at->value());
        if (value.size() >= 24)
          marks.push_back(
              {at->key().ToString().substr(5), 0, {}, number_of(value.substr(8)), number_of(value.substr(16))});
      }
      done = log.append({}, marks);
      for (at->Seek("names/"); at->Valid() && at->key().starts_with("names/") && done; at->Next()) {
        std::string value = at->value().ToString();
        if (value.size() == 9 && value[0] == '@' &&
            !database->Get(rocksdb::ReadOptions(), handles[i], "names/" + value.substr(1), &value).ok())
          continue;
        if (value.empty() || value[0] != '=') continue;
        if (const auto set = PolicySet::from_json(std::string_view(value).substr(1)))
          done = log.remember_names({number_of(view(at->key()).substr(6))}, *set);
      }
    }
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles) database->DestroyColumnFamilyHandle(handle);
  if (done) done = log.sync();
  if (!done) return done;
  std::error_code error;
  std::filesystem::remove_all(aside, error);
  if (error) return file_error(aside, error);
  return {};
}

}  // namespace weir::log
