#include "resolver/server/stale_answers.h"

#include <gtest/gtest.h>

#include "tests/resolver/server/virtual_worker.h"

namespace weir::test::stale_answers_test {
namespace {

using namespace std::chrono_literals;
using Kind = VirtualWorker::Behaviour::Kind;

// What a reply says, in a line: "NOERROR 192.0.2.1 ttl 30 ede 3".
std::string told(const std::vector<std::uint8_t>& reply) {
  if (reply.empty()) return "nothing";
  const auto message = read_message(reply);
  if (!message) return "malformed";
  std::string out = to_text(message->rcode);
  for (const auto* section : {&message->answer, &message->authority}) {
    for (const Rrset& rrset : *section) {
      if (rrset.type == RecordType::a) out += " " + IpAddress::from_octets(*rrset.records().begin()).to_text();
      out += " ttl " + std::to_string(rrset.ttl_seconds);
    }
  }
  if (message->edns && message->edns->ede) out += " ede " + std::to_string(static_cast<unsigned>(*message->edns->ede));
  return out;
}

const Asking kAsking{.name = "www.test", .edns = true};

// SEMANTICS 4: 3 and 19 for stale data
TEST(StaleAnswers, AreGivenWhereNothingNewerCanBeHad) {
  const struct {
    const char* what;
    VirtualWorker::Behaviour before, after;
    std::chrono::milliseconds expired_for, wait;
    const char* expected;
  } rows[] = {
      {"failure", {}, {Kind::servfail, {}, 0}, 1s, 0s, "NOERROR 192.0.2.1 ttl 30 ede 3"},
      {"a short TTL stays short",
       {Kind::address, "192.0.2.1", 7},
       {Kind::servfail, {}, 0},
       1s,
       0s,
       "NOERROR 192.0.2.1 ttl 7 ede 3"},
      {"denial", {Kind::nxdomain, {}, 60}, {Kind::servfail, {}, 0}, 1s, 0s, "NXDOMAIN ttl 30 ede 19"},
      {"silence, not yet", {}, {Kind::silent, {}, 0}, 1s, 1799ms, "nothing"},
      {"silence", {}, {Kind::silent, {}, 0}, 1s, 1800ms, "NOERROR 192.0.2.1 ttl 30 ede 3"},
      {"the last second of the day", {}, {Kind::servfail, {}, 0}, 24h - 1s, 0s, "NOERROR 192.0.2.1 ttl 30 ede 3"},
      {"the day is over", {}, {Kind::servfail, {}, 0}, 24h, 0s, "SERVFAIL"},
      {"a newer answer", {}, {Kind::address, "192.0.2.2", 300}, 1s, 0s, "NOERROR 192.0.2.2 ttl 300"},
      {"a newer denial", {}, {Kind::nxdomain, {}, 60}, 1s, 0s, "NXDOMAIN ttl 60"},
      {"a failure has nothing to give", {Kind::servfail, {}, 0}, {Kind::silent, {}, 0}, 600s, 1800ms, "nothing"},
  };
  for (const auto& row : rows) {
    VirtualWorker worker;
    worker.server["www.test"] = row.before;
    worker.ask(kAsking);
    worker.pass(std::chrono::seconds(row.before.ttl) + row.expired_for);
    worker.server["www.test"] = row.after;
    worker.ask(kAsking);
    worker.pass(row.wait);
    const std::string got = told(worker.reply());
    EXPECT_EQ(got.substr(0, std::string(row.expected).size()), row.expected) << row.what << ": " << got;
  }
}

TEST(StaleAnswers, NotWhereTheyAreNotWanted) {
  CacheConfig config;
  config.serve_stale = false;
  VirtualWorker worker(config);
  worker.server["www.test"] = {};
  worker.ask(kAsking);
  worker.pass(301s);
  worker.server["www.test"].kind = Kind::servfail;
  EXPECT_EQ(told(worker.ask(kAsking)).substr(0, 8), "SERVFAIL");
}

// The rules of today hold for the answer of yesterday.
TEST(StaleAnswers, NeverPastABlock) {
  for (const bool by_address : {false, true}) {
    for (const bool silent : {false, true}) {
      VirtualWorker worker;
      worker.server["www.test"] = {};
      worker.ask(kAsking);
      worker.pass(301s);
      worker.server["www.test"].kind = silent ? Kind::silent : Kind::servfail;
      worker.ask(kAsking);
      // Also one that comes into force while a client waits.
      auto rules = std::make_unique<HandMadeGeneration>(2, 2);
      if (by_address) {
        rules->block_address("192.0.2.0/24");
      } else {
        rules->block("www.test");
      }
      worker.install(std::move(rules));
      if (silent) {
        worker.pass(1800ms);
        EXPECT_EQ(told(worker.reply()).find("192.0.2.1"), std::string::npos);
        EXPECT_NE(told(worker.reply()), "nothing");
      }
      EXPECT_EQ(told(worker.ask(kAsking)).find("192.0.2.1"), std::string::npos) << by_address << silent;
      EXPECT_GE(worker.metrics.get(Metric::blocked), 1U) << by_address << silent;
    }
  }
}

// Which servers gave an answer is not stored; what rules say of them is, as long as the rules are the same.
TEST(StaleAnswers, AreGivenWhereRulesSpeakOfServers) {
  for (const bool silent : {false, true}) {
    VirtualWorker worker;
    worker.install(std::make_unique<HandMadeGeneration>(2, 2)).all_triggers.name_server = true;
    worker.server["www.test"] = {};
    worker.ask(kAsking);
    worker.pass(301s);
    worker.server["www.test"].kind = silent ? Kind::silent : Kind::servfail;
    worker.ask(kAsking);
    worker.pass(1800ms);
    EXPECT_EQ(told(worker.reply()), "NOERROR 192.0.2.1 ttl 30 ede 3") << silent;
    worker.install(std::make_unique<HandMadeGeneration>(3, 3)).all_triggers.name_server = true;
    worker.pass(10s);
    worker.ask(kAsking);
    worker.pass(10s);
    EXPECT_EQ(told(worker.reply()).find("192.0.2.1"), std::string::npos) << "nobody knows what the new rules say";
  }
}

// In whole seconds an answer ends before its RRsets do. Who asked in between had an answer that nothing can be stored
// of, and took away what was to stand in later: for a name that many ask for, always.
TEST(StaleAnswers, OutliveTheLastMomentOfTheirRrsets) {
  for (auto offset = 0ms; offset < 1s; offset += 100ms) {
    VirtualWorker worker;
    worker.pass(offset);
    worker.server["www.test"] = {};
    worker.ask(kAsking);
    worker.server["www.test"].kind = Kind::servfail;
    worker.pass(299s);
    for (int moment = 0; moment < 30; ++moment) {
      worker.pass(100ms);
      EXPECT_EQ(told(worker.ask(kAsking)).substr(0, 17), "NOERROR 192.0.2.1") << offset.count() << " " << moment;
    }
  }
}

TEST(StaleAnswers, AfterAFailureNobodyIsAskedForThirtySeconds) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  worker.ask(kAsking);
  worker.pass(301s);
  worker.server["www.test"].kind = Kind::servfail;
  worker.ask(kAsking);
  const unsigned asked = worker.asked("www.test");
  for (int second = 0; second < 29; ++second) {
    worker.pass(1s);
    EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.1 ttl 30 ede 3");
  }
  EXPECT_EQ(worker.asked("www.test"), asked);
  EXPECT_EQ(worker.metrics.get(Metric::stale_answers), 30U);
  EXPECT_EQ(worker.metrics.get(Metric::missed), 2U);  // the packet path gave the others
  worker.server["www.test"] = {Kind::address, "192.0.2.9", 300};
  worker.pass(2s);
  EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.9 ttl 300");
}

TEST(StaleAnswers, TheResolutionGoesOnAndLaterClientsDoNotWait) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  worker.ask(kAsking);
  worker.pass(301s);
  worker.server["www.test"].kind = Kind::silent;
  EXPECT_EQ(told(worker.ask(kAsking)), "nothing");
  worker.pass(1800ms);
  EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.1 ttl 30 ede 3");
  EXPECT_EQ(worker.resolutions->waiting(), 0U);
  worker.server["www.test"] = {Kind::address, "192.0.2.9", 300};
  worker.answer_late();
  EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.9 ttl 300");
}

// RFC 4035 section 3.2.1: signatures for those who ask for them, and for nobody else.
TEST(StaleAnswers, TheOtherDoOnlyWhereItMakesNoDifference) {
  const struct {
    Security security;
    bool stored_with_do;
    bool expected;
  } rows[] = {{Security::secure, false, false},       {Security::secure, true, false},
              {Security::insecure, false, true},      {Security::insecure, true, true},
              {Security::indeterminate, false, true}, {Security::indeterminate, true, false}};
  for (const auto& row : rows) {
    const CacheConfig config;
    const auto cache = std::move(*AnswerCache::make(4 << 20));
    StaleAnswers stale(*cache, config);
    const auto message = encode_query({.name = "www.test", .edns = true, .dnssec_ok = row.stored_with_do});
    const auto other = encode_query({.name = "www.test", .edns = true, .dnssec_ok = !row.stored_with_do});
    auto stored = message;
    stored[11] = 0;  // without its OPT
    stored.resize(stored.size() - 11);
    cache->put(AnswerKey::of(parse_query(message).query), {.wire = stored,
                                                           .ttl_offsets = {},
                                                           .security = static_cast<std::uint8_t>(row.security),
                                                           .inserted = 100,
                                                           .expires = 200,
                                                           .stale_until = stale.usable_until(Rcode::noerror, 200),
                                                           .ede = {},
                                                           .ede_text = {},
                                                           .epoch = {1},
                                                           .matches = {}});
    EXPECT_TRUE(stale.find(parse_query(message).query, 300));
    EXPECT_EQ(stale.find(parse_query(other).query, 300), row.expected)
        << static_cast<int>(row.security) << row.stored_with_do;
    EXPECT_FALSE(stale.find(parse_query(message).query, 199)) << "it is no old answer yet";
    stale.superseded(parse_query(other).query, 300);
    EXPECT_FALSE(stale.find(parse_query(message).query, 300)) << "something newer is known";
  }
}

// An alias of an unsigned zone may lead to what is signed.
TEST(StaleAnswers, SignaturesAreForWhoAskedForThem) {
  const CacheConfig config;
  const auto cache = std::move(*AnswerCache::make(4 << 20));
  StaleAnswers stale(*cache, config);
  const auto put = [&](const Query& query, bool is_signed) {
    ResolutionResult result;
    result.question = {query.name(), query.type, RecordClass::in};
    result.rcode = Rcode::noerror;
    Rrset address;
    address.owner = query.name();
    address.type = RecordType::a;
    address.ttl_seconds = 60;
    address.add(IpAddress::parse("192.0.2.1")->bytes());
    result.answer.push_back(address);
    if (is_signed) {
      address.type = RecordType::rrsig;
      address.type_covered = RecordType::a;
      result.answer.push_back(address);
    }
    BuiltAnswer built;
    build_answer(result, built);
    cache->put(AnswerKey::of(query), {.wire = built.wire,
                                      .ttl_offsets = built.ttl_offsets,
                                      .security = static_cast<std::uint8_t>(Security::insecure),
                                      .inserted = 100,
                                      .expires = 200,
                                      .stale_until = stale.usable_until(Rcode::noerror, 200),
                                      .ede = {},
                                      .ede_text = {},
                                      .epoch = {1},
                                      .matches = {}});
  };
  const auto with = encode_query({.name = "www.test", .edns = true, .dnssec_ok = true});
  const auto without = encode_query({.name = "www.test", .edns = true});
  for (const bool is_signed : {false, true}) {
    put(parse_query(with).query, is_signed);
    EXPECT_TRUE(stale.find(parse_query(with).query, 300)) << is_signed;
    EXPECT_EQ(stale.find(parse_query(without).query, 300), !is_signed);
  }
}

TEST(Prefetch, WhatIsInUseIsAskedForAgainBeforeItExpires) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  worker.ask(kAsking);
  worker.pass(100s);
  worker.ask(kAsking);
  const unsigned asked = worker.asked("www.test");
  worker.pass(169s);
  EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.1 ttl 31");
  EXPECT_EQ(worker.asked("www.test"), asked) << "more than a tenth is left";
  worker.pass(1s);
  worker.server["www.test"].address = "192.0.2.2";
  EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.1 ttl 30") << "the answer does not wait for it";
  EXPECT_EQ(worker.asked("www.test"), asked + 1);
  EXPECT_EQ(worker.metrics.get(Metric::prefetches), 1U);
  EXPECT_EQ(told(worker.ask(kAsking)), "NOERROR 192.0.2.2 ttl 300");
  EXPECT_EQ(worker.metrics.get(Metric::missed), 1U);
}

TEST(Prefetch, OnceAnEntry) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  worker.ask(kAsking);
  worker.pass(275s);
  worker.server["www.test"].kind = Kind::servfail;
  for (int i = 0; i < 5; ++i) {
    worker.pass(1s);
    EXPECT_EQ(told(worker.ask(kAsking)).substr(0, 17), "NOERROR 192.0.2.1") << "what is there stays";
  }
  EXPECT_EQ(worker.metrics.get(Metric::prefetches), 1U);
}

TEST(Prefetch, NotWhereItIsSwitchedOff) {
  CacheConfig config;
  config.prefetch = false;
  VirtualWorker worker(config);
  worker.server["www.test"] = {};
  worker.ask(kAsking);
  worker.ask(kAsking);
  worker.pass(275s);
  worker.ask(kAsking);
  EXPECT_EQ(worker.metrics.get(Metric::prefetches), 0U);
}

}  // namespace
}  // namespace weir::test::stale_answers_test
