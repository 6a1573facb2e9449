#include "tools/cli/list_table.h"

#include "tools/cli/command.h"

namespace weir::cli {

Table table_of_lists(const boost::json::value& reply) {
  Table table({{"LIST"}, {"KIND"}, {"RULES", Align::right}, {"STATE"}, {"IMPORTED"}, {"NEXT FETCH"}, {"ERROR"}});
  for (const auto& list : array_at(reply, "lists")) {
    table.add({text_at(list, "name"), text_at(list, "kind"), count_at(list, "rules"), text_at(list, "state"),
               text_at(list, "last_import"), text_at(list, "next_fetch"), text_at(list, "last_error")});
  }
  return table;
}

}  // namespace weir::cli
