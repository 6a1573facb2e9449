// Time travel: what the validity intervals say of any moment, beside a replay of the history up to it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>

#include "tests/zones/store/naive_rules.h"
#include "tests/zones/store/store_fixture.h"
#include "zones/cancelled_rules.h"
#include "zones/verdict.h"

namespace weir::testing::past_generation_test {
namespace {

using Contents = std::map<ListId, std::vector<SourcedRule>>;

// What held after one publish, kept by the test itself.
struct Moment {
  std::int64_t from = 0;  // of the fixture's clock
  Contents lists;
  PolicySet policies;
};

// The match set of a name or an address by comparing every rule with it.
class NaiveMatches : public DetailSource {
 public:
  NaiveMatches(const Moment& moment, const Name& asked) {
    struct Found {
      const SourcedRule* rule;
      ListId list;
    };
    std::vector<Found> found;
    for (const auto& [list, rules] : moment.lists) {
      if (moment.policies.find_list(list) == nullptr) continue;
      for (const SourcedRule& rule : rules) {
        if (naive_matches(rule.rule, asked) && !is_cancelled(moment, list, rule.rule)) found.push_back({&rule, list});
      }
    }
    std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
      const auto key = [](const Found& one) {
        const Rule& rule = one.rule->rule;
        // Of the administrator's rules on one name the newest first.
        const bool by_hand = one.list == kLocalRules || one.list == kOverlays;
        const std::uint64_t age = by_hand ? ~one.rule->line : 0;
        const PatternKind kind = rule.kind == PatternKind::regex ? PatternKind::glob : rule.kind;
        return std::tuple(-static_cast<int>(rule.name.label_count()), kind, one.list, age, rule.kind, rule.action,
                          rule.important, !rule.detail.empty());
      };
      return key(a) < key(b);
    });
    for (const Found& one : found) {
      const Rule& rule = one.rule->rule;
      Match match;
      match.list = one.list.value;
      match.kind = rule.kind;
      match.action = rule.action;
      match.labels = static_cast<std::uint8_t>(rule.name.label_count());
      if (rule.important) match.flags = Match::kImportant;
      if (!rule.detail.empty()) {
        details_.push_back(rule.detail);
        match.detail = static_cast<std::uint32_t>(details_.size());
      }
      match.below_first = static_cast<std::uint8_t>(set.lists_below.size());
      for (const auto& [other, rules] : moment.lists) {
        const bool opens = moment.policies.find_list(other) != nullptr &&
                           std::any_of(rules.begin(), rules.end(), [&](const SourcedRule& candidate) {
                             return naive_opens_below(candidate.rule, rule.name);
                           });
        if (opens) set.lists_below.push_back(other.value);
      }
      match.below_count = static_cast<std::uint8_t>(set.lists_below.size() - match.below_first);
      set.matches.push_back(match);
      lines.push_back(one.rule->line);
    }
  }
  const RuleDetail* detail(PayloadId id) const override { return &details_[id.value - 1]; }

  // Lists of kind block alone: what is disabled is what is equal.
  static bool is_cancelled(const Moment& moment, ListId list, const Rule& rule) {
    const auto cancelled = moment.lists.find(kCancelledRules);
    if (list < kFirstDefinedList || cancelled == moment.lists.end()) return false;
    return std::any_of(cancelled->second.begin(), cancelled->second.end(),
                       [&](const SourcedRule& other) { return other.rule == rule; });
  }

  MatchSet set;
  std::vector<std::uint64_t> lines;  // of each match

 private:
  std::deque<RuleDetail> details_;
};

std::string describe(const PolicySet& policies, const MatchSet& set, const Verdict& verdict) {
  std::string text = std::to_string(static_cast<int>(verdict.outcome)) + (verdict.degrade_nxdomain ? " degrades" : "");
  const auto rule = [&](int index) {
    if (index == kNoRule) return std::string(" nothing");
    const Match& match = set.matches[static_cast<std::size_t>(index)];
    return " " + policies.find_list(match.list_id())->name + "/" + std::string(to_text(match.kind)) + "/" +
           std::string(to_text(match.action)) + "/" + std::to_string(match.labels) + (match.important() ? "!" : "");
  };
  text += rule(verdict.winner) + ", observed" + rule(verdict.observed_winner) + ", over";
  for (unsigned i = 0; i < verdict.loser_count; ++i) text += rule(verdict.losers[i]);
  return text;
}

// One random change of a store after the other, each published, with what it must have come to.
class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), store_({"ads", "more", "third"}, {.keep_generations = 1}) {
    now_.policies = store_.writer->policies();
    publish();
  }

  void change() {
    switch (random_() % 11) {
      case 10:
        return change_pause();
      case 0:
      case 1:
      case 2:
        return change_local();
      case 3:
        return change_overlay();
      case 4:
        return change_policies();
      case 5:
        return random_() % 4 == 0 ? roll_back_generation() : roll_back_list();
      default:
        return import();
    }
  }
  Store& store() { return store_; }
  const std::vector<Moment>& moments() const { return moments_; }
  std::mt19937_64& random() { return random_; }

 private:
  void publish() {
    store_.clock += 1 + static_cast<std::int64_t>(random_() % 100);
    store_.publish();
    note();
  }
  void note() {
    now_.from = store_.clock;
    moments_.push_back(now_);
    by_number_[store_.writer->published().value] = now_;
  }
  std::vector<SourcedRule>& rules_of(ListId list) { return now_.lists[list]; }

  void import() {
    const std::size_t at = random_() % 3;
    if (now_.policies.find_list(kNames[at]) == nullptr) return;
    std::vector<SourcedRule>& rules = rules_of(store_.list(kNames[at]));
    std::vector<Rule> wanted;
    for (const SourcedRule& known : rules) {
      if (random_() % 5 != 0) wanted.push_back(known.rule);
    }
    for (std::uint64_t left = random_() % 8; left > 0; --left) {
      const Rule made = random_rule(random_);
      if (std::find(wanted.begin(), wanted.end(), made) == wanted.end()) wanted.push_back(made);
    }
    std::shuffle(wanted.begin(), wanted.end(), random_);
    store_.import(kNames[at], wanted);
    std::vector<SourcedRule> after;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto known =
          std::find_if(rules.begin(), rules.end(), [&](const SourcedRule& rule) { return rule.rule == wanted[i]; });
      after.push_back({wanted[i], known == rules.end() ? i + 1 : known->line});
    }
    rules = after;
    publish();
  }

  void change_one(ListId list, const Rule& rule) {
    std::vector<SourcedRule>& rules = rules_of(list);
    if (!rules.empty() && random_() % 3 == 0) {
      const auto gone = rules.begin() + static_cast<std::ptrdiff_t>(random_() % rules.size());
      EXPECT_TRUE(must(store_.writer->remove_rule(list, gone->rule, {}, at(store_.clock))));
      rules.erase(gone);
    } else if (std::none_of(rules.begin(), rules.end(), [&](const SourcedRule& known) { return known.rule == rule; })) {
      EXPECT_TRUE(store_.writer->add_rule(list, rule, {}, at(store_.clock)).has_value());
      rules.push_back({rule, ++numbers_[list]});
    }
    publish();
  }
  void change_local() {
    const char* from = kNames[random_() % 3];
    const bool defined = now_.policies.find_list(from) != nullptr;
    const std::vector<SourcedRule> rules = defined ? rules_of(store_.list(from)) : std::vector<SourcedRule>();
    if (random_() % 3 != 0 || rules.empty()) return change_one(kLocalRules, random_rule(random_));
    change_one(kCancelledRules, rules[random_() % rules.size()].rule);
  }
  void change_overlay() {
    Rule rule = random_rule(random_);
    rule.action = Action::allow;
    rule.detail.conditions.not_before = at(store_.clock).wall;
    rule.detail.conditions.not_after = at(store_.clock + static_cast<std::int64_t>(random_() % 300)).wall;
    change_one(kOverlays, rule);
  }
  void change_pause() {
    const auto& pauses = now_.policies.pauses;
    if (!pauses.empty() && random_() % 2 == 0) {
      EXPECT_TRUE(must(store_.writer->remove_pause(pauses[random_() % pauses.size()].id)));
    } else {
      const auto length = static_cast<std::int64_t>(random_() % 300);
      must(
          store_.writer->add_pause({0, "alice", "why", {}, {}, at(store_.clock).wall, at(store_.clock + length).wall}));
    }
    now_.policies = store_.writer->policies();
    publish();
  }
  void change_policies() {
    std::vector<std::string> names;
    for (const char* one : kNames) {
      if (random_() % 5 != 0) names.emplace_back(one);
    }
    PolicySet wanted = lists_named(names);
    for (ListDefinition& list : wanted.lists) {
      if (list.id < kFirstDefinedList) continue;
      list.mode = random_() % 4 == 0 ? ListMode::observe : ListMode::enforce;
      list.order = random_() % 3 == 0 ? Order::specific : Order::adblock;
      list.rank = static_cast<int>(3 + random_() % 3);
    }
    if (random_() % 4 == 0) wanted.policies[0].default_action = DefaultAction::deny;
    if (!names.empty() && random_() % 3 == 0) {
      const WallTime begin = at(store_.clock + static_cast<std::int64_t>(random_() % 200)).wall;
      wanted.schedules.push_back({"hours",
                                  0,
                                  {wanted.lists.back().id},
                                  {},
                                  random_() % 2 == 0,
                                  {begin, begin + std::chrono::seconds(random_() % 300)}});
    }
    now_.policies = must(store_.writer->define(wanted));
    for (auto& [list, rules] : now_.lists) {
      if (now_.policies.find_list(list) == nullptr) rules.clear();
    }
    publish();
  }
  void roll_back_generation() {
    const GenerationNumber to{1 + random_() % store_.writer->published().value};
    store_.clock += 1;
    must(store_.writer->rollback_generation(to, "test", at(store_.clock)));
    const Moment before = now_;
    now_ = by_number_.at(to.value);
    now_.policies.last_pause = std::max(now_.policies.last_pause, before.policies.last_pause);
    for (auto& [list, rules] : now_.lists) keep_lines(before, list, rules);
    // Exceptions are not rolled back.
    now_.policies.pauses = before.policies.pauses;
    now_.lists.erase(kOverlays);
    if (const auto overlays = before.lists.find(kOverlays); overlays != before.lists.end())
      now_.lists.insert(*overlays);
    note();
  }
  void roll_back_list() {
    const std::size_t which = random_() % 3;
    if (now_.policies.find_list(kNames[which]) == nullptr) return;
    const ListId list = store_.list(kNames[which]);
    const auto imports = must(store_.writer->history(list));
    if (imports.empty()) return;
    const ImportRecord& to = imports[random_() % imports.size()];
    store_.clock += 1;
    must(store_.writer->rollback_list(list, to.import, "test", at(store_.clock)));
    std::vector<SourcedRule> then = by_number_.at(to.first_generation.value).lists[list];
    keep_lines(now_, list, then);
    now_.lists[list] = then;
    note();
  }
  // A rule that was there all the time keeps the line that brought it last.
  static void keep_lines(const Moment& before, ListId list, std::vector<SourcedRule>& rules) {
    const auto known = before.lists.find(list);
    if (known == before.lists.end()) return;
    for (SourcedRule& rule : rules) {
      const auto same = std::find_if(known->second.begin(), known->second.end(),
                                     [&](const SourcedRule& other) { return other.rule == rule.rule; });
      if (same != known->second.end()) rule.line = same->line;
    }
  }

  static constexpr const char* kNames[] = {"ads", "more", "third"};
  std::mt19937_64 random_;
  Store store_;
  Moment now_;
  std::vector<Moment> moments_;
  std::map<std::uint64_t, Moment> by_number_;
  std::map<ListId, std::uint64_t> numbers_;  // the last that a rule of one's own was given
};

int figure(const char* variable, int otherwise) {
  const char* given = std::getenv(variable);
  return given == nullptr ? otherwise : std::atoi(given);
}

// WEIR_TIME_CHANGES, WEIR_TIME_MOMENTS, WEIR_TIME_NAMES: more of each.
TEST(PastGeneration, AnyMomentIsAsAReplayOfTheHistorySays) {
  History history(20261126);
  const int changes = figure("WEIR_TIME_CHANGES", 120);
  for (int i = 0; i < changes; ++i) history.change();
  const auto& moments = history.moments();
  std::mt19937_64& random = history.random();
  int decided = 0;
  for (int i = figure("WEIR_TIME_MOMENTS", 60); i > 0; --i) {
    const std::int64_t last = history.store().clock + 50;
    const auto second = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(last));
    auto after = std::upper_bound(moments.begin(), moments.end(), second,
                                  [](std::int64_t at, const Moment& moment) { return at < moment.from; });
    const auto rules = history.store().writer->rules_at(at(second).wall);
    if (after == moments.begin()) {
      ASSERT_FALSE(rules.has_value());
      EXPECT_EQ(rules.error().code, ErrorCode::not_found);
      continue;
    }
    ASSERT_TRUE(rules.has_value()) << rules.error().message;
    const Moment& moment = *std::prev(after);
    ASSERT_EQ((*rules)->policies(), moment.policies);
    for (int n = figure("WEIR_TIME_NAMES", 40); n > 0; --n) {
      const Name asked = random_name(random);
      const RecordType type = random() % 2 == 0 ? RecordType::a : RecordType::aaaa;
      MatchSet set;
      (*rules)->match(ReversedName(asked), set);
      const NaiveMatches expected(moment, asked);
      ASSERT_EQ(set.matches.size(), expected.set.matches.size()) << asked.to_text() << " at " << second;
      const Verdict verdict = decide(set, {(*rules)->policies(), 0, {}, asked, type, at(second).wall, **rules});
      const Verdict replayed = decide(expected.set, {moment.policies, 0, {}, asked, type, at(second).wall, expected});
      ASSERT_EQ(describe(moment.policies, set, verdict), describe(moment.policies, expected.set, replayed))
          << asked.to_text() << " at " << second;
      if (verdict.winner == kNoRule) continue;
      ++decided;
      const auto index = static_cast<std::size_t>(verdict.winner);
      const Match& winner = set.matches[index];
      const auto source = find_source(**rules, winner, ReversedName(asked), (*rules)->number());
      ASSERT_TRUE(source.has_value()) << source.error().message;
      EXPECT_EQ(source->line, expected.lines[static_cast<std::size_t>(replayed.winner)]);
    }
    EXPECT_EQ((*rules)->damaged_reads(), 0U);
  }
  EXPECT_GT(decided, 500);
}

TEST(PastGeneration, AddressesToo) {
  Store store;
  store.import("ads", {address_rule("192.0.2.0/24"), address_rule("192.0.2.7"), address_rule("2001:db8::/32")});
  store.publish();
  const auto then = at(store.clock).wall;
  store.import("ads", {address_rule("198.51.100.0/24")});
  store.publish();
  const auto rules = must(store.writer->rules_at(then));
  MatchSet set;
  rules->match_address(*IpAddress::parse("192.0.2.7"), set);
  ASSERT_EQ(set.matches.size(), 2U);
  EXPECT_EQ(set.matches[0].labels, 32);
  EXPECT_EQ(set.matches[1].labels, 24);
  rules->match_address(*IpAddress::parse("2001:db8::1"), set);
  EXPECT_EQ(set.matches.size(), 1U);
  rules->match_address(*IpAddress::parse("198.51.100.1"), set);
  EXPECT_TRUE(set.empty());
}

}  // namespace
}  // namespace weir::testing::past_generation_test
