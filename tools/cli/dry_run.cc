#include "tools/cli/dry_run.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "tools/cli/list_table.h"
#include "tools/support/table.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kShownNames = 20;

// "name (group, N answers)".
void tell_names(Command& command, const json::value& names, const std::string& title, std::string_view count_key,
                std::string_view noun) {
  command.say(title);
  std::size_t shown = 0;
  for (const auto& name : array_at(names, "samples")) {
    if (++shown > kShownNames) {
      command.say("  ...");
      break;
    }
    const std::string group = text_at(name, "group");
    command.say("  " + name_at(name, "name") + " (" + (group.empty() ? "" : group + ", ") +
                counted_at(name, count_key, noun) + ")");
  }
}

void tell_samples(Command& command, const json::value& reply, std::string_view key, const char* sign,
                  std::uint64_t all) {
  const json::array& samples = array_at(reply, key);
  for (const auto& rule : samples) {
    const std::string line = text_at(rule, "line");
    command.say("  " + std::string(sign) + name_at(rule, "pattern") + (line.empty() ? "" : " (line " + line + ")"));
  }
  if (samples.size() < all) command.say("  ...");
}

void tell(Command& command, const json::value& reply) {
  const std::string name = text_at(reply, "name");
  if (!flag_at(reply, "changed")) {
    const std::string rolled_back = about_rolled_back(reply);
    command.say(name + (rolled_back.empty() ? ": the source has what is in force; nothing would change"
                                            : ": nothing would change; " + rolled_back));
    return;
  }
  command.say(name + ": " + counted_at(reply, "rules", "rule") + " instead of " + count_at(reply, "rules_before") +
              "; " + count_at(reply, "added") + " added, " + count_at(reply, "removed") + " removed");
  tell_samples(command, reply, "added_samples", "+", number_at(reply, "added"));
  tell_samples(command, reply, "removed_samples", "-", number_at(reply, "removed"));
  for (const auto& note : array_at(reply, "notes")) {
    if (note.is_string()) command.say("note: " + std::string(note.get_string()));
  }
  tell_foresight(command, reply);
  if (flag_at(reply, "would_be_held")) command.say("this version would be held for approval:");
  tell_findings(command, array_at(reply, "guards"));
}

// Where every rule that comes (+) or goes (-) is written, one a line; "" where nobody wants that.
class ChangesFile {
 public:
  explicit ChangesFile(std::string path) : path_(std::move(path)) {
    if (wanted()) file_.open(path_, std::ios::binary | std::ios::trunc);
  }
  bool wanted() const { return !path_.empty(); }
  bool good() const { return !wanted() || file_.good(); }
  bool finish() {
    file_.flush();
    return good();
  }
  Error error() const { return {ErrorCode::io, path_ + ": cannot be written: " + std::strerror(errno)}; }
  // One progress line; other ones are none of its business.
  Continue take(std::string_view text) {
    json::error_code bad;
    const json::value part = json::parse(json::string_view(text), bad);
    if (bad || !wanted()) return Continue::yes;
    for (const auto& rule : array_at(part, "removed")) file_ << '-' << text_at(rule, "pattern") << '\n';
    for (const auto& rule : array_at(part, "added")) file_ << '+' << text_at(rule, "pattern") << '\n';
    return file_.good() ? Continue::yes : Continue::no;
  }

 private:
  const std::string path_;
  std::ofstream file_;
};

}  // namespace

void tell_findings(Command& command, const json::array& findings) {
  for (const auto& finding : findings) {
    command.say(std::string(flag_at(finding, "holds") ? "held: " : "warning: ") + text_at(finding, "text"));
    for (const auto& sample : array_at(finding, "samples")) {
      if (sample.is_string()) command.say("  " + std::string(sample.get_string()));
    }
  }
}

void tell_foresight(Command& command, const json::value& reply) {
  if (const json::value* log = object_at(reply, "log")) {
    command.say("log since " + text_at(*log, "since") + ": " + counted_at(*log, "decisions", "blocked question") +
                ", " + counted_at(*log, "names", "name") +
                (flag_at(*log, "complete") ? "" : " (not all of it was read)"));
    for (const auto& group : array_at(*log, "groups")) {
      tell_names(command, group,
                 "no longer blocked for group " + text_at(group, "group") + ": " + counted_at(group, "names", "name") +
                     ", " + counted_at(group, "decisions", "question"),
                 "decisions", "question");
    }
    if (array_at(*log, "groups").empty()) command.say("  all of them would be blocked again");
  }
  if (const json::value* cache = object_at(reply, "cache")) {
    if (!flag_at(*cache, "reachable")) {
      command.say("names in use: not known, " + text_at(*cache, "error"));
      return;
    }
    command.say("names in use: " + counted_at(*cache, "entries", "cached answer"));
    if (const json::value* blocked = object_at(*cache, "blocked");
        blocked != nullptr && number_at(*blocked, "names") > 0)
      tell_names(command, *blocked, "would be blocked: " + count_at(*blocked, "names"), "hits", "answer");
    if (const json::value* open = object_at(*cache, "unblocked"); open != nullptr && number_at(*open, "names") > 0)
      tell_names(command, *open, "would no longer be blocked: " + count_at(*open, "names"), "hits", "answer");
  }
}

ExitCode show_diff(Command& command, const DiffOptions& options) {
  ChangesFile file(options.output);
  if (!file.good()) return command.fail(file.error());
  json::object arguments{{"name", options.name}, {"from", options.from}, {"to", options.to}};
  if (file.wanted()) arguments["full"] = true;
  const auto answer = command.ask("list.diff", arguments, [&](std::string_view text) { return file.take(text); });
  if (!answer) return answer.failure;
  if (!file.finish()) return command.fail(file.error());
  const std::uint64_t added = number_at(answer.result, "added");
  const std::uint64_t removed = number_at(answer.result, "removed");
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say(options.name + ": import " + std::to_string(options.to) + " against import " +
                std::to_string(options.from) + ": " + count_at(answer.result, "added") + " added, " +
                count_at(answer.result, "removed") + " removed");
    tell_samples(command, answer.result, "added_samples", "+", added);
    tell_samples(command, answer.result, "removed_samples", "-", removed);
  }
  return added + removed > 0 ? ExitCode::answer_is_no : ExitCode::done;
}

ExitCode show_dry_run(Command& command, const DryRunOptions& options) {
  json::object arguments{{"name", options.name}, {"dry_run", true}};
  if (!options.since.empty()) arguments["since"] = options.since;
  ChangesFile file(options.output);
  if (!file.good()) return command.fail(file.error());
  if (file.wanted()) arguments["full"] = true;
  const auto answer = command.ask("list.update", arguments, [&](std::string_view text) { return file.take(text); });
  if (!answer) return answer.failure;
  if (!file.finish()) return command.fail(file.error());
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    tell(command, answer.result);
  }
  return flag_at(answer.result, "would_be_held") ? ExitCode::refused : ExitCode::done;
}

}  // namespace weir::cli
