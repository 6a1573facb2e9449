// Rows into ClickHouse, in large inserts that may be repeated.
//
// An insert holds whole batches and becomes one block there. Where nobody confirmed it, it is sent again: rows carry
// (writer, batch, row), the tables keep the last of each, and so do the rollups (deploy/clickhouse/schema.sql).
#pragma once

#include "tools/sinks/clickhouse_client.h"
#include "tools/sinks/clickhouse_rows.h"
#include "tools/sinks/interrupt.h"
#include "tools/sinks/writer.h"

namespace weir::sinks {

// The statements of deploy/clickhouse/schema.sql, one by one, for `database` in the place of "weir".
std::vector<std::string> schema_statements(std::string_view database);
std::string_view schema_text();  // the file

class ClickHouseWriter final : public Writer {
 public:
  ClickHouseWriter(const SinkConfig& config, const Interrupt& interrupt);
  // ClickHouse likes few large inserts, and every one makes parts in three tables.
  Pace pace() const override { return {65536, std::chrono::seconds(1)}; }
  // Makes the tables first, where they are not there and its user may.
  Result<void> write(const Rows& rows, Place& place) override;

 private:
  Result<void> make_tables();

  const std::string database_;
  ClickHouseClient client_;
  ClickHouseRows rows_;
  bool has_tables_ = false;
  std::string refused_;  // why the tables could not be made; empty: they were
};

}  // namespace weir::sinks
