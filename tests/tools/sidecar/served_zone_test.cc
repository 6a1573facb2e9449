// What a served zone says, beside what the resolver decides; and what its changes lead to, beside the whole of it.
#include "tools/sidecar/served_zone.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/zones/store/store_fixture.h"
#include "tools/sidecar/policy_record.h"
#include "tools/sidecar/zone_copy.h"

namespace weir::sidecar::served_zone_test {
namespace {

using namespace weir::testing;

using Lines = std::set<std::string>;

ServeConfig serve(const std::string& policy, const std::string& list = {}) {
  ServeConfig out;
  out.name = name("filter.zone");
  out.policy = policy;
  out.list = list;
  return out;
}

ServedZone zone_of(const Store& store, const ServeConfig& config = serve("default")) {
  return must(ServedZone::make(config, store.open()));
}

Lines lines_of(ServedZone& zone) {
  Lines out;
  const auto done = zone.whole([&](const ZoneRecord& record) -> Result<void> {
    EXPECT_TRUE(out.insert(record_line(record)).second) << record_line(record) << " twice";
    return {};
  });
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return out;
}

// "a.test CNAME ." for each, without zone and TTL.
std::string shown(ServedZone zone) {
  std::string out;
  for (const std::string& line : lines_of(zone)) {
    if (line.find(" NS ") != std::string::npos) continue;
    const std::size_t end = line.find(".filter.zone. 30 ");
    EXPECT_NE(end, std::string::npos) << line;
    if (end != std::string::npos) out += (out.empty() ? "" : "\n") + line.substr(0, end) + line.substr(end + 16);
  }
  return out;
}

Rule exception_for(std::string_view text) {
  Rule made = rule(text, PatternKind::subtree, Action::allow);
  made.exception = true;
  return made;
}

TEST(ServedZone, SaysWhatEachKindOfRuleSays) {
  Rule answer = rule("data.test", PatternKind::exact, Action::answer);
  answer.detail.records = {{RecordType::a, 30, {192, 0, 2, 1}}};
  Rule moved = rule("moved.test", PatternKind::exact, Action::cname);
  moved.detail.target = name("garden.test");
  moved.detail.target_below = true;
  Store store;
  store.import("ads", {rule("exact.test"), rule("sub.test", PatternKind::subtree),
                       rule("below.test", PatternKind::below), rule("drop.test", PatternKind::exact, Action::drop),
                       rule("tcp.test", PatternKind::exact, Action::truncate),
                       rule("nodata.test", PatternKind::exact, Action::nodata), answer, moved,
                       rule("also.sub.test", PatternKind::exact), exception_for("good.sub.test"),
                       address_rule("192.0.2.0/24"), address_rule("2001:db8:0:1::/64", Action::allow)});
  store.publish();
  EXPECT_EQ(shown(zone_of(store, serve("", "ads"))),
            "*.below.test CNAME .\n"
            "*.good.sub.test CNAME rpz-passthru.\n"
            "*.sub.test CNAME .\n"
            "24.0.2.0.192.rpz-ip CNAME .\n"
            "64.zz.1.0.db8.2001.rpz-ip CNAME rpz-passthru.\n"
            "data.test A 192.0.2.1\n"
            "drop.test CNAME rpz-drop.\n"
            "exact.test CNAME .\n"
            "good.sub.test CNAME rpz-passthru.\n"
            "moved.test CNAME *.garden.test.\n"
            "nodata.test CNAME *.\n"
            "sub.test CNAME .\n"
            "tcp.test CNAME rpz-tcp-only.");
}

TEST(ServedZone, CountsWhatItCannotSay) {
  Rule glob = rule("glob.test", PatternKind::glob);
  glob.pattern = "*a.glob.test";
  Rule typed = rule("typed.test");
  typed.detail.conditions.types = {RecordType::aaaa};
  Store store;
  store.import("ads", {rule("plain.test"), glob, typed, rule("refused.test", PatternKind::exact, Action::refused)});
  store.publish();
  auto zone = zone_of(store);
  const Lines lines = lines_of(zone);
  const Unsaid unsaid = must(zone.unsaid());
  EXPECT_EQ(unsaid.patterns, 1U);
  EXPECT_EQ(unsaid.conditions, 1U);
  EXPECT_EQ(unsaid.refused, 1U);
  EXPECT_EQ(unsaid.exceptions, 0U);
  EXPECT_EQ(unsaid.total(), 3U);
  for (const std::string& line : lines) EXPECT_EQ(line.find("typed"), std::string::npos) << line;
}

TEST(ServedZone, DefaultDenyIsAWildcardOfItsOwn) {
  Store store;
  PolicySet set = lists_named({"ads"});
  set.policies[0].default_action = DefaultAction::deny;
  set.policies[0].block.mode = BlockMode::nxdomain;
  (void)must(store.writer->define(set));
  store.import("ads", {rule("ok.test", PatternKind::subtree, Action::allow)});
  store.publish();
  EXPECT_EQ(shown(zone_of(store)), "* CNAME .\n*.ok.test CNAME rpz-passthru.\nok.test CNAME rpz-passthru.");
}

TEST(ServedZone, AnUnknownListOrPolicyIsToldAndLimitsHold) {
  Store store;
  store.publish();
  EXPECT_EQ(ServedZone::make(serve("none"), store.open()).error().code, ErrorCode::not_found);
  EXPECT_EQ(ServedZone::make(serve("", "none"), store.open()).error().code, ErrorCode::not_found);
  const auto sink = [](const ZoneRecord&) { return Result<void>(); };
  auto zone = zone_of(store);
  EXPECT_FALSE(must(zone.changes(zone.serial(), sink, sink)));
  EXPECT_FALSE(must(zone.changes(77, sink, sink))) << "a generation that never was";
}

TEST(ServedZone, OtherDefinitionsAreNoChangesButAnotherZone) {
  Store store;
  store.import("ads", {rule("a.test")});
  const auto before = store.publish();
  PolicySet set = lists_named({"ads"});
  set.policies[0].block.mode = BlockMode::nodata;
  (void)must(store.writer->define(set));
  store.publish();
  const auto sink = [](const ZoneRecord&) { return Result<void>(); };
  auto zone = zone_of(store);
  EXPECT_FALSE(must(zone.changes(static_cast<std::uint32_t>(before.value), sink, sink)));
}

// ---- random histories

class RandomRules {
 public:
  explicit RandomRules(unsigned seed) : dice_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(dice_() % limit); }

  std::string name_text() {
    std::string out = "t";
    for (unsigned depth = below(4); depth > 0; --depth)
      out = std::string(1, static_cast<char>('a' + below(3))) + '.' + out;
    return out;
  }
  Rule one() {
    constexpr PatternKind kKinds[] = {PatternKind::exact, PatternKind::subtree, PatternKind::below};
    constexpr Action kActions[] = {Action::block, Action::block, Action::nxdomain, Action::nodata, Action::allow};
    if (below(12) == 0) return address_rule("192.0.2." + std::to_string(below(4)), kActions[below(5)]);
    Rule made = rule(name_text(), kKinds[below(3)], kActions[below(5)]);
    made.exception = made.action == Action::allow && below(2) == 0;
    made.important = below(8) == 0;
    return made;
  }
  std::vector<Rule> some() {
    std::vector<Rule> out;
    for (unsigned count = below(9); count > 0; --count) out.push_back(one());
    return out;
  }

 private:
  std::mt19937 dice_;
};

PolicySet ranked_lists() {
  PolicySet set = lists_named({"ads", "more", "allow", "zone"});
  set.lists[set.lists.size() - 2].rank = kRankAllow;
  set.lists[set.lists.size() - 1].kind = ListKind::rpz;
  set.lists[set.lists.size() - 1].rank = kRankRpz;
  set.lists[set.lists.size() - 1].order = Order::specific;
  for (ListDefinition& list : set.lists) list.own_actions = true;
  return set;
}

// By RPZ's own order: the name itself, else the longest wildcard. Nothing and passthru are alike here.
std::string look_up(const std::multimap<std::string, std::string>& zone, const Name& asked) {
  const auto at = [&](const std::string& owner) {
    std::vector<std::string> data;
    for (auto [from, to] = zone.equal_range(owner); from != to; ++from) data.push_back(from->second);
    std::sort(data.begin(), data.end());
    std::string out;
    for (const std::string& one : data) out += one + ';';
    return out;
  };
  std::string found = at(asked.to_text() + ".filter.zone.");
  for (Name above = asked; found.empty() && !above.is_root();) {
    above = above.parent();
    found = at("*." + (above.is_root() ? std::string() : above.to_text() + '.') + "filter.zone.");
  }
  return found == "CNAME rpz-passthru.;" ? std::string() : found;
}

std::string decided(const Generation& generation, const Name& asked) {
  MatchSet found;
  generation.match(ReversedName(asked), found);
  const DecideContext context{
      .policies = generation.policies(), .client = {}, .name = asked, .now = {}, .details = generation};
  std::vector<std::string> data;
  for (const AnswerData& record : policy_records(decide(found, context), found, context)) {
    const std::string line = record_line({Name(), record.type, record.ttl_seconds, record.rdata});
    data.push_back(line.substr(line.find(' ', 2) + 1));
  }
  std::sort(data.begin(), data.end());
  std::string out;
  for (const std::string& one : data) out += one + ';';
  return out == "CNAME rpz-passthru.;" ? std::string() : out;
}

TEST(ServedZone, DecidesAsTheResolverDoesAndChangesLeadWhereTheWholeZoneIs) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    RandomRules random(seed);
    Store store;
    (void)must(store.writer->define(ranked_lists()));
    std::map<std::uint32_t, Lines> versions;
    for (unsigned step = 0; step < 6; ++step) {
      store.import(std::array{"ads", "more", "allow", "zone"}[random.below(4)], random.some());
      store.publish();
      const auto generation = store.open();
      ServedZone zone = must(ServedZone::make(serve("default"), generation));
      const Lines now = lines_of(zone);
      versions[zone.serial()] = now;
      std::multimap<std::string, std::string> by_owner;
      for (const std::string& line : now) {
        const std::size_t ttl = line.find(' ');
        by_owner.emplace(line.substr(0, ttl), line.substr(line.find(' ', ttl + 1) + 1));
      }
      for (unsigned i = 0; i < 60; ++i) {
        const Name asked = name(random.name_text());
        ASSERT_EQ(look_up(by_owner, asked), decided(*generation, asked)) << asked.to_text();
      }
      const auto& [since, then] = *std::next(versions.begin(), random.below(static_cast<unsigned>(versions.size())));
      if (since == zone.serial()) continue;
      Lines led = then;
      const bool said = must(zone.changes(
          since,
          [&](const ZoneRecord& record) -> Result<void> {
            EXPECT_EQ(led.erase(record_line(record)), 1U) << record_line(record) << " was not there";
            return {};
          },
          [&](const ZoneRecord& record) -> Result<void> {
            EXPECT_TRUE(led.insert(record_line(record)).second) << record_line(record) << " is there";
            return {};
          }));
      EXPECT_TRUE(said);
      ASSERT_EQ(led, now);
    }
  }
}

}  // namespace
}  // namespace weir::sidecar::served_zone_test
