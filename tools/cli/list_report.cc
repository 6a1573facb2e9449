// weir list report, weir list promote: a list is watched before it is enforced.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "tools/cli/drop_in.h"
#include "tools/cli/list_verbs.h"
#include "tools/support/table.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct ReportOptions {
  std::string name, since;
};

std::string tally(const json::value& reply, std::string_view key) {
  const json::value* part = object_at(reply, key);
  if (part == nullptr) return {};
  return counted_at(*part, "decisions", "question") + ", " + counted_at(*part, "names", "name") + ", " +
         counted_at(*part, "clients", "client");
}

void tell_report(Command& command, const json::value& reply) {
  const bool observe = text_at(reply, "mode") == "observe";
  const std::string name = text_at(reply, "name");
  command.say(name + " (" + text_at(reply, "mode") + ") since " + text_at(reply, "since") +
              (flag_at(reply, "complete") ? "" : ", not all of the log was read"));
  command.say("it names: " + tally(reply, "hits"));
  // By what it holds now, whatever it held then.
  command.say(std::string(observe ? "it alone would have blocked: " : "it alone blocks now: ") +
              tally(reply, "unique"));
  if (const json::value* unique = object_at(reply, "unique")) {
    for (const auto& sample : array_at(*unique, "samples")) {
      command.say("  " + name_at(sample, "name") + " (" + counted_at(sample, "decisions", "question") + ")");
    }
  }
  command.say("another list blocks anyway: " + tally(reply, "shared"));
  if (const json::value* shared = object_at(reply, "shared")) {
    for (const auto& other : array_at(*shared, "lists")) {
      command.say("  " + text_at(other, "list") + ": " + counted_at(other, "decisions", "question"));
    }
  }
  command.say("undone by an allow: " + tally(reply, "undone"));
  char share[32] = "nobody can say how many";
  if (reply.is_object()) {
    if (const json::value* percent = reply.get_object().if_contains("never_hit_percent");
        percent != nullptr && percent->is_number()) {
      std::snprintf(share, sizeof share, "%.1f %%", percent->to_number<double>());
    }
  }
  command.say("never met: " + std::string(share) + " of " + counted_at(reply, "rules", "rule") + "; " +
              show_size(number_at(reply, "bytes")) + " to fetch");
  if (observe) command.say("'weir list promote " + name + "' enforces it");
}

ExitCode report(Command& command, const ReportOptions& options) {
  json::object arguments{{"name", options.name}};
  if (!options.since.empty()) arguments["since"] = options.since;
  const auto answer = command.ask("list.report", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    tell_report(command, answer.result);
  }
  return ExitCode::done;
}

ExitCode promote(Command& command, const std::string& name, const std::string& reason) {
  if (auto good = check_config_name(name); !good) return command.fail(good.error());
  auto changed = enforce_in_file(command.config_file(), name);
  if (!changed) return command.fail(changed.error());
  const auto answer =
      command.try_ask("reload", {{"reason", "list promote " + name + (reason.empty() ? "" : ": " + reason)}});
  if (!answer) {
    if (answer.failure == ExitCode::unreachable) return command.fail(answer.error, answer.failure);
    const auto back = changed->take_back();
    return command.fail(
        {answer.error.code, answer.error.message + (back ? "; nothing was changed" : "; " + back.error().message)},
        answer.failure);
  }
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(name + " is enforced (" + changed->file.string() + ")" + in_force(answer.result));
  }
  return ExitCode::done;
}

}  // namespace

void add_list_report_verbs(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* told = family.add_subcommand("report", "what a list is worth, or would be: by the decision log");
  told->add_option("NAME", options->name, "of the list")->required();
  told->add_option("--since", options->since, "how far back the log is looked at: 7d by default");
  told->callback([&chosen, options] { chosen = [options](Command& command) { return report(command, *options); }; });
  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  CLI::App* verb = family.add_subcommand("promote", "enforce a list that was in observe mode");
  verb->add_option("NAME", *name, "of the list")->required();
  verb->add_option("--reason", *reason, "for the audit log");
  verb->callback([&chosen, name, reason] {
    chosen = [name, reason](Command& command) { return promote(command, *name, *reason); };
  });
}

}  // namespace weir::cli
