#include "tools/http/tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "tests/support/scratch_folder.h"
#include "tools/http/failure_limit.h"

namespace weir::http::tokens_test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

const WallTime kNow = WallTime(std::chrono::seconds(1'790'000'000));  // 2026-09-21

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Tokens, OpensUntilItEndsOrIsRemovedAndOverARestart) {
  const test::ScratchFolder scratch;
  std::string admin;
  std::string analyst;
  {
    Tokens tokens(scratch / "");
    admin = *tokens.add("alice", Role::admin, std::nullopt, kNow);
    analyst = *tokens.add("bob", Role::analyst, kNow + hours(1), kNow);
    EXPECT_NE(admin, analyst);
    EXPECT_TRUE(admin.starts_with(kTokenPrefix));
    EXPECT_EQ(admin.size(), kTokenPrefix.size() + 64);
  }
  Tokens tokens(scratch / "");
  EXPECT_EQ(tokens.fault(), "");
  ASSERT_TRUE(tokens.find(admin, kNow));
  EXPECT_EQ(tokens.find(admin, kNow)->name, "alice");
  EXPECT_EQ(tokens.find(admin, kNow)->role, Role::admin);
  EXPECT_EQ(tokens.find(analyst, kNow)->role, Role::analyst);
  EXPECT_FALSE(tokens.find(analyst, kNow + hours(1)));
  EXPECT_TRUE(tokens.find(admin, kNow + hours(24 * 3000)));
  for (std::string bad : {std::string(), std::string("weir_"), admin.substr(1), admin + "0", std::string(5000, 'a')})
    EXPECT_FALSE(tokens.find(bad, kNow)) << bad;
  std::string turned = admin;
  turned.back() = turned.back() == '0' ? '1' : '0';
  EXPECT_FALSE(tokens.find(turned, kNow));
  EXPECT_TRUE(tokens.remove("alice"));
  EXPECT_FALSE(tokens.find(admin, kNow));
  EXPECT_FALSE(Tokens(scratch / "").find(admin, kNow));
  EXPECT_EQ(tokens.remove("alice").error().code, ErrorCode::not_found);
}

TEST(Tokens, TheFileHoldsNoTokenAndIsItsOwnersAlone) {
  const test::ScratchFolder scratch;
  std::ofstream(scratch / "tokens.json.part") << "somebody else's";
  Tokens tokens(scratch / "");
  const std::string text = *tokens.add("alice", Role::admin, std::nullopt, kNow);
  const std::string kept = read_file(scratch / "tokens.json");
  EXPECT_EQ(kept.find(text.substr(kTokenPrefix.size())), std::string::npos);
  struct stat found{};
  ASSERT_EQ(::stat((scratch / "tokens.json").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
}

TEST(Tokens, TheDayOfTheLastUseIsKept) {
  const test::ScratchFolder scratch;
  Tokens tokens(scratch / "");
  const std::string text = *tokens.add("alice", Role::admin, std::nullopt, kNow);
  EXPECT_EQ(tokens.all()[0].last_used, "");
  EXPECT_TRUE(tokens.find(text, kNow));
  EXPECT_EQ(tokens.all()[0].last_used, "2026-09-21");
  EXPECT_TRUE(tokens.find(text, kNow + hours(24)));
  EXPECT_EQ(Tokens(scratch / "").all()[0].last_used, "2026-09-22");
}

TEST(Tokens, WhatIsRefused) {
  const test::ScratchFolder scratch;
  Tokens tokens(scratch / "");
  EXPECT_TRUE(tokens.add("alice", Role::admin, std::nullopt, kNow));
  EXPECT_EQ(tokens.add("alice", Role::analyst, std::nullopt, kNow).error().code, ErrorCode::exists);
  EXPECT_EQ(tokens.add("", Role::admin, std::nullopt, kNow).error().code, ErrorCode::invalid);
  EXPECT_EQ(tokens.add("a\nb", Role::admin, std::nullopt, kNow).error().code, ErrorCode::invalid);
  EXPECT_EQ(tokens.add("bob", Role::none, std::nullopt, kNow).error().code, ErrorCode::invalid);
  EXPECT_EQ(tokens.add("bob", Role::admin, kNow, kNow).error().code, ErrorCode::invalid);
}

TEST(Tokens, ADamagedFileOpensNothingAndIsLeftAlone) {
  for (const char* text : {"", "{", "[]", R"({"tokens":[{"name":"a"}]})",
                           R"({"tokens":[{"name":"a","role":"root","sha256":"","created":"2026-01-01T00:00:00Z"}]})"}) {
    const test::ScratchFolder scratch;
    std::ofstream(scratch / "tokens.json") << text;
    Tokens tokens(scratch / "");
    EXPECT_NE(tokens.fault().find("damaged"), std::string::npos) << text;
    EXPECT_EQ(tokens.add("alice", Role::admin, std::nullopt, kNow).error().code, ErrorCode::corrupt);
    EXPECT_TRUE(tokens.all().empty());
    EXPECT_EQ(read_file(scratch / "tokens.json"), text);
  }
}

TEST(FailureLimit, TenASecondOfOneSource) {
  FailureLimit limit;
  const IpAddress one = *IpAddress::parse("192.0.2.1");
  const IpAddress other = *IpAddress::parse("192.0.2.2");
  SteadyTime now{};
  for (unsigned i = 0; i < kFailuresASecond; ++i) EXPECT_TRUE(limit.note(one, now)) << i;
  EXPECT_FALSE(limit.note(one, now));
  EXPECT_TRUE(limit.note(other, now));
  EXPECT_FALSE(limit.note(*IpAddress::parse("::ffff:192.0.2.1"), now));
  unsigned passed = 0;
  for (unsigned i = 0; i < 10'000; ++i) {
    now += milliseconds(1);
    passed += limit.note(one, now) ? 1 : 0;
  }
  EXPECT_LE(passed, 101U);
  EXPECT_GE(passed, 99U);
}

TEST(FailureLimit, OfIpv6TheSubnetAndOfManySourcesNoMoreThanItMayRemember) {
  FailureLimit limit;
  SteadyTime now{};
  unsigned passed = 0;
  for (unsigned i = 0; i < 100; ++i) passed += limit.note(*IpAddress::parse("2001:db8::" + std::to_string(i)), now);
  EXPECT_EQ(passed, kFailuresASecond);
  for (std::uint32_t i = 0; i < kMaxFailingSources; ++i) static_cast<void>(limit.note(IpAddress::ipv4(i), now));
  EXPECT_FALSE(limit.note(IpAddress::ipv4(0xC0000201), now));
  EXPECT_TRUE(limit.note(IpAddress::ipv4(0xC0000201), now + std::chrono::seconds(2)));
}

}  // namespace
}  // namespace weir::http::tokens_test
