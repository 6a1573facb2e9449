// weir what-if: another policy beside the one in force, over the queries that pass right now.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kWhatIfPatience{15};
constexpr std::chrono::seconds kStartPatience{60};  // a candidate is made of the files

struct WhatIfOptions {
  std::string policy, duration = "1h", reason;
  std::vector<std::string> groups;
  unsigned names = 20;
  bool files = false;
};

// What is away is the resolver: the sidecar has answered.
ExitCode refuse(Command& command, const Command::Answer& answer) {
  const bool is_away = answer.error.code == ErrorCode::unavailable || answer.error.code == ErrorCode::timed_out;
  return command.fail(answer.error, is_away ? ExitCode::unreachable : answer.failure);
}

std::string groups_of(const json::value& report) {
  const json::array& groups = array_at(report, "groups");
  if (groups.empty()) return "every group";
  std::string out = groups.size() == 1 ? "group" : "groups";
  for (const auto& group : groups) {
    if (group.is_string())
      out += (out.ends_with("group") || out.ends_with("groups") ? " " : ", ") + std::string(group.get_string());
  }
  return out;
}

void tell_turn(Command& command, const std::string& what, const json::value& turn) {
  std::string line = what + counted_at(turn, "queries", "question") + ", ";
  if (!flag_at(turn, "all_names")) line += "at least ";
  line += counted_at(turn, "names", "name");
  if (number_at(turn, "by_name_alone") > 0)
    line += "; of them " + counted_at(turn, "by_name_alone", "question") +
            " by the name alone: blocked now before anybody is asked, so what lies behind is not known";
  command.say(line);
}

void tell_report(Command& command, const json::value& report) {
  const std::string state = text_at(report, "state");
  if (state == "none")
    return command.say("no what-if was begun since the resolver started at " + text_at(report, "resolver_started") +
                       "; one from before that is gone");
  const std::string policy = text_at(report, "policy");
  std::string head = flag_at(report, "candidate") ? "what if the files were in force for " + groups_of(report) + ": "
                                                  : "what if " + groups_of(report) + " had policy " + policy + ": ";
  head += state == "running" ? "since " + text_at(report, "started") + ", until " + text_at(report, "until")
                             : "from " + text_at(report, "started") + " to " + text_at(report, "ended") + " (" +
                                   text_at(report, "end_reason") + ")";
  if (const std::string author = text_at(report, "author"); !author.empty()) head += ", by " + author;
  if (const std::string reason = text_at(report, "reason"); !reason.empty()) head += ": " + reason;
  command.say(head);
  command.say(counted_at(report, "queries", "question") + "; blocked now: " + count_at(report, "blocked_now") +
              ", then: " + count_at(report, "would_be_blocked"));
  const json::value* blocked = object_at(report, "newly_blocked");
  const json::value* allowed = object_at(report, "newly_allowed");
  if (blocked != nullptr) tell_turn(command, "newly blocked: ", *blocked);
  if (allowed != nullptr) tell_turn(command, "newly allowed: ", *allowed);
  Table lists({{"LIST"},
               {"BLOCKS NOW", Align::right},
               {"WOULD BLOCK", Align::right},
               {"NEWLY BLOCKED", Align::right},
               {"NEWLY ALLOWED", Align::right}});
  for (const auto& row : array_at(report, "lists"))
    lists.add({text_at(row, "list"), count_at(row, "blocks_now"), count_at(row, "would_block"),
               count_at(row, "newly_blocked"), count_at(row, "newly_allowed")});
  if (!lists.empty()) lists.print(command.out());
  Table names({{"WOULD BE"}, {"NAME"}, {"BY LIST"}, {"QUERIES", Align::right}});
  for (const auto* turn : {blocked, allowed}) {
    if (turn == nullptr) continue;
    for (const auto& sample : array_at(*turn, "samples"))
      names.add({turn == blocked ? "blocked" : "allowed", name_at(sample, "name"), text_at(sample, "list"),
                 count_at(sample, "queries")});
  }
  if (!names.empty()) names.print(command.out());
}

ExitCode start(Command& command, const WhatIfOptions& options) {
  if (options.files != options.policy.empty())
    return command.usage(options.files ? "give POLICY or --files, not both"
                                       : "which policy? Give POLICY, or --files for what a reload would bring");
  const auto duration = parse_duration(options.duration);
  if (!duration) return command.usage("--for: " + duration.error().message);
  json::object arguments{{"groups", json::value_from(options.groups)},
                         {"seconds", std::chrono::ceil<std::chrono::seconds>(*duration).count()},
                         {"reason", options.reason}};
  if (options.files) {
    arguments["files"] = true;
  } else {
    arguments["policy"] = options.policy;
  }
  const auto answer = command.try_ask("what_if.start", arguments, {}, kStartPatience);
  if (!answer) return refuse(command, answer);
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  command.say("until " + text_at(answer.result, "until") + " each query of " + groups_of(answer.result) +
              " is also judged by " +
              (options.files ? "what the files say" : "policy " + text_at(answer.result, "policy")) +
              "; what would differ: weir what-if show");
  for (const auto& list : array_at(answer.result, "never_loaded")) {
    if (list.is_string())
      command.say("list " + std::string(list.get_string()) + " was never loaded: nothing is known of what it blocks");
  }
  return ExitCode::done;
}

ExitCode ask_and_tell(Command& command, const char* verb, const json::object& arguments) {
  const auto answer = command.try_ask(verb, arguments, {}, kWhatIfPatience);
  if (!answer) return refuse(command, answer);
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    tell_report(command, answer.result);
  }
  return ExitCode::done;
}

}  // namespace

void add_what_if_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("what-if", "what another policy would do with the queries that pass right now");
  family->require_subcommand(1);
  family->footer(
      "\nNothing is answered otherwise: each query is judged a second time, by the other policy, and differences are\n"
      "counted by list, with names by falling queries. The policy is one of the configuration, also one that no group\n"
      "has; its lists are imported like all others. With --files it is what a reload would bring, over the rules in "
      "force:\n"
      "what a list would hold that was never loaded nobody knows. What was counted is in the resolver's memory until "
      "the next "
      "what-if\n"
      "or its restart. Of groups whose policy has privacy = \"none\", names that are answered now are only counted.\n" +
      family->get_footer());

  CLI::App* starting = family->add_subcommand("start", "begin; one at a time");
  auto started = std::make_shared<WhatIfOptions>();
  starting->add_option("POLICY", started->policy, "the other policy, one of those in force");
  starting->add_flag(
      "--files", started->files,
      "instead: all policies, groups and list options as the configuration's files say now, before a reload");
  starting->add_option("--group", started->groups,
                       "for the queries of this group; may be repeated. Without any: of every group");
  starting->add_option("--for", started->duration, "how long, at most 7d")->capture_default_str();
  starting->add_option("--reason", started->reason, "why; for the audit log");
  starting->callback([&chosen, started] { chosen = [started](Command& command) { return start(command, *started); }; });

  CLI::App* showing = family->add_subcommand("show", "what differs until now, or did until it ended");
  auto shown = std::make_shared<WhatIfOptions>();
  showing->add_option("--names", shown->names, "how many names of each kind")->capture_default_str();
  showing->callback([&chosen, shown] {
    chosen = [shown](Command& command) { return ask_and_tell(command, "what_if.show", {{"names", shown->names}}); };
  });

  CLI::App* stopping = family->add_subcommand("stop", "end it before its time, and show what was counted");
  auto stopped = std::make_shared<WhatIfOptions>();
  stopping->add_option("--reason", stopped->reason, "why; for the audit log");
  stopping->callback([&chosen, stopped] {
    chosen = [stopped](Command& command) {
      return ask_and_tell(command, "what_if.stop", {{"reason", stopped->reason}});
    };
  });
}

}  // namespace weir::cli
