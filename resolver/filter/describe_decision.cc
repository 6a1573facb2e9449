// A verdict as the record that is logged.
#include <algorithm>

#include "resolver/filter/filter.h"
#include "resolver/filter/part_context.h"

namespace weir {
namespace {

// A list's allow that won over a block that a rule of this policy asked for.
bool is_allowed_over_block(const FilterVerdict& verdict, const PartMatches& part, const Asker& asker) {
  if (verdict.overruled || verdict.verdict.pause != kNoRule) return true;
  if (verdict.verdict.outcome != Outcome::allowed || verdict.winner == nullptr) return false;
  const DecideContext context = context_of(part, asker, {});
  return std::any_of(verdict.verdict.losers.begin(), verdict.verdict.losers.begin() + verdict.verdict.loser_count,
                     [&](std::int16_t index) {
                       const Match& match = match_at(part.matches, context, index);
                       const ListDefinition* list = context.policies.find_list(match.list_id());
                       return blocks(list == nullptr ? match.action : action_of(match, *list));
                     });
}

LinkKind link_of(AnswerPart part, const Match& winner) {
  switch (part) {
    case AnswerPart::ns_name:
    case AnswerPart::ns_address:
      return LinkKind::name_server;
    case AnswerPart::alias:
      return LinkKind::alias;
    case AnswerPart::address:
      return LinkKind::address;
    case AnswerPart::qname:
      break;
  }
  return winner.kind == PatternKind::client ? LinkKind::client : LinkKind::qname;
}

// What is known of a query whatever was decided.
void describe_query(Decision& out, const Query& query, const Asker& asker) {
  out.time = asker.now;
  out.mode = asker.policy().block.mode;
  out.group = asker.group;
  out.generation = asker.generation.number();
  out.qname = query.name();
  out.qtype = query.type;
}

}  // namespace

void describe_resolved(Decision& out, const Query& query, const Asker& asker) {
  describe_query(out, query, asker);
  out.decision_class = DecisionClass::resolved;
  out.link = LinkKind::qname;
  out.action = Verdict{}.action;
  out.link_name = Name();
  out.link_address = IpAddress{};
  out.winner = Match{};
  out.loser_count = 0;
}

bool describe_decision(Decision& out, const Query& query, const Asker& asker, const AnswerMatches& parts,
                       const FilterVerdict& verdict) {
  int part = verdict.part;
  if (verdict.blocked()) {
    out.decision_class = verdict.rebinding ? DecisionClass::rebinding : DecisionClass::blocked;
    out.winner = verdict.winner == nullptr ? Match{} : *verdict.winner;
  } else if (part >= 0 && is_allowed_over_block(verdict, parts[static_cast<std::size_t>(part)], asker)) {
    out.decision_class = DecisionClass::allowed_over_block;
    out.winner = *verdict.winner;
  } else if (verdict.observed != nullptr) {
    out.decision_class = DecisionClass::would_block;
    out.winner = *verdict.observed;
    part = verdict.observed_part;
  } else if (verdict.verdict.would_deny) {
    out.decision_class = DecisionClass::would_block;
    out.winner = Match{};
    part = 0;
  } else if (asker.upstream_blocks) {
    out.decision_class = DecisionClass::blocked_upstream;
    out.winner = Match{};
  } else if (asker.policy().log_all) {
    out.decision_class = DecisionClass::resolved;
    out.winner = Match{};
  } else {
    return false;
  }
  const PartMatches& decided = parts[static_cast<std::size_t>(std::max(part, 0))];
  describe_query(out, query, asker);
  out.action = verdict.verdict.action;
  const bool refused = verdict.blocked() && verdict.winner == nullptr && !verdict.rebinding;
  const bool default_deny =
      refused || (out.decision_class == DecisionClass::would_block && verdict.observed == nullptr);
  out.link = default_deny ? LinkKind::default_deny : link_of(decided.part, out.winner);
  out.link_name = decided.part == AnswerPart::qname ? Name() : decided.name;
  out.link_address = is_address(decided.part) ? decided.address : IpAddress{};
  out.loser_count = 0;
  if (out.decision_class != DecisionClass::would_block) {
    const DecideContext context = context_of(decided, asker, {});
    for (unsigned i = 0; i < verdict.verdict.loser_count && i < out.losers.size(); ++i)
      out.losers[out.loser_count++] = match_at(decided.matches, context, verdict.verdict.losers[i]);
  }
  return true;
}

}  // namespace weir
