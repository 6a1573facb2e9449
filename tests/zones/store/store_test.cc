// Import, publish, match: what goes in comes out.
#include "tests/zones/store/store_fixture.h"

namespace weir::testing::store_test {
namespace {

TEST(Store, FirstPublishWorksWithoutRules) {
  Store store;
  EXPECT_EQ(Generation::read_current_number(store.folder.path()).error().code, ErrorCode::not_found);
  EXPECT_EQ(store.publish().value, 1U);
  const auto generation = store.open();
  EXPECT_EQ(generation->number().value, 1U);
  EXPECT_EQ(generation->rule_count(), 0U);
  EXPECT_EQ(generation->never_loaded(), std::vector<ListId>{store.list("ads")});
  EXPECT_EQ(match(*generation, "www.example.org"), "");
  EXPECT_FALSE(generation->has_address_rules());
}

TEST(Store, MatchesMostSpecificFirst) {
  Store store({"ads", "allow"});
  std::vector<Rule> ads = {rule("example.org", PatternKind::subtree), rule("example.org"),
                           rule("example.org", PatternKind::below, Action::nxdomain), rule("x.y.example.org"),
                           rule(".", PatternKind::subtree, Action::nodata)};
  ads[1].important = true;
  store.import("ads", ads);
  Rule allow = rule("y.example.org", PatternKind::subtree, Action::allow);
  allow.exception = true;
  store.import("allow", {allow});
  store.publish();
  const auto generation = store.open();
  const struct {
    const char* name;
    const char* expected;
  } rows[] = {
      {"example.org", "ads:exact:block:2!/allow ads:subtree:block:2/allow ads:subtree:nodata:0/allow"},
      {"EXAMPLE.org", "ads:exact:block:2!/allow ads:subtree:block:2/allow ads:subtree:nodata:0/allow"},
      {"a.example.org", "ads:subtree:block:2/allow ads:below:nxdomain:2/allow ads:subtree:nodata:0/allow"},
      {"y.example.org",
       "allow:subtree:allow:3@ ads:subtree:block:2/allow ads:below:nxdomain:2/allow ads:subtree:nodata:0/allow"},
      {"x.y.example.org",
       "ads:exact:block:4 allow:subtree:allow:3@ ads:subtree:block:2/allow ads:below:nxdomain:2/allow "
       "ads:subtree:nodata:0/allow"},
      {"org", "ads:subtree:nodata:0/allow"},
      {".", "ads:subtree:nodata:0/allow"},
      {"notexample.org", "ads:subtree:nodata:0/allow"},
  };
  for (const auto& row : rows) EXPECT_EQ(match(*generation, row.name), row.expected) << row.name;
  EXPECT_EQ(generation->rule_count(), 6U);
  EXPECT_EQ(generation->damaged_reads(), 0U);
}

TEST(Store, AStreamThatFailsChangesNothing) {
  Store store({"ads"});
  store.import("ads", {rule("a.test"), rule("b.test")});
  const GenerationNumber number = store.publish();
  const std::vector<Rule> fresh = {rule("b.test"), rule("c.test"), rule("d.test")};
  for (std::size_t fails_at = 0; fails_at <= fresh.size(); ++fails_at) {
    const RuleStream stream = [&, at = std::size_t{0}]() mutable -> Result<std::optional<SourcedRule>> {
      if (at == fails_at) return Error{ErrorCode::timed_out, "the source went away"};
      ++at;
      return std::optional<SourcedRule>({fresh[at - 1], at});
    };
    const auto outcome = store.writer->import(store.list("ads"), stream, {}, {}, at(1));
    ASSERT_FALSE(outcome) << fails_at;
    EXPECT_EQ(outcome.error().code, ErrorCode::timed_out) << fails_at;
    EXPECT_EQ(outcome.error().message, "the source went away") << fails_at;
    EXPECT_EQ(must(store.writer->rule_count(store.list("ads"))), 2U) << fails_at;
    EXPECT_EQ(must(store.writer->rules_of(store.list("ads"), 10)).size(), 2U) << fails_at;
    EXPECT_EQ(must(store.writer->history(store.list("ads"))).size(), 1U) << fails_at;
    EXPECT_EQ(store.publish(), number) << fails_at << ": there was nothing to publish";
    const auto generation = store.open();
    EXPECT_EQ(match(*generation, "a.test"), "ads:exact:block:2") << fails_at;
    EXPECT_EQ(match(*generation, "c.test"), "") << fails_at;
  }
  EXPECT_EQ(store.import("ads", fresh).added, 2U) << "the next whole one is taken";
}

TEST(Store, ImportsReplaceAndCount) {
  Store store;
  ImportOutcome outcome = store.import("ads", {rule("a.test"), rule("b.test"), rule("a.test")});
  EXPECT_EQ(outcome.rules, 2U);
  EXPECT_EQ(outcome.added, 2U);
  store.publish();
  outcome = store.import("ads", {rule("b.test"), rule("c.test")});
  EXPECT_EQ(outcome.rules, 2U);
  EXPECT_EQ(outcome.added, 1U);
  EXPECT_EQ(outcome.removed, 1U);
  EXPECT_EQ(outcome.unchanged, 1U);
  const auto before = store.open();
  store.publish();
  const auto after = store.open();
  EXPECT_EQ(match(*before, "a.test"), "ads:exact:block:2");
  EXPECT_EQ(match(*after, "a.test"), "");
  EXPECT_EQ(match(*after, "c.test"), "ads:exact:block:2");
  EXPECT_GT(after->names_epoch(), before->names_epoch());
}

TEST(Store, ALargeImportGoesTheOtherWay) {
  Store store({"ads", "more"});
  std::vector<Rule> rules{rule(".", PatternKind::subtree, Action::allow), rule("com")};
  for (int i = 0; i < 30'000; ++i) rules.push_back(rule("host" + std::to_string(i) + ".example.com"));
  store.import("ads", rules);
  store.import("more", {rule("example.com", PatternKind::subtree, Action::allow)});
  store.publish();
  EXPECT_EQ(match(*store.open(), "host29999.example.com"),
            "ads:exact:block:3 more:subtree:allow:2 ads:subtree:allow:0/more");
  rules.resize(2);
  const ImportOutcome outcome = store.import("ads", rules);
  EXPECT_EQ(outcome.removed, 30'000U);
  store.publish();
  const auto generation = store.open();
  EXPECT_EQ(match(*generation, "host29999.example.com"), "more:subtree:allow:2 ads:subtree:allow:0/more");
  EXPECT_EQ(shared_labels(*generation, "host29999.example.com"), 2);
  EXPECT_EQ(match(*generation, "com"), "ads:exact:block:1/more ads:subtree:allow:0/more");
}

}  // namespace
}  // namespace weir::testing::store_test
