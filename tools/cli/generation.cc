// weir generation: the published versions of rules and policies.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"

namespace weir::cli {
namespace {

ExitCode show(Command& command) {
  const auto answer = command.ask("generation.show", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  const std::string current = text_at(answer.result, "current");
  Table table({{"NUMBER", Align::right},
               {""},
               {"PUBLISHED"},
               {"REASON"},
               {"EPOCH", Align::right},
               {"ON DISK"},
               {"SIZE", Align::right},
               {"FINGERPRINT"}});
  for (const auto& generation : array_at(answer.result, "generations")) {
    const std::string number = text_at(generation, "number");
    const bool on_disk = flag_at(generation, "on_disk");
    table.add({number, number == current ? "in force" : " ", text_at(generation, "published"),
               text_at(generation, "reason"), text_at(generation, "names_epoch"), on_disk ? "yes" : "no",
               on_disk ? show_size(number_at(generation, "size_bytes")) : "",
               text_at(generation, "fingerprint").substr(0, 16)});
  }
  table.print(command.out());
  return ExitCode::done;
}

// Alone on its line, so that two nodes are compared by a shell.
ExitCode fingerprint(Command& command) {
  const auto answer = command.ask("generation.fingerprint", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(text_at(answer.result, "fingerprint"));
  }
  return ExitCode::done;
}

void tell_exceptions(Command& command, const boost::json::value& answer, std::string_view key, const char* what) {
  for (const auto& overlay : array_at(answer, key)) {
    command.say(std::string(what) + text_at(overlay, "id") + ", " +
                (text_at(overlay, "kind") == "pause" ? "the pause of " : "the allowing of ") +
                text_at(overlay, "subject") + ", until " + text_at(overlay, "until") + ", by " +
                text_at(overlay, "author") + " (" + text_at(overlay, "reason") + ")");
  }
}

ExitCode rollback(Command& command, std::uint64_t number, const std::string& reason) {
  boost::json::object arguments{{"number", number}};
  if (!reason.empty()) arguments["reason"] = reason;
  const auto answer = command.ask("generation.rollback", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say("generation " + std::to_string(number) + " is in force again, as generation " +
                text_at(answer.result, "generation") +
                (text_at(answer.result, "pinned").empty()
                     ? ""
                     : "; definitions that the files have otherwise stay pinned to it until 'weir reload'"));
    tell_exceptions(command, answer.result, "exceptions_go_on", "goes on, as exceptions are not rolled back: ");
    tell_exceptions(command, answer.result, "exceptions_stay_ended", "was in force then, and stays ended: ");
  }
  return ExitCode::done;
}

}  // namespace

void add_generation_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("generation", "published versions of rules and policies");
  family->require_subcommand(1);
  family->add_subcommand("show", "those that are known, the newest first")->callback([&chosen] { chosen = show; });
  family->add_subcommand("fingerprint", "what two nodes that filter alike have in common")->callback([&chosen] {
    chosen = fingerprint;
  });
  CLI::App* verb = family->add_subcommand("rollback", "bring an earlier one in force, at once");
  auto number = std::make_shared<std::uint64_t>(0);
  verb->add_option("NUMBER", *number, "as 'weir generation show' names it")->required();
  auto reason = std::make_shared<std::string>();
  verb->add_option("--reason", *reason, "for the audit log");
  verb->callback([&chosen, number, reason] {
    chosen = [number, reason](Command& command) { return rollback(command, *number, *reason); };
  });
}

}  // namespace weir::cli
