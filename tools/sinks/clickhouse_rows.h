// Decisions as ClickHouse takes them: one table of columns, from which the statement and the octets are made.
#pragma once

#include <string>

#include "tools/sinks/writer.h"

namespace weir::sinks {

// "INSERT INTO decisions (time, ...) FORMAT RowBinary". RowBinary and not JSON: the server never takes it apart into
// several blocks, and the rollups count on a batch being in one (deploy/clickhouse/schema.sql).
std::string insert_statement();

// One thread.
class ClickHouseRows {
 public:
  ClickHouseRows();
  ~ClickHouseRows();
  void add(const Row& row);
  const std::string& octets() const { return octets_; }
  void clear();

 private:
  struct Domains;
  std::unique_ptr<Domains> domains_;
  const std::string node_;
  std::string octets_;
  std::uint64_t remembered_ = 0;  // rows that `domains_` has been asked about
};

}  // namespace weir::sinks
