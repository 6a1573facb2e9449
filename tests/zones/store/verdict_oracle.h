// Which rule wins, read off SEMANTICS section 3 sentence by sentence over plain lists of rules; nothing of weir's own
// way of deciding in it. Each sentence can be left out, which must show.
#pragma once

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "tests/zones/store/naive_rules.h"
#include "zones/policy.h"

namespace weir::testing {

enum class Sentence : std::uint8_t {
  none,
  lowest_rank_decides,
  important_beats_plain,
  allow_beats_block,
  most_specific_is_reported,
  specific_order_within_its_list,
  newer_rule_wins,
  group_rule_beats_administrators,
  exception_is_its_own_lists,
  rpz_is_one_result,
  observe_changes_nothing,
  policy_names_its_lists,
  conditions_hold,
  schedule_holds,
  pause_lifts_blocks,
  law_is_not_paused,
  default_denies
};
inline constexpr Sentence kSentences[] = {Sentence::lowest_rank_decides,
                                          Sentence::important_beats_plain,
                                          Sentence::allow_beats_block,
                                          Sentence::most_specific_is_reported,
                                          Sentence::specific_order_within_its_list,
                                          Sentence::newer_rule_wins,
                                          Sentence::group_rule_beats_administrators,
                                          Sentence::exception_is_its_own_lists,
                                          Sentence::rpz_is_one_result,
                                          Sentence::observe_changes_nothing,
                                          Sentence::policy_names_its_lists,
                                          Sentence::conditions_hold,
                                          Sentence::schedule_holds,
                                          Sentence::pause_lifts_blocks,
                                          Sentence::law_is_not_paused,
                                          Sentence::default_denies};

struct OracleQuestion {
  Name name;
  RecordType type = RecordType::a;
  std::uint32_t group = 0;
  IpAddress client;
  WallTime now;
};

struct OracleRule {
  const ListDefinition* list;
  const Rule* rule;
  unsigned age = 0;  // of the administrator's: the higher, the newer
};

struct OracleVerdict {
  bool blocked = false;
  bool allowed = false;
  bool paused = false;
  std::optional<OracleRule> winner;
};

class VerdictOracle {
 public:
  VerdictOracle(const PolicySet& policies, Sentence left_out = Sentence::none)
      : policies_(policies), left_out_(left_out) {}

  OracleVerdict decide(const std::vector<OracleRule>& rules, const OracleQuestion& asked) const {
    const Group& group = policies_.groups[asked.group];
    const Policy& policy = policies_.policies[group.policy];
    std::vector<OracleRule> matching;
    for (const OracleRule& one : rules) {
      if (!naive_matches(*one.rule, asked.name)) continue;
      if (holds(Sentence::conditions_hold) && !conditions_hold(one.rule->detail.conditions, asked, group)) continue;
      if (holds(Sentence::policy_names_its_lists) && !policy.has_list(one.list->id)) continue;
      if (holds(Sentence::observe_changes_nothing) && one.list->mode == ListMode::observe) continue;
      if (holds(Sentence::schedule_holds) && !schedule_holds(one.list->id, asked)) continue;
      matching.push_back(one);
    }
    OracleVerdict verdict = first_rank(matching, policy);
    const Pause* pause = verdict.blocked ? pause_of(asked, group) : nullptr;
    if (pause == nullptr || !holds(Sentence::pause_lifts_blocks)) return verdict;
    std::erase_if(matching, [&](const OracleRule& one) {
      const bool law = one.list->basis == Basis::legal || !one.list->pausable;
      return one.rule->action != Action::allow && !(law && holds(Sentence::law_is_not_paused));
    });
    OracleVerdict rest = first_rank(matching, policy);
    if (rest.blocked && rest.winner) return rest;
    return {.blocked = false, .allowed = true, .paused = true, .winner = {}};
  }

 private:
  bool holds(Sentence sentence) const { return sentence != left_out_; }
  static bool allows(const OracleRule& one) { return one.rule->action == Action::allow; }

  static bool conditions_hold(const Conditions& conditions, const OracleQuestion& asked, const Group& group) {
    const auto& types = conditions.types;
    if (!types.empty() && (std::count(types.begin(), types.end(), asked.type) > 0) == conditions.types_excluded)
      return false;
    const auto& groups = conditions.groups;
    if (!groups.empty() && std::count(groups.begin(), groups.end(), group.name) == 0) return false;
    for (const Name& below : conditions.deny_allow) {
      if (asked.name.is_at_or_below(below)) return false;
    }
    return asked.now >= conditions.not_before.value_or(WallTime::min()) &&
           asked.now < conditions.not_after.value_or(WallTime::max());
  }
  bool schedule_holds(ListId list, const OracleQuestion& asked) const {
    bool any = false;
    for (const Schedule& schedule : policies_.schedules) {
      if (schedule.group != asked.group || std::count(schedule.lists.begin(), schedule.lists.end(), list) == 0)
        continue;
      bool inside = false;
      for (std::size_t i = 0; i + 1 < schedule.edges.size(); i += 2)
        inside = inside || (schedule.edges[i] <= asked.now && asked.now < schedule.edges[i + 1]);
      if (inside == schedule.within) return true;
      any = true;
    }
    return !any;
  }
  const Pause* pause_of(const OracleQuestion& asked, const Group& group) const {
    for (const Pause& pause : policies_.pauses) {
      const bool everybody = pause.groups.empty() && pause.clients.empty();
      const bool named = std::count(pause.groups.begin(), pause.groups.end(), group.name) > 0;
      if ((everybody || named) && pause.from <= asked.now && asked.now < pause.until) return &pause;
    }
    return nullptr;
  }

  // "Exact, subtree, below; globs lose ties; then more conditions."
  static std::tuple<unsigned, int, int> specificity(const OracleRule& one) {
    const Rule& rule = *one.rule;
    const int kind = rule.kind == PatternKind::exact     ? 3
                     : rule.kind == PatternKind::subtree ? 2
                     : rule.kind == PatternKind::below   ? 1
                                                         : 0;
    const Conditions& c = rule.detail.conditions;
    const int conditions =
        !c.types.empty() + !c.deny_allow.empty() + c.not_before.has_value() + c.not_after.has_value();
    return {rule.name.label_count(), kind, conditions};
  }

  // Of one author, whom the most specific of his lines speaks for.
  bool speaks_before(const OracleRule& a, const OracleRule& b) const {
    if (a.list->kind == ListKind::rpz) return specificity(a) > specificity(b);
    const auto age = [&](const OracleRule& one) { return holds(Sentence::newer_rule_wins) ? one.age : 0; };
    return std::tuple(specificity(a), a.rule->important, allows(a), age(a)) >
           std::tuple(specificity(b), b.rule->important, allows(b), age(b));
  }

  OracleVerdict first_rank(std::vector<OracleRule> rules, const Policy& policy) const {
    // `@@` of a block list removes that list's own blocks, before ranks are compared.
    const std::vector<OracleRule> all = rules;
    const auto is_own_exception = [](const OracleRule& one) {
      return one.rule->exception && one.list->exceptions == ExceptionScope::own;
    };
    if (holds(Sentence::exception_is_its_own_lists)) {
      std::erase_if(rules, [&](const OracleRule& one) {
        if (is_own_exception(one)) return true;
        if (allows(one)) return false;
        return std::any_of(all.begin(), all.end(), [&](const OracleRule& exception) {
          if (!is_own_exception(exception) || exception.list != one.list) return false;
          if (one.rule->important && !exception.rule->important) return false;
          return one.list->order != Order::specific || specificity(one) <= specificity(exception);
        });
      });
    }
    // A group's rule beats the administrator's unless that is important.
    const auto of_group = [](const OracleRule& one) { return !one.rule->detail.conditions.groups.empty(); };
    if (holds(Sentence::group_rule_beats_administrators)) {
      const std::vector<OracleRule> left = rules;
      std::erase_if(rules, [&](const OracleRule& one) {
        if (one.list->order != Order::specific || of_group(one) || one.rule->important) return false;
        return std::any_of(left.begin(), left.end(),
                           [&](const OracleRule& other) { return other.list == one.list && of_group(other); });
      });
    }
    // Lists with an order of their own are one result each.
    std::vector<OracleRule> results;
    for (const OracleRule& one : rules) {
      const bool rpz = one.list->kind == ListKind::rpz && holds(Sentence::rpz_is_one_result);
      const bool specific = one.list->kind != ListKind::rpz && one.list->order == Order::specific &&
                            holds(Sentence::specific_order_within_its_list);
      const bool spoken_for =
          (rpz || specific) && std::any_of(rules.begin(), rules.end(), [&](const OracleRule& other) {
            return other.list == one.list && speaks_before(other, one);
          });
      if (!spoken_for) results.push_back(one);
    }
    // Two sentences: the first rank with a match decides; in it important beats plain, allow beats block, and of the
    // rules left the most specific is the one reported.
    const OracleRule* winner = nullptr;
    for (const OracleRule& one : results) {
      const auto key = [&](const OracleRule& rule) {
        return std::tuple(
            holds(Sentence::lowest_rank_decides) ? -rule.list->rank : 0,
            holds(Sentence::important_beats_plain) && rule.rule->important,
            holds(Sentence::allow_beats_block) && allows(rule),
            holds(Sentence::most_specific_is_reported) ? specificity(rule) : std::tuple<unsigned, int, int>());
      };
      if (winner == nullptr || key(one) > key(*winner)) winner = &one;
    }
    OracleVerdict verdict;
    if (winner != nullptr) {
      verdict.winner = *winner;
      (allows(*winner) ? verdict.allowed : verdict.blocked) = true;
    } else {
      verdict.blocked = policy.default_action == DefaultAction::deny && holds(Sentence::default_denies);
    }
    return verdict;
  }

  const PolicySet& policies_;
  const Sentence left_out_;
};

}  // namespace weir::testing
