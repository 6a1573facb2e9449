// weir status, weir reload.
#include <CLI/CLI.hpp>

#include <ostream>

#include "tools/cli/list_table.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

void show_log(Command& command, const boost::json::value& log) {
  std::string line = "log:";
  for (const auto& [key, value] : log.get_object()) {
    const std::string text = text_at(log, key);
    if (text.empty()) continue;
    line += (line.size() > 4 ? ", " : " ") + std::string(key) + ' ' +
            (std::string_view(key).ends_with("bytes") ? show_size(number_at(log, key)) : text);
  }
  command.say(line);
}

void show_sink(Command& command, const json::value& sink) {
  std::string line = "sink " + text_at(sink, "name") + " (" + text_at(sink, "kind") +
                     "): " + counted_at(sink, "sent", "decision") + " sent";
  if (const std::uint64_t waiting = number_at(sink, "waiting"); waiting > 0)
    line += ", " + std::to_string(waiting) + " waiting in " + show_size(number_at(sink, "spool_bytes"));
  if (const std::uint64_t dropped = number_at(sink, "dropped"); dropped > 0)
    line += ", " + std::to_string(dropped) + " LOST";
  if (const std::string fault = text_at(sink, "fault"); !fault.empty()) line += "; " + fault;
  command.say(line);
}

// The reload took everything else into force; these keys are read at the start of a daemon alone.
void tell_restart(Command& command, const json::value& reply) {
  for (const auto& pending : array_at(reply, "needs_restart")) {
    std::string keys;
    for (const auto& key : array_at(pending, "keys")) {
      if (key.is_string()) keys += (keys.empty() ? "" : ", ") + std::string(key.get_string());
    }
    command.say("changed, but in force only when " + text_at(pending, "daemon") + " is restarted: " + keys);
  }
}

ExitCode status(Command& command) {
  const auto answer = command.ask("status", {});
  if (!answer) return answer.failure;
  const json::value* resolver = object_at(answer.result, "resolver");
  const bool answers = resolver != nullptr && flag_at(*resolver, "reachable");
  const ExitCode code = answers ? ExitCode::done : ExitCode::unreachable;
  if (command.is_json()) {
    command.print(answer.result);
    return code;
  }
  command.say("weir-sidecar " + text_at(answer.result, "version") + ", process " + text_at(answer.result, "pid") +
              ", since " + text_at(answer.result, "started"));
  if (const auto* generation = object_at(answer.result, "generation")) {
    const std::string reason = text_at(*generation, "reason");
    command.say("generation " + text_at(*generation, "number") + ", published " + text_at(*generation, "published") +
                (reason.empty() ? "" : " (" + reason + ")") + ", " + counted_at(*generation, "rules", "rule"));
    command.say("fingerprint " + text_at(*generation, "fingerprint"));
  }
  if (const std::string error = text_at(answer.result, "generation_error"); !error.empty())
    command.say("no generation is in force: " + error);
  command.say(answers ? "weir-resolver answers with generation " + text_at(*resolver, "generation")
                      : std::string("weir-resolver cannot be reached"));
  if (const json::value* api = object_at(answer.result, "api")) {
    std::string urls;
    for (const auto& url : array_at(*api, "urls")) {
      if (url.is_string()) urls += (urls.empty() ? "" : ", ") + std::string(url.get_string());
    }
    if (!urls.empty()) command.say("console and API: " + urls);
    if (const std::string fault = text_at(*api, "fault"); !fault.empty())
      command.say("no console and no API, though they should be there: " + fault);
  }
  if (const std::uint64_t open = number_at(answer.result, "requests_open"); open > 0)
    command.say(counted_at(answer.result, "requests_open", "request") + " of filtered people: 'weir request list'");
  for (const auto& overlay : array_at(answer.result, "overlays")) {
    command.say((text_at(overlay, "kind") == "pause" ? "PAUSED until " : "allowed until ") + text_at(overlay, "until") +
                ": " + text_at(overlay, "subject") + ", by " + text_at(overlay, "author") + " (" +
                text_at(overlay, "reason") + ")");
  }
  if (const std::string pinned = text_at(answer.result, "pinned"); !pinned.empty())
    command.say("pinned: " + pinned + "; 'weir reload' takes the files again");
  tell_restart(command, answer.result);
  if (const auto* log = object_at(answer.result, "log")) show_log(command, *log);
  for (const auto& sink : array_at(answer.result, "sinks")) show_sink(command, sink);
  const Table table = table_of_lists(answer.result);
  if (!table.empty()) table.print(command.out());
  tell_of_lists(command, answer.result);
  return code;
}

ExitCode reload(Command& command) {
  // The caller's own view first: faults come with their lines also where no daemon runs.
  if (auto config = Config::load(command.config_file()); !config) return command.fail(config.error());
  const auto answer = command.ask("reload", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say("reloaded" + in_force(answer.result));
    tell_restart(command, answer.result);
  }
  if (const std::string fault = text_at(answer.result, "resolver_fault"); !fault.empty())
    return command.fail({ErrorCode::invalid, "weir-resolver refused to reload, and goes on as before: " + fault});
  return ExitCode::done;
}

}  // namespace

void add_daemon_verbs(CLI::App& app, Action& chosen) {
  app.add_subcommand("status", "the sidecar, the generation in force, and every list")->callback([&chosen] {
    chosen = status;
  });
  app.add_subcommand("reload", "re-read the configuration; a faulty one changes nothing")->callback([&chosen] {
    chosen = reload;
  });
}

}  // namespace weir::cli
