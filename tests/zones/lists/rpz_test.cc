// Response policy zones: a record, its bucket and its rule; the text of a zone; how fast it is read.
#include "zones/lists/rpz.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>

#include "tests/zones/lists/reading.h"

namespace weir::rpz_test {
namespace {

using test::Reading;

const std::string kZone =
    "$ORIGIN rpz.example.\n$TTL 300\n@ SOA ns.rpz.example. host.rpz.example. 7 1h 15m 30d 2h\n NS ns\n";

Reading read_zone(const std::string& text, NameMatch match = NameMatch::automatic) {
  ListOptions options;
  options.kind = ListKind::rpz;
  options.match = match;
  return test::read_text(text, options);
}

struct RpzRow {
  std::string record;
  Bucket bucket;
  std::string rule;  // empty: none
};

void check(const std::vector<RpzRow>& rows, NameMatch match = NameMatch::automatic) {
  for (const RpzRow& row : rows) {
    SCOPED_TRACE(row.record);
    const Reading reading = read_zone(kZone + row.record + "\n", match);
    const std::uint64_t own = row.bucket == Bucket::header ? 4 : 0;
    EXPECT_EQ(reading.summary.count(row.bucket) - own, 1U);
    EXPECT_EQ(reading.rules, row.rule.empty() ? std::vector<std::string>() : std::vector{row.rule});
    EXPECT_EQ(reading.buckets(), 5U);
    EXPECT_EQ(reading.summary.lines, 5U);
  }
}

// SEMANTICS 2 RPZ: Owners relative to the zone's SOA owner.
// SEMANTICS 2 RPZ: `CNAME .` NXDOMAIN
// SEMANTICS 2 RPZ: `CNAME *.` NODATA
// SEMANTICS 2 RPZ: `CNAME rpz-passthru.` and the old self-pointing CNAME allow
// SEMANTICS 2 RPZ: `rpz-drop.`; `rpz-tcp-only.`
// SEMANTICS 2 RPZ: `CNAME *.target.` substitutes the query name under the target
// SEMANTICS 2 RPZ: any other record is local data, TTL from the record within our cap
// SEMANTICS 2 RPZ: `example.org` is exact, `*.example.org` is *below*
TEST(Rpz, ActionsAndData) {
  check({
      {"a.test CNAME .", Bucket::rule, "nxdomain exact a.test"},
      {"A.Test.RPZ.example. 60 IN CNAME .", Bucket::rule, "nxdomain exact a.test"},
      {"a.test IN 60 CNAME .", Bucket::rule, "nxdomain exact a.test"},
      {"*.a.test CNAME .", Bucket::rule, "nxdomain below a.test"},
      {"* CNAME .", Bucket::rule, "nxdomain below ."},
      {"a.test CNAME *.", Bucket::rule, "nodata exact a.test"},
      {"a.test CNAME rpz-passthru.", Bucket::rule, "allow exact a.test"},
      {"a.test CNAME RPZ-PassThru.", Bucket::rule, "allow exact a.test"},
      {"a.test CNAME a.test.", Bucket::rule, "allow exact a.test"},
      {"*.a.test CNAME *.a.test.", Bucket::rule, "allow below a.test"},
      {"32.1.2.0.192.rpz-ip CNAME 32.1.2.0.192.", Bucket::rule, "allow address 192.0.2.1/32"},
      {"a.test CNAME rpz-drop.", Bucket::rule, "drop exact a.test"},
      {"a.test CNAME rpz-tcp-only.", Bucket::rule, "truncate exact a.test"},
      {"a.test CNAME *.garden.example.", Bucket::rule, "cname exact a.test = *.garden.example"},
      {"*.a.test CNAME *.garden.example.", Bucket::rule, "cname below a.test = *.garden.example"},
      {"a.test CNAME garden.example.", Bucket::rule, "cname exact a.test = garden.example"},
      {"a.test CNAME garden", Bucket::rule, "cname exact a.test = garden.rpz.example"},
      {"a.test A 192.0.2.7", Bucket::rule, "answer exact a.test = A 300 c0000207"},
      {"a.test 5 AAAA 2001:db8::7", Bucket::rule, "answer exact a.test = AAAA 5 20010db8000000000000000000000007"},
      {"a.test TXT \"a;b\" c ; why", Bucket::rule, "answer exact a.test = TXT 300 03613b620163"},
      {"a.test MX 10 mx.test.", Bucket::rule, "answer exact a.test = MX 300 000a026d78047465737400"},
      {"a.test PTR b.test.", Bucket::rule, "answer exact a.test = PTR 300 0162047465737400"},
      {"a.test SRV 1 2 443 b.test.", Bucket::rule, "answer exact a.test = SRV 300 0001000201bb0162047465737400"},
      {"a.test TYPE65280 \\# 2 beef", Bucket::rule, "answer exact a.test = TYPE65280 300 beef"},
      {"a\\.b.test CNAME .", Bucket::rule, "nxdomain exact a\\.b.test"},
      {"b\xC3\xBC"
       "cher.test CNAME .",
       Bucket::rule, "nxdomain exact xn--bcher-kva.test"},
      {"; a.test CNAME .", Bucket::comment, ""},
      {"# a.test CNAME .", Bucket::comment, ""},
      {"   ", Bucket::blank, ""},
      {"$ORIGIN other.rpz.example.", Bucket::header, ""},
      {"@ NS other.example.", Bucket::header, ""},
      {"@ SOA a. b. 8 1 1 1 1", Bucket::header, ""},
  });
}

// SEMANTICS 2 RPZ: Address triggers: `<len>.<reversed octets>.rpz-ip` and the IPv6 form with `zz`
// SEMANTICS 2 RPZ: host bits must be zero
TEST(Rpz, Triggers) {
  check({
      {"24.0.2.0.192.rpz-ip CNAME .", Bucket::rule, "nxdomain address 192.0.2.0/24"},
      {"32.1.2.0.192.rpz-client-ip CNAME rpz-passthru.", Bucket::rule, "allow client 192.0.2.1/32"},
      {"24.0.2.0.192.rpz-nsip CNAME .", Bucket::rule, "nxdomain ns-address 192.0.2.0/24"},
      {"0.0.0.0.0.rpz-ip CNAME .", Bucket::rule, "nxdomain address 0.0.0.0/0"},
      {"128.57.zz.101.db8.2001.rpz-ip CNAME .", Bucket::rule, "nxdomain address 2001:db8:101::57/128"},
      {"48.zz.101.db8.2001.rpz-ip CNAME .", Bucket::rule, "nxdomain address 2001:db8:101::/48"},
      {"128.1.zz.rpz-ip CNAME .", Bucket::rule, "nxdomain address ::1/128"},
      {"128.8.7.6.5.4.3.2.1.rpz-ip CNAME .", Bucket::rule, "nxdomain address 1:2:3:4:5:6:7:8/128"},
      {"128.zz.7.6.5.4.3.2.1.rpz-ip CNAME .", Bucket::rule, "nxdomain address 1:2:3:4:5:6:7:0/128"},
      {"ns.test.rpz-nsdname CNAME .", Bucket::rule, "nxdomain ns-name ns.test"},
      {"*.ns.test.rpz-nsdname CNAME .", Bucket::rule, "nxdomain ns-name * at ns.test"},
      {"24.1.2.0.192.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"33.1.2.0.192.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"32.1.2.0.256.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"32.1.2.0.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"129.1.zz.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"48.57.zz.101.db8.2001.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"128.zz.1.zz.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"128.9.8.7.6.5.4.3.2.1.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"128.1.zz.7.6.5.4.3.2.1.rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"rpz-ip CNAME .", Bucket::invalid_address, ""},
      {"rpz-nsdname CNAME .", Bucket::invalid_name, ""},
  });
}

// SEMANTICS 2 RPZ: A duplicate, an out-of-zone owner, DNSSEC records, an unknown `rpz-` label: count, keep going
TEST(Rpz, FaultsCostOneRecord) {
  check({
      {"a.test.other. CNAME .", Bucket::out_of_zone, ""},
      {"other. SOA a. b. 8 1 1 1 1", Bucket::out_of_zone, ""},
      {"a.test RRSIG A 8 2 300 20300101000000 20200101000000 1 test. AAAA", Bucket::unsupported_rpz, ""},
      {"@ DNSKEY 257 3 8 AAAA", Bucket::unsupported_rpz, ""},
      {"a.test DS 1 8 2 00", Bucket::unsupported_rpz, ""},
      {"a.test NS ns.test.", Bucket::unsupported_rpz, ""},
      {"a.test DNAME b.test.", Bucket::unsupported_rpz, ""},
      {"@ A 192.0.2.1", Bucket::unsupported_rpz, ""},
      {"a.rpz-nosuch CNAME .", Bucket::unsupported_rpz, ""},
      {"a.test CNAME rpz-nosuch.", Bucket::unsupported_rpz, ""},
      {"a.test CNAME x.rpz-drop.", Bucket::unsupported_rpz, ""},
      {"a.test CH CNAME .", Bucket::unsupported_rpz, ""},
      {"$INCLUDE other.zone", Bucket::unsupported_rpz, ""},
      {"$GENERATE 1-9 a$ CNAME .", Bucket::unsupported_rpz, ""},
      {"a.test A nonsense", Bucket::invalid_address, ""},
      {"a.test A 2001:db8::1", Bucket::invalid_address, ""},
      {"a.test CNAME", Bucket::invalid_name, ""},
      {"a..test CNAME .", Bucket::invalid_name, ""},
      {std::string(64, 'a') + ".test CNAME .", Bucket::invalid_name, ""},
      {"a.test MX ten mx.test.", Bucket::invalid_text, ""},
      {"a.test CNAME . more", Bucket::invalid_text, ""},
      {"a.test TXT (\"x\"", Bucket::invalid_text, ""},
      {"a\xFF.test CNAME .", Bucket::invalid_text, ""},
      {"$TTL soon", Bucket::invalid_text, ""},
      {"$ORIGIN a..b", Bucket::invalid_name, ""},
      {"a.test", Bucket::wrong_dialect, ""},
      {"||a.test^", Bucket::wrong_dialect, ""},
  });
  const Reading reading = read_zone(kZone + "a CNAME .\na CNAME .\nb..c CNAME .\nx.rpz-y CNAME .\nb CNAME .\n");
  EXPECT_EQ(reading.rules, (std::vector<std::string>{"nxdomain exact a", "nxdomain exact b"}));
  EXPECT_EQ(reading.summary.count(Bucket::duplicate), 1U);
  EXPECT_EQ(reading.refusal, "");
}

// SEMANTICS 2 RPZ: Offer `match = subtree` as an explicit per-list switch.
TEST(Rpz, SubtreeIsASwitch) {
  check({{"a.test CNAME .", Bucket::rule, "nxdomain subtree a.test"},
         {"*.a.test CNAME .", Bucket::rule, "nxdomain below a.test"},
         {"ns.test.rpz-nsdname CNAME .", Bucket::rule, "nxdomain ns-name ns.test"}},
        NameMatch::subtree);
}

TEST(Rpz, RecordsOverLines) {
  const Reading reading = read_zone(
      "$TTL 1h\n"
      "@ IN SOA ns.example. host.example. ( ; who\n  2026010203 ; serial\n\n  1h 1h 1h 1h )\n"
      "  NS ns.example.\n"
      "a TXT ( \"one ( ; \"\n   two )\n"
      "  CNAME rpz-passthru. ; the same owner again\n"
      "b CNAME ( . )\n");
  EXPECT_EQ(reading.refusal, "");
  EXPECT_EQ(reading.rules, (std::vector<std::string>{"answer exact a = TXT 3600 086f6e652028203b200374776f",
                                                     "allow exact a", "nxdomain exact b"}));
  EXPECT_EQ(reading.lines, (std::vector<std::uint64_t>{7, 9, 10}));
  EXPECT_EQ(reading.summary.serial, 2026010203U);
  EXPECT_EQ(reading.summary.lines, 10U);
  EXPECT_EQ(reading.buckets(), 10U);
  EXPECT_EQ(reading.summary.count(Bucket::header), 6U);
  EXPECT_EQ(reading.summary.count(Bucket::rule), 4U);
}

TEST(Rpz, AnOpenParenthesisCostsItsLine) {
  std::string text = kZone + "a TXT ( x\n";
  std::vector<std::string> expected;
  for (unsigned i = 0; i < 250; ++i) {
    text += "n" + std::to_string(i) + " CNAME .\n";
    expected.push_back("nxdomain exact n" + std::to_string(i));
  }
  const Reading reading = read_zone(text);
  EXPECT_EQ(reading.rules, expected);
  EXPECT_EQ(reading.lines.front(), 6U);
  EXPECT_EQ(reading.lines.back(), 255U);
  EXPECT_EQ(reading.summary.count(Bucket::invalid_text), 1U);
  EXPECT_EQ(reading.buckets(), 255U);
}

TEST(Rpz, AFileWithoutOriginOrSoa) {
  EXPECT_EQ(read_zone("a.test CNAME .\nb.test. CNAME .\n").rules,
            (std::vector<std::string>{"nxdomain exact a.test", "nxdomain exact b.test"}));
  EXPECT_EQ(read_zone("@ SOA localhost. root.localhost. 1 1 1 1 1\n  NS localhost.\na.test CNAME .\n").rules,
            std::vector<std::string>{"nxdomain exact a.test"});
}

TEST(Rpz, WhatIsNoZone) {
  std::string names;
  for (unsigned i = 0; i < 30; ++i) names += "n" + std::to_string(i) + ".example\n";
  EXPECT_NE(read_zone(names).refusal.find("30 of 30 lines were not understood; 30 wrong_dialect"), std::string::npos);
  EXPECT_NE(read_zone("a.example\n").refusal.find("no rule came of its 1 lines"), std::string::npos);
  EXPECT_EQ(read_zone(kZone).refusal, "");
  ListOptions options;
  options.dialect = "rpz";
  EXPECT_NE(test::read_text("a CNAME .\n", options).refusal.find("do not go together"), std::string::npos);
}

// SEMANTICS 2 RPZ: Serial going backwards: warn, follow.
TEST(Rpz, SerialsGoRound) {
  EXPECT_FALSE(serial_went_back(1, 1));
  EXPECT_FALSE(serial_went_back(1, 2));
  EXPECT_TRUE(serial_went_back(2, 1));
  EXPECT_FALSE(serial_went_back(0xFFFFFFFF, 0));
  EXPECT_TRUE(serial_went_back(0, 0xFFFFFFFF));
}

TEST(Rpz, RecordsOfATransfer) {
  ResponsePolicyZone zone(*Name::parse("RPZ.example"), NameMatch::automatic);
  Line line;
  const auto owner = *Name::parse("Bad.Test.rpz.EXAMPLE");
  const std::vector<std::uint8_t> root = {0};
  zone.read({owner, RecordType::cname, 60, root}, line);
  ASSERT_EQ(line.rules.size(), 1U);
  EXPECT_EQ(test::to_text(line.rules[0]), "nxdomain exact bad.test");
  line.reset();
  zone.read({*Name::parse("elsewhere.example"), RecordType::cname, 60, root}, line);
  EXPECT_EQ(line.bucket, Bucket::out_of_zone);
  line.reset();
  const std::vector<std::uint8_t> broken = {5, 'a'};
  zone.read({owner, RecordType::cname, 60, broken}, line);
  EXPECT_EQ(line.bucket, Bucket::invalid_name);
  EXPECT_TRUE(line.rules.empty());
}

TEST(Rpz, AMillionLines) {
  const test::ScratchFolder folder;
  constexpr unsigned kLines = 1'000'000;
  {
    std::ofstream out(folder / "list", std::ios::binary);
    out << kZone;
    for (unsigned i = 0; i < kLines; ++i) out << "host" << i << ".malware" << i % 977 << ".example CNAME .\n";
  }
  ListOptions options;
  options.kind = ListKind::rpz;
  const auto reader = ListReader::open(folder / "list", options);
  ASSERT_TRUE(reader);
  const std::clock_t began = std::clock();  // of the processor: other programs run beside this one
  std::uint64_t rules = 0;
  while ((*reader)->next()) ++rules;
  const double took = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  EXPECT_EQ(rules, kLines);
  std::printf("    %.0f records a second\n", kLines / took);
}

TEST(Rpz, TheSoaIsKept) {
  const Reading reading = read_zone(kZone + "a CNAME .\n");
  ASSERT_TRUE(reading.summary.soa);
  EXPECT_EQ(reading.summary.soa->owner, *Name::parse("rpz.example"));
  EXPECT_EQ(reading.summary.soa->ttl_seconds, 300U);
  EXPECT_EQ(reading.summary.soa->rdata.size(), 16U + 18U + 20U);
}

}  // namespace
}  // namespace weir::rpz_test
