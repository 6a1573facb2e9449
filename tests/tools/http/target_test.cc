#include "tools/http/target.h"

#include <gtest/gtest.h>

namespace weir::http::target_test {
namespace {

TEST(Target, WhatIsTakenAndHow) {
  const auto target = parse_target("/api/v1/lists/b%C3%BCcher%20x?name=a.example&name=b&at=2h+3&x=&y&%6e=%26");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->segments, (std::vector<std::string>{"api", "v1", "lists", "b\u00FCcher x"}));
  const std::vector<std::pair<std::string, std::string>> query = {
      {"name", "a.example"}, {"name", "b"}, {"at", "2h 3"}, {"x", ""}, {"y", ""}, {"n", "&"}};
  EXPECT_EQ(target->query, query);
  EXPECT_EQ(parse_target("/")->path(), "/");
  EXPECT_EQ(parse_target("/?a=b")->path(), "/");
  EXPECT_EQ(parse_target("/lists?")->path(), "/lists");
}

TEST(Target, WhatMeansAnotherPlaceOrNothingIsRefused) {
  for (const char* bad :
       {"",          "*",       "x",      "http://a/", "//",       "/a//b",    "/a/",  "/.",       "/..", "/a/../b",
        "/%2e%2e/b", "/%2E/b",  "/a%2fb", "/a%5Cb",    "/a%00",    "/a%0ab",   "/%7f", "/%",       "/%4", "/%zz",
        "/%ff",      "/%c0%ae", "/a#b",   "/a?b=%",    "/a?b=%ff", "/a?b=%00", "/a b", "/\xc3\xbc"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
  std::string many = "/a?";
  for (std::size_t i = 0; i <= kMaxQueryParameters; ++i) many += "b=c&";
  EXPECT_FALSE(parse_target(many));
}

}  // namespace
}  // namespace weir::http::target_test
