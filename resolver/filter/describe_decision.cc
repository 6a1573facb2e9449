// A verdict as the record that is logged.
#include <algorithm>

#include "resolver/filter/filter.h"

namespace weir {
namespace {

// A list's allow that won over a block that a rule of this policy asked for.
bool is_allowed_over_block(const FilterVerdict& verdict, const MatchSet& matches) {
  if (verdict.verdict.outcome != Outcome::allowed) return false;
  return std::any_of(
      verdict.verdict.losers.begin(), verdict.verdict.losers.begin() + verdict.verdict.loser_count,
      [&](std::int16_t index) { return blocks(matches.matches[static_cast<std::size_t>(index)].action); });
}

LinkKind link_of(AnswerPart part) {
  switch (part) {
    case AnswerPart::alias:
      return LinkKind::alias;
    case AnswerPart::address:
      return LinkKind::address;
    case AnswerPart::qname:
      break;
  }
  return LinkKind::qname;
}

}  // namespace

bool describe_decision(Decision& out, const Query& query, const Asker& asker, const AnswerMatches& parts,
                       const FilterVerdict& verdict) {
  int part = verdict.part;
  if (verdict.blocked()) {
    out.decision_class = DecisionClass::blocked;
    out.winner = verdict.winner == nullptr ? Match{} : *verdict.winner;
  } else if (part >= 0 && is_allowed_over_block(verdict, parts[static_cast<std::size_t>(part)].matches)) {
    out.decision_class = DecisionClass::allowed_over_block;
    out.winner = *verdict.winner;
  } else if (verdict.observed != nullptr) {
    out.decision_class = DecisionClass::would_block;
    out.winner = *verdict.observed;
    part = verdict.observed_part;
  } else if (asker.policy().log_all) {
    out.decision_class = DecisionClass::resolved;
    out.winner = Match{};
  } else {
    return false;
  }
  const PartMatches& decided = parts[static_cast<std::size_t>(std::max(part, 0))];
  out.time = asker.now;
  out.action = verdict.verdict.action;
  out.mode = asker.policy().block.mode;
  out.group = asker.group;
  out.generation = asker.generation.number();
  out.qname = query.name();
  out.qtype = query.type;
  out.link = verdict.blocked() && verdict.winner == nullptr ? LinkKind::default_deny : link_of(decided.part);
  out.link_name = decided.part == AnswerPart::qname ? Name() : decided.name;
  out.link_address = decided.part == AnswerPart::address ? decided.address : IpAddress{};
  out.loser_count = 0;
  if (out.decision_class != DecisionClass::would_block) {
    for (unsigned i = 0; i < verdict.verdict.loser_count && i < out.losers.size(); ++i) {
      const auto index = static_cast<std::size_t>(verdict.verdict.losers[i]);
      out.losers[out.loser_count++] = decided.matches.matches[index];
    }
  }
  return true;
}

}  // namespace weir
