#include "zones/store/name_filter.h"

#include "tests/zones/store/store_fixture.h"
#include "zones/store/generation_impl.h"

namespace weir::store::name_filter_test {
namespace {

using testing::rule;
using testing::Store;

std::string key_of(const std::string& text) {
  return std::string(ReversedName(testing::name(text)).key());
}

std::string numbered(int number) {
  return "n" + std::to_string(number) + ".example";
}

class NameFilterTest : public ::testing::Test {
 protected:
  NameFilterTest() {
    std::vector<Rule> rules;
    for (int i = 0; i < kNames; ++i) rules.push_back(rule(numbered(i), PatternKind::subtree));
    store.import("ads", std::move(rules));
    store.publish();
    generation = store.open();
  }
  NameFilter read(std::uint64_t keys) const {
    const auto* database = testing::must(std::static_pointer_cast<const GenerationImpl>(generation)->history());
    return testing::must(NameFilter::read(*database, keys));
  }

  static constexpr int kNames = 2000;
  Store store;
  std::shared_ptr<const Generation> generation;
};

TEST_F(NameFilterTest, KnowsEveryNameAndFewOthers) {
  const NameFilter filter = read(kNames);
  int others = 0;
  for (int i = 0; i < kNames; ++i) {
    EXPECT_TRUE(filter.may_have(key_of(numbered(i)))) << i;
    others += filter.may_have(key_of("other" + numbered(i))) ? 1 : 0;
  }
  EXPECT_LT(others, kNames / 20);
}

TEST_F(NameFilterTest, OfALargeGenerationItSaysPerhapsToEverything) {
  const NameFilter filter = read(NameFilter::kMaxKeys + 1);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(filter.may_have(key_of("other" + numbered(i))));
}

TEST_F(NameFilterTest, AnEmptyOneHasNothing) {
  store.import("ads", {});
  store.publish();
  generation = store.open();
  const NameFilter filter = read(0);
  EXPECT_FALSE(filter.may_have(key_of("n1.example")));
}

TEST_F(NameFilterTest, ALaterGenerationHasItsOwn) {
  EXPECT_EQ(testing::match(*generation, "www.n1.example"), "ads:subtree:block:2");
  EXPECT_EQ(testing::match(*generation, "new.test"), "");
  store.import("ads", {rule("new.test")});
  store.publish();
  const auto next = store.open();
  EXPECT_EQ(testing::match(*next, "new.test"), "ads:exact:block:2");
  EXPECT_EQ(testing::match(*next, "www.n1.example"), "");
}

}  // namespace
}  // namespace weir::store::name_filter_test
