// weir explain: who decides over a name, who lost, and why.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <istream>
#include <memory>
#include <ostream>

#include "tools/cli/follow.h"
#include "tools/cli/rule_lines.h"
#include "tools/cli/url.h"
#include "tools/cli/verbs.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/lists/name_text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

// A request of so many names stays far below kMaxControlLine, and its reply too.
constexpr std::size_t kNamesInRequest = 1000;

struct ExplainOptions {
  std::string name, client, group, at, type = "A";
  bool batch = false;
  bool follow = false;
};

// The exception by which a list takes back its own rule; nullptr where none did so.
const json::value* own_exception(const json::array& losers) {
  for (const auto& exception : losers) {
    if (!flag_at(exception, "exception")) continue;
    for (const auto& rule : losers) {
      if (!flag_at(rule, "exception") && text_at(rule, "list") == text_at(exception, "list")) return &exception;
    }
  }
  return nullptr;
}

std::string local_verdict(const json::value& local) {
  const std::string zone = name_at(local, "zone");
  std::string out = " is answered here: ";
  if (text_at(local, "author") == "administrator") {
    out += "local zone " + zone;
  } else {
    const std::string rfc = text_at(local, "rfc");
    out += zone + " is special" + (rfc.empty() ? "" : " (" + rfc + ")");
  }
  return out + ", " + text_at(local, "answer");
}

// `moment`: empty for now.
void tell(Command& command, const json::value& result, const std::string& generation, const std::string& moment) {
  const std::string outcome = text_at(result, "outcome");
  const json::value* winner = object_at(result, "winner");
  const json::array& losers = array_at(result, "losers");
  const json::value* opener = outcome == "none" ? own_exception(losers) : nullptr;
  std::string verdict = name_at(result, "name");
  if (const auto* local = object_at(result, "local")) {
    verdict += local_verdict(*local);
  } else if (outcome == "blocked") {
    verdict += " is blocked";
    if (const std::string mode = text_at(result, "mode"); !mode.empty()) verdict += " (answered with " + mode + ")";
    if (winner == nullptr) verdict += ": the policy denies what no rule allows";
  } else if (const auto* pause = object_at(result, "pause")) {
    verdict += " is allowed: filtering is paused until " + text_at(*pause, "until") + " by " +
               text_at(*pause, "author") + ": " + text_at(*pause, "reason");
  } else if (outcome == "allowed") {
    verdict += " is allowed by a rule";
  } else if (opener != nullptr) {
    verdict += " is resolved: list " + text_at(*opener, "list") + " makes an exception to its own rule";
  } else {
    verdict += losers.empty() ? " is resolved: no rule matches" : " is resolved: no rule blocks it";
  }
  command.say(verdict);
  if (winner == nullptr) winner = opener;
  if (winner != nullptr) tell_rule(command, "by    ", *winner);
  for (const auto& loser : losers) {
    if (opener != nullptr && &loser == opener) continue;
    tell_rule(command, "over  ", loser);
  }
  for (const auto& rule : array_at(result, "disabled")) {
    tell_rule(command, "disabled  ", rule);
    const json::value* by = object_at(rule, "by");
    if (by != nullptr) command.say("            by your $badfilter rule, number " + text_at(*by, "line"));
  }
  if (flag_at(result, "would_deny")) command.say("  no rule allows it: default = \"deny\" would refuse it");
  if (const auto* observed = object_at(result, "observed"))
    tell_rule(command, "would have been decided by  ", *observed);
  command.say("  policy " + text_at(result, "policy") + ", group " + text_at(result, "group") + ", generation " +
              generation + (moment.empty() ? "" : ", at " + moment));
}

json::object arguments_of(const ExplainOptions& options, json::array names) {
  json::object out{{"names", std::move(names)}, {"type", options.type}};
  if (!options.client.empty()) out["client"] = options.client;
  if (!options.group.empty()) out["group"] = options.group;
  if (!options.at.empty()) out["at"] = options.at;
  return out;
}

ExitCode explain_one(Command& command, const ExplainOptions& options) {
  if (const auto url = refuse_url(options.name)) return command.fail(*url);
  json::object arguments = arguments_of(options, {json::string(options.name)});
  if (options.follow) return follow(command, std::move(arguments));
  const auto answer = command.ask("explain", arguments);
  if (!answer) return answer.failure;
  const json::array& results = array_at(answer.result, "results");
  if (results.size() != 1)
    return command.fail(
        {ErrorCode::corrupt, "weir-sidecar explained " + std::to_string(results.size()) + " names, not 1"});
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    if (const std::string about = about_refused_client(answer.result); !about.empty()) command.say(about);
    tell(command, results[0], text_at(answer.result, "generation"), text_at(answer.result, "at"));
  }
  return text_at(results[0], "outcome") == "blocked" ? ExitCode::answer_is_no : ExitCode::done;
}

// As the sidecar reads it: one name that it refuses would cost all those asked with it their answer.
bool can_be_asked(std::string_view text) {
  if (!is_utf8(text) || refuse_url(text)) return false;
  if (IpAddress::parse(text).has_value()) return true;
  const bool is_ascii = std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
  return is_ascii ? Name::parse(text).has_value() : parse_list_name(text).fault == NameFault::none;
}

class Batch {
 public:
  Batch(Command& command, const ExplainOptions& options) : command_(command), options_(options) {}

  // Blank lines are skipped. One line of output a name, in the order of the input.
  ExitCode run() {
    std::string line;
    while (std::getline(command_.in(), line)) {
      const std::string_view name = trim(line);
      if (name.empty()) continue;
      rows_.emplace_back(name);
      valid_.push_back(can_be_asked(name));
      if (rows_.size() == kNamesInRequest && !flush()) return failure_;
    }
    if (!flush()) return failure_;
    command_.out().flush();
    return worst_;
  }

 private:
  bool flush() {
    json::array names;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (valid_[i]) names.emplace_back(rows_[i]);
    }
    json::array results;
    if (const std::size_t wanted = names.size(); wanted > 0) {
      auto answer = command_.ask("explain", arguments_of(options_, std::move(names)));
      failure_ = answer.failure;
      if (!answer) return false;
      const std::string about = about_refused_client(answer.result);
      if (!about.empty() && !told_refused_) command_.err() << "weir: " << escape_for_display(about) << '\n';
      told_refused_ = told_refused_ || !about.empty();
      results = array_at(answer.result, "results");
      if (results.size() != wanted) {
        failure_ = command_.fail({ErrorCode::corrupt, "weir-sidecar explained " + std::to_string(results.size()) +
                                                          " names, not " + std::to_string(wanted)});
        return false;
      }
    }
    std::size_t next = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (valid_[i]) {
        print(rows_[i], results[next++]);
      } else {
        const std::string shown = is_utf8(rows_[i]) ? rows_[i] : escape_for_display(rows_[i]);
        print(rows_[i], json::object{{"name", shown}, {"outcome", "invalid"}, {"winner", nullptr}});
        worst_ = ExitCode::refused;
      }
    }
    rows_.clear();
    valid_.clear();
    return true;
  }

  void print(const std::string& name, const json::value& result) {
    if (command_.is_json()) return command_.print(result);
    // Columns are told apart by spaces.
    const auto escaped = [](const std::string& text) {
      std::string out;
      for (const char c : escape_for_display(text)) c == ' ' ? out += "\\032" : out += c;
      return out;
    };
    const auto column = [&](const std::string& text) { return ' ' + (text.empty() ? "-" : escaped(text)); };
    const json::value* winner = object_at(result, "winner");
    command_.out() << escaped(name) << column(text_at(result, "outcome"));
    for (const char* key : {"list", "line", "import"})
      command_.out() << (winner != nullptr ? column(text_at(*winner, key)) : " -");
    command_.out() << '\n';
  }

  Command& command_;
  const ExplainOptions& options_;
  std::vector<std::string> rows_;
  std::vector<bool> valid_;
  bool told_refused_ = false;
  ExitCode failure_ = ExitCode::done;
  ExitCode worst_ = ExitCode::done;
};

ExitCode explain(Command& command, const ExplainOptions& options) {
  if (options.batch != options.name.empty())
    return command.usage(options.batch ? "--batch reads the names from its input; leave NAME away"
                                       : "which name? Give NAME, or --batch to read names from the input");
  if (!options.client.empty() && !options.group.empty()) return command.usage("give --client or --group, not both");
  if (options.follow && (options.batch || !options.at.empty()))
    return command.usage("--follow asks the resolver for one answer of now; leave --batch and --at away");
  return options.batch ? Batch(command, options).run() : explain_one(command, options);
}

}  // namespace

void add_explain(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("explain", "who decides over a name, who lost, and why");
  verb->footer(
      "\nBy itself it reads the policy and asks nobody: what rules say of NAME, or of an address. With --follow the "
      "running\n"
      "resolver goes the whole way of a client's question (and asks upstream where it has to), and each look at a part "
      "of\n"
      "the answer is shown: also where a block of NAME waits for what rules of an earlier zone say of the answer.\n"
      "With --batch one line a name, in the order of the input, with these columns, \"-\" for none:\n"
      "  NAME  OUTCOME (none, allowed, blocked, local, invalid)  LIST  LINE  IMPORT\n"
      "or, with --json, one JSON object a line. Its exit code is 0, or 3 where a name was invalid.\n" +
      verb->get_footer());
  auto options = std::make_shared<ExplainOptions>();
  verb->add_option("NAME", options->name, "a name, or an address as it may stand in an answer");
  verb->add_option("--client", options->client, "as this address is answered");
  verb->add_option("--group", options->group, "as this group is answered");
  verb->add_option("--type", options->type, "the type asked for")->capture_default_str();
  verb->add_option("--at", options->at,
                   "as it was at this time, such as 2026-07-06T00:40:32Z or, so long ago, 3d; or will be");
  verb->add_flag("--follow", options->follow,
                 "have the resolver look for the answer, and judge what lies behind the name too: aliases, addresses, "
                 "name servers");
  verb->add_flag("--batch", options->batch, "read names from the input, one a line");
  verb->callback([&chosen, options] { chosen = [options](Command& command) { return explain(command, *options); }; });
}

}  // namespace weir::cli
