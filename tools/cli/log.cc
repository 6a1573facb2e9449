// weir log: what was decided for whom.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <ostream>

#include "tools/cli/csv.h"
#include "tools/cli/log_sql.h"
#include "tools/cli/log_totals.h"
#include "tools/cli/missing_rows.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct SearchOptions {
  std::string since, until, name, text, client, list, group, type, row_class, cursor, source;
  std::uint64_t limit = 100;
  std::uint64_t seconds = 10;
  std::uint64_t smallest_group = 1;
};

struct TopOptions {
  SearchOptions search;
  std::string by = "name";
  std::uint64_t limit = 10;
  std::uint64_t min_clients = 0;
};

struct TimelineOptions {
  SearchOptions search;
  std::string step = "1h";
  std::string by;
};

struct ForgetOptions {
  std::string client, day, reason;
};

struct ExportOptions {
  SearchOptions search;
  std::string format = "jsonl";
};

enum class Nodes : std::uint8_t { one, several };  // whether rows say which machine they come from

std::vector<Table::Column> columns(Nodes nodes) {
  std::vector<Table::Column> all = {{"TIME"},  {"CLASS"}, {"CLIENT"},  {"NAME"},   {"TYPE"},
                                    {"GROUP"}, {"LIST"},  {"PATTERN"}, {"ACTION"}, {"LINE", Align::right}};
  if (nodes == Nodes::several) all.push_back({"NODE"});
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
  if (row_class == "counters") {
    name = text_at(row, "queries") + " queries: " + text_at(row, "blocked") + " blocked, " + text_at(row, "cached") +
           " from the cache, " + text_at(row, "failed") + " failed";
  }
  if (row_class == "dropped") {
    const std::string since = text_at(row, "since");
    name = text_at(row, "dropped") + " decisions were lost" + (since.empty() ? "" : " since " + since);
  }
  if (const std::string decisions = text_at(row, "decisions"); !decisions.empty())
    name = (name.empty() ? "(names that few met)" : name) + " x " + decisions;
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
      {"since", &options.since},     {"until", &options.until},   {"name", &options.name},    {"text", &options.text},
      {"client", &options.client},   {"list", &options.list},     {"group", &options.group},  {"type", &options.type},
      {"class", &options.row_class}, {"cursor", &options.cursor}, {"source", &options.source}};
  for (const auto& [key, value] : members) {
    if (!value->empty()) out[key] = *value;
  }
  if (options.smallest_group > 1) out["smallest_group"] = options.smallest_group;
  return out;
}

// Nothing is changed by looking: what is refused is what was asked for.
ExitCode refused(const Command::Answer& answer) {
  return answer.error.code == ErrorCode::invalid ? ExitCode::usage : answer.failure;
}

// What the answer lacks, and how to get what can be got.
void say_end(Command& command, const json::value& result, const std::string& how_to_go_on) {
  say_missing(command, result);
  if (!flag_at(result, "complete")) command.err() << "weir: " << how_to_go_on << "\n";
}

// Where a bound on time ended a sum.
constexpr const char* kPartialSum = "the time was up: these are not all; raise --seconds or narrow the question";

ExitCode search(Command& command, const SearchOptions& options) {
  json::object arguments = arguments_of(options);
  arguments["limit"] = options.limit;
  arguments["seconds"] = options.seconds;
  const auto answer = command.try_ask("log.search", arguments);
  if (!answer) return command.fail(answer.error, refused(answer));
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  const Nodes nodes = text_at(answer.result, "source").empty() ? Nodes::one : Nodes::several;
  Table table(columns(nodes));
  for (const auto& row : array_at(answer.result, "rows")) {
    std::vector<std::string> shown = cells(row);
    if (nodes == Nodes::several) shown.push_back(text_at(row, "node"));
    table.add(shown);
  }
  if (const std::string note = text_at(answer.result, "note"); !note.empty()) command.say("note: " + note);
  const bool is_complete = flag_at(answer.result, "complete");
  if (table.empty()) {
    command.say(is_complete ? "nothing found" : "nothing found yet");
  } else {
    table.print(command.out());
  }
  say_end(command, answer.result,
          "there is more; raise --limit, narrow the search, or go on with --cursor " + text_at(answer.result, "next"));
  return ExitCode::done;
}

ExitCode top(Command& command, const TopOptions& options) {
  json::object arguments = arguments_of(options.search);
  arguments["by"] = options.by;
  arguments["limit"] = options.limit;
  arguments["min_clients"] = options.min_clients;
  arguments["seconds"] = options.search.seconds;
  const auto answer = command.try_ask("log.top", arguments);
  if (!answer) return command.fail(answer.error, refused(answer));
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  if (const std::string note = text_at(answer.result, "note"); !note.empty()) command.say("note: " + note);
  Table table({{"DECISIONS", Align::right}, {options.by == "class" ? "CLASS" : "KEY"}});
  for (const auto& row : array_at(answer.result, "rows")) {
    const std::string key = name_at(row, "key");
    table.add({text_at(row, "decisions"), key.empty() ? "-" : key});
  }
  if (table.empty()) {
    command.say("no decisions since " + text_at(answer.result, "since"));
  } else {
    table.print(command.out());
    command.say(text_at(answer.result, "decisions") + " decisions since " + text_at(answer.result, "since") + ", " +
                text_at(answer.result, "keys") + " different");
  }
  if (text_at(answer.result, "hidden") != "0")
    command.say(text_at(answer.result, "hidden") + " of them are hidden: fewer than " +
                std::to_string(options.min_clients) + " clients met each");
  say_end(command, answer.result, kPartialSum);
  return ExitCode::done;
}

ExitCode timeline(Command& command, const TimelineOptions& options) {
  const auto step = parse_duration(options.step);
  if (!step) return command.fail(step.error(), ExitCode::usage);
  json::object arguments = arguments_of(options.search);
  arguments["step"] = step->count() / 1000;
  if (!options.by.empty()) arguments["by"] = options.by;
  arguments["seconds"] = options.search.seconds;
  const auto answer = command.try_ask("log.timeline", arguments);
  if (!answer) return command.fail(answer.error, refused(answer));
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  if (const std::string note = text_at(answer.result, "note"); !note.empty()) command.say("note: " + note);
  std::uint64_t most = 1;
  for (const auto& row : array_at(answer.result, "rows"))
    most = std::max(most, row.at("decisions").to_number<std::uint64_t>());
  constexpr std::uint64_t kBarWidth = 40;
  Table table({{"TIME"}, {options.by.empty() ? "" : "KEY"}, {"DECISIONS", Align::right}, {""}});
  for (const auto& row : array_at(answer.result, "rows")) {
    const auto decisions = row.at("decisions").to_number<std::uint64_t>();
    table.add({text_at(row, "time"), text_at(row, "key"), std::to_string(decisions),
               std::string(static_cast<std::size_t>((decisions * kBarWidth + most - 1) / most), '#')});
  }
  if (table.empty()) {
    command.say("no decisions since " + text_at(answer.result, "since"));
  } else {
    table.print(command.out());
  }
  say_end(command, answer.result, kPartialSum);
  return ExitCode::done;
}

constexpr const char* kExported[] = {"time", "class",      "name",       "type",      "client",   "group",
                                     "list", "pattern",    "action",     "mode",      "link",     "link_name",
                                     "line", "generation", "latency_us", "transport", "decisions"};

ExitCode export_rows(Command& command, const ExportOptions& options) {
  const bool is_csv = options.format == "csv";
  json::object arguments = arguments_of(options.search);
  if (is_csv) {
    std::string header;
    for (const char* column : kExported) header += (header.empty() ? "" : ",") + std::string(column);
    command.out() << header << "\r\n";
  }
  const auto answer = command.try_ask(
      "log.export", arguments,
      [&](std::string_view text) {
        if (!is_csv) {
          command.out() << text << "\n";
          return command.out().good() ? Continue::yes : Continue::no;
        }
        json::error_code bad;
        const json::value row = json::parse(json::string_view(text), bad);
        if (bad) return Continue::yes;
        std::string line;
        for (const char* column : kExported) {
          const bool is_first = line.empty() && column == kExported[0];
          line += (is_first ? "" : ",") + csv_cell(escape_for_display(text_at(row, column)));
        }
        command.out() << line << "\r\n";
        return command.out().good() ? Continue::yes : Continue::no;
      },
      std::chrono::milliseconds(0));
  if (!answer) return command.fail(answer.error, refused(answer));
  command.out().flush();
  say_end(command, answer.result, "not all was exported; go on with --cursor " + text_at(answer.result, "next"));
  return ExitCode::done;
}

ExitCode verify(Command& command) {
  const auto answer = command.try_ask("log.verify", {}, {}, std::chrono::milliseconds(0));
  if (!answer) return command.fail(answer.error, answer.failure);
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(text_at(answer.result, "rows") + " decisions in " + text_at(answer.result, "blocks") +
                " blocks can be read");
    say_end(command, answer.result, "not all was read");
  }
  return flag_at(answer.result, "whole") ? ExitCode::done : ExitCode::answer_is_no;
}

ExitCode forget(Command& command, const ForgetOptions& options) {
  if (options.client.empty() && options.day.empty())
    return command.usage("log forget: whom? --client ADDRESS, --day 2026-07-06, or both");
  json::object arguments;
  for (const auto& [key, value] :
       {std::pair{"client", &options.client}, {"day", &options.day}, {"reason", &options.reason}}) {
    if (!value->empty()) arguments[key] = *value;
  }
  const auto answer = command.try_ask("log.forget", arguments, {}, std::chrono::milliseconds(0));
  if (!answer) return command.fail(answer.error, refused(answer));
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(count_at(answer.result, "rows") + " decisions in " + count_at(answer.result, "blocks") +
                " blocks belong to nobody now");
    if (options.client.empty() && text_at(answer.result, "keys") != "0")
      command.say("the key of " + options.day + " is destroyed: nobody can tell whose its pseudonyms are");
    if (const std::string note = text_at(answer.result, "note"); !note.empty()) command.say("note: " + note);
  }
  for (const auto& why : array_at(answer.result, "damaged"))
    command.err() << "weir: a block cannot be read: " << escape_for_display(json::value_to<std::string>(why)) << "\n";
  return ExitCode::done;
}

ExitCode privacy_check(Command& command, const SearchOptions& options) {
  json::object arguments = arguments_of(options);
  arguments["seconds"] = options.seconds;
  const auto answer = command.try_ask("log.privacy_check", arguments, {}, std::chrono::milliseconds(0));
  if (!answer) return command.fail(answer.error, refused(answer));
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    for (const auto& sentence : array_at(answer.result, "words")) command.say(json::value_to<std::string>(sentence));
  }
  if (!flag_at(answer.result, "complete"))
    command.err() << "weir: not all of the log was looked at; raise --seconds or narrow the time\n";
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
  verb.add_option("--text", options.text, "a part of the name");
  verb.add_option("--client", options.client, "address, prefix, or pseudonym as it is shown");
  verb.add_option("--list", options.list, "the list that decided");
  verb.add_option("--group", options.group, "the client's group");
  verb.add_option("--type", options.type, "the type that was asked for: A, AAAA, HTTPS");
  verb.add_option("--class", options.row_class,
                  "blocked, would_block, allowed_over_block, resolved, rebinding, blocked_upstream, dropped, counters");
}

void add_range(CLI::App& verb, SearchOptions& options) {
  verb.add_option("--since", options.since, "a time such as 2026-07-06T00:40:32Z, or how long ago: 1h");
  verb.add_option("--until", options.until, "likewise");
}

void add_smallest_group(CLI::App& verb, SearchOptions& options) {
  verb.add_option("--smallest-group", options.smallest_group,
                  "as analysts see it: whole hours, and nothing about fewer clients than this")
      ->check(CLI::Range(1, 100000));
}

void add_source(CLI::App& verb, SearchOptions& options) {
  verb.add_option("--source", options.source,
                  "clickhouse: asks the server that the first sink of that kind fills, of all machines that do; "
                  "clickhouse:NAME of another such sink");
}

void add_seconds(CLI::App& verb, SearchOptions& options) {
  verb.add_option("--seconds", options.seconds, "how long to look at most; what was found until then is shown")
      ->capture_default_str()
      ->check(CLI::Range(1, 600));
}

void add_sums(CLI::App& family, Action& chosen) {
  auto tops = std::make_shared<TopOptions>();
  CLI::App* most = family.add_subcommand("top", "what comes most often");
  most->add_option("--by", tops->by, "name, domain, client, list, category, group, class or type")
      ->capture_default_str();
  most->add_option("--limit", tops->limit, "how many to show")->capture_default_str()->check(CLI::Range(1, 10000));
  most->add_option("--min-clients", tops->min_clients, "hide what fewer clients than this met")
      ->check(CLI::Range(0, 1000));
  add_range(*most, tops->search);
  add_seconds(*most, tops->search);
  add_filters(*most, tops->search);
  add_smallest_group(*most, tops->search);
  add_source(*most, tops->search);
  most->callback([&chosen, tops] { chosen = [tops](Command& command) { return top(command, *tops); }; });

  auto times = std::make_shared<TimelineOptions>();
  CLI::App* line = family.add_subcommand("timeline", "numbers of decisions over time");
  line->add_option("--step", times->step, "of how long each number is: whole minutes")->capture_default_str();
  line->add_option("--by", times->by, "list, category, group or class: a number for each");
  add_range(*line, times->search);
  add_seconds(*line, times->search);
  add_filters(*line, times->search);
  add_smallest_group(*line, times->search);
  add_source(*line, times->search);
  line->callback([&chosen, times] { chosen = [times](Command& command) { return timeline(command, *times); }; });
}

}  // namespace

void add_log_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("log", "what was decided for whom");
  family->require_subcommand(1);
  auto options = std::make_shared<SearchOptions>();
  CLI::App* find = family->add_subcommand("search", "the newest decisions of the past, oldest of them first");
  add_range(*find, *options);
  find->add_option("--limit", options->limit, "how many of the newest to show")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  find->add_option("--cursor", options->cursor, "where an earlier search ended: the page before it in time");
  add_seconds(*find, *options);
  add_filters(*find, *options);
  add_smallest_group(*find, *options);
  add_source(*find, *options);
  find->callback([&chosen, options] { chosen = [options](Command& command) { return search(command, *options); }; });
  CLI::App* follow = family->add_subcommand("tail", "decisions as they are made, until interrupted");
  add_filters(*follow, *options);
  follow->callback([&chosen, options] { chosen = [options](Command& command) { return tail(command, *options); }; });
  add_sums(*family, chosen);
  add_log_totals(*family, chosen);
  auto exported = std::make_shared<ExportOptions>();
  CLI::App* out = family->add_subcommand("export", "all decisions of a time, the oldest first");
  out->add_option("--format", exported->format, "jsonl: a JSON object a line; csv")
      ->capture_default_str()
      ->check(CLI::IsMember({"jsonl", "csv"}));
  add_range(*out, exported->search);
  out->add_option("--cursor", exported->search.cursor, "where an earlier export ended");
  add_filters(*out, exported->search);
  add_smallest_group(*out, exported->search);
  out->callback(
      [&chosen, exported] { chosen = [exported](Command& command) { return export_rows(command, *exported); }; });
  auto forgotten = std::make_shared<ForgetOptions>();
  CLI::App* drop = family->add_subcommand("forget", "makes a client's decisions nobody's, or those of a day's clients");
  drop->add_option("--client", forgotten->client,
                   "address, prefix, or pseudonym as it is shown; pseudonyms of an address are known until an hour "
                   "after their day");
  drop->add_option(
      "--day", forgotten->day,
      "2026-07-06: of this day (UTC) alone; without --client the day's key is destroyed, and addresses and "
      "prefixes of the day go");
  drop->add_option("--reason", forgotten->reason, "why; stands in the audit log, which does not say whom");
  drop->callback(
      [&chosen, forgotten] { chosen = [forgotten](Command& command) { return forget(command, *forgotten); }; });
  add_log_sql(*family, chosen);
  auto tried = std::make_shared<SearchOptions>();
  tried->seconds = 60;
  CLI::App* attack =
      family->add_subcommand("privacy-check", "tries to find out who is in the log, and says how far it came");
  add_range(*attack, *tried);
  add_seconds(*attack, *tried);
  attack->callback([&chosen, tried] { chosen = [tried](Command& command) { return privacy_check(command, *tried); }; });
  family->add_subcommand("verify", "reads the whole log, and says what cannot be read")->callback([&chosen] {
    chosen = [](Command& command) { return verify(command); };
  });
}

}  // namespace weir::cli
