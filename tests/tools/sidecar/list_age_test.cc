#include "tools/sidecar/list_age.h"

#include <gtest/gtest.h>

namespace weir::sidecar::list_age_test {

using std::chrono::seconds;

struct Row {
  std::int64_t loaded_s;
  std::int64_t first_tried_s;
  std::int64_t now_s;
  std::optional<seconds> age;
  bool is_stale;
};

TEST(ListAge, IsSinceTheLastLoad) {
  constexpr std::int64_t kStart = 1'000'000;
  constexpr std::int64_t kEvery = 3600;
  const Row rows[] = {
      {0, 0, kStart, std::nullopt, false},  // nobody has tried it yet
      {kStart, 0, kStart, seconds(0), false},
      {kStart, 0, kStart + 3 * kEvery, seconds(3 * kEvery), false},
      {kStart, 0, kStart + 3 * kEvery + 1, seconds(3 * kEvery + 1), true},
      {kStart, kStart - 5 * kEvery, kStart + 1, seconds(1), false},
      {0, kStart, kStart + 3 * kEvery, std::nullopt, false},
      {0, kStart, kStart + 3 * kEvery + 1, std::nullopt, true},
      {kStart, 0, kStart - 500, seconds(0), false},  // the clock was set back
  };
  for (const Row& row : rows) {
    ListState state;
    state.loaded_s = row.loaded_s;
    state.first_tried_s = row.first_tried_s;
    const ListAge found = age_of(state, seconds(kEvery), WallTime(seconds(row.now_s)));
    EXPECT_EQ(found.age, row.age) << row.now_s;
    EXPECT_EQ(found.is_stale, row.is_stale) << row.now_s;
  }
}

}  // namespace weir::sidecar::list_age_test
