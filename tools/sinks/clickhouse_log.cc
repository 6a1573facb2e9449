#include "tools/sinks/clickhouse_log.h"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

#include "tools/support/json_members.h"
#include "zones/base/text.h"

namespace weir::sinks {
namespace {

namespace json = boost::json;
using SteadyClock = std::chrono::steady_clock;

// How far back it looks at first, and how much farther each time: a page of what is new takes one step, a year nine.
// Fewer at first where there are very many, and fewer again where the server has no memory to sort them.
constexpr std::int64_t kFirstStepMs = log::kHourMs;
constexpr std::int64_t kStepGrows = 3;
constexpr std::int64_t kStepShrinks = 9;
constexpr std::int64_t kLeastStepMs = 1000;
constexpr std::uint64_t kFirstStepRows = 200'000;
constexpr std::uint64_t kRowsAtOnce = 10'000;
constexpr std::uint64_t kMaxTimelineRows = 200'000;
constexpr std::size_t kMaxNumber = 24;  // octets of one

Error no_sense() {
  return {ErrorCode::unavailable, "ClickHouse answered something that is no answer to the question"};
}

// What somebody has put into the tables is no matter of ours: octets that are no text are looked at when shown.
Result<json::value> parse_answer(std::string_view text) {
  static const json::parse_options kAnyOctets = [] {
    json::parse_options options;
    options.allow_invalid_utf8 = true;
    return options;
  }();
  json::error_code bad;
  json::value value = json::parse(json::string_view(text), bad, {}, kAnyOctets);
  if (bad) return no_sense();
  return value;
}

// Of JSONEachRow: an object a line.
Result<std::vector<json::object>> parse_rows(std::string_view text) {
  std::vector<json::object> rows;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    auto row = parse_answer(line);
    if (!row) return row.error();
    if (!row->is_object()) return no_sense();
    rows.push_back(std::move(row->get_object()));
  }
  return rows;
}

std::int64_t time_of_row(const json::object& row, std::string_view key) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number_of_row(row, key), INT64_MAX));
}

ClickHousePosition position_of_row(const json::object& row) {
  return {time_of_row(row, "time_ms"), number_of_row(row, "writer"), number_of_row(row, "batch"),
          number_of_row(row, "row")};
}

std::int64_t first_step(std::int64_t range_ms, std::uint64_t rows) {
  if (rows <= kFirstStepRows) return kFirstStepMs;
  return std::clamp(
      static_cast<std::int64_t>(static_cast<double>(range_ms) / static_cast<double>(rows) * kFirstStepRows),
      kLeastStepMs, kFirstStepMs);
}

// A value of any type, with no octets in it that are no text.
void make_text(json::value& value) {
  if (value.is_string() && !is_utf8(std::string_view(value.get_string())))
    value = escape_for_display(std::string_view(value.get_string()));
  if (value.is_array()) std::for_each(value.get_array().begin(), value.get_array().end(), make_text);
}

}  // namespace

std::uint64_t number_of_row(const json::object& row, std::string_view key) {
  const json::value* value = row.if_contains(key);
  if (value == nullptr || !value->is_string()) return count_member(row, key);
  if (value->get_string().size() > kMaxNumber) return 0;
  std::uint64_t number = 0;
  const json::string& text = value->get_string();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() ? number : 0;
}

std::string text_of_row(const json::object& row, std::string_view key) {
  const std::string text = text_member(row, key);
  return is_utf8(text) ? text : escape_for_display(text);
}

Result<std::string> ClickHouseLog::look_up(const std::string& sql, std::chrono::milliseconds budget) {
  auto answer = client_.look_up(sql, budget);
  if (answer) return answer;
  Error error = answer.error();
  // Whoever asked can mend nothing in a statement that is ours.
  if (error.code == ErrorCode::invalid) error.code = ErrorCode::unavailable;
  if (error.code == ErrorCode::timed_out) error.message += "; allow it more seconds, or ask for less";
  return error;
}

Result<ClickHouseLog::End> ClickHouseLog::search(const log::LogFilter& filter, const log::SearchRequest& range,
                                                 std::optional<ClickHousePosition> after,
                                                 const std::function<bool(const json::object& row)>& visit) {
  const auto deadline = SteadyClock::now() + range.budget;
  const auto left = [&] { return std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()); };
  End end;
  std::int64_t until_ms = range.until_ms;
  if (after && after->time_ms < INT64_MAX) until_ms = std::min(until_ms, after->time_ms + 1);
  const auto bounds_text = look_up(bounds_statement(range.since_ms, until_ms), left());
  if (!bounds_text) return bounds_text.error();
  const auto bounds = parse_rows(*bounds_text);
  if (!bounds) return bounds.error();
  if (bounds->size() != 1) return no_sense();
  const std::uint64_t found = number_of_row(bounds->front(), "found");
  if (found == 0) return end;
  const std::int64_t since_ms = std::max(range.since_ms, time_of_row(bounds->front(), "oldest"));
  until_ms = std::min(until_ms, time_of_row(bounds->front(), "newest") + 1);

  std::uint64_t given = 0;
  std::optional<ClickHousePosition> last;
  bool is_any_step_done = false;
  const auto stop_at = [&](std::optional<ClickHousePosition> position) {
    end.complete = false;
    end.next = position;
    return end;
  };
  for (std::int64_t step_ms = first_step(until_ms - since_ms, found); until_ms > since_ms;) {
    if (given == range.limit) return stop_at(last);
    // All rows from `until_ms` on are given out.
    const ClickHousePosition so_far = last && last->time_ms < until_ms ? *last : ClickHousePosition{until_ms, 0, 0, 0};
    if (left() <= std::chrono::milliseconds(0)) return stop_at(so_far);
    const std::int64_t from_ms = until_ms - since_ms > step_ms ? until_ms - step_ms : since_ms;
    const RowsWanted wanted{from_ms, until_ms, last ? last : after, std::min(range.limit - given + 1, kRowsAtOnce)};
    const auto text = look_up(rows_statement(filter, wanted), left());
    if (!text) {
      if (text.error().code == ErrorCode::too_large && step_ms > kLeastStepMs) {
        step_ms = std::max(step_ms / kStepShrinks, kLeastStepMs);
        continue;
      }
      const bool is_partial = text.error().code == ErrorCode::timed_out && (is_any_step_done || last);
      if (is_partial) return stop_at(so_far);
      return text.error();
    }
    const auto rows = parse_rows(*text);
    if (!rows) return rows.error();
    for (const json::object& row : *rows) {
      if (given == range.limit || !visit(row)) return stop_at(last ? last : after);
      ++given;
      last = position_of_row(row);
    }
    if (rows->size() == wanted.limit) continue;  // this step has more
    until_ms = from_ms;
    step_ms *= kStepGrows;
    is_any_step_done = true;
  }
  return end;
}

Result<log::Top> ClickHouseLog::top(const log::LogFilter& filter, const log::TopRequest& request) {
  const auto text = look_up(top_statement(filter, request), request.range.budget);
  if (!text) return text.error();
  const auto answer = parse_answer(*text);
  if (!answer) return answer.error();
  const json::value* rows = answer->is_object() ? answer->get_object().if_contains("data") : nullptr;
  const json::value* totals = answer->is_object() ? answer->get_object().if_contains("totals") : nullptr;
  if (rows == nullptr || !rows->is_array()) return no_sense();
  log::Top top;
  if (totals != nullptr && totals->is_object()) {
    top.decisions = number_of_row(totals->get_object(), "found");
    top.keys = number_of_row(totals->get_object(), "items");
  }
  for (const json::value& row : rows->get_array()) {
    if (!row.is_object()) return no_sense();
    const std::uint64_t found = number_of_row(row.get_object(), "found");
    if (number_of_row(row.get_object(), "hidden") != 0) {
      top.hidden += found;
    } else if (top.rows.size() < request.limit) {
      top.rows.push_back({text_of_row(row.get_object(), "shown"), found});
    }
  }
  return top;
}

Result<log::Timeline> ClickHouseLog::timeline(const log::LogFilter& filter, const log::TimelineRequest& request) {
  const auto text = look_up(timeline_statement(filter, request, kMaxTimelineRows + 1), request.range.budget);
  if (!text) return text.error();
  const auto rows = parse_rows(*text);
  if (!rows) return rows.error();
  if (rows->size() > kMaxTimelineRows) {
    return Error{ErrorCode::too_large, "that is more than " + std::to_string(kMaxTimelineRows) +
                                           " numbers: expected a longer \"step\" or a later \"since\""};
  }
  log::Timeline timeline;
  for (const json::object& row : *rows)
    timeline.rows.push_back({time_of_row(row, "slot") * 1000, text_of_row(row, "item"), number_of_row(row, "found")});
  return timeline;
}

Result<ClickHouseLog::Answer> ClickHouseLog::ask(std::string_view statement, std::chrono::milliseconds budget,
                                                 std::uint64_t limit) {
  // On a line of its own: the statement may end in a comment.
  const auto text = client_.look_up(std::string(statement) + "\nFORMAT JSONCompact", budget, limit + 1);
  if (!text) return text.error();
  auto answer = parse_answer(*text);
  if (!answer) return answer.error();
  if (!answer->is_object()) return no_sense();
  json::value& meta = answer->get_object()["meta"];
  json::value& data = answer->get_object()["data"];
  if (!meta.is_array() || !data.is_array()) return no_sense();
  Answer out;
  for (const json::value& column : meta.get_array()) {
    if (!column.is_object()) return no_sense();
    out.columns.push_back(json::value(text_of_row(column.get_object(), "name")));
  }
  out.rows = std::move(data.get_array());
  out.all_rows = out.rows.size() <= limit;
  if (!out.all_rows) out.rows.resize(limit);
  for (json::value& row : out.rows) {
    if (!row.is_array() || row.get_array().size() != out.columns.size()) return no_sense();
    make_text(row);
  }
  return out;
}

}  // namespace weir::sinks
