// The pure parts: classifier, server selection, query builder.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "resolver/engine/query_builder.h"
#include "resolver/engine/response_classifier.h"
#include "resolver/engine/server_selection.h"
#include "tests/simulation_support/small_world.h"

namespace weir::simulation::parts_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kAuthoritative = 0x8400;
constexpr std::uint16_t kPlain = 0x8000;
constexpr std::uint16_t kRecursive = 0x8080;

struct Row {
  const char* what;
  Reply reply;
  ResponseMeaning meaning;
  RecordType type = RecordType::a;
};

// The question is www.example.org, asked of a server of example.org, except where a row's type says otherwise.
TEST(ResponseClassifier, Meanings) {
  using enum ResponseMeaning;
  const Row rows[] = {
      {"answer", {kAuthoritative, Rcode::noerror, {"www.example.org 60 A 192.0.2.1"}}, answer},
      {"answer without AA", {kPlain, Rcode::noerror, {"www.example.org 60 A 192.0.2.1"}}, answer},
      {"answer of a recursive server",
       {kRecursive, Rcode::noerror, {"www.example.org 60 A 192.0.2.1"}},
       ResponseMeaning::recursive},
      {"answer for another name", {kAuthoritative, Rcode::noerror, {"other.example.org 60 A 192.0.2.1"}}, nodata},
      {"alias out of the zone", {kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME www.example.net"}}, alias},
      {"alias out of the zone with its answer",
       {kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME www.example.net", "www.example.net 60 A 192.0.2.1"}},
       alias},
      {"alias inside the zone with its answer",
       {kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME a.example.org", "a.example.org 60 A 192.0.2.1"}},
       answer},
      {"alias to a name that does not exist",
       {kAuthoritative, Rcode::nxdomain, {"www.example.org 60 CNAME a.example.org"}, {"example.org 60 SOA 60"}},
       nxdomain},
      {"NXDOMAIN of a target outside",
       {kAuthoritative, Rcode::nxdomain, {"www.example.org 60 CNAME a.example.net"}, {"example.net 60 SOA 60"}},
       alias},
      {"CNAME asked for",
       {kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME a.b"}},
       answer,
       RecordType::cname},
      {"ANY with a CNAME", {kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME a.b"}}, answer, RecordType::any},
      {"DNAME above the zone cut", {kAuthoritative, Rcode::noerror, {"org 60 DNAME evil"}}, nodata},
      {"NODATA", {kAuthoritative, Rcode::noerror, {}, {"example.org 60 SOA 60"}}, nodata},
      {"NODATA with a SOA from above", {kPlain, Rcode::noerror, {}, {"org 60 SOA 60"}}, server_failure},
      {"NXDOMAIN", {kAuthoritative, Rcode::nxdomain, {}, {"example.org 60 SOA 60"}}, nxdomain},
      {"NXDOMAIN out of nowhere", {kPlain, Rcode::nxdomain}, server_failure},
      {"referral", {kPlain, Rcode::noerror, {}, {"www.example.org 60 NS ns.www.example.org"}}, referral},
      {"referral to itself", {kPlain, Rcode::noerror, {}, {"example.org 60 NS ns.example.org"}}, lame},
      {"nothing of a recursive server that knows the zone",
       {kRecursive, Rcode::noerror, {}, {"example.org 60 NS ns.example.org"}},
       ResponseMeaning::recursive},
      {"referral upwards", {kPlain, Rcode::noerror, {}, {"org 60 NS ns.org"}}, lame},
      {"referral upwards with AA", {kAuthoritative, Rcode::noerror, {}, {"org 60 NS ns.org"}}, lame},
      {"referral sideways", {kPlain, Rcode::noerror, {}, {"mail.example.org 60 NS ns.org"}}, lame},
      {"nothing", {kPlain, Rcode::noerror}, server_failure},
      {"nothing, with AA", {kAuthoritative, Rcode::noerror}, empty},
      {"nothing but NS, with AA", {kAuthoritative, Rcode::noerror, {}, {"example.org 60 NS ns.example.org"}}, nodata},
      {"REFUSED", {kPlain, Rcode::refused}, lame},
      {"NOTAUTH", {kPlain, Rcode::notauth}, lame},
      {"SERVFAIL", {kPlain, Rcode::servfail}, server_failure},
      {"FORMERR", {kPlain, Rcode::formerr}, edns_refused},
      {"NOTIMP", {kPlain, Rcode::notimp}, edns_refused},
      {"YXDOMAIN without reason", {kAuthoritative, Rcode::yxdomain}, server_failure},
      {"DS answered by the child with its own NS",
       {kPlain, Rcode::noerror, {}, {"www.example.org 60 NS ns.www.example.org"}},
       lame,
       RecordType::ds},
      {"DS denied by the child",
       {kAuthoritative, Rcode::noerror, {}, {"www.example.org 60 SOA 60"}},
       lame,
       RecordType::ds},
      {"DS denied by the parent",
       {kAuthoritative, Rcode::noerror, {}, {"example.org 60 SOA 60"}},
       nodata,
       RecordType::ds},
      {"DS of an alias's target, denied by that zone",
       {kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME a.example.org"}, {"a.example.org 60 SOA 60"}},
       alias,
       RecordType::ds},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    UpstreamQuery query;
    query.qname = *Name::parse("www.example.org");
    query.type = row.type;
    const auto asked = read_message(build_query(query));
    ASSERT_TRUE(asked);
    const auto message = read_message(make_reply(*asked, row.reply));
    ASSERT_TRUE(message) << message.error().message;
    const ClassifiedResponse response =
        classify_response(*message, {query.qname, row.type, RecordClass::in, *Name::parse("example.org")});
    EXPECT_EQ(static_cast<int>(response.meaning), static_cast<int>(row.meaning));
  }
}

// The question's letters were random (0x20), and the server repeats them.
TEST(ResponseClassifier, ADnameIsOwnedAsWeSpellIt) {
  UpstreamQuery query;
  query.qname = *Name::parse("www.tree.example.org");
  const auto message = read_message(make_reply(
      *read_message(build_query(query)), {kAuthoritative, Rcode::noerror, {"tREE.eXAMPLe.org 60 DNAME example.net"}}));
  ASSERT_TRUE(message);
  const ClassifiedResponse response =
      classify_response(*message, {query.qname, RecordType::a, RecordClass::in, *Name::parse("example.org")});
  ASSERT_EQ(response.chain.size(), 1U);
  EXPECT_EQ(response.chain[0].alias.rrset.owner.to_text(), "tree.example.org");
}

// The second link is of a zone that this server may not speak for: it is not even looked at.
TEST(ResponseClassifier, AliasesOutsideTheZoneAreNotFollowed) {
  UpstreamQuery query;
  query.qname = *Name::parse("www.example.org");
  const auto message =
      read_message(make_reply(*read_message(build_query(query)),
                              {.answer = {"www.example.org 60 CNAME www.example.net",
                                          "www.example.net 60 CNAME a.example.org", "a.example.org 60 A 192.0.2.66"}}));
  const ClassifiedResponse response =
      classify_response(*message, {query.qname, RecordType::a, RecordClass::in, *Name::parse("example.org")});
  EXPECT_EQ(response.meaning, ResponseMeaning::alias);
  ASSERT_EQ(response.chain.size(), 1U);
  EXPECT_EQ(response.chain[0].target.to_text(), "www.example.net");
}

// The parent's server, which served the zone before it moved, refers to where it is now and proves that it has no DS:
// that proof was taken for a denial of what was asked.
TEST(ResponseClassifier, AReferralToTheZoneItselfIsNoDenialWhateverItProves) {
  UpstreamQuery query;
  query.qname = *Name::parse("www.example.org");
  const auto message = read_message(make_reply(
      *read_message(build_query(query)),
      {.flags = kPlain, .authority = {"example.org 600 NS ns.example.org", "hash.example.org 600 NSEC3 proof"}}));
  ASSERT_TRUE(message);
  const ClassifiedResponse response =
      classify_response(*message, {query.qname, RecordType::a, RecordClass::in, *Name::parse("example.org")});
  EXPECT_EQ(response.meaning, ResponseMeaning::lame);
}

TEST(ResponseClassifier, AReferralStaysOneBesideNameServersFromAbove) {
  UpstreamQuery query;
  query.qname = *Name::parse("www.example.org");
  for (const bool refers_down : {true, false}) {
    Reply reply{.flags = kPlain, .authority = {"org 600 NS ns.forged.example"}};
    if (refers_down) reply.authority.insert(reply.authority.begin(), "www.example.org 600 NS ns.example.net");
    const auto message = read_message(make_reply(*read_message(build_query(query)), reply));
    ASSERT_TRUE(message);
    const ClassifiedResponse response =
        classify_response(*message, {query.qname, RecordType::a, RecordClass::in, *Name::parse("example.org")});
    EXPECT_EQ(response.meaning, refers_down ? ResponseMeaning::referral : ResponseMeaning::lame);
    EXPECT_EQ(response.referral.has_value(), refers_down);
  }
}

TEST(ResponseClassifier, GlueIsKeptForTheReferralsServersOnly) {
  UpstreamQuery query;
  query.qname = *Name::parse("www.example.org");
  const auto message =
      read_message(make_reply(*read_message(build_query(query)),
                              {.flags = kPlain,
                               .authority = {"example.org 600 NS ns.example.org", "example.org 600 NS ns.example.net"},
                               .additional = {"ns.example.org 600 A 192.0.2.1", "ns.example.org 600 A 192.0.2.1",
                                              "ns.example.org 600 AAAA 2001:db8::1", "ns.example.net 600 A 192.0.2.66",
                                              "www.example.org 600 A 192.0.2.66", "other.org 600 A 192.0.2.66"}}));
  const ClassifiedResponse response =
      classify_response(*message, {query.qname, RecordType::a, RecordClass::in, *Name::parse("org")});
  ASSERT_TRUE(response.referral);
  EXPECT_EQ(response.referral_ttl, 600U);
  ASSERT_EQ(response.referral->servers.size(), 2U);
  EXPECT_EQ(response.referral->servers[0].addresses.size(), 2U);
  EXPECT_TRUE(response.referral->servers[1].addresses.empty()) << "org cannot speak for example.net";
}

// The question is www.example.org, asked of a server of example.org.
ClassifiedResponse classified(const Reply& reply, RecordType type = RecordType::a, AskedQuestion asked = {}) {
  UpstreamQuery query;
  query.qname = *Name::parse("www.example.org");
  query.type = type;
  const auto message = read_message(make_reply(*read_message(build_query(query)), reply));
  EXPECT_TRUE(message);
  asked.name = query.qname;
  asked.type = type;
  asked.zone_cut = *Name::parse("example.org");
  return classify_response(*message, asked);
}

std::vector<std::string> owners_of(const std::vector<Rrset>& rrsets) {
  std::vector<std::string> out;
  for (const Rrset& rrset : rrsets) out.push_back(rrset.owner.to_text() + " " + to_text(rrset.type));
  return out;
}

TEST(ResponseClassifier, AForwarderThatRefersUpwardsIsLame) {
  AskedQuestion asked;
  asked.role = ServerRole::forwarder;
  const auto meaning = [&](const char* ns) {
    return classified({kRecursive, Rcode::noerror, {}, {ns}}, RecordType::a, asked).meaning;
  };
  EXPECT_EQ(meaning("org 60 NS ns.org"), ResponseMeaning::lame);
  EXPECT_EQ(meaning(". 60 NS ns.org"), ResponseMeaning::lame);
  EXPECT_EQ(meaning("example.org 60 NS ns.org"), ResponseMeaning::nodata);
  EXPECT_EQ(meaning("www.example.org 60 NS ns.org"), ResponseMeaning::nodata);
}

// dnsmasq says so of its own names, and has no SOA for them.
TEST(ResponseClassifier, AForwardersNxdomainNeedsNoSoa) {
  AskedQuestion asked;
  for (const ServerRole role : {ServerRole::forwarder, ServerRole::recursive, ServerRole::authority}) {
    asked.role = role;
    const ClassifiedResponse response = classified({kRecursive, Rcode::nxdomain, {}, {}}, RecordType::a, asked);
    EXPECT_EQ(response.meaning == ResponseMeaning::nxdomain, role == ServerRole::forwarder);
    EXPECT_EQ(response.negative_ttl, 0U) << "nothing to cache it by";
  }
}

// RFC 1034 section 3.6: additional records are for names that the answer mentions; anything else was not asked for.
TEST(ResponseClassifier, AdditionalRecordsAreOfMentionedNames) {
  const Reply reply{kAuthoritative,
                    Rcode::noerror,
                    {"www.example.org 60 A 192.0.2.1"},
                    {"example.org 60 NS ns.example.org"},
                    {"ns.example.org 60 A 192.0.2.53", "other.example.org 60 A 192.0.2.66"}};
  AskedQuestion asked;
  EXPECT_TRUE(classified(reply).rrsets[0].additional.empty()) << "minimal";
  asked.sections = Sections::whole;
  const auto scrubbed = classified(reply, RecordType::a, asked).rrsets[0];
  EXPECT_TRUE(scrubbed.authority.empty()) << "NS that nobody asked for";
  EXPECT_TRUE(scrubbed.additional.empty());
  asked.rules.unasked_name_servers = true;
  const auto whole = classified(reply, RecordType::a, asked).rrsets[0];
  EXPECT_EQ(owners_of(whole.authority), std::vector<std::string>{"example.org NS"});
  EXPECT_EQ(owners_of(whole.additional), std::vector<std::string>{"ns.example.org A"});
}

// Who asks for name servers wants to reach them, also where answers are minimal.
TEST(ResponseClassifier, NameServersComeWithTheirAddresses) {
  const ClassifiedResponse response = classified({kAuthoritative,
                                                  Rcode::noerror,
                                                  {"www.example.org 60 NS ns.example.org"},
                                                  {},
                                                  {"ns.example.org 60 A 192.0.2.53", "x.example.org 60 A 192.0.2.66"}},
                                                 RecordType::ns);
  ASSERT_EQ(response.rrsets.size(), 1U);
  EXPECT_EQ(owners_of(response.rrsets[0].additional), std::vector<std::string>{"ns.example.org A"});
}

TEST(ResponseClassifier, RulesOfTheAdministrator) {
  const Reply chain{
      kAuthoritative, Rcode::noerror, {"www.example.org 60 CNAME a.example.org", "a.example.org 60 A 192.0.2.1"}};
  AskedQuestion asked;
  EXPECT_EQ(classified(chain).meaning, ResponseMeaning::answer);
  const Reply denied{
      kAuthoritative, Rcode::nxdomain, {"www.example.org 60 CNAME a.example.org"}, {"example.org 60 SOA 60"}};
  EXPECT_EQ(classified(denied).meaning, ResponseMeaning::nxdomain);
  asked.rules.alias_targets = ScrubRules::AliasTargets::data_taken;
  EXPECT_EQ(classified(chain, RecordType::a, asked).meaning, ResponseMeaning::answer);
  EXPECT_EQ(classified(denied, RecordType::a, asked).meaning, ResponseMeaning::alias);
  asked.rules.alias_targets = ScrubRules::AliasTargets::asked;
  EXPECT_EQ(classified(chain, RecordType::a, asked).meaning, ResponseMeaning::alias);

  const Reply servers{kAuthoritative,
                      Rcode::noerror,
                      {"www.example.org 60 NS ns1.example.org", "www.example.org 60 NS ns2.example.org"}};
  asked.rules.ns_records = 1;
  EXPECT_EQ(classified(servers, RecordType::ns, asked).rrsets[0].rrset.size(), 1U);

  const Reply referral{kPlain,
                       Rcode::noerror,
                       {},
                       {"www.example.org 60 NS ns.elsewhere.net", "www.example.org 60 NS ns.example.org"},
                       {"ns.elsewhere.net 60 A 192.0.2.66", "ns.example.org 60 A 127.0.0.2"}};
  EXPECT_TRUE(classified(referral).referral->servers[0].addresses.empty());
  EXPECT_TRUE(classified(referral).referral->servers[1].addresses.empty());
  asked.rules = {};
  asked.rules.loopback_servers = true;
  asked.rules.foreign_glue = true;
  EXPECT_EQ(classified(referral, RecordType::a, asked).referral->servers[0].addresses.size(), 1U);
  EXPECT_EQ(classified(referral, RecordType::a, asked).referral->servers[1].addresses.size(), 1U);
}

TEST(ResponseClassifier, WhatCanBeAsked) {
  for (const char* text : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.1", "255.255.255.255", "::", "::1",
                           "ff02::1", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(is_askable(*IpAddress::parse(text))) << text;
  }
  ScrubRules with_loopback;
  with_loopback.loopback_servers = true;
  EXPECT_TRUE(is_askable(*IpAddress::parse("127.0.0.1"), with_loopback));
  EXPECT_FALSE(is_askable(*IpAddress::parse("0.0.0.0"), with_loopback));
  for (const char* text : {"10.53.0.1", "192.0.2.1", "2001:db8::1", "fd00::1"}) {
    EXPECT_TRUE(is_askable(*IpAddress::parse(text))) << text;
  }
}

ServerChoice choice(std::chrono::microseconds srtt, unsigned tries = 0) {
  ServerChoice out;
  out.status.known = true;
  out.status.srtt = srtt;
  out.tries = tries;
  return out;
}

TEST(ServerSelection, QuickUntriedAndLivingServersGoFirst) {
  std::mt19937 generator(1);
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  const auto count = [&](const std::vector<ServerChoice>& servers, bool dead_allowed) {
    std::map<std::size_t, int> chosen;
    for (int i = 0; i < 1000; ++i) {
      const auto index = choose_server(servers, dead_allowed, random);
      ++chosen[index ? *index : 99];
    }
    return chosen;
  };
  auto chosen = count({choice(10ms), choice(20ms), choice(300ms)}, true);
  EXPECT_GT(chosen[0], 350);
  EXPECT_GT(chosen[1], 350);
  EXPECT_GT(chosen[2], 0) << "explored";
  EXPECT_LT(chosen[2], 50);
  ServerChoice unknown;
  EXPECT_LT(count({choice(10ms), unknown}, true)[1], 50) << "it is asked beside the known one (ask_servers.cc)";
  EXPECT_GT(count({choice(752ms), choice(752ms), unknown}, true)[2], 950) << "it has not been silent";
  EXPECT_EQ(count({choice(10ms, 1), choice(500ms)}, true)[1], 1000) << "untried first";
  ServerChoice dead = choice(10ms);
  dead.status.dead = true;
  EXPECT_EQ(count({dead, choice(900ms, 3)}, true)[1], 1000);
  EXPECT_EQ(count({dead}, true)[0], 1000);
  EXPECT_EQ(count({dead}, false)[99], 1000);
  ServerChoice lame = choice(10ms);
  lame.status.lame = true;
  ServerChoice used_up = choice(10ms);
  used_up.usable = false;
  EXPECT_EQ(count({lame, dead}, true)[1], 1000);
  EXPECT_EQ(count({lame, used_up}, true)[0], 1000);
  EXPECT_EQ(count({lame, used_up}, false)[99], 1000);
  EXPECT_EQ(count({}, true)[99], 1000);
}

TEST(QueryBuilder, WritesWhatIsAsked) {
  UpstreamQuery query;
  query.id = 0xBEEF;
  query.qname = *Name::parse("wWw.example.org");
  query.type = RecordType::https;
  query.dnssec_ok = true;
  for (const EdnsUse edns : {EdnsUse::with_opt, EdnsUse::without_opt}) {
    query.edns = edns;
    const auto message = read_message(build_query(query));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->start.id, 0xBEEF);
    EXPECT_FALSE(message->start.flags.response);
    EXPECT_FALSE(message->start.flags.recursion_desired);
    EXPECT_EQ(message->start.qname.to_text(), "wWw.example.org");
    EXPECT_EQ(message->start.qtype, RecordType::https);
    ASSERT_EQ(message->edns.has_value(), edns == EdnsUse::with_opt);
    if (!message->edns) continue;
    EXPECT_EQ(message->edns->udp_payload_size, 1232);
    EXPECT_TRUE(message->edns->dnssec_ok);
  }
}

TEST(QueryBuilder, RandomisesEveryLetterAndNothingElse) {
  std::mt19937 generator(1);
  const Name name = *Name::parse("abcdefghijklmnopqrstuvwxyz-0123456789.[@`{.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi");
  std::array<unsigned, 256> upper{};
  for (int i = 0; i < 400; ++i) {
    const Name random = randomise_case(name, [&] { return static_cast<std::uint32_t>(generator()); });
    ASSERT_EQ(random, name);
    for (std::size_t at = 0; at < name.size(); ++at) upper[at] += random.wire()[at] >= 'A' && random.wire()[at] <= 'Z';
  }
  for (std::size_t at = 0; at < name.size(); ++at) {
    const std::uint8_t lower = fold(name.wire()[at]);
    if (lower < 'a' || lower > 'z') continue;
    EXPECT_GT(upper[at], 120U) << at;
    EXPECT_LT(upper[at], 280U) << at;
  }
}

// A server that nobody has asked yet is measured beside a known one: nobody waits for it, nor for its absence.
TEST(Engine, ANewServerIsAskedBesideAKnownOne) {
  for (const bool alive : {true, false}) {
    SmallWorld world;
    world.network.behaviour("10.53.0.6").delay = 200ms;
    world.network.behaviour("10.53.0.6").silent = !alive;
    world.start();
    const Name zone = *Name::parse("example.org");
    const ServerAddress known(*IpAddress::parse("10.53.0.5")), fresh(*IpAddress::parse("10.53.0.6"));
    world.network.servers.record_answer(known, 10ms, world.network.now().steady);
    const auto ask = [&](const std::string& name) {
      const SteadyTime began = world.network.now().steady;
      EXPECT_EQ(world.network.resolve(name, RecordType::a).rcode, Rcode::noerror) << world.network.trace;
      return world.network.now().steady - began;
    };
    EXPECT_LE(ask("www.example.org"), 40ms) << world.network.trace;
    EXPECT_EQ(world.network.packets_to["10.53.0.6"], 1U);
    world.network.run();
    const ServerStatus learnt = world.network.servers.find(fresh, zone, world.network.now().steady);
    EXPECT_TRUE(learnt.known);
    EXPECT_EQ(learnt.srtt, alive ? 200ms : 500ms);
    EXPECT_LE(ask("ns.example.org"), 20ms);
    EXPECT_EQ(world.network.packets_to["10.53.0.6"], 1U) << "once";
  }
}

// The only server with glue is dead: the other one's address is looked up, not the dead one asked four times.
TEST(Engine, ANameServerIsLookedUpBeforeASilentOneIsAskedAgain) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SmallWorld world(seed);
    world.network.add_records("org", R"(
      mixed.org 3600 NS ns1.mixed.org
      mixed.org 3600 NS ns.example.org
      ns1.mixed.org 3600 A 10.53.1.1)");
    world.network.add_zone("mixed.org", "mixed.org 3600 SOA 300\nwww.mixed.org 600 A 192.0.2.7", {"10.53.0.7"});
    world.network.behaviour("10.53.1.1").silent = true;
    world.start();
    const SteadyTime began = world.network.now().steady;
    EXPECT_EQ(world.network.resolve("www.mixed.org", RecordType::a).rcode, Rcode::noerror) << world.network.trace;
    EXPECT_LE(world.network.now().steady - began, 350ms) << world.network.trace;
    EXPECT_EQ(world.network.packets_to["10.53.1.1"], 1U);
  }
}

// DO goes upstream as the client had it, and signatures come back only then.
TEST(Engine, SignaturesOnlyForThoseWhoAsk) {
  SmallWorld world;
  world.start();
  std::vector<std::uint8_t> seen_do;
  const auto sign = [&](const Message& query, const IpAddress&) -> std::optional<std::vector<std::uint8_t>> {
    const bool dnssec_ok = query.edns && query.edns->dnssec_ok;
    seen_do.push_back(dnssec_ok);
    if (!dnssec_ok || query.start.qname != *Name::parse("www.example.org")) return std::nullopt;
    // An RRSIG over A, by hand: 18 octets, the signer (the root), a signature of four.
    auto out = make_reply(query, {.answer = {"www.example.org 600 A 192.0.2.1"}});
    std::vector<std::uint8_t> record = {0xC0, 12, 0, 46, 0, 1, 0, 0, 2, 88, 0, 23, 0, 1};
    record.resize(14 + 16, 8);
    for (const int octet : {0, 1, 2, 3, 4}) record.push_back(static_cast<std::uint8_t>(octet));
    const std::size_t opt = out.size() - 11;
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(opt), record.begin(), record.end());
    out[7] = 2;
    return out;
  };
  world.network.set_script("10.53.0.5", sign);
  world.network.set_script("10.53.0.6", sign);
  const ResolutionResult plain = world.network.resolve("www.example.org", RecordType::a);
  EXPECT_EQ(plain.answer.size(), 1U);
  Origin origin;
  origin.dnssec_ok = true;
  const ResolutionResult signed_answer = world.network.resolve("www.example.org", RecordType::a, origin);
  ASSERT_EQ(signed_answer.answer.size(), 2U) << world.network.trace;
  EXPECT_EQ(signed_answer.answer[1].type_covered, RecordType::a);
  EXPECT_LE(std::ranges::count(seen_do, 1), 2) << "the zone's other server may be new";
  world.network.reset_counts();
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a).answer.size(), 1U);
  EXPECT_EQ(world.network.resolve("www.example.org", RecordType::a, origin).answer.size(), 2U);
  EXPECT_EQ(world.network.packets, 0U) << "what was fetched with DO serves both";
}

}  // namespace
}  // namespace weir::simulation::parts_test
