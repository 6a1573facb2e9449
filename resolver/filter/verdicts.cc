// The walk over QNAME, aliases, addresses and name servers (SEMANTICS section 5).
#include <algorithm>
#include <array>

#include "resolver/filter/decision_trace.h"
#include "resolver/filter/filter.h"
#include "resolver/filter/part_context.h"
#include "zones/dns/reversed_name.h"

namespace weir {
namespace {

// How one part is asked about, beside its context.
struct Asked {
  int ranks_before = DecideContext::kAllRanks;
  bool clear_list_blocks = false;
  bool only_rpz = false;
};

Verdict decide_part(const PartMatches& part, const Asker& asker, RecordType type, const Asked& asked) {
  DecideContext context = context_of(part, asker, type);
  context.ranks_before = asked.ranks_before;
  context.clear_list_blocks = asked.clear_list_blocks;
  context.only_rpz = asked.only_rpz;
  Verdict verdict = decide(part.matches, context);
  // A `truncate` rule asks for TCP; who comes by TCP has done what it wants.
  if (verdict.outcome == Outcome::blocked && verdict.action == Action::truncate && asker.transport == Transport::tcp)
    verdict.outcome = verdict.by_rpz ? Outcome::allowed : Outcome::none;
  if (asker.trace != nullptr)
    asker.trace->looks.push_back({&part, verdict, asked.ranks_before, asked.clear_list_blocks, asked.only_rpz});
  return verdict;
}

bool is_passthru(const Verdict& verdict) {
  return verdict.outcome == Outcome::allowed && verdict.by_rpz;
}

void note_until(FilterVerdict& out, const std::optional<WallTime>& until) {
  if (until && (!out.until || *until < *out.until)) out.until = until;
}

FilterVerdict verdict_on(const AnswerMatches& parts, std::size_t part, const Verdict& verdict, const Asker& asker) {
  FilterVerdict out;
  out.verdict = verdict;
  out.part = static_cast<int>(part);
  out.until = verdict.until;
  const PartMatches& matched = parts[part];
  if (verdict.pause != kNoRule) out.winner = &kPauseMatch;
  if (verdict.winner != kNoRule && verdict.outcome != Outcome::none)
    out.winner = &match_at(matched.matches, context_of(matched, asker, {}), verdict.winner);
  // An alias or an address that is blocked says nothing of what lies below the QNAME.
  if (matched.part != AnswerPart::qname && !verdict.nxdomain_as_written) out.verdict.degrade_nxdomain = true;
  return out;
}

void note_observed(FilterVerdict& out, const AnswerMatches& parts, std::size_t part, const Verdict& verdict,
                   const Asker& asker) {
  if (out.observed != nullptr || verdict.observed_winner == kNoRule) return;
  out.observed_part = static_cast<int>(part);
  out.observed = &match_at(parts[part].matches, context_of(parts[part], asker, {}), verdict.observed_winner);
}

FilterVerdict decide_qname(const AnswerMatches& parts, const Asker& asker, RecordType type, int ranks_before) {
  const Verdict verdict = decide_part(parts.front(), asker, type, {.ranks_before = ranks_before});
  FilterVerdict out = verdict_on(parts, 0, verdict, asker);
  note_observed(out, parts, 0, verdict, asker);
  // What no rule decided cannot be overruled by one on the answer.
  out.provisional = out.blocked() && verdict.winner != kNoRule && verdict.rank > asker.response_rank;
  return out;
}

bool refuses_private(const PartMatches& part, const AnswerMatches& parts, const Asker& asker) {
  if (!asker.policy().rebinding_protection || part.part != AnswerPart::address) return false;
  if (!is_private_address(part.address)) return false;
  const auto& local = asker.policies().local_domains;
  return std::none_of(local.begin(), local.end(),
                      [&](const Name& domain) { return parts.front().name.is_at_or_below(domain); });
}

// What comes behind the QNAME, of which `out` is the verdict: it is not blocked.
FilterVerdict decide_rest(FilterVerdict out, const AnswerMatches& parts, const Asker& asker, RecordType type,
                          int ranks_before) {
  Asked asked{.ranks_before = ranks_before};
  if (is_passthru(out.verdict)) {
    asked.ranks_before = std::min(ranks_before, out.verdict.rank);
  } else {
    // A pause is no word on the name: lists that it does not lift go on, and each part is asked.
    asked.clear_list_blocks =
        out.verdict.outcome == Outcome::allowed && out.verdict.pause == kNoRule && !asker.policy().strict_chain;
  }
  // The administrator's word on the name is one on its addresses.
  const bool may_be_private =
      out.verdict.outcome == Outcome::allowed && out.verdict.pause == kNoRule && out.verdict.rank <= kRankLocal;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Verdict verdict = decide_part(parts[i], asker, type, asked);
    note_until(out, verdict.until);
    const bool rebinding =
        verdict.outcome == Outcome::none && !may_be_private && refuses_private(parts[i], parts, asker);
    if (verdict.outcome == Outcome::blocked || rebinding) {
      FilterVerdict blocked = verdict_on(parts, i, verdict, asker);
      blocked.observed_part = out.observed_part;
      blocked.observed = out.observed;
      blocked.until = out.until;
      blocked.rebinding = rebinding;
      if (rebinding) {
        blocked.verdict.outcome = Outcome::blocked;
        blocked.verdict.action = Action::nodata;
      }
      return blocked;
    }
    if (is_passthru(verdict)) asked.ranks_before = std::min(asked.ranks_before, verdict.rank);
    if (verdict.pause != kNoRule && out.verdict.outcome == Outcome::none) {
      FilterVerdict paused = verdict_on(parts, i, verdict, asker);
      paused.observed_part = out.observed_part;
      paused.observed = out.observed;
      paused.until = out.until;
      out = paused;
    }
    note_observed(out, parts, i, verdict, asker);
  }
  return out;
}

// What RPZ zones of a rank before `rank` say of addresses and name servers; nothing: they are silent.
std::optional<FilterVerdict> earlier_zone(const AnswerMatches& parts, const Asker& asker, RecordType type, int rank) {
  std::optional<FilterVerdict> found;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].part == AnswerPart::alias) continue;
    const Verdict verdict = decide_part(parts[i], asker, type, {.ranks_before = rank, .only_rpz = true});
    // A pause takes the zone's word away; it is no PASSTHRU, which would lift later ranks that no pause lifts.
    if (verdict.outcome == Outcome::none || verdict.pause != kNoRule) continue;
    found = verdict_on(parts, i, verdict, asker);
    rank = verdict.rank;
  }
  return found;
}

FilterVerdict decide_all(FilterVerdict question, const AnswerMatches& parts, const Asker& asker, RecordType type) {
  int ranks_before = DecideContext::kAllRanks;
  std::optional<FilterVerdict> passed;
  for (;;) {  // each turn takes ranks away
    FilterVerdict found = question.blocked() ? question : decide_rest(question, parts, asker, type, ranks_before);
    const bool final = !found.blocked() || found.winner == nullptr || found.verdict.rank <= asker.response_rank;
    if (final && passed && !found.blocked()) {
      note_until(*passed, found.until);
      return *passed;
    }
    if (final) return found;
    auto earlier = earlier_zone(parts, asker, type, found.verdict.rank);
    if (!earlier) return found;
    note_until(*earlier, found.until);
    if (earlier->blocked()) return *earlier;
    ranks_before = earlier->verdict.rank;  // PASSTHRU
    passed = *earlier;
    passed->overruled = true;
    question = decide_qname(parts, asker, type, ranks_before);
    note_until(question, earlier->until);
  }
}

bool is_in(const IpAddress& address, std::span<const Prefix> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

bool is_private_address(const IpAddress& address) {
  static const std::array<Prefix, 10> kPrivate = {*Prefix::parse("10.0.0.0/8"),     *Prefix::parse("172.16.0.0/12"),
                                                  *Prefix::parse("192.168.0.0/16"), *Prefix::parse("127.0.0.0/8"),
                                                  *Prefix::parse("169.254.0.0/16"), *Prefix::parse("100.64.0.0/10"),
                                                  *Prefix::parse("::1/128"),        *Prefix::parse("fe80::/10"),
                                                  *Prefix::parse("fc00::/7"),       *Prefix::parse("fec0::/10")};
  // Where an IPv4 address stands in the last octets: mapped and compatible ones, and the well-known NAT64 prefix.
  static const std::array<Prefix, 3> kEmbedded = {*Prefix::parse("::ffff:0:0/96"), *Prefix::parse("::/96"),
                                                  *Prefix::parse("64:ff9b::/96")};
  const IpAddress plain = address.unmapped();
  if (is_in(plain, kPrivate)) return true;
  if (plain.family == AddressFamily::ipv4 || !is_in(plain, kEmbedded)) return false;
  return is_in(IpAddress::from_octets(std::span(plain.octets).last(4)), kPrivate);
}

int first_response_rank(const Generation& generation, const PolicySet& policies, const Policy& policy) {
  int first = DecideContext::kAllRanks;
  for (const ListDefinition& list : policies.lists) {
    if (list.kind != ListKind::rpz || list.mode != ListMode::enforce || !policy.has_list(list.id)) continue;
    const Generation::Triggers triggers = generation.triggers(list.id);
    if (triggers.address || triggers.name_server) first = std::min(first, list.rank);
  }
  return first;
}

FilterVerdict decide_question(const AnswerMatches& parts, const Asker& asker, RecordType type) {
  return decide_qname(parts, asker, type, DecideContext::kAllRanks);
}

FilterVerdict decide_answer(const AnswerMatches& parts, const Asker& asker, RecordType type) {
  return decide_all(decide_question(parts, asker, type), parts, asker, type);
}

FilterVerdict decide_local_answer(const AnswerMatches& parts, const Asker& asker, RecordType type) {
  FilterVerdict allowed;
  allowed.verdict.outcome = Outcome::allowed;
  allowed.verdict.rank = kRankLocal;
  return decide_rest(allowed, parts, asker, type, DecideContext::kAllRanks);
}

}  // namespace weir
