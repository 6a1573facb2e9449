#include "tools/sidecar/rule_text.h"

#include <gtest/gtest.h>

namespace weir::sidecar::rule_text_test {
namespace {

TEST(RuleText, ReadsWhatAdministratorsWrite) {
  struct Row {
    RuleText text;
    PatternKind kind;
    Action action;
    const char* pattern;
  };
  for (const Row& row :
       {Row{{"example.org", "", "", false, {}}, PatternKind::subtree, Action::block, "example.org"},
        Row{{"Example.ORG.", "exact", "allow", false, {}}, PatternKind::exact, Action::allow, "example.org"},
        Row{{"*.example.org", "", "nxdomain", false, {}}, PatternKind::below, Action::nxdomain, "*.example.org"},
        Row{{"example.org", "below", "drop", false, {}}, PatternKind::below, Action::drop, "*.example.org"},
        Row{{"192.0.2.0/24", "", "block", false, {}}, PatternKind::address, Action::block, "192.0.2.0/24"},
        Row{{"2001:db8::1", "address", "", false, {}}, PatternKind::address, Action::block, "2001:db8::1/128"},
        Row{{"b\xc3\xbc"
             "cher.example",
             "",
             "",
             false,
             {}},
            PatternKind::subtree,
            Action::block,
            "xn--bcher-kva.example"},
        Row{{"nas.lan", "exact", "address", false, {"10.0.0.9"}}, PatternKind::exact, Action::address, "nas.lan"}}) {
    const auto rules = parse_rules(row.text);
    ASSERT_TRUE(rules) << row.text.pattern << ": " << rules.error().message;
    ASSERT_EQ(rules->size(), 1U);
    const Rule* rule = &rules->front();
    EXPECT_EQ(rule->kind, row.kind) << row.text.pattern;
    EXPECT_EQ(rule->action, row.action) << row.text.pattern;
    EXPECT_EQ(Prefix::parse(row.text.pattern) ? rule->prefix.to_text() : pattern_of(*rule),
              row.kind == PatternKind::address ? rule->prefix.to_text() : row.pattern);
  }
}

// One line as lists have it, or words beside the pattern: what both come to.
TEST(RuleText, ReadsLinesConditionsAndAnswers) {
  const auto shown = [](const RuleText& text) {
    const auto rules = parse_rules(text);
    if (!rules) return rules.error().message;
    std::string out;
    for (const Rule& rule : *rules) {
      out += (out.empty() ? "" : "; ") + std::string(to_text(rule.action)) + (rule.exception ? " lifted " : " ") +
             (rule.important ? "important " : "") + std::string(to_text(rule.kind)) + " " + pattern_of(rule);
      const Conditions& conditions = rule.detail.conditions;
      for (const Prefix& prefix : conditions.clients) out += " for " + prefix.to_text();
      for (const std::string& group : conditions.groups) out += " for " + group;
      for (const RecordType type : conditions.types) out += (conditions.types_excluded ? " ~" : " ") + to_text(type);
      for (const IpAddress& address : rule.detail.addresses) out += " = " + address.to_text();
      if (rule.detail.target) out += " = " + rule.detail.target->to_text();
      for (const AnswerData& record : rule.detail.records) out += " = " + to_text(record.type);
    }
    return out;
  };
  const struct {
    RuleText text;
    const char* expected;
  } rows[] = {
      {{.pattern = "||example.org^"}, "block subtree example.org"},
      {{.pattern = "|example.org^$important"}, "block important exact example.org"},
      {{.pattern = "@@||example.org^"}, "allow subtree example.org"},
      {{.pattern = "@@||example.org^$dnsrewrite"}, "answer lifted subtree example.org"},
      {{.pattern = "||example.org^$dnsrewrite=192.0.2.1,client=192.0.2.0/24,dnstype=A"},
       "address subtree example.org for 192.0.2.0/24 A = 192.0.2.1"},
      {{.pattern = "||example.org^", .action = "nxdomain"}, "nxdomain subtree example.org"},
      {{.pattern = "ads*.example.org"}, "block glob ads*.example.org"},
      {{.pattern = "||ads*.example.org^"}, "block glob ads*.example.org; block glob *.ads*.example.org"},
      {{.pattern = "*ads.example", .kind = "glob", .action = "allow"}, "allow glob *ads.example"},
      {{.pattern = "/^ads[0-9]+\\.example$/"}, "block regex /^ads[0-9]+\\.example$/"},
      {{.pattern = "/ads/", .kind = "regex", .important = true}, "block important regex /ads/"},
      {{.pattern = "example.org", .clients = {"192.0.2.1", "2001:db8::/32"}, .groups = {"kids"}, .types = {"~A"}},
       "block subtree example.org for 192.0.2.1/32 for 2001:db8::/32 for kids ~A"},
      {{.pattern = "example.org", .action = "cname", .target = "B.example."}, "cname subtree example.org = b.example"},
      {{.pattern = "example.org", .action = "answer", .answers = {"TXT hello", "MX 10 mx.example"}},
       "answer subtree example.org = TXT = MX"},
  };
  for (const auto& row : rows) EXPECT_EQ(shown(row.text), row.expected) << row.text.pattern;
}

TEST(RuleText, WarnsOfWhatMayNotBeMeant) {
  const struct {
    RuleText text;
    const char* warning;  // part of it; empty: none
  } rows[] = {
      {{.pattern = "com"}, "a top-level domain"},  {{.pattern = "*.com", .action = "allow"}, "a top-level domain"},
      {{.pattern = "com", .kind = "exact"}, ""},   {{.pattern = "example.org"}, ""},
      {{.pattern = "0.0.0.0/0"}, "every address"}, {{.pattern = "::/0"}, "every address"},
      {{.pattern = "192.0.2.0/24"}, ""},           {{.pattern = "/ads/"}, "on every query"},
      {{.pattern = "/ads\\.example\\.org$/"}, ""},
  };
  for (const auto& row : rows) {
    const auto rules = parse_rules(row.text);
    ASSERT_TRUE(rules) << rules.error().message;
    const auto warnings = warnings_of(rules->front());
    ASSERT_EQ(warnings.size(), *row.warning == '\0' ? 0U : 1U) << row.text.pattern;
    if (warnings.empty()) continue;
    EXPECT_NE(warnings[0].find(row.warning), std::string::npos) << warnings[0];
  }
}

// Once an address with a slip in it became a rule for a name, and a group with one in it a rule for nobody.
TEST(RuleText, WhatANewRuleMayNotSay) {
  const PolicySet policies = PolicySet::with_defaults();
  const struct {
    RuleText text;
    const char* said;  // part of it; empty: it may
  } rows[] = {
      {{.pattern = "300.1.1.1"}, "'300.1.1.1' is neither a name, whose last label is no number, nor an address"},
      {{.pattern = "192.0.2.0/33"}, "expected one such as 192.0.2.1, 192.0.2.0/24"},
      {{.pattern = "1.1.1", .action = "allow"}, "neither a name"},
      {{.pattern = "*.1.1.1"}, "neither a name"},
      {{.pattern = "||300.1.1.1^"}, "neither a name"},
      {{.pattern = "7", .kind = "exact"}, "neither a name"},
      {{.pattern = "192.0.2.1"}, ""},
      {{.pattern = "7.example"}, ""},
      {{.pattern = "1.2.0.192.in-addr.arpa"}, ""},
      {{.pattern = "a1"}, ""},
      {{.pattern = "ads7*"}, ""},
      {{.pattern = "example.org", .groups = {"nobody"}}, "no group \"nobody\"; there is \"default\""},
      {{.pattern = "example.org", .groups = {"default"}}, ""},
  };
  for (const auto& row : rows) {
    const auto rules = parse_rules(row.text);
    ASSERT_TRUE(rules) << rules.error().message;
    const auto good = check_new_rule(rules->front(), policies);
    EXPECT_EQ(good.has_value(), *row.said == '\0') << row.text.pattern;
    if (good) continue;
    EXPECT_NE(good.error().message.find(row.said), std::string::npos) << good.error().message;
  }
}

TEST(RuleText, RefusesWithWhatWasExpected) {
  struct Row {
    RuleText text;
    const char* said;
  };
  for (const Row& row :
       {Row{{"example.org", "", "blok", false, {}}, "did you mean 'block'?"},
        Row{{"example.org", "subtre", "", false, {}}, "did you mean 'subtree'?"},
        Row{{"*.example.org", "exact", "", false, {}}, "below"},
        Row{{"192.0.2.1", "exact", "", false, {}}, "is an address"},
        Row{{"192.0.2.1/24", "address", "", false, {}}, ""},
        Row{{"example.org", "address", "", false, {}}, ""},
        Row{{"a..b", "", "", false, {}}, ""},
        Row{{".", "", "", false, {}}, "every name"},
        Row{{"example.org", "", "address", false, {}}, "go together"},
        Row{{"example.org", "", "block", false, {"10.0.0.1"}}, "go together"},
        Row{{"example.org", "", "cname", false, {}}, "a target go together"},
        Row{{"example.org", "", "answer", false, {}}, "records go together"},
        Row{{"example.org", "glob", "", false, {}}, "has a * in it"},
        Row{{"||example.org^", "exact", "", false, {}}, "is of the kind 'subtree', not 'exact'"},
        Row{{"@@||example.org^", "", "null", false, {}}, "says 'allow' itself, not 'null'"},
        Row{{"||example.org^$badfilter", "", "", false, {}}, "disables rules of lists"},
        Row{{"||example.org^$popup", "", "", false, {}}, "column 16: $popup: means something in a browser only"},
        Row{{"/a(?=b)/", "", "", false, {}}, "column 3: a look-ahead '(?='"},
        Row{{"*^", "", "", false, {}}, "matches every name"},
        Row{{.pattern = "example.org", .clients = {"nobody"}}, ""},
        Row{{.pattern = "example.org", .types = {"A", "~AAAA"}}, "excluded types"},
        Row{{.pattern = "example.org", .types = {"NOSUCH"}}, "no record type"},
        Row{{.pattern = "example.org", .action = "answer", .answers = {"TXT"}}, "no answer such as"},
        Row{{.pattern = "example.org", .action = "answer", .answers = {"MX x"}}, "MX data"}}) {
    const auto rule = parse_rules(row.text);
    ASSERT_FALSE(rule) << row.text.pattern << " " << row.text.action;
    EXPECT_EQ(rule.error().code, ErrorCode::invalid);
    EXPECT_NE(rule.error().message.find(row.said), std::string::npos) << rule.error().message;
  }
}

// SEMANTICS 2 adblock: wider scope only for local rules
TEST(RuleText, ABadfilterNamesTheRuleThatItDisables) {
  const auto own = parse_own_rules({"@@||example.org^$important,badfilter,dnstype=A"});
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_TRUE(own->cancels);
  ASSERT_EQ(own->rules.size(), 1U);
  const Rule& rule = own->rules.front();
  EXPECT_EQ(rule.action, Action::allow);
  EXPECT_TRUE(rule.exception);
  EXPECT_TRUE(rule.important);
  EXPECT_EQ(rule.detail.conditions.types, std::vector<RecordType>{RecordType::a});
  const auto plain = parse_own_rules({"@@||example.org^"});
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_FALSE(plain->cancels);
  EXPECT_FALSE(plain->rules.front().exception);
  RuleText more{"||example.org^$badfilter"};
  more.groups = {"kids"};
  EXPECT_FALSE(parse_own_rules(more));
}

}  // namespace
}  // namespace weir::sidecar::rule_text_test
