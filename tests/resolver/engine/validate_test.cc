// The engine's Validate step: signed zones behind a network of servers, from question to result.
#include <gtest/gtest.h>

#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/dnssec/denial_cache.h"
#include "tests/resolver/dnssec/signed_zone.h"
#include "tests/simulation_support/fake_network.h"

namespace weir::simulation::validate_test {
namespace {

using namespace std::chrono_literals;

const Origin kWithDo{.prefix = {}, .dnssec_ok = true};
const Origin kWithCd{.prefix = {}, .checking_disabled = true};
const Origin kWithoutRd{.prefix = {}, .cache_only = true};

// 10.53.0.1 root; .2 example; .5 and .6 secure.example; .7 insecure.example; .8 broken.example, whose DS is wrong.
struct SignedNet {
  FakeNetwork network;
  ZoneTrustCache zone_trust;
  DenialCache denials;
  EngineOptions options;
  std::unique_ptr<Engine> engine;
  std::deque<SignedZone> zones;

  explicit SignedNet(std::uint64_t seed = 1, DenialBy denial = DenialBy::nsec) : network(seed) {
    const Signing signing{.denial = denial, .inception = 1'799'000'000, .expiration = 1'801'000'000};
    const auto add = [&](const std::string& apex, const std::string& records,
                         const std::vector<std::string>& addresses) -> const SignedZone& {
      const SignedZone& zone = zones.emplace_back(apex, records, signing);
      network.add_signed_zone(
          zone.apex(), zone.all(), [&zone](const Name& owner) { return SignedZone::flat(zone.proofs(owner)); },
          addresses);
      return zone;
    };
    const SignedZone& secure = add("secure.example",
                                   "secure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
                                   "secure.example. 3600 NS ns1.secure.example.\n"
                                   "secure.example. 3600 NS ns2.secure.example.\n"
                                   "ns1.secure.example. 3600 A 10.53.0.5\n"
                                   "ns2.secure.example. 3600 A 10.53.0.6\n"
                                   "www.secure.example. 600 A 192.0.2.1\n"
                                   "mail.secure.example. 600 A 192.0.2.9\n"
                                   "x.ent.secure.example. 600 A 192.0.2.2\n"
                                   "alias.secure.example. 600 CNAME www.secure.example.\n"
                                   "far.secure.example. 600 CNAME www.insecure.example.\n"
                                   "apex.secure.example. 600 CNAME secure.example.\n"
                                   "*.wild.secure.example. 600 A 192.0.2.3\n"
                                   "sub.mid.secure.example. 3600 NS ns1.secure.example.\n"
                                   "*.aliases.secure.example. 600 CNAME www.secure.example.\n",
                                   {"10.53.0.5", "10.53.0.6"});
    add("broken.example", "broken.example. 3600 SOA ns. h. 1 2 3 4 300\nwww.broken.example. 600 A 192.0.2.4\n",
        {"10.53.0.8"});
    network.add_zone("insecure.example", "insecure.example 300 SOA 300\nwww.insecure.example 600 A 192.0.2.5",
                     {"10.53.0.7"});
    const SignedZone& example = add("example",
                                    "example. 3600 SOA ns. h. 1 2 3 4 300\n"
                                    "example. 3600 NS ns.example.\n"
                                    "ns.example. 3600 A 10.53.0.2\n"
                                    "secure.example. 3600 NS ns1.secure.example.\n"
                                    "secure.example. 3600 NS ns2.secure.example.\n"
                                    "ns1.secure.example. 3600 A 10.53.0.5\n"
                                    "ns2.secure.example. 3600 A 10.53.0.6\n" +
                                        secure.ds_line() +
                                        "insecure.example. 3600 NS ns.insecure.example.\n"
                                        "ns.insecure.example. 3600 A 10.53.0.7\n"
                                        "broken.example. 3600 NS ns.broken.example.\n"
                                        "ns.broken.example. 3600 A 10.53.0.8\n"
                                        "broken.example. 3600 DS 1 13 2 00\n" +
                                        more_of_example(),
                                    {"10.53.0.2"});
    const SignedZone& root = add(".",
                                 ". 3600 SOA ns. h. 1 2 3 4 300\n. 3600 NS ns.root.\nns.root. 3600 A 10.53.0.1\n"
                                 "example. 3600 NS ns.example.\nns.example. 3600 A 10.53.0.2\n" +
                                     example.ds_line(),
                                 {"10.53.0.1"});
    auto rules = std::make_shared<TrustRules>();
    rules->anchors.add(Name(), RecordType::ds, *root.anchor().ds.records().begin());
    options = network.options();
    options.trust = rules;
    options.zone_trust = &zone_trust;
    options.denials = &denials;
  }
  SignedNet& start() {
    engine = std::make_unique<Engine>(options, network.rrsets, network.servers);
    network.attach(*engine);
    return *this;
  }
  ResolutionResult ask(const std::string& name, RecordType type = RecordType::a, Origin origin = {}) {
    const ResolutionResult result = network.resolve(name, type, origin);
    network.run();
    return result;
  }
  // This server's answer to one question is another one.
  void forge(const std::string& address, const std::string& owner, RecordType type, Reply reply) {
    network.set_script(address, [=](const Message& query, const IpAddress&) -> std::optional<Octets> {
      if (query.start.qname != *Name::parse(owner) || query.start.qtype != type) return std::nullopt;
      return make_reply(query, reply);
    });
  }
  void forge_www(const std::string& address) {
    forge(address, "www.secure.example", RecordType::a, {.answer = {"www.secure.example 600 A 192.0.2.66"}});
  }
  void be_honest(const std::string& address) { network.set_script(address, nullptr); }

  // Eleven servers that fail, and one without glue that answers: what is left to the resolution is one failure.
  static std::string more_of_example() {
    std::string out = "evil.example. 3600 NS away.insecure.example.\n";
    for (int i = 0; i < 11; ++i) {
      const std::string server = "ns" + std::to_string(i) + ".evil.example.";
      out += "evil.example. 3600 NS " + server + "\n" + server + " 3600 A 10.53.1." + std::to_string(i + 1) + "\n";
    }
    return out;
  }
};

// A server of secure.example that gives no signatures and no proofs.
std::optional<Octets> without_signatures(const Message& query, const IpAddress&) {
  if (query.start.qtype == RecordType::dnskey) {
    return make_reply(query, {.answer = {"secure.example 600 DNSKEY unsignedkeys"}});
  }
  if (query.start.qname == *Name::parse("www.secure.example") && query.start.qtype == RecordType::a) {
    return make_reply(query, {.answer = {"www.secure.example 600 A 192.0.2.1"}});
  }
  return make_reply(query, {.authority = {"secure.example 300 SOA 300"}});
}

std::size_t count(const std::vector<Rrset>& section, RecordType type) {
  return static_cast<std::size_t>(std::ranges::count(section, type, &Rrset::type));
}

struct ResultRow {
  const char* name;
  RecordType type;
  Rcode rcode;
  Security security;
  std::optional<EdeCode> ede = std::nullopt;
};

TEST(Validate, EachKindOfAnswer) {
  using enum Security;
  const RecordType a = RecordType::a;
  const ResultRow rows[] = {
      {"www.secure.example", a, Rcode::noerror, secure},
      {"alias.secure.example", a, Rcode::noerror, secure},
      {"q.wild.secure.example", a, Rcode::noerror, secure},
      {"q.aliases.secure.example", a, Rcode::noerror, secure},
      {"www.secure.example", RecordType::mx, Rcode::noerror, secure},
      {"q.wild.secure.example", RecordType::mx, Rcode::noerror, secure},
      {"ent.secure.example", a, Rcode::noerror, secure},
      {"none.secure.example", a, Rcode::nxdomain, secure},
      {"none", a, Rcode::nxdomain, secure},
      {"secure.example", RecordType::dnskey, Rcode::noerror, secure},
      {"secure.example", RecordType::ds, Rcode::noerror, secure},
      {"insecure.example", RecordType::ds, Rcode::noerror, secure},
      {".", RecordType::dnskey, Rcode::noerror, secure},
      {"www.insecure.example", a, Rcode::noerror, insecure},
      {"none.insecure.example", a, Rcode::nxdomain, insecure},
      {"far.secure.example", a, Rcode::noerror, insecure},
      {"www.broken.example", a, Rcode::servfail, bogus, EdeCode::dnskey_missing},
      {"none.broken.example", a, Rcode::servfail, bogus, EdeCode::dnskey_missing},
      {"broken.example", RecordType::ds, Rcode::noerror, secure},
  };
  for (const DenialBy denial : {DenialBy::nsec, DenialBy::nsec3}) {
    for (const ResultRow& row : rows) {
      SCOPED_TRACE(std::string(row.name) + "/" + to_text(row.type));
      SignedNet net(1, denial);
      net.start();
      const ResolutionResult result = net.ask(row.name, row.type);
      EXPECT_EQ(result.rcode, row.rcode) << result.ede_text << "\n" << net.network.trace;
      EXPECT_EQ(result.security, row.security) << result.ede_text;
      EXPECT_EQ(result.ede, row.ede) << result.ede_text;
      for (const auto* section : {&result.answer, &result.authority}) {
        EXPECT_EQ(count(*section, RecordType::rrsig), 0U) << "nobody asked for it";
        EXPECT_EQ(count(*section, RecordType::nsec) + count(*section, RecordType::nsec3), 0U);
      }
      // Again, from the cache: the same, and with what proves it where DO is set.
      net.network.reset_counts();
      const ResolutionResult again = net.ask(row.name, row.type, kWithDo);
      EXPECT_EQ(net.network.packets, 0U) << net.network.trace;
      EXPECT_EQ(again.rcode, row.rcode);
      EXPECT_EQ(again.ede, row.ede) << again.ede_text;
      if (row.rcode == Rcode::servfail) continue;
      EXPECT_EQ(again.security, row.security) << again.ede_text;
      if (row.security != secure) continue;
      EXPECT_GE(count(again.answer, RecordType::rrsig) + count(again.authority, RecordType::rrsig), 1U);
    }
  }
}

// What others fetch meanwhile from the server without signatures must not pass for what the zone's good server gave:
// neither its keys in the cache nor a verdict that somebody is about to ask anew.
TEST(Validate, QuestionsAtTheSameTimeDoNotPoisonEachOther) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SignedNet net(seed);
    net.start();
    net.network.set_script("10.53.0.5", &without_signatures);
    struct Asked {
      const char* name;
      RecordType type;
      Origin origin = {};
    };
    const Asked kAsked[] = {{"secure.example", RecordType::dnskey, kWithCd},
                            {"www.secure.example", RecordType::a},
                            {"x.www.secure.example", RecordType::a},
                            {"www.secure.example", RecordType::a, kWithCd},
                            {"mail.secure.example", RecordType::mx},
                            {"nothing.secure.example", RecordType::a},
                            {"x.www.secure.example", RecordType::txt, kWithCd},
                            {"x.ent.secure.example", RecordType::a},
                            {"ent.secure.example", RecordType::a},
                            {"y.www.secure.example", RecordType::a},
                            {"secure.example", RecordType::ns},
                            {"secure.example", RecordType::dnskey}};
    for (const Asked& asked : kAsked) {
      Question question;
      question.name = *Name::parse(asked.name);
      question.type = asked.type;
      net.engine->start(question, asked.origin, net.network.now());
      net.network.collect();
      net.network.pass(std::chrono::milliseconds(net.network.random() % 30));
    }
    net.network.run();
    for (const Asked& asked : kAsked) {
      if (asked.origin.checking_disabled) continue;
      const ResolutionResult result = net.ask(asked.name, asked.type);
      EXPECT_EQ(result.security, Security::secure) << asked.name << " " << result.ede_text;
    }
    EXPECT_EQ(net.engine->counters().bogus, 0U) << seed << "\n" << net.network.trace;
  }
}

// The DS came with the referral, and so did the proof that there is none.
TEST(Validate, ADelegationCostsNoQuestionForItsDs) {
  struct CostRow {
    const char* name;
    unsigned packets;
  };
  // Root and example: a referral and a DNSKEY each; the root's priming; the zone: the answer, and DNSKEY where signed.
  for (const CostRow& row : {CostRow{"www.secure.example", 7}, CostRow{"www.insecure.example", 6}}) {
    SCOPED_TRACE(row.name);
    for (const DenialBy denial : {DenialBy::nsec, DenialBy::nsec3}) {
      SignedNet net(1, denial);
      net.start();
      net.ask(row.name);
      EXPECT_EQ(net.network.packets, row.packets) << net.network.trace;
      EXPECT_EQ(net.network.trace.find("/DS"), std::string::npos) << net.network.trace;
    }
  }
}

// Whoever looked again would find every signature expired.
TEST(Validate, TheSecondQuestionCostsNoExchangeAndNoSignatureCheck) {
  SignedNet net;
  net.start();
  for (const char* name : {"www.secure.example", "q.wild.secure.example", "none.secure.example"}) {
    SCOPED_TRACE(name);
    net.ask(name);
    net.network.reset_counts();
    Now later = net.network.now();
    later.wall += 24h * 365;
    net.engine->start({*Name::parse(name), RecordType::a, RecordClass::in}, {}, later);
    const auto results = net.engine->take_results();
    ASSERT_EQ(results.size(), 1U);
    EXPECT_EQ(results[0].security, Security::secure) << results[0].ede_text;
    EXPECT_EQ(net.network.packets, 0U);
  }
}

// Counted from the end of the checks, TTLs were longer by the time that they took.
TEST(Validate, TtlsCountFromWhenTheDataCameNotFromWhenItWasChecked) {
  SignedNet net;
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.network.behaviour(address).delay = 400ms;
  net.start();
  const ResolutionResult result = net.network.resolve("www.secure.example", RecordType::a);
  EXPECT_EQ(result.security, Security::secure);
  const SteadyTime answered = net.network.finished_at.at(result.id);
  EXPECT_LE(result.expires, answered + 600s - 400ms);
  EXPECT_GE(result.expires, answered + 595s);
  const auto found = [&](SteadyTime at) {
    return net.network.rrsets.find(result.question.name, RecordType::a, Credibility::glue, Signatures::not_needed, at);
  };
  EXPECT_TRUE(found(result.expires - 1ms));
  EXPECT_FALSE(found(result.expires));
}

// The child's servers, who gave the alias, also said that there is no DS, and were believed.
TEST(Validate, AnAliasToAZonesApexDoesNotMakeItsServersSpeakForItsDs) {
  SignedNet net;
  net.start();
  const ResolutionResult result = net.ask("apex.secure.example", RecordType::ds);
  EXPECT_EQ(result.rcode, Rcode::noerror) << result.ede_text;
  EXPECT_EQ(result.security, Security::secure);
  EXPECT_EQ(count(result.answer, RecordType::ds), 1U);
}

TEST(Validate, AnotherServerOfTheZoneIsAskedBeforeDataIsBogus) {
  unsigned forged = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SignedNet net(seed);
    net.start();
    net.forge_www("10.53.0.5");
    const ResolutionResult result = net.ask("www.secure.example");
    EXPECT_EQ(result.rcode, Rcode::noerror) << net.network.trace;
    EXPECT_EQ(result.security, Security::secure);
    forged += net.network.trace.find("10.53.0.5:53 www.secure") != std::string::npos ||
              net.network.packets_to["10.53.0.5"] > 0;
  }
  EXPECT_GT(forged, 0U);
}

// Only what is bogus is asked for anew: the chain of trust held.
TEST(Validate, WhatHeldIsNotAskedForAgain) {
  unsigned forged = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SignedNet net(seed);
    net.start();
    net.forge_www("10.53.0.5");
    EXPECT_EQ(net.ask("www.secure.example").security, Security::secure);
    std::string trace = net.network.trace;
    std::ranges::transform(trace, trace.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    forged += net.network.packets_to["10.53.0.5"] > 0;
    for (const std::string zone : {" ./dnskey", " example/dnskey", " secure.example/dnskey"}) {
      const auto first = trace.find(zone);
      if (first == std::string::npos) continue;
      EXPECT_EQ(trace.find(zone, first + 1), std::string::npos) << zone << "\n" << trace;
    }
  }
  EXPECT_GT(forged, 0U);
}

TEST(Validate, AServersBadKeysAreAskedOfAnother) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SignedNet net(seed);
    net.start();
    net.forge("10.53.0.5", "secure.example", RecordType::dnskey,
              {.answer = {"secure.example 600 DNSKEY junkjunkjunk"}});
    const ResolutionResult result = net.ask("www.secure.example");
    EXPECT_EQ(result.security, Security::secure) << result.ede_text << "\n" << net.network.trace;
  }
}

// Who answered for less of the name gave nothing of what was bogus, and may be the one that has the proof.
TEST(Validate, AServerWithoutProofsDoesNotTakeTheOthersDown) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SignedNet net(seed);
    net.start();
    net.network.set_script("10.53.0.5", [](const Message& query, const IpAddress&) -> std::optional<Octets> {
      if (!query.start.qname.is_at_or_below(*Name::parse("b.secure.example"))) return std::nullopt;
      return make_reply(query, {.rcode = Rcode::nxdomain, .authority = {"secure.example 300 SOA 300"}});
    });
    const ResolutionResult result = net.ask("a.b.secure.example");
    EXPECT_EQ(result.rcode, Rcode::nxdomain) << result.ede_text << "\n" << net.network.trace;
    EXPECT_EQ(result.security, Security::secure);
  }
}

// Its data in the cache, put there by somebody who does not check, its keys and its word that no zone is below: each
// may cost a retry.
TEST(Validate, AServerWithoutSignaturesDoesNotTakeTheOthersDown) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SignedNet net(seed);
    net.start();
    net.network.set_script("10.53.0.5", &without_signatures);
    for (const RecordType type : {RecordType::a, RecordType::mx}) {
      const std::string name = type == RecordType::a ? "www.secure.example" : "secure.example";
      net.ask(name, type, kWithCd);
      const ResolutionResult result = net.ask(name, type);
      EXPECT_EQ(result.security, Security::secure) << result.ede_text << "\n" << net.network.trace;
    }
  }
}

// The DS came with the referral of one of the parent's two servers.
TEST(Validate, AParentsBadReferralIsAskedOfAnother) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SignedNet net(seed);
    net.network.add_records("example", "example 3600 NS ns2.example\nns2.example 3600 A 10.53.0.3");
    net.network.add_records(".", "example 3600 NS ns2.example\nns2.example 3600 A 10.53.0.3");
    const SignedZone& example = net.zones[2];
    net.network.add_signed_zone(example.apex(), example.all(),
                                [&example](const Name& owner) { return SignedZone::flat(example.proofs(owner)); },
                                {"10.53.0.3"});
    net.start();
    net.network.set_script("10.53.0.3", [](const Message& query, const IpAddress&) -> std::optional<Octets> {
      if (!query.start.qname.is_at_or_below(*Name::parse("secure.example"))) return std::nullopt;
      return make_reply(
          query, {.flags = 0x8000,
                  .authority = {"secure.example 3600 NS ns1.secure.example", "secure.example 3600 DS junkjunkjunk"},
                  .additional = {"ns1.secure.example 3600 A 10.53.0.5"}});
    });
    const ResolutionResult result = net.ask("www.secure.example");
    EXPECT_EQ(result.security, Security::secure) << result.ede_text << "\n" << net.network.trace;
  }
}

// Fetched by somebody who does not check.
TEST(Validate, BadKeysInTheCacheAreAskedForAnew) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
    net.forge(address, "secure.example", RecordType::dnskey, {.answer = {"secure.example 3600 DNSKEY junkjunkjunk"}});
  }
  EXPECT_EQ(net.ask("secure.example", RecordType::dnskey, kWithCd).rcode, Rcode::noerror);
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.be_honest(address);
  const ResolutionResult result = net.ask("www.secure.example");
  EXPECT_EQ(result.security, Security::secure) << result.ede_text << "\n" << net.network.trace;
}

// RFC 9520, and a zone that is repaired comes back.
TEST(Validate, BogusIsRememberedForAWhileAndNoLonger) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.forge_www(address);
  const ResolutionResult first = net.ask("www.secure.example");
  EXPECT_EQ(first.rcode, Rcode::servfail);
  EXPECT_EQ(first.security, Security::bogus);
  EXPECT_EQ(first.ede, EdeCode::rrsigs_missing);
  EXPECT_FALSE(first.ede_text.empty());
  EXPECT_TRUE(first.answer.empty());
  EXPECT_EQ(net.engine->counters().bogus, 1U);
  net.network.reset_counts();
  const ResolutionResult second = net.ask("www.secure.example");
  EXPECT_EQ(second.rcode, Rcode::servfail);
  EXPECT_EQ(second.ede, EdeCode::rrsigs_missing);
  EXPECT_EQ(net.network.packets, 0U) << net.network.trace;
  EXPECT_EQ(net.engine->counters().bogus, 1U) << "nobody looks at it again";
  for (int i = 0; i < 8; ++i) {
    net.network.pass(std::chrono::seconds(limit_of(Limit::bogus_ttl_s)) + 1s);
    const ResolutionResult again = net.ask("www.secure.example");
    EXPECT_EQ(again.rcode, Rcode::servfail);
    EXPECT_LE(again.ttl, std::chrono::seconds(limit_of(Limit::bogus_ttl_s)));
  }
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.be_honest(address);
  net.network.pass(std::chrono::seconds(limit_of(Limit::bogus_ttl_s)) + 1s);
  const ResolutionResult repaired = net.ask("www.secure.example");
  EXPECT_EQ(repaired.rcode, Rcode::noerror) << repaired.ede_text << "\n" << net.network.trace;
  EXPECT_EQ(repaired.security, Security::secure);
}

// SEMANTICS 5.0: its result carries all links seen, also with a failure:
TEST(Validate, WhatIsBogusBehindAGoodAliasKeepsTheAlias) {
  for (const bool is_tree : {false, true}) {
    SignedNet net;
    net.start();
    const std::string alias = is_tree ? "www.tree.insecure.example" : "alias.insecure.example";
    const std::string record =
        is_tree ? "tree.insecure.example 600 DNAME broken.example" : alias + " 600 CNAME www.broken.example";
    net.forge("10.53.0.7", alias, RecordType::a, {.answer = {record}});
    for (const char* round : {"found out", "remembered", "still"}) {
      const ResolutionResult result = net.ask(alias);
      EXPECT_EQ(result.rcode, Rcode::servfail) << round;
      EXPECT_EQ(result.security, Security::bogus) << round;
      ASSERT_EQ(result.aliases.size(), 1U) << round << "\n" << net.network.trace;
      EXPECT_EQ(result.aliases[0].target.to_text(), "www.broken.example") << round;
      EXPECT_TRUE(result.answer.empty()) << round;
      EXPECT_EQ(net.engine->counters().bogus, 1U) << round << ": nobody looks at it again";
    }
    Origin origin;
    origin.checking_disabled = true;
    const ResolutionResult unchecked = net.ask(alias, RecordType::a, origin);
    EXPECT_EQ(unchecked.rcode, Rcode::noerror) << "who checks for himself gets it";
  }
}

// Nothing is said of where a bogus alias leads, now and later.
TEST(Validate, ABogusAliasIsNoLink) {
  SignedNet net;
  net.start();
  net.forge("10.53.0.8", "www.broken.example", RecordType::a,
            {.answer = {"www.broken.example 600 CNAME www.insecure.example"}});
  for (const char* round : {"found out", "remembered"}) {
    const ResolutionResult result = net.ask("www.broken.example");
    EXPECT_EQ(result.security, Security::bogus) << round;
    EXPECT_TRUE(result.aliases.empty()) << round;
  }
}

// An island of trust below a zone that nobody signs: what others say above it is insecure, and hides nothing of it
// (RFC 8020 section 2, RFC 6672 section 3.2).
TEST(Validate, WhatIsInsecureAboveAnIslandOfTrustSaysNothingOfIt) {
  const Name apex = *Name::parse("island.insecure.example");
  for (const bool is_tree : {false, true}) {
    SignedNet net;
    const SignedZone island("island.insecure.example",
                            "island.insecure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
                            "www.island.insecure.example. 600 A 192.0.2.6\n",
                            {.inception = 1'799'000'000, .expiration = 1'801'000'000});
    net.network.add_signed_zone(
        apex, island.all(), [&](const Name& owner) { return SignedZone::flat(island.proofs(owner)); }, {"10.53.0.6"});
    net.network.add_records("insecure.example",
                            "island.insecure.example 3600 NS ns.island.insecure.example\n"
                            "ns.island.insecure.example 3600 A 10.53.0.6");
    auto rules = std::make_shared<TrustRules>(*net.options.trust);
    rules->anchors.add(apex, RecordType::ds, *island.anchor().ds.records().begin());
    net.options.trust = rules;
    net.start();
    if (is_tree) {
      net.forge("10.53.0.7", "other.insecure.example", RecordType::a,
                {.answer = {"insecure.example 600 DNAME insecure.example.test"}});
      EXPECT_EQ(net.ask("other.insecure.example").aliases.size(), 1U);
    } else {
      net.forge("10.53.0.7", "island.insecure.example", RecordType::ds,
                {.rcode = Rcode::nxdomain, .authority = {"insecure.example 300 SOA 300"}});
      EXPECT_EQ(net.ask("island.insecure.example", RecordType::ds).rcode, Rcode::nxdomain);
    }
    net.be_honest("10.53.0.7");
    const ResolutionResult result = net.ask("www.island.insecure.example");
    EXPECT_EQ(result.rcode, Rcode::noerror) << result.ede_text << "\n" << net.network.trace;
    EXPECT_EQ(result.security, Security::secure);
    EXPECT_TRUE(result.aliases.empty());
  }
}

// Where the end is known to be bogus already the links are checked all the same.
// SEMANTICS 5.0: A bogus answer stays SERVFAIL unless the QNAME or an earlier, validated or unsigned, link is blocked.
TEST(Validate, AnAliasToWhatIsKnownToBeBogusIsALinkOnlyIfItIsGood) {
  SignedNet net;
  net.start();
  EXPECT_EQ(net.ask("www.broken.example").security, Security::bogus);
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
    net.forge(address, "www.secure.example", RecordType::a,
              {.answer = {"www.secure.example 600 CNAME www.broken.example"}});
  }
  net.forge("10.53.0.7", "alias.insecure.example", RecordType::a,
            {.answer = {"alias.insecure.example 600 CNAME www.broken.example"}});
  for (const char* round : {"found out", "remembered"}) {
    const ResolutionResult forged = net.ask("www.secure.example");
    EXPECT_EQ(forged.rcode, Rcode::servfail) << round;
    EXPECT_EQ(forged.security, Security::bogus) << round;
    EXPECT_TRUE(forged.aliases.empty()) << round << ": nobody signed it";
    const ResolutionResult good = net.ask("alias.insecure.example");
    EXPECT_EQ(good.rcode, Rcode::servfail) << round;
    EXPECT_EQ(good.security, Security::bogus) << round;
    EXPECT_EQ(good.ede, EdeCode::dnskey_missing) << round;
    EXPECT_EQ(good.aliases.size(), 1U) << round;
  }
}

// The end alone is remembered: the alias before it is asked for again when its TTL has ended.
TEST(Validate, AGoodAliasToWhatIsBogusIsFetchedAgain) {
  SignedNet net;
  net.start();
  net.forge("10.53.0.7", "alias.insecure.example", RecordType::a,
            {.answer = {"alias.insecure.example 1 CNAME www.broken.example"}});
  for (int i = 0; i < 4; ++i) {
    net.network.reset_counts();
    const ResolutionResult result = net.ask("alias.insecure.example");
    EXPECT_EQ(result.security, Security::bogus) << i;
    EXPECT_EQ(result.aliases.size(), 1U) << i << "\n" << net.network.trace;
    EXPECT_EQ(net.engine->counters().bogus, 1U) << "and nobody looks at the end again";
    if (i > 0) {
      EXPECT_EQ(net.network.packets, 1U) << net.network.trace;
    }
    net.network.pass(1100ms);
  }
}

// What could not be checked for lack of means is no link either: a limit that one forged record reaches, or keys that
// may not be fetched.
TEST(Validate, AnAliasThatCouldNotBeCheckedIsNoLink) {
  for (const bool flood : {true, false}) {
    SignedNet net;
    net.start();
    net.ask("www.insecure.example", RecordType::a, kWithCd);
    SignedRrset forged = net.zones.front().get("alias.secure.example", RecordType::cname);
    const Rrset good = forged.signatures;
    forged.rrset = rrset_of("alias.secure.example. 600 CNAME www.insecure.example.");
    forged.signatures.set_packed({}, 0);
    Octets rdata((*good.records().begin()).begin(), (*good.records().begin()).end());
    for (int i = 0; i < 5; ++i) {
      ++rdata.back();
      forged.signatures.add(rdata);
    }
    net.network.rrsets.put(forged, Credibility::authoritative_answer, *Name::parse("secure.example"),
                           Signatures::needed, net.network.now().steady);
    const ResolutionResult result = net.ask("alias.secure.example", RecordType::a, flood ? Origin() : kWithoutRd);
    EXPECT_EQ(result.rcode, flood ? Rcode::servfail : Rcode::refused) << result.ede_text;
    EXPECT_TRUE(result.aliases.empty()) << result.ede_text;
  }
}

TEST(Validate, BogusIsRememberedLongerEachTimeUpToItsLimit) {
  SignedNet net;
  net.start();
  std::chrono::seconds last{0};
  for (int i = 0; i < 6; ++i) {
    const ResolutionResult result = net.ask("www.broken.example");
    EXPECT_EQ(result.rcode, Rcode::servfail);
    EXPECT_GE(result.ttl, last);
    last = result.ttl;
    net.network.pass(result.ttl + 1s);
  }
  EXPECT_EQ(last, std::chrono::seconds(limit_of(Limit::bogus_ttl_s)));
}

TEST(Validate, WhoChecksForHimselfGetsWhatIsBogus) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.forge_www(address);
  for (const bool first : {true, false}) {
    SCOPED_TRACE(first);
    const ResolutionResult result = net.ask("www.secure.example", RecordType::a, kWithCd);
    EXPECT_EQ(result.rcode, Rcode::noerror) << result.ede_text;
    EXPECT_EQ(result.security, Security::indeterminate);
    ASSERT_EQ(result.answer.size(), 1U);
    const ResolutionResult checked = net.ask("www.secure.example");
    EXPECT_EQ(checked.rcode, Rcode::servfail);
    EXPECT_EQ(checked.ede, EdeCode::rrsigs_missing);
  }
  const ResolutionResult broken = net.ask("www.broken.example", RecordType::a, kWithCd);
  EXPECT_EQ(broken.rcode, Rcode::noerror);
  EXPECT_EQ(net.ask("www.broken.example").rcode, Rcode::servfail);
  EXPECT_EQ(net.ask("www.broken.example", RecordType::a, kWithCd).rcode, Rcode::noerror);
}

TEST(Validate, WhoChecksForHimselfGetsItAlsoWhereNothingIsKept) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
    net.forge(address, "www.secure.example", RecordType::a, {.answer = {"www.secure.example 0 A 192.0.2.66"}});
  }
  EXPECT_EQ(net.ask("www.secure.example").rcode, Rcode::servfail);
  EXPECT_EQ(net.ask("www.secure.example", RecordType::a, kWithCd).rcode, Rcode::noerror);
}

// What was fetched with CD is checked when somebody asks without.
TEST(Validate, DataFetchedWithCdIsCheckedLater) {
  SignedNet net;
  net.start();
  EXPECT_EQ(net.ask("www.secure.example", RecordType::a, kWithCd).security, Security::indeterminate);
  EXPECT_EQ(net.ask("www.secure.example").security, Security::secure);
  EXPECT_EQ(net.ask("none.secure.example", RecordType::a, kWithCd).security, Security::indeterminate);
  EXPECT_EQ(net.ask("a.b.none.secure.example").security, Security::secure);
}

// RFC 8198: names that nobody asked for yet.
TEST(Validate, WhatIsProvenAnswersOtherNames) {
  for (const DenialBy denial : {DenialBy::nsec, DenialBy::nsec3}) {
    SignedNet net(1, denial);
    net.start();
    for (int i = 0; i < 200; ++i) net.ask("n" + std::to_string(i) + ".secure.example");
    net.ask("one.wild.secure.example");
    net.ask("one.aliases.secure.example");
    net.network.reset_counts();
    for (int i = 200; i < 220; ++i) {
      const ResolutionResult result = net.ask("n" + std::to_string(i) + ".secure.example", RecordType::mx, kWithDo);
      EXPECT_EQ(result.rcode, Rcode::nxdomain);
      EXPECT_EQ(result.security, Security::secure);
      EXPECT_EQ(count(result.authority, RecordType::soa), 1U);
      EXPECT_GE(count(result.authority, RecordType::rrsig), 2U);
    }
    const ResolutionResult wildcard = net.ask("two.wild.secure.example", RecordType::a, kWithDo);
    EXPECT_EQ(wildcard.rcode, Rcode::noerror);
    EXPECT_EQ(wildcard.security, Security::secure);
    ASSERT_EQ(count(wildcard.answer, RecordType::a), 1U);
    EXPECT_EQ(wildcard.answer[0].owner, *Name::parse("two.wild.secure.example"));
    EXPECT_GE(count(wildcard.authority, RecordType::rrsig), 1U) << "the proof that it may stand for it";
    const ResolutionResult alias = net.ask("two.aliases.secure.example");
    EXPECT_EQ(alias.rcode, Rcode::noerror);
    EXPECT_EQ(alias.security, Security::secure);
    EXPECT_EQ(count(alias.answer, RecordType::a), 1U);
    EXPECT_EQ(net.network.packets, 0U) << net.network.trace;
    // Who checks for himself gets a server's own word.
    net.ask("n500.secure.example", RecordType::a, kWithCd);
    EXPECT_GT(net.network.packets, 0U);
  }
}

TEST(Validate, WithoutADenialCacheEachNameIsAskedFor) {
  SignedNet net;
  net.options.denials = nullptr;
  net.start();
  net.ask("n0.secure.example");
  net.ask("n1.secure.example");  // both servers are known now
  net.network.reset_counts();
  EXPECT_EQ(net.ask("n2.secure.example").security, Security::secure);
  EXPECT_EQ(net.network.packets, 1U);
}

// A server denies an empty non-terminal; what it proved is that names are below it.
TEST(Validate, AnEmptyNonTerminalThatIsDeniedDoesNotHideWhatIsBelow) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.network.behaviour(address).nxdomain_for_minimised = true;
  const ResolutionResult denied = net.ask("ent.secure.example");
  EXPECT_EQ(denied.rcode, Rcode::noerror) << "the proof says NODATA";
  EXPECT_EQ(denied.security, Security::secure);
  EXPECT_EQ(net.ask("x.ent.secure.example", RecordType::a, kWithCd).rcode, Rcode::noerror);
  const ResolutionResult below = net.ask("x.ent.secure.example");
  EXPECT_EQ(below.rcode, Rcode::noerror) << below.ede_text << "\n" << net.network.trace;
  EXPECT_EQ(below.security, Security::secure);
  const ResolutionResult nothing = net.ask("y.ent.secure.example");
  EXPECT_EQ(nothing.rcode, Rcode::nxdomain) << nothing.ede_text;
  EXPECT_EQ(nothing.security, Security::secure);
}

// The other order: the ancestor's NXDOMAIN is remembered, and proves nothing of the name that is there.
TEST(Validate, AnAncestorThatWasDeniedWronglyIsAskedForAnew) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.network.behaviour(address).nxdomain_for_minimised = true;
  EXPECT_EQ(net.ask("y.ent.secure.example").rcode, Rcode::nxdomain);
  const ResolutionResult below = net.ask("x.ent.secure.example");
  EXPECT_EQ(below.rcode, Rcode::noerror) << below.ede_text << "\n" << net.network.trace;
  EXPECT_EQ(below.security, Security::secure);
}

// The walk to the DS of a zone below asks for one at the empty non-terminal too. What is said of that hides nothing
// from anybody, least of all from those who do not check.
TEST(Validate, TheDsOfAnEmptyNonTerminalThatIsDeniedHidesNothing) {
  SignedNet net;
  net.network.add_zone("sub.mid.secure.example",
                       "sub.mid.secure.example 300 SOA 300\nwww.sub.mid.secure.example 600 A 192.0.2.7\n"
                       "mail.sub.mid.secure.example 600 A 192.0.2.8",
                       {"10.53.0.5", "10.53.0.6"});
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.network.behaviour(address).nxdomain_for_minimised = true;
  const ResolutionResult checked = net.ask("www.sub.mid.secure.example");
  EXPECT_EQ(checked.rcode, Rcode::noerror) << checked.ede_text << "\n" << net.network.trace;
  EXPECT_EQ(checked.security, Security::insecure);
  EXPECT_EQ(net.ask("mail.sub.mid.secure.example", RecordType::a, kWithCd).rcode, Rcode::noerror) << net.network.trace;
}

// One server's lie, fetched by somebody who does not check.
TEST(Validate, WhatTheCacheHoldsIsAskedForAnewBeforeItIsBogus) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.forge_www(address);
  EXPECT_EQ(net.ask("www.secure.example", RecordType::a, kWithCd).rcode, Rcode::noerror);
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.be_honest(address);
  const ResolutionResult result = net.ask("www.secure.example");
  EXPECT_EQ(result.security, Security::secure) << result.ede_text << "\n" << net.network.trace;
}

TEST(Validate, ARepairedKeyIsSeenAsSoonAsTheZoneIsNoLongerBogus) {
  SignedNet net;
  net.start();
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) {
    net.forge(address, "secure.example", RecordType::dnskey, {.answer = {"secure.example 3600 DNSKEY junkjunkjunk"}});
  }
  EXPECT_EQ(net.ask("www.secure.example").security, Security::bogus);
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.be_honest(address);
  EXPECT_EQ(net.ask("mail.secure.example").rcode, Rcode::servfail) << "the zone is remembered";
  net.network.pass(std::chrono::seconds(limit_of(Limit::bogus_ttl_s)) + 1s);
  const ResolutionResult repaired = net.ask("www.secure.example");
  EXPECT_EQ(repaired.security, Security::secure) << repaired.ede_text << "\n" << net.network.trace;
}

// ---- forward zones

ForwardZone forward(const std::string& name, const std::string& server, ForwardZone::Fallback fallback) {
  return {*Name::parse(name), {*IpAddress::parse(server)}, ForwardZone::Kind::forward, fallback};
}

// 10.53.0.9 is a recursive server: it knows all zones and claims authority for none.
void add_recursive_server(SignedNet& net) {
  for (const SignedZone& zone : net.zones) {
    net.network.add_signed_zone(zone.apex(), zone.all(),
                                [&zone](const Name& owner) { return SignedZone::flat(zone.proofs(owner)); },
                                {"10.53.0.9"});
  }
  net.network.add_zone("insecure.example", "insecure.example 300 SOA 300\nwww.insecure.example 600 A 192.0.2.5",
                       {"10.53.0.9"});
  net.network.behaviour("10.53.0.9").recursive = true;
}

TEST(Validate, AForwardersAnswersAreAcceptedAndValidated) {
  const RecordType a = RecordType::a;
  const ResultRow rows[] = {
      {"www.secure.example", a, Rcode::noerror, Security::secure},
      {"none.secure.example", a, Rcode::nxdomain, Security::secure},
      {"secure.example", RecordType::ds, Rcode::noerror, Security::secure},
      {"www.insecure.example", a, Rcode::noerror, Security::insecure},
      {"www.broken.example", a, Rcode::servfail, Security::bogus, EdeCode::dnskey_missing},
  };
  for (const ResultRow& row : rows) {
    SCOPED_TRACE(row.name);
    SignedNet net;
    add_recursive_server(net);
    net.options.forward_zones = {forward(".", "10.53.0.9", ForwardZone::Fallback::none)};
    net.start();
    unsigned without_rd = 0;
    net.network.set_script("10.53.0.9", [&](const Message& query, const IpAddress&) -> std::optional<Octets> {
      without_rd += !query.start.flags.recursion_desired;
      return std::nullopt;
    });
    const ResolutionResult result = net.ask(row.name, row.type);
    EXPECT_EQ(result.rcode, row.rcode) << result.ede_text << "\n" << net.network.trace;
    EXPECT_EQ(result.security, row.security) << result.ede_text;
    EXPECT_EQ(result.ede, row.ede);
    EXPECT_EQ(without_rd, 0U);
    EXPECT_EQ(net.network.packets, net.network.packets_to["10.53.0.9"]) << net.network.trace;
  }
}

TEST(Validate, AForwardZoneIsAskedForItsOwnNamesAlone) {
  SignedNet net;
  add_recursive_server(net);
  net.options.forward_zones = {forward("secure.example", "10.53.0.9", ForwardZone::Fallback::none)};
  net.start();
  EXPECT_EQ(net.ask("www.secure.example").security, Security::secure) << net.network.trace;
  EXPECT_EQ(net.network.packets_to["10.53.0.5"] + net.network.packets_to["10.53.0.6"], 0U);
  net.network.packets_to.clear();
  net.network.rrsets.erase(*Name::parse("secure.example"));
  EXPECT_EQ(net.ask("secure.example", RecordType::ds).security, Security::secure);
  EXPECT_EQ(net.network.packets_to["10.53.0.9"], 0U) << "its DS is its parent's";
  EXPECT_EQ(net.network.packets_to["10.53.0.2"], 1U);
  net.network.packets_to.clear();
  EXPECT_EQ(net.ask("www.insecure.example").security, Security::insecure);
  EXPECT_EQ(net.network.packets_to["10.53.0.9"], 0U);
}

TEST(Validate, WhereNoForwarderAnswersRecursionDoesIfItMay) {
  for (const auto fallback : {ForwardZone::Fallback::none, ForwardZone::Fallback::recursion}) {
    SignedNet net;
    add_recursive_server(net);
    net.network.behaviour("10.53.0.9").rcode = Rcode::refused;
    net.options.forward_zones = {forward("secure.example", "10.53.0.9", fallback)};
    net.start();
    const bool may = fallback == ForwardZone::Fallback::recursion;
    const ResolutionResult result = net.ask("www.secure.example");
    EXPECT_EQ(result.rcode, may ? Rcode::noerror : Rcode::servfail) << net.network.trace;
    EXPECT_EQ(result.security == Security::secure, may);
    EXPECT_GE(net.network.packets_to["10.53.0.9"], 1U);
    EXPECT_EQ(net.network.packets_to["10.53.0.5"] + net.network.packets_to["10.53.0.6"] > 0, may);
  }
}

// ---- sections

TEST(Validate, WholeAnswersHoldNoUnsignedDataOfSignedZones) {
  struct SectionRow {
    const char* name;
    bool minimal;
    std::size_t authority, additional;
  };
  const SectionRow rows[] = {
      {"www.insecure.example", false, 1, 1},
      {"www.insecure.example", true, 0, 0},
      {"www.secure.example", false, 0, 0},  // nobody signed them
  };
  for (const SectionRow& row : rows) {
    SCOPED_TRACE(row.name);
    SignedNet net;
    net.options.minimal_responses = row.minimal;
    net.options.scrub.unasked_name_servers = true;
    for (const auto& [address, zone] : {std::pair{"10.53.0.7", "insecure.example"},
                                        {"10.53.0.5", "secure.example"},
                                        {"10.53.0.6", "secure.example"}}) {
      Behaviour& behaviour = net.network.behaviour(address);
      behaviour.extra_authority = {std::string(zone) + " 3600 NS ns." + zone};
      behaviour.extra_additional = {std::string("ns.") + zone + " 3600 A 192.0.2.99"};
    }
    net.start();
    for (const bool cached : {false, true}) {
      SCOPED_TRACE(cached);
      const ResolutionResult result = net.ask(row.name);
      EXPECT_EQ(result.rcode, Rcode::noerror);
      EXPECT_GE(result.security, Security::insecure);
      EXPECT_EQ(result.authority.size(), row.authority);
      EXPECT_EQ(result.additional.size(), row.additional);
    }
  }
}

// ---- questions without RD

TEST(Validate, WithoutRecursionTheCachesAnswer) {
  SignedNet net;
  net.start();
  EXPECT_EQ(net.ask("www.secure.example", RecordType::a, kWithoutRd).rcode, Rcode::refused);
  EXPECT_EQ(net.network.packets, 0U);
  net.ask("www.secure.example");
  net.ask("none.secure.example");
  net.network.reset_counts();
  const ResolutionResult known = net.ask("www.secure.example", RecordType::a, kWithoutRd);
  EXPECT_EQ(known.rcode, Rcode::noerror);
  EXPECT_EQ(known.security, Security::secure);
  EXPECT_EQ(net.ask("none.secure.example", RecordType::a, kWithoutRd).rcode, Rcode::nxdomain);
  EXPECT_EQ(net.ask("mail.secure.example", RecordType::a, kWithoutRd).rcode, Rcode::refused);
  EXPECT_EQ(net.network.packets, 0U);
}

// RFC 1034 section 4.3.1, where the administrator allows it.
TEST(Validate, WithoutRecursionTheCachesMayRefer) {
  SignedNet net;
  net.options.refer_without_recursion = true;
  net.start();
  EXPECT_EQ(net.ask("mail.secure.example", RecordType::a, kWithoutRd).rcode, Rcode::refused) << "nothing is known";
  net.ask("secure.example", RecordType::ns);
  net.network.reset_counts();
  const ResolutionResult referral = net.ask("mail.secure.example", RecordType::a, kWithoutRd);
  EXPECT_EQ(referral.rcode, Rcode::noerror);
  EXPECT_EQ(referral.security, Security::secure);
  EXPECT_TRUE(referral.answer.empty());
  ASSERT_FALSE(referral.authority.empty());
  EXPECT_EQ(referral.authority[0].type, RecordType::ns);
  EXPECT_EQ(referral.authority[0].owner, *Name::parse("secure.example"));
  EXPECT_EQ(referral.ttl.count(), 0) << "what is known next may be closer";
  EXPECT_EQ(net.network.packets, 0U);
}

// It may not fetch the keys, so it knows nothing of the zone, and says nothing of it to others.
TEST(Validate, AQuestionWithoutRecursionDoesNotMakeAZoneBogus) {
  SignedNet net;
  net.start();
  net.ask("www.secure.example", RecordType::a, kWithCd);
  net.network.reset_counts();
  const ResolutionResult result = net.ask("www.secure.example", RecordType::a, kWithoutRd);
  EXPECT_EQ(result.rcode, Rcode::refused) << result.ede_text;
  EXPECT_EQ(net.network.packets, 0U);
  const ResolutionResult next = net.ask("www.secure.example");
  EXPECT_EQ(next.security, Security::secure) << next.ede_text;
  EXPECT_EQ(net.ask("mail.secure.example").security, Security::secure);
}

// What a resolution cannot afford any more is its own misfortune: others find the zone as it is.
TEST(Validate, AnExhaustedBudgetDoesNotMakeAZoneBogusForOthers) {
  SignedNet net;
  for (int i = 0; i < 11; ++i) net.network.behaviour("10.53.1." + std::to_string(i + 1)).rcode = Rcode::servfail;
  net.network.add_zone("evil.example", "evil.example 300 SOA 300\na.evil.example 60 CNAME www.secure.example",
                       {"10.53.0.7"});
  net.network.add_records("insecure.example", "away.insecure.example 600 A 10.53.0.7");
  net.start();
  net.ask("www.secure.example", RecordType::a, kWithCd);  // only its DNSKEY is left to ask for
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.network.behaviour(address).unreachable = true;
  net.network.packets_to.clear();
  const ResolutionResult result = net.ask("a.evil.example");
  EXPECT_EQ(result.rcode, Rcode::servfail) << net.network.trace;
  EXPECT_EQ(net.network.packets_to["10.53.0.5"] + net.network.packets_to["10.53.0.6"], 1U) << result.ede_text << "\n"
                                                                                           << net.network.trace;
  for (const char* address : {"10.53.0.5", "10.53.0.6"}) net.network.behaviour(address).unreachable = false;
  const ResolutionResult next = net.ask("mail.secure.example");
  EXPECT_EQ(next.security, Security::secure) << next.ede_text << "\n" << net.network.trace;
}

}  // namespace
}  // namespace weir::simulation::validate_test
