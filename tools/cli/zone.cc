// weir zone: what other resolvers get by zone transfer.
#include <CLI/CLI.hpp>

#include <ostream>
#include <string>

#include "tools/cli/verbs.h"

namespace weir::cli {
namespace {

using boost::json::value;

std::string count_of(std::int64_t number, const std::string& what) {
  return std::to_string(number) + ' ' + what;
}

void say_unsaid(Command& command, const value& unsaid) {
  const struct {
    const char* key;
    const char* meaning;
  } kReasons[] = {{"patterns", "globs and regular expressions, which it has no words for"},
                  {"conditions", "with conditions ($dnstype, $client, $denyallow, groups, moments)"},
                  {"refused", "with REFUSED, said as NXDOMAIN"},
                  {"too_long", "with a name that is too long below the zone's"},
                  {"too_many", "on addresses and name servers, beyond what one zone holds"},
                  {"exceptions", "for a while (allow, pause): whom the zone is served to filters on"}};
  for (const auto& reason : kReasons) {
    const auto number = number_at(unsaid, reason.key);
    if (number != 0) command.say("  not as it is: " + count_of(number, std::string("rules ") + reason.meaning));
  }
}

ExitCode show_zones(Command& command) {
  const auto answer = command.ask("zone.show", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  if (array_at(answer.result, "zones").empty()) command.say("no zone is served: see [[serve]] in weir.toml");
  for (const auto& zone : array_at(answer.result, "zones")) {
    const std::string list = text_at(zone, "list");
    const std::string holds = list.empty() ? "policy " + text_at(zone, "policy") : "list " + list;
    const std::string error = text_at(zone, "error");
    command.say(name_at(zone, "name") + ": " + holds +
                (error.empty() ? ", serial " + text_at(zone, "serial") + ", " + text_at(zone, "records") + " records"
                               : ": " + error));
    const value* unsaid = zone.as_object().if_contains("unsaid");
    if (unsaid != nullptr) say_unsaid(command, *unsaid);
    const value& transfers = zone.at("transfers");
    command.say("  transfers: " + count_of(number_at(transfers, "whole"), "whole, ") +
                count_of(number_at(transfers, "incremental"), "incremental, ") +
                count_of(number_at(transfers, "unchanged"), "with nothing newer, ") +
                count_of(number_at(transfers, "refused"), "refused, ") +
                count_of(number_at(transfers, "failed"), "broken off"));
    const std::string refusal = text_at(transfers, "last_refusal");
    if (!refusal.empty()) command.say("  last refused: " + refusal);
    for (const auto& secondary : array_at(zone, "notified")) {
      const bool answered = number_at(secondary, "answered") == number_at(secondary, "told");
      command.say("  " + text_at(secondary, "address") + ": told of " + text_at(secondary, "told") +
                  (answered ? ", and answered" : ", no answer (tried " + text_at(secondary, "tries") + " times)"));
    }
  }
  return ExitCode::done;
}

}  // namespace

void add_zone_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("zone", "what other resolvers get by zone transfer");
  family->require_subcommand(1);
  family->add_subcommand("show", "the zones that are served: what they hold, what they cannot say, who took them")
      ->callback([&chosen] { chosen = show_zones; });
}

}  // namespace weir::cli
