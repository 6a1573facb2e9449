#include "zones/built_in_lists.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "zones/policy.h"

namespace weir::built_in_lists_test {
namespace {

bool has(const std::vector<Rule>& rules, std::string_view name, Action action) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const Rule& rule) { return rule.name == *Name::parse(name) && rule.action == action; });
}

// SEMANTICS 3: protected names: own endpoints, the hosts that lists come from, NTP, certificate revocation
TEST(BuiltInLists, ProtectedAndCanaryNames) {
  const auto names = built_in_rules(kProtectedNames);
  for (const char* name : {"pool.ntp.org", "ocsp.digicert.com", "captive.apple.com"})
    EXPECT_TRUE(has(names, name, Action::allow)) << name;
  const auto canaries = built_in_rules(kCanaryNames);
  for (const char* name : {"use-application-dns.net", "mask.icloud.com"})
    EXPECT_TRUE(has(canaries, name, Action::nxdomain)) << name;
  EXPECT_TRUE(built_in_rules(kLocalRules).empty());
}

TEST(BuiltInLists, EveryServiceHasSafeNamesWithATarget) {
  const PolicySet set = PolicySet::with_defaults();
  for (std::uint32_t i = 0; i < kSafeSearchServices.size(); ++i) {
    const ListId list{kFirstSafeSearch.value + i};
    ASSERT_TRUE(is_safe_search(list));
    ASSERT_NE(set.find_list(list), nullptr);
    EXPECT_EQ(set.find_list(list)->name, "safe-search-" + std::string(kSafeSearchServices[i]));
    const auto rules = built_in_rules(list);
    EXPECT_FALSE(rules.empty()) << kSafeSearchServices[i];
    for (const Rule& rule : rules) {
      EXPECT_EQ(rule.action, Action::cname);
      ASSERT_TRUE(rule.detail.target);
      EXPECT_FALSE(*rule.detail.target == rule.name) << "a name that leads to itself";
    }
  }
  EXPECT_TRUE(has(built_in_rules(kFirstSafeSearch), "www.google.co.uk", Action::cname));
  // What no policy asks for is in force nowhere.
  Policy policy;
  EXPECT_FALSE(policy.has_list(kFirstSafeSearch));
  EXPECT_FALSE(policy.has_list(kCanaryNames));
  EXPECT_TRUE(policy.has_list(kProtectedNames));
  policy.safe_search = 1U << 2;
  EXPECT_TRUE(policy.has_list({kFirstSafeSearch.value + 2}));
  EXPECT_FALSE(policy.has_list(kFirstSafeSearch));
}

}  // namespace
}  // namespace weir::built_in_lists_test
