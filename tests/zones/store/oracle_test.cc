// Random rule sets against a naive oracle: every rule compared with every name, after every import.
#include <set>

#include "tests/zones/store/naive_rules.h"
#include "tests/zones/store/store_fixture.h"

namespace weir::testing::oracle_test {
namespace {

std::string naive(const std::map<std::string, std::vector<Rule>>& lists, const Name& asked) {
  std::multiset<std::string> found;
  for (const auto& [list, rules] : lists) {
    for (const Rule& rule : rules) {
      if (!naive_matches(rule, asked)) continue;
      std::set<std::string> below;
      for (const auto& [other, others] : lists) {
        for (const Rule& candidate : others) {
          if (naive_opens_below(candidate, rule.name)) below.insert(other);
        }
      }
      std::string text = std::to_string(1000 - rule.name.label_count()) + std::string(to_text(rule.kind)) + list +
                         std::string(to_text(rule.action)) + (rule.important ? "!" : "") +
                         (rule.detail.empty() ? "" : "?");
      for (const auto& one : below) text += "/" + one;
      found.insert(text);
    }
  }
  std::string all;
  for (const auto& one : found) all += one + " ";
  return all;
}

std::string stored(const Generation& generation, const Name& asked) {
  MatchSet set;
  generation.match(ReversedName(asked), set);
  std::multiset<std::string> found;
  unsigned last = 255;
  for (const Match& match : set.matches) {
    EXPECT_LE(match.labels, last) << "most specific first";
    last = match.labels;
    const RuleDetail* detail = match.detail == 0 ? nullptr : generation.detail({match.detail});
    EXPECT_EQ(match.detail == 0, detail == nullptr);
    const std::string& list = generation.policies().find_list(match.list_id())->name;
    std::string text = std::to_string(1000 - match.labels) + std::string(to_text(match.kind)) + list +
                       std::string(to_text(match.action)) + (match.important() ? "!" : "") +
                       (detail != nullptr && !detail->empty() ? "?" : "");
    std::set<std::string> below;
    for (unsigned i = 0; i < match.below_count; ++i) {
      below.insert(generation.policies().find_list(ListId{set.lists_below[match.below_first + i]})->name);
    }
    for (const auto& one : below) text += "/" + one;
    found.insert(text);
  }
  std::string all;
  for (const auto& one : found) all += one + " ";
  return all;
}

// SEMANTICS 4: The store keeps at publish, per rule, the set of lists that hold allow, answer or `$denyallow` entries
// below it
TEST(Oracle, EveryImportMatchesAsTheNaiveReading) {
  const std::vector<std::string> names = {"ads", "more", "third"};
  Random random(20260706);
  std::size_t asked_count = 0;
  std::size_t shared_count = 0;
  for (int world = 0; world < 6; ++world) {
    Store store(names);
    std::map<std::string, std::vector<Rule>> lists;
    for (int step = 0; step < 12; ++step) {
      const std::string& list = names[random() % names.size()];
      std::vector<Rule>& rules = lists[list];
      if (random() % 3 == 0) rules.clear();
      while (!rules.empty() && random() % 3 != 0)
        rules.erase(rules.begin() + static_cast<long>(random() % rules.size()));
      for (std::uint64_t left = random() % 30; left > 0; --left) {
        const Rule made = random_rule(random);
        if (std::find(rules.begin(), rules.end(), made) == rules.end()) rules.push_back(made);
      }
      std::shuffle(rules.begin(), rules.end(), random);
      EXPECT_EQ(store.import(list, rules).rules, rules.size());
      store.publish();
      const auto generation = store.open();
      for (int i = 0; i < 150; ++i) {
        const Name asked = random_name(random);
        ++asked_count;
        ASSERT_EQ(stored(*generation, asked), naive(lists, asked)) << asked.to_text() << " world " << world << step;
        // A shared suffix must say the truth about itself and about whatever is below it.
        MatchSet set;
        generation->match(ReversedName(asked), set);
        if (set.shared_suffix_labels == 0) continue;
        ++shared_count;
        const Name suffix = asked.suffix(set.shared_suffix_labels);
        const std::string expected = naive(lists, asked);
        ASSERT_EQ(naive(lists, suffix), expected) << asked.to_text();
        for (const char* label : {"a", "b", "zz", "com"}) {
          const auto below = suffix.child(label);
          if (below) {
            ASSERT_EQ(naive(lists, *below), expected) << below->to_text();
          }
        }
      }
    }
  }
  EXPECT_EQ(asked_count, 10'800U);
  EXPECT_GT(shared_count, 100U);
}

}  // namespace
}  // namespace weir::testing::oracle_test
