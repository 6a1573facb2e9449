#include "tools/sidecar/rule_text.h"

#include <gtest/gtest.h>

namespace weir::sidecar {
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
    const auto rule = parse_rule(row.text);
    ASSERT_TRUE(rule) << row.text.pattern << ": " << rule.error().message;
    EXPECT_EQ(rule->kind, row.kind) << row.text.pattern;
    EXPECT_EQ(rule->action, row.action) << row.text.pattern;
    EXPECT_EQ(Prefix::parse(row.text.pattern) ? rule->prefix.to_text() : pattern_of(*rule),
              row.kind == PatternKind::address ? rule->prefix.to_text() : row.pattern);
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
        Row{{"192.0.2.1/24", "address", "", false, {}}, ""}, Row{{"example.org", "address", "", false, {}}, ""},
        Row{{"a..b", "", "", false, {}}, ""}, Row{{".", "", "", false, {}}, "every name"},
        Row{{"example.org", "", "address", false, {}}, "go together"},
        Row{{"example.org", "", "block", false, {"10.0.0.1"}}, "go together"},
        Row{{"example.org", "", "cname", false, {}}, "unknown action"}}) {
    const auto rule = parse_rule(row.text);
    ASSERT_FALSE(rule) << row.text.pattern << " " << row.text.action;
    EXPECT_EQ(rule.error().code, ErrorCode::invalid);
    EXPECT_NE(rule.error().message.find(row.said), std::string::npos) << rule.error().message;
  }
}

}  // namespace
}  // namespace weir::sidecar
