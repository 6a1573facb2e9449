#include "tools/sidecar/requests.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_folder.h"

namespace weir::sidecar::requests_test {

constexpr std::chrono::seconds kMinute{60};

class RequestsTest : public ::testing::Test {
 protected:
  FiledRequest make(const std::string& client, const std::string& name) {
    FiledRequest out;
    out.client = client;
    out.group = "kids";
    out.name = name;
    out.remark = "please";
    return out;
  }

  const test::ScratchFolder folder_;
  const std::filesystem::path file_ = folder_ / "requests.json";
  WallTime now_{std::chrono::seconds(1'790'000'000)};
};

TEST_F(RequestsTest, AreKeptOverARestartAndAnsweredOnce) {
  {
    Requests requests(file_);
    ASSERT_TRUE(requests.file(make("192.0.2.1", "one.example."), now_));
    ASSERT_TRUE(requests.file(make("192.0.2.1", "two.example."), now_));
  }
  Requests requests(file_);
  ASSERT_EQ(requests.all().size(), 2U);
  EXPECT_EQ(requests.all().front().name, "two.example.") << "the newest first";
  const auto done = requests.answer("r1", "accepted", "alice", "fine", "exception a1", now_);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(requests.answer("r1", "refused", "bob", "", "", now_).error().code, ErrorCode::exists);
  EXPECT_EQ(requests.answer("r9", "refused", "bob", "", "", now_).error().code, ErrorCode::not_found);
  const Requests again(file_);
  EXPECT_EQ(again.find("r1")->state, "accepted");
  EXPECT_EQ(again.find("r1")->answered_by, "alice");
  EXPECT_EQ(again.open(), 1U);
  EXPECT_FALSE(again.find("1"));
}

TEST_F(RequestsTest, AreOneWhileOpen) {
  Requests requests(file_);
  const auto first = requests.file(make("192.0.2.1", "one.example."), now_);
  const auto same = requests.file(make("192.0.2.1", "one.example."), now_);
  const auto other = requests.file(make("192.0.2.2", "one.example."), now_);
  ASSERT_TRUE(first && same && other);
  EXPECT_EQ(first->number, same->number);
  EXPECT_NE(first->number, other->number);
}

TEST_F(RequestsTest, AreBoundedByClientAndInAll) {
  Requests requests(file_);
  for (std::size_t i = 0; i < kMaxOpenOfClient; ++i)
    ASSERT_TRUE(requests.file(make("192.0.2.1", std::to_string(i) + ".example."), now_));
  EXPECT_EQ(requests.file(make("192.0.2.1", "more.example."), now_).error().code, ErrorCode::busy);
  // Answered ones make room, but not for as many in an hour as anybody likes.
  std::size_t filed = kMaxOpenOfClient;
  for (; filed < 100; ++filed) {
    const auto all = requests.all();
    const auto open = std::find_if(all.begin(), all.end(), [](const auto& each) { return each.state == "open"; });
    ASSERT_TRUE(requests.answer(open->id(), "refused", "alice", "", "", now_));
    if (!requests.file(make("192.0.2.1", std::to_string(filed) + ".example."), now_)) break;
  }
  EXPECT_EQ(filed, kMaxHourlyOfClient);
  EXPECT_TRUE(requests.file(make("192.0.2.1", "later.example."), now_ + 61 * kMinute));
  for (std::size_t i = 0; requests.open() < kMaxOpenRequests; ++i)
    ASSERT_TRUE(requests.file(make("client " + std::to_string(i), "x.example."), now_));
  EXPECT_EQ(requests.file(make("somebody", "x.example."), now_).error().code, ErrorCode::busy);
}

TEST_F(RequestsTest, AreForgottenWithTheDecisions) {
  Requests requests(file_);
  ASSERT_TRUE(requests.file(make("192.0.2.1", "old.example."), now_));
  ASSERT_TRUE(requests.file(make("192.0.2.1", "new.example."), now_ + 10 * kMinute));
  ASSERT_TRUE(requests.keep(5 * kMinute, now_ + 11 * kMinute));
  ASSERT_EQ(requests.all().size(), 1U);
  EXPECT_EQ(Requests(file_).all().front().name, "new.example.");
  EXPECT_EQ(Requests(file_).file(make("192.0.2.9", "third.example."), now_)->number, 3U) << "numbers are used once";
}

TEST_F(RequestsTest, AreForgottenByClient) {
  Requests requests(file_);
  ASSERT_TRUE(requests.file(make("192.0.2.1", "one.example."), now_));
  ASSERT_TRUE(requests.file(make("192.0.2.2", "one.example."), now_));
  ASSERT_TRUE(requests.forget([](const FiledRequest& each) { return each.client == "192.0.2.1"; }));
  ASSERT_EQ(Requests(file_).all().size(), 1U);
  EXPECT_EQ(Requests(file_).all().front().client, "192.0.2.2");
}

TEST_F(RequestsTest, TracesThatAreTooLongAreLeftOut) {
  Requests requests(file_);
  FiledRequest long_one = make("192.0.2.1", "one.example.");
  long_one.trace = "\"" + std::string(kMaxTraceBytes, 'x') + "\"";
  EXPECT_EQ(requests.file(long_one, now_)->trace, "null");
}

TEST_F(RequestsTest, OfADamagedFileAreNone) {
  for (const char* text : {"", "nonsense", "[]", R"({"last":1})", R"({"last":1,"requests":[1,{"number":7}]})"}) {
    std::ofstream(file_) << text;
    EXPECT_TRUE(Requests(file_).all().empty()) << text;
  }
}

}  // namespace weir::sidecar::requests_test
