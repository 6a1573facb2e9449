// A rule: a pattern and an action, from one line of one list (SEMANTICS sections 1 to 4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

// What a rule is compared with. The numbers stand in the store: never change or reuse one.
enum class PatternKind : std::uint8_t {
  exact = 0,    // this name
  subtree = 1,  // this name and everything below it
  below = 2,    // only what is below it (RPZ's "*.")
  glob = 3,     // `*` crosses labels
  regex = 4,    // RE2, searched in the whole A-label name without the dot
  address = 5,  // a prefix of an address in the answer
  ns_name = 6,
  ns_address = 7,
  client = 8
};

// What a rule asks for. The numbers stand in the store: never change or reuse one.
enum class Action : std::uint8_t {
  allow = 0,
  block = 1,  // as the policy says
  null = 2,
  nxdomain = 3,
  nodata = 4,
  refused = 5,
  drop = 6,
  truncate = 7,  // TC=1 over UDP, the real answer over TCP
  address = 8,   // the rule's addresses
  cname = 9,     // the rule's target (also RPZ's substitution)
  answer = 10    // local data
};

inline bool blocks(Action action) {
  return action != Action::allow;
}
std::string_view to_text(PatternKind kind);  // "subtree"
std::string_view to_text(Action action);     // "nxdomain"

// When a rule applies beyond its pattern; evaluated by decide(), never when the store is searched.
struct Conditions {
  std::vector<RecordType> types;  // $dnstype; empty: all
  bool types_excluded = false;    // the types are those that do not match
  std::vector<Prefix> clients;    // empty: all
  std::vector<std::string> groups;
  std::vector<Name> deny_allow;  // $denyallow: subtrees that the rule does not match
  std::optional<WallTime> not_before;
  std::optional<WallTime> not_after;

  bool empty() const {
    return types.empty() && clients.empty() && groups.empty() && deny_allow.empty() && !not_before && !not_after;
  }
  bool operator==(const Conditions&) const = default;
};

// One record of an answer that a rule gives; its owner is the name that is asked for.
struct AnswerData {
  RecordType type = RecordType::a;
  std::uint32_t ttl_seconds = 0;
  std::vector<std::uint8_t> rdata;  // names in it are not compressed

  auto operator<=>(const AnswerData&) const = default;
};

// What does not fit into a match of a few octets: conditions, and what an answer is made of.
struct RuleDetail {
  Conditions conditions;
  std::vector<IpAddress> addresses;  // Action::address
  std::optional<Name> target;        // Action::cname
  bool target_below = false;         // RPZ's "*.target": the name that is asked for, put below the target
  std::vector<AnswerData> records;   // Action::answer; one rule a line, so an RRset may come from several rules

  bool empty() const { return conditions.empty() && addresses.empty() && !target && records.empty(); }
  bool operator==(const RuleDetail&) const = default;
};

// Of a rule on name servers' names: it means what is below its name (RPZ's "*."), not the name itself.
inline constexpr std::string_view kNameServersBelow = "*";

struct Rule {
  PatternKind kind = PatternKind::exact;
  Name name;            // exact, subtree, below, ns_name; for glob and regex the literal suffix (may be the root)
  std::string pattern;  // glob and regex: the text; ns_name: kNameServersBelow or empty
  Prefix prefix;        // address, ns_address, client
  Action action = Action::block;
  bool important = false;
  // `@@` in a list of kind block: scoped to that list's own blocks unless exceptions = "rank". With another action than
  // allow it lifts only what answers by this action and the same data; with `answer` and no records, all rewrites.
  bool exception = false;
  RuleDetail detail;

  bool operator==(const Rule&) const = default;
};

// One rule with the line that it came from. Lines count from 1; local rules have their serial number.
struct SourcedRule {
  Rule rule;
  std::uint64_t line = 0;
  ImportId import = {};  // where the store gives it
};

// The pattern as a person writes it: "||example.org^" style is not used; "example.org", "*.example.org",
// "example.org and below", "192.0.2.0/24", "/regex/".
std::string describe_pattern(const Rule& rule);

}  // namespace weir
