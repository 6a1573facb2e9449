#include "tools/cli/list_table.h"

namespace weir::cli {

Table table_of_lists(const boost::json::value& reply) {
  Table table({{"LIST"}, {"KIND"}, {"RULES", Align::right}, {"STATE"}, {"IMPORTED"}, {"NEXT FETCH"}, {"ERROR"}});
  for (const auto& list : array_at(reply, "lists")) {
    table.add({text_at(list, "name"), text_at(list, "kind"), count_at(list, "rules"),
               text_at(list, "state") + (object_at(list, "rolled_back") != nullptr ? ", rolled back" : ""),
               text_at(list, "last_import"), text_at(list, "next_fetch"), text_at(list, "last_error")});
  }
  return table;
}

std::string about_rolled_back(const boost::json::value& reply) {
  const boost::json::value* rolled_back = object_at(reply, "rolled_back");
  if (rolled_back == nullptr) return {};
  const std::uint64_t import = number_at(*rolled_back, "import");
  const std::string newest = text_at(*rolled_back, "newest");
  return "rolled back to " + (import == 0 ? "before its first import" : "import " + std::to_string(import)) + " at " +
         text_at(*rolled_back, "since") + " (" + text_at(*rolled_back, "how") + "); its source brought import " +
         newest + ", which 'weir list rollback " + text_at(reply, "name") + " " + newest +
         "' takes again; what is newer comes by itself";
}

void tell_rolled_back(Command& command, const boost::json::value& reply) {
  for (const auto& list : array_at(reply, "lists")) {
    if (const std::string about = about_rolled_back(list); !about.empty())
      command.say(text_at(list, "name") + ": " + about);
  }
}

}  // namespace weir::cli
