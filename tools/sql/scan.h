// What the tables of one statement share: the log, the time that is left, and what could not be read.
#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>

#include "tools/log/decision_log.h"
#include "tools/log/row_text.h"
#include "tools/sql/query.h"

namespace weir::sql {

class Scan {
 public:
  Scan(const log::DecisionLog& log, const Query& query)
      : log_(log), query_(query), deadline_(std::chrono::steady_clock::now() + query.budget) {}

  const log::DecisionLog& log() const { return log_; }
  // The reading of the log ends here.
  bool is_spent() const { return std::chrono::steady_clock::now() >= deadline_ || is_gone(); }
  // What SQLite does with what was read has as much time again.
  bool is_over() const { return std::chrono::steady_clock::now() >= deadline_ + query_.budget || is_gone(); }
  // `unread_ms`: where the newest rows lie that were not read.
  void cut(std::int64_t unread_ms) {
    whole_ = false;
    read_back_to_ms_ = std::max(read_back_to_ms_.value_or(unread_ms), unread_ms);
  }
  bool is_whole() const { return whole_; }
  std::optional<std::int64_t> read_back_to_ms() const { return read_back_to_ms_; }

  // Rows of [since_ms, until_ms) are asked for: what the log lacks there is told.
  void reads(std::int64_t since_ms, std::int64_t until_ms) {
    if (since_ms >= until_ms) return;
    since_ms_ = std::min(since_ms_, since_ms);
    until_ms_ = std::max(until_ms_, until_ms);
  }
  void tell_losses() { log::tell_losses(log_, since_ms_, until_ms_, end); }

  log::SearchEnd end;  // missing, blocks_read and blocks_skipped alone

 private:
  bool is_gone() const { return query_.is_gone && query_.is_gone(); }

  const log::DecisionLog& log_;
  const Query& query_;
  const std::chrono::steady_clock::time_point deadline_;
  std::int64_t since_ms_ = INT64_MAX;  // nothing was read
  std::int64_t until_ms_ = INT64_MIN;
  bool whole_ = true;
  std::optional<std::int64_t> read_back_to_ms_;
};

// Nothing may be thrown into SQLite.
template <class Work>
int guarded(sqlite3_vtab* table, Work work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  } catch (const std::exception& error) {
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("%s", error.what());
    return SQLITE_ERROR;
  }
}

inline void give(sqlite3_context* context, std::string_view text) {
  sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

// "CREATE TABLE t(...)" of a table's columns.
std::string declaration(const Table& table);

}  // namespace weir::sql
