// The simulation itself: a seed repeats to the octet, and what it is there to see it does see.
#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>

#include "tests/simulation/check.h"
#include "tests/simulation/shrink.h"
#include "tests/simulation/small_worlds.h"

namespace weir::simulation::simulation_test {
namespace {

using std::chrono::seconds;

TEST(Simulation, ASeedRepeatsToTheOctet) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const RunResult one = run_seed(seed);
    const RunResult two = run_seed(seed);
    EXPECT_EQ(one.failure, two.failure);
    EXPECT_EQ(one.hash, two.hash) << "seed " << seed;
    EXPECT_EQ(one.tally.packets, two.tally.packets);
    EXPECT_GT(one.tally.answers, 0U);
  }
  EXPECT_NE(run_seed(1).hash, run_seed(2).hash);
}

// Two worlds whose only difference is what one record says: the resolver runs in one, the oracle reads the other.
TEST(Simulation, TheCheckerSeesWhatIsNotSo) {
  world::WorldPlan plan = SmallWorlds().plan(0);
  const world::World world(plan);
  const world::Oracle oracle(world);
  Ledger ledger(oracle);
  const Checker checker(oracle, ledger);
  ClientQuery query;
  query.question = {*Name::parse("www.com"), RecordType::a, RecordClass::in};
  const auto sent = write_query(query, 7);
  std::vector<std::uint8_t> answer = sent;
  answer.resize(sent.size() - 11);  // without OPT
  answer[2] = 0x81;
  answer[3] = 0x80;
  answer[7] = 1;
  answer[11] = 0;
  const std::vector<std::uint8_t> record{0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
  answer.insert(answer.end(), record.begin(), record.end());
  const Time now = seconds(100);
  EXPECT_NE(checker.check(query, sent, answer, now, now).wrong.find("no authority ever said so"), std::string::npos);
  ledger.delivered(answer, now - seconds(10));
  EXPECT_EQ(checker.check(query, sent, answer, now - seconds(10), now - seconds(10)).wrong, "");
  EXPECT_NE(checker.check(query, sent, answer, now, now).wrong.find("has a TTL of 60"), std::string::npos);
  const Time later = now + seconds(51);
  EXPECT_NE(checker.check(query, sent, answer, later, later).wrong.find("outlived"), std::string::npos);
  answer[3] = 0x82;  // SERVFAIL
  EXPECT_NE(checker.check(query, sent, answer, now, now).wrong.find("must not fail"), std::string::npos);
  answer[3] = 0xA0;  // AD, of an unsigned zone
  EXPECT_NE(checker.check(query, sent, answer, now, now).wrong.find("AD"), std::string::npos);
  answer[3] = 0x80;
  answer.back() = 2;
  EXPECT_NE(checker.check(query, sent, answer, now, now).wrong.find("not what the zones hold"), std::string::npos);
  answer[1] ^= 1;
  EXPECT_NE(checker.check(query, sent, answer, now, now).wrong.find("ID"), std::string::npos);
}

// A world in which one zone lies outright, so that something fails: little is left of it.
TEST(Simulation, TheShrinkerKeepsWhatFails) {
  world::WorldPlan plan = world::generate(11, {.faults = false, .changes = false});
  Schedule schedule = make_schedule(plan);
  for (ClientQuery& query : schedule.queries) query.question.record_class = RecordClass::in;
  ClientQuery wrong = schedule.queries.front();
  wrong.question = {*Name::parse("www.com"), RecordType::a, RecordClass::ch};  // the oracle knows no class
  schedule.queries.insert(schedule.queries.begin() + 10, wrong);
  ASSERT_NE(run(plan, schedule).failure, "");
  const Shrunk small = shrink(plan, schedule, 400);
  EXPECT_NE(run(small.plan, small.schedule).failure, "");
  EXPECT_EQ(small.schedule.queries.size(), 1U);
  EXPECT_LT(std::ranges::count(small.plan.zones, false, &world::ZonePlan::removed),
            std::ranges::count(plan.zones, false, &world::ZonePlan::removed));
}

}  // namespace
}  // namespace weir::simulation::simulation_test
