// Every cell of the table of block answers (SEMANTICS section 4), as clients get it over UDP and TCP; and what never
// comes through, whatever the cache holds.
#include <gtest/gtest.h>

#include "resolver/server/answer_builder.h"
#include "tests/resolver/server/virtual_worker.h"

namespace weir::test::block_modes_test {
namespace {

std::string rdata_text(const Rrset& rrset, std::span<const std::uint8_t> rdata) {
  if (rrset.type == RecordType::a || rrset.type == RecordType::aaaa) return IpAddress::from_octets(rdata).to_text();
  if (rrset.type == RecordType::cname) return rdata_name(rdata)->to_text();
  return std::to_string(rdata.size()) + " octets";
}

// "NOERROR CNAME target.test A 192.0.2.1", "NXDOMAIN SOA test", "TC", "nothing".
std::string told(const std::vector<std::uint8_t>& reply) {
  if (reply.empty()) return "nothing";
  const auto message = read_message(reply);
  if (!message) return "malformed";
  if ((reply[2] & 0x02) != 0) return "TC";
  std::string out = to_text(message->rcode);
  for (const Rrset& rrset : message->answer) {
    for (const auto rdata : rrset.records()) out += " " + to_text(rrset.type) + " " + rdata_text(rrset, rdata);
  }
  for (const Rrset& rrset : message->authority) out += " " + to_text(rrset.type) + " " + rrset.owner.to_text();
  return out;
}

struct Cell {
  RecordType type;
  const char* expected;
};

struct Mode {
  const char* what;
  BlockMode mode;
  Action action;
  std::vector<RuleDetail> details;
  std::vector<Cell> cells;
  int ede = 15;
};

AnswerData address_record(const char* address, std::uint32_t ttl) {
  const IpAddress parsed = *IpAddress::parse(address);
  const auto bytes = parsed.bytes();
  return {RecordType::a, ttl, {bytes.begin(), bytes.end()}};
}

std::vector<Mode> modes() {
  constexpr auto kA = RecordType::a;
  constexpr auto kAaaa = RecordType::aaaa;
  constexpr auto kHttps = RecordType::https;
  constexpr auto kSvcb = RecordType::svcb;
  constexpr auto kMx = RecordType::mx;
  constexpr auto kDs = RecordType::ds;
  constexpr auto kAny = RecordType::any;
  constexpr auto kCname = RecordType::cname;
  const char* nodata = "NOERROR SOA ads.test";
  const auto empty = [&](const char* answer) {
    return std::vector<Cell>{{kA, answer},  {kAaaa, answer}, {kHttps, answer}, {kSvcb, answer},
                             {kMx, answer}, {kDs, answer},   {kAny, answer},   {kCname, answer}};
  };
  const std::vector<Cell> to_target = {{kA, "NOERROR CNAME target.test A 192.0.2.1"},
                                       {kAaaa, "NOERROR CNAME target.test SOA ."},
                                       {kHttps, "NOERROR CNAME target.test SOA ."},
                                       {kSvcb, "NOERROR CNAME target.test SOA ."},
                                       {kMx, "NOERROR CNAME target.test SOA ."},
                                       {kCname, "NOERROR CNAME target.test"},
                                       {kAny, nodata}};
  RuleDetail target;
  target.target = name_of("target.test");
  RuleDetail below;
  below.target = name_of("garden.test");
  below.target_below = true;
  RuleDetail addresses;
  addresses.addresses = {*IpAddress::parse("198.51.100.1"), *IpAddress::parse("2001:db8::1")};
  RuleDetail first;
  first.records = {address_record("198.51.100.7", 100)};
  RuleDetail second;
  second.records = {address_record("198.51.100.8", 7200), {RecordType::txt, 60, {1, 'x'}}};
  return {
      {"null",
       BlockMode::null,
       Action::block,
       {},
       {{kA, "NOERROR A 0.0.0.0"},
        {kAaaa, "NOERROR AAAA ::"},
        {kHttps, nodata},
        {kSvcb, nodata},
        {kMx, nodata},
        {kDs, nodata},
        {kAny, nodata},
        {kCname, nodata}}},
      {"address",
       BlockMode::address,
       Action::block,
       {},
       {{kA, "NOERROR A 192.0.2.80"},
        {kAaaa, nodata},
        {kHttps, nodata},
        {kSvcb, nodata},
        {kMx, nodata},
        {kAny, nodata}}},
      {"nodata", BlockMode::nodata, Action::block, {}, empty(nodata)},
      {"nxdomain", BlockMode::nxdomain, Action::block, {}, empty("NXDOMAIN SOA test")},
      {"refused", BlockMode::refused, Action::block, {}, empty("REFUSED")},
      {"cname", BlockMode::cname, Action::block, {}, to_target},
      {"a rule's null", BlockMode::refused, Action::null, {}, {{kA, "NOERROR A 0.0.0.0"}, {kMx, nodata}}},
      {"a rule's nodata", BlockMode::null, Action::nodata, {}, empty(nodata)},
      {"a rule's nxdomain", BlockMode::null, Action::nxdomain, {}, empty("NXDOMAIN SOA test")},
      {"a rule's refused", BlockMode::null, Action::refused, {}, empty("REFUSED")},
      {"a rule's address",
       BlockMode::null,
       Action::address,
       {addresses},
       {{kA, "NOERROR A 198.51.100.1"},
        {kAaaa, "NOERROR AAAA 2001:db8::1"},
        {kHttps, nodata},
        {kMx, nodata},
        {kAny, nodata}},
       4},
      {"a rule's cname", BlockMode::null, Action::cname, {target}, to_target, 4},
      {"RPZ's substitution",
       BlockMode::null,
       Action::cname,
       {below},
       {{kA, "NOERROR CNAME ads.test.garden.test A 192.0.2.2"}, {kCname, "NOERROR CNAME ads.test.garden.test"}},
       4},
      {"local data",
       BlockMode::null,
       Action::answer,
       {first, second},
       {{kA, "NOERROR A 198.51.100.7 A 198.51.100.8"},
        {RecordType::txt, "NOERROR TXT 2 octets"},
        {kAaaa, nodata},
        {kHttps, nodata},
        {kAny, "NOERROR A 198.51.100.7 A 198.51.100.8 TXT 2 octets"}},
       -1},
      {"drop", BlockMode::null, Action::drop, {}, empty("nothing")},
  };
}

int ede_of(const std::vector<std::uint8_t>& reply) {
  const auto message = read_message(reply);
  return message && message->edns && message->edns->ede ? static_cast<int>(*message->edns->ede) : -1;
}

void prepare(VirtualWorker& worker, const Mode& mode, std::string_view name = "ads.test") {
  HandMadeGeneration& rules = worker.install(std::make_unique<HandMadeGeneration>(2, 2));
  BlockAnswer& block = rules.set.policies[0].block;
  block.mode = mode.mode;
  block.ipv4 = *IpAddress::parse("192.0.2.80");
  block.target = name_of("target.test");
  if (mode.details.empty()) rules.block(name, mode.action);
  for (const RuleDetail& detail : mode.details) rules.block(name, mode.action, detail);
  worker.server["target.test"] = {};
  worker.server["ads.test.garden.test"] = {.address = "192.0.2.2"};
}

// SEMANTICS 4: ANY on a blocked name: as NODATA.
// SEMANTICS 4: A `cname` target is resolved without policy, one substitution a query
// SEMANTICS 4: A DS query for N is policy for N
// SEMANTICS 4: Flags
// SEMANTICS 4: DNSSEC
// SEMANTICS 4 null: `null` (default)
// SEMANTICS 4 address: `address`
// SEMANTICS 4 nodata: `nodata`
// SEMANTICS 4 nxdomain: `nxdomain`
// SEMANTICS 4 refused: `refused`
// SEMANTICS 4 cname: `cname`
// SEMANTICS 4 drop: `drop`
// SEMANTICS 4: off by default.
// SEMANTICS 4: no signatures on made-up data
TEST(BlockModes, EveryCellOverUdpAndTcp) {
  AnswerConfig answers;
  answers.any_over_udp = true;
  for (const Mode& mode : modes()) {
    VirtualWorker worker({}, answers);
    prepare(worker, mode);
    for (const Cell& cell : mode.cells) {
      for (const Transport transport : {Transport::udp, Transport::tcp}) {
        for (const bool dnssec_ok : {false, true}) {
          const std::string what = std::string(mode.what) + ' ' + to_text(cell.type) +
                                   (transport == Transport::udp ? " udp" : " tcp") + (dnssec_ok ? " DO" : "");
          auto query = encode_query({.name = "ads.test", .type = cell.type, .edns = true, .dnssec_ok = dnssec_ok});
          query[3] |= 0x10;  // CD
          const auto reply = worker.ask(query, transport);
          EXPECT_EQ(told(reply), cell.expected) << what;
          EXPECT_EQ(worker.asked("ads.test"), 0U) << what << ": nobody is asked for what is blocked";
          if (reply.empty()) continue;
          EXPECT_EQ(ede_of(reply), mode.ede) << what;
          EXPECT_EQ(reply[2] & 0x04, 0) << "AA, " << what;
          EXPECT_EQ(reply[3] & 0xB0, 0x90) << "RA and CD, not AD, " << what;
        }
      }
    }
  }
}

// SEMANTICS 4 truncate: TC=1 over UDP, real answer over TCP; by a rule only
TEST(BlockModes, TruncateAsksForTcp) {
  VirtualWorker worker;
  worker.install(std::make_unique<HandMadeGeneration>(2, 2)).block("ads.test", Action::truncate);
  worker.server["ads.test"] = {};
  EXPECT_EQ(told(worker.ask({.name = "ads.test"})), "TC");
  EXPECT_EQ(worker.asked("ads.test"), 0U);
  EXPECT_EQ(told(worker.ask({.name = "ads.test"}, Transport::tcp)), "NOERROR A 192.0.2.1");
  EXPECT_EQ(told(worker.ask({.name = "ads.test"})), "TC") << "also from the cache";
  EXPECT_EQ(told(worker.ask({.name = "ads.test"}, Transport::tcp)), "NOERROR A 192.0.2.1");
}

// SEMANTICS 4: chain rules do not apply behind it
TEST(BlockModes, NoRuleAppliesBehindASubstitution) {
  VirtualWorker worker;
  RuleDetail detail;
  detail.target = name_of("target.test");
  worker.install(std::make_unique<HandMadeGeneration>(2, 2))
      .block("ads.test", Action::cname, detail)
      .block("target.test", Action::cname, detail)
      .block_address("192.0.2.1/32");
  worker.server["target.test"] = {};
  EXPECT_EQ(told(worker.ask({.name = "ads.test"})), "NOERROR CNAME target.test A 192.0.2.1");
  EXPECT_EQ(told(worker.ask({.name = "target.test"})), "NOERROR CNAME target.test A 192.0.2.1")
      << "of itself too: one substitution a query";
  worker.server["target.test"] = {VirtualWorker::Behaviour::Kind::servfail, {}, 0};
  worker.pass(std::chrono::hours(1));
  (void)worker.ask({.name = "ads.test"});
  worker.pass(std::chrono::seconds(30));
  EXPECT_EQ(told(worker.reply()), "SERVFAIL") << "its failure is the answer";
}

// SEMANTICS 5.0: The engine follows chains without asking the filter
// SEMANTICS 5.0: the filter walks them first
// SEMANTICS 5.0: so a blocked link wins over a later SERVFAIL.
TEST(BlockModes, ABlockedLinkWinsOverALaterFailure) {
  using Kind = VirtualWorker::Behaviour::Kind;
  VirtualWorker worker;
  worker.install(std::make_unique<HandMadeGeneration>(2, 2)).block("tracker.test");
  worker.server["www.test"] = {Kind::alias, "tracker.test"};
  worker.server["tracker.test"] = {Kind::alias, "broken.test"};
  worker.server["plain.test"] = {Kind::alias, "broken.test"};
  worker.server["broken.test"] = {Kind::servfail, {}, 0};
  for (const auto& [name, expected] : {std::pair("www.test", "NOERROR A 0.0.0.0"), {"plain.test", "SERVFAIL"}}) {
    (void)worker.ask({.name = name});
    worker.pass(std::chrono::seconds(30));
    EXPECT_EQ(told(worker.reply()), expected) << name;
  }
  EXPECT_EQ(worker.asked("tracker.test"), 1U) << "others may be allowed what it leads to";
  EXPECT_GE(worker.asked("broken.test"), 1U);
}

// SEMANTICS 4: When an *upstream* in forward mode answers with 15–18, a null address, or NXDOMAIN with RA=0
// SEMANTICS 4: log it as "blocked upstream"
// SEMANTICS 4: and do not count it as ours.
TEST(BlockModes, AForwardersBlockIsPassedOnAsSuch) {
  using Kind = VirtualWorker::Behaviour::Kind;
  const struct {
    const char* what;
    VirtualWorker::Behaviour behaviour;
    const char* expected;
    int ede;
  } rows[] = {
      {"says so", {Kind::address, "192.0.2.1", 300, EdeCode::filtered}, "NOERROR A 192.0.2.1", 17},
      {"a null address", {Kind::address, "0.0.0.0", 300, {}}, "NOERROR A 0.0.0.0", 15},
      {"null, and why", {Kind::address, "0.0.0.0", 300, EdeCode::censored}, "NOERROR A 0.0.0.0", 16},
      {"NXDOMAIN with RA=0", {Kind::nxdomain, {}, 300, {}}, "NXDOMAIN SOA .", 15},
      {"stale data is no block", {Kind::address, "192.0.2.1", 300, EdeCode::stale_answer}, "NOERROR A 192.0.2.1", -1},
      {"an address", {}, "NOERROR A 192.0.2.1", -1},
  };
  for (const ForwardZone::Kind kind : {ForwardZone::Kind::forward, ForwardZone::Kind::stub}) {
    for (const auto& row : rows) {
      EngineOptions options;
      options.forward_zones = {{.name = Name(), .servers = {IpAddress::ipv4(INADDR_LOOPBACK)}, .kind = kind}};
      VirtualWorker worker({}, {}, std::move(options));
      worker.server["www.test"] = row.behaviour;
      for (const char* from : {"resolved", "cached"}) {
        const auto reply = worker.ask({.name = "www.test", .edns = true});
        const bool blocks = kind == ForwardZone::Kind::forward && row.ede != -1;
        EXPECT_EQ(worker.logged(), std::vector<DecisionClass>(blocks ? 1 : 0, DecisionClass::blocked_upstream))
            << row.what << ' ' << from;
        EXPECT_EQ(told(reply), row.expected) << row.what << ' ' << from;
        EXPECT_EQ(ede_of(reply), kind == ForwardZone::Kind::forward ? row.ede : -1) << row.what << ' ' << from;
      }
      EXPECT_EQ(worker.metrics.get(Metric::blocked), 0U) << row.what;
    }
  }
}

// SEMANTICS 4: 29 for safe-search synthesis (check the registry at build time).
TEST(BlockModes, SafeSearchIsSynthesis) {
  VirtualWorker worker;
  HandMadeGeneration& rules = worker.install(std::make_unique<HandMadeGeneration>(2, 2));
  RuleDetail target;
  target.target = name_of("target.test");
  rules.block("search.test", Action::cname, target, kFirstSafeSearch);
  rules.set.policies[0].safe_search = 1;
  worker.server["target.test"] = {};
  const auto reply = worker.ask({.name = "search.test", .edns = true});
  EXPECT_EQ(told(reply), "NOERROR CNAME target.test A 192.0.2.1");
  EXPECT_EQ(ede_of(reply), 29);
}

// SEMANTICS 4: Rewrites take the record's TTL within the same cap.
TEST(BlockModes, LocalDataLivesAsLongAsItsRecords) {
  for (const auto& [given, told_ttl] : {std::pair(12U, 12U), {3600U, 3600U}, {86400U, 3600U}}) {
    VirtualWorker worker;
    RuleDetail data;
    data.records = {address_record("198.51.100.7", given)};
    worker.install(std::make_unique<HandMadeGeneration>(2, 2)).block("ads.test", Action::answer, data);
    const auto message = read_message(worker.ask({.name = "ads.test"}));
    ASSERT_EQ(message->answer.size(), 1U);
    EXPECT_EQ(message->answer[0].ttl_seconds, told_ttl);
  }
}

// A blocked address is answered with another name: known only once the answer is.
TEST(BlockModes, AnAddressMaySubstituteToo) {
  VirtualWorker worker;
  HandMadeGeneration& rules = worker.install(std::make_unique<HandMadeGeneration>(2, 2));
  rules.block_address("192.0.2.66/32");
  rules.set.policies[0].block.mode = BlockMode::cname;
  rules.set.policies[0].block.target = name_of("target.test");
  worker.server["target.test"] = {};
  worker.server["www.test"] = {.address = "192.0.2.66"};
  for (const Transport transport : {Transport::udp, Transport::tcp, Transport::udp})
    EXPECT_EQ(told(worker.ask({.name = "www.test"}, transport)), "NOERROR CNAME target.test A 192.0.2.1");
}

// A policy may show the aliases on the way to what it blocks; then it has its word on each, also on those that it
// gives.
TEST(BlockModes, ShownAliasesAreLookedUpAgain) {
  using Kind = VirtualWorker::Behaviour::Kind;
  const auto to = [](const char* target) {
    RuleDetail detail;
    detail.target = name_of(target);
    return detail;
  };
  RuleDetail data;
  data.records = {address_record("198.51.100.7", 100)};
  VirtualWorker worker;
  HandMadeGeneration& rules = worker.install(std::make_unique<HandMadeGeneration>(2, 2));
  rules.set.policies[0].aliases = AliasAnswers::shown;
  rules.block("one.test", Action::cname, to("two.test"))
      .block("two.test", Action::cname, to("three.test"))
      .block("three.test", Action::answer, data)
      .block("out.test", Action::cname, to("plain.test"))
      .block("left.test", Action::cname, to("right.test"))
      .block("right.test", Action::cname, to("left.test"))
      .block("tracker.test")
      .block("gone.test", Action::drop)
      .block_address("192.0.2.66/32");
  worker.server["plain.test"] = {};
  worker.server["www.test"] = {Kind::alias, "tracker.test"};
  worker.server["tracker.test"] = {};
  worker.server["failing.test"] = {Kind::alias, "tracker.test"};
  worker.server["far.test"] = {Kind::alias, "one.test"};
  worker.server["one.test"] = {};
  worker.server["dropped.test"] = {Kind::alias, "gone.test"};
  worker.server["gone.test"] = {};
  worker.server["behind.test"] = {.address = "192.0.2.66"};
  rules.block("hops.test", Action::cname, to("behind.test"));
  const struct {
    const char* name;
    const char* expected;
  } rows[] = {
      {"one.test", "NOERROR CNAME two.test CNAME three.test A 198.51.100.7"},
      {"out.test", "NOERROR CNAME plain.test A 192.0.2.1"},
      {"left.test", "SERVFAIL"},
      {"www.test", "NOERROR CNAME tracker.test A 0.0.0.0"},
      {"far.test", "NOERROR CNAME one.test CNAME two.test CNAME three.test A 198.51.100.7"},
      {"dropped.test", "nothing"},
      {"hops.test", "NOERROR CNAME behind.test A 0.0.0.0"},
      {"plain.test", "NOERROR A 192.0.2.1"},
  };
  for (const char* round : {"asked for", "from the cache"}) {
    for (const auto& row : rows) EXPECT_EQ(told(worker.ask({.name = row.name})), row.expected) << row.name << round;
  }
  EXPECT_EQ(worker.asked("two.test") + worker.asked("three.test") + worker.asked("left.test"), 0U)
      << "what a rule answers is nobody's to be asked";
  EXPECT_EQ(ede_of(worker.ask({.name = "www.test", .edns = true})), 15);
  worker.logged();
  (void)worker.ask({.name = "www.test"});
  EXPECT_EQ(worker.logged(), std::vector<DecisionClass>{DecisionClass::blocked}) << "one decision a question";

  rules.set.policies[0].aliases = AliasAnswers::hidden;
  EXPECT_EQ(told(worker.ask({.name = "www.test"})), "NOERROR A 0.0.0.0");
  EXPECT_EQ(told(worker.ask({.name = "hops.test"})), "NOERROR CNAME behind.test A 192.0.2.66");
}

// The aliases that led to a failure are no part of an answer.
TEST(BlockModes, AShownAliasWinsOverALaterFailure) {
  using Kind = VirtualWorker::Behaviour::Kind;
  VirtualWorker worker;
  HandMadeGeneration& rules = worker.install(std::make_unique<HandMadeGeneration>(2, 2));
  rules.block("tracker.test", Action::nodata);
  rules.set.policies[0].aliases = AliasAnswers::shown;
  worker.server["www.test"] = {Kind::alias, "tracker.test"};
  worker.server["tracker.test"] = {Kind::servfail, {}, 0};
  (void)worker.ask({.name = "www.test"});
  worker.pass(std::chrono::seconds(30));
  EXPECT_EQ(told(worker.reply()), "NOERROR CNAME tracker.test SOA tracker.test");
}

// SEMANTICS 4: Answers that an overlay or schedule lets *through* are capped to its edge as well.
TEST(BlockModes, WhatIsLetThroughLivesUntilTheEdge) {
  VirtualWorker worker;
  RuleDetail until;
  until.conditions.not_after = worker.now.wall + std::chrono::seconds(20);
  worker.install(std::make_unique<HandMadeGeneration>(2, 2)).block("ads.test", Action::allow, until);
  worker.server["ads.test"] = {};
  for (int i = 0; i < 2; ++i) {  // resolved, and from the cache
    const auto message = read_message(worker.ask({.name = "ads.test"}));
    ASSERT_EQ(message->answer.size(), 1U);
    EXPECT_EQ(message->answer[0].ttl_seconds, 20U - 5U * static_cast<unsigned>(i));
    worker.pass(std::chrono::seconds(5));
  }
}

// What an answer's parts are put into the cache as, by hand: an alias to a tracker and its address.
enum class Age { fresh, stale };

void put(VirtualWorker& worker, const Query& query, Age age, Security security, NamesEpoch epoch) {
  ResolutionResult result;
  result.question = {query.name(), query.type, RecordClass::in};
  result.security = security;
  result.ttl = std::chrono::seconds(60);
  const bool failed = security == Security::bogus && !query.checking_disabled;
  result.rcode = failed ? Rcode::servfail : Rcode::noerror;
  if (!failed) {
    Rrset alias;
    alias.owner = query.name();
    alias.type = RecordType::cname;
    alias.ttl_seconds = 60;
    alias.add(name_of("tracker.test").wire());
    Rrset address;
    address.owner = name_of("tracker.test");
    address.type = RecordType::a;
    address.ttl_seconds = 60;
    address.add(IpAddress::parse("192.0.2.66")->bytes());
    result.answer = {alias, address};
    result.aliases = {{query.name(), name_of("tracker.test"), RecordType::cname, Name()}};
  }
  BuiltAnswer built;
  build_answer(result, built);
  const CacheSeconds now = to_cache_seconds(worker.now.steady);
  AnswerMatches parts = worker.policy->match_question(query);
  match_answer(result, *worker.policy->generation(), parts);
  std::vector<std::uint8_t> encoded;
  encode_matches(parts, encoded);
  worker.answers->put(AnswerKey::of(query), {.wire = built.wire,
                                             .ttl_offsets = built.ttl_offsets,
                                             .rcode = built.rcode,
                                             .security = static_cast<std::uint8_t>(security),
                                             .inserted = now - 100,
                                             .expires = age == Age::fresh ? now + 60 : now - 40,
                                             .stale_until = failed ? now - 40 : now + 3600,
                                             .ede = {},
                                             .ede_text = {},
                                             .epoch = epoch,
                                             .matches = encoded});
}

// SEMANTICS 5.6: Prefetch and serve-stale are subject to the verdict of the moment of the answer, not of the fetch.
// SEMANTICS 5.5: So a change of policy never flushes anything
// SEMANTICS 5.0: A bogus answer stays SERVFAIL unless the QNAME or an earlier, validated or unsigned, link is blocked.
// SEMANTICS 4: A bogus upstream answer stays SERVFAIL
// SEMANTICS 4: response-address rules see validated data only.
// SEMANTICS 5.0: the filter walks them first
TEST(BlockModes, NothingBlockedComesThroughWhateverTheCacheHolds) {
  const std::vector<Mode> all = modes();
  const char* kNames[] = {"www.test", "tracker.test", "192.0.2.66/32", ""};  // of QNAME, link, address, nothing
  unsigned asked = 0;
  for (const Mode& mode : all) {
    for (const std::string_view blocked : kNames) {
      for (const Age age : {Age::fresh, Age::stale}) {
        for (const Security security : {Security::secure, Security::insecure, Security::bogus}) {
          for (const unsigned flags : {0U, 7U, 11U, 13U, 14U}) {  // all pairs
            const bool cd = (flags & 1) != 0;
            const Transport transport = (flags & 4) != 0 ? Transport::tcp : Transport::udp;
            const bool same_epoch = (flags & 8) != 0;
            VirtualWorker worker;
            const bool is_address = blocked.find('/') != std::string_view::npos;
            prepare(worker, mode, blocked.empty() || is_address ? "elsewhere.test" : blocked);
            HandMadeGeneration& rules =
                const_cast<HandMadeGeneration&>(static_cast<const HandMadeGeneration&>(*worker.policy->generation()));
            if (is_address) rules.block_address(blocked);
            worker.server["www.test"] = {VirtualWorker::Behaviour::Kind::silent, {}, 0};
            worker.server["www.test.garden.test"] = {.address = "192.0.2.2"};
            worker.server["tracker.test.garden.test"] = {.address = "192.0.2.2"};
            auto message = encode_query({.name = "www.test", .edns = true, .dnssec_ok = (flags & 2) != 0});
            if (cd) message[3] |= 0x10;
            put(worker, parse_query(message).query, age, security, same_epoch ? NamesEpoch{2} : NamesEpoch{1});
            (void)worker.ask(message, transport);
            worker.pass(std::chrono::seconds(2));  // old answers come when nothing newer does
            auto reply = worker.reply();
            const std::string what =
                std::string(mode.what) + " on " + std::string(blocked) + (age == Age::fresh ? " fresh " : " stale ") +
                std::to_string(static_cast<int>(security)) + " flags " + std::to_string(flags) + ": " + told(reply);
            ++asked;
            // A client that gives up is one whose reply nobody reads: the rest goes on, and the next one is served.
            worker.pass(std::chrono::seconds(30));
            (void)worker.ask(message, transport);
            for (const auto& one : {reply, worker.reply()}) {
              const std::string text = told(one);
              EXPECT_NE(text, "malformed") << what;
              const bool has_data = text.find("192.0.2.66") != std::string::npos;
              const bool is_bogus = security == Security::bogus && !cd;
              EXPECT_FALSE(has_data && !blocked.empty()) << what;
              EXPECT_FALSE(has_data && is_bogus) << what;
              EXPECT_FALSE(text.find("tracker") != std::string::npos && !blocked.empty() &&
                           text.find("garden") == std::string::npos)
                  << what;
              if (!one.empty() && (one[3] & 0x20) != 0) {
                EXPECT_TRUE(has_data && security == Security::secure && !cd) << "AD, " << what;
              }
              if (!has_data && blocked == "www.test" && mode.action != Action::drop) {
                EXPECT_NE(text, "nothing") << what;
                EXPECT_EQ(text.find("SERVFAIL"), std::string::npos) << what;
              }
            }
            // What nothing blocks comes through, fresh or stale.
            if (blocked.empty() && !(security == Security::bogus && !cd)) {
              EXPECT_NE(told(reply).find("192.0.2.66"), std::string::npos) << what;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(asked, modes().size() * 4 * 2 * 3 * 5);
}

}  // namespace
}  // namespace weir::test::block_modes_test
