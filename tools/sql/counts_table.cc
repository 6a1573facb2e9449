#include "tools/sql/counts_table.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tools/log/block_builder.h"
#include "tools/log/log_filter.h"
#include "tools/log/rollup.h"
#include "tools/log/top.h"
#include "tools/sql/constraint.h"
#include "tools/sql/virtual_table.h"
#include "zones/dns/reversed_name.h"

namespace weir::sql {
namespace {

using log::kDayMs;
using log::kHourMs;
using log::kMinuteMs;

std::vector<Column> count_columns(const char* slot) {
  return {{"ms", "INTEGER", slot},
          {"time", "TEXT", "the same as 2026-07-06T00:40:00.000Z"},
          {"class", "TEXT", "of the decisions: blocked, would_block, ..."},
          {"list", "TEXT", "that decided; NULL: none did"},
          {"category", "TEXT", "of that list"},
          {"client_group", "TEXT", "the clients' group"},
          {"decisions", "INTEGER", "how many"}};
}

// One of the tables: how it is called, its slots of time, and how many are read at once.
struct Kind {
  Table table;
  std::int64_t slot_ms = 0;
  std::int64_t piece_ms = 0;
  bool is_of_domains = false;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {{"minutes", "numbers of decisions by minute", count_columns("where the minute begins, in ms since 1970")},
       kMinuteMs,
       8 * kDayMs,
       false},
      {{"hours", "numbers of decisions by hour", count_columns("where the hour begins, in ms since 1970")},
       kHourMs,
       32 * kDayMs,
       false},
      {{"days", "numbers of decisions by day (UTC)", count_columns("where the day begins, in ms since 1970")},
       kDayMs,
       128 * kDayMs,
       false},
      {{"domains",
        "numbers of decisions by day (UTC) and registrable domain",
        {{"ms", "INTEGER", "where the day begins, in ms since 1970"},
         {"time", "TEXT", "the same as 2026-07-06T00:00:00.000Z"},
         {"class", "TEXT", "of the decisions: blocked, would_block, ..."},
         {"domain", "TEXT", "example.co.uk for www.example.co.uk"},
         {"decisions", "INTEGER", "how many"}}},
       kDayMs,
       kDayMs,
       true}};
  return all;
}

struct Row {
  std::int64_t ms = 0;
  DecisionClass decision_class = DecisionClass::blocked;
  std::uint32_t list = 0;
  std::uint32_t group = 0;
  std::string domain;
  std::uint64_t decisions = 0;
};

struct CountsSource {
  Scan* scan = nullptr;
  const Kind* kind = nullptr;
};

class CountsCursor : public sqlite3_vtab_cursor {
 public:
  using Source = CountsSource;
  static const Table& table(const Source& source) { return source.kind->table; }
  static const std::vector<Selects>& selects() {
    // Times alone: a slot is not read without its rows.
    static const std::vector<Selects> all = {Selects::most, Selects::most};
    return all;
  }

  explicit CountsCursor(const Source& source) : sqlite3_vtab_cursor{}, scan_(*source.scan), kind_(*source.kind) {}

  int filter(const char* plan, sqlite3_value** values) {
    const TimeRange asked = time_range(read_plan(plan, values, kind_.table));
    rows_.clear();
    at_ = 0;
    number_ = 0;
    // A slot is where it begins.
    const auto blocks = scan_.log().find_blocks(0, INT64_MAX);
    std::int64_t first_ms = INT64_MAX;
    std::int64_t last_ms = 0;
    for (const log::BlockRef& block : blocks) {
      first_ms = std::min(first_ms, block.header.first_ms);
      last_ms = std::max(last_ms, block.header.last_ms);
    }
    if (asked.since_ms > 0) first_ms = asked.since_ms;  // sums outlive the blocks that went for their size
    since_ms_ = first_ms == INT64_MAX ? 0 : first_ms - first_ms % kind_.slot_ms;
    until_ms_ = blocks.empty() ? since_ms_ : last_ms - last_ms % kind_.slot_ms + kind_.slot_ms;
    // The end of the last slot that is asked for.
    const std::int64_t over = asked.until_ms % kind_.slot_ms;
    const std::int64_t asked_until_ms =
        asked.until_ms == INT64_MAX || over <= 0 ? asked.until_ms : asked.until_ms - over + kind_.slot_ms;
    until_ms_ = std::min(until_ms_, asked_until_ms);
    scan_.reads(asked.since_ms, asked_until_ms);
    return next();
  }

  int next() {
    ++number_;
    if (++at_ <= rows_.size()) return SQLITE_OK;
    while (since_ms_ < until_ms_) {
      if (scan_.is_spent()) {
        scan_.cut(until_ms_ - 1);
        until_ms_ = since_ms_;
        break;
      }
      const std::int64_t begin = std::max(since_ms_, until_ms_ - kind_.piece_ms);
      const auto read = kind_.is_of_domains ? read_domains(begin, until_ms_) : read_counts(begin, until_ms_);
      if (!read) {
        sqlite3_free(pVtab->zErrMsg);
        pVtab->zErrMsg = sqlite3_mprintf("%s", read.error().message.c_str());
        return SQLITE_IOERR;
      }
      until_ms_ = begin;
      at_ = 1;
      if (!rows_.empty()) return SQLITE_OK;
    }
    rows_.clear();
    at_ = 1;
    return SQLITE_OK;
  }

  bool eof() const { return at_ > rows_.size(); }
  sqlite3_int64 number() const { return static_cast<sqlite3_int64>(number_); }

  void show(sqlite3_context* context, int column) const {
    const Row& row = rows_[at_ - 1];
    if (column == 0) return sqlite3_result_int64(context, row.ms);
    if (column == 1) return give(context, log::time_text(row.ms));
    if (column == 2) return give(context, log::to_text(row.decision_class));
    if (static_cast<std::size_t>(column) + 1 == kind_.table.columns.size())
      return sqlite3_result_int64(context, static_cast<sqlite3_int64>(row.decisions));
    const std::string text = text_of(row, column);
    if (text.empty()) return sqlite3_result_null(context);
    give(context, text);
  }

 private:
  std::string text_of(const Row& row, int column) const {
    if (kind_.is_of_domains) {
      const auto name = ReversedName::to_name(row.domain);
      return name ? name->to_text() : std::string();
    }
    if (column == 5) return scan_.log().group_name(row.group);
    const auto list = scan_.log().list(row.list);
    if (column == 4) return list ? list->category : std::string();
    return list ? list->name : log::list_name(nullptr, row.list);
  }

  Result<void> read_counts(std::int64_t begin, std::int64_t end) {
    auto cells = scan_.log().read_counts(begin, end, kind_.slot_ms);
    if (!cells) return cells.error();
    log::add_up(*cells);
    rows_.clear();
    for (const log::CountCell& cell : *cells)
      rows_.push_back({cell.slot_ms, cell.decision_class, cell.list, cell.group, {}, cell.rows});
    return {};
  }

  Result<void> read_domains(std::int64_t begin, std::int64_t end) {
    log::DomainCounts domains;
    const auto visited = scan_.log().visit_domains(
        begin, end, [&](DecisionClass decision_class, std::string_view key, std::uint64_t rows) {
          domains[{decision_class, std::string(key)}] += rows;
        });
    if (!visited) return visited;
    rows_.clear();
    for (const auto& [key, count] : domains) rows_.push_back({begin, key.decision_class, 0, 0, key.key, count});
    return {};
  }

  Scan& scan_;
  const Kind& kind_;
  std::int64_t since_ms_ = 0;  // what is left to be read: [since, until)
  std::int64_t until_ms_ = 0;
  std::vector<Row> rows_;
  std::size_t at_ = 0;  // behind the row that is shown
  std::uint64_t number_ = 0;
};

}  // namespace

std::vector<Table> count_tables() {
  std::vector<Table> out;
  for (const Kind& kind : kinds()) out.push_back(kind.table);
  return out;
}

int add_counts(sqlite3* database, Scan& scan) {
  for (const Kind& kind : kinds()) {
    const int added = VirtualTable<CountsCursor>::add(database, new CountsSource{&scan, &kind},
                                                      [](void* source) { delete static_cast<CountsSource*>(source); });
    if (added != SQLITE_OK) return added;
  }
  return SQLITE_OK;
}

}  // namespace weir::sql
