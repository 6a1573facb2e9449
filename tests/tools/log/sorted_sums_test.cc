#include "tools/log/sorted_sums.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace weir::log {
namespace {

void expect_same(const SortedSums& sums, const std::map<std::string, std::uint64_t>& wanted) {
  ASSERT_EQ(sums.size(), wanted.size());
  std::size_t at = 0;
  for (const auto& [key, sum] : wanted) {
    EXPECT_EQ(sums.key(at), key);
    EXPECT_EQ(sums.sum(at), sum);
    ++at;
  }
}

TEST(SortedSums, NothingIsNothing) {
  SortedSums sums;
  sums.finish();
  EXPECT_EQ(sums.size(), 0U);
}

TEST(SortedSums, RunsOfAnyLengthAndOrderAddUp) {
  std::mt19937 dice(7);
  for (unsigned round = 0; round < 200; ++round) {
    SortedSums sums;
    std::map<std::string, std::uint64_t> wanted;
    for (unsigned run = dice() % 20; run > 0; --run) {
      std::map<std::string, std::uint64_t> each;
      for (unsigned count = dice() % (round % 2 == 0 ? 5 : 200); count > 0; --count)
        each[std::to_string(dice() % 300)] += dice() % 1000;
      if (dice() % 8 == 0) each[""] = 3;  // the root
      for (const auto& [key, number] : each) {
        sums.add(key, number);
        wanted[key] += number;
      }
    }
    sums.finish();
    expect_same(sums, wanted);
  }
}

TEST(SortedSums, KeysInNoOrderAddUpAsWell) {
  SortedSums sums;
  for (const auto& [key, number] : {std::pair{"c", 1U}, {"b", 2U}, {"b", 4U}, {"a", 8U}, {"c", 16U}})
    sums.add(key, number);
  sums.finish();
  expect_same(sums, {{"a", 8}, {"b", 6}, {"c", 17}});
}

}  // namespace
}  // namespace weir::log
