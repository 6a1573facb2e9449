// weir log: what was decided for whom.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct SearchOptions {
  std::string since, until, name, client, list, group, row_class;
  std::uint64_t limit = 100;
};

const std::vector<Table::Column>& columns() {
  static const std::vector<Table::Column> all = {{"TIME"},  {"CLASS"}, {"CLIENT"},  {"NAME"},   {"TYPE"},
                                                 {"GROUP"}, {"LIST"},  {"PATTERN"}, {"ACTION"}, {"LINE", Align::right}};
  return all;
}

std::string with_link(const json::value& row) {
  const std::string link = name_at(row, "link_name");
  const std::string referring = name_at(row, "referring");
  return name_at(row, "name") + (link.empty() ? "" : " -> " + link) +
         (referring.empty() ? "" : " (after " + referring + ")");
}

std::vector<std::string> cells(const json::value& row) {
  const std::string mode = text_at(row, "mode");
  const std::string row_class = text_at(row, "class");
  std::string name = with_link(row);
  if (row_class == "dropped") name = text_at(row, "dropped") + " decisions were lost";
  return {text_at(row, "time"),
          row_class,
          text_at(row, "client"),
          name,
          text_at(row, "type"),
          text_at(row, "group"),
          text_at(row, "list"),
          name_at(row, "pattern"),
          mode.empty() ? text_at(row, "action") : mode,
          text_at(row, "line")};
}

json::object arguments_of(const SearchOptions& options) {
  json::object out;
  const std::pair<const char*, const std::string*> members[] = {
      {"since", &options.since}, {"until", &options.until}, {"name", &options.name},      {"client", &options.client},
      {"list", &options.list},   {"group", &options.group}, {"class", &options.row_class}};
  for (const auto& [key, value] : members) {
    if (!value->empty()) out[key] = *value;
  }
  return out;
}

// Nothing is changed by looking: what is refused is what was asked for.
ExitCode refused(const Command::Answer& answer) {
  return answer.error.code == ErrorCode::invalid ? ExitCode::usage : answer.failure;
}

ExitCode search(Command& command, const SearchOptions& options) {
  json::object arguments = arguments_of(options);
  arguments["limit"] = options.limit;
  const auto answer = command.try_ask("log.search", arguments);
  if (!answer) return command.fail(answer.error, refused(answer));
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table(columns());
  for (const auto& row : array_at(answer.result, "rows")) table.add(cells(row));
  if (const std::string note = text_at(answer.result, "note"); !note.empty()) command.say("note: " + note);
  if (table.empty()) {
    command.say("nothing found");
  } else {
    table.print(command.out());
  }
  if (!table.empty() && !flag_at(answer.result, "complete"))
    command.err() << "weir: there is more; raise --limit or narrow the search\n";
  return ExitCode::done;
}

ExitCode tail(Command& command, const SearchOptions& options) {
  const auto answer = command.try_ask(
      "log.tail", arguments_of(options),
      [&](std::string_view text) {
        if (command.is_json()) {
          command.out() << text << std::endl;
        } else {
          json::error_code bad;
          const json::value row = json::parse(json::string_view(text), bad);
          if (bad) return Continue::yes;
          std::string line;
          for (const std::string& cell : cells(row)) line += (line.empty() ? "" : "  ") + (cell.empty() ? "-" : cell);
          command.out() << escape_for_display(line) << std::endl;
        }
        return command.out().good() ? Continue::yes : Continue::no;
      },
      std::chrono::milliseconds(0));
  return answer ? ExitCode::done : command.fail(answer.error, refused(answer));
}

void add_filters(CLI::App& verb, SearchOptions& options) {
  verb.add_option("--name", options.name, "this name and everything below it");
  verb.add_option("--client", options.client, "address, prefix, or pseudonym as it is shown");
  verb.add_option("--list", options.list, "the list that decided");
  verb.add_option("--group", options.group, "the client's group");
  verb.add_option("--class", options.row_class,
                  "blocked, would_block, allowed_over_block, resolved, dropped, counters");
}

}  // namespace

void add_log_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("log", "what was decided for whom");
  family->require_subcommand(1);
  auto options = std::make_shared<SearchOptions>();
  CLI::App* find = family->add_subcommand("search", "the newest decisions of the past, oldest of them first");
  find->add_option("--since", options->since, "a time such as 2026-07-06T00:40:32Z, or how long ago: 1h");
  find->add_option("--until", options->until, "likewise");
  find->add_option("--limit", options->limit, "how many of the newest to show")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  add_filters(*find, *options);
  find->callback([&chosen, options] { chosen = [options](Command& command) { return search(command, *options); }; });
  CLI::App* follow = family->add_subcommand("tail", "decisions as they are made, until interrupted");
  add_filters(*follow, *options);
  follow->callback([&chosen, options] { chosen = [options](Command& command) { return tail(command, *options); }; });
}

}  // namespace weir::cli
