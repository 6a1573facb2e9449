// A table of SQLite over a cursor of ours: what is the same for each.
//
// A cursor has: `Source` (copied into the table), a constructor that takes one, table(source) and selects(),
// filter(plan, values), next(), eof(), number() and show(context, column). What it throws ends here.
#pragma once

#include <sqlite3.h>

#include <memory>

#include "tools/sql/constraint.h"
#include "tools/sql/scan.h"

namespace weir::sql {

template <class Cursor>
class VirtualTable {
 public:
  using Source = typename Cursor::Source;

  // `source` outlives the connection, which deletes it where `drop` is there.
  static int add(sqlite3* database, Source* source, void (*drop)(void*)) {
    return sqlite3_create_module_v2(database, Cursor::table(*source).name, &module(), source, drop);
  }

 private:
  struct Vtab : sqlite3_vtab {
    Source source{};
  };
  static Cursor& of(sqlite3_vtab_cursor* cursor) { return *static_cast<Cursor*>(cursor); }

  static int connect(sqlite3* database, void* source, int, const char* const*, sqlite3_vtab** out, char**) {
    const auto& from = *static_cast<const Source*>(source);
    const int declared = sqlite3_declare_vtab(database, declaration(Cursor::table(from)).c_str());
    if (declared != SQLITE_OK) return declared;
    auto table = std::make_unique<Vtab>();
    table->source = from;
    *out = table.release();
    return SQLITE_OK;
  }
  static int disconnect(sqlite3_vtab* table) {
    delete static_cast<Vtab*>(table);
    return SQLITE_OK;
  }
  static int best_index(sqlite3_vtab* table, sqlite3_index_info* info) {
    return guarded(
        table, [&] { return choose_plan(info, Cursor::table(static_cast<Vtab*>(table)->source), Cursor::selects()); });
  }
  static int open(sqlite3_vtab* table, sqlite3_vtab_cursor** out) {
    return guarded(table, [&] {
      *out = new Cursor(static_cast<Vtab*>(table)->source);
      return SQLITE_OK;
    });
  }
  static int close(sqlite3_vtab_cursor* cursor) {
    delete static_cast<Cursor*>(cursor);
    return SQLITE_OK;
  }
  static int filter(sqlite3_vtab_cursor* cursor, int, const char* plan, int, sqlite3_value** values) {
    return guarded(cursor->pVtab, [&] { return of(cursor).filter(plan, values); });
  }
  static int next(sqlite3_vtab_cursor* cursor) {
    return guarded(cursor->pVtab, [&] { return of(cursor).next(); });
  }
  static int eof(sqlite3_vtab_cursor* cursor) { return of(cursor).eof() ? 1 : 0; }
  static int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int column) {
    return guarded(cursor->pVtab, [&] {
      of(cursor).show(context, column);
      return SQLITE_OK;
    });
  }
  static int row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* out) {
    *out = of(cursor).number();
    return SQLITE_OK;
  }

  static const sqlite3_module& module() {
    static const sqlite3_module all = [] {
      sqlite3_module out{};
      out.iVersion = 1;
      out.xConnect = connect;
      out.xDisconnect = disconnect;
      out.xBestIndex = best_index;
      out.xOpen = open;
      out.xClose = close;
      out.xFilter = filter;
      out.xNext = next;
      out.xEof = eof;
      out.xColumn = column;
      out.xRowid = row_id;
      return out;
    }();
    return all;
  }
};

}  // namespace weir::sql
