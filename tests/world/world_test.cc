// The generated world itself: it repeats, and its honest servers say what the oracle reads.
#include "tests/world/world.h"

#include <gtest/gtest.h>

#include "tests/world/oracle.h"
#include "zones/dns/writer.h"

namespace weir::world::world_test {
namespace {

Octets query_of(const Question& question, bool dnssec) {
  Octets out(600);
  Writer writer(out);
  writer.u16(4711);
  writer.u16(0);
  writer.u16(1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(1);
  writer.name(question.name);
  writer.u16(static_cast<std::uint16_t>(question.type));
  writer.u16(1);
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(RecordType::opt));
  writer.u16(1232);
  writer.u32(dnssec ? 0x8000 : 0);
  writer.u16(0);
  out.resize(writer.size());
  return out;
}

TEST(World, ASeedMakesTheSameOctetsAgain) {
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    World one = World::make(seed, {});
    World two = World::make(seed, {});
    EXPECT_EQ(describe(one.plan()), describe(two.plan()));
    for (const Question& question : one.questions()) {
      for (const IpAddress& address : one.addresses()) {
        const Octets query = query_of(question, true);
        const auto a = one.answer(address, UpstreamTransport::udp, query, Time(0));
        const auto b = two.answer(address, UpstreamTransport::udp, query, Time(0));
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
          EXPECT_EQ(a[i].octets, b[i].octets);
          EXPECT_EQ(a[i].delay, b[i].delay);
        }
      }
    }
  }
}

// A worldwide walk by hand: the deepest server that serves a zone of the question must agree with the oracle.
TEST(World, HonestServersSayWhatTheOracleReads) {
  unsigned compared = 0;
  for (std::uint64_t seed = 1; seed < 40; ++seed) {
    World world = World::make(seed, {.faults = false, .changes = false});
    const Oracle oracle(world);
    for (const Question& question : world.questions()) {
      if (question.type == RecordType::ds || question.type == RecordType::any) continue;
      const Expected expected = oracle.expected(question, Time(0));
      if (expected.outcomes.size() != 1) continue;
      const Outcome& outcome = expected.outcomes.front();
      const bool alias = !outcome.answer.empty() && outcome.answer.front().type != question.type;
      if (alias) continue;  // one server does not know all of it
      unsigned deepest = 0;
      for (unsigned zone = 0; zone < world.plan().zones.size(); ++zone) {
        const Name& apex = world.plan().zones[zone].apex;
        const bool deeper = apex.label_count() >= world.plan().zones[deepest].apex.label_count();
        if (deeper && question.name.is_at_or_below(apex)) deepest = zone;
      }
      const unsigned server = world.plan().hosts[world.plan().zones[deepest].hosts.front()].server;
      const auto deliveries = world.answer(world.plan().servers[server].addresses.front(), UpstreamTransport::tcp,
                                           query_of(question, false), Time(0));
      ASSERT_EQ(deliveries.size(), 1U);
      const auto message = read_message(deliveries.front().octets);
      ASSERT_TRUE(message) << message.error().message;
      EXPECT_EQ(message->rcode, outcome.rcode) << question.name.to_text() << "\n" << describe(world.plan());
      ASSERT_EQ(message->answer.size(), outcome.answer.size()) << question.name.to_text();
      EXPECT_TRUE(outcome.answer.empty() || message->answer.front().size() == outcome.answer.front().size());
      ++compared;
    }
  }
  EXPECT_GT(compared, 500U);
}

}  // namespace
}  // namespace weir::world::world_test
