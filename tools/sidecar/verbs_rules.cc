// rule.add, rule.remove, rule.show: the administrator's own rules.
#include <algorithm>
#include <array>

#include "tools/sidecar/rule_text.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/cancelled_rules.h"
#include "zones/store/history.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxLocalRules = 1'000'000;

Result<OwnRules> read_rules(Call& call) {
  RuleText text;
  text.pattern = call.arguments.required("pattern");
  text.kind = call.arguments.text("kind");
  text.action = call.arguments.text("action");
  text.important = call.arguments.flag("important");
  text.addresses = call.arguments.texts("addresses");
  text.target = call.arguments.text("target");
  text.answers = call.arguments.texts("answers");
  text.clients = call.arguments.texts("clients");
  text.groups = call.arguments.texts("groups");
  text.types = call.arguments.texts("types");
  if (!call.arguments.ok()) return call.arguments.error();
  return parse_own_rules(text);
}

ListId list_of(const OwnRules& own) {
  return own.cancels ? kCancelledRules : kLocalRules;
}

Provenance provenance_of(const Call& call, Now now) {
  Provenance provenance;
  provenance.source = "weir rule";
  provenance.who = call.who;
  provenance.fetched_at = now.wall;
  return provenance;
}

bool same_pattern(const Rule& a, const Rule& b) {
  return a.kind == b.kind && a.name == b.name && a.prefix == b.prefix && a.pattern == b.pattern;
}

bool is_in(const std::vector<Rule>& rules, const Rule& rule) {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

// Adds to `out` every rule of `list` with this pattern that `unwanted` finds.
Result<void> find_rules(const PolicyStore& store, ListId list, const Rule& pattern,
                        const std::function<bool(const Rule&)>& unwanted, std::vector<Rule>& out) {
  const auto rules = store.rules_of(list, kMaxLocalRules);
  if (!rules) return rules.error();
  for (const SourcedRule& known : *rules) {
    if (same_pattern(known.rule, pattern) && unwanted(known.rule) && !is_in(out, known.rule)) out.push_back(known.rule);
  }
  return {};
}

// A rule may apply to the same names or addresses and yet have another kind or action.
Result<std::vector<Rule>> rules_about(PolicyStore& store, const Rule& pattern) {
  const auto rules = store.rules_of(kLocalRules, kMaxLocalRules);
  if (!rules) return rules.error();
  std::vector<Rule> about;
  for (const SourcedRule& known : *rules) {
    if (known.rule.name == pattern.name && known.rule.prefix == pattern.prefix) about.push_back(known.rule);
  }
  return about;
}

struct Changed {
  GenerationNumber generation;
  bool changed = false;
  std::uint64_t replaced = 0;
  std::vector<std::string> warnings = {};
  std::vector<Rule> removed = {};
  std::vector<Rule> others = {};  // of a removal that found nothing: what there is for the same name or prefix
};

void describe_conditions(const Conditions& conditions, json::object& out) {
  const auto add = [&](std::string_view key, const auto& values, const auto& text_of) {
    json::array shown;
    for (const auto& value : values) shown.push_back(json::string(text_of(value)));
    if (!shown.empty()) out[key] = std::move(shown);
  };
  add("clients", conditions.clients, [](const Prefix& prefix) { return prefix.to_text(); });
  add("groups", conditions.groups, [](const std::string& group) { return group; });
  add("types", conditions.types,
      [&](RecordType type) { return (conditions.types_excluded ? "~" : "") + to_text(type); });
  add("denyallow", conditions.deny_allow, [](const Name& name) { return name.to_text(); });
}

json::object describe_rule(const Rule& rule) {
  json::object out;
  put_name(out, "pattern", pattern_of(rule));
  out["kind"] = to_text(rule.kind);
  out["action"] = to_text(rule.action);
  out["important"] = rule.important;
  if (!rule.detail.addresses.empty()) {
    json::array addresses;
    for (const IpAddress& address : rule.detail.addresses) addresses.push_back(json::string(address.to_text()));
    out["addresses"] = std::move(addresses);
  }
  if (rule.detail.target) put_name(out, "target", rule.detail.target->to_text());
  if (rule.exception) out["exception"] = true;
  json::array types;
  for (const AnswerData& record : rule.detail.records) types.push_back(json::string(to_text(record.type)));
  if (!types.empty()) out["answers"] = std::move(types);
  describe_conditions(rule.detail.conditions, out);
  return out;
}

// `what`: "rule add", "rule remove".
Result<Changed> publish(Call& call, PolicyStore& store, const char* what, const OwnRules& own, Now now,
                        Changed changed) {
  const Rule& rule = own.rules.front();
  const GenerationNumber before = store.published();
  const std::string subject = (own.cancels ? "$badfilter of " : "") + describe_pattern(rule);
  const auto number = store.publish(std::string(what) + " " + subject, now);
  if (!number) return number.error();
  changed.generation = *number;
  changed.changed = *number != before;
  if (!changed.changed) return changed;
  const Rule& named = changed.removed.size() == 1 ? changed.removed.front() : rule;
  json::object details{{"action", own.cancels ? "badfilter" : to_text(named.action)}, {"kind", to_text(named.kind)}};
  if (!changed.removed.empty()) {
    json::array gone;
    for (const Rule& each : changed.removed) gone.push_back(describe_rule(each));
    details["removed"] = std::move(gone);
  }
  if (changed.replaced > 0) details["replaced"] = changed.replaced;
  if (auto recorded = record(call, what, subject, std::move(details), *number); !recorded) return recorded.error();
  return changed;
}

json::object reply(Call& call, const Changed& changed) {
  json::object out{{"generation", changed.generation.value}, {"changed", changed.changed}};
  if (changed.replaced > 0) out["replaced"] = changed.replaced;
  if (changed.changed && !changed.removed.empty()) out["removed"] = changed.removed.size();
  if (!changed.warnings.empty()) out["warnings"] = json::value_from(changed.warnings);
  if (!changed.others.empty()) {
    json::array others;
    for (const Rule& rule : changed.others) others.push_back(describe_rule(rule));
    out["others"] = std::move(others);
  }
  tell_resolver(call.services, out);
  return out;
}

// The administrator may block what no list can; he is told that he does.
std::vector<std::string> protected_names_in(const PolicyStore& store, const Rule& rule) {
  const bool is_name =
      rule.kind == PatternKind::exact || rule.kind == PatternKind::subtree || rule.kind == PatternKind::below;
  if (!blocks(rule.action) || !is_name) return {};
  constexpr std::size_t kMaxProtected = 100'000;
  constexpr std::size_t kMaxTold = 3;
  const auto known = store.rules_of(kProtectedNames, kMaxProtected);
  std::vector<std::string> out;
  if (!known) return out;
  for (const SourcedRule& one : *known) {
    const Name& name = one.rule.name;
    const bool below = rule.kind != PatternKind::exact && name.is_at_or_below(rule.name);
    const bool itself = one.rule.kind == PatternKind::subtree ? rule.name.is_at_or_below(name) : rule.name == name;
    if ((below || itself) && out.size() < kMaxTold)
      out.push_back(name.to_text() + " is a protected name: no list can block it, this rule does");
  }
  return out;
}

// Of a $badfilter that finds nothing to disable.
std::vector<std::string> nothing_disabled(Call& call, const OwnRules& own) {
  if (!own.cancels) return {};  // a rule must not wait until this process, too, has opened the generation in force
  const auto generation = call.services.generations.current();
  if (!generation) return {};
  const RulesInForce& rules = **generation;
  for (const ListDefinition& list : rules.policies().lists) {
    if (list.id < kFirstDefinedList) continue;
    for (const Rule& rule : own.rules) {
      if (find_source(rules, list.id, as_in_list(rule, list.kind), rules.number())) return {};
    }
  }
  return {"no list has such a rule now; one that comes to have it finds it disabled"};
}

// What of a $badfilter or a rule is there already, and what it replaces.
Result<void> look_for(const PolicyStore& store, const OwnRules& own, std::vector<Rule>& present,
                      std::vector<Rule>& replaced) {
  for (const Rule& rule : own.rules) {
    // What is said of a name last holds: an earlier rule with the same pattern would otherwise go on
    // beating or being beaten, and nobody would see why. Under other conditions it says something else.
    const auto is_replaced = [&](const Rule& known) {
      return !own.cancels && known.detail.conditions == rule.detail.conditions && known.exception == rule.exception &&
             !is_in(own.rules, known);
    };
    if (auto found = find_rules(store, list_of(own), rule, is_replaced, replaced); !found) return found.error();
    const auto is_same = [&](const Rule& known) { return known == rule; };
    if (auto found = find_rules(store, list_of(own), rule, is_same, present); !found) return found.error();
  }
  return {};
}

}  // namespace

VerbResult add_rule(Call& call) {
  const auto own = read_rules(call);
  if (!own) return own.error();
  std::vector<std::string> warnings = nothing_disabled(call, *own);
  const auto changed = call.services.writer.run<Changed>(Urgency::urgent, [&](PolicyStore& store) -> Result<Changed> {
    const Now now = read_clocks();
    for (const Rule& rule : own->rules) {
      if (auto good = check_new_rule(rule, store.policies()); !good) return good.error();
    }
    std::vector<Rule> replaced;
    std::vector<Rule> present;  // said twice is said once
    if (auto compared = look_for(store, *own, present, replaced); !compared) return compared.error();
    std::vector<Rule> wanted;
    for (const Rule& rule : own->rules) {
      if (!is_in(present, rule)) wanted.push_back(rule);
    }
    if (!replaced.empty() || !wanted.empty()) {
      const auto done = store.change_rules(list_of(*own), replaced, wanted, provenance_of(call, now));
      if (!done) return done.error();
    }
    Changed changed;
    changed.replaced = replaced.size();
    changed.warnings = warnings;
    if (!own->cancels) {
      changed.warnings = warnings_of(own->rules.front());
      for (std::string& warning : protected_names_in(store, own->rules.front()))
        changed.warnings.push_back(std::move(warning));
    }
    return publish(call, store, "rule add", *own, now, std::move(changed));
  });
  if (!changed) return changed.error();
  return reply(call, *changed);
}

VerbResult remove_rule(Call& call) {
  const bool any_action = call.arguments.text("action").empty();
  const bool any_kind = call.arguments.text("kind").empty();
  const auto own = read_rules(call);
  if (!own) return own.error();
  const Rule& rule = own->rules.front();
  const auto changed = call.services.writer.run<Changed>(Urgency::urgent, [&](PolicyStore& store) -> Result<Changed> {
    const Now now = read_clocks();
    std::vector<Rule> gone;
    // Conditions that are given choose among rules with the same pattern, as the action does.
    const auto unwanted = [&](const Rule& known) {
      if (own->cancels) return is_in(own->rules, known);
      const bool by_action = any_action && rule.action == Action::block && !rule.exception;
      return (by_action || (known.action == rule.action && known.exception == rule.exception)) &&
             (rule.detail.conditions.empty() || known.detail.conditions == rule.detail.conditions);
    };
    for (Rule pattern : own->rules) {
      const bool is_bare = !own->cancels && any_kind && pattern.kind == PatternKind::subtree;
      for (const PatternKind kind : {PatternKind::subtree, PatternKind::exact, PatternKind::below}) {
        // Without a kind, `example.org` means the rule that there is for it, whichever kind that has.
        if (is_bare) pattern.kind = kind;
        if (auto found = find_rules(store, list_of(*own), pattern, unwanted, gone); !found) return found.error();
        if (!is_bare) break;
      }
    }
    if (gone.empty()) {
      auto others = rules_about(store, rule);
      if (!others) return others.error();
      Changed nothing;
      nothing.generation = store.published();
      nothing.others = std::move(*others);
      return nothing;
    }
    if (const auto done = store.change_rules(list_of(*own), gone, {}, provenance_of(call, now)); !done) {
      return done.error();
    }
    Changed removal;
    removal.removed = std::move(gone);
    return publish(call, store, "rule remove", *own, now, std::move(removal));
  });
  if (!changed) return changed.error();
  return reply(call, *changed);
}

VerbResult show_rules(Call& call) {
  json::array shown;
  for (const ListId list : {kLocalRules, kCancelledRules}) {
    const auto rules = call.services.writer.records().rules_of(list, kMaxLocalRules);
    if (!rules) return rules.error();
    for (const SourcedRule& known : *rules) {
      json::object rule = describe_rule(known.rule);
      if (list == kCancelledRules) rule["cancels"] = true;  // it decides nothing, and disables this rule of lists
      rule["line"] = known.line;
      shown.push_back(std::move(rule));
    }
  }
  return json::object{{"rules", std::move(shown)}};
}

}  // namespace weir::sidecar
