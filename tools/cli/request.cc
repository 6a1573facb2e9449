// weir request: what filtered people have said to be wrong, and its answer.
#include <CLI/CLI.hpp>

#include <memory>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct AnswerOptions {
  std::string id, duration, scope, reason;
  bool as_rule = false;
};

ExitCode list_requests(Command& command) {
  const auto answer = command.ask("request.list", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"ID"}, {"STATE"}, {"FILED"}, {"NAME"}, {"LIST"}, {"GROUP"}, {"CLIENT"}, {"REMARK"}, {"ANSWER"}});
  for (const auto& request : array_at(answer.result, "requests")) {
    const json::value* decision = object_at(request, "decision");
    const std::string outcome = text_at(request, "outcome");
    const std::string said = text_at(request, "answer");
    table.add({text_at(request, "id"), text_at(request, "state"), text_at(request, "filed"), name_at(request, "name"),
               decision != nullptr ? text_at(*decision, "list") : std::string(), text_at(request, "group"),
               text_at(request, "client"), text_at(request, "remark"),
               outcome + (outcome.empty() || said.empty() ? "" : ": ") + said});
  }
  if (table.empty()) {
    command.say("nobody has said that anything is wrong");
  } else {
    table.print(command.out());
  }
  return ExitCode::done;
}

ExitCode tell_answered(Command& command, const Command::Answer& answer) {
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else if (const json::value* request = object_at(answer.result, "request")) {
    const std::string outcome = text_at(*request, "outcome");
    command.say(text_at(*request, "id") + " (" + name_at(*request, "name") + ") is " + text_at(*request, "state") +
                (outcome.empty() ? "" : ": " + outcome) + in_force(answer.result));
  }
  return ExitCode::done;
}

ExitCode accept(Command& command, const AnswerOptions& options) {
  json::object arguments{{"id", options.id}, {"rule", options.as_rule}};
  if (!options.duration.empty()) {
    const auto duration = parse_duration(options.duration);
    if (!duration) return command.fail(duration.error());
    arguments["seconds"] = std::chrono::ceil<std::chrono::seconds>(*duration).count();
  }
  if (!options.scope.empty()) arguments["scope"] = options.scope;
  if (!options.reason.empty()) arguments["reason"] = options.reason;
  return tell_answered(command, command.ask("request.accept", arguments));
}

ExitCode refuse(Command& command, const AnswerOptions& options) {
  json::object arguments{{"id", options.id}};
  if (!options.reason.empty()) arguments["reason"] = options.reason;
  return tell_answered(command, command.ask("request.refuse", arguments));
}

}  // namespace

void add_request_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("request", "what filtered people have said to be wrong ([self_service])");
  family->require_subcommand(1);
  family->add_subcommand("list", "all of them, the newest first")->callback([&chosen] { chosen = list_requests; });

  auto accepted = std::make_shared<AnswerOptions>();
  CLI::App* accepting = family->add_subcommand("accept", "let the name through: for a while, or by a rule");
  accepting->add_option("ID", accepted->id, "as request list names it")->required();
  CLI::Option* duration =
      accepting->add_option("--for", accepted->duration, "as an exception for so long, such as 60m");
  CLI::Option* rule = accepting->add_flag("--rule", accepted->as_rule, "as a rule of the administrator's");
  duration->excludes(rule);
  accepting->add_option("--scope", accepted->scope, "for whom: group (default), client, everybody")
      ->check(CLI::IsMember({"group", "client", "everybody"}));
  accepting->add_option("--reason", accepted->reason, "for the audit log; who asked sees it, too");
  accepting->callback([&chosen, accepted] {
    if (accepted->duration.empty() != accepted->as_rule)
      throw CLI::ValidationError("--for, --rule", "one of them is needed");
    chosen = [accepted](Command& command) { return accept(command, *accepted); };
  });

  auto refused = std::make_shared<AnswerOptions>();
  CLI::App* refusing = family->add_subcommand("refuse", "leave everything as it is");
  refusing->add_option("ID", refused->id, "as request list names it")->required();
  refusing->add_option("--reason", refused->reason, "for the audit log; who asked sees it, too");
  refusing->callback(
      [&chosen, refused] { chosen = [refused](Command& command) { return refuse(command, *refused); }; });
}

}  // namespace weir::cli
