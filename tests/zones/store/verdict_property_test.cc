// Verdicts of the store beside those of a naive oracle, for random rules, names, groups, types and times.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/zones/store/store_fixture.h"
#include "tests/zones/store/verdict_oracle.h"
#include "zones/verdict.h"

namespace weir::testing::verdict_property_test {
namespace {

using Random = std::mt19937_64;
constexpr const char* kLists[] = {"one", "two", "three", "zone"};

bool chance(Random& random, unsigned in) {
  return random() % in == 0;
}

// Two groups with policies of their own, four lists of all kinds of order, hours and pauses.
PolicySet random_policies(Random& random) {
  PolicySet set = lists_named({"one", "two", "three", "zone"});
  Policy strict = set.policies[0];
  strict.name = "strict";
  if (chance(random, 2)) strict.lists.erase(strict.lists.begin());
  if (chance(random, 2)) strict.default_action = DefaultAction::deny;
  set.policies.push_back(strict);
  set.groups.push_back({"kids", {*Prefix::parse("192.0.2.0/24")}, 1});
  for (ListDefinition& list : set.lists) {
    if (list.id < kFirstDefinedList) continue;
    list.rank = static_cast<int>(3 + random() % 3);
    list.mode = chance(random, 6) ? ListMode::observe : ListMode::enforce;
    list.order = chance(random, 3) ? Order::specific : Order::adblock;
    list.exceptions = chance(random, 4) ? ExceptionScope::rank : ExceptionScope::own;
    list.basis = chance(random, 4) ? Basis::legal : Basis::operator_choice;
    list.pausable = !chance(random, 6);
    if (list.name == "zone") list.kind = ListKind::rpz;
  }
  for (const std::uint32_t group : {0U, 1U}) {
    if (!chance(random, 3)) continue;
    set.schedules.push_back({"hours",
                             group,
                             {set.lists.back().id},
                             {},
                             chance(random, 2),
                             {at(100).wall, at(200).wall, at(300).wall, at(350).wall}});
  }
  return set;
}

Rule random_list_rule(Random& random, const ListDefinition& list) {
  Rule made = random_rule(random);
  made.detail = {};
  if (list.kind == ListKind::rpz) {
    made.kind = chance(random, 2) ? PatternKind::exact : PatternKind::below;
    made.pattern.clear();
    made.important = false;
    return made;
  }
  Conditions& conditions = made.detail.conditions;
  if (chance(random, 8)) conditions.types = {RecordType::aaaa};
  if (chance(random, 8)) conditions.types_excluded = !conditions.types.empty();
  if (chance(random, 12)) conditions.deny_allow = {random_name(random)};
  if (list.id == kLocalRules && chance(random, 5)) conditions.groups = {"kids"};
  if (list.id == kLocalRules && chance(random, 8)) conditions.not_after = at(150).wall;
  if (list.id >= kFirstDefinedList && made.action == Action::allow) made.exception = chance(random, 2);
  return made;
}

std::string describe_winner(const ListDefinition& list, PatternKind kind, Action action, unsigned labels,
                            bool important, std::size_t conditions) {
  return list.name + "/" + std::string(to_text(kind)) + "/" + std::string(to_text(action)) + "/" +
         std::to_string(labels) + (important ? "!" : "") + "/" + std::to_string(conditions);
}

std::size_t condition_kinds(const Conditions& c) {
  return static_cast<std::size_t>(!c.types.empty()) + !c.groups.empty() + !c.deny_allow.empty() +
         c.not_before.has_value() + c.not_after.has_value();
}

std::string describe(const OracleVerdict& verdict) {
  std::string text = verdict.blocked ? "blocked" : verdict.allowed ? "allowed" : "none";
  if (verdict.paused) return text + " paused";
  if (!verdict.winner) return text;
  const Rule& rule = *verdict.winner->rule;
  return text + " " +
         describe_winner(*verdict.winner->list, rule.kind, rule.action, rule.name.label_count(), rule.important,
                         condition_kinds(rule.detail.conditions));
}

std::string describe(const Generation& generation, const MatchSet& set, const Verdict& verdict) {
  std::string text = verdict.outcome == Outcome::blocked   ? "blocked"
                     : verdict.outcome == Outcome::allowed ? "allowed"
                                                           : "none";
  if (verdict.pause != kNoRule) return text + " paused";
  if (verdict.winner == kNoRule) return text;
  const Match& match = set.matches[static_cast<std::size_t>(verdict.winner)];
  const RuleDetail* detail = match.detail == 0 ? nullptr : generation.detail({match.detail});
  return text + " " +
         describe_winner(*generation.policies().find_list(match.list_id()), match.kind, match.action, match.labels,
                         match.important(), detail == nullptr ? 0 : condition_kinds(detail->conditions));
}

// One set of rules in a store of its own.
class World {
 public:
  explicit World(Random& random) : store_({"one", "two", "three", "zone"}) {
    store_.defined = must(store_.writer->define(random_policies(random)));
    for (const char* list : kLists) fill(random, *store_.writer->policies().find_list(list), 12);
    fill_local(random);
    if (chance(random, 2)) {
      must(store_.writer->add_pause({0, "alice", "why", {}, {"kids"}, at(50).wall, at(120).wall}));
    }
    store_.publish();
    generation_ = store_.open();
    for (const auto& [list, rules] : rules_) {
      unsigned age = 0;
      for (const Rule& rule : rules)
        all_.push_back({generation_->policies().find_list(list), &rule, list == kLocalRules ? ++age : 0});
    }
  }

  static OracleQuestion question(Random& random) {
    OracleQuestion asked;
    asked.name = random_name(random);
    asked.type = chance(random, 2) ? RecordType::a : RecordType::aaaa;
    asked.group = static_cast<std::uint32_t>(random() % 2);
    asked.client = *IpAddress::parse(asked.group == 1 ? "192.0.2.1" : "198.51.100.1");
    asked.now = at(static_cast<std::int64_t>(random() % 400)).wall;
    return asked;
  }
  std::string of_store(const OracleQuestion& asked) const {
    MatchSet set;
    generation_->match(ReversedName(asked.name), set);
    return describe(*generation_, set,
                    weir::decide(set, {generation_->policies(), asked.group, asked.client, asked.name, asked.type,
                                       asked.now, *generation_}));
  }
  std::string of_oracle(const OracleQuestion& asked, Sentence left_out = Sentence::none) const {
    return describe(VerdictOracle(generation_->policies(), left_out).decide(all_, asked));
  }

 private:
  // Among the administrator's are rules that the newer one of decides alone; some come, go and come again.
  void fill_local(Random& random) {
    std::vector<Rule>& rules = rules_[kLocalRules];
    const auto add = [&](const Rule& rule) {
      if (store_.writer->add_rule(kLocalRules, rule, {}, at(1))) rules.push_back(rule);
      if (chance(random, 2)) store_.publish();
    };
    for (int i = 0; i < 6; ++i) add(random_list_rule(random, *store_.writer->policies().find_list(kLocalRules)));
    for (int i = 0; i < 4; ++i) {
      Rule rival = rules[random() % rules.size()];
      if (blocks(rival.action)) {
        rival.action = chance(random, 2) ? Action::nxdomain : Action::refused;
      } else {
        rival.detail.conditions.types = {RecordType::a};
      }
      if (chance(random, 3)) rival.important = !rival.important;
      add(rival);
    }
    for (int i = 0; i < 3; ++i) {
      const auto gone = rules.begin() + static_cast<std::ptrdiff_t>(random() % rules.size());
      const Rule again = *gone;
      EXPECT_TRUE(must(store_.writer->remove_rule(kLocalRules, again, {}, at(1))));
      rules.erase(gone);
      if (chance(random, 3)) store_.publish();
      if (chance(random, 2)) add(again);
    }
  }
  void fill(Random& random, const ListDefinition& list, unsigned count) {
    std::vector<Rule>& rules = rules_[list.id];
    for (unsigned i = 0; i < count; ++i) {
      const Rule made = random_list_rule(random, list);
      // Two rules that differ in nothing that decides would be told apart by chance only.
      const bool twin = std::any_of(rules.begin(), rules.end(), [&](const Rule& other) {
        return other.name == made.name && other.kind == made.kind && other.important == made.important;
      });
      if (!twin) rules.push_back(made);
    }
    EXPECT_EQ(store_.import(list.name, rules).rules, rules.size());
  }

  Store store_;
  std::map<ListId, std::vector<Rule>> rules_;
  std::shared_ptr<const Generation> generation_;
  std::vector<OracleRule> all_;
};

int figure(const char* variable, int otherwise) {
  const char* given = std::getenv(variable);
  return given == nullptr ? otherwise : std::atoi(given);
}

// SEMANTICS 3: The design's two sentences stand: ranks in order, first rank with a match decides
// SEMANTICS 3: within a rank important beats plain, allow beats block
// SEMANTICS 3: then the newer rule.
// WEIR_VERDICT_WORLDS times WEIR_VERDICT_QUESTIONS tuples.
TEST(VerdictProperty, TheStoreDecidesAsTheSentencesSay) {
  const int worlds = figure("WEIR_VERDICT_WORLDS", 24);
  const int questions = figure("WEIR_VERDICT_QUESTIONS", 500);
  Random random(20261126);
  std::map<Sentence, int> shown;  // tuples in which leaving a sentence out shows
  std::map<std::string, int> outcomes;
  for (int w = 0; w < worlds; ++w) {
    const World world(random);
    for (int q = 0; q < questions; ++q) {
      const OracleQuestion asked = World::question(random);
      const std::string expected = world.of_oracle(asked);
      ASSERT_EQ(world.of_store(asked), expected)
          << asked.name.to_text() << " group " << asked.group << " world " << w << " question " << q;
      ++outcomes[expected.substr(0, expected.find(' '))];
      if (q % 10 != 0) continue;
      for (const Sentence sentence : kSentences)
        shown[sentence] += world.of_oracle(asked, sentence) != expected ? 1 : 0;
    }
  }
  for (const Sentence sentence : kSentences) {
    EXPECT_GT(shown[sentence], 0) << "sentence " << static_cast<int>(sentence) << " changes nothing in this test";
  }
  for (const char* outcome : {"blocked", "allowed", "none"})
    EXPECT_GT(outcomes[outcome], worlds * questions / 100) << outcome;
}

}  // namespace
}  // namespace weir::testing::verdict_property_test
