// The walk over QNAME, aliases and addresses (SEMANTICS section 5).
#include "resolver/filter/filter.h"
#include "zones/dns/reversed_name.h"

namespace weir {
namespace {

Verdict decide_part(const PartMatches& part, const Asker& asker, RecordType type, bool clear_list_blocks) {
  return decide(part.matches, DecideContext{.policies = asker.generation.policies(),
                                            .group = asker.group,
                                            .client = asker.client,
                                            .name = part.name,
                                            .type = type,
                                            .now = asker.now,
                                            .details = asker.generation,
                                            .is_qname = part.part == AnswerPart::qname,
                                            .clear_list_blocks = clear_list_blocks});
}

FilterVerdict verdict_on(const AnswerMatches& parts, std::size_t part, const Verdict& verdict) {
  FilterVerdict out;
  out.verdict = verdict;
  out.part = static_cast<int>(part);
  if (verdict.winner != kNoRule) out.winner = &parts[part].matches.matches[static_cast<std::size_t>(verdict.winner)];
  // An alias or an address that is blocked says nothing of what lies below the QNAME.
  if (parts[part].part != AnswerPart::qname) out.verdict.degrade_nxdomain = true;
  return out;
}

void note_observed(FilterVerdict& out, const AnswerMatches& parts, std::size_t part, const Verdict& verdict) {
  if (out.observed != nullptr || verdict.observed_winner == kNoRule) return;
  out.observed_part = static_cast<int>(part);
  out.observed = &parts[part].matches.matches[static_cast<std::size_t>(verdict.observed_winner)];
}

void add_part(AnswerMatches& out, AnswerPart part, const Name& name, const IpAddress& address, MatchSet& scratch) {
  if (scratch.empty()) return;
  PartMatches entry;
  entry.part = part;
  entry.name = name;
  entry.address = address;
  entry.matches = scratch;
  out.push_back(std::move(entry));
}

}  // namespace

FilterVerdict decide_question(const AnswerMatches& parts, const Asker& asker, RecordType type) {
  const Verdict verdict = decide_part(parts.front(), asker, type, false);
  FilterVerdict out = verdict_on(parts, 0, verdict);
  note_observed(out, parts, 0, verdict);
  return out;
}

namespace {

FilterVerdict decide_rest(FilterVerdict out, const AnswerMatches& parts, const Asker& asker, RecordType type) {
  const bool allowed = out.verdict.outcome == Outcome::allowed && !asker.policy().strict_chain;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Verdict verdict = decide_part(parts[i], asker, type, allowed);
    if (verdict.outcome == Outcome::blocked) {
      FilterVerdict blocked = verdict_on(parts, i, verdict);
      blocked.observed_part = out.observed_part;
      blocked.observed = out.observed;
      return blocked;
    }
    note_observed(out, parts, i, verdict);
  }
  return out;
}

}  // namespace

FilterVerdict decide_answer(const AnswerMatches& parts, const Asker& asker, RecordType type) {
  const FilterVerdict question = decide_question(parts, asker, type);
  return question.blocked() ? question : decide_rest(question, parts, asker, type);
}

FilterVerdict decide_local_answer(const AnswerMatches& parts, const Asker& asker, RecordType type) {
  FilterVerdict allowed;
  allowed.verdict.outcome = Outcome::allowed;
  return decide_rest(allowed, parts, asker, type);
}

void match_answer(const ResolutionResult& result, const Generation& generation, AnswerMatches& out) {
  MatchSet scratch;
  for (const AliasLink& link : result.aliases) {
    generation.match(ReversedName(link.target), scratch);
    add_part(out, AnswerPart::alias, link.target, {}, scratch);
  }
  if (!generation.has_address_rules()) return;
  const auto& dns64 = generation.policies().dns64;
  for (const Rrset& rrset : result.answer) {
    const std::size_t size = rrset.type == RecordType::a ? 4 : rrset.type == RecordType::aaaa ? 16 : 0;
    if (size == 0) continue;
    for (const auto rdata : rrset.records()) {
      if (rdata.size() != size) continue;
      const IpAddress address = IpAddress::from_octets(rdata);
      generation.match_address(address.unmapped(), scratch);
      add_part(out, AnswerPart::address, rrset.owner, address, scratch);
      // What stands for an IPv4 address is judged as that one, too.
      const auto ipv4 = dns64 ? extract_ipv4(dns64->prefix, address) : std::nullopt;
      if (!ipv4) continue;
      generation.match_address(*ipv4, scratch);
      add_part(out, AnswerPart::address, rrset.owner, *ipv4, scratch);
    }
  }
}

}  // namespace weir
