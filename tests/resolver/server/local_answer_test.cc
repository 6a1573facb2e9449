#include "resolver/server/local_answer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/resolver/server/worker_world.h"
#include "zones/dns/pointer_name.h"

namespace weir::test::local_answer_test {
namespace {

LocalZone zone(std::string_view name, LocalZoneType type, std::initializer_list<std::string> records = {}) {
  LocalZone out{name_of(name), type, {}};
  for (const auto& text : records) out.records.push_back(*parse_resource_record(text, 300));
  return out;
}

// "NOERROR aa a.example A 192.0.2.1 ... | SOA of the authority's owner"
std::string show(std::span<const std::uint8_t> reply) {
  const auto message = read_message(reply);
  if (!message) return "malformed";
  std::string out = to_text(message->rcode);
  if (message->start.flags.authoritative) out += " aa";
  if (message->start.flags.truncated) out += " tc";
  for (const Rrset& rrset : message->answer) {
    for (const auto rdata : rrset.records()) {
      out += " " + rrset.owner.to_text() + " " + to_text(rrset.type);
      if (rrset.type == RecordType::a || rrset.type == RecordType::aaaa)
        out += " " + IpAddress::from_octets(rdata).to_text();
      if (const auto name = rdata_name(rdata); name && rrset.type != RecordType::txt) out += " " + name->to_text();
    }
  }
  for (const Rrset& rrset : message->authority)
    out += " | " + rrset.owner.to_text() + " " + to_text(rrset.type) + " " + std::to_string(rrset.ttl_seconds);
  return out;
}

const std::string kLong = std::string(60, 'l');

struct LocalNamesTest : testing::Test {
  LocalNamesTest() {
    LocalZone big = zone("big.example", LocalZoneType::transparent);
    for (int i = 0; i < 90; ++i)
      big.records.push_back(*parse_resource_record("big.example A 10.0.0." + std::to_string(i), 300));
    generation.serve(
        {zone("home.example", LocalZoneType::fixed,
              {"home.example 900 SOA ns.home.example h.example 1 2 3 4 50", "router.home.example A 192.0.2.1",
               "www.home.example CNAME router.home.example", "gone.home.example CNAME no.home.example",
               "out.home.example CNAME far.home.example", "far.home.example CNAME www.example.org",
               "round.home.example CNAME trip.home.example", "trip.home.example CNAME round.home.example",
               "*.wild.home.example CNAME router.home.example"}),
         zone("star.example", LocalZoneType::redirect,
              {"star.example CNAME *." + kLong + "." + kLong + "." + kLong + ".example"}),
         zone("sub.example", LocalZoneType::redirect, {"sub.example CNAME *.home.example"}),
         zone("refuse.example", LocalZoneType::refuse), zone("drop.example", LocalZoneType::drop),
         zone("mine.localhost", LocalZoneType::fixed, {"mine.localhost A 192.0.2.7"}), std::move(big)});
  }
  // What the client gets, or "resolve NAME".
  std::string ask(std::string_view name, RecordType type = RecordType::a, std::size_t room = 1232) {
    const auto message = encode_query({.name = std::string(name), .type = type, .edns = true});
    const ParsedQuery parsed = parse_query(message);
    const LocalMatch first = names.match(generation, 0, parsed.query.qname, type);
    if (!first.answers()) return "-";
    std::vector<std::uint8_t> out(room);
    TargetBuffer target;
    const LocalReply reply = write_local_answer(out, parsed.query, names, generation, 0, first, dns64, target);
    if (!reply.resolve.empty()) return "resolve " + Name::from_wire(reply.resolve)->to_text();
    if (reply.size == 0) return "no answer";
    return show(std::span(out).first(reply.size));
  }

  const Dns64* dns64 = nullptr;
  const LocalData special{special_zones()};
  const LocalNames names{&special};
  HandMadeGeneration generation{1, 1};
};

TEST_F(LocalNamesTest, Answers) {
  struct Row {
    std::string name;
    RecordType type;
    std::string expected;
  };
  using enum RecordType;
  const Row rows[] = {
      {"router.home.example", a, "NOERROR aa router.home.example A 192.0.2.1"},
      {"Router.HOME.example", a, "NOERROR aa Router.HOME.example A 192.0.2.1"},
      {"router.home.example", aaaa, "NOERROR aa | home.example SOA 50"},  // RFC 2308 section 5: the SOA's MINIMUM
      {"x.home.example", a, "NXDOMAIN aa | home.example SOA 50"},
      {"www.home.example", a, "NOERROR aa www.home.example CNAME router.home.example router.home.example A 192.0.2.1"},
      {"www.home.example", cname, "NOERROR aa www.home.example CNAME router.home.example"},
      {"www.home.example", aaaa, "NOERROR aa www.home.example CNAME router.home.example | home.example SOA 50"},
      // RFC 6604: the RCODE is that of the chain's end.
      {"gone.home.example", a, "NXDOMAIN aa gone.home.example CNAME no.home.example | home.example SOA 50"},
      {"a.wild.home.example", a,
       "NOERROR aa a.wild.home.example CNAME router.home.example router.home.example A 192.0.2.1"},
      {"out.home.example", a, "resolve www.example.org"},
      {"round.home.example", a, "SERVFAIL"},
      {"router.sub.example", a,
       "NXDOMAIN aa router.sub.example CNAME router.sub.example.home.example | home.example SOA 50"},
      {"refuse.example", a, "REFUSED"},
      {"drop.example", a, "no answer"},
      {"www.example.org", a, "-"},
      // The longer zone has the word, the administrator's among equals.
      {"mine.localhost", a, "NOERROR aa mine.localhost A 192.0.2.7"},
      {"yours.localhost", a, "NOERROR aa yours.localhost A 127.0.0.1"},
      {"www.test", a, "-"},
      {"www.invalid", a, "NXDOMAIN aa | invalid SOA 10800"},
  };
  for (const Row& row : rows) EXPECT_EQ(ask(row.name, row.type), row.expected) << row.name << " " << to_text(row.type);
}

// The longest zone that a group has decides, of equally long ones its own; aliases go on in the group's zones.
TEST_F(LocalNamesTest, ZonesOfOneGroup) {
  generation.serve_group(
      1, {zone("home.example", LocalZoneType::transparent, {"www.home.example A 192.0.2.8"}),
          zone("example", LocalZoneType::refuse), zone("localhost", LocalZoneType::refuse),
          zone("a.refuse.example", LocalZoneType::transparent, {"a.refuse.example CNAME router.home.example"}),
          zone("b.refuse.example", LocalZoneType::transparent, {"b.refuse.example CNAME www.home.example"})});
  const struct {
    std::uint32_t group;
    const char* name;
    LocalFinding::Outcome outcome;
  } rows[] = {
      {0, "router.home.example", LocalFinding::Outcome::records},
      {1, "router.home.example", LocalFinding::Outcome::none},  // its zone of this name leaves others to be resolved
      {0, "www.home.example", LocalFinding::Outcome::alias},
      {1, "www.home.example", LocalFinding::Outcome::records},
      {0, "other.example", LocalFinding::Outcome::none},
      {1, "other.example", LocalFinding::Outcome::refused},
      {1, "drop.example", LocalFinding::Outcome::dropped},  // of everybody, and longer
      {0, "localhost", LocalFinding::Outcome::records},
      {1, "localhost", LocalFinding::Outcome::refused},
      {1, "mine.localhost", LocalFinding::Outcome::records},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(names.match(generation, row.group, name_of(row.name).wire(), RecordType::a).finding.outcome, row.outcome)
        << row.group << ' ' << row.name;
  }
  const auto message = encode_query({.name = "b.refuse.example"});
  const ParsedQuery parsed = parse_query(message);
  std::vector<std::uint8_t> out(1232);
  TargetBuffer target;
  const LocalMatch first = names.match(generation, 1, parsed.query.qname, RecordType::a);
  const LocalReply reply = write_local_answer(out, parsed.query, names, generation, 1, first, nullptr, target);
  EXPECT_EQ(show(std::span(out).first(reply.size)),
            "NOERROR aa b.refuse.example CNAME www.home.example www.home.example A 192.0.2.8");
  const auto leading_out = encode_query({.name = "a.refuse.example"});
  const auto alias = local_alias_of(names, generation, 1, parse_query(leading_out).query);
  ASSERT_TRUE(alias);
  EXPECT_EQ(alias->target.to_text(), "router.home.example");
}

TEST_F(LocalNamesTest, WhatDoesNotFitIsTruncatedWhole) {
  EXPECT_EQ(ask("big.example"), "NOERROR aa tc");
  EXPECT_EQ(std::ranges::count(ask("big.example", RecordType::a, 65535), ' '), 90 * 3 + 1);
}

TEST_F(LocalNamesTest, ASubstitutedNameThatIsTooLong) {
  EXPECT_TRUE(ask("x.star.example").starts_with("resolve x.star.example.lll"));
  EXPECT_EQ(ask(kLong + ".star.example"), "YXDOMAIN aa");
}

TEST_F(LocalNamesTest, TheAliasThatHasToBeResolved) {
  const auto message = encode_query({.name = "out.home.example"});
  const ParsedQuery parsed = parse_query(message);
  const auto alias = local_alias_of(names, generation, 0, parsed.query);
  ASSERT_TRUE(alias);
  EXPECT_EQ(alias->target.to_text(), "www.example.org");
  ASSERT_EQ(alias->links.size(), 2U);
  EXPECT_EQ(alias->links[0].owner.to_text(), "out.home.example");
  EXPECT_EQ(alias->links[1].owner.to_text(), "far.home.example");
  for (const char* name : {"www.home.example", "round.home.example", "www.example.org", "router.home.example"}) {
    const auto other = encode_query({.name = name});
    EXPECT_FALSE(local_alias_of(names, generation, 0, parse_query(other).query)) << name;
  }
}

// Each row of the table, at its name and below.
TEST_F(LocalNamesTest, SpecialNames) {
  for (const SpecialName& special : special_name_table()) {
    const std::string name(special.name);
    if (name == "test" || name == "localhost") continue;  // the generation above says otherwise of them, or below
    EXPECT_EQ(ask(name, RecordType::mx), "NOERROR aa | " + name + " SOA 10800") << special.rfc;
    const bool nodata = special.type == LocalZoneType::nodata;
    EXPECT_EQ(ask("x.y." + name, RecordType::mx), (nodata ? "NOERROR aa | " : "NXDOMAIN aa | ") + name + " SOA 10800")
        << special.rfc;
    EXPECT_FALSE(special.rfc.empty());
    EXPECT_EQ(ask(name, RecordType::ds), "-") << "the parent proves that it is not signed";
  }
  EXPECT_EQ(special_name_table().size(), 26U + 16 + 64);
  EXPECT_EQ(ask("localhost", RecordType::aaaa), "NOERROR aa localhost AAAA ::1");
  EXPECT_EQ(ask("localhost", RecordType::mx), "NOERROR aa | localhost SOA 10800");
  EXPECT_EQ(ask("1.0.0.127.in-addr.arpa", RecordType::ptr), "NOERROR aa 1.0.0.127.in-addr.arpa PTR localhost");
  EXPECT_EQ(ask("www.example"), "-");  // RFC 6761 section 6.5
  EXPECT_EQ(ask("15.172.in-addr.arpa"), "-");
  EXPECT_EQ(ask("128.100.in-addr.arpa"), "-");
}

TEST_F(LocalNamesTest, SpecialNamesMaybeOff) {
  generation.set.special_names = false;
  EXPECT_EQ(ask("www.invalid"), "-");
  EXPECT_EQ(ask("router.home.example"), "NOERROR aa router.home.example A 192.0.2.1");
}

TEST_F(LocalNamesTest, AddressesBehindANat64) {
  Dns64 translated;
  translated.prefix = *Prefix::parse("2001:db8:64::/96");
  generation.set.dns64 = translated;
  EXPECT_EQ(ask("router.home.example", RecordType::aaaa), "NOERROR aa | home.example SOA 50");
  dns64 = &*generation.set.dns64;
  EXPECT_EQ(ask("www.home.example", RecordType::aaaa),
            "NOERROR aa www.home.example CNAME router.home.example router.home.example AAAA 2001:db8:64::c000:201");
  EXPECT_EQ(ask("router.home.example", RecordType::mx), "NOERROR aa | home.example SOA 50");
  // RFC 6147 section 5.3.1, and on from there in the local zones.
  const auto pointer = [](const char* address) { return pointer_name(*IpAddress::parse(address)).to_text(); };
  EXPECT_EQ(ask(pointer("2001:db8:64::8.8.4.4"), RecordType::ptr), "resolve 4.4.8.8.in-addr.arpa");
  EXPECT_TRUE(ask(pointer("2001:db8:64::127.0.0.1"), RecordType::ptr)
                  .ends_with("CNAME 1.0.0.127.in-addr.arpa 1.0.0.127.in-addr.arpa PTR localhost"));
  EXPECT_EQ(ask(pointer("2001:db9::1"), RecordType::ptr), "-");
  EXPECT_EQ(ask(pointer("2001:db8:64::8.8.4.4"), RecordType::a), "NXDOMAIN aa | 8.b.d.0.1.0.0.2.ip6.arpa SOA 10800");
}

struct LocalWorldTest : testing::Test {
  LocalWorldTest() {
    internet.add("www.test", RecordType::a, "192.0.2.1");
    internet.add("tracker.ads.test", RecordType::a, "192.0.2.66");
    internet.add("bad.test", RecordType::a, "203.0.113.9");
    internet.add("both.test", RecordType::a, "192.0.2.1");
    internet.add("both.test", RecordType::aaaa, "2001:db8::1");
    internet.add("mapped.test", RecordType::a, "192.0.2.1");
    internet.add("mapped.test", RecordType::aaaa, "::ffff:192.0.2.1");
    internet.start();
  }
  std::shared_ptr<HandMadeGeneration> rules(std::uint64_t number, std::vector<LocalZone> zones) {
    auto made = std::make_shared<HandMadeGeneration>(number, 1);
    made->block("ads.test");
    made->serve(std::move(zones));
    return made;
  }
  FakeInternet internet;
};

TEST_F(LocalWorldTest, ARecordWinsOverListAndCacheAndGoesWithItsGeneration) {
  World world(internet);
  world.install(rules(1, {}));
  const Client client(world.udp());
  EXPECT_EQ(show(client.ask({.name = "www.test"})), "NOERROR www.test A 192.0.2.1");
  EXPECT_EQ(show(client.ask({.name = "mine.ads.test"})), "NOERROR mine.ads.test A 0.0.0.0");
  world.install(rules(2, {zone("www.test", LocalZoneType::transparent, {"www.test A 10.0.0.1"}),
                          zone("mine.ads.test", LocalZoneType::transparent, {"mine.ads.test A 10.0.0.2"})}));
  EXPECT_EQ(show(client.ask({.name = "www.test"})), "NOERROR aa www.test A 10.0.0.1");
  EXPECT_EQ(show(client.ask({.name = "mine.ads.test"})), "NOERROR aa mine.ads.test A 10.0.0.2");
  EXPECT_EQ(show(client.ask({.name = "mine.ads.test", .recursion_desired = false})),
            "NOERROR aa mine.ads.test A 10.0.0.2");
  EXPECT_EQ(world.metric(Metric::local_answers), 3U);
  world.install(rules(3, {}));
  EXPECT_EQ(show(client.ask({.name = "www.test"})), "NOERROR www.test A 192.0.2.1");
}

TEST_F(LocalWorldTest, AnAliasLeadsOutAndIsNotCached) {
  World world(internet);
  world.install(rules(1, {zone("home.arpa", LocalZoneType::fixed, {"web.home.arpa 9 CNAME www.test"})}));
  const Client client(world.udp());
  const std::string expected = "NOERROR Web.home.arpa CNAME www.test www.test A 192.0.2.1";
  EXPECT_EQ(show(client.ask({.name = "Web.home.arpa", .edns = true})), expected);
  const unsigned asked = internet.asked("www.test");
  EXPECT_EQ(show(client.ask({.name = "Web.home.arpa", .edns = true})), expected);
  EXPECT_EQ(internet.asked("www.test"), asked);
  EXPECT_EQ(internet.asked("web.home.arpa"), 0U);
  EXPECT_EQ(show(client.ask({.name = "web.home.arpa", .type = RecordType::mx})),
            "NOERROR web.home.arpa CNAME www.test | . SOA 60");
  world.install(rules(2, {}));
  EXPECT_EQ(show(client.ask({.name = "web.home.arpa"})), "NXDOMAIN aa | home.arpa SOA 10800");
}

// SEMANTICS section 5: what is allowed by name passes with its chain, unless the policy is strict about that.
TEST_F(LocalWorldTest, AnAliasToABlockedName) {
  const std::vector<LocalZone> zones{zone("home.arpa", LocalZoneType::fixed, {"t.home.arpa CNAME tracker.ads.test"})};
  World world(internet);
  world.install(rules(1, zones));
  const Client client(world.udp());
  EXPECT_EQ(show(client.ask({.name = "t.home.arpa"})),
            "NOERROR t.home.arpa CNAME tracker.ads.test tracker.ads.test A 192.0.2.66");
  const unsigned asked = internet.asked("tracker.ads.test");
  auto strict = rules(2, zones);
  strict->set.policies[0].strict_chain = true;
  world.install(strict);
  EXPECT_EQ(show(client.ask({.name = "t.home.arpa"})), "NOERROR t.home.arpa A 0.0.0.0");
  EXPECT_EQ(internet.asked("tracker.ads.test"), asked);
}

// An AAAA that stands for a blocked IPv4 address is blocked; both kinds of clients have entries of their own.
TEST_F(LocalWorldTest, TranslatedAnswers) {
  World world(internet);
  auto made = rules(1, {});
  made->block_address("203.0.113.0/24");
  Dns64 dns64;
  dns64.prefix = *Prefix::parse("2001:db8:64::/96");
  dns64.clients = {*Prefix::parse("127.0.0.64/32")};
  dns64.exclude = {*Prefix::parse("::ffff:0:0/96")};
  made->set.dns64 = dns64;
  world.install(made);
  const Client translated(world.udp(), "127.0.0.64");
  const Client plain(world.udp(), "127.0.0.1");
  const auto aaaa = [](const Client& client, const char* name) {
    return show(client.ask({.name = name, .type = RecordType::aaaa, .edns = true}));
  };
  const std::string answer = "NOERROR www.test AAAA 2001:db8:64::c000:201";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(aaaa(translated, "www.test"), answer) << i;
    EXPECT_EQ(aaaa(plain, "www.test").substr(0, 16), "NOERROR | . SOA ") << i;  // its TTL has begun to run down
    EXPECT_EQ(aaaa(translated, "both.test"), "NOERROR both.test AAAA 2001:db8::1");
    EXPECT_EQ(aaaa(translated, "mapped.test"), "NOERROR mapped.test AAAA 2001:db8:64::c000:201");
    EXPECT_EQ(aaaa(plain, "mapped.test"), "NOERROR mapped.test AAAA ::ffff:192.0.2.1");
    EXPECT_EQ(aaaa(translated, "bad.test"), "NOERROR bad.test AAAA ::");
    EXPECT_EQ(show(translated.ask({.name = "www.test"})), "NOERROR www.test A 192.0.2.1");
  }
  EXPECT_EQ(world.metric(Metric::translated), 3U);  // www, mapped, bad: once each, then cached
}

// A special name is no reason to let through what is blocked.
TEST_F(LocalWorldTest, AListWinsOverASpecialName) {
  World world(internet);
  auto made = rules(1, {});
  made->block("onion");
  world.install(made);
  const Client client(world.udp());
  EXPECT_EQ(show(client.ask({.name = "x.onion"})), "NOERROR x.onion A 0.0.0.0");
  EXPECT_EQ(show(client.ask({.name = "x.invalid"})), "NXDOMAIN aa | invalid SOA 10800");
  EXPECT_EQ(world.metric(Metric::blocked), 1U);
}

}  // namespace
}  // namespace weir::test::local_answer_test
