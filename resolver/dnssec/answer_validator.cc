#include "resolver/dnssec/answer_validator.h"

#include <algorithm>

namespace weir {
namespace {

Validated bogus(EdeCode ede, std::string why) {
  return {Security::bogus, ede, std::move(why), std::nullopt, std::nullopt, Validated::Blame::answer, false};
}

Validated limit_reached() {
  return {Security::indeterminate, std::nullopt, {}, {}, {}, Validated::Blame::answer, true};
}

std::string text_of(const Rrset& rrset) {
  return rrset.owner.to_text() + "/" + to_text(rrset.type);
}

Validated of_trust(const ZoneTrust& trust, const ChainOfTrust& chain) {
  if (trust.state == TrustState::limit) return limit_reached();
  Validated out = bogus(trust.ede.value_or(EdeCode::bogus), trust.why);
  out.blamed = trust.blamed;
  out.broken = trust.broken;
  // A zone that is bogus itself has the wrong keys; one that is not spoke wrongly of a zone below it.
  const std::vector<Name> zones = chain.bogus_zones();
  const bool itself = trust.blamed && std::ranges::find(zones, *trust.blamed) != zones.end();
  out.blame = itself ? Validated::Blame::keys : Validated::Blame::delegation;
  if (!trust.blamed) out.blame = Validated::Blame::settled;
  return out;
}

RecordType type_of(const Rrset& rrset) {  // or of what the RRSIGs cover
  return rrset.type == RecordType::rrsig ? rrset.type_covered : rrset.type;
}

bool denies(const Rrset& rrset) {
  return type_of(rrset) == RecordType::nsec || type_of(rrset) == RecordType::nsec3;
}

// A denial record, or the RRSIGs for one, that is none of these.
bool is_unchecked(const Rrset& rrset, const std::vector<SignedRrset>& checked) {
  return denies(rrset) && std::ranges::none_of(checked, [&](const SignedRrset& good) {
           return good.rrset.type == type_of(rrset) && good.rrset.owner == rrset.owner;
         });
}

void clamp(std::vector<Rrset>& authority, std::uint32_t ttl) {
  for (Rrset& rrset : authority) rrset.ttl_seconds = std::min(rrset.ttl_seconds, ttl);
}

}  // namespace

std::variant<Validated, TrustQuestion> AnswerValidator::run(Now now, Budget& budget) {
  Validated out;
  out.security = Security::secure;
  using Ended = std::optional<std::variant<Validated, TrustQuestion>>;
  const auto check = [&](auto& piece, const Name& zone_cut, Security& security) -> Ended {
    for (;;) {
      PieceOutcome found = validate(piece, now, budget);
      if (auto* question = std::get_if<TrustQuestion>(&found)) {
        auto settled = settle_with_proofs(*question, now, budget);
        if (auto* other = std::get_if<TrustQuestion>(&settled)) return std::move(*other);
        if (*std::get_if<bool>(&settled)) continue;
        return std::move(*question);
      }
      if (auto* ended = std::get_if<Validated>(&found)) {
        security = ended->security;
        if (!ended->blamed) ended->blamed = zone_cut;  // the piece itself, not a zone's keys
        return std::move(*ended);
      }
      security = *std::get_if<Security>(&found);
      return std::nullopt;
    }
  };
  std::vector<AnswerPiece*> checked;
  for (AnswerPiece& piece : pieces) {
    if (piece.data.security == Security::indeterminate) {
      checked.push_back(&piece);
      if (auto ended = check(piece, piece.zone_cut, piece.data.security)) return std::move(*ended);
    } else if (piece.data.security == Security::insecure) {
      recall_remark(piece.data.rrset.owner, piece.zone_cut, piece.data.proofs, now);
    }
    out.security = worse(out.security, piece.data.security);
  }
  if (denial) {
    if (denial->security == Security::indeterminate) {
      if (auto ended = check(*denial, denial->zone_cut, denial->security)) return std::move(*ended);
    } else if (denial->security == Security::insecure) {
      recall_remark(denial->name, denial->zone_cut, denial->authority, now);
    }
    out.security = worse(out.security, denial->security);
  }
  for (AnswerPiece* piece : checked) {
    if (piece->data.security != Security::secure || piece->wildcard) continue;
    if (proofs_settle_) {
      clean(piece->data.proofs, now, budget);
    } else {
      piece->data.proofs.clear();
    }
  }
  if (out.security == Security::insecure) out.ede = remark_;
  return out;
}

std::variant<bool, TrustQuestion> AnswerValidator::settle_with_proofs(const TrustQuestion& question, Now now,
                                                                      Budget& budget) {
  if (question.type != RecordType::ds || std::ranges::find(tried_, question.name) != tried_.end()) return false;
  std::vector<SignedRrset> records;
  for (const AnswerPiece& piece : pieces) {
    for (SignedRrset& record : denial_records(piece.data.proofs)) records.push_back(std::move(record));
  }
  if (records.empty()) return false;
  auto settled = chain_.take_denial(question.name, records, now, budget);
  if (settled) {
    if (auto* other = std::get_if<TrustQuestion>(&*settled)) return std::move(*other);
  }
  tried_.push_back(question.name);
  proofs_settle_ = proofs_settle_ || settled.has_value();
  return settled.has_value();
}

// Unsigned data is fine where its zone is proven to be unsigned, and nowhere else.
AnswerValidator::PieceOutcome AnswerValidator::validate_unsigned(const Name& name, const Name& zone_cut,
                                                                 EdeCode missing, Now now, Budget& budget) {
  ChainOfTrust::Outcome found = chain_.unsigned_at(name, zone_cut, now, budget);
  if (auto* question = std::get_if<TrustQuestion>(&found)) return std::move(*question);
  const ZoneTrust& trust = *std::get_if<ZoneTrust>(&found);
  if (trust.state == TrustState::insecure) {
    if (!remark_) remark_ = trust.ede;
    return Security::insecure;
  }
  if (trust.state == TrustState::secure) {
    return bogus(missing, (missing == EdeCode::nsec_missing ? "no proof of what is not at " : "no signature at ") +
                              name.to_text() + ", whose zone is signed");
  }
  return of_trust(trust, chain_);
}

std::variant<std::shared_ptr<const ZoneKeys>, AnswerValidator::PieceOutcome> AnswerValidator::keys_of(
    const Name& signer, const std::string& what, Now now, Budget& budget) {
  ChainOfTrust::Outcome found = chain_.zone(signer, now, budget);
  if (auto* question = std::get_if<TrustQuestion>(&found)) return PieceOutcome(std::move(*question));
  ZoneTrust& trust = *std::get_if<ZoneTrust>(&found);
  switch (trust.state) {
    case TrustState::secure:
      return std::move(trust.keys);
    case TrustState::no_cut:
      return PieceOutcome(bogus(EdeCode::bogus, what + " is signed by " + signer.to_text() + ", which is no zone"));
    case TrustState::insecure:
      if (!remark_) remark_ = trust.ede;
      return PieceOutcome(Security::insecure);
    default:
      return PieceOutcome(of_trust(trust, chain_));
  }
}

// That a zone above the anchor is insecure says nothing of what lies below it; only what a further anchor makes secure
// there counts (RFC 6840 section 5.10).
AnswerValidator::PieceOutcome AnswerValidator::validate(AnswerPiece& piece, Now now, Budget& budget) {
  PieceOutcome out = validate_data(piece, now, budget);
  const auto* security = std::get_if<Security>(&out);
  if (security == nullptr || *security != Security::insecure || !piece.redirects) return out;
  const TrustAnchor* anchor = chain_.anchor_of(*piece.redirects, now);
  if (anchor == nullptr || piece.data.rrset.owner.is_at_or_below(anchor->zone)) return out;
  return bogus(EdeCode::bogus,
               text_of(piece.data.rrset) + ", insecure, stands above the trust anchor " + anchor->zone.to_text());
}

AnswerValidator::PieceOutcome AnswerValidator::validate_data(AnswerPiece& piece, Now now, Budget& budget) {
  const Rrset& rrset = piece.data.rrset;
  // Signatures are not signed themselves (RFC 4035 section 2.2): whoever asks for them gets them without AD.
  if (rrset.type == RecordType::rrsig) return Security::insecure;
  const Name at = rrset.type == RecordType::ds ? rrset.owner.parent() : rrset.owner;
  const TrustAnchor* anchor = chain_.anchor_of(at, now);
  if (anchor == nullptr) return Security::insecure;
  auto signer = signer_of(piece.data.signatures, rrset.owner, anchor->zone);
  // A DS belongs to the zone above (RFC 4035 section 2.4).
  if (signer && rrset.type == RecordType::ds && *signer == rrset.owner) signer.reset();
  if (!signer) {
    return validate_unsigned(at, piece.zone_cut, EdeCode::rrsigs_missing, now, budget);
  }
  auto found = keys_of(*signer, text_of(rrset), now, budget);
  if (auto* ended = std::get_if<PieceOutcome>(&found)) return std::move(*ended);
  const ZoneKeys& keys = **std::get_if<std::shared_ptr<const ZoneKeys>>(&found);
  const SignatureCheck check = verify_rrset(rrset, piece.data.signatures, keys, chain_.check_context(now, budget));
  if (check.outcome == SignatureOutcome::limit) return limit_reached();
  if (check.outcome == SignatureOutcome::bogus) {
    return bogus(check.reason, text_of(rrset) + " has no good signature of " + signer->to_text());
  }
  clean(piece.data.authority, now, budget);
  clean(piece.data.additional, now, budget);
  piece.data.rrset.ttl_seconds = check.ttl_seconds;
  piece.data.signatures.ttl_seconds = std::min(piece.data.signatures.ttl_seconds, check.ttl_seconds);
  // A DNAME that a wildcard made would redirect what nobody signed (RFC 6672 section 3.3 calls it undefined).
  if (check.closest_encloser && rrset.type == RecordType::dname) {
    return bogus(EdeCode::bogus, text_of(rrset) + " comes from a wildcard");
  }
  if (check.closest_encloser) return validate_wildcard(piece, *check.closest_encloser, keys, now, budget);
  return Security::secure;
}

AnswerValidator::PieceOutcome AnswerValidator::validate_wildcard(AnswerPiece& piece, const Name& closest_encloser,
                                                                 const ZoneKeys& keys, Now now, Budget& budget) {
  Denial denial = chain_.make_denial(keys.zone, budget);
  std::vector<SignedRrset> checked;
  const auto bad = ChainOfTrust::check_denial(denial_records(piece.data.proofs), keys,
                                              chain_.check_context(now, budget), denial, checked);
  if (bad && bad->outcome == SignatureOutcome::limit) return limit_reached();
  const std::string what = text_of(piece.data.rrset) + " comes from a wildcard, without proof that it may";
  if (denial.empty()) return bogus(bad ? bad->reason : EdeCode::nsec_missing, what);
  const Proof proof = denial.wildcard_answer(piece.data.rrset.owner, closest_encloser);
  for (const SignedRrset& record : checked) {
    piece.data.rrset.ttl_seconds = std::min(piece.data.rrset.ttl_seconds, record.rrset.ttl_seconds);
  }
  std::erase_if(piece.data.proofs, [&](const Rrset& rrset) { return is_unchecked(rrset, checked); });
  clamp(piece.data.proofs, piece.data.rrset.ttl_seconds);
  piece.wildcard = closest_encloser.child("*");
  piece.zone = keys.zone;
  piece.proofs = std::move(checked);
  return of_proof(proof, what);
}

void AnswerValidator::clean(std::vector<Rrset>& beside, Now now, Budget& budget) {
  std::vector<Rrset> kept;
  for (const Rrset& rrset : beside) {
    if (rrset.type == RecordType::rrsig) continue;
    SignedRrset data = with_signatures(rrset, beside);
    const TrustAnchor* anchor = chain_.anchor_of(rrset.owner, now);
    const auto signer = anchor ? signer_of(data.signatures, rrset.owner, anchor->zone) : std::nullopt;
    if (!signer) continue;
    const ChainOfTrust::Outcome found = chain_.zone(*signer, now, budget);
    const auto* trust = std::get_if<ZoneTrust>(&found);
    if (trust == nullptr || trust->state != TrustState::secure) continue;
    if (verify_rrset(rrset, data.signatures, *trust->keys, chain_.check_context(now, budget)).outcome !=
        SignatureOutcome::secure) {
      continue;
    }
    kept.push_back(rrset);
    kept.push_back(std::move(data.signatures));
  }
  beside = std::move(kept);
}

void AnswerValidator::recall_remark(const Name& name, const Name& zone_cut, const std::vector<Rrset>& proofs, Now now) {
  if (remark_) return;
  if (const auto trust = chain_.known_insecure(name, zone_cut, now)) {
    remark_ = trust->ede;
  } else if (std::ranges::any_of(proofs, [&](const Rrset& rrset) {
               return has_more_iterations(rrset, chain_.max_nsec3_iterations());
             })) {
    remark_ = EdeCode::unsupported_nsec3_iterations;
  }
}

AnswerValidator::PieceOutcome AnswerValidator::of_proof(Proof proof, const std::string& what) {
  switch (proof) {
    case Proof::proven:
      return Security::secure;
    case Proof::proven_insecure:
      return Security::insecure;
    case Proof::too_many_iterations:
      if (!remark_) remark_ = EdeCode::unsupported_nsec3_iterations;
      return Security::insecure;
    case Proof::limit:
      return limit_reached();
    case Proof::not_proven:
      break;
  }
  return bogus(EdeCode::bogus, what);  // records are there, they do not say it
}

AnswerValidator::PieceOutcome AnswerValidator::validate(DenialPiece& piece, Now now, Budget& budget) {
  const bool above = piece.type == RecordType::ds && !piece.name.is_root();
  const Name at = above ? piece.name.parent() : piece.name;
  const TrustAnchor* anchor = chain_.anchor_of(at, now);
  if (anchor == nullptr) return Security::insecure;
  const std::vector<SignedRrset> records = denial_records(piece.authority);
  if (const auto signer = denier_of(records, piece.name, piece.type)) {
    PieceOutcome out = validate_proof(piece, records, *signer, now, budget);
    const auto* security = std::get_if<Security>(&out);
    const bool is_insecure = security != nullptr && *security == Security::insecure;
    // From the servers of a zone above: the anchor's zone is not delegated. Whoever can forge that can take the zone
    // away by a referral, too; below it he can deny nothing.
    const bool from_above = !piece.zone_cut.is_at_or_below(anchor->zone);
    if (!is_insecure || from_above || signer->is_at_or_below(anchor->zone)) return out;
  }
  // A SOA that came without signatures says that they were taken away, not the records that deny.
  const auto soa = soa_record(piece.authority);
  const EdeCode missing = soa && soa->signatures.empty() ? EdeCode::rrsigs_missing : EdeCode::nsec_missing;
  return validate_unsigned(at, piece.zone_cut, missing, now, budget);
}

AnswerValidator::PieceOutcome AnswerValidator::validate_proof(DenialPiece& piece,
                                                              const std::vector<SignedRrset>& records,
                                                              const Name& signer, Now now, Budget& budget) {
  auto found = keys_of(signer, "the denial of " + piece.name.to_text(), now, budget);
  if (auto* ended = std::get_if<PieceOutcome>(&found)) return std::move(*ended);
  const ZoneKeys& keys = **std::get_if<std::shared_ptr<const ZoneKeys>>(&found);
  Denial denial = chain_.make_denial(signer, budget);
  std::vector<SignedRrset> checked;
  const auto bad = ChainOfTrust::check_denial(records, keys, chain_.check_context(now, budget), denial, checked);
  const std::string what = "no proof that " + piece.name.to_text() + "/" + to_text(piece.type) + " does not exist";
  if (bad) return bad->outcome == SignatureOutcome::limit ? limit_reached() : bogus(bad->reason, what);
  if (denial.empty()) return bogus(EdeCode::nsec_missing, what);
  // Its TTL is the denial's, and AD speaks of the whole authority section (RFC 4035 section 3.2.3).
  if (const auto soa = soa_record(piece.authority)) {
    const SignatureCheck check = verify_rrset(soa->rrset, soa->signatures, keys, chain_.check_context(now, budget));
    if (check.outcome == SignatureOutcome::limit) return limit_reached();
    if (check.outcome == SignatureOutcome::bogus) {
      return bogus(check.reason, text_of(soa->rrset) + " has no good signature of " + signer.to_text());
    }
    piece.ttl_seconds = std::min(piece.ttl_seconds, check.ttl_seconds);
    piece.soa = soa;
    piece.soa->rrset.ttl_seconds = std::min(piece.soa->rrset.ttl_seconds, check.ttl_seconds);
  }
  Proof proof = Proof::not_proven;
  if (piece.kind == NegativeKind::nxdomain) proof = denial.name_error(piece.name);
  if (piece.kind == NegativeKind::nodata) proof = denial.no_data(piece.name, piece.type);
  // Servers that deny empty non-terminals are common; what they proved is that the name has nothing but names below.
  if (piece.kind == NegativeKind::nxdomain && proof == Proof::not_proven &&
      denial.no_data(piece.name, piece.type) == Proof::proven) {
    proof = Proof::proven;
    piece.kind = NegativeKind::nodata;
  }
  for (const SignedRrset& record : checked) piece.ttl_seconds = std::min(piece.ttl_seconds, record.rrset.ttl_seconds);
  piece.zone = signer;
  piece.proofs = std::move(checked);
  keep_checked(piece, now, budget);
  clamp(piece.authority, piece.ttl_seconds);
  return of_proof(proof, what);
}

void AnswerValidator::keep_checked(DenialPiece& piece, Now now, Budget& budget) {
  std::vector<Rrset> beside;
  std::erase_if(piece.authority, [&](const Rrset& rrset) {
    if (type_of(rrset) == RecordType::soa && piece.soa) return rrset.owner != piece.soa->rrset.owner;
    if (denies(rrset)) return is_unchecked(rrset, piece.proofs);
    beside.push_back(rrset);
    return true;
  });
  clean(beside, now, budget);
  piece.authority.insert(piece.authority.end(), beside.begin(), beside.end());
}

}  // namespace weir
