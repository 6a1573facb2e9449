// Layout round trips, and what damaged records do.
#include "zones/store/keys.h"

#include <gtest/gtest.h>

#include "tests/zones/store/store_fixture.h"
#include "zones/name_pattern.h"
#include "zones/store/files.h"
#include "zones/store/fingerprint.h"

namespace weir::store::keys_test {
namespace {

using testing::address_rule;
using testing::name;
using testing::rule;

std::string key_of(const Rule& made) {
  std::string key;
  const auto payload = encode_payload(made);
  Hasher hash;
  const Digest digest = payload ? hash(*payload) : Digest{};
  append_rule_key(key, made, payload.has_value(), {reinterpret_cast<const char*>(digest.data()), digest.size()});
  return key;
}

std::vector<Rule> samples() {
  std::vector<Rule> rules{rule("."),
                          rule("example.org"),
                          rule("a.example.org", PatternKind::subtree, Action::allow),
                          rule("example.org", PatternKind::below, Action::nxdomain),
                          address_rule("192.0.2.0/25"),
                          address_rule("2001:db8::/33"),
                          address_rule("0.0.0.0/0")};
  std::string deep;
  for (int i = 0; i < 127; ++i) deep += "a.";
  rules.push_back(rule(deep));
  Rule full = rule("x.test", PatternKind::subtree, Action::address);
  full.important = true;
  full.exception = true;
  full.detail.conditions.types = {RecordType::a, RecordType::aaaa};
  full.detail.conditions.types_excluded = true;
  full.detail.conditions.clients = {*Prefix::parse("10.0.0.0/8")};
  full.detail.conditions.groups = {"kids"};
  full.detail.conditions.deny_allow = {name("y.x.test")};
  full.detail.conditions.not_before = WallTime(std::chrono::seconds(5));
  full.detail.conditions.not_after = WallTime(std::chrono::seconds(7));
  full.detail.addresses = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("2001:db8::1")};
  full.detail.target = name("target.test");
  rules.push_back(full);
  Rule glob = rule("example.org", PatternKind::glob);
  glob.pattern = "*ads*.example.org";
  rules.push_back(glob);
  for (const PatternKind kind : {PatternKind::ns_address, PatternKind::client}) {
    rules.push_back(address_rule("198.51.100.0/24"));
    rules.back().kind = kind;
  }
  rules.push_back(rule("ns.test", PatternKind::ns_name));
  Rule substitution = rule("x.test", PatternKind::below);
  substitution.action = Action::cname;
  substitution.detail.target = name("garden.test");
  substitution.detail.target_below = true;
  rules.push_back(substitution);
  Rule data = rule("x.test");
  data.action = Action::answer;
  data.detail.records = {{RecordType::a, 60, {192, 0, 2, 1}}, {RecordType::txt, 60, {1, 'x'}}};
  rules.push_back(data);
  return rules;
}

TEST(Keys, RulesComeBackAsTheyWere) {
  for (const Rule& made : samples()) {
    const std::string text = key_of(made);
    const auto key = decode_rule_key(text);
    ASSERT_TRUE(key.has_value()) << describe_pattern(made);
    const auto encoded = encode_payload(made);
    const auto payload = encoded ? decode_payload(*encoded) : std::nullopt;
    const auto back = make_rule(*key, payload ? &*payload : nullptr);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, made) << describe_pattern(made);
  }
}

TEST(Keys, OrderOfConditionsIsNoDifference) {
  Rule one = samples()[8];
  Rule two = one;
  std::swap(two.detail.conditions.types[0], two.detail.conditions.types[1]);
  std::swap(two.detail.addresses[0], two.detail.addresses[1]);
  EXPECT_EQ(key_of(one), key_of(two));
  two.detail.conditions.types_excluded = false;
  EXPECT_NE(key_of(one), key_of(two));
}

TEST(Keys, EveryTruncationIsRefused) {
  for (const Rule& made : samples()) {
    const std::string text = key_of(made);
    for (std::size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(decode_rule_key(std::string_view(text).substr(0, size)).has_value()) << describe_pattern(made);
    }
    EXPECT_FALSE(decode_rule_key(text + "x").has_value());
  }
  StoreState state;
  state.number = 300;
  state.pinned = "files differ";
  state.pending = Pending::rollback;
  for (const std::uint64_t defined_at : {std::uint64_t{0}, std::uint64_t{299}}) {
    state.defined_at = defined_at;
    const std::string text = encode(state);
    EXPECT_EQ(decode_state(text), state);
    for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode_state(text.substr(0, size)).has_value());
  }
}

TEST(Keys, NamesValues) {
  const Below below{3, {{7, 2}, {300, 1}}};
  std::string text;
  append_names_header(text, below);
  const Entry entry{300, PatternKind::below, Action::cname, Match::kImportant | kEntryDenyAllow, 1'000'000};
  append_entry(text, entry);
  ByteReader reader(text);
  EXPECT_EQ(read_names_header(reader), below);
  EXPECT_EQ(read_entry(reader), entry);
  EXPECT_TRUE(reader.ok() && reader.at_end());
  std::string leaf;
  append_names_header(leaf, {});
  append_entry(leaf, {1, PatternKind::exact, Action::block, 0, 0});
  EXPECT_EQ(leaf.size(), 4U) << "the size of a plain rule decides what a million cost";
}

TEST(Keys, OtherRecords) {
  ListState list{5, {1, 2, 3, 4}, 9, true};
  const std::string stored = encode(list);
  EXPECT_EQ(decode_list_state(stored), list);
  EXPECT_EQ(decode_list_state(stored.substr(0, stored.size() - 1)), list) << "without how often it changed";
  EXPECT_EQ(decode_list_state(stored.substr(0, stored.size() - 5)), list) << "nor what else came later";
  list.triggers = {300, 1, 0, 2};
  list.changes = 1000;
  EXPECT_EQ(decode_list_state(encode(list)), list);
  Lengths lengths;
  lengths.ipv6[128] = 3;
  EXPECT_EQ(decode_lengths(encode(lengths)), lengths);
  Interval interval{3, 0, 9, 812, 4};
  std::string value;
  append_open_value(value, interval);
  EXPECT_EQ(decode_open(value), interval);
  interval.last = 8;
  value.clear();
  append_closed_value(value, interval);
  std::string_view rule_key;
  const std::string key = closed_key({16}, "RULE", 3).substr(sources_prefix({16}, kClosedIntervals).size());
  EXPECT_EQ(decode_closed(key, value, rule_key), interval);
  EXPECT_EQ(rule_key, "RULE");
}

TEST(Fingerprint, SumsForgetTheOrder) {
  Hasher hash;
  const auto sum_of = [&](const char* text) {
    Sum sum{};
    add(sum, hash(text));
    return sum;
  };
  Sum one{};
  Sum two{};
  for (const char* text : {"a", "b", "c"}) add(one, hash(text));
  for (const char* text : {"c", "x", "a", "b"}) add(two, hash(text));
  EXPECT_NE(one, two);
  subtract(two, sum_of("x"));
  EXPECT_EQ(one, two);
  Sum zero{};
  subtract(zero, sum_of("a"));
  add(zero, hash("a"));
  EXPECT_EQ(zero, Sum{});
}

TEST(Files, GenerationInfoIsChecked) {
  const GenerationInfo info{7, {123456789, 4, "abc", "import ads\nsecond line"}};
  const std::string text = encode(info);
  auto back = decode_generation_info(text, "here");
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->number, 7U);
  EXPECT_EQ(back->record.reason, "import ads second line");
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 1;
    EXPECT_FALSE(decode_generation_info(damaged, "here").has_value()) << i;
  }
  const std::string newer = "weir generation 2\nwhatever\n";
  EXPECT_EQ(decode_generation_info(newer, "here").error().code, ErrorCode::incompatible);
}

TEST(Globs, StarsCrossLabels) {
  const struct {
    const char* pattern;
    const char* name;
    bool expected;
  } rows[] = {{"*ads*.example.org", "x.ads.y.example.org", true},
              {"*ads*.example.org", "example.org", false},
              {"na*me.tld", "name.tld", true},
              {"na*me.tld", "naxx.yyme.tld", true},
              {"na*me.tld", "name.tld.x", false},
              {"*", "", true},
              {"A*", "abc", true},
              {"", "a", false}};
  for (const auto& row : rows) EXPECT_EQ(glob_matches(row.pattern, row.name), row.expected) << row.pattern;
}

}  // namespace
}  // namespace weir::store::keys_test
