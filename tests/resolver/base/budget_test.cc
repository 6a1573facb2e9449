#include "resolver/base/budget.h"

#include <gtest/gtest.h>

#include <set>
#include <type_traits>

namespace weir::budget_test {
namespace {

TEST(Limits, EachHasAValueAReasonAndANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const LimitRow& row : kLimits) {
    EXPECT_GT(row.value, 0U) << row.name;
    EXPECT_FALSE(row.reason.empty()) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(&row_of(row.limit), &row);
    EXPECT_EQ(limit_of(row.limit), row.value);
  }
}

TEST(Budget, OnlyRunsDown) {
  static_assert(!std::is_copy_constructible_v<Budget> && !std::is_copy_assignable_v<Budget>);
  Budget budget(SteadyTime{});
  EXPECT_EQ(budget.left(Limit::aliases), limit_of(Limit::aliases));
  EXPECT_TRUE(budget.spend(Limit::aliases, limit_of(Limit::aliases)));
  EXPECT_FALSE(budget.has(Limit::aliases));
  EXPECT_FALSE(budget.reached());
  EXPECT_FALSE(budget.spend(Limit::aliases));
  EXPECT_EQ(budget.reached(), Limit::aliases);
  EXPECT_FALSE(budget.spend(Limit::upstream_packets, limit_of(Limit::upstream_packets) + 1));
  EXPECT_FALSE(budget.spend(Limit::upstream_packets)) << "asking for too much takes all";
  EXPECT_EQ(budget.reached(), Limit::aliases) << "the first that was reached";
}

TEST(Budget, ChargesStopAtZero) {
  Budget budget(SteadyTime{});
  budget.charge(Limit::silent_servers, 1000);
  EXPECT_EQ(budget.left(Limit::silent_servers), 0U);
  EXPECT_EQ(budget.spent(Limit::silent_servers), limit_of(Limit::silent_servers));
  EXPECT_FALSE(budget.reached());
}

}  // namespace
}  // namespace weir::budget_test
