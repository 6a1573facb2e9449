// weir allow, pause, overlay: exceptions that end by themselves.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/url.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct OverlayOptions {
  std::string name, duration, reason, id;
  std::vector<std::string> clients, groups;
  bool exact = false;
};

Result<json::object> describe(const OverlayOptions& options) {
  const auto duration = parse_duration(options.duration);
  if (!duration) return duration.error();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*duration).count();
  return json::object{{"seconds", seconds},
                      {"reason", options.reason},
                      {"clients", json::value_from(options.clients)},
                      {"groups", json::value_from(options.groups)}};
}

ExitCode begin(Command& command, const char* verb, json::object arguments) {
  const auto answer = command.ask(verb, std::move(arguments));
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  const json::value* overlay = object_at(answer.result, "overlay");
  const json::value none;
  const json::value& shown = overlay == nullptr ? none : *overlay;
  const bool allows = text_at(shown, "kind") == "allow";
  command.say((allows ? "allowed until " : "paused until ") + text_at(shown, "until") + ": " +
              name_at(shown, "subject") + in_force(answer.result) + "; to end it before: weir overlay end " +
              text_at(shown, "id"));
  return ExitCode::done;
}

ExitCode allow(Command& command, const OverlayOptions& options) {
  if (auto url = refuse_url(options.name)) return command.fail(*url);
  auto arguments = describe(options);
  if (!arguments) return command.fail(arguments.error());
  (*arguments)["name"] = options.name;
  (*arguments)["exact"] = options.exact;
  return begin(command, "overlay.allow", std::move(*arguments));
}

ExitCode pause(Command& command, const OverlayOptions& options) {
  auto arguments = describe(options);
  if (!arguments) return command.fail(arguments.error());
  return begin(command, "overlay.pause", std::move(*arguments));
}

ExitCode end(Command& command, const OverlayOptions& options) {
  const auto answer = command.ask("overlay.end", {{"id", options.id}, {"reason", options.reason}});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else if (const json::value* overlay = object_at(answer.result, "overlay")) {
    command.say("ended " + text_at(*overlay, "id") + ": " + name_at(*overlay, "subject") + in_force(answer.result));
  }
  return ExitCode::done;
}

ExitCode show(Command& command) {
  const auto answer = command.ask("overlay.show", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"ID"}, {"KIND"}, {"WHAT"}, {"UNTIL"}, {"BY"}, {"REASON"}});
  for (const auto& overlay : array_at(answer.result, "overlays")) {
    table.add({text_at(overlay, "id"), text_at(overlay, "kind"), name_at(overlay, "subject"), text_at(overlay, "until"),
               text_at(overlay, "author"), text_at(overlay, "reason")});
  }
  table.print(command.out());
  return ExitCode::done;
}

void add_conditions(CLI::App* verb, OverlayOptions& options) {
  verb->add_option("--for", options.duration, "how long, such as 30m; at most 366d")->required();
  verb->add_option("--reason", options.reason, "why; it stands in explanations and in the audit log")->required();
  verb->add_option("--client", options.clients, "for this address or prefix; may be repeated. Without any: everybody");
  verb->add_option("--group", options.groups, "for this group; may be repeated");
}

}  // namespace

void add_overlay_verbs(CLI::App& app, Action& chosen) {
  CLI::App* allowing = app.add_subcommand("allow", "let a name through for a while, whatever lists say");
  auto allowed = std::make_shared<OverlayOptions>();
  allowing->add_option("NAME", allowed->name, "the name, with everything below it")->required();
  allowing->add_flag("--exact", allowed->exact, "the name alone");
  add_conditions(allowing, *allowed);
  allowing->callback([&chosen, allowed] { chosen = [allowed](Command& command) { return allow(command, *allowed); }; });

  CLI::App* pausing = app.add_subcommand("pause", "let filtering rest for a while");
  pausing->footer("\nLists with pausable = false, and those whose basis is legal, go on filtering.\n" +
                  pausing->get_footer());
  auto paused = std::make_shared<OverlayOptions>();
  add_conditions(pausing, *paused);
  pausing->callback([&chosen, paused] { chosen = [paused](Command& command) { return pause(command, *paused); }; });

  CLI::App* family = app.add_subcommand("overlay", "exceptions for a while: those that there are, and their end");
  family->require_subcommand(1);
  family->add_subcommand("show", "those that hold now")->callback([&chosen] { chosen = show; });
  CLI::App* ending = family->add_subcommand("end", "end one before its time");
  auto ended = std::make_shared<OverlayOptions>();
  ending->add_option("ID", ended->id, "as overlay show tells it")->required();
  ending->add_option("--reason", ended->reason, "why; for the audit log");
  ending->callback([&chosen, ended] { chosen = [ended](Command& command) { return end(command, *ended); }; });
}

}  // namespace weir::cli
