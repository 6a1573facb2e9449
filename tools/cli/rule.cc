// weir rule: the administrator's own rules, which come before those of every list.
#include "zones/rule.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <ostream>

#include "tools/cli/url.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/prefix.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"
#include "zones/lists/unicode_form.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

struct RuleOptions {
  std::string pattern;
  bool exact = false;
  bool subtree = false;
  bool important = false;
  std::vector<std::string> actions;  // the flags that were given
  std::vector<std::string> addresses;
  std::string target, reason;
  std::vector<std::string> answers;
  std::vector<std::string> clients;
  std::vector<std::string> groups;
  std::vector<std::string> types;

  // How many of the options that say what the rule does were given.
  std::size_t said() const {
    return actions.size() + (addresses.empty() ? 0 : 1) + (target.empty() ? 0 : 1) + (answers.empty() ? 0 : 1);
  }
};

// Those with a flag of their own.
constexpr std::array<std::string_view, 8> kPlainActions = {"allow",  "block",   "null", "nxdomain",
                                                           "nodata", "refused", "drop", "truncate"};

enum class Change : std::uint8_t { add, remove };

json::array array_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

// What the sidecar is asked: {"pattern", "kind", "action", "important", "addresses"} and, where they were given,
// "target", "answers", "clients", "groups", "types". A line as lists have it goes as it is. To remove a rule its
// pattern is enough: kind and action are sent where the caller gave them.
Result<json::object> describe(const RuleOptions& options, Change change) {
  json::object out;
  std::string_view text = options.pattern;
  if (auto url = refuse_url(text)) return std::move(*url);
  const bool looks_like_address = text.find('/') != std::string_view::npos || IpAddress::parse(text).has_value();
  const bool is_line = is_list_line(text);
  if (is_line) {
    if (options.exact || options.subtree)
      return Error{ErrorCode::invalid, "--exact and --subtree are for names; " + options.pattern + " says it itself"};
    out["pattern"] = options.pattern;
  } else if (looks_like_address) {
    auto prefix = Prefix::parse(text);
    if (!prefix) return prefix.error();
    if (options.exact || options.subtree)
      return Error{ErrorCode::invalid, "--exact and --subtree are for names; " + options.pattern + " is an address"};
    out["pattern"] = prefix->to_text();
    out["kind"] = to_text(PatternKind::address);
  } else {
    const bool below = text.starts_with("*.");
    if (below) text.remove_prefix(2);
    if (below && (options.exact || options.subtree))
      return Error{ErrorCode::invalid, "\"*.\" already says below: leave --exact and --subtree away"};
    ListName name = parse_list_name(text);
    if (name.fault == NameFault::local) {
      auto local = Name::parse(text);  // lists may not say "localhost", an administrator may
      if (!local) return local.error();
      name = {NameFault::none, {}, *local};
    }
    if (text.empty() || name.fault != NameFault::none) {
      return Error{ErrorCode::invalid, "\"" + options.pattern +
                                           "\" is neither a name, *.name, an address nor a prefix" +
                                           (name.why.empty() ? std::string() : ": " + std::string(name.why))};
    }
    out["pattern"] = (below ? "*." : "") + name.name.to_text();
    if (change == Change::add || below || options.exact || options.subtree)
      out["kind"] = to_text(below ? PatternKind::below : options.exact ? PatternKind::exact : PatternKind::subtree);
  }
  json::array addresses;
  for (const std::string& address : options.addresses) {
    auto parsed = IpAddress::parse(address);
    if (!parsed) return parsed.error();
    addresses.emplace_back(parsed->to_text());
  }
  const char* fallback = change == Change::add && !is_line ? "block" : "";
  out["action"] = !addresses.empty()         ? "address"
                  : !options.target.empty()  ? "cname"
                  : !options.answers.empty() ? "answer"
                  : options.actions.empty()  ? fallback
                                             : options.actions[0];
  out["important"] = options.important;
  out["addresses"] = std::move(addresses);
  if (!options.target.empty()) out["target"] = options.target;
  if (!options.reason.empty()) out["reason"] = options.reason;
  const std::pair<const char*, const std::vector<std::string>*> lists[] = {{"answers", &options.answers},
                                                                           {"clients", &options.clients},
                                                                           {"groups", &options.groups},
                                                                           {"types", &options.types}};
  for (const auto& [key, texts] : lists) {
    if (!texts->empty()) out[key] = array_of(*texts);
  }
  return out;
}

std::string show(const json::object& rule) {
  const json::value value(rule);
  const std::string pattern = name_at(value, "pattern");
  const std::string kind = text_at(value, "kind");
  const std::string what = kind == "subtree"   ? pattern + " and everything below it"
                           : kind == "exact"   ? pattern + " alone"
                           : kind == "address" ? "answers with an address in " + pattern
                           : kind == "below"   ? "everything below " + with_unicode(text_at(value, "pattern").substr(2))
                                               : pattern;
  const std::string action = text_at(value, "action");
  return (action.empty() ? "" : action + ": ") + what + (flag_at(value, "important") ? " (important)" : "");
}

// The command that removes exactly this rule.
std::string how_to_remove(const json::value& rule) {
  const std::string kind = text_at(rule, "kind");
  const std::string action = text_at(rule, "action");
  std::string out = "weir rule remove '" + text_at(rule, "pattern") + "'";
  if (kind == "exact" || kind == "subtree") out += " --" + kind;
  if (std::find(kPlainActions.begin(), kPlainActions.end(), action) != kPlainActions.end()) out += " --" + action;
  return out;
}

// What went with it, where that is more than who asks may think.
std::string counted(const json::value& result) {
  if (const std::uint64_t replaced = number_at(result, "replaced"); replaced > 0)
    return ", in place of " + (replaced == 1 ? "another rule" : std::to_string(replaced) + " others");
  const std::uint64_t removed = number_at(result, "removed");
  return removed > 1 ? ", " + std::to_string(removed) + " rules" : "";
}

ExitCode apply(Command& command, const RuleOptions& options, Change change) {
  const bool adds = change == Change::add;
  if (options.said() > 1) {
    return command.usage(
        "a rule has one action: give one of --allow, --block, --null, --nxdomain, --nodata, --refused, --drop, "
        "--truncate, --address, --cname, --answer");
  }
  if (options.exact && options.subtree) return command.usage("a rule is either --exact or --subtree");
  auto rule = describe(options, change);
  if (!rule) return command.fail(rule.error());
  const auto answer = command.ask(adds ? "rule.add" : "rule.remove", *rule);
  if (!answer) return answer.failure;
  const bool changed = flag_at(answer.result, "changed");
  if (command.is_json()) {
    command.print(answer.result);
  } else {
    const char* done = adds ? "added " : "removed ";
    const char* vain = adds ? "there already: " : "there is no such rule: ";
    command.say((changed ? done : vain) + show(*rule) + counted(answer.result) +
                (changed ? in_force(answer.result) : ""));
    for (const auto& warning : array_at(answer.result, "warnings")) {
      if (warning.is_string()) command.say("note: " + std::string(warning.get_string()));
    }
    for (const auto& other : array_at(answer.result, "others")) {
      if (other.is_object())
        command.say("there is, however, " + show(other.get_object()) + "; to remove it: " + how_to_remove(other));
    }
  }
  return changed || adds ? ExitCode::done : ExitCode::answer_is_no;
}

// "192.0.2.0/24 kids, A AAAA, not below a.example"
std::string conditions_of(const json::value& rule) {
  std::string out;
  const std::pair<const char*, const char*> kinds[] = {
      {"clients", ""}, {"groups", ""}, {"types", ""}, {"denyallow", "not below "}};
  for (const auto& [key, before] : kinds) {
    const auto& values = array_at(rule, key);
    if (!values.empty() && !out.empty()) out += ", ";
    bool first = true;
    for (const auto& value : values) {
      if (value.is_string()) out += (first ? before : " ") + std::string(value.get_string());
      first = false;
    }
  }
  return out;
}

ExitCode show_rules(Command& command) {
  const auto answer = command.ask("rule.show", {});
  if (!answer) return answer.failure;
  if (command.is_json()) {
    command.print(answer.result);
    return ExitCode::done;
  }
  Table table({{"PATTERN"}, {"KIND"}, {"ACTION"}, {"IMPORTANT"}, {"NUMBER", Align::right}, {"ONLY FOR"}});
  std::vector<json::value> rules(array_at(answer.result, "rules").begin(), array_at(answer.result, "rules").end());
  std::stable_sort(rules.begin(), rules.end(), [](const json::value& a, const json::value& b) {
    return text_at(a, "pattern") < text_at(b, "pattern");
  });
  for (const auto& rule : rules) {
    std::string action = text_at(rule, "action");
    for (const auto& address : array_at(rule, "addresses")) {
      if (address.is_string()) action += " " + std::string(address.get_string());
    }
    if (const std::string target = name_at(rule, "target"); !target.empty()) action += " " + target;
    for (const auto& type : array_at(rule, "answers")) {
      if (type.is_string()) action += " " + std::string(type.get_string());
    }
    if (flag_at(rule, "cancels")) {
      action = "disables lists' " + std::string(flag_at(rule, "exception") ? "@@ " : "") + action;
    } else if (flag_at(rule, "exception")) {
      action = "lifts " + action;
    }
    table.add({name_at(rule, "pattern"), text_at(rule, "kind"), action, flag_at(rule, "important") ? "yes" : "",
               text_at(rule, "line"), conditions_of(rule)});
  }
  if (table.empty()) {
    command.say("no rules of your own; 'weir rule add NAME' makes one");
  } else {
    table.print(command.out());
  }
  return ExitCode::done;
}

void add_change(CLI::App& family, const char* name, Change change, const char* help, Action& chosen) {
  CLI::App* command = family.add_subcommand(name, help);
  auto options = std::make_shared<RuleOptions>();
  command
      ->add_option("PATTERN", options->pattern,
                   "name (and everything below it), *.name (only below it), address or prefix (of an answer), glob "
                   "(na*me.tld), regular expression (/.../), or a line as adblock lists have it (||name^$dnstype=A); "
                   "with $badfilter it disables "
                   "that rule in every list")
      ->required();
  for (const std::string_view action : kPlainActions) {
    const bool is_block = action == "block";
    command->add_flag_callback(
        "--" + std::string(action), [options, action] { options->actions.emplace_back(action); },
        is_block            ? "block as the policy says (the default)"
        : action == "allow" ? std::string("let it through, whatever lists say")
                            : std::string("block, and answer this"));
  }
  command->add_option("--address", options->addresses, "answer with this address; may be given twice")
      ->take_all()
      ->expected(1);
  command->add_option("--reason", options->reason, "for the audit log");
  command->add_option("--cname", options->target, "answer with an alias of this name");
  command->add_option("--answer", options->answers, "answer with this record, such as \"TXT hello\"; may be repeated")
      ->take_all()
      ->expected(1);
  command->add_option("--client", options->clients, "only for this address or prefix; may be repeated")
      ->take_all()
      ->expected(1);
  command->add_option("--group", options->groups, "only for this group; may be repeated")->take_all()->expected(1);
  command->add_option("--type", options->types, "only for this type of question (~A: all others); may be repeated")
      ->take_all()
      ->expected(1);
  command->add_flag("--important", options->important, "goes before rules of yours that are equally specific");
  command->add_flag("--exact", options->exact, "this name alone");
  command->add_flag("--subtree", options->subtree, "this name and everything below it (the default)");
  command->callback([&chosen, options, change] {
    chosen = [options, change](Command& context) { return apply(context, *options, change); };
  });
}

}  // namespace

void add_rule_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand("rule", "your own rules; they come before every list's");
  family->require_subcommand(1);
  add_change(*family, "add", Change::add, "add a rule; in force at once", chosen);
  add_change(*family, "remove", Change::remove,
             "remove the rule with this pattern; with an action or kind, only that one", chosen);
  family->add_subcommand("show", "all of them")->callback([&chosen] { chosen = show_rules; });
}

}  // namespace weir::cli
