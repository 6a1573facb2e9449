#include "tools/sidecar/rule_text.h"

#include <algorithm>
#include <array>
#include <optional>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"
#include "zones/lists/rewrite.h"

namespace weir::sidecar {
namespace {

constexpr std::array kKinds = {PatternKind::exact,   PatternKind::subtree, PatternKind::below,
                               PatternKind::address, PatternKind::glob,    PatternKind::regex};
constexpr std::array kActions = {Action::allow,   Action::block,   Action::null,  Action::nxdomain,
                                 Action::nodata,  Action::refused, Action::drop,  Action::truncate,
                                 Action::address, Action::cname,   Action::answer};

template <class Value, std::size_t size>
Result<Value> choose(std::string_view text, const std::array<Value, size>& values, std::string_view what) {
  std::array<std::string_view, size> names;
  std::string all;
  for (std::size_t i = 0; i < size; ++i) {
    names[i] = to_text(values[i]);
    if (names[i] == text) return values[i];
    all += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  const std::string_view near = nearest(text, names);
  return Error{ErrorCode::invalid, "unknown " + std::string(what) + " '" + escape_for_display(text) + "'" +
                                       (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?") +
                                       " (one of " + all + ")"};
}

// A line as lists have it.
Result<Line> read_line(std::string_view text) {
  LineOptions options;
  options.rewrites = true;
  options.own_actions = true;
  options.local = true;
  options.bare_is_subtree = true;
  Line line;
  // Without anchors and modifiers a pattern is the whole name, as names are.
  const bool plain_glob = text.find_first_of("^|$/") == std::string_view::npos && !text.starts_with("@@");
  if (plain_glob) {
    parse_domain_line(text, options, line);
  } else {
    parse_adblock_line(text, options, line);
  }
  if (line.bucket != Bucket::rule) {
    return Error{ErrorCode::invalid, "'" + escape_for_display(text) + "', column " + std::to_string(line.column) +
                                         ": " +
                                         (line.reason.empty() ? "this is no rule" : escape_for_display(line.reason))};
  }
  for (Rule& rule : line.rules) {
    // Between rules of one author an exception is an allow rule; one from rewrites stays what it is.
    if (rule.action == Action::allow && !line.cancels) rule.exception = false;
  }
  return line;
}

Result<Rule> read_address_rule(const RuleText& text) {
  Rule rule;
  rule.kind = PatternKind::address;
  const auto prefix = Prefix::parse(text.pattern);
  if (!prefix) return prefix.error();
  rule.prefix = *prefix;
  return rule;
}

Result<Rule> read_name_rule(const RuleText& text, std::optional<PatternKind> kind) {
  std::string_view name = trim(text.pattern);
  const bool starred = name.starts_with("*.");
  Rule rule;
  rule.kind = kind.value_or(starred ? PatternKind::below : PatternKind::subtree);
  if (Prefix::parse(text.pattern)) {
    return Error{ErrorCode::invalid,
                 "'" + text.pattern + "' is an address; a rule for addresses in answers has the kind 'address'"};
  }
  if (starred) {
    if (rule.kind != PatternKind::below) {
      return Error{ErrorCode::invalid, "'" + escape_for_display(name) + "' means what is below the name (kind " +
                                           "'below'), not '" + std::string(to_text(rule.kind)) + "'"};
    }
    name.remove_prefix(2);
  }
  const auto parsed = parse_typed_name(name);
  if (!parsed) return parsed.error();
  if (parsed->is_root())
    return Error{ErrorCode::invalid, "a rule for the root would cover every name: set the policy's default instead"};
  rule.name = *parsed;
  return rule;
}

Result<std::vector<Rule>> read_patterns(const RuleText& text) {
  std::optional<PatternKind> kind;
  if (!text.kind.empty()) {
    const auto chosen = choose(text.kind, kKinds, "kind");
    if (!chosen) return chosen.error();
    kind = *chosen;
  }
  const std::string_view pattern = trim(text.pattern);
  if (is_list_line(pattern)) {
    auto line = read_line(pattern);
    if (!line) return line.error();
    if (line->cancels)
      return Error{ErrorCode::invalid, "$badfilter disables rules of lists: only 'weir rule add' and 'remove' take it"};
    if (kind && line->rules.front().kind != *kind) {
      return Error{ErrorCode::invalid, "'" + escape_for_display(pattern) + "' is of the kind '" +
                                           std::string(to_text(line->rules.front().kind)) + "', not '" + text.kind +
                                           "'"};
    }
    return std::move(line->rules);
  }
  if (kind == PatternKind::glob || kind == PatternKind::regex)
    return Error{ErrorCode::invalid, "a glob has a * in it, a regular expression stands between slashes"};
  const bool is_address = kind ? *kind == PatternKind::address : Prefix::parse(text.pattern).has_value();
  auto rule = is_address ? read_address_rule(text) : read_name_rule(text, kind);
  if (!rule) return rule.error();
  return std::vector<Rule>{std::move(*rule)};
}

// "TXT hello" -> a record.
Result<AnswerData> read_answer(std::string_view text) {
  text = trim(text);
  const auto space = std::min(text.find_first_of(" \t"), text.size());
  const auto type = parse_record_type(text.substr(0, space));
  if (!type || space == text.size())
    return Error{ErrorCode::invalid, "'" + escape_for_display(text) + "' is no answer such as \"TXT hello\""};
  return read_answer_data(*type, trim(text.substr(space)), kRewriteTtl);
}

// What the rule answers with, as far as it is said beside the pattern.
Result<void> read_detail(const RuleText& text, RuleDetail& detail) {
  for (const std::string& address : text.addresses) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed) return parsed.error();
    detail.addresses.push_back(*parsed);
  }
  if (!text.target.empty()) {
    const auto target = parse_typed_name(text.target);
    if (!target) return target.error();
    detail.target = *target;
  }
  for (const std::string& answer : text.answers) {
    auto record = read_answer(answer);
    if (!record) return record.error();
    detail.records.push_back(std::move(*record));
  }
  return {};
}

Result<void> read_conditions(const RuleText& text, Conditions& conditions) {
  for (const std::string& client : text.clients) {
    const auto prefix = Prefix::parse(client);
    if (!prefix) return prefix.error();
    conditions.clients.push_back(*prefix);
  }
  conditions.groups.insert(conditions.groups.end(), text.groups.begin(), text.groups.end());
  for (std::string_view type : text.types) {
    const bool excluded = type.starts_with('~');
    if (excluded) type.remove_prefix(1);
    const auto parsed = parse_record_type(type);
    if (!parsed) return Error{ErrorCode::invalid, "'" + escape_for_display(type) + "' is no record type"};
    if (!conditions.types.empty() && conditions.types_excluded != excluded)
      return Error{ErrorCode::invalid, "types and excluded types in one rule"};
    conditions.types_excluded = excluded;
    conditions.types.push_back(*parsed);
  }
  const auto sort_unique = [](auto& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
  };
  sort_unique(conditions.clients);
  sort_unique(conditions.groups);
  sort_unique(conditions.types);
  return {};
}

// Whether the action and what it needs are there together.
Result<void> check_action(const Rule& rule) {
  if (rule.exception) return {};  // from rewrites
  if ((rule.action == Action::address) != !rule.detail.addresses.empty())
    return Error{ErrorCode::invalid, "the action 'address' and addresses go together"};
  if ((rule.action == Action::cname) != rule.detail.target.has_value())
    return Error{ErrorCode::invalid, "the action 'cname' and a target go together"};
  if ((rule.action == Action::answer) != !rule.detail.records.empty())
    return Error{ErrorCode::invalid, "the action 'answer' and records go together"};
  return {};
}

}  // namespace

Result<Name> parse_typed_name(std::string_view text) {
  const bool is_ascii = std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
  if (!is_ascii) {
    const ListName name = parse_list_name(text);
    if (name.fault == NameFault::none) return name.name;
    return Error{ErrorCode::invalid, "'" + escape_for_display(text) +
                                         "' is no name: " + std::string(name.why.empty() ? "local" : name.why)};
  }
  const auto name = Name::parse(text);
  if (!name) return name.error();
  return name->folded();
}

Result<std::vector<Rule>> parse_rules(const RuleText& text) {
  auto rules = read_patterns(text);
  if (!rules) return rules.error();
  const auto action = choose(text.action.empty() ? "block" : std::string_view(text.action), kActions, "action");
  if (!action) return action.error();
  for (Rule& rule : *rules) {
    if (!text.action.empty() && rule.action != Action::block && rule.action != *action) {
      return Error{ErrorCode::invalid, "'" + escape_for_display(text.pattern) + "' says '" +
                                           std::string(to_text(rule.action)) + "' itself, not '" + text.action + "'"};
    }
    if (rule.action == Action::block) rule.action = *action;
    rule.important = rule.important || text.important;
    if (auto read = read_detail(text, rule.detail); !read) return read.error();
    if (auto read = read_conditions(text, rule.detail.conditions); !read) return read.error();
    if (auto good = check_action(rule); !good) return good.error();
  }
  return rules;
}

Result<OwnRules> parse_own_rules(const RuleText& text) {
  const std::string_view pattern = trim(text.pattern);
  if (is_list_line(pattern)) {
    auto line = read_line(pattern);
    if (!line) return line.error();
    if (line->cancels) {
      const bool says_more = !text.kind.empty() || !text.action.empty() || text.important || !text.addresses.empty() ||
                             !text.target.empty() || !text.answers.empty() || !text.clients.empty() ||
                             !text.groups.empty() || !text.types.empty();
      if (says_more)
        return Error{ErrorCode::invalid, "'" + escape_for_display(pattern) +
                                             "' names a rule of lists by its own modifiers: no other option goes "
                                             "with it"};
      return OwnRules{std::move(line->rules), true};
    }
  }
  auto rules = parse_rules(text);
  if (!rules) return rules.error();
  return OwnRules{std::move(*rules), false};
}

Result<void> check_groups(const std::vector<std::string>& groups, const PolicySet& policies) {
  constexpr std::size_t kMaxNamed = 20;
  for (const std::string& group : groups) {
    if (policies.find_group(group)) continue;
    std::string known;
    for (std::size_t i = 0; i < policies.groups.size() && i < kMaxNamed; ++i)
      known += (i == 0 ? "\"" : ", \"") + policies.groups[i].name + '"';
    if (policies.groups.size() > kMaxNamed) known += " and more";
    return Error{ErrorCode::not_found, "no group \"" + escape_for_display(group) + "\"; there is " + known};
  }
  return {};
}

Result<void> check_new_rule(const Rule& rule, const PolicySet& policies) {
  const bool is_name =
      rule.kind == PatternKind::exact || rule.kind == PatternKind::subtree || rule.kind == PatternKind::below;
  if (is_name && !rule.name.is_root()) {
    const std::string text = rule.name.to_text();
    // No top-level domain is a number (RFC 3696 section 2), nor one with the length of a prefix behind it.
    const std::string_view last = std::string_view(text).substr(text.rfind('.', text.size() - 2) + 1);
    if (last.find_first_not_of("0123456789/") == std::string_view::npos) {
      return Error{ErrorCode::invalid, "'" + escape_for_display(text) +
                                           "' is neither a name, whose last label is no number, nor an address: "
                                           "expected one such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32"};
    }
  }
  return check_groups(rule.detail.conditions.groups, policies);
}

std::vector<std::string> warnings_of(const Rule& rule) {
  std::vector<std::string> out;
  const bool named = rule.kind == PatternKind::subtree || rule.kind == PatternKind::below;
  if (named && rule.name.label_count() <= 1) {
    out.push_back("'" + rule.name.to_text() + "' is a single label: if it is a top-level domain, the rule covers all " +
                  "that is registered below it");
  }
  if (rule.kind == PatternKind::address && rule.prefix.length == 0)
    out.push_back(rule.prefix.to_text() + " holds every address: every answer with one of that family matches");
  if ((rule.kind == PatternKind::glob || rule.kind == PatternKind::regex) && rule.name.is_root())
    out.emplace_back("the pattern ends in no literal label, so it is tried on every query");
  return out;
}

std::string with_line(const SourcedRule& rule) {
  return describe_pattern(rule.rule) + (rule.line > 0 ? " (line " + std::to_string(rule.line) + ")" : "");
}

std::string pattern_of(const Rule& rule) {
  if (rule.kind == PatternKind::address) return rule.prefix.to_text();
  if (rule.kind == PatternKind::glob) return rule.pattern;
  if (rule.kind == PatternKind::regex) return "/" + rule.pattern + "/";
  return (rule.kind == PatternKind::below ? "*." : "") + rule.name.to_text();
}

}  // namespace weir::sidecar
