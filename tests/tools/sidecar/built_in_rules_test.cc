// What the configuration defines, as the store gets it.
#include "tools/sidecar/built_in_rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"

namespace weir::sidecar::built_in_rules_test {
namespace {

TEST(Definitions, HaveTheMomentsOfSchedulesAndTheProtectedNames) {
  const test::ScratchFolder scratch;
  write_file(scratch / "weir.toml", "[store]\npath = \"" + (scratch / "store").string() + "\"\n" +
                                        "[[list]]\nname = \"ads\"\nsource = \"https://lists.weir.test/ads.txt\"\n"
                                        "[[policy]]\nname = \"default\"\nlists = [\"ads\"]\n"
                                        "[[schedule]]\nname = \"evening\"\ngroups = [\"default\"]\nlists = [\"ads\"]\n"
                                        "from = \"18:00\"\nto = \"22:00\"\n");
  const auto config = Config::load(scratch / "weir.toml");
  ASSERT_TRUE(config) << config.error().message;
  const Now now{SteadyTime(std::chrono::seconds(1)), WallTime(std::chrono::seconds(1790000000))};
  auto store = PolicyStore::open(scratch / "store", {}, now);
  ASSERT_TRUE(store) << store.error().message;
  const auto written = write_definitions(**store, *config, now);
  ASSERT_TRUE(written) << written.error().message;

  ASSERT_EQ((*store)->policies().schedules.size(), 1U);
  const Schedule& schedule = (*store)->policies().schedules[0];
  ASSERT_GT(schedule.edges.size(), 2U * 399U);
  EXPECT_TRUE(schedule.next_edge(now.wall).has_value());
  const auto rules = (*store)->rules_of(kProtectedNames, 1000);
  ASSERT_TRUE(rules) << rules.error().message;
  const std::vector<Name> names = protected_names_of(*config);
  EXPECT_EQ(rules->size(), names.size());
  for (const char* name : {"lists.weir.test", "pool.ntp.org", "time.windows.com"})
    EXPECT_NE(std::find(names.begin(), names.end(), *Name::parse(name)), names.end()) << name;
}

}  // namespace
}  // namespace weir::sidecar::built_in_rules_test
