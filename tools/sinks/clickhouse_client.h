// Asks a ClickHouse server over HTTP.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "tools/sinks/interrupt.h"
#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sinks {

// One thread. One connection, kept.
class ClickHouseClient {
 public:
  // `config` names URL, database, user and password file. `interrupt` ends a request within a second; it outlives this.
  ClickHouseClient(const SinkConfig& config, const Interrupt& interrupt);
  ~ClickHouseClient();

  enum class Within : std::uint8_t { database, server };  // whether the database is there already
  // What the statement answers. Errors: unavailable, timed_out; invalid (what the server said, with its code);
  // permission; too_large (the answer).
  Result<std::string> ask(std::string_view sql, Within within = Within::database);
  // `statement` with its data: "INSERT INTO ... FORMAT RowBinary".
  Result<void> insert(std::string_view statement, std::string_view data);

 private:
  struct Request;
  Result<std::string> perform(const std::string& url, std::string_view body);
  std::string escape(std::string_view text) const;

  const SinkConfig config_;
  const Interrupt& interrupt_;
  void* const curl_;
};

std::string quote_identifier(std::string_view name);  // `name`
std::string quote_text(std::string_view text);        // 'it''s', for SQL

}  // namespace weir::sinks
