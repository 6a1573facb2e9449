#include "tools/sidecar/table_care.h"

#include <gtest/gtest.h>

#include "tests/zones/store/store_fixture.h"

namespace weir::sidecar::table_care_test {
namespace {

using std::chrono::seconds;

TEST(TableCare, MergesWhatLargeImportsLeaveAndGivesItToTheGenerationInForce) {
  const std::vector<std::string> lists{"a", "b", "c", "d", "e"};
  testing::Store store(lists);
  for (const std::string& list : lists) {
    std::vector<Rule> rules;
    for (int i = 0; i < 21'000; ++i) rules.push_back(testing::rule("r" + std::to_string(i) + ".test"));
    store.import(list, std::move(rules));
  }
  const GenerationNumber number = store.publish();
  const auto held = store.open();
  WriterThread writer(std::move(store.writer));
  unsigned told = 0;
  TableCare care(writer, [&told] { ++told; });
  const SteadyTime begin{};
  care.tend(number, begin);
  care.tend(number, begin + TableCare::kQuiet - seconds(1));
  EXPECT_FALSE(writer.records().has_merged_tables());
  EXPECT_GE(writer.records().places_to_search(), TableCare::kPlacesWorthMerging);

  care.tend(number, begin + TableCare::kQuiet);
  for (int turn = 0; turn < 3000 && told == 0; ++turn) {  // the merge has a thread of its own
    care.tend(number, begin + TableCare::kQuiet + seconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(told, 1U);
  EXPECT_EQ(writer.records().places_to_search(), 1U);
  EXPECT_FALSE(*Generation::is_current(store.folder.path(), *held));
  const auto renewed = store.open();
  EXPECT_EQ(renewed->number(), number);
  EXPECT_EQ(testing::match(*renewed, "r7.test"), testing::match(*held, "r7.test"));

  care.tend(number, begin + 3 * TableCare::kQuiet);
  EXPECT_EQ(told, 1U) << "once is enough";
}

TEST(TableCare, LeavesAFewPlacesAlone) {
  testing::Store store;
  store.import("ads", {testing::rule("one.test")});
  const GenerationNumber number = store.publish();
  WriterThread writer(std::move(store.writer));
  TableCare care(writer, [] { FAIL() << "nothing was merged"; });
  care.tend(number, SteadyTime{});
  care.tend(number, SteadyTime{} + 2 * TableCare::kQuiet);
  EXPECT_LT(writer.records().places_to_search(), TableCare::kPlacesWorthMerging);
}

}  // namespace
}  // namespace weir::sidecar::table_care_test
