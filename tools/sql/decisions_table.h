// The table `decisions`: a row each, read block by block, the newest blocks first.
//
// What a statement asks of a column (=, IN, <, <=, >, >=, LIKE) is looked up once a block in the tables of its codes,
// and rows that cannot match are passed over by their codes; SQLite looks at the others again, so what is decided here
// may only ever be too much.
#pragma once

#include "tools/sql/query.h"
#include "tools/sql/scan.h"

namespace weir::sql {

const Table& decisions_table();
// `scan` outlives the connection.
int add_decisions(sqlite3* database, Scan& scan);

}  // namespace weir::sql
