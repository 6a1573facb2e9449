#include "tools/sidecar/pseudonym_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"

namespace weir::sidecar::pseudonym_keys_test {
namespace {

WallTime at(std::int64_t day, int hour, int minute) {
  return WallTime(std::chrono::hours(24 * day + hour) + std::chrono::minutes(minute));
}

TEST(PseudonymKeys, OneADayAndDestroyedAnHourAfterIt) {
  const test::ScratchFolder run;
  const auto key_of = [&](std::int64_t day) { return run.path() / "keys" / utc_day(at(day, 12, 0)); };
  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20000, 12, 0)));
  const std::string first = read_file(key_of(20000));
  EXPECT_EQ(first.size(), 16U);
  struct stat info{};
  ASSERT_EQ(::stat(key_of(20000).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
  EXPECT_FALSE(std::filesystem::exists(key_of(20001)));

  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20000, 18, 0)));
  EXPECT_EQ(read_file(key_of(20000)), first) << "the key of a day stays the same";
  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20000, 23, 55)));
  const std::string second = read_file(key_of(20001));
  EXPECT_EQ(second.size(), 16U) << "made before the day begins";
  EXPECT_NE(second, first);

  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20001, 0, 59)));
  EXPECT_TRUE(std::filesystem::exists(key_of(20000)));
  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20001, 1, 1)));
  EXPECT_FALSE(std::filesystem::exists(key_of(20000)));
  EXPECT_EQ(read_file(key_of(20001)), second);
}

TEST(PseudonymKeys, LeavesOtherFilesAlone) {
  const test::ScratchFolder run;
  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20000, 12, 0)));
  write_file(run.path() / "keys" / "0000-notes.txt", "mine");
  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20002, 12, 0)));
  EXPECT_TRUE(std::filesystem::exists(run.path() / "keys" / "0000-notes.txt"));
}

TEST(PseudonymKeys, ADayIsForgottenBeforeItsTime) {
  const test::ScratchFolder run;
  const auto key_of = [&](std::int64_t day) { return run.path() / "keys" / utc_day(at(day, 12, 0)); };
  ASSERT_TRUE(tend_pseudonym_keys(run.path(), at(20000, 23, 55)));
  std::map<std::string, std::string> keys;
  visit_pseudonym_keys(run.path(), [&](const std::string& day, const PseudonymKeyBytes& key) {
    keys[day] = std::string(key.begin(), key.end());
  });
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[utc_day(at(20000, 0, 0))], read_file(key_of(20000)));

  // Whoever has the file open sees that the old key is overwritten, not only unlinked.
  std::ifstream old(key_of(20000), std::ios::binary);
  EXPECT_EQ(*destroy_pseudonym_key(run.path(), utc_day(at(20000, 0, 0)), at(20000, 23, 56)), true);
  std::string left(16, 'x');
  old.read(left.data(), 16);
  EXPECT_EQ(left, std::string(16, '\0'));
  EXPECT_EQ(read_file(key_of(20000)).size(), 16U) << "the day goes on with another one";
  EXPECT_NE(read_file(key_of(20000)), keys[utc_day(at(20000, 0, 0))]);

  EXPECT_EQ(*destroy_pseudonym_key(run.path(), utc_day(at(20000, 0, 0)), at(20001, 0, 10)), true);
  EXPECT_FALSE(std::filesystem::exists(key_of(20000)));
  EXPECT_EQ(*destroy_pseudonym_key(run.path(), utc_day(at(20000, 0, 0)), at(20001, 0, 10)), false);
  EXPECT_EQ(*destroy_pseudonym_key(run.path(), "../../etc/passwd", at(20001, 0, 10)), false);
  EXPECT_EQ(read_file(key_of(20001)), keys[utc_day(at(20001, 0, 0))]);
}

}  // namespace
}  // namespace weir::sidecar::pseudonym_keys_test
