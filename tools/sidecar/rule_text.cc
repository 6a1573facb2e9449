#include "tools/sidecar/rule_text.h"

#include <algorithm>
#include <array>
#include <optional>

#include "zones/base/text.h"
#include "zones/lists/name_text.h"

namespace weir::sidecar {
namespace {

constexpr std::array kKinds = {PatternKind::exact, PatternKind::subtree, PatternKind::below, PatternKind::address};
// What needs a target or local data cannot be said in one line of a command.
constexpr std::array kActions = {Action::allow,   Action::block, Action::null,     Action::nxdomain, Action::nodata,
                                 Action::refused, Action::drop,  Action::truncate, Action::address};

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

Result<Rule> parse_rule(const RuleText& text) {
  Rule rule;
  rule.important = text.important;
  const auto prefix = Prefix::parse(text.pattern);
  std::string_view name = trim(text.pattern);
  const bool starred = name.starts_with("*.");
  if (text.kind.empty()) {
    rule.kind = prefix ? PatternKind::address : starred ? PatternKind::below : PatternKind::subtree;
  } else {
    const auto kind = choose(text.kind, kKinds, "kind");
    if (!kind) return kind.error();
    rule.kind = *kind;
  }
  if (rule.kind == PatternKind::address) {
    if (!prefix) return prefix.error();
    rule.prefix = *prefix;
  } else {
    if (prefix) {
      return Error{ErrorCode::invalid,
                   "'" + text.pattern + "' is an address; a rule for addresses in answers has the " + "kind 'address'"};
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
      return Error{ErrorCode::invalid,
                   "a rule for the root would cover every name: set the "
                   "policy's default instead"};
    rule.name = *parsed;
  }
  const auto action = choose(text.action.empty() ? "block" : std::string_view(text.action), kActions, "action");
  if (!action) return action.error();
  rule.action = *action;
  for (const std::string& address : text.addresses) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed) return parsed.error();
    rule.detail.addresses.push_back(*parsed);
  }
  if ((rule.action == Action::address) != !rule.detail.addresses.empty()) {
    return Error{ErrorCode::invalid, "the action 'address' and addresses go together"};
  }
  return rule;
}

std::string pattern_of(const Rule& rule) {
  if (rule.kind == PatternKind::address) return rule.prefix.to_text();
  return (rule.kind == PatternKind::below ? "*." : "") + rule.name.to_text();
}

}  // namespace weir::sidecar
