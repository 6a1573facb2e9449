#include "tools/sql/query.h"

#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "tools/sql/counts_table.h"
#include "tools/sql/decisions_table.h"
#include "tools/sql/scan.h"
#include "zones/base/hex.h"
#include "zones/base/text.h"

namespace weir::sql {
namespace {

constexpr sqlite3_int64 kMemoryBytes = 64 << 20;  // of all statements together
// What a GROUP BY sorts beyond 16 MiB goes to a file without a name, which ends with the statement.
constexpr const char* kSorting =
    "PRAGMA temp_store = FILE; PRAGMA temp.cache_size = -16384; PRAGMA cache_size = -16384";
constexpr int kLongestValue = 1 << 20;
constexpr int kStepsBetweenLooks = 20'000;  // of SQLite's machine

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// Reading alone: no table is made, no file is attached, no pragma is set.
int authorise(void*, int action, const char*, const char* second, const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_FUNCTION:
      return std::string_view(second == nullptr ? "" : second) == "load_extension" ? SQLITE_DENY : SQLITE_OK;
    default:
      return SQLITE_DENY;
  }
}

void bound(sqlite3* database) {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_hard_heap_limit64(kMemoryBytes); });
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  for (const auto& [limit, most] : {std::pair{SQLITE_LIMIT_LENGTH, kLongestValue},
                                    {SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(kMaxStatement)},
                                    {SQLITE_LIMIT_COLUMN, 200},
                                    {SQLITE_LIMIT_EXPR_DEPTH, 200},
                                    {SQLITE_LIMIT_COMPOUND_SELECT, 20},
                                    {SQLITE_LIMIT_VDBE_OP, 100'000},
                                    {SQLITE_LIMIT_FUNCTION_ARG, 50},
                                    {SQLITE_LIMIT_ATTACHED, 0},
                                    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
                                    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
                                    {SQLITE_LIMIT_WORKER_THREADS, 0}})
    sqlite3_limit(database, limit, most);
}

constexpr std::string_view kNoColumn = "no such column: ";
constexpr std::string_view kNoTable = "no such table: ";

// The table or column that was meant.
std::string suggestion(std::string_view message) {
  for (const std::string_view start : {kNoColumn, kNoTable}) {
    if (!message.starts_with(start)) continue;
    std::string_view word = message.substr(start.size());
    word = word.substr(word.rfind('.') == std::string_view::npos ? 0 : word.rfind('.') + 1);
    std::vector<std::string_view> known;
    for (const Table& table : tables()) {
      if (start == kNoTable) {
        known.emplace_back(table.name);
      } else {
        for (const Column& column : table.columns) known.emplace_back(column.name);
      }
    }
    const std::string_view near = nearest(word, known);
    return near.empty() ? "; expected one of those that `weir log sql` without a statement shows"
                        : "; did you mean " + std::string(near) + "?";
  }
  return {};
}

Error error_of(sqlite3* database, std::string_view statement) {
  const int status = sqlite3_errcode(database) & 0xFF;
  if (status == SQLITE_NOMEM) {
    return {ErrorCode::too_large,
            "SQL: it takes more memory than statements have (64 MiB): expected a narrower range, "
            "fewer groups, or no ORDER BY"};
  }
  const std::string message = sqlite3_errmsg(database);
  if (status == SQLITE_IOERR) return {ErrorCode::io, message};
  if (status == SQLITE_AUTH)
    return {ErrorCode::invalid,
            "SQL: " + escape_for_display(message) + ": expected one SELECT, nothing else is allowed"};
  const int offset = sqlite3_error_offset(database);
  std::string where;
  if (offset >= 0 && static_cast<std::size_t>(offset) <= statement.size()) {
    const std::string_view before = statement.substr(0, static_cast<std::size_t>(offset));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    where = ":" + std::to_string(line) + ":" + std::to_string(column);
  }
  return {ErrorCode::invalid, "SQL" + where + ": " + escape_for_display(message) + suggestion(message)};
}

Value value_of(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text == nullptr ? "" : text,
                         static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
    }
    case SQLITE_BLOB:
      return to_hex({static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column)),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement, column))});
    default:
      return std::monostate();
  }
}

std::size_t size_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return 16 + (text == nullptr ? 0 : text->size());
}

// Takes rows until there are no more, or no more fit. False: SQLite has an error.
bool take_rows(sqlite3_stmt* statement, const Query& query, const Scan& scan, Answer& answer) {
  const int columns = sqlite3_column_count(statement);
  std::size_t octets = 0;
  for (;;) {
    const int status = sqlite3_step(statement);
    if (status == SQLITE_DONE) return true;
    if (status == SQLITE_INTERRUPT && scan.is_over()) {
      answer.whole_log = false;
      return true;
    }
    if (status != SQLITE_ROW) return false;
    if (answer.rows.size() == query.limit || octets >= query.max_octets) {
      answer.all_rows = false;
      return true;
    }
    std::vector<Value> row;
    for (int column = 0; column < columns; ++column) {
      row.push_back(value_of(statement, column));
      octets += size_of(row.back());
    }
    answer.rows.push_back(std::move(row));
  }
}

}  // namespace

std::string declaration(const Table& table) {
  std::string out = "CREATE TABLE t(";
  for (const Column& column : table.columns)
    out += (out.ends_with('(') ? "" : ", ") + std::string("\"") + column.name + "\" " + column.type;
  return out + ")";
}

const std::vector<Table>& tables() {
  static const std::vector<Table> all = [] {
    std::vector<Table> out = {decisions_table()};
    for (Table& table : count_tables()) out.push_back(std::move(table));
    return out;
  }();
  return all;
}

Result<Answer> run(const log::DecisionLog& log, const Query& query) {
  if (query.statement.size() > kMaxStatement) {
    return Error{ErrorCode::invalid, "SQL: the statement is longer than " + std::to_string(kMaxStatement) + " octets"};
  }
  Scan scan(log, query);
  sqlite3* opened = nullptr;
  const int status = sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> database(opened);
  if (status != SQLITE_OK) return error_of(opened, query.statement);
  bound(opened);
  if (add_decisions(opened, scan) != SQLITE_OK || add_counts(opened, scan) != SQLITE_OK ||
      sqlite3_exec(opened, kSorting, nullptr, nullptr, nullptr) != SQLITE_OK)
    return error_of(opened, query.statement);
  // A table declares its columns when it is named first: as a statement of SQLite's own, which we refuse from then on.
  for (const Table& table : tables()) {
    const std::string look = std::string("SELECT 1 FROM ") + table.name + " LIMIT 0";
    if (sqlite3_exec(opened, look.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      return error_of(opened, query.statement);
  }
  sqlite3_set_authorizer(opened, authorise, nullptr);
  sqlite3_progress_handler(
      opened, kStepsBetweenLooks, [](void* of) { return static_cast<Scan*>(of)->is_over() ? 1 : 0; }, &scan);

  sqlite3_stmt* prepared = nullptr;
  const char* tail = nullptr;
  if (sqlite3_prepare_v3(opened, query.statement.data(), static_cast<int>(query.statement.size()), 0, &prepared,
                         &tail) != SQLITE_OK)
    return error_of(opened, query.statement);
  const std::unique_ptr<sqlite3_stmt, EndStatement> statement(prepared);
  const std::string_view rest(tail, static_cast<std::size_t>(query.statement.data() + query.statement.size() - tail));
  if (!statement)
    return Error{ErrorCode::invalid, "SQL: nothing to do: expected a statement such as SELECT count(*) FROM decisions"};
  if (rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    return Error{ErrorCode::invalid,
                 "SQL: expected one statement; behind it stands '" + escape_for_display(rest.substr(0, 40)) + "'"};
  }
  Answer answer;
  for (int column = 0; column < sqlite3_column_count(prepared); ++column) {
    const char* name = sqlite3_column_name(prepared, column);
    answer.columns.emplace_back(name == nullptr ? "" : name);
  }
  if (!take_rows(prepared, query, scan, answer)) return error_of(opened, query.statement);
  answer.whole_log = answer.whole_log && scan.is_whole();
  answer.read_back_to_ms = scan.read_back_to_ms();
  scan.tell_losses();
  answer.missing = std::move(scan.end.missing);
  answer.blocks_read = scan.end.blocks_read;
  answer.blocks_skipped = scan.end.blocks_skipped;
  return answer;
}

}  // namespace weir::sql
