// The tables `minutes`, `hours`, `days` and `domains`: sums that the log keeps, so that a month is counted without
// being read.
#pragma once

#include <vector>

#include "tools/sql/query.h"
#include "tools/sql/scan.h"

namespace weir::sql {

std::vector<Table> count_tables();
// `scan` outlives the connection.
int add_counts(sqlite3* database, Scan& scan);

}  // namespace weir::sql
