#include "zones/store/known_names.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/zones/store/store_fixture.h"

namespace weir::known_names_test {
namespace {

using store::KnownNames;
using testing::match;
using testing::rule;
using testing::shared_labels;

TEST(KnownNames, NeverSaysNoOfWhatIsThere) {
  KnownNames known;
  constexpr int kNames = 200'000;  // several parts
  const auto key_of = [](int i, const char* tld) {
    return std::string(
        ReversedName(testing::name("h" + std::to_string(i) + ".d" + std::to_string(i % 5000) + tld)).key());
  };
  for (int i = 0; i < kNames; ++i) known.add(key_of(i, ".example"));
  unsigned perhaps = 0;
  for (int i = 0; i < kNames; ++i) {
    const std::string key = key_of(i, ".example");
    ASSERT_TRUE(known.may_exist(key));
    ASSERT_TRUE(known.may_have_below(ReversedName(testing::name("d" + std::to_string(i % 5000) + ".example")).key()));
    ASSERT_TRUE(known.may_have_below(""));
    perhaps += known.may_exist(key_of(i, ".invalid")) || known.may_have_below(key_of(i, ".example")) ? 1 : 0;
  }
  EXPECT_LT(perhaps, kNames / 20U);
}

// A store that has the filter and one that asks for every name end alike, whatever comes in which order.
TEST(KnownNames, ChangesNothingOfWhatIsWritten) {
  std::mt19937 random(17);
  testing::Store with({"a", "b", "c"});
  testing::Store without({"a", "b", "c"});
  const auto filler = [](int count) {
    std::vector<Rule> rules;
    for (int i = 0; i < count; ++i)
      rules.push_back(rule("f" + std::to_string(i) + ".filler.example", PatternKind::subtree));
    return rules;
  };
  // More than kLargeChange: from here on `with` has its filter, also through a list that goes again.
  with.import("c", filler(25'000));
  with.publish();
  with.import("c", {});
  with.publish();
  const char* const kNames[] = {"x.example", "a.x.example",  "b.a.x.example",  "example",
                                "y.example", "b.y.example",  "z.b.y.example",  "com",
                                "shop.com",  "www.shop.com", "a.b.c.shop.com", "deep.a.b.c.shop.com"};
  for (int round = 0; round < 20; ++round) {
    std::vector<Rule> rules;
    for (const char* text : kNames) {
      if (random() % 3 != 0) continue;
      rules.push_back(rule(text, random() % 2 == 0 ? PatternKind::subtree : PatternKind::exact,
                           random() % 3 == 0 ? Action::allow : Action::block));
    }
    const char* const list = round % 2 == 0 ? "a" : "b";
    with.import(list, rules);
    without.import(list, rules);
    with.publish();
    without.publish();
    const auto one = with.open();
    const auto other = without.open();
    for (const char* text : kNames) {
      ASSERT_EQ(match(*one, text), match(*other, text)) << round;
      ASSERT_EQ(match(*one, "sub." + std::string(text)), match(*other, "sub." + std::string(text))) << round;
      ASSERT_EQ(shared_labels(*one, text), shared_labels(*other, text)) << round;
    }
  }
}

}  // namespace
}  // namespace weir::known_names_test
