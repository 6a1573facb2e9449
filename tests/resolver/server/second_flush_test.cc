#include "resolver/server/second_flush.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::second_flush_test {
namespace {

using namespace std::chrono_literals;

std::string text(const std::vector<Name>& names) {
  std::string out;
  for (const Name& name : names) out += name.to_text() + " ";
  return out;
}

TEST(SecondFlush, ComesOnceWhenTheLastOldResolutionHasEnded) {
  const SteadyTime start{100h};
  const auto longest = std::chrono::milliseconds(limit_of(Limit::resolution_ms));
  SecondFlush flush;
  flush.add({*Name::parse("a.example"), *Name::parse("b.example")}, start);
  EXPECT_EQ(text(flush.take_due(start + longest)), "");
  flush.add({*Name::parse("a.example")}, start + longest);
  EXPECT_EQ(text(flush.take_due(start + longest + 1s)), "a.example b.example ");
  EXPECT_EQ(text(flush.take_due(start + longest + 1s)), "") << "once";
  EXPECT_EQ(text(flush.take_due(start + 2 * longest + 1s)), "a.example ") << "that was changed twice";
  EXPECT_EQ(text(flush.take_due(start + 1h)), "");
}

}  // namespace
}  // namespace weir::second_flush_test
