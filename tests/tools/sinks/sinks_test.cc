#include "tools/sinks/sinks.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sinks/batches.h"

namespace weir::sinks::sinks_test {
namespace {

namespace fs = std::filesystem;

class SinksTest : public ::testing::Test {
 protected:
  SinksTest() {
    config_.name = "lines";
    config_.kind = SinkConfig::Kind::json;
    config_.to = (scratch_ / "decisions.json").string();
    start();
  }
  // As after a restart: nothing is remembered but the mark of the log.
  void start() {
    sinks_.reset();
    sinks_ = std::make_unique<Sinks>(scratch_.path(), mark_, test::show_names(), WallTime(std::chrono::hours(1)));
    sinks_->apply({config_});
  }
  void put(unsigned count) {
    auto turn = sinks_->begin(test::make_batch(next_, count));
    next_ += count;
    ASSERT_TRUE(turn.mark());
    mark_ = turn.mark();
    turn.commit();
  }
  SinkState state() const { return sinks_->states().at(0); }
  // Until nothing waits; a minute is for ever.
  void settle() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (state().totals.waiting > 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_EQ(state().totals.waiting, 0U);
  }
  static std::vector<std::string> names(const fs::path& file) {
    std::vector<std::string> names;
    std::set<std::string> ids;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      boost::json::error_code error;
      const auto row = boost::json::parse(line, error);
      if (error) {
        ADD_FAILURE() << line;
        continue;
      }
      names.emplace_back(row.at("name").as_string());
      EXPECT_TRUE(ids.insert(std::string(row.at("id").as_string())).second) << line;
    }
    return names;
  }
  std::vector<std::string> expected(unsigned first, unsigned end) const {
    std::vector<std::string> names;
    for (unsigned i = first; i < end; ++i) names.push_back("host" + std::to_string(i) + ".ads.example.co.uk");
    return names;
  }

  test::ScratchFolder scratch_;
  SinkConfig config_;
  std::optional<log::RingMark> mark_;
  unsigned next_ = 0;
  std::unique_ptr<Sinks> sinks_;
};

TEST_F(SinksTest, EachDecisionIsALineAlsoAcrossRestartsAndRotation) {
  put(100);
  settle();
  EXPECT_EQ(names(config_.to), expected(0, 100));
  start();
  put(50);
  settle();
  EXPECT_EQ(names(config_.to), expected(0, 150));
  fs::rename(config_.to, scratch_ / "rotated");
  put(10);
  settle();
  EXPECT_EQ(names(scratch_ / "rotated"), expected(0, 150));
  EXPECT_EQ(names(config_.to), expected(150, 160));
  EXPECT_EQ(state().totals.sent, 160U);
}

TEST_F(SinksTest, HalfABatchInTheFileIsCutOff) {
  put(10);
  settle();
  sinks_.reset();
  {
    std::ofstream out(config_.to, std::ios::app);
    out << R"({"name":"half)";
  }
  start();
  put(10);
  settle();
  EXPECT_EQ(names(config_.to), expected(0, 20));
}

TEST_F(SinksTest, ATurnThatTheLogRefusedIsNotSeen) {
  put(10);
  {
    const auto turn = sinks_->begin(test::make_batch(500, 7));
  }
  put(10);
  settle();
  EXPECT_EQ(names(config_.to), expected(0, 20));
  {
    const auto turn = sinks_->begin(test::make_batch(500, 7));
  }
  start();
  put(5);
  settle();
  EXPECT_EQ(names(config_.to), expected(0, 25));
}

TEST_F(SinksTest, WhatWaitsIsKeptWhileTheTargetIsNotThereAndGoesWithTheSink) {
  const std::string good = config_.to;
  config_.to = (scratch_ / "missing" / "decisions.json").string();
  sinks_->apply({config_});
  put(10);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (state().progress.failures == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_NE(state().progress.error.find("missing"), std::string::npos) << state().progress.error;
  EXPECT_EQ(state().totals.waiting, 10U);
  EXPECT_NE(state().progress.failing_since, WallTime());
  EXPECT_LE(state().progress.failing_since, state().progress.error_at);
  config_.to = good;
  sinks_->apply({config_});
  settle();
  EXPECT_EQ(names(good), expected(0, 10));
  EXPECT_EQ(state().progress.failing_since, WallTime());
  sinks_->apply({});
  EXPECT_TRUE(sinks_->states().empty());
  EXPECT_FALSE(fs::exists(scratch_ / "spool" / "lines"));
  put(10);  // nobody's
  sinks_->apply({config_});
  put(5);
  settle();
  EXPECT_EQ(state().totals.sent, 5U);
  EXPECT_EQ(state().totals.dropped, 0U);
  EXPECT_EQ(names(good).size(), 15U);
}

TEST_F(SinksTest, ATargetIsShownWithoutWhatOpensIt) {
  const struct {
    const char* to;
    const char* shown;
  } kRows[] = {{"http://127.0.0.1:9", "http://127.0.0.1:9"},
               {"http://user:secret@127.0.0.1:9/path", "http://127.0.0.1:9/path"},
               {"http://user:se@cret@127.0.0.1:9", "http://127.0.0.1:9"},
               {"http://user:sec/ret@127.0.0.1:9", "http://127.0.0.1:9"},
               {"http://127.0.0.1:9/?user=u&password=secret", "http://127.0.0.1:9/"},
               {"http://127.0.0.1:9/#secret", "http://127.0.0.1:9/"}};
  for (const auto& row : kRows) {
    config_.kind = SinkConfig::Kind::clickhouse;
    config_.to = row.to;
    sinks_->apply({config_});
    EXPECT_EQ(state().to, row.shown);
  }
}

TEST_F(SinksTest, NumbersNeverComeAgain) {
  put(1);
  const std::uint64_t first = mark_->records;
  put(1);
  EXPECT_EQ(mark_->records, first + 1);
  EXPECT_EQ(first, 3'600'000'000U) << "the microsecond in which this process began";
  const std::string writer = mark_->hash;
  start();
  put(1);
  EXPECT_EQ(mark_->records, first + 2);
  EXPECT_EQ(mark_->hash, writer);
  EXPECT_EQ(mark_->dropped, 3U) << "rows";
}

}  // namespace
}  // namespace weir::sinks::sinks_test
