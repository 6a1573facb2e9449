// weir cache: what the resolver remembers of a name, and how it is made to forget it.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kSubtree = "/subtree";
constexpr std::chrono::seconds kCachePatience{30};

// NAME[/subtree]; "." is everything. Another ending is no part of any name that was meant.
Result<json::object> arguments_of(std::string name) {
  bool subtree = name == ".";
  if (name.ends_with(kSubtree)) {
    name.resize(name.size() - kSubtree.size());
    subtree = true;
  }
  if (name.find('/') != std::string::npos && !name.ends_with(".arpa") && !name.ends_with(".arpa."))
    return Error{ErrorCode::invalid,
                 "\"" + escape_for_display(name) + "\": expected a name, or a name and \"/subtree\""};
  return json::object{{"name", name}, {"subtree", subtree}};
}

void show_records(Command& command, const json::value& answer) {
  Table table({{"NAME"}, {"TYPE"}, {"TTL", Align::right}, {"KIND"}, {"SECURITY"}, {"FROM"}, {"DATA"}});
  for (const auto& entry : array_at(answer, "rrsets")) {
    std::string data;
    for (const auto& record : array_at(entry, "data")) {
      if (record.is_string()) data += (data.empty() ? "" : " | ") + std::string(record.get_string());
    }
    if (const std::string text = text_at(entry, "text"); !text.empty()) data = text;
    table.add({name_at(entry, "name"), text_at(entry, "type"), text_at(entry, "ttl"), text_at(entry, "kind"),
               text_at(entry, "security"), text_at(entry, "zone_cut"), data});
  }
  if (!table.empty()) table.print(command.out());
}

void show_answers(Command& command, const json::value& answer) {
  Table table({{"ANSWER"}, {"TYPE"}, {"TTL", Align::right}, {"RCODE"}, {"SECURITY"}, {"FLAGS"}});
  for (const auto& entry : array_at(answer, "answers")) {
    table.add({name_at(entry, "name"), text_at(entry, "type"), text_at(entry, "ttl"), text_at(entry, "rcode"),
               text_at(entry, "security"), text_at(entry, "flags")});
  }
  if (!table.empty()) table.print(command.out());
}

void show_servers(Command& command, const json::value& answer) {
  const json::value* delegation = object_at(answer, "delegation");
  if (delegation == nullptr) return;
  command.say("closest zone cut: " + name_at(*delegation, "zone_cut") + ", TTL " + text_at(*delegation, "ttl"));
  Table table({{"SERVER"}, {"ADDRESS"}, {"RTT", Align::right}, {"STATE"}});
  for (const auto& server : array_at(*delegation, "servers")) {
    table.add({name_at(server, "name"), text_at(server, "address"), milliseconds_at(server, "rtt_ms"),
               text_at(server, "state")});
  }
  if (!table.empty()) table.print(command.out());
}

ExitCode show(Command& command, const std::string& name) {
  const auto arguments = arguments_of(name);
  if (!arguments) return command.fail(arguments.error());
  const auto answer = command.ask_resolver("cache.show", *arguments, kCachePatience);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  show_records(command, answer.result);
  show_answers(command, answer.result);
  show_servers(command, answer.result);
  if (flag_at(answer.result, "cut")) command.say("there is more; ask for a name further down");
  if (array_at(answer.result, "rrsets").empty() && array_at(answer.result, "answers").empty())
    command.say("nothing is known of " + name);
  return ExitCode::done;
}

ExitCode flush(Command& command, const std::string& name) {
  const auto arguments = arguments_of(name);
  if (!arguments) return command.fail(arguments.error());
  const auto answer = command.ask_resolver("cache.flush", *arguments, kCachePatience);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say("forgotten: " + counted_at(answer.result, "flushed", "answer") + " and what they were made of");
  }
  return ExitCode::done;
}

}  // namespace

void add_cache_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("cache", "what weir-resolver remembers");
  family->require_subcommand(1);
  const auto add = [&](const char* verb_name, const char* help, ExitCode (*run)(Command&, const std::string&)) {
    CLI::App* verb = family->add_subcommand(verb_name, help);
    auto name = std::make_shared<std::string>();
    verb->add_option("NAME[/subtree]", *name, "a domain name, with /subtree also all below it; . is everything")
        ->required();
    verb->callback([&chosen, name, run] { chosen = [name, run](Command& command) { return run(command, *name); }; });
  };
  add("show", "records, answers and servers, with what is left of their time", show);
  add("flush", "forget a name, or a whole tree", flush);
}

}  // namespace weir::cli
