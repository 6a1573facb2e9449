// Questions to a log that lies in ClickHouse, as the statements that ask them there (deploy/clickhouse/schema.sql).
//
// What was sent twice counts once: sums are over FINAL, and of rows one of each name (time, writer, batch, row) is
// taken, which comes to the same since all that repeats a row says the same; FINAL would read and merge every column of
// all rows to find the few (5 million rows, one client: 3.7 s; so 0.3 s). What people have typed stands in statements
// as quoted text and as numbers, nowhere else, and never in a pattern. Sums over minutes and hours come from the
// rollups where those know it all, as those of the log itself do.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/log/log_filter.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "zones/base/result.h"

namespace weir::sinks {

// Behind which row a page begins. Rows are given out in the order of these, the greatest first.
struct ClickHousePosition {
  std::int64_t time_ms = 0;
  std::uint64_t writer = 0;
  std::uint64_t batch = 0;
  std::uint64_t row = 0;
  auto operator<=>(const ClickHousePosition&) const = default;

  std::string to_text() const;                                     // "c1784000000000.7.12.3"
  static Result<ClickHousePosition> parse(std::string_view text);  // errors: invalid
};

struct RowsWanted {
  std::int64_t since_ms = 0;  // [since, until)
  std::int64_t until_ms = INT64_MAX;
  std::optional<ClickHousePosition> after;
  std::uint64_t limit = 100;
};

// A JSON object a row, the newest first: the columns of `decisions` that a row of the log is made of.
std::string rows_statement(const log::LogFilter& filter, const RowsWanted& wanted);
// One row: "oldest", "newest" (milliseconds), "found". Of all decisions in [since, until).
std::string bounds_statement(std::int64_t since_ms, std::int64_t until_ms);
// Rows of "shown", "hidden", "found", "items", the most found first; what min_clients hides is one row before them,
// whose "hidden" is 1. In "totals" the sums of all: decisions and keys.
std::string top_statement(const log::LogFilter& filter, const log::TopRequest& request);
// Rows of "slot" (seconds), "item", "found"; `max_rows` at most.
std::string timeline_statement(const log::LogFilter& filter, const log::TimelineRequest& request,
                               std::uint64_t max_rows);

}  // namespace weir::sinks
