// weir audit: who changed what, when and why; and whether that record is whole.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct ShowOptions {
  std::string since;
  std::uint64_t limit = 1000;
};

// The members of `details` in one cell.
std::string details_of(const json::value& record) {
  std::string out;
  const json::value* details = object_at(record, "details");
  if (details == nullptr) return out;
  for (const auto& [key, value] : details->get_object()) {
    const std::string text = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    if (!text.empty()) out += (out.empty() ? "" : ", ") + std::string(key) + " " + text;
  }
  return out;
}

ExitCode show(Command& command, const ShowOptions& options) {
  json::object arguments{{"limit", options.limit}};
  if (!options.since.empty()) arguments["since"] = options.since;
  const auto answer = command.ask("audit.show", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"NUMBER", Align::right},
               {"TIME"},
               {"WHO"},
               {"WHAT"},
               {"SUBJECT"},
               {"GENERATION", Align::right},
               {"WHY"},
               {"DETAILS"}});
  for (const auto& record : array_at(answer.result, "records")) {
    table.add({text_at(record, "number"), text_at(record, "time"), text_at(record, "who"), text_at(record, "what"),
               text_at(record, "subject"), text_at(record, "generation"), text_at(record, "why"), details_of(record)});
  }
  if (table.empty()) {
    command.say("nothing was changed");
  } else {
    table.print(command.out());
  }
  if (!table.empty() && !flag_at(answer.result, "complete"))
    command.err() << "weir: there is more; raise --limit or give a later --since\n";
  return ExitCode::done;
}

ExitCode verify(Command& command) {
  const auto answer = command.ask("audit.verify", {});
  if (!answer) return answer.failure;
  const bool whole = flag_at(answer.result, "whole");
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    for (const auto& fault : array_at(answer.result, "faults")) {
      if (fault.is_string()) command.say(std::string(fault.get_string()));
    }
    command.say(counted_at(answer.result, "records", "record") +
                (whole ? ", the chain is whole" : ", the chain is broken") + "; newest " +
                text_at(answer.result, "head"));
  }
  return whole ? ExitCode::done : ExitCode::answer_is_no;
}

}  // namespace

void add_audit_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("audit", "who changed what is filtered, when and why");
  family->require_subcommand(1);
  auto options = std::make_shared<ShowOptions>();
  CLI::App* verb = family->add_subcommand("show", "the newest changes, the oldest of them first");
  verb->add_option("--since", options->since, "a time such as 2026-07-06T00:40:32Z, or how long ago: 7d");
  verb->add_option("--limit", options->limit, "how many of the newest to show")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  verb->callback([&chosen, options] { chosen = [options](Command& command) { return show(command, *options); }; });
  family->add_subcommand("verify", "whether any record was changed, removed, moved or cut off; 1 if so")
      ->callback([&chosen] { chosen = verify; });
}

}  // namespace weir::cli
