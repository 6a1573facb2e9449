#include "tools/cli/app.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ostream>

#include "tools/cli/verb_tree.h"
#include "tools/cli/verbs.h"
#include "zones/base/text.h"
#include "zones/base/version.h"

namespace weir::cli {
namespace {

// The first word that should be a verb and is none, with where it stands: CLI11 would only say that it did not
// expect it.
struct UnknownVerb {
  std::string word;
  const CLI::App* below = nullptr;
};

std::optional<UnknownVerb> find_unknown_verb(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* at = &app;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto verbs = verbs_of(*at);
    if (verbs.empty()) return std::nullopt;
    const std::string& word = arguments[i];
    if (word == "--config") ++i;
    if (word.starts_with('-') || word == "--config") continue;
    const auto found =
        std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* verb) { return verb->get_name() == word; });
    if (found == verbs.end()) return UnknownVerb{word, at};
    at = *found;
  }
  return std::nullopt;
}

ExitCode refuse_verb(const UnknownVerb& unknown, Streams& streams) {
  std::vector<std::string> names;
  for (const CLI::App* verb : verbs_of(*unknown.below)) names.push_back(verb->get_name());
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view near = nearest(unknown.word, known);
  streams.err << "weir: unknown verb '" << escape_for_display(unknown.word) << "' after '" << path_of(*unknown.below)
              << "'";
  if (!near.empty()) streams.err << "; did you mean '" << near << "'?";
  streams.err << "\nKnown:";
  for (const std::string& name : names) streams.err << ' ' << name;
  streams.err << '\n';
  return ExitCode::usage;
}

const CLI::App& deepest(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : deepest(*chosen.back());
}

// CLI11 names one at a time.
std::string missing_options(const CLI::App& verb) {
  std::string out;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_required() && option->empty()) out += (out.empty() ? "" : ", ") + option->get_name();
  }
  return out;
}

}  // namespace

ExitCode run(std::vector<std::string> arguments, Streams& streams) {
  CLI::App app{"weir: a filtering DNS resolver. Configures it, feeds it lists, and says why it answers as it does.",
               "weir"};
  app.footer(std::string("\n") + describe_exit_codes());
  app.require_subcommand(1);
  app.fallthrough();  // --config and --json may stand anywhere
  std::string config_file = "/etc/weir/weir.toml";
  bool json = false;
  app.add_option("--config", config_file, "the configuration file")->capture_default_str();
  app.add_flag("--json", json, "print JSON instead of text");
  app.set_version_flag("--version", std::string("weir ") + version(), "print the version, and end");

  Action chosen;
  add_check(app, chosen);
  add_daemon_verbs(app, chosen);
  add_resolve(app, chosen);
  add_cache_verbs(app, chosen);
  add_anchor_verbs(app, chosen);
  add_list_verbs(app, chosen);
  add_rule_verbs(app, chosen);
  add_explain(app, chosen);
  add_learn(app, chosen);
  add_overlay_verbs(app, chosen);
  add_what_if_verbs(app, chosen);
  add_generation_verbs(app, chosen);
  add_zone_verbs(app, chosen);
  add_sink_verbs(app, chosen);
  add_log_verbs(app, chosen);
  add_token_verbs(app, chosen);
  add_audit_verbs(app, chosen);
  add_request_verbs(app, chosen);
  add_backup_verbs(app, chosen);
  add_migrate_verbs(app, chosen);
  add_print_verbs(app, chosen);

  if (const auto unknown = find_unknown_verb(app, arguments)) return refuse_verb(*unknown, streams);
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    const CLI::App& asked = deepest(app);
    streams.out << asked.help(asked.get_parent() != nullptr ? path_of(*asked.get_parent()) : std::string());
    return ExitCode::done;
  } catch (const CLI::CallForVersion& asked) {
    streams.out << asked.what() << '\n';
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    const CLI::App& verb = deepest(app);
    const std::string at = path_of(verb);
    std::string what = error.what();
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
      if (const std::string missing = missing_options(verb); missing.find(", ") != std::string::npos)
        what = missing + " are required";
    }
    streams.err << "weir: " << escape_for_display(what) << "\nSee '" << at << " --help'.\n";
    return ExitCode::usage;
  }
  Command command(streams, config_file, json ? Output::json : Output::text);
  try {
    return chosen(command);
  } catch (const std::exception& error) {
    // Memory, or a library's mistake: nothing that a verb could go on from.
    return command.fail({ErrorCode::io, error.what()});
  }
}

}  // namespace weir::cli
