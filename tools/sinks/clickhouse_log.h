// The log as it lies in a ClickHouse server that a sink fills, from all machines that write there: answers the
// questions that the decision log of this one answers.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "tools/log/log_filter.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sinks/clickhouse_client.h"
#include "tools/sinks/clickhouse_questions.h"
#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sinks {

// One question, one thread; it blocks. Errors of all: unavailable (nobody answers there, or it cannot say: what it said
// is in the message), permission, timed_out (nothing was found out within the budget), too_large.
class ClickHouseLog {
 public:
  // `is_over` ends a question within a second.
  ClickHouseLog(const SinkConfig& config, std::function<bool()> is_over) : client_(config, std::move(is_over)) {}

  struct End {
    bool complete = true;  // every row of the range was looked at
    std::optional<ClickHousePosition> next;
  };
  // Calls `visit` for each row that matches, the newest first, until it says false: a JSON object of the columns that
  // rows_statement() asks for. Looks back step by step, so that what is new is found soon and a page that takes longer
  // than `range.budget` has what was found until then. `range.after` does not count.
  Result<End> search(const log::LogFilter& filter, const log::SearchRequest& range,
                     std::optional<ClickHousePosition> after,
                     const std::function<bool(const boost::json::object& row)>& visit);
  // Sums are whole or an error.
  Result<log::Top> top(const log::LogFilter& filter, const log::TopRequest& request);
  Result<log::Timeline> timeline(const log::LogFilter& filter, const log::TimelineRequest& request);

  // One SELECT in ClickHouse's own SQL, with its own tables. Errors: also invalid (what the server said).
  struct Answer {
    boost::json::array columns;  // names
    boost::json::array rows;     // arrays
    bool all_rows = true;        // `limit` cut none off
  };
  Result<Answer> ask(std::string_view statement, std::chrono::milliseconds budget, std::uint64_t limit);

 private:
  Result<std::string> look_up(const std::string& sql, std::chrono::milliseconds budget);

  ClickHouseClient client_;
};

// Members of a row that the server sent: 64-bit numbers come as texts from some versions. 0 and "" where there is none;
// what is no UTF-8 is escaped.
std::uint64_t number_of_row(const boost::json::object& row, std::string_view key);
std::string text_of_row(const boost::json::object& row, std::string_view key);

}  // namespace weir::sinks
