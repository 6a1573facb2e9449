// What a statement asks of columns, as SQLite passes it on before a table is read: an operator and one value each, or
// several where it is IN.
//
// SQLite chooses a plan first (choose_plan, without the values), and gives it back with the values (read_plan).
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tools/sql/query.h"

namespace weir::sql {

class Constraint {
 public:
  // Nothing: it excludes no row that can be told beforehand (NULL, or another type than the column's).
  static std::optional<Constraint> read(int column, int op, bool is_list, sqlite3_value* value, bool is_text);
  // Whether this operator is understood.
  static bool is_known(int op, bool is_text);

  int column() const { return column_; }
  bool is_range() const;  // =, <, <=, > or >= of one value
  // A text that must be met exactly; several: one of them.
  const std::vector<std::string>* exact_texts() const;
  bool allows(std::string_view text) const;
  bool allows(std::int64_t number) const;
  // Numbers that are not below the first nor above the second.
  void narrow(std::int64_t& least, std::int64_t& most) const;
  // The same of moments whose text is asked about.
  void narrow_times(std::int64_t& least, std::int64_t& most) const;

 private:
  int column_ = 0;
  int op_ = 0;
  std::vector<std::string> texts_;
  std::vector<double> numbers_;
};

// How much a column's values tell rows apart: what is asked for it says how many rows are expected.
enum class Selects : std::uint8_t { nothing, some, most, nearly_all };

// `selects`: of each column; what is asked of one that selects nothing is left to SQLite.
int choose_plan(sqlite3_index_info* info, const Table& table, const std::vector<Selects>& selects);
std::vector<Constraint> read_plan(const char* plan, sqlite3_value** values, const Table& table);

struct TimeRange {
  std::int64_t since_ms = 0;  // [since, until)
  std::int64_t until_ms = INT64_MAX;
};
// By the columns `ms` and `time` of a table, which are its first two.
TimeRange time_range(const std::vector<Constraint>& constraints);

}  // namespace weir::sql
