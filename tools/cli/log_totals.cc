#include "tools/cli/log_totals.h"

#include <CLI/CLI.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <ostream>
#include <string>

#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct TotalsOptions {
  std::string since, until, by;
  std::string step = "1h";
  std::uint64_t smallest_group = 1;
};

std::string share(const json::value& result, std::string_view key) {
  const std::uint64_t queries = number_at(result, "queries");
  std::array<char, 16> text{};
  std::snprintf(
      text.data(), text.size(), "%.1f %%",
      queries == 0 ? 0.0 : 100.0 * static_cast<double>(number_at(result, key)) / static_cast<double>(queries));
  return count_at(result, key) + " (" + text.data() + ")";
}

ExitCode totals(Command& command, const TotalsOptions& options) {
  const auto step = parse_duration(options.step);
  if (!step) return command.fail(step.error(), ExitCode::usage);
  json::object arguments{{"step", step->count() / 1000}};
  for (const auto& [key, value] :
       {std::pair{"since", &options.since}, {"until", &options.until}, {"by", &options.by}}) {
    if (!value->empty()) arguments[key] = *value;
  }
  if (options.smallest_group > 1) arguments["smallest_group"] = options.smallest_group;
  const auto answer = command.try_ask("log.totals", arguments);
  // Nothing is changed by asking: what is refused is what was asked.
  if (!answer)
    return command.fail(answer.error, answer.error.code == ErrorCode::invalid ? ExitCode::usage : answer.failure);
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"TIME"},
               {options.by.empty() ? "" : "GROUP"},
               {"QUERIES", Align::right},
               {"BLOCKED", Align::right},
               {"CACHED", Align::right},
               {"FAILED", Align::right}});
  for (const auto& row : array_at(answer.result, "rows")) {
    table.add({text_at(row, "time"), text_at(row, "group"), count_at(row, "queries"), count_at(row, "blocked"),
               count_at(row, "cached"), count_at(row, "failed")});
  }
  const std::string from = text_at(answer.result, "from");
  if (table.empty()) {
    command.say("no queries since " + text_at(answer.result, "since"));
  } else {
    table.print(command.out());
    command.say(count_at(answer.result, "queries") + " queries since " + text_at(answer.result, "since") + ": " +
                share(answer.result, "blocked") + " blocked, " + share(answer.result, "cached") + " from the cache, " +
                share(answer.result, "failed") + " failed");
  }
  command.say(from.empty() ? "the log has no totals yet: the resolver writes them each minute"
                           : "the log has totals from " + from + " on; those of the last minute are on their way");
  for (const auto& each : array_at(answer.result, "missing")) {
    command.err() << "weir: totals from " << text_at(each, "from") << " to " << text_at(each, "to")
                  << " may lack queries: " << escape_for_display(text_at(each, "why")) << "\n";
  }
  return ExitCode::done;
}

}  // namespace

void add_log_totals(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<TotalsOptions>();
  CLI::App* verb = family.add_subcommand("totals", "numbers of all queries over time, also of those nobody decided on");
  verb->add_option("--step", options->step, "of how long each number is: whole minutes")->capture_default_str();
  verb->add_option("--by", options->by, "group: numbers for each")->check(CLI::IsMember({"group"}));
  verb->add_option("--since", options->since,
                   "a time such as 2026-07-06T00:40:32Z, or how long ago: 1h; a day ago where nobody says");
  verb->add_option("--until", options->until, "likewise");
  verb->add_option("--smallest-group", options->smallest_group, "as analysts see it: of all groups together")
      ->check(CLI::Range(1, 100000));
  verb->callback([&chosen, options] { chosen = [options](Command& command) { return totals(command, *options); }; });
}

}  // namespace weir::cli
