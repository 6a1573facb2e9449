// What becomes of a server's answers: pages step by step, budgets, and answers that are none.
#include "tools/sinks/clickhouse_log.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <deque>
#include <mutex>

#include "tests/tools/sidecar/http_server.h"

namespace weir::sinks::clickhouse_log_test {
namespace {

namespace json = boost::json;

constexpr std::int64_t kNewest = 1'783'285'200'000;
const std::string kTooLong = "Code: 159, e.displayText() = DB::Exception: Timeout exceeded";

// A server that has prepared what it says, whatever it is asked.
class ClickHouseLogTest : public ::testing::Test {
 protected:
  struct Said {
    std::string body;
    std::string status = "200 OK";
  };

  ClickHouseLogTest() {
    config_.kind = SinkConfig::Kind::clickhouse;
    config_.to = server_.url("");
    for (const char* rows : {"", "&max_result_rows=3&result_overflow_mode=break"}) {
      server_.on("/?database=weir&wait_end_of_query=1&max_execution_time=2&timeout_overflow_mode=throw" +
                     std::string(rows) + "&readonly=1",
                 [this](const std::string&, const sidecar::HttpServer::Send& send) {
                   const Said said = take();
                   if (said.body == sidecar::HttpServer::kHang) {
                     send(said.body);
                     return;
                   }
                   send("HTTP/1.1 " + said.status + "\r\nContent-Length: " + std::to_string(said.body.size()) +
                        "\r\nConnection: close\r\n\r\n" + said.body);
                 });
    }
  }

  void say(std::deque<Said> answers) {
    const std::lock_guard lock(mutex_);
    next_ = std::move(answers);
  }
  std::size_t left() {
    const std::lock_guard lock(mutex_);
    return next_.size();
  }
  Said take() {  // the server's thread
    const std::lock_guard lock(mutex_);
    if (next_.empty()) return {"nothing more", "500 Internal Server Error"};
    Said said = std::move(next_.front());
    next_.pop_front();
    return said;
  }

  static std::string bounds(std::int64_t oldest, unsigned found) {
    return json::serialize(json::object{{"oldest", std::to_string(oldest)}, {"newest", kNewest}, {"found", found}});
  }
  static std::string rows(std::int64_t newest, unsigned count) {
    std::string out;
    for (unsigned i = 0; i < count; ++i)
      out += R"({"time_ms":")" + std::to_string(newest - i) +
             R"(","writer":"7","batch":8,"row":9})"
             "\n";
    return out;
  }
  Result<ClickHouseLog::End> search(std::uint64_t limit, std::optional<ClickHousePosition> after = {}) {
    ClickHouseLog log(config_, [this] { return is_over_.load(); });
    log::SearchRequest range;
    range.limit = limit;
    range.budget = std::chrono::milliseconds(1900);
    found_ = 0;
    return log.search({}, range, after, [this](const json::object&) { return ++found_ <= most_; });
  }

  SinkConfig config_;
  std::mutex mutex_;
  std::deque<Said> next_;
  unsigned found_ = 0;
  unsigned most_ = 1000;
  std::atomic<bool> is_over_{false};
  sidecar::HttpServer server_;  // ends before what it says from
};

TEST_F(ClickHouseLogTest, LooksBackStepByStepUntilThePageIsFull) {
  say({{bounds(kNewest - 100 * log::kHourMs, 9)}, {rows(kNewest, 2)}, {""}, {rows(kNewest - 5 * log::kHourMs, 3)}});
  const auto end = search(4);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(found_, 4U);
  EXPECT_FALSE(end->complete);
  EXPECT_EQ(end->next->to_text(), "c" + std::to_string(kNewest - 5 * log::kHourMs - 1) + ".7.8.9");
  EXPECT_EQ(left(), 0U);
}

TEST_F(ClickHouseLogTest, IsCompleteWhereTheOldestWasLookedAt) {
  say({{bounds(kNewest - 2 * log::kHourMs, 9)}, {rows(kNewest, 2)}, {rows(kNewest - 2 * log::kHourMs, 1)}});
  auto end = search(4);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->complete && !end->next);
  EXPECT_EQ(found_, 3U);
  say({{bounds(0, 0)}});
  end = search(4);
  EXPECT_TRUE(end && end->complete && found_ == 0);
}

TEST_F(ClickHouseLogTest, WhatWasFoundUntilTheTimeWasUpIsAPage) {
  const std::string failed = "500 Internal Server Error";
  say({{bounds(0, 9)}, {rows(kNewest, 2)}, {kTooLong, failed}});
  auto end = search(4);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(found_, 2U);
  EXPECT_FALSE(end->complete);
  EXPECT_EQ(end->next->to_text(), "c" + std::to_string(kNewest + 1 - log::kHourMs) + ".0.0.0");
  say({{bounds(0, 9)}, {kTooLong, failed}});
  end = search(4);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::timed_out);
  EXPECT_NE(end.error().message.find("more seconds"), std::string::npos);
}

TEST_F(ClickHouseLogTest, LooksLessFarBackWhereThereIsNoMemoryForMore) {
  const Said none{"Code: 241, e.displayText() = DB::Exception: Memory limit (for query) exceeded", "500 Not Good"};
  say({{bounds(kNewest - log::kHourMs / 2, 9)}, none, {rows(kNewest, 2)}, {""}, {""}});
  auto end = search(4);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->complete);
  EXPECT_EQ(found_, 2U);
  EXPECT_EQ(left(), 0U);
  say({{bounds(kNewest, 9)}, none, none, none, none, none});  // down to a second
  end = search(4);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, ErrorCode::too_large);
}

TEST_F(ClickHouseLogTest, APageThatMayGrowNoMoreEndsBehindItsLastRow) {
  most_ = 2;
  say({{bounds(0, 9)}, {rows(kNewest, 4)}});
  auto end = search(100);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->next->to_text(), "c" + std::to_string(kNewest - 1) + ".7.8.9");
  most_ = 0;
  say({{bounds(0, 9)}, {rows(kNewest, 4)}});
  end = search(100, ClickHousePosition{kNewest + 5, 1, 2, 3});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->next->to_text(), "c" + std::to_string(kNewest + 5) + ".1.2.3");
}

TEST_F(ClickHouseLogTest, WhatIsNoAnswerIsAnError) {
  const struct {
    Said said;
    ErrorCode code;
  } kRows[] = {{{"", "500 Internal Server Error"}, ErrorCode::unavailable},
               {{"Code: 60, Table weir.decisions doesn't exist", "404 Not Found"}, ErrorCode::unavailable},
               {{"Code: 516, \x1b[31m", "403 Forbidden"}, ErrorCode::permission},
               {{"<html>", "200 OK"}, ErrorCode::unavailable},
               {{"[]", "200 OK"}, ErrorCode::unavailable},
               {{"", "200 OK"}, ErrorCode::unavailable},
               {{"{}\n{}", "200 OK"}, ErrorCode::unavailable}};
  for (const auto& row : kRows) {
    say({row.said});
    const auto end = search(4);
    ASSERT_FALSE(end) << row.said.body;
    EXPECT_EQ(end.error().code, row.code) << row.said.body;
    EXPECT_EQ(end.error().message.find('\x1b'), std::string::npos);
    ClickHouseLog log(config_, [] { return false; });
    log::TopRequest top;
    top.range.budget = std::chrono::milliseconds(1900);
    say({row.said});
    if (row.said.body != "") {
      EXPECT_FALSE(log.top({}, top)) << row.said.body;
    }
  }
  is_over_ = true;
  say({{sidecar::HttpServer::kHang}});
  EXPECT_EQ(search(4).error().code, ErrorCode::unavailable);
}

TEST_F(ClickHouseLogTest, StatementsOfPeopleAnswerInColumns) {
  ClickHouseLog log(config_, [] { return false; });
  say({{R"j({"meta":[{"name":"a","type":"UInt64"},{"name":"b","type":"Array(String)"}],)j"
        "\"data\":[[\"1\",[\"\xFF\"]],[2,[]],[3,[]]],\"rows\":3}"}});
  const auto answer = log.ask("SELECT 1", std::chrono::milliseconds(1900), 2);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(json::serialize(answer->columns), R"(["a","b"])");
  EXPECT_EQ(json::serialize(answer->rows), R"([["1",["\\xFF"]],[2,[]]])");
  EXPECT_FALSE(answer->all_rows);
  say({{"Code: 62, Syntax error", "400 Bad Request"}});
  EXPECT_EQ(log.ask("SELEKT", std::chrono::milliseconds(1900), 2).error().code, ErrorCode::invalid);
  say({{R"({"meta":[{"name":"a"}],"data":[[1,2]]})"}});
  EXPECT_EQ(log.ask("SELECT 1", std::chrono::milliseconds(1900), 2).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace weir::sinks::clickhouse_log_test
