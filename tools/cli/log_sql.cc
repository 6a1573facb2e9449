#include "tools/cli/log_sql.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tools/cli/csv.h"
#include "tools/cli/missing_rows.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct SqlOptions {
  std::string statement, source;
  std::string format = "table";
  std::uint64_t limit = 1000;
  std::uint64_t seconds = 10;
};

std::string shown(const json::value& value) {
  if (value.is_null()) return {};
  if (value.is_double()) {
    char text[32];
    return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.15g", value.get_double()))};
  }
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

void print_csv(std::ostream& out, const json::value& result) {
  const auto line = [&](const json::array& cells) {
    bool is_first = true;
    for (const json::value& cell : cells) {
      // A number may begin with a minus, and is no formula.
      const std::string text = escape_for_display(shown(cell));
      out << (is_first ? "" : ",") << (cell.is_number() ? text : csv_cell(text));
      is_first = false;
    }
    out << "\r\n";
  };
  line(array_at(result, "columns"));
  for (const json::value& row : array_at(result, "rows")) line(row.as_array());
}

void print_table(std::ostream& out, const json::value& result) {
  const json::array& rows = array_at(result, "rows");
  std::vector<Table::Column> columns;
  for (const json::value& name : array_at(result, "columns")) {
    const std::size_t at = columns.size();
    const bool is_number = !rows.empty() && rows.front().as_array().at(at).is_number();
    columns.push_back({shown(name), is_number ? Align::right : Align::left});
  }
  Table table(std::move(columns));
  for (const json::value& row : rows) {
    std::vector<std::string> cells;
    for (const json::value& cell : row.as_array()) cells.push_back(shown(cell));
    table.add(cells);
  }
  table.print(out);
}

void print_tables(std::ostream& out, const json::value& result) {
  for (const json::value& table : array_at(result, "tables")) {
    out << text_at(table, "name") << ": " << text_at(table, "meaning") << "\n";
    for (const json::value& column : array_at(table, "columns"))
      out << "  " << text_at(column, "name") << " " << text_at(column, "type") << ": " << text_at(column, "meaning")
          << "\n";
  }
}

ExitCode query(Command& command, const SqlOptions& options) {
  json::object arguments{{"limit", options.limit}, {"seconds", options.seconds}};
  if (!options.statement.empty()) arguments["statement"] = options.statement;
  if (!options.source.empty()) arguments["source"] = options.source;
  const auto answer = command.try_ask("log.sql", arguments, {}, std::chrono::milliseconds(0));
  // Nothing is changed by asking: what is refused is what was asked.
  if (!answer)
    return command.fail(answer.error, answer.error.code == ErrorCode::invalid ? ExitCode::usage : answer.failure);
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  if (options.statement.empty()) {
    print_tables(command.out(), answer.result);
    return ExitCode::done;
  }
  if (options.format == "csv") {
    print_csv(command.out(), answer.result);
  } else {
    print_table(command.out(), answer.result);
  }
  say_missing(command, answer.result);
  if (!flag_at(answer.result, "whole_log")) {
    const std::string back = text_at(answer.result, "read_back_to");
    command.err() << "weir: the time was up"
                  << (back.empty() ? "" : ": decisions before " + back + " were not all read")
                  << "; raise --seconds or ask for a shorter time\n";
  }
  if (!flag_at(answer.result, "all_rows"))
    command.err() << "weir: there are more rows; raise --limit, or ask for fewer\n";
  return ExitCode::done;
}

}  // namespace

void add_log_sql(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<SqlOptions>();
  CLI::App* verb =
      family.add_subcommand("sql", "asks the log in SQL (SQLite's); without a statement: what can be asked");
  verb->add_option("STATEMENT", options->statement,
                   "one SELECT, e.g. \"SELECT list, count(*) FROM decisions WHERE time >= '2026-07-01' GROUP BY 1\"");
  verb->add_option("--source", options->source,
                   "clickhouse: in ClickHouse's SQL, of the server that the first sink of that kind fills; "
                   "clickhouse:NAME of another such sink");
  verb->add_option("--format", options->format, "table, or csv")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "csv"}));
  verb->add_option("--limit", options->limit, "how many rows to show")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  verb->add_option("--seconds", options->seconds,
                   "how long to read at most; sums are of what was read, the newest first")
      ->capture_default_str()
      ->check(CLI::Range(1, 600));
  verb->callback([&chosen, options] { chosen = [options](Command& command) { return query(command, *options); }; });
}

}  // namespace weir::cli
