// weir learn: what a group would need that gets only what is allowed, and one command to allow it.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"
#include "zones/lists/unicode_form.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct LearnOptions {
  std::string policy, since, reason;
  std::vector<std::string> approved;
  bool all = false;
};

void tell_learned(Command& command, const json::value& reply) {
  const std::string policy = text_at(reply, "name");
  const std::string fallback = text_at(reply, "default");
  const auto& proposals = array_at(reply, "proposals");
  command.say(policy + " (default = \"" + fallback + "\") was asked since " + text_at(reply, "since") + " for " +
              std::to_string(proposals.size()) + " domains that no rule allows" +
              (flag_at(reply, "complete") ? "" : "; not all of the log was read"));
  if (fallback == "allow") command.say("nothing is learned: set default = \"learn\" in that [[policy]] first");
  if (proposals.empty()) return;
  Table table({{"DOMAIN"}, {"QUESTIONS", Align::right}, {"NAMES", Align::right}, {"CLIENTS", Align::right}, {"E.G."}});
  for (const auto& proposal : proposals) {
    const auto& samples = array_at(proposal, "samples");
    table.add({name_at(proposal, "pattern"), count_at(proposal, "questions"), count_at(proposal, "names"),
               count_at(proposal, "clients"),
               samples.empty() || !samples[0].is_string() ? "" : with_unicode(samples[0].get_string())});
  }
  table.print(command.out());
  command.say("to allow some: weir learn " + policy + " --approve DOMAIN...; all: --approve-all");
}

ExitCode approve(Command& command, const LearnOptions& options, const json::value& reply) {
  std::vector<const json::value*> chosen;
  for (const auto& proposal : array_at(reply, "proposals")) {
    const std::string pattern = text_at(proposal, "pattern");
    if (options.all || std::find(options.approved.begin(), options.approved.end(), pattern) != options.approved.end())
      chosen.push_back(&proposal);
  }
  for (const std::string& wanted : options.approved) {
    const bool known = std::any_of(chosen.begin(), chosen.end(),
                                   [&](const json::value* each) { return text_at(*each, "pattern") == wanted; });
    if (!known)
      return command.fail({ErrorCode::not_found, "\"" + escape_for_display(wanted) +
                                                     "\" is none of the proposals; 'weir learn " + options.policy +
                                                     "' shows them"});
  }
  const std::string reason = options.reason.empty() ? "learned for policy " + options.policy : options.reason;
  json::array approved;
  for (const json::value* proposal : chosen) {
    json::object rule{{"pattern", text_at(*proposal, "pattern")},
                      {"kind", text_at(*proposal, "kind")},
                      {"action", "allow"},
                      {"reason", reason}};
    // For everybody where everybody has the policy; else for those alone who have it.
    if (!flag_at(reply, "all_groups")) rule["groups"] = array_at(reply, "groups");
    const auto answer = command.ask("rule.add", rule);
    if (!answer) return answer.failure;
    approved.emplace_back(text_at(*proposal, "pattern"));
    command.say("allowed " + name_at(*proposal, "pattern") + in_force(answer.result));
  }
  if (command.is_json()) command.print(json::object{{"approved", std::move(approved)}});
  return ExitCode::done;
}

ExitCode learn(Command& command, const LearnOptions& options) {
  if (options.all && !options.approved.empty()) return command.usage("give --approve or --approve-all, not both");
  json::object arguments{{"name", options.policy}};
  if (!options.since.empty()) arguments["since"] = options.since;
  const auto answer = command.ask("policy.learn", arguments);
  if (!answer) return answer.failure;
  if (options.all || !options.approved.empty()) return approve(command, options, answer.result);
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    tell_learned(command, answer.result);
  }
  return ExitCode::done;
}

}  // namespace

void add_learn(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<LearnOptions>();
  CLI::App* verb = app.add_subcommand(
      "learn", "what a policy with default = \"learn\" or \"deny\" was asked for that no rule allows, by domain");
  verb->add_option("policy", options->policy, "the policy's name")->required();
  verb->add_option("--since", options->since, "a time, or a duration before now such as 2h (7 days)");
  verb->add_option("--approve", options->approved, "allow these domains for the policy's groups");
  verb->add_flag("--approve-all", options->all, "allow all that is proposed");
  verb->add_option("--reason", options->reason, "for the audit log");
  verb->callback([options, &chosen] { chosen = [options](Command& command) { return learn(command, *options); }; });
}

}  // namespace weir::cli
