// A statement of SQL over the decision log, by SQLite's engine: read-only, bounded in time, memory and what it gives
// out.
//
// The tables are the log itself (decisions_table.h) and its sums (counts_table.h); nothing is copied into SQLite. A
// budget that ends stops the reading of the log, not the statement: sums are then over what was read, the newest first,
// and the answer says so.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/log/search.h"
#include "zones/base/result.h"

namespace weir::sql {

inline constexpr std::size_t kMaxStatement = 64 << 10;  // octets

struct Query {
  std::string statement;
  std::uint64_t limit = 1000;          // rows of the answer
  std::size_t max_octets = 768 << 10;  // likewise, of all values together
  std::chrono::milliseconds budget{10'000};
  std::function<bool()> is_gone = {};  // whoever asked; may be empty
};

using Value =
    std::variant<std::monostate, std::int64_t, double, std::string>;  // octets of a blob as hexadecimal digits

struct Answer {
  std::vector<std::string> columns;
  std::vector<std::vector<Value>> rows;
  bool whole_log = true;                        // else the time was up: rows and sums are of what was read until then
  std::optional<std::int64_t> read_back_to_ms;  // where not: decisions older than this were not all read
  bool all_rows = true;                         // else there are more than `limit`, or than max_octets hold
  std::vector<log::MissingRows> missing;
  std::uint64_t blocks_read = 0;
  std::uint64_t blocks_skipped = 0;
};

// One thread a call; any number of calls at once. Errors: invalid (with the character where it went wrong), too_large
// (the memory that all statements share), io.
Result<Answer> run(const log::DecisionLog& log, const Query& query);

// What can be asked.
struct Column {
  const char* name;
  const char* type;  // INTEGER or TEXT
  const char* meaning;
};
struct Table {
  const char* name;
  const char* meaning;
  std::vector<Column> columns;
};
const std::vector<Table>& tables();

}  // namespace weir::sql
