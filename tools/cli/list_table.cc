#include "tools/cli/list_table.h"

#include "zones/base/text.h"
#include "zones/config/fields.h"

namespace weir::cli {

Table table_of_lists(const boost::json::value& reply) {
  Table table({{"LIST"},
               {"KIND"},
               {"RULES", Align::right},
               {"STATE"},
               {"AGE", Align::right},
               {"IMPORTED"},
               {"NEXT FETCH"},
               {"LICENCE"},
               {"ERROR"}});
  for (const auto& list : array_at(reply, "lists")) {
    table.add({text_at(list, "name"), text_at(list, "kind"), count_at(list, "rules"),
               text_at(list, "state") + (flag_at(list, "stale") ? ", stale" : "") +
                   (object_at(list, "rolled_back") != nullptr ? ", rolled back" : ""),
               show_age(list), text_at(list, "last_import"), text_at(list, "next_fetch"), text_at(list, "licence"),
               text_at(list, "last_error")});
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

std::string show_age(const boost::json::value& list) {
  if (text_at(list, "age_seconds").empty()) return {};
  const std::uint64_t seconds = number_at(list, "age_seconds");
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string about_stale(const boost::json::value& list) {
  if (!flag_at(list, "stale")) return {};
  const std::string age = show_age(list);
  std::string why = text_at(list, "last_error");
  if (why.empty()) why = "no attempt was made in time";
  const auto every = parse_duration(text_at(list, "every"));
  return "STALE: it " + (age.empty() ? std::string("never loaded") : "has not loaded for " + age) +
         (every ? ", though it is asked for each " + config::show_duration(every->count()) : "") + ": " + why;
}

void tell_of_lists(Command& command, const boost::json::value& reply) {
  for (const auto& list : array_at(reply, "lists")) {
    if (const std::string about = about_stale(list); !about.empty()) command.say(text_at(list, "name") + ": " + about);
    if (const std::string about = about_rolled_back(list); !about.empty())
      command.say(text_at(list, "name") + ": " + about);
  }
}

}  // namespace weir::cli
