// weir resolve: what the resolver itself finds for a name, without policy, and every step to it.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

// A resolution ends within five seconds, whatever its servers do.
constexpr std::chrono::seconds kResolvePatience{15};

struct Wanted {
  std::string name;
  std::string type = "A";
  bool trace = false;
  bool fresh = false;
  bool unchecked = false;
};

void show_step(Command& command, const json::value& step) {
  char time[32];
  std::snprintf(time, sizeof time, "%9.1f ms  ", decimal_at(step, "at_ms"));
  const std::string indent(2 * static_cast<std::size_t>(number_at(step, "depth")), ' ');
  std::string line = time + indent + name_at(step, "name") + ' ' + text_at(step, "type") + ": " + text_at(step, "step");
  if (const std::string server = text_at(step, "server"); !server.empty()) {
    line += ' ' + server + ' ' + text_at(step, "transport");
    if (const std::string rtt = milliseconds_at(step, "rtt_ms"); !rtt.empty()) line += " in " + rtt;
  }
  if (const std::string text = text_at(step, "text"); !text.empty()) line += "  " + text;
  command.say(line);
}

void show(Command& command, const json::value& answer) {
  std::string head = name_at(answer, "name") + ' ' + text_at(answer, "type") + ": " + text_at(answer, "rcode") + ", " +
                     text_at(answer, "security") + ", TTL " + text_at(answer, "ttl") + "; " +
                     counted_at(answer, "upstream_packets", "upstream packet") + ", " +
                     milliseconds_at(answer, "elapsed_ms");
  command.say(head);
  if (const auto* ede = object_at(answer, "ede")) {
    const std::string text = text_at(*ede, "text");
    command.say("EDE " + text_at(*ede, "code") + (text.empty() ? "" : ": " + text));
  }
  for (const std::string_view section : {"answer", "authority"}) {
    for (const auto& record : array_at(answer, section)) {
      if (record.is_string())
        command.say((section == "answer" ? "" : "authority: ") + std::string(record.get_string()));
    }
  }
  for (const auto& step : array_at(answer, "trace")) show_step(command, step);
  if (number_at(answer, "trace_dropped") > 0) command.say("and " + text_at(answer, "trace_dropped") + " more steps");
}

ExitCode resolve(Command& command, const Wanted& wanted) {
  const auto answer = command.ask_resolver("resolve",
                                           {{"name", wanted.name},
                                            {"type", wanted.type},
                                            {"trace", wanted.trace},
                                            {"fresh", wanted.fresh},
                                            {"checking_disabled", wanted.unchecked}},
                                           kResolvePatience);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    show(command, answer.result);
  }
  return text_at(answer.result, "rcode") == "SERVFAIL" ? ExitCode::answer_is_no : ExitCode::done;
}

}  // namespace

void add_resolve(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand(
      "resolve", "resolve a name in weir-resolver, without policy; exit code 1 where that fails (SERVFAIL)");
  auto wanted = std::make_shared<Wanted>();
  verb->add_option("NAME", wanted->name, "a domain name")->required();
  verb->add_option("TYPE", wanted->type, "a record type")->capture_default_str();
  verb->add_flag("--trace", wanted->trace, "show each step: servers, times, what was learnt and validated");
  verb->add_flag("--fresh", wanted->fresh, "with empty caches, from the root down; the caches in use stay as they are");
  verb->add_flag("--cd", wanted->unchecked, "without validation (checking disabled)");
  verb->callback([&chosen, wanted] { chosen = [wanted](Command& command) { return resolve(command, *wanted); }; });
}

}  // namespace weir::cli
