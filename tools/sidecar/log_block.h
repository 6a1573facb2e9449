// How rows of the decision log lie on disk: a block of them, compressed.
//
// A row is a kind, a time and the record as the ring gave it (zones/link/decision.h), so nothing is lost on
// the way and a block is written and read without conversion. Integers are little-endian.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::sidecar {

// The numbers stand on disk: never change or reuse one.
enum class RowKind : std::uint8_t {
  decision = 1,  // encode(Decision)
  counters = 2,  // encode(CounterRecord)
  lost = 3       // LostRecord: what the ring could not hold
};

struct LogRow {
  RowKind kind = RowKind::decision;
  std::int64_t time_us = 0;  // since 1970, UTC
  std::string record;
};

// Decisions that were dropped because a ring was full, or skipped because it was damaged.
struct LostRecord {
  std::uint32_t worker = 0;
  std::uint64_t dropped = 0;        // records, since the last such row
  std::uint64_t damaged_bytes = 0;  // likewise
};
std::string encode(const LostRecord& lost);
bool decode(std::string_view record, LostRecord& lost);

inline std::int64_t to_us(WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}
inline WallTime from_us(std::int64_t us) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::microseconds(us)));
}

struct BlockHeader {
  std::uint32_t rows = 0;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
};

// `rows` sorted by time, at least one.
std::string encode_block(std::span<const LogRow> rows);
// Reads the header alone. Errors: corrupt, incompatible.
Result<BlockHeader> read_block_header(std::string_view block);
Result<std::vector<LogRow>> decode_block(std::string_view block);

}  // namespace weir::sidecar
