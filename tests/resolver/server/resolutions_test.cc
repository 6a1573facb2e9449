// Resolutions and the packet path together: what one of them does must not depend on what the other did before.
#include "resolver/server/resolutions.h"

#include <gtest/gtest.h>

#include "resolver/server/answer_builder.h"
#include "tests/resolver/server/virtual_worker.h"

namespace weir::test::resolutions_test {
namespace {

using namespace std::chrono_literals;
using Kind = VirtualWorker::Behaviour::Kind;

// "NOERROR AAAA 64:ff9b::c000:201 ttl 300".
std::string told(const std::vector<std::uint8_t>& reply) {
  const auto message = read_message(reply);
  if (!message) return reply.empty() ? "nothing" : "malformed";
  std::string out = to_text(message->rcode);
  for (const Rrset& rrset : message->answer) {
    out += " " + to_text(rrset.type);
    if (rrset.type == RecordType::a || rrset.type == RecordType::aaaa)
      out += " " + IpAddress::from_octets(*rrset.records().begin()).to_text();
    out += " ttl " + std::to_string(rrset.ttl_seconds);
  }
  return out;
}

// As many sockets as exchanges: one that is over must not hold its own while the next needs one. What has no socket
// fails, and the server would be called silent for it.
TEST(Resolutions, AFreedPlaceIsTakenBySomebodyElse) {
  EngineOptions options;
  options.max_exchanges = 1;
  VirtualWorker worker({}, {}, std::move(options));
  const char* kNames[] = {"a.test", "b.test", "c.test"};
  for (const char* name : kNames) worker.server[name].kind = Kind::silent;
  for (const char* name : kNames) (void)worker.ask({.name = name});
  for (const char* name : kNames) worker.server[name].kind = Kind::address;
  worker.answer_late();
  EXPECT_EQ(told(worker.reply()), "NOERROR A 192.0.2.1 ttl 300");
  EXPECT_EQ(worker.most_outstanding, 1U);
}

// Rules that came after the answer was stored say the same of it as of one that is new.
// SEMANTICS 5.2: Each CNAME and DNAME target in order; first blocking link decides
TEST(Resolutions, ANewRuleDecidesOnAStoredAnswerAsOnAFreshOne) {
  const struct {
    const char* what;
    const char* name;
    RecordType type;
    const char* rule;
    bool is_blocked;
  } rows[] = {
      {"an alias that is followed", "www.test", RecordType::a, "tracker.test", true},
      {"the end of the chain", "far.test", RecordType::a, "tracker.test", true},
      {"an alias that is asked for", "www.test", RecordType::cname, "tracker.test", false},
      {"all of an alias", "www.test", RecordType::any, "tracker.test", false},
      {"where a DNAME leads", "www.tree.test", RecordType::a, "www.branch.test", true},
      {"the DNAME's own target", "www.tree.test", RecordType::a, "branch.test", false},
      {"the CNAME of a DNAME that is asked for", "www.tree.test", RecordType::cname, "www.branch.test", true},
      {"all of what lies below a DNAME", "www.tree.test", RecordType::any, "www.branch.test", true},
      {"a DNAME that is asked for", "tree.test", RecordType::dname, "branch.test", false},
  };
  for (const auto& row : rows) {
    for (const bool is_stored : {false, true}) {
      VirtualWorker worker;
      worker.server["www.test"] = {Kind::alias, "tracker.test"};
      worker.server["far.test"] = {Kind::alias, "www.test"};
      worker.server["tracker.test"] = {};
      worker.server["www.tree.test"] = {Kind::tree, "branch.test"};
      worker.server["tree.test"] = {Kind::tree, "branch.test"};
      worker.server["www.branch.test"] = {};
      const Asking asking{.name = row.name, .type = row.type};
      if (is_stored) (void)worker.ask(asking, Transport::tcp);
      const unsigned asked = worker.asked(row.name);
      worker.install(std::make_unique<HandMadeGeneration>(2, 2)).block_exactly(row.rule);
      const auto reply = worker.ask(asking, Transport::tcp);
      EXPECT_EQ(worker.metrics.get(Metric::blocked), row.is_blocked ? 1U : 0U)
          << row.what << (is_stored ? ", stored: " : ", fresh: ") << told(reply);
      EXPECT_EQ(worker.asked(row.name), is_stored ? asked : 1U) << row.what;
    }
  }
}

// Another worker's clock may be in the next second already.
TEST(Resolutions, AnAnswerOfTheNextSecondHasItsTtls) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  worker.pass(500ms);
  (void)worker.ask({.name = "www.test"});
  worker.now.steady -= 501ms;
  EXPECT_EQ(told(worker.ask({.name = "www.test"})), "NOERROR A 192.0.2.1 ttl 300");
  EXPECT_EQ(worker.metrics.get(Metric::cached), 1U);
}

class Dns64Clients : public testing::Test {
 protected:
  static std::unique_ptr<HandMadeGeneration> translating() {
    auto out = std::make_unique<HandMadeGeneration>(2, 1);
    out->set.dns64 = Dns64{.translates_private = true};
    return out;
  }
  const Asking kAaaa{.name = "www.test", .type = RecordType::aaaa, .edns = true};
};

// RFC 6147 section 5.1.6: the error of the look-up of A is the answer; and it is kept no longer than one.
TEST_F(Dns64Clients, AFailureOfTheLookUpOfAIsNoDenial) {
  VirtualWorker worker;
  worker.install(translating());
  worker.server["www.test"] = {};
  worker.server["www.test A"] = {Kind::servfail, {}, 0};
  (void)worker.ask(kAaaa);
  worker.pass(30s);
  EXPECT_EQ(told(worker.reply()), "SERVFAIL");
  worker.server.erase("www.test A");
  worker.pass(60s);
  EXPECT_EQ(told(worker.ask(kAaaa)), "NOERROR AAAA 64:ff9b::c000:201 ttl 210") << "what is left of the denial of AAAA";
}

TEST_F(Dns64Clients, WhoWantsNobodyAskedIsNotToldThatThereIsNothing) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  EXPECT_EQ(told(worker.ask(kAaaa)), "NOERROR") << "A is still unknown";
  worker.install(translating());
  Asking snooping = kAaaa;
  snooping.recursion_desired = false;
  EXPECT_EQ(told(worker.ask(snooping)), "REFUSED");
  EXPECT_EQ(told(worker.ask(kAaaa)), "NOERROR AAAA 64:ff9b::c000:201 ttl 300");
}

TEST_F(Dns64Clients, WhatIsNotTranslatedDoesNotStandInWhereTooManyWait) {
  AnswerConfig config;
  config.max_waiting = 1;
  VirtualWorker worker({}, config);
  worker.server["www.test"] = {};
  EXPECT_EQ(told(worker.ask(kAaaa)), "NOERROR");
  worker.pass(301s);
  worker.server["silent.test"].kind = Kind::silent;
  for (const bool translated : {false, true}) {
    if (translated) worker.install(translating());
    (void)worker.ask({.name = "silent.test"});
    EXPECT_EQ(told(worker.ask(kAaaa)), translated ? "SERVFAIL" : "NOERROR");
  }
  EXPECT_EQ(worker.metrics.get(Metric::overloaded), 3U);
}

}  // namespace
}  // namespace weir::test::resolutions_test
