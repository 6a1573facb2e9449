// log.sql: a statement over the log; without one, what can be asked.
#include <algorithm>

#include "tools/log/row_text.h"
#include "tools/sidecar/clickhouse_answers.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/verb_table.h"
#include "tools/sql/query.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMaxRows = 100'000;
constexpr std::uint64_t kMaxSqlSeconds = 600;

json::object show_tables() {
  json::array shown;
  for (const sql::Table& table : sql::tables()) {
    json::array columns;
    for (const sql::Column& column : table.columns)
      columns.push_back(json::object{{"name", column.name}, {"type", column.type}, {"meaning", column.meaning}});
    shown.push_back(json::object{{"name", table.name}, {"meaning", table.meaning}, {"columns", std::move(columns)}});
  }
  return {{"tables", std::move(shown)}};
}

json::value show(const sql::Value& value) {
  return std::visit(
      [](const auto& each) -> json::value {
        if constexpr (std::is_same_v<std::decay_t<decltype(each)>, std::monostate>) {
          return nullptr;
        } else {
          return json::value(each);
        }
      },
      value);
}

// In ClickHouse's SQL and of its tables; the statement is passed on as it is.
VerbResult query_clickhouse(Call& call, const SinkConfig& sink, const sql::Query& query) {
  if (query.statement.empty())
    return Error{ErrorCode::invalid, "which statement? The tables there are in clickhouse/schema.sql"};
  auto log = open_clickhouse_log(call, sink);
  auto answer = log.ask(query.statement, query.budget, query.limit);
  if (!answer) return answer.error();
  if (json::serialize(answer->rows).size() > kMaxReplyOctets)
    return Error{ErrorCode::too_large, "the answer is too long: expected a smaller \"limit\", or fewer columns"};
  return json::object{{"columns", std::move(answer->columns)},
                      {"rows", std::move(answer->rows)},
                      {"complete", answer->all_rows},
                      {"all_rows", answer->all_rows},
                      {"whole_log", true},
                      {"source", "clickhouse:" + sink.name}};
}

}  // namespace

VerbResult query_log(Call& call) {
  sql::Query query;
  query.statement = call.arguments.text("statement");
  query.limit = std::min(call.arguments.number("limit", query.limit), kMaxRows);
  const std::uint64_t seconds = std::clamp<std::uint64_t>(call.arguments.number("seconds", 10), 1, kMaxSqlSeconds);
  if (!call.arguments.ok()) return call.arguments.error();
  query.budget = std::chrono::seconds(seconds);
  const auto sink = named_source(call);
  if (!sink) return sink.error();
  if (*sink) return query_clickhouse(call, **sink, query);
  if (query.statement.empty()) return show_tables();
  query.is_gone = [&call] { return call.responder.is_gone(); };
  const auto answer = sql::run(call.services.log, query);
  if (!answer) return answer.error();
  json::object out;
  out["columns"] = json::array(answer->columns.begin(), answer->columns.end());
  json::array rows;
  for (const auto& row : answer->rows) {
    json::array values;
    for (const sql::Value& value : row) values.push_back(show(value));
    rows.push_back(std::move(values));
  }
  out["rows"] = std::move(rows);
  out["complete"] = answer->whole_log && answer->all_rows;
  out["all_rows"] = answer->all_rows;
  out["whole_log"] = answer->whole_log;
  if (answer->read_back_to_ms) out["read_back_to"] = log::time_text(*answer->read_back_to_ms);
  out["missing"] = show_missing(answer->missing);
  out["blocks_read"] = answer->blocks_read;
  out["blocks_skipped"] = answer->blocks_skipped;
  return out;
}

}  // namespace weir::sidecar
