// weir token: who may use the HTTP API and the console.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct TokenOptions {
  std::string name, role, duration, reason;
};

// The token alone on the output, so that a script can take it; what there is to say of it goes beside.
ExitCode add_token(Command& command, const TokenOptions& options) {
  json::object arguments{{"name", options.name}, {"role", options.role}};
  if (!options.reason.empty()) arguments["reason"] = options.reason;
  if (!options.duration.empty()) {
    const auto duration = parse_duration(options.duration);
    if (!duration) return command.fail(duration.error());
    arguments["seconds"] = std::chrono::ceil<std::chrono::seconds>(*duration).count();
  }
  const auto answer = command.ask("token.add", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  command.say(text_at(answer.result, "token"));
  const std::string until = text_at(answer.result, "until");
  command.out().flush();
  command.err() << "weir: the token of " << escape_for_display(options.name) << " (" << options.role << ", "
                << (until.empty() ? "until it is removed" : "until " + until)
                << "); it is shown this once and kept nowhere\n";
  return ExitCode::done;
}

ExitCode remove_token(Command& command, const TokenOptions& options) {
  json::object arguments{{"name", options.name}};
  if (!options.reason.empty()) arguments["reason"] = options.reason;
  const auto answer = command.ask("token.remove", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say("the token of " + options.name + " opens nothing any more");
  }
  return ExitCode::done;
}

ExitCode show_tokens(Command& command) {
  const auto answer = command.ask("token.show", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  if (const std::string fault = text_at(answer.result, "fault"); !fault.empty()) command.say(fault);
  Table table({{"NAME"}, {"ROLE"}, {"CREATED"}, {"UNTIL"}, {"LAST USED"}});
  for (const auto& token : array_at(answer.result, "tokens")) {
    table.add({text_at(token, "name"), text_at(token, "role"), text_at(token, "created"),
               flag_at(token, "ended") ? "ended" : text_at(token, "until"), text_at(token, "last_used")});
  }
  if (table.empty()) {
    command.say("there are no tokens: nobody can use the API or the console");
  } else {
    table.print(command.out());
  }
  return ExitCode::done;
}

}  // namespace

void add_token_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("token", "who may use the HTTP API and the console");
  family->require_subcommand(1);
  auto added = std::make_shared<TokenOptions>();
  CLI::App* adding = family->add_subcommand("add", "make a token and show it, once");
  adding->add_option("NAME", added->name, "whose it is; stands in the audit log")->required();
  adding
      ->add_option("--role", added->role,
                   "analyst: looks, and of the log at what many clients met; admin: sees all and changes it")
      ->required()
      ->check(CLI::IsMember({"analyst", "admin"}));
  adding->add_option("--for", added->duration, "how long it opens anything, such as 90d; else until it is removed");
  adding->add_option("--reason", added->reason, "why; for the audit log");
  adding->callback([&chosen, added] { chosen = [added](Command& command) { return add_token(command, *added); }; });

  auto removed = std::make_shared<TokenOptions>();
  CLI::App* removing = family->add_subcommand("remove", "let it open nothing any more, at once");
  removing->add_option("NAME", removed->name, "as token show names it")->required();
  removing->add_option("--reason", removed->reason, "why; for the audit log");
  removing->callback(
      [&chosen, removed] { chosen = [removed](Command& command) { return remove_token(command, *removed); }; });

  family->add_subcommand("show", "all of them, and when each was last used")->callback([&chosen] {
    chosen = show_tokens;
  });
}

}  // namespace weir::cli
