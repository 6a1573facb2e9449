// Asks a ClickHouse server over HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sinks {

// One thread. One connection, kept.
class ClickHouseClient {
 public:
  // `config` names URL, database, user and password file. A request ends within a second where `is_over` says so.
  ClickHouseClient(const SinkConfig& config, std::function<bool()> is_over);
  ~ClickHouseClient();
  ClickHouseClient(const ClickHouseClient&) = delete;
  ClickHouseClient& operator=(const ClickHouseClient&) = delete;

  enum class Within : std::uint8_t { database, server };  // whether the database is there already
  // What the statement answers. Errors: unavailable, timed_out; invalid (what the server said, with its code);
  // permission; too_large (the answer).
  Result<std::string> ask(std::string_view sql, Within within = Within::database);
  // What `sql` finds, all of it or an error; nothing is changed there, whatever it says. `budget`: how long the server
  // may take, in whole seconds, at least one. `max_rows` ends the answer soon behind so many; 0: nothing does.
  // Errors: timed_out also where the server gave up for that, too_large where it has no memory for it; the others as
  // ask() has them.
  Result<std::string> look_up(std::string_view sql, std::chrono::milliseconds budget, std::uint64_t max_rows = 0);
  // `statement` with its data: "INSERT INTO ... FORMAT RowBinary".
  Result<void> insert(std::string_view statement, std::string_view data);

 private:
  struct Request;
  struct Patience;
  Result<std::string> perform(const std::string& url, std::string_view body, const Patience& patience);
  std::string escape(std::string_view text) const;

  const SinkConfig config_;
  const std::function<bool()> is_over_;
  void* const curl_;
};

std::string quote_identifier(std::string_view name);  // `name`
std::string quote_text(std::string_view text);        // 'it\'s', for SQL: one literal, whatever octets it has

}  // namespace weir::sinks
