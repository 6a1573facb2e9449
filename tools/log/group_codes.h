// Numbers for groups that mean the same in every generation: what rollups count by.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/log_database.h"
#include "zones/base/result.h"

namespace weir::log {

// Any thread; load() and write_new() the one that writes.
class GroupCodes {
 public:
  explicit GroupCodes(LogDatabase& database) : database_(database) {}
  Result<void> load();
  std::uint32_t code(const std::string& name);  // a new one where the name is new
  std::string name(std::uint32_t code) const;   // "group N" where nobody has it
  // Those that are not stored yet, into a batch that stores what was counted by them.
  void write_new(rocksdb::WriteBatch& writes);

 private:
  LogDatabase& database_;
  mutable std::mutex mutex_;
  std::map<std::string, std::uint32_t> codes_;
  std::vector<std::string> names_;  // by code
  std::size_t stored_ = 0;
};

}  // namespace weir::log
