// Records as one turn of the drain took them from the rings, in one buffer.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/time.h"

namespace weir::log {

// The numbers stand on disk: never change or reuse one.
enum class RecordSort : std::uint8_t {
  decision = 1,  // encode(Decision)
  counters = 2,  // encode(CounterRecord)
  lost = 3       // encode(LostRecord)
};

// Decisions that were dropped because a ring was full, or skipped because it was damaged.
struct LostRecord {
  std::uint32_t worker = 0;
  std::uint64_t dropped = 0;                  // records, since the last such row
  std::uint64_t damaged_bytes = 0;            // likewise
  std::optional<std::int64_t> since_ms = {};  // they came behind this moment; an older weir does not say
};
std::string encode(const LostRecord& lost);
bool decode(std::span<const std::uint8_t> record, LostRecord& lost);

// The log's resolution.
inline std::int64_t to_ms(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
inline WallTime from_ms(std::int64_t ms) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::milliseconds(ms)));
}

class RecordBatch {
 public:
  struct Entry {
    std::int64_t time_ms = 0;
    std::uint32_t offset = 0;
    std::uint16_t size = 0;
    RecordSort sort = RecordSort::decision;
  };

  void add(RecordSort sort, std::int64_t time_ms, std::span<const std::uint8_t> record) {
    entries_.push_back(
        {time_ms, static_cast<std::uint32_t>(octets_.size()), static_cast<std::uint16_t>(record.size()), sort});
    octets_.append(reinterpret_cast<const char*>(record.data()), record.size());
  }
  std::span<const Entry> entries() const { return entries_; }
  std::span<const std::uint8_t> record(const Entry& entry) const {
    return {reinterpret_cast<const std::uint8_t*>(octets_.data()) + entry.offset, entry.size};
  }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  void clear() {
    octets_.clear();
    entries_.clear();
  }

 private:
  std::string octets_;  // below 4 GiB: a turn reads a bounded number of records
  std::vector<Entry> entries_;
};

}  // namespace weir::log
