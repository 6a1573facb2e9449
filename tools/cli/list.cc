// weir list: what is filtered.
#include <CLI/CLI.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <thread>

#include "tools/cli/drop_in.h"
#include "tools/cli/dry_run.h"
#include "tools/cli/list_check.h"
#include "tools/cli/list_table.h"
#include "tools/cli/list_verbs.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "tools/support/toml_text.h"
#include "zones/base/text.h"
#include "zones/config/fields.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

const std::vector<std::string> kKinds = {"block", "allow", "address", "rpz"};
const std::vector<std::string> kMatches = {"auto", "exact", "subtree"};
const std::vector<std::string> kDialects = {"auto",    "hosts",   "domains",   "wildcard", "adblock",
                                            "dnsmasq", "unbound", "addresses", "rpz"};

struct AddOptions {
  std::string name, source;
  std::string zone, tsig_key, tls_name, tls_ca;  // instead of a source
  std::vector<std::string> primaries;
  bool tls = false;
  std::vector<std::string> policies = {"default"};
  std::string kind, match, dialect, every, mode, exceptions, category, key;
  int rank = 0;
  std::optional<unsigned> in_use;
};

// Another update of the same list (the schedule's, say) may be under way: its end is waited for.
Command::Answer update_list(Command& command, const std::string& verb, const json::object& arguments,
                            const ControlClient::Progress& progress = {}) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  constexpr int kAttempts = 600;
  for (int attempt = 1;; ++attempt) {
    ProgressBar bar(command.err());
    auto answer = command.try_ask(verb, arguments, [&](std::string_view text) {
      if (progress && progress(text) == Continue::no) return Continue::no;
      if (command.shows_progress()) bar.show(text);
      return Continue::yes;
    });
    if (answer || answer.error.code != ErrorCode::busy || attempt == kAttempts) return answer;
    std::this_thread::sleep_for(kPause);
  }
}

void tell_notes(Command& command, const json::value& result) {
  for (const auto& note : array_at(result, "notes")) {
    if (note.is_string()) command.say("note: " + std::string(note.get_string()));
  }
}

// The reload may have imported a new list already, so `changed` says nothing of what the caller has done.
void tell_added(Command& command, const json::value& result) {
  command.say(text_at(result, "name") + ": " + counted_at(result, "rules", "rule") + " imported from " +
              counted_at(result, "lines", "line") + " (generation " + text_at(result, "generation") + ")");
  tell_notes(command, result);
}

void tell_update(Command& command, const json::value& result) {
  const std::string name = text_at(result, "name");
  const std::string rules = counted_at(result, "rules", "rule");
  if (flag_at(result, "changed")) {
    command.say(name + ": " + rules + " from " + counted_at(result, "lines", "line") + "; " +
                count_at(result, "added") + " added, " + count_at(result, "removed") + " removed; import " +
                text_at(result, "import") + ", generation " + text_at(result, "generation"));
  } else {
    command.say(name + ": not changed, " + rules + "; generation " + text_at(result, "generation"));
    if (const std::string about = about_rolled_back(result); !about.empty()) command.say(name + ": " + about);
  }
  tell_notes(command, result);
}

ExitCode update(Command& command, const std::string& name) {
  const auto answer = update_list(command, "list.update", {{"name", name}});
  if (!answer) return command.fail(answer.error, answer.failure);
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    tell_update(command, answer.result);
  }
  return ExitCode::done;
}

ExitCode approve(Command& command, const std::string& name, const std::string& reason) {
  json::object arguments{{"name", name}};
  if (!reason.empty()) arguments["reason"] = reason;
  const auto answer = update_list(command, "list.approve", arguments);
  if (!answer) return command.fail(answer.error, answer.failure);
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    tell_update(command, answer.result);
  }
  return ExitCode::done;
}

// A relative path means the caller's folder, not that of the drop-in.
std::string from_here(const std::string& source) {
  std::error_code code;
  if (source.find("://") != std::string::npos) return source;
  return std::filesystem::absolute(source, code).lexically_normal().string();
}

TomlKeys keys_of(const AddOptions& options) {
  TomlKeys keys = {{"name", toml_string(options.name)}};
  if (options.zone.empty()) {
    keys.emplace_back("source", toml_string(from_here(options.source)));
  } else {
    keys.emplace_back("zone", toml_string(options.zone));
    keys.emplace_back("primaries", toml_array(options.primaries));
    if (!options.tsig_key.empty()) keys.emplace_back("tsig_key", toml_string(options.tsig_key));
    if (options.tls) keys.emplace_back("tls", "true");
    if (!options.tls_name.empty()) keys.emplace_back("tls_name", toml_string(options.tls_name));
    if (!options.tls_ca.empty()) keys.emplace_back("tls_ca", toml_string(from_here(options.tls_ca)));
  }
  const std::pair<const char*, const std::string*> texts[] = {
      {"kind", &options.kind},         {"match", &options.match}, {"dialect", &options.dialect},
      {"every", &options.every},       {"mode", &options.mode},   {"exceptions", &options.exceptions},
      {"category", &options.category}, {"key", &options.key}};
  for (const auto& [key, value] : texts) {
    if (!value->empty()) keys.emplace_back(key, toml_string(*value));
  }
  if (options.rank != 0) keys.emplace_back("rank", std::to_string(options.rank));
  if (options.in_use) keys.emplace_back("in_use", std::to_string(*options.in_use));
  keys.emplace_back("policies", toml_array(options.policies));
  return keys;
}

// A first version that a guard holds waits for its approval, so the list stays; any other one that could not be
// imported leaves everything as it was.
ExitCode undo_add(Command& command, const std::string& name, const Command::Answer& updated) {
  const auto shown = command.try_ask("list.show", {{"name", name}});
  const json::array& lists = array_at(shown.result, "lists");
  if (shown && !lists.empty() && text_at(lists[0], "state") == "held") {
    return command.fail({updated.error.code, "the list \"" + name + "\" is defined in " +
                                                 drop_in_of(command.config_file(), name).string() +
                                                 ", and waits: " + updated.error.message},
                        updated.failure);
  }
  std::string message = updated.error.message;
  const auto taken_back = remove_drop_in(command.config_file(), name);
  const auto reloaded =
      taken_back ? command.try_ask("reload", {{"reason", "list add " + name + " taken back"}}) : Command::Answer{};
  if (!taken_back) {
    message += "; the list \"" + name + "\" is defined nevertheless: " + taken_back.error().message;
  } else if (!reloaded) {
    message += "; its drop-in is gone, and 'weir reload' must be run: " + reloaded.error.message;
  } else {
    message += "; nothing was changed";
  }
  return command.fail({updated.error.code, message}, updated.failure);
}

ExitCode add(Command& command, const AddOptions& options) {
  if (auto good = check_config_name(options.name); !good) return command.fail(good.error());
  auto config = add_drop_in(command.config_file(), options.name, keys_of(options));
  if (!config) return command.fail(config.error());
  const auto file = drop_in_of(command.config_file(), options.name);
  const auto reloaded = command.try_ask("reload", {{"reason", "list add " + options.name}});
  if (!reloaded) {
    if (reloaded.failure == ExitCode::unreachable) {
      command.say("defined in " + file.string());
      return command.fail({reloaded.error.code, reloaded.error.message + "; the list is fetched when it starts"},
                          reloaded.failure);
    }
    const auto taken_back = remove_drop_in(command.config_file(), options.name);
    return command.fail(
        {reloaded.error.code,
         reloaded.error.message + (taken_back ? "; nothing was changed" : "; " + taken_back.error().message)},
        reloaded.failure);
  }
  const auto updated = update_list(command, "list.update", {{"name", options.name}});
  if (!updated) return undo_add(command, options.name, updated);
  command.say("defined in " + file.string());  // not before it is known to stay
  if (command.is_json()) {
    json::value result = updated.result;
    if (result.is_object()) result.get_object()["file"] = file.string();
    command.print(result);
  } else {
    tell_added(command, updated.result);
  }
  return ExitCode::done;
}

ExitCode remove(Command& command, const std::string& name) {
  if (auto good = check_config_name(name); !good) return command.fail(good.error());
  auto config = remove_drop_in(command.config_file(), name);
  if (!config) return command.fail(config.error());
  const auto answer = command.ask("reload", {{"reason", "list remove " + name}});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    command.say("removed " + name + in_force(answer.result));
  }
  return ExitCode::done;
}

// Why the newest version is not in force.
void tell_held(Command& command, const json::value& list) {
  const json::value* held = object_at(list, "held");
  if (held == nullptr) return;
  command.say("a newer version is held since " + text_at(*held, "since") + "; 'weir list approve " +
              text_at(list, "name") + "' lets it through (SHA-256 " + text_at(*held, "sha256") + ")");
  tell_findings(command, array_at(*held, "why"));
}

// One line of what there is to say of a list; nothing where there is nothing.
void show_member(Command& command, const json::value& list, std::string_view key) {
  std::string title(key);
  std::string text;
  if (key == "notes") return tell_notes(command, list);
  if (key == "held") return tell_held(command, list);
  if (key == "rolled_back") {
    if (const std::string about = about_rolled_back(list); !about.empty()) command.say(about);
    return;
  }
  if (key == "stale") {
    if (const std::string about = about_stale(list); !about.empty()) command.say(about);
    return;
  }
  if (key == "buckets") {
    title = "lines by kind";
    if (const json::value* buckets = object_at(list, key)) {
      for (const auto& [bucket, count] : buckets->get_object()) {
        if (number_at(*buckets, bucket) == 0) continue;
        text += (text.empty() ? "" : ", ") + std::string(bucket) + " " + count_at(*buckets, bucket);
      }
    }
  } else if (key == "rules" || key == "lines") {
    text = count_at(list, key);
  } else if (key == "age_seconds") {
    title = "age";
    text = show_age(list);
  } else if (key == "history") {
    text = counted_at(list, key, "import");
  } else {
    text = text_at(list, key);
    if (const auto time = parse_duration(text); key == "every" && time) text = config::show_duration(time->count());
  }
  if (!text.empty()) command.say(title + ": " + text);
}

ExitCode show(Command& command, const std::string& name) {
  json::object arguments;
  if (!name.empty()) arguments["name"] = name;
  const auto answer = command.ask("list.show", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  const json::array& lists = array_at(answer.result, "lists");
  if (!name.empty() && lists.size() == 1 && lists[0].is_object()) {
    for (const auto& [key, value] : lists[0].get_object()) show_member(command, lists[0], key);
    return ExitCode::done;
  }
  const Table table = table_of_lists(answer.result);
  if (table.empty()) {
    command.say("no lists; 'weir list add NAME SOURCE' defines one");
  } else {
    table.print(command.out());
    tell_of_lists(command, answer.result);
  }
  return ExitCode::done;
}

ExitCode history(Command& command, const std::string& name) {
  const auto answer = command.ask("list.history", {{"name", name}});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"IMPORT", Align::right},
               {"TIME"},
               {"RULES", Align::right},
               {"ADDED", Align::right},
               {"REMOVED", Align::right},
               {"GENERATION", Align::right},
               {"WHO"},
               {"SHA-256"},
               {"SOURCE"},
               {"NOTE"}});
  for (const auto& import : array_at(answer.result, "imports")) {
    table.add({text_at(import, "import"), text_at(import, "time"), count_at(import, "rules"), count_at(import, "added"),
               count_at(import, "removed"), text_at(import, "generation"), text_at(import, "who"),
               text_at(import, "sha256").substr(0, 16), text_at(import, "source"), text_at(import, "note")});
  }
  if (table.empty()) {
    command.say(name + " was never imported");
  } else {
    table.print(command.out());
  }
  return ExitCode::done;
}

ExitCode rollback(Command& command, const std::string& name, std::uint64_t import, const std::string& reason) {
  json::object arguments{{"name", name}, {"import", import}};
  if (!reason.empty()) arguments["reason"] = reason;
  const auto answer = command.ask("list.rollback", arguments);
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    const bool changed = flag_at(answer.result, "changed");
    command.say(name + (changed ? " holds again" : " holds already") + " what import " + std::to_string(import) +
                " brought" + (changed ? "" : "; nothing was changed") + in_force(answer.result));
    if (const std::string about = about_rolled_back(answer.result); !about.empty()) command.say(name + ": " + about);
  }
  return ExitCode::done;
}

void add_add(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<AddOptions>();
  CLI::App* verb = family.add_subcommand("add", "define a list in a drop-in file, and import it");
  verb->add_option("NAME", options->name, "what to call it")->required();
  verb->add_option("SOURCE", options->source, "https or http URL, or a file");
  CLI::Option* zone = verb->add_option("--zone", options->zone, "instead: a response policy zone, by transfer");
  verb->add_option("--primary", options->primaries, "who has the zone; may be given several times")
      ->take_all()
      ->expected(1)
      ->needs(zone);
  verb->add_option("--tsig-key", options->tsig_key, "the [[tsig_key]] that its transfers are signed with")->needs(zone);
  CLI::Option* tls = verb->add_flag("--tls", options->tls, "its primaries are asked over TLS")->needs(zone);
  verb->add_option("--tls-name", options->tls_name, "what their certificate is for: by default their address")
      ->needs(tls);
  verb->add_option("--tls-ca", options->tls_ca, "who may have signed it (PEM): by default the system's")->needs(tls);
  verb->add_option("--policy", options->policies, "policy that it belongs to; may be given several times")
      ->take_all()
      ->expected(1)
      ->capture_default_str();
  verb->add_option("--kind", options->kind, "block (default), allow, address, rpz");
  verb->add_option("--match", options->match, "auto (default), exact, subtree: what a bare name means");
  verb->add_option("--dialect", options->dialect,
                   "auto (default), hosts, domains, wildcard, adblock, dnsmasq, unbound, addresses, rpz");
  verb->add_option("--every", options->every, "how often it is fetched: 24h by default");
  verb->add_option("--mode", options->mode, "enforce (default), observe");
  verb->add_option("--exceptions", options->exceptions, "own (default), rank");
  verb->add_option("--category", options->category, "a word of yours");
  verb->add_option("--in-use", options->in_use,
                   "a version that would block names asked for so often is held; 0: none is");
  verb->add_option("--key", options->key, "minisign public key that it must be signed with");
  verb->add_option("--rank", options->rank,
                   "lower ranks decide first; 4 by default, 3 for kind allow, 5 and up for kind rpz")
      ->check(CLI::Range(kMinListRank, kMaxListRank));
  verb->callback([&chosen, options] {
    if (options->source.empty() == options->zone.empty())
      throw CLI::ValidationError("SOURCE", "a list has a SOURCE, or --zone and --primary");
    if (!options->zone.empty() && options->primaries.empty())
      throw CLI::ValidationError("--primary", "a zone needs one at least");
    chosen = [options](Command& command) { return add(command, *options); };
  });
}

// A verb with the name of a list and nothing more.
void add_named(CLI::App& family, const char* verb_name, const char* help, bool required, Action& chosen,
               ExitCode (*run)(Command&, const std::string&)) {
  auto name = std::make_shared<std::string>();
  CLI::App* verb = family.add_subcommand(verb_name, help);
  verb->add_option("NAME", *name, "of the list")->required(required);
  verb->callback([&chosen, name, run] { chosen = [name, run](Command& command) { return run(command, *name); }; });
}

void add_update(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<DryRunOptions>();
  auto dry_run = std::make_shared<bool>(false);
  CLI::App* verb = family.add_subcommand("update", "fetch and import a list now");
  verb->add_option("NAME", options->name, "of the list")->required();
  CLI::Option* dry = verb->add_flag("--dry-run", *dry_run, "show what it would change, and change nothing");
  verb->add_option("--since", options->since, "how far back the log is looked at: 7d by default")->needs(dry);
  verb->add_option("--output", options->output, "file for every rule that would come (+) or go (-)")->needs(dry);
  verb->callback([&chosen, options, dry_run] {
    chosen = [options, dry_run](Command& command) {
      return *dry_run ? show_dry_run(command, *options) : update(command, options->name);
    };
  });
}

void add_diff(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* verb = family.add_subcommand("diff", "what two imports of a list have apart; 1 if anything");
  verb->add_option("NAME", options->name, "of the list")->required();
  verb->add_option("FROM", options->from, "import, as 'weir list history' names it")->required();
  verb->add_option("TO", options->to, "the import that it is compared with")->required();
  verb->add_option("--output", options->output, "file for every rule that came (+) or went (-)");
  verb->callback([&chosen, options] { chosen = [options](Command& command) { return show_diff(command, *options); }; });
}

void add_approve(CLI::App& family, Action& chosen) {
  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  CLI::App* verb = family.add_subcommand("approve", "let the version through that a guard holds");
  verb->add_option("NAME", *name, "of the list")->required();
  verb->add_option("--reason", *reason, "for the audit log");
  verb->callback([&chosen, name, reason] {
    chosen = [name, reason](Command& command) { return approve(command, *name, *reason); };
  });
}

void add_check_file(CLI::App& family, Action& chosen) {
  auto options = std::make_shared<ListCheckOptions>();
  CLI::App* verb = family.add_subcommand("check", "what each line of a list file means; asks no daemon");
  verb->add_option("FILE", options->file, "the list")->required();
  verb->add_option("--kind", options->kind, "block, allow, address, rpz")
      ->capture_default_str()
      ->check(CLI::IsMember(kKinds));
  verb->add_option("--match", options->match, "auto, exact, subtree")
      ->capture_default_str()
      ->check(CLI::IsMember(kMatches));
  verb->add_option("--dialect", options->dialect, "how its lines are written")
      ->capture_default_str()
      ->check(CLI::IsMember(kDialects));
  verb->add_flag("--rewrites", options->rewrites, "trust its addresses as answers");
  verb->add_flag("--private", options->private_addresses, "take private and loopback addresses");
  verb->add_flag("--all", options->all, "show every line that is skipped, not the first of each kind");
  verb->callback(
      [&chosen, options] { chosen = [options](Command& command) { return check_list_file(command, *options); }; });
}

}  // namespace

void add_list_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("list", "sources of rules");
  family->require_subcommand(1);
  add_add(*family, chosen);
  add_named(*family, "remove", "delete the drop-in of a list", true, chosen, remove);
  add_update(*family, chosen);
  add_approve(*family, chosen);
  add_named(*family, "show", "all lists, or everything about one", false, chosen, show);
  add_check_file(*family, chosen);
  add_named(*family, "history", "every import of a list", true, chosen, history);
  add_diff(*family, chosen);
  add_list_report_verbs(*family, chosen);
  auto name = std::make_shared<std::string>();
  auto import = std::make_shared<std::uint64_t>(0);
  CLI::App* verb = family->add_subcommand("rollback", "what an earlier import brought, in force at once");
  verb->add_option("NAME", *name, "of the list")->required();
  verb->add_option("IMPORT", *import, "as 'weir list history' names it")->required();
  auto reason = std::make_shared<std::string>();
  verb->add_option("--reason", *reason, "for the audit log");
  verb->callback([&chosen, name, import, reason] {
    chosen = [name, import, reason](Command& command) { return rollback(command, *name, *import, *reason); };
  });
}

}  // namespace weir::cli
