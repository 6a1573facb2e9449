// weir check: is the configuration good, and what could be in it.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/dry_run.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "tools/support/tsig_keys.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

ExitCode show_keys(Command& command) {
  if (command.is_json()) {
    json::array keys;
    for (const ConfigKey& key : config_keys()) {
      keys.push_back(json::object{{"section", key.section},
                                  {"repeated", key.repeated},
                                  {"key", key.key},
                                  {"required", key.default_value.empty()},
                                  {"default", key.default_value},
                                  {"expected", key.expected},
                                  {"meaning", key.meaning}});
    }
    command.print(json::object{{"keys", std::move(keys)}});
    return ExitCode::done;
  }
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    if (key.section != section) {
      command.out() << (section.empty() ? "" : "\n") << (key.repeated ? "[[" : "[") << key.section
                    << (key.repeated ? "]]" : "]") << '\n';
      section = key.section;
    }
    command.out() << key.key << (key.default_value.empty() ? " (required)" : " = " + key.default_value) << "\n    "
                  << key.meaning << "\n    expected: " << key.expected << '\n';
  }
  return ExitCode::done;
}

struct NamedPath {
  const char* key;
  const std::filesystem::path& path;
};

// That the daemons keep their things in, and make where they may.
std::vector<NamedPath> folders_of(const Config& config) {
  return {{"[store] path", config.store.path},
          {"[run] path", config.run.path},
          {"[resolver] state", config.resolver.state}};
}

// What is allowed and probably not meant.
std::vector<std::string> remarks_on(const Config& config) {
  std::vector<std::string> out;
  const PolicySet set = config.compile();
  for (const ListConfig& list : config.lists) {
    const ListDefinition* compiled = set.find_list(list.definition.name);
    const bool used = std::any_of(set.policies.begin(), set.policies.end(),
                                  [&](const Policy& policy) { return policy.has_list(compiled->id); });
    if (!used)
      out.push_back(list.where + ": no policy names the list \"" + list.definition.name + "\": it has no effect");
    std::error_code code;
    if (list.source.starts_with('/') && !std::filesystem::exists(list.source, code))
      out.push_back(list.where + ": the list \"" + list.definition.name + "\" is not there: " + list.source);
  }
  for (const auto& [key, folder] : folders_of(config)) {
    std::error_code code;
    if (!std::filesystem::exists(folder, code))
      out.push_back(std::string(key) + ": there is no folder " + folder.string() +
                    " yet; the daemon makes it when it starts, where it may");
  }
  for (const NegativeTrustAnchorConfig& anchor : config.negative_trust_anchors) {
    if (anchor.until <= std::chrono::system_clock::now())
      out.push_back(anchor.where + ": the negative trust anchor of " + anchor.name.to_text() + " ended at " +
                    format_time(anchor.until) + ": it has no effect");
  }
  for (std::string& exposed : exposed_tsig_secrets(config)) out.push_back(std::move(exposed));
  for (std::size_t i = 1; i < set.policies.size(); ++i) {
    const bool used =
        std::any_of(set.groups.begin(), set.groups.end(), [&](const Group& group) { return group.policy == i; });
    if (!used) out.push_back("no group has the policy \"" + set.policies[i].name + "\": it has no effect");
  }
  return out;
}

// The daemons end, or fail later, where a file that they are to read is not there.
Result<void> check_files(const Config& config) {
  std::vector<NamedPath> files = {{"[resolver] root_hints", config.resolver.root_hints},
                                  {"[fetch] ca_file", config.fetch.ca_file}};
  for (const auto& file : config.resolver.trust_anchors) files.push_back({"[resolver] trust_anchors", file});
  std::error_code code;
  for (const auto& [key, file] : files) {
    if (file.empty() || std::filesystem::is_regular_file(file, code)) continue;
    return Error{ErrorCode::not_found, std::string(key) + ": " + file.string() + ": a file was expected, there is " +
                                           (std::filesystem::exists(file, code) ? "something else" : "nothing")};
  }
  for (const auto& [key, folder] : folders_of(config)) {
    if (!std::filesystem::exists(folder, code) || std::filesystem::is_directory(folder, code)) continue;
    return Error{ErrorCode::invalid,
                 std::string(key) + ": " + folder.string() + ": a folder was expected, there is something else"};
  }
  return {};
}

ExitCode check(Command& command) {
  auto config = Config::load(command.config_file());
  if (!config) return command.fail(config.error());
  if (const auto files = check_files(*config); !files) return command.fail(files.error());
  const auto remarks = remarks_on(*config);
  if (command.is_json()) {
    json::array files;
    for (const auto& file : config->files) files.emplace_back(file.string());
    json::array notes;
    for (const std::string& remark : remarks) notes.emplace_back(remark);
    command.print(json::object{{"files", std::move(files)},
                               {"lists", config->lists.size()},
                               {"policies", config->policies.size()},
                               {"groups", config->groups.size()},
                               {"notes", std::move(notes)}});
    return ExitCode::done;
  }
  for (const std::string& remark : remarks) command.say("note: " + remark);
  for (const auto& file : config->files) command.say(file.string() + ": good");
  if (!config->resolver.trust_anchors.empty() || !config->resolver.root_hints.empty())
    command.say("what hints and trust anchors hold is read by: weir-resolver --check");
  command.say("lists: " + std::to_string(config->lists.size()) + ", policies: " +
              std::to_string(config->policies.size()) + ", groups: " + std::to_string(config->groups.size()));
  return ExitCode::done;
}

// Names of definitions that come, go or change.
void tell_definitions(Command& command, const json::value& reply, std::string_view key) {
  const json::value* part = object_at(reply, key);
  if (part == nullptr) return;
  for (const char* how : {"added", "removed", "changed"}) {
    std::string names;
    for (const auto& name : array_at(*part, how)) {
      if (name.is_string()) names += (names.empty() ? "" : ", ") + std::string(name.get_string());
    }
    if (!names.empty()) command.say(std::string(key) + " " + how + ": " + names);
  }
}

void tell_lint(Command& command, const json::value& reply) {
  const json::value* lint = object_at(reply, "lint");
  if (lint == nullptr) return;
  for (const auto& finding : array_at(*lint, "findings")) {
    command.say("note: list " + text_at(finding, "list") + ": " + count_at(finding, "count") + " " +
                text_at(finding, "text"));
    for (const auto& sample : array_at(finding, "samples")) {
      if (sample.is_string()) command.say("  " + std::string(sample.get_string()));
    }
  }
  if (!flag_at(*lint, "complete")) command.say("note: not all rules were looked at, there are too many");
}

// What a reload would change of what is filtered.
ExitCode check_policy(Command& command, const std::string& since) {
  if (auto config = Config::load(command.config_file()); !config) return command.fail(config.error());
  json::object arguments;
  if (!since.empty()) arguments["since"] = since;
  const auto answer = command.ask("policy.check", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  command.say(flag_at(answer.result, "changes")
                  ? "a reload would change what is filtered: " + counted_at(answer.result, "rules", "rule") +
                        " instead of " + count_at(answer.result, "rules_before")
                  : std::string("a reload would change nothing of what is filtered"));
  for (const char* key : {"lists", "policies", "groups"}) tell_definitions(command, answer.result, key);
  tell_foresight(command, answer.result);
  tell_lint(command, answer.result);
  return ExitCode::done;
}

}  // namespace

void add_check(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("check", "read the configuration and its drop-ins, and say what is wrong");
  auto keys = std::make_shared<bool>(false);
  CLI::Option* list_keys = verb->add_flag("--keys", *keys, "list every key with its default and its meaning instead");
  auto policy = std::make_shared<bool>(false);
  auto since = std::make_shared<std::string>();
  CLI::Option* of_policy =
      verb->add_flag("--policy", *policy, "what a reload would change of what is filtered, and what is odd in it")
          ->excludes(list_keys);
  verb->add_option("--since", *since, "how far back the log is looked at for it: 7d by default")->needs(of_policy);
  verb->callback([&chosen, keys, policy, since] {
    chosen = [keys, policy, since](Command& command) {
      if (*policy) return check_policy(command, *since);
      return *keys ? show_keys(command) : check(command);
    };
  });
}

}  // namespace weir::cli
