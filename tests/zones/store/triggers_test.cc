// Rules on what is known only of a client or of an answer, as a generation finds them.
#include "tests/zones/store/store_fixture.h"

namespace weir::testing::triggers_test {
namespace {

Rule prefix_rule(PatternKind kind, std::string_view prefix, Action action) {
  Rule made;
  made.kind = kind;
  made.action = action;
  made.prefix = *Prefix::parse(prefix);
  return made;
}

Rule server_rule(std::string_view text, std::string pattern, Action action) {
  Rule made = rule(text, PatternKind::ns_name, action);
  made.pattern = std::move(pattern);
  return made;
}

std::string found(const MatchSet& set) {
  std::string out;
  for (const Match& match : set.matches)
    out += std::string(to_text(match.kind)) + std::to_string(match.labels) + std::string(to_text(match.action)) + " ";
  return out;
}

// SEMANTICS 2 RPZ: NSDNAME and NSIP need delegation data
// SEMANTICS 2 RPZ: looked up only while such rules exist
TEST(Triggers, ClientsAndServersAreFoundByPrefixAndName) {
  Store store({"zone", "plain"});
  store.import("zone", {prefix_rule(PatternKind::client, "192.0.2.0/24", Action::nxdomain),
                        prefix_rule(PatternKind::client, "192.0.2.7/32", Action::allow),
                        prefix_rule(PatternKind::client, "2001:db8::/32", Action::drop),
                        prefix_rule(PatternKind::ns_address, "198.51.100.0/24", Action::nodata),
                        server_rule("ns.bad.test", "", Action::refused),
                        server_rule("bad.test", std::string(kNameServersBelow), Action::nodata)});
  store.import("plain", {rule("a.test")});
  store.publish();
  const auto generation = store.open();
  MatchSet set;
  generation->match_client(*IpAddress::parse("192.0.2.7"), set);
  EXPECT_EQ(found(set), "client32allow client24nxdomain ");
  generation->match_client(*IpAddress::parse("::ffff:192.0.2.8"), set);
  EXPECT_EQ(found(set), "client24nxdomain ");
  generation->match_client(*IpAddress::parse("2001:db8::1"), set);
  EXPECT_EQ(found(set), "client32drop ");
  generation->match_ns_address(*IpAddress::parse("198.51.100.9"), set);
  EXPECT_EQ(found(set), "ns-address24nodata ");
  generation->match_address(*IpAddress::parse("198.51.100.9"), set);
  EXPECT_EQ(found(set), "") << "an answer's address is something else";
  generation->match_ns_name(ReversedName(name("ns.bad.test")), set);
  EXPECT_EQ(found(set), "ns-name3refused ns-name2nodata ");
  generation->match_ns_name(ReversedName(name("bad.test")), set);
  EXPECT_EQ(found(set), "") << "the wildcard means what is below";
  generation->match_ns_name(ReversedName(name("x.ns.bad.test")), set);
  EXPECT_EQ(found(set), "ns-name2nodata ");

  const ListId zone = generation->policies().find_list("zone")->id;
  EXPECT_EQ(generation->triggers(zone), (Generation::Triggers{.client = true, .address = false, .name_server = true}));
  EXPECT_EQ(generation->triggers(generation->policies().find_list("plain")->id), Generation::Triggers{});
  EXPECT_TRUE(generation->triggers().client);

  store.import("zone", {rule("b.test")});
  store.publish();
  const auto later = store.open();
  EXPECT_EQ(later->triggers(), Generation::Triggers{}) << "they go with their rules";
  EXPECT_EQ(later->triggers(zone), Generation::Triggers{});
}

// SEMANTICS 4: `name` and `*.name` of one RPZ zone together count as a subtree
TEST(Triggers, ANameWithItsWildcardIsMarked) {
  Store store({"zone", "other"});
  store.import("zone", {rule("both.test", PatternKind::exact, Action::nxdomain),
                        rule("both.test", PatternKind::below, Action::nxdomain),
                        rule("alone.test", PatternKind::exact, Action::nxdomain),
                        rule("mixed.test", PatternKind::exact, Action::nxdomain),
                        rule("mixed.test", PatternKind::below, Action::allow)});
  store.import("other", {rule("alone.test", PatternKind::below, Action::nxdomain)});
  store.publish();
  const auto generation = store.open();
  const auto marked = [&](const char* text) {
    MatchSet set;
    generation->match(ReversedName(name(text)), set);
    EXPECT_EQ(set.matches.size(), 1U) << text;
    return (set.matches.at(0).flags & Match::kWithBelow) != 0;
  };
  EXPECT_TRUE(marked("both.test"));
  EXPECT_FALSE(marked("alone.test")) << "another list's wildcard";
  EXPECT_FALSE(marked("mixed.test"));
}

// RFC 4592 section 3.3.1: where a nearer name exists a wildcard may not reach. Both ways of reading say so.
TEST(Triggers, AWildcardBehindANearerNameIsMarked) {
  Store store({"zone", "other"});
  store.import("zone", {rule("test", PatternKind::below, Action::answer), rule("b.test", PatternKind::exact),
                        rule("c.test", PatternKind::below, Action::nodata)});
  std::vector<Rule> others{rule("b.test", PatternKind::below)};
  store.import("other", others);
  store.publish();
  const auto generation = store.open();
  const auto past = must(store.writer->rules_at(at(store.clock).wall));
  const struct {
    const char* name;
    std::vector<std::pair<PatternKind, bool>> matches;  // of the zone: and whether a nearer name stands before it
  } rows[] = {
      {"x.test", {{PatternKind::below, false}}},
      {"b.test", {{PatternKind::exact, false}, {PatternKind::below, true}}},
      {"x.b.test", {{PatternKind::below, true}}},
      {"y.x.b.test", {{PatternKind::below, true}}},
      {"x.c.test", {{PatternKind::below, false}, {PatternKind::below, true}}},
      {"xb.test", {{PatternKind::below, false}}},
  };
  const ListId zone = generation->policies().find_list("zone")->id;
  for (const auto& row : rows) {
    for (const RulesInForce* rules : {static_cast<const RulesInForce*>(generation.get()), past.get()}) {
      MatchSet set;
      rules->match(ReversedName(name(row.name)), set);
      std::vector<std::pair<PatternKind, bool>> found;
      for (const Match& match : set.matches) {
        if (match.list_id() == zone) found.emplace_back(match.kind, (match.flags & Match::kNearerName) != 0);
      }
      EXPECT_EQ(found, row.matches) << row.name;
    }
  }
  // More lists than are told apart without asking for memory.
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back("list" + std::to_string(i));
  Store crowded(many);
  for (const std::string& list : many)
    crowded.import(list, {rule("test", PatternKind::below), rule("b.test", PatternKind::exact)});
  crowded.publish();
  MatchSet set;
  crowded.open()->match(ReversedName(name("x.b.test")), set);
  EXPECT_EQ(set.matches.size(), 40U);
  for (const Match& match : set.matches) EXPECT_NE(match.flags & Match::kNearerName, 0);
}

TEST(PolicyZones, TheirSoaStaysWithTheListThroughDefinitionsAndRestarts) {
  Store store({"zone", "other"});
  const ResourceRecord soa{name("zone.test"), RecordType::soa, 60, {1, 2, 3}};
  ASSERT_TRUE(store.writer->set_zone_soa(store.list("zone"), soa));
  EXPECT_EQ(store.writer->set_zone_soa({4711}, soa).error().code, ErrorCode::not_found);
  store.define({"other", "zone"});
  store.publish();
  store.reopen();
  EXPECT_EQ(store.writer->policies().find_list("zone")->soa, soa);
  EXPECT_FALSE(store.writer->policies().find_list("other")->soa);
  EXPECT_EQ(store.open()->policies().find_list("zone")->soa, soa);
  const std::string before = store.writer->policies().canonical_text();
  ASSERT_TRUE(store.writer->set_zone_soa(store.list("zone"), {name("zone.test"), RecordType::soa, 60, {4}}));
  EXPECT_EQ(store.writer->policies().canonical_text(), before) << "two nodes filter alike whatever the serial";
}

}  // namespace
}  // namespace weir::testing::triggers_test
