// weir sink: where decisions go beside the log, and how well they arrive.
#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

std::string state_of(const json::value& sink) {
  if (flag_at(sink, "up")) return "up";
  const std::string since = text_at(sink, "failing_since");
  return since.empty() ? "down" : "down since " + since;
}

std::string target_of(const json::value& sink) {
  const std::string to = text_at(sink, "to");
  return to.empty() ? "the system's" : to;  // of syslog alone
}

std::string spool_of(const json::value& sink) {
  return show_size(number_at(sink, "spool_bytes")) + " of " + show_size(number_at(sink, "spool_bound_bytes"));
}

ExitCode list_sinks(Command& command) {
  const auto answer = command.ask("sink.show", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"NAME"},
               {"KIND"},
               {"TO"},
               {"STATE"},
               {"SENT", Align::right},
               {"WAITING", Align::right},
               {"SPOOL", Align::right},
               {"DROPPED", Align::right},
               {"FAILURES", Align::right}});
  for (const auto& sink : array_at(answer.result, "sinks")) {
    table.add({text_at(sink, "name"), text_at(sink, "kind"), target_of(sink), state_of(sink), count_at(sink, "sent"),
               count_at(sink, "waiting"), spool_of(sink), count_at(sink, "dropped"), count_at(sink, "failures")});
  }
  if (table.empty()) {
    command.say("decisions go into the log alone: see [[sink]] in weir.toml");
    return ExitCode::done;
  }
  table.print(command.out());
  for (const auto& sink : array_at(answer.result, "sinks")) {
    if (const std::string fault = text_at(sink, "fault"); !fault.empty())
      command.say(text_at(sink, "name") + ": " + fault);
  }
  return ExitCode::done;
}

ExitCode show_one_sink(Command& command, const std::string& name) {
  const auto answer = command.ask("sink.show", {{"name", name}});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  for (const auto& sink : array_at(answer.result, "sinks")) {
    const std::string fault = text_at(sink, "fault");
    const std::string last_error = text_at(sink, "last_error");
    const std::pair<const char*, std::string> lines[] = {
        {"name", text_at(sink, "name")},
        {"kind", text_at(sink, "kind")},
        {"to", target_of(sink)},
        {"state", state_of(sink) + (fault.empty() ? "" : ": " + fault)},
        {"sent", counted_at(sink, "sent", "decision")},
        {"last sent", text_at(sink, "last_sent_at")},
        {"waiting", counted_at(sink, "waiting", "decision") + ", in " + spool_of(sink)},
        {"dropped", counted_at(sink, "dropped", "decision")},
        {"failures", counted_at(sink, "failures", "attempt") + " since the sidecar was started"},
        {"last error", last_error.empty() ? last_error : text_at(sink, "last_error_at") + ": " + last_error}};
    for (const auto& [title, text] : lines) {
      if (!text.empty()) command.say(std::string(title) + ": " + text);
    }
  }
  return ExitCode::done;
}

}  // namespace

void add_sink_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("sink", "where decisions go beside the log ([[sink]])");
  family->require_subcommand(1);
  family->add_subcommand("list", "all of them: whether they take decisions, what waits, what is lost")
      ->callback([&chosen] { chosen = list_sinks; });
  auto name = std::make_shared<std::string>();
  CLI::App* verb = family->add_subcommand("show", "everything about one");
  verb->add_option("NAME", *name, "of the sink")->required();
  verb->callback([&chosen, name] { chosen = [name](Command& command) { return show_one_sink(command, *name); }; });
}

}  // namespace weir::cli
