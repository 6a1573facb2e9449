// A rule as an administrator writes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/policy.h"
#include "zones/rule.h"

namespace weir::sidecar {

struct RuleText {
  // "example.org", "*.example.org", "192.0.2.0/24"; or a line as lists have it: "||example.org^$dnstype=A", "@@...",
  // "na*me.example", "/regex/".
  std::string pattern = {};
  std::string kind = {};    // "exact", "subtree", "below", "address"; empty: as the pattern looks, names as subtree
  std::string action = {};  // "block" when empty
  bool important = false;
  std::vector<std::string> addresses = {};  // for the action "address"
  std::string target = {};                  // for the action "cname"
  std::vector<std::string> answers = {};    // for the action "answer": "TXT hello", "MX 10 mx.example"
  std::vector<std::string> clients = {};    // only for these: addresses, prefixes
  std::vector<std::string> groups = {};     // only for these groups of weir.toml
  std::vector<std::string> types = {};      // only for these QTYPEs; "~A" for all but this
};

// A name as a person types it: also in Unicode (UTS 46). Lower case. Errors: invalid.
Result<Name> parse_typed_name(std::string_view text);

// One rule, or two where one line says two. Errors: invalid, with what was expected; also of a line with $badfilter.
Result<std::vector<Rule>> parse_rules(const RuleText& text);

// A line with $badfilter decides nothing: it disables the identical rules of lists (zones/cancelled_rules.h). `rules`
// are those that it disables, as a list of kind block has them.
struct OwnRules {
  std::vector<Rule> rules;
  bool cancels = false;
};
Result<OwnRules> parse_own_rules(const RuleText& text);

// Of a rule that is new: no name ends in a number, so that an address which is none is not taken for a name; and each
// group is one of those that there are. Errors: invalid, not_found.
Result<void> check_new_rule(const Rule& rule, const PolicySet& policies);
Result<void> check_groups(const std::vector<std::string>& groups, const PolicySet& policies);

// What an administrator may not have meant: a rule that covers a top-level domain or every address, a pattern that is
// tried on every query.
std::vector<std::string> warnings_of(const Rule& rule);

// "ads.example and below (line 7)", for samples of rules.
std::string with_line(const SourcedRule& rule);

// The pattern alone, as parse_rules reads it back together with the kind.
std::string pattern_of(const Rule& rule);

}  // namespace weir::sidecar
