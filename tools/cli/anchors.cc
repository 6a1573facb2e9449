// weir anchors: what is trusted, and what is not validated (RFC 5011, RFC 7646).
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

constexpr std::chrono::seconds kAnchorsPatience{15};

ExitCode show(Command& command) {
  const auto answer = command.ask_resolver("anchors.show", {}, kAnchorsPatience);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  if (!flag_at(answer.result, "validates")) command.say("validation is off: [resolver] validate = false");
  for (const auto& zone : array_at(answer.result, "zones")) {
    std::string line = "zone " + name_at(zone, "zone") + ", from " + text_at(zone, "source");
    if (const std::string seen = text_at(zone, "last_good_look"); !seen.empty()) line += ", last confirmed " + seen;
    if (const std::string next = text_at(zone, "next_look"); !next.empty()) line += ", next look " + next;
    command.say(line);
    if (const std::string error = text_at(zone, "error"); !error.empty()) command.say("  " + error);
    Table table({{"KEY", Align::right}, {"ALGORITHM", Align::right}, {"STATE"}, {"TRUSTED"}, {"SINCE"}, {"UNTIL"}});
    for (const auto& key : array_at(zone, "keys")) {
      table.add({text_at(key, "tag"), text_at(key, "algorithm"), text_at(key, "state"),
                 flag_at(key, "trusted") ? "yes" : "no", text_at(key, "since"), text_at(key, "until")});
    }
    if (!table.empty()) table.print(command.out());
  }
  Table table({{"NOT VALIDATED"}, {"UNTIL"}, {"FROM"}, {"REASON"}});
  for (const auto& anchor : array_at(answer.result, "negative"))
    table.add(
        {name_at(anchor, "name"), text_at(anchor, "until"), text_at(anchor, "source"), text_at(anchor, "reason")});
  if (!table.empty()) table.print(command.out());
  if (const std::string error = text_at(answer.result, "state_error"); !error.empty())
    command.say("nothing of this outlives a restart: " + error);
  return ExitCode::done;
}

struct Wanted {
  std::string name;
  std::string time = "1d";
  std::string reason;
};

ExitCode add(Command& command, const Wanted& wanted) {
  const auto time = parse_duration(wanted.time);
  if (!time) return command.usage("--for: " + time.error().message);
  if (trim(wanted.reason).empty()) return command.usage("--reason must say why (RFC 7646)");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*time).count();
  const auto answer =
      command.ask_resolver("anchors.negative.add",
                           {{"name", wanted.name}, {"seconds", seconds}, {"reason", wanted.reason}}, kAnchorsPatience);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(name_at(answer.result, "name") + " and all below it is not validated until " +
                text_at(answer.result, "until"));
  }
  return ExitCode::done;
}

ExitCode remove(Command& command, const std::string& name) {
  const auto answer = command.ask_resolver("anchors.negative.remove", {{"name", name}}, kAnchorsPatience);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(name_at(answer.result, "name") + " is validated again");
  }
  return ExitCode::done;
}

}  // namespace

void add_anchor_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("anchors", "the trust anchors in force, and what is not validated");
  family->require_subcommand(0, 1);
  family->callback([&chosen] {
    if (!chosen) chosen = show;
  });
  CLI::App* negative = family->add_subcommand("nta", "negative trust anchors (RFC 7646): names not to be validated");
  negative->require_subcommand(1);
  CLI::App* adding = negative->add_subcommand("add", "do not validate a name and all below it, for a time");
  auto wanted = std::make_shared<Wanted>();
  adding->add_option("NAME", wanted->name, "a domain name")->required();
  adding->add_option("--for", wanted->time, "how long, at most 7d")->capture_default_str();
  adding->add_option("--reason", wanted->reason, "why; kept, logged and shown")->required();
  adding->callback([&chosen, wanted] { chosen = [wanted](Command& command) { return add(command, *wanted); }; });
  CLI::App* removing = negative->add_subcommand("remove", "validate it again");
  auto name = std::make_shared<std::string>();
  removing->add_option("NAME", *name, "as 'weir anchors' shows it")->required();
  removing->callback([&chosen, name] { chosen = [name](Command& command) { return remove(command, *name); }; });
}

}  // namespace weir::cli
