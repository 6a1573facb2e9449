#include "tools/sql/constraint.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "tools/sql/scan.h"

namespace weir::sql {
namespace {

constexpr std::int64_t kLastMs = 9'223'372'036'854;   // 2262: the clock ends there
constexpr double kLargest = 9'007'199'254'740'992.0;  // up to here a double holds whole numbers

template <class Value>
bool compare(int op, const Value& is, const Value& wanted) {
  switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
      return is == wanted;
    case SQLITE_INDEX_CONSTRAINT_GT:
      return is > wanted;
    case SQLITE_INDEX_CONSTRAINT_GE:
      return is >= wanted;
    case SQLITE_INDEX_CONSTRAINT_LT:
      return is < wanted;
    case SQLITE_INDEX_CONSTRAINT_LE:
      return is <= wanted;
    default:
      return true;
  }
}

}  // namespace

bool Constraint::is_known(int op, bool is_text) {
  return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE ||
         op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE ||
         (is_text && op == SQLITE_INDEX_CONSTRAINT_LIKE);
}

std::optional<Constraint> Constraint::read(int column, int op, bool is_list, sqlite3_value* value, bool is_text) {
  Constraint out;
  out.column_ = column;
  out.op_ = op;
  const auto take = [&](sqlite3_value* each) {
    const int type = sqlite3_value_type(each);
    if (is_text) {
      if (type != SQLITE_TEXT) return false;
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(each));
      if (text == nullptr) return false;
      out.texts_.emplace_back(text, static_cast<std::size_t>(sqlite3_value_bytes(each)));
      return true;
    }
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return false;
    out.numbers_.push_back(sqlite3_value_double(each));
    return std::fabs(out.numbers_.back()) < kLargest;
  };
  if (!is_list) return take(value) ? std::optional(std::move(out)) : std::nullopt;
  sqlite3_value* each = nullptr;
  int status = sqlite3_vtab_in_first(value, &each);
  for (; status == SQLITE_OK && each != nullptr; status = sqlite3_vtab_in_next(value, &each)) {
    if (!take(each)) return std::nullopt;
  }
  if (status != SQLITE_DONE && status != SQLITE_OK) return std::nullopt;
  return out;
}

const std::vector<std::string>* Constraint::exact_texts() const {
  return op_ == SQLITE_INDEX_CONSTRAINT_EQ && numbers_.empty() ? &texts_ : nullptr;
}

bool Constraint::allows(std::string_view text) const {
  return std::any_of(texts_.begin(), texts_.end(), [&](const std::string& wanted) {
    if (op_ == SQLITE_INDEX_CONSTRAINT_LIKE) return sqlite3_strlike(wanted.c_str(), std::string(text).c_str(), 0) == 0;
    return compare<std::string_view>(op_, text, wanted);
  });
}

bool Constraint::allows(std::int64_t number) const {
  return std::any_of(numbers_.begin(), numbers_.end(),
                     [&](double wanted) { return compare(op_, static_cast<double>(number), wanted); });
}

void Constraint::narrow(std::int64_t& least, std::int64_t& most) const {
  if (numbers_.empty()) return;
  const auto [low, high] = std::minmax_element(numbers_.begin(), numbers_.end());
  const auto below = static_cast<std::int64_t>(std::floor(*low));
  const auto above = static_cast<std::int64_t>(std::ceil(*high));
  if (op_ == SQLITE_INDEX_CONSTRAINT_EQ || op_ == SQLITE_INDEX_CONSTRAINT_GE) least = std::max(least, below);
  if (op_ == SQLITE_INDEX_CONSTRAINT_GT) least = std::max(least, below + 1);
  if (op_ == SQLITE_INDEX_CONSTRAINT_EQ || op_ == SQLITE_INDEX_CONSTRAINT_LE) most = std::min(most, above);
  if (op_ == SQLITE_INDEX_CONSTRAINT_LT) most = std::min(most, above - 1);
}

bool Constraint::is_range() const {
  return op_ != SQLITE_INDEX_CONSTRAINT_LIKE && texts_.size() + numbers_.size() == 1;
}

// Texts of moments are in the order of the moments.
void Constraint::narrow_times(std::int64_t& least, std::int64_t& most) const {
  if (!is_range() || texts_.empty()) return;
  const std::string& wanted = texts_.front();
  // The first moment whose text is not before (or is behind) what is asked for.
  const auto first = [&](bool is_behind) {
    std::int64_t low = 0;
    std::int64_t high = kLastMs + 1;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      const int order = log::time_text(middle).compare(wanted);
      if (is_behind ? order > 0 : order >= 0) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
  if (op_ == SQLITE_INDEX_CONSTRAINT_EQ || op_ == SQLITE_INDEX_CONSTRAINT_GT || op_ == SQLITE_INDEX_CONSTRAINT_GE)
    least = std::max(least, first(false));
  if (op_ == SQLITE_INDEX_CONSTRAINT_EQ || op_ == SQLITE_INDEX_CONSTRAINT_LT || op_ == SQLITE_INDEX_CONSTRAINT_LE) {
    if (const std::int64_t behind = first(true); behind <= kLastMs) most = std::min(most, behind);
  }
}

namespace {

bool is_text(const Table& table, int column) {
  return std::strcmp(table.columns[static_cast<std::size_t>(column)].type, "TEXT") == 0;
}

}  // namespace

int choose_plan(sqlite3_index_info* info, const Table& table, const std::vector<Selects>& selects) {
  std::string plan;
  double rows = 1e7;
  int arguments = 0;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& asked = info->aConstraint[i];
    const int column = asked.iColumn;
    if (asked.usable == 0 || column < 0 || static_cast<std::size_t>(column) >= selects.size()) continue;
    const Selects how = selects[static_cast<std::size_t>(column)];
    if (how == Selects::nothing || !Constraint::is_known(asked.op, is_text(table, column))) continue;
    if (asked.op != SQLITE_INDEX_CONSTRAINT_LIKE && is_text(table, column) &&
        std::strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
      continue;
    const bool is_list = asked.op == SQLITE_INDEX_CONSTRAINT_EQ && sqlite3_vtab_in(info, i, -1) != 0;
    if (is_list) sqlite3_vtab_in(info, i, 1);
    info->aConstraintUsage[i].argvIndex = ++arguments;
    plan += std::to_string(column) + ' ' + std::to_string(asked.op) + (is_list ? " l " : " v ");
    const bool is_exact = asked.op == SQLITE_INDEX_CONSTRAINT_EQ;
    rows *= !is_exact ? 0.3 : how == Selects::nearly_all ? 1e-4 : how == Selects::most ? 0.01 : 0.2;
  }
  info->idxStr = sqlite3_mprintf("%s", plan.c_str());
  if (info->idxStr == nullptr) return SQLITE_NOMEM;
  info->needToFreeIdxStr = 1;
  info->estimatedRows = static_cast<sqlite3_int64>(std::max(rows, 1.0));
  info->estimatedCost = 1e6 + rows;
  return SQLITE_OK;
}

std::vector<Constraint> read_plan(const char* plan, sqlite3_value** values, const Table& table) {
  std::vector<Constraint> out;
  const char* const end = plan + std::strlen(plan);
  while (plan < end) {
    int column = 0;
    int op = 0;
    plan = std::from_chars(plan, end, column).ptr + 1;
    plan = std::from_chars(plan, end, op).ptr + 1;
    const bool is_list = *plan == 'l';
    plan += 2;
    if (auto read = Constraint::read(column, op, is_list, *values++, is_text(table, column)))
      out.push_back(std::move(*read));
  }
  return out;
}

TimeRange time_range(const std::vector<Constraint>& constraints) {
  std::int64_t least = 0;
  std::int64_t most = INT64_MAX - 1;
  for (const Constraint& each : constraints) {
    if (each.column() == 0) each.narrow(least, most);
    if (each.column() == 1) each.narrow_times(least, most);
  }
  return {least, most + 1};
}

}  // namespace weir::sql
