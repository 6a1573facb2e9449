// A rule as an administrator writes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/rule.h"

namespace weir::sidecar {

struct RuleText {
  std::string pattern;  // "example.org", "*.example.org", "192.0.2.0/24"
  std::string kind;     // "exact", "subtree", "below", "address"; empty: as the pattern looks, names as subtree
  std::string action;   // "block" when empty
  bool important = false;
  std::vector<std::string> addresses;  // for the action "address"
};

// A name as a person types it: also in Unicode (UTS 46). Lower case. Errors: invalid.
Result<Name> parse_typed_name(std::string_view text);

// Errors: invalid, with what was expected.
Result<Rule> parse_rule(const RuleText& text);

// The pattern alone, as parse_rule reads it back together with the kind.
std::string pattern_of(const Rule& rule);

}  // namespace weir::sidecar
