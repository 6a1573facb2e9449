// Another policy beside the one in force: what is counted of the queries that pass, on each way that an answer takes.
#include "resolver/server/what_if.h"

#include <gtest/gtest.h>

#include "tests/resolver/server/virtual_worker.h"

namespace weir::test::what_if_test {
namespace {

using Kind = VirtualWorker::Behaviour::Kind;

constexpr ListId kAds = kFirstDefinedList;
constexpr ListId kStrict{kFirstDefinedList.value + 1};

// Policies beside "default", which has the list ads: "strict" (the list strict), "open" (none), "deny".
std::unique_ptr<HandMadeGeneration> make_rules(std::uint64_t number = 2) {
  auto out = std::make_unique<HandMadeGeneration>(number, number);
  ListDefinition strict;
  strict.id = kStrict;
  strict.name = "strict";
  out->set.lists.push_back(strict);
  for (const char* name : {"strict", "open", "deny"}) {
    Policy policy;
    policy.name = name;
    if (policy.name == "strict") policy.lists = {kStrict};
    if (policy.name == "deny") policy.default_action = DefaultAction::deny;
    out->set.policies.push_back(policy);
  }
  out->block("ads.test").block("tracker.test", Action::block, {}, kStrict).block("both.test");
  out->block("both.test", Action::block, {}, kStrict);
  return out;
}

std::shared_ptr<WhatIfCounts> counts_for(const char* policy, std::vector<std::string> groups = {}) {
  return std::make_shared<WhatIfCounts>(std::make_shared<const WhatIfPlan>(WhatIfPlan{policy, std::move(groups)}));
}

struct World {
  VirtualWorker worker;
  World() {
    worker.server["www.test"] = {};
    worker.server["ads.test"] = {};
    worker.server["both.test"] = {};
    worker.server["tracker.test"] = {};
    worker.server["cloaked.test"] = {Kind::alias, "tracker.test"};
    worker.install(make_rules());
  }
  void compare_with(const char* policy, std::vector<std::string> groups = {}) {
    worker.policy->exchange_what_if(counts_for(policy, std::move(groups)));
  }
  std::shared_ptr<WhatIfCounts> counted() { return worker.policy->exchange_what_if(nullptr); }
};

struct Expected {
  std::uint64_t queries, blocked_now, would_be, newly_blocked, newly_allowed, by_name_alone;
};

void expect(const WhatIfTally& tally, const Expected& expected, const std::string& what) {
  EXPECT_EQ(tally.queries, expected.queries) << what;
  EXPECT_EQ(tally.blocked_now, expected.blocked_now) << what;
  EXPECT_EQ(tally.would_be_blocked, expected.would_be) << what;
  EXPECT_EQ(tally.turned[0], expected.newly_blocked) << what;
  EXPECT_EQ(tally.turned[1], expected.newly_allowed) << what;
  EXPECT_EQ(tally.allowed_by_name_alone, expected.by_name_alone) << what;
}

TEST(WhatIf, CountsEachQueryOnceOnEachWay) {
  const struct {
    const char* policy;
    const char* name;
    Expected first;   // resolved, or blocked before
    Expected second;  // and once more, from the cache where there is an answer
    std::optional<ListId> decisive;
  } kRows[] = {
      {"strict", "www.test", {1, 0, 0, 0, 0, 0}, {2, 0, 0, 0, 0, 0}, {}},
      {"strict", "tracker.test", {1, 0, 1, 1, 0, 0}, {2, 0, 2, 2, 0, 0}, kStrict},
      {"strict", "cloaked.test", {1, 0, 1, 1, 0, 0}, {2, 0, 2, 2, 0, 0}, kStrict},
      {"strict", "both.test", {1, 1, 1, 0, 0, 0}, {2, 2, 2, 0, 0, 0}, {}},
      {"strict", "ads.test", {1, 1, 0, 0, 1, 1}, {2, 2, 0, 0, 2, 2}, kAds},
      {"open", "ads.test", {1, 1, 0, 0, 1, 1}, {2, 2, 0, 0, 2, 2}, kAds},
      // A cached answer without any match is decided on all the same.
      {"deny", "www.test", {1, 0, 1, 1, 0, 0}, {2, 0, 2, 2, 0, 0}, kWhatIfDefault},
      {"deny", "gone.test", {1, 0, 1, 1, 0, 0}, {2, 0, 2, 2, 0, 0}, kWhatIfDefault},
      {"no such policy", "ads.test", {0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0}, {}},
  };
  for (const auto& row : kRows) {
    const std::string what = std::string(row.policy) + ", " + row.name;
    World world;
    const auto before = World().worker.ask({.name = row.name});
    world.compare_with(row.policy);
    EXPECT_EQ(world.worker.ask({.name = row.name}), before) << "nothing is answered otherwise: " << what;
    auto first = world.counted();
    expect(first->tally(), row.first, what);
    world.worker.policy->exchange_what_if(std::move(first));
    world.worker.ask({.name = row.name});
    const auto second = world.counted();
    expect(second->tally(), row.second, what);
    ASSERT_EQ(second->names().size(), row.decisive ? 1U : 0U) << what;
    if (!row.decisive) continue;
    const WhatIfName& name = second->names().front();
    EXPECT_EQ(name.list, *row.decisive) << what;
    EXPECT_EQ(name.queries, 2U) << what;
    EXPECT_EQ(name.name.to_text(), row.name) << what;
    const auto list = std::ranges::find(second->lists(), *row.decisive, &WhatIfCounts::ListRow::list);
    ASSERT_NE(list, second->lists().end()) << what;
    EXPECT_EQ(list->tally.newly_blocked, row.second.newly_blocked) << what;
    EXPECT_EQ(list->tally.newly_allowed, row.second.newly_allowed) << what;
  }
}

TEST(WhatIf, OfANameThatIsBlockedNowTheCachedAnswerIsKnown) {
  World world;
  auto open = make_rules(3);
  open->set.policies[0].lists = {};
  world.worker.install(std::move(open));
  world.worker.ask({.name = "cloaked.test"});  // now it is in the cache
  auto rules = make_rules(4);
  rules->block("cloaked.test");
  world.worker.install(std::move(rules));
  world.compare_with("strict");
  world.worker.ask({.name = "cloaked.test"});
  expect(world.counted()->tally(), {1, 1, 1, 0, 0, 0}, "the alias behind it is one that the other policy blocks");
}

TEST(WhatIf, ConcernsTheGroupsNamedAndFollowsGenerations) {
  World world;
  world.compare_with("strict", {"kids"});
  world.worker.ask({.name = "tracker.test"});
  EXPECT_EQ(world.counted()->tally().queries, 0U) << "the client is in the group default";
  world.compare_with("strict", {"kids", "default"});
  world.worker.ask({.name = "tracker.test"});
  world.worker.install(make_rules(3));
  world.worker.ask({.name = "tracker.test"});
  auto without = make_rules(4);
  std::erase_if(without->set.policies, [](const Policy& policy) { return policy.name == "strict"; });
  world.worker.install(std::move(without));
  world.worker.ask({.name = "tracker.test"});
  auto same = make_rules(5);
  same->set.groups[0].policy = 1;  // the group has it now
  world.worker.install(std::move(same));
  world.worker.ask({.name = "tracker.test"});
  world.worker.install(make_rules(6));
  world.worker.ask({.name = "tracker.test"});
  expect(world.counted()->tally(), {3, 0, 3, 3, 0, 0}, "as long as there is such a policy, and another one in force");
}

TEST(WhatIf, ACandidatesPoliciesAndGroupsReadTheRulesInForce) {
  World world;
  const auto rules = make_rules();
  PolicySet files = rules->set;
  files.policies[0].lists = {};
  files.lists.back().rank = kRankLocal;
  files.groups.push_back({"new", {*Prefix::parse("127.0.0.0/8")}, 1});  // the client's; of policy "strict"
  auto plan = std::make_shared<WhatIfPlan>();
  plan->candidate = std::make_shared<const PolicySet>(files);
  world.worker.policy->exchange_what_if(std::make_shared<WhatIfCounts>(plan));
  for (const char* name : {"www.test", "ads.test", "tracker.test", "cloaked.test", "both.test"})
    world.worker.ask({.name = name});
  expect(world.counted()->tally(), {5, 2, 3, 2, 1, 1}, "ads.test is open, tracker.test and what leads to it is not");
}

TEST(WhatIf, NamesThatNobodyWouldLogAreCountedOnly) {
  const struct {
    Privacy privacy;
    bool log_all;
    bool named;
  } kRows[] = {{Privacy::full, false, true},
               {Privacy::prefix, false, true},
               {Privacy::none, false, false},
               {Privacy::none, true, true}};
  for (const auto& row : kRows) {
    World world;
    auto rules = make_rules(3);
    rules->set.policies[0].privacy = row.privacy;
    rules->set.policies[0].log_all = row.log_all;
    world.worker.install(std::move(rules));
    world.compare_with("strict");
    world.worker.ask({.name = "tracker.test"});
    world.worker.ask({.name = "ads.test"});
    const auto counted = world.counted();
    ASSERT_EQ(counted->names().size(), 2U);
    EXPECT_EQ(counted->names()[0].named, row.named);
    EXPECT_EQ(counted->names()[0].name.is_root(), !row.named);
    EXPECT_TRUE(counted->names()[1].named) << "what is blocked now is in the log";
  }
}

TEST(WhatIf, TablesAreBoundedAndAddUp) {
  const Name name = name_of("x.test");
  FilterVerdict passes;
  FilterVerdict blocks;
  blocks.verdict.outcome = Outcome::blocked;
  Match match;
  blocks.winner = &match;
  WhatIfReport report;
  constexpr std::size_t kMore = 100;
  const std::size_t rounds = kMaxWhatIfReportedNames / kMaxWhatIfNames + 1;
  std::uint64_t total = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto counts = counts_for("strict");
    for (std::size_t i = 0; i < kMaxWhatIfNames + kMore; ++i) {
      Query query;
      query.qname = name.wire();
      query.qname_labels = 2;
      query.qname_hash = 1 + round * 1'000'000 + i;
      match.list = static_cast<std::uint32_t>(1000 + i % (2 * kMaxWhatIfLists));
      counts->count(passes, blocks, query, AnswerKnown::yes, NamesKept::yes);
      ++total;
    }
    EXPECT_EQ(counts->names().size(), kMaxWhatIfNames);
    EXPECT_EQ(counts->lists().size(), kMaxWhatIfLists + 1) << "and one for all others";
    EXPECT_EQ(counts->tally().beyond[0], kMore);
    report.add(*counts);
  }
  EXPECT_EQ(report.tally().queries, total);
  EXPECT_EQ(report.tally().turned[0], total);
  EXPECT_EQ(report.names().size(), kMaxWhatIfReportedNames);
  std::uint64_t by_name = report.tally().beyond[0];
  for (const auto& [key, each] : report.names()) by_name += each.queries;
  EXPECT_EQ(by_name, total);
  std::uint64_t by_list = 0;
  for (const auto& [list, tally] : report.lists()) by_list += tally.newly_blocked;
  EXPECT_EQ(by_list, total);
}

}  // namespace
}  // namespace weir::test::what_if_test
