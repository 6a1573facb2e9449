#include "tools/cli/rule_lines.h"

namespace weir::cli {
namespace {

std::string describe_import(const boost::json::value& rule) {
  const std::string import = text_at(rule, "import");
  if (import.empty()) return {};
  std::string out = "import " + import;
  if (const std::string source = text_at(rule, "source"); !source.empty()) out += " from " + source;
  if (const std::string time = text_at(rule, "imported"); !time.empty()) out += " at " + time;
  if (const std::string author = text_at(rule, "author"); !author.empty())
    out += " by " + author + ": " + text_at(rule, "reason");
  return out;
}

}  // namespace

std::string describe_rule(const boost::json::value& rule) {
  const std::string kind = text_at(rule, "kind");
  const std::string line = text_at(rule, "line");
  std::string out = "list " + text_at(rule, "list");
  if (!line.empty()) out += ", line " + line;
  out += ": " + name_at(rule, "pattern");
  if (kind == "subtree") out += " and everything below it";
  if (kind == "exact") out += " alone";
  out += " -> " + text_at(rule, "action") + " (rank " + text_at(rule, "rank");
  if (flag_at(rule, "important")) out += ", important";
  if (flag_at(rule, "exception")) out += ", exception";
  if (text_at(rule, "mode") == "observe") out += ", observe only";
  return out + ")";
}

void tell_rule(Command& command, const std::string& lead, const boost::json::value& rule) {
  command.say("  " + lead + describe_rule(rule));
  if (const std::string import = describe_import(rule); !import.empty())
    command.say("  " + std::string(lead.size(), ' ') + import);
}

std::string about_refused_client(const boost::json::value& reply) {
  const boost::json::value* refused = object_at(reply, "refused_client");
  const boost::json::value* waits = object_at(reply, "access_from_restart");
  const std::string rules = ". What the rules say of its group:";
  if (waits != nullptr) {
    return "weir-resolver runs with another " + text_at(*waits, "setting") +
           " than the files have, and from its restart on " + text_at(*waits, "client") +
           (refused != nullptr ? " gets REFUSED for whatever it asks" : " may ask") + rules;
  }
  if (refused == nullptr) return {};
  return text_at(*refused, "client") + " gets REFUSED for whatever it asks: it is not in " +
         text_at(*refused, "setting") + rules;
}

}  // namespace weir::cli
