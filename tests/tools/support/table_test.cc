#include "tools/support/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace weir::table_test {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"NAME"}, {"RULES", Align::right}, {"ERROR"}});
  table.add({"ads", "1,234", ""});
  table.add({"bücher", "7", "a\x1b[31m"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "NAME    RULES  ERROR\n"
            "ads     1,234  -\n"
            "bücher      7  a\\x1B[31m\n");
}

TEST(Table, Numbers) {
  EXPECT_EQ(show_count(0), "0");
  EXPECT_EQ(show_count(999), "999");
  EXPECT_EQ(show_count(1000), "1,000");
  EXPECT_EQ(show_count(1234567), "1,234,567");
  EXPECT_EQ(show_size(0), "0 B");
  EXPECT_EQ(show_size(1536), "1.5 KiB");
  EXPECT_EQ(show_size(3ULL << 40), "3.0 TiB");
  EXPECT_EQ(show_size(5000ULL << 40), "5000.0 TiB");
}

}  // namespace
}  // namespace weir::table_test
