// Validate: is the answer what its zones signed? What is found out stays in the cache, beside the data.
#include <algorithm>

#include "resolver/dnssec/denial_cache.h"
#include "resolver/engine/tracing.h"

namespace weir {
namespace {

// Under its own name a wildcard answers for names that nobody asked for yet (RFC 8198 section 5.3).
void remember_wildcard(const AnswerPiece& piece, SteadyTime since, const Resolution& resolution, Context& context) {
  if (!piece.wildcard || piece.data.security != Security::secure || context.options.denials == nullptr) return;
  SignedRrset wildcard = piece.data;
  wildcard.rrset.owner = *piece.wildcard;
  wildcard.signatures.owner = *piece.wildcard;
  wildcard.proofs.clear();
  context.rrsets.put(wildcard, Credibility::authoritative_answer, piece.zone_cut, resolution.signatures(), since);
  context.options.denials->put(piece.zone, piece.proofs, std::nullopt, since, piece.wildcard);
}

// Its TTL counts from `since`: checking took time, the more the further the keys were.
void remember(const AnswerPiece& piece, SteadyTime since, const Resolution& resolution, Context& context) {
  if (piece.data.security == Security::indeterminate) return;
  remember_wildcard(piece, since, resolution, context);
  context.rrsets.put(piece.data, Credibility::authoritative_answer, piece.zone_cut, resolution.signatures(), since);
}

// Back into chain and outcome, with the TTLs that signatures allow.
void take_back(Validate& step, Lookup& lookup, const Resolution& resolution, Context& context) {
  AnswerValidator& validator = *step.validator;
  auto piece = validator.pieces.begin();
  auto since = lookup.chain_since.begin();
  for (ChainLink& link : lookup.chain) {
    if (!lookup.uncached) remember(*piece, *since, resolution, context);
    ++since;
    link.alias = std::move((piece++)->data);
    if (link.synthesised) link.synthesised->ttl_seconds = link.alias.rrset.ttl_seconds;
  }
  for (SignedRrset& data : step.outcome.rrsets) {
    // ANY's RRsets are a choice of one server's: they answer nothing else.
    if (lookup.type != RecordType::any && !lookup.uncached) {
      remember(*piece, step.outcome.since, resolution, context);
    }
    data = std::move((piece++)->data);
    step.outcome.ttl_seconds = std::min(step.outcome.ttl_seconds, data.rrset.ttl_seconds);
  }
  if (!validator.denial) return;
  DenialPiece& denial = *validator.denial;
  step.outcome.authority = std::move(denial.authority);
  step.outcome.rcode = denial.kind == NegativeKind::nxdomain ? Rcode::nxdomain : Rcode::noerror;
  step.outcome.ttl_seconds = std::min(step.outcome.ttl_seconds, denial.ttl_seconds);
  if (denial.security == Security::secure && context.options.denials != nullptr && !denial.proofs.empty()) {
    context.options.denials->put(denial.zone, denial.proofs, denial.soa, step.outcome.since);
  }
  if (denial.security == Security::indeterminate || step.outcome.ttl_seconds == 0 || lookup.uncached) return;
  // The server's NXDOMAIN is in the cache: it would hide what lies below an empty non-terminal.
  if (step.outcome.denied && *step.outcome.denied != denial.kind) context.rrsets.erase(denial.name);
  context.rrsets.put_negative(denial.name, denial.type, denial.kind, step.outcome.authority, step.outcome.ttl_seconds,
                              denial.zone_cut, resolution.signatures(), step.outcome.since, denial.security);
}

// What was found to be bogus, and the records of the zones that it makes so, may be somebody's lie: they are not kept,
// and the question is asked anew. What held stays.
void forget(const Validate& step, Lookup& lookup, const Resolution& resolution, Context& context) {
  for (const AnswerPiece& piece : step.validator->pieces) {
    if (piece.data.security == Security::bogus) context.rrsets.erase(piece.data.rrset.owner);
  }
  if (const auto& denial = step.validator->denial; denial && denial->security == Security::bogus) {
    context.rrsets.erase(denial->name);
    // Also the ancestors', whose NXDOMAIN covers it.
    for (unsigned labels = denial->name.label_count(); labels > denial->zone_cut.label_count(); --labels) {
      context.rrsets.erase(denial->name.suffix(labels));
    }
  }
  for (const Name& zone : step.validator->bogus_zones()) context.rrsets.erase(zone);
  lookup.name = resolution.question().name;
  lookup.chain.clear();
  lookup.chain_zone_cuts.clear();
  lookup.chain_since.clear();
}

// What stays bogus is kept for those who check for themselves, but no longer than it is believed to be so: a zone that
// is repaired would otherwise wait for its old records' end.
void shorten(const Name& owner, RecordType type, const Resolution& resolution, Context& context) {
  const SteadyTime now = context.now.steady;
  const auto longest = static_cast<std::uint32_t>(limit_of(Limit::bogus_ttl_s));
  RrsetCache& cache = context.rrsets;
  if (auto known = cache.find(owner, type, Credibility::unauthoritative, resolution.signatures(), now)) {
    known->data.rrset.ttl_seconds = std::min(known->data.rrset.ttl_seconds, longest);
    cache.put(known->data, known->credibility, known->zone_cut, resolution.signatures(), now);
  } else if (auto denied = cache.find_negative(owner, type, resolution.signatures(), now)) {
    cache.put_negative(owner, type, denied->kind, denied->authority, std::min(denied->ttl_seconds, longest),
                       denied->zone_cut, resolution.signatures(), now, denied->security);
  }
}

void shorten_bogus(const AnswerValidator& validator, const Resolution& resolution, Context& context) {
  for (const AnswerPiece& piece : validator.pieces) {
    if (piece.data.security != Security::bogus) continue;
    shorten(piece.data.rrset.owner, piece.data.rrset.type, resolution, context);
  }
  if (validator.denial && validator.denial->security == Security::bogus) {
    shorten(validator.denial->name, validator.denial->type, resolution, context);
  }
  for (const Name& zone : validator.bogus_zones()) {
    for (const RecordType type : {RecordType::ds, RecordType::dnskey}) shorten(zone, type, resolution, context);
  }
}

}  // namespace

// The filter may judge by the links that were good, also when the failure is remembered; behind the first bad one
// anything may stand.
void keep_good_links(const AnswerValidator& validator, Lookup& lookup, const Resolution& resolution, Context& context) {
  std::size_t good = 0;
  while (good < lookup.chain.size() && validator.pieces[good].data.security >= Security::insecure) {
    if (!lookup.uncached) remember(validator.pieces[good], lookup.chain_since[good], resolution, context);
    ++good;
  }
  lookup.chain.resize(good);
  lookup.chain_zone_cuts.resize(good);
  lookup.chain_since.resize(good);
}

Step begin_validation(Finished outcome, const Lookup& lookup, const Context& context) {
  Validate step;
  step.rules = context.options.trust;
  // They live as long as the resolution.
  const auto knows_ds = [&rrsets = context.rrsets](const Name& zone, SteadyTime now) {
    return rrsets.find(zone, RecordType::ds, Credibility::unauthoritative, Signatures::needed, now) ||
           rrsets.find_negative(zone, RecordType::ds, Signatures::needed, now);
  };
  step.validator = std::make_unique<AnswerValidator>(*step.rules, *context.options.zone_trust, knows_ds);
  AnswerValidator& validator = *step.validator;
  for (std::size_t i = 0; i < lookup.chain.size(); ++i) {
    const ChainLink& link = lookup.chain[i];
    AnswerPiece& piece =
        validator.pieces.emplace_back(AnswerPiece{.data = link.alias, .zone_cut = lookup.chain_zone_cuts[i]});
    if (link.alias.rrset.type == RecordType::dname) piece.redirects = link.owner;
  }
  for (const SignedRrset& data : outcome.rrsets)
    validator.pieces.push_back({.data = data, .zone_cut = outcome.zone_cut});
  if (outcome.denied) {
    validator.denial = DenialPiece{lookup.name,         lookup.type,      *outcome.denied, outcome.authority,
                                   outcome.ttl_seconds, outcome.zone_cut, outcome.security};
  }
  step.outcome = std::move(outcome);
  return step;
}

std::optional<Step> advance(Validate& step, Lookup& lookup, Resolution& resolution, Context& context) {
  auto found = step.validator->run(context.now, resolution.budget());
  if (auto* question = std::get_if<TrustQuestion>(&found)) {
    if (!resolution.budget().spend(Limit::trust_questions)) {
      keep_good_links(*step.validator, lookup, resolution, context);
      return limit_failure(Limit::trust_questions, context);
    }
    step.awaited = std::move(*question);
    return std::nullopt;
  }
  Validated& validated = *std::get_if<Validated>(&found);
  ++context.counters.validations;
  if (resolution.trace() != nullptr) trace_validated(validated, *step.validator, lookup, resolution, context);
  if (validated.limit_reached) {
    keep_good_links(*step.validator, lookup, resolution, context);
    const Limit limit = resolution.budget().reached().value_or(Limit::signature_checks);
    Finished out = limit_failure(limit, context);
    // An honest zone comes nowhere near: who sees it is told that it is the zone's signatures, not our load. Who checks
    // for himself still gets the data.
    out.ede = limit == Limit::nsec3_hashes ? EdeCode::indeterminate : EdeCode::bogus;
    return out;
  }
  if (validated.security == Security::bogus && resolution.ask_anew(validated)) {
    forget(step, lookup, resolution, context);
    return FindZoneCut{};
  }
  if (validated.security == Security::bogus) {
    ++context.counters.bogus;
    keep_good_links(*step.validator, lookup, resolution, context);
    shorten_bogus(*step.validator, resolution, context);
    step.validator->keep_bogus();
    Finished out = failure(validated.ede.value_or(EdeCode::bogus), std::move(validated.why));
    out.cause = Finished::Cause::bogus;
    out.security = Security::bogus;
    return out;
  }
  take_back(step, lookup, resolution, context);
  if (step.outcome.cause == Finished::Cause::resolved) step.outcome.security = validated.security;
  if (!step.outcome.ede) step.outcome.ede = validated.ede;
  return std::move(step.outcome);
}

TrustRecords trust_records(const Finished& found) {
  TrustRecords out;
  out.zone_cut = found.zone_cut;
  out.authority = found.authority;
  out.ede = found.ede;
  if (!found.rrsets.empty()) {
    out.kind = found.is_alias ? TrustRecords::Kind::alias : TrustRecords::Kind::records;
    out.records = found.rrsets.front();
  } else if (found.rcode == Rcode::noerror) {
    out.kind = TrustRecords::Kind::no_data;
  } else if (found.rcode == Rcode::nxdomain) {
    out.kind = TrustRecords::Kind::no_name;
  }
  return out;
}

Finished alias_in_the_way(FollowAlias alias) {
  Finished out = positive({std::move(alias.link.alias)}, std::move(alias.zone_cut));
  out.is_alias = true;
  return out;
}

}  // namespace weir
