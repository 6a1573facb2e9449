#include "resolver/dnssec/chain_of_trust.h"

#include <algorithm>

#include "resolver/base/limits.h"
#include "resolver/dnssec/rrsig.h"

namespace weir {
namespace {

using std::chrono::seconds;

SteadyTime after(Now now, std::uint64_t ttl_seconds) {
  return now.steady + seconds(std::min<std::uint64_t>(ttl_seconds, limit_of(Limit::ttl_s)));
}

ZoneTrust bogus(EdeCode reason, std::string why, const Name& blamed, Now now) {
  return {TrustState::bogus, nullptr, reason, std::move(why), blamed, after(now, limit_of(Limit::bogus_ttl_s))};
}

// Who could not be asked may be there again soon: that is not what bogus data deserves (RFC 9520 section 3.2).
ZoneTrust unreachable(const char* what, const Name& zone, const Name& blamed, Now now) {
  ZoneTrust out = bogus(EdeCode::dnskey_missing, std::string("no ") + what + " of " + zone.to_text() + " could be had",
                        blamed, now);
  out.expires = after(now, limit_of(Limit::failure_ttl_min_s));
  return out;
}

ZoneTrust insecure(std::uint64_t ttl_seconds, Now now, std::optional<EdeCode> ede = std::nullopt) {
  return {TrustState::insecure, nullptr, ede, {}, {}, after(now, ttl_seconds)};
}

ZoneTrust limit() {
  return {TrustState::limit, nullptr, std::nullopt, {}, {}, {}};
}

}  // namespace

SignedRrset with_signatures(const Rrset& rrset, const std::vector<Rrset>& section) {
  SignedRrset out;
  out.rrset = rrset;
  const auto signatures = std::ranges::find_if(section, [&](const Rrset& other) {
    return other.type == RecordType::rrsig && other.type_covered == rrset.type && other.owner == rrset.owner;
  });
  if (signatures != section.end()) out.signatures = *signatures;
  return out;
}

std::vector<SignedRrset> denial_records(const std::vector<Rrset>& authority) {
  std::vector<SignedRrset> out;
  for (const Rrset& rrset : authority) {
    const bool denies = rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3;
    if (denies) out.push_back(with_signatures(rrset, authority));
  }
  return out;
}

const Rrset* find_soa(const std::vector<Rrset>& authority) {
  const auto soa = std::ranges::find(authority, RecordType::soa, &Rrset::type);
  return soa == authority.end() ? nullptr : &*soa;
}

std::optional<SignedRrset> soa_record(const std::vector<Rrset>& authority) {
  const Rrset* soa = find_soa(authority);
  if (soa == nullptr) return std::nullopt;
  return with_signatures(*soa, authority);
}

std::optional<Name> signer_of(const Rrset& signatures, const Name& owner, const Name& anchor) {
  for (const auto rdata : signatures.records()) {
    const auto rrsig = parse_rrsig(rdata);
    if (rrsig && owner.is_at_or_below(rrsig->signer) && rrsig->signer.is_at_or_below(anchor)) return rrsig->signer;
  }
  return std::nullopt;
}

std::optional<Name> denier_of(const std::vector<SignedRrset>& records, const Name& name, RecordType type) {
  std::optional<Name> deepest;
  for (const SignedRrset& record : records) {
    for (const auto rdata : record.signatures.records()) {
      const auto rrsig = parse_rrsig(rdata);
      if (!rrsig || !record.rrset.owner.is_at_or_below(rrsig->signer) || !name.is_at_or_below(rrsig->signer)) continue;
      if (type == RecordType::ds && rrsig->signer == name && !name.is_root()) continue;
      if (!deepest || rrsig->signer.label_count() > deepest->label_count()) deepest = rrsig->signer;
    }
  }
  return deepest;
}

std::optional<SignatureCheck> ChainOfTrust::check_denial(const std::vector<SignedRrset>& records, const ZoneKeys& keys,
                                                         const CheckContext& context, Denial& denial,
                                                         std::vector<SignedRrset>& checked) {
  std::optional<SignatureCheck> worst;
  for (const SignedRrset& record : records) {
    SignatureCheck check = verify_rrset(record.rrset, record.signatures, keys, context);
    if (check.outcome == SignatureOutcome::limit) return check;
    if (check.outcome == SignatureOutcome::bogus) {
      worst = check;  // one that proves nothing; the others may prove enough
      continue;
    }
    checked.push_back(record);
    checked.back().rrset.ttl_seconds = check.ttl_seconds;
  }
  for (const SignedRrset& record : checked) denial.add(record.rrset);
  return denial.empty() ? worst : std::nullopt;
}

void ChainOfTrust::give(const TrustQuestion& question, TrustRecords records) {
  (question.type == RecordType::ds ? ds_ : dnskeys_).insert_or_assign(question.name, std::move(records));
}

std::vector<Name> ChainOfTrust::bogus_zones() const {
  std::vector<Name> out;
  for (const auto& [zone, trust] : known_) {
    if (trust.state == TrustState::bogus) out.push_back(zone);
  }
  return out;
}

ZoneTrust ChainOfTrust::remember(const Name& zone, ZoneTrust trust) {
  if (trust.state == TrustState::limit) return trust;
  if (trust.state == TrustState::bogus && !trust.broken) trust.broken = zone;
  known_.insert_or_assign(zone, trust);
  if (trust.state != TrustState::bogus) cache_->put(zone, trust);
  return trust;
}

void ChainOfTrust::keep_bogus() {
  for (const auto& [zone, trust] : known_) {
    if (trust.state == TrustState::bogus) cache_->put(zone, trust);
  }
}

const TrustAnchor* TrustRules::anchor_of(const Name& name, WallTime now) const {
  const TrustAnchor* anchor = anchors.closest(name);
  const NegativeTrustAnchor* negative = negative_anchors.closest(name, now);
  if (anchor != nullptr && negative != nullptr && anchor->zone.label_count() <= negative->name.label_count()) {
    return nullptr;
  }
  return anchor;
}

ChainOfTrust::Outcome ChainOfTrust::zone(const Name& zone, Now now, Budget& budget) {
  const auto mine = known_.find(zone);
  if (mine != known_.end()) return mine->second;
  const TrustAnchor* anchor = rules_->anchor_of(zone, now.wall);
  // These are never kept: they change with the configuration and the wall clock.
  if (anchor == nullptr) return insecure(limit_of(Limit::ttl_s), now);
  if (auto cached = cache_->find(zone, now.steady)) {
    cached->blamed.reset();
    return std::move(*cached);
  }
  if (anchor->zone == zone) {
    return keys_of_zone(zone, anchor->ds, anchor->dnskeys, static_cast<std::uint32_t>(limit_of(Limit::ttl_s)), now,
                        budget);
  }
  const auto good = good_ds_.find(zone);
  if (good != good_ds_.end()) {
    return keys_of_zone(zone, good->second.ds, {}, good->second.ttl_seconds, now, budget);
  }
  DsOutcome ds = ds_of(zone, anchor->zone, now, budget);
  if (auto* question = std::get_if<TrustQuestion>(&ds)) return std::move(*question);
  if (auto* trust = std::get_if<ZoneTrust>(&ds)) return remember(zone, std::move(*trust));
  const DsKnown& known = good_ds_.emplace(zone, std::move(*std::get_if<DsKnown>(&ds))).first->second;
  return keys_of_zone(zone, known.ds, {}, known.ttl_seconds, now, budget);
}

ChainOfTrust::DsOutcome ChainOfTrust::ds_of(const Name& zone, const Name& anchor, Now now, Budget& budget) {
  const auto fetched = ds_.find(zone);
  if (fetched == ds_.end()) {
    if (auto above = settled_above(zone, anchor, now, budget)) return std::move(*above);
    return TrustQuestion{zone, RecordType::ds};
  }
  const TrustRecords& found = fetched->second;
  switch (found.kind) {
    case TrustRecords::Kind::records:
    case TrustRecords::Kind::alias:
      return ds_from_records(zone, anchor, found, now, budget);
    case TrustRecords::Kind::no_data:
    case TrustRecords::Kind::no_name:
      return ds_from_denial(zone, anchor, found, now, budget);
    case TrustRecords::Kind::failed:
      break;
  }
  // Below an insecure zone it would count for nothing, so that it may be missing.
  Outcome above = unsigned_at(zone.parent(), found.zone_cut, now, budget);
  if (auto* question = std::get_if<TrustQuestion>(&above)) return std::move(*question);
  ZoneTrust& trust = *std::get_if<ZoneTrust>(&above);
  if (trust.state != TrustState::secure) return std::move(trust);
  return unreachable("DS", zone, found.zone_cut, now);
}

std::optional<ChainOfTrust::DsOutcome> ChainOfTrust::settled_above(const Name& zone, const Name& anchor, Now now,
                                                                   Budget& budget) {
  const auto at_hand = [&](const Name& name) { return knows_ds_ && knows_ds_(name, now.steady); };
  if (at_hand(zone)) return std::nullopt;
  for (unsigned labels = anchor.label_count() + 1; labels < zone.label_count(); ++labels) {
    const Name above = zone.suffix(labels);
    if (!known_.contains(above) && !cache_->find(above, now.steady) && !at_hand(above)) continue;
    Outcome found = this->zone(above, now, budget);
    if (auto* question = std::get_if<TrustQuestion>(&found)) return DsOutcome(std::move(*question));
    ZoneTrust& trust = *std::get_if<ZoneTrust>(&found);
    if (trust.state != TrustState::secure && trust.state != TrustState::no_cut) return DsOutcome(std::move(trust));
  }
  return std::nullopt;
}

// The zone above that signed the DS, or its denial; it is shorter than the zone itself, so the walk upwards ends.
ChainOfTrust::ParentOutcome ChainOfTrust::keys_above(const Name& zone, const std::optional<Name>& signer,
                                                     const TrustRecords& found, EdeCode missing, Now now,
                                                     Budget& budget) {
  if (!signer) {  // unsigned: that is fine where some zone above is
    if (found.zone_cut.label_count() >= zone.label_count()) {
      return DsOutcome(
          bogus(missing, "the parent of " + zone.to_text() + " did not speak of its DS", found.zone_cut, now));
    }
    Outcome above = unsigned_at(zone.parent(), found.zone_cut, now, budget);
    if (auto* question = std::get_if<TrustQuestion>(&above)) return DsOutcome(std::move(*question));
    ZoneTrust trust = std::move(*std::get_if<ZoneTrust>(&above));
    if (trust.state != TrustState::secure) return DsOutcome(std::move(trust));
    return DsOutcome(bogus(missing, "no proof about the DS of " + zone.to_text(), found.zone_cut, now));
  }
  Outcome above = this->zone(*signer, now, budget);
  if (auto* question = std::get_if<TrustQuestion>(&above)) return DsOutcome(std::move(*question));
  ZoneTrust& trust = *std::get_if<ZoneTrust>(&above);
  if (trust.state == TrustState::secure) return std::move(trust.keys);
  if (trust.state != TrustState::no_cut) return DsOutcome(std::move(trust));
  return DsOutcome(bogus(EdeCode::bogus,
                         signer->to_text() + " signed what is said of the DS of " + zone.to_text() + " and is no zone",
                         found.zone_cut, now));
}

ChainOfTrust::DsOutcome ChainOfTrust::ds_from_records(const Name& zone, const Name& anchor, const TrustRecords& found,
                                                      Now now, Budget& budget) {
  const auto parent = signer_of(found.records.signatures, zone, anchor);
  if ((parent ? *parent : found.zone_cut).label_count() >= zone.label_count()) {
    return bogus(EdeCode::bogus, "the DS of " + zone.to_text() + " is not its parent's", found.zone_cut, now);
  }
  ParentOutcome above = keys_above(zone, parent, found, EdeCode::rrsigs_missing, now, budget);
  if (auto* ended = std::get_if<DsOutcome>(&above)) return std::move(*ended);
  const ZoneKeys& keys = **std::get_if<std::shared_ptr<const ZoneKeys>>(&above);
  const SignatureCheck check =
      verify_rrset(found.records.rrset, found.records.signatures, keys, check_context(now, budget));
  if (check.outcome == SignatureOutcome::limit) return limit();
  if (check.outcome == SignatureOutcome::bogus) {
    return bogus(check.reason, "the DS of " + zone.to_text() + " has no good signature of " + parent->to_text(),
                 found.zone_cut, now);
  }
  // Also an alias: whoever has one such record could show it in the place of any DS below the wildcard's parent.
  if (check.closest_encloser) {
    return bogus(EdeCode::bogus, "the DS of " + zone.to_text() + " comes from a wildcard", found.zone_cut, now);
  }
  // An alias owns nothing else (RFC 1034 section 3.6.2), so it is no zone cut.
  if (found.kind == TrustRecords::Kind::alias) {
    return ZoneTrust{TrustState::no_cut, nullptr, std::nullopt, {}, {}, after(now, check.ttl_seconds)};
  }
  const UsableDs usable = usable_ds(found.records.rrset, rules_->algorithms);
  if (usable.records.empty()) return insecure(check.ttl_seconds, now, usable.why_none);
  return DsKnown{found.records.rrset, check.ttl_seconds};
}

ChainOfTrust::DsOutcome ChainOfTrust::ds_from_denial(const Name& zone, const Name& anchor, const TrustRecords& found,
                                                     Now now, Budget& budget) {
  const std::vector<SignedRrset> records = denial_records(found.authority);
  auto parent = denier_of(records, zone, RecordType::ds);
  if (parent && !parent->is_at_or_below(anchor)) parent.reset();
  ParentOutcome above = keys_above(zone, parent, found, EdeCode::nsec_missing, now, budget);
  if (auto* ended = std::get_if<DsOutcome>(&above)) return std::move(*ended);
  const ZoneKeys& keys = **std::get_if<std::shared_ptr<const ZoneKeys>>(&above);
  EdeCode why = EdeCode::bogus;
  auto settled = settle_denial(zone, records, keys, found.kind, now, budget, why);
  if (settled) return std::move(*settled);
  return bogus(why, "no proof that " + zone.to_text() + " has no DS", found.zone_cut, now);
}

std::optional<ChainOfTrust::DsOutcome> ChainOfTrust::settle_denial(const Name& zone,
                                                                   const std::vector<SignedRrset>& records,
                                                                   const ZoneKeys& keys, TrustRecords::Kind kind,
                                                                   Now now, Budget& budget, EdeCode& why) const {
  Denial denial = make_denial(keys.zone, budget);
  std::vector<SignedRrset> checked;
  if (const auto bad = check_denial(records, keys, check_context(now, budget), denial, checked)) {
    if (bad->outcome == SignatureOutcome::limit) return limit();
    why = bad->reason;
    return std::nullopt;
  }
  std::uint32_t ttl = static_cast<std::uint32_t>(limit_of(Limit::negative_ttl_s));
  for (const SignedRrset& record : checked) ttl = std::min(ttl, record.rrset.ttl_seconds);
  // A zone that is signed meanwhile is only treated as unsigned for longer, which it was; a verdict of no zone cut
  // lives no longer than its proof, since answers of a new zone below would be bogus under it.
  const std::uint64_t insecure_for = std::max<std::uint64_t>(ttl, limit_of(Limit::insecure_ttl_min_s));
  const auto settled = [&](Proof proof, TrustState state) -> std::optional<DsOutcome> {
    if (proof == Proof::limit) return DsOutcome(limit());
    if (proof == Proof::too_many_iterations) {
      return DsOutcome(insecure(insecure_for, now, EdeCode::unsupported_nsec3_iterations));
    }
    if (proof == Proof::proven_insecure) return DsOutcome(insecure(insecure_for, now));
    if (proof != Proof::proven) return std::nullopt;
    if (state == TrustState::insecure) return DsOutcome(insecure(insecure_for, now));
    return DsOutcome(ZoneTrust{TrustState::no_cut, nullptr, std::nullopt, {}, {}, after(now, ttl)});
  };
  if (auto out = settled(denial.unsigned_delegation(zone), TrustState::insecure)) return out;
  if (auto out = settled(denial.no_data(zone, RecordType::ds), TrustState::no_cut)) return out;
  if (kind != TrustRecords::Kind::no_name) return std::nullopt;
  return settled(denial.name_error(zone), TrustState::no_cut);
}

std::optional<ChainOfTrust::Outcome> ChainOfTrust::take_denial(const Name& zone,
                                                               const std::vector<SignedRrset>& records, Now now,
                                                               Budget& budget) {
  const TrustAnchor* anchor = rules_->anchor_of(zone, now.wall);
  if (anchor == nullptr) return std::nullopt;
  std::vector<SignedRrset> of_parent;
  std::optional<Name> parent;
  for (const SignedRrset& record : records) {
    const auto signer = signer_of(record.signatures, record.rrset.owner, anchor->zone);
    if (!signer || !zone.is_at_or_below(*signer) || signer->label_count() >= zone.label_count()) continue;
    if (record.rrset.type == RecordType::nsec && record.rrset.owner != zone) continue;
    // Nobody can tell which names they speak of; a DS may be there, and only the parent's own denial of it makes the
    // zone insecure.
    if (has_more_iterations(record.rrset, rules_->max_nsec3_iterations)) continue;
    if (!parent) parent = signer;
    if (*signer == *parent) of_parent.push_back(record);
  }
  if (!parent) return std::nullopt;
  Outcome above = this->zone(*parent, now, budget);
  const auto* trust = std::get_if<ZoneTrust>(&above);
  if (trust == nullptr) return above;
  if (trust->state != TrustState::secure) return std::nullopt;
  EdeCode why{};
  auto settled = settle_denial(zone, of_parent, *trust->keys, TrustRecords::Kind::no_data, now, budget, why);
  if (!settled) return std::nullopt;
  return remember(zone, std::move(*std::get_if<ZoneTrust>(&*settled)));
}

ChainOfTrust::Outcome ChainOfTrust::keys_of_zone(const Name& zone, const Rrset& ds, const Rrset& trusted,
                                                 std::uint32_t ttl, Now now, Budget& budget) {
  const auto fetched = dnskeys_.find(zone);
  if (fetched == dnskeys_.end()) return TrustQuestion{zone, RecordType::dnskey};
  const TrustRecords& found = fetched->second;
  if (found.kind != TrustRecords::Kind::records && rules_->missing_keys_are_insecure) {
    return remember(zone, insecure(limit_of(Limit::failure_ttl_min_s), now, EdeCode::dnskey_missing));
  }
  if (found.kind == TrustRecords::Kind::failed) return remember(zone, unreachable("DNSKEY", zone, zone, now));
  if (found.kind != TrustRecords::Kind::records) {
    return remember(zone, bogus(EdeCode::dnskey_missing, "no DNSKEY of " + zone.to_text(), zone, now));
  }
  AuthenticatedKeys keys =
      authenticate_dnskeys(ds, trusted, found.records.rrset, found.records.signatures, check_context(now, budget));
  switch (keys.outcome) {
    case AuthenticatedKeys::Outcome::limit:
      return limit();
    case AuthenticatedKeys::Outcome::bogus:
      return remember(zone, bogus(keys.reason, "no DNSKEY of " + zone.to_text() + " is what its DS says", zone, now));
    case AuthenticatedKeys::Outcome::insecure:
      return remember(zone, insecure(ttl, now, keys.reason));
    case AuthenticatedKeys::Outcome::secure:
      break;
  }
  if (rules_->every_algorithm) {
    keys.keys.required = named_algorithms(ds, trusted, rules_->algorithms);
    const auto all = verify_rrset(found.records.rrset, found.records.signatures, keys.keys, check_context(now, budget));
    if (all.outcome == SignatureOutcome::limit) return limit();
    if (all.outcome == SignatureOutcome::bogus) {
      return remember(zone, bogus(EdeCode::bogus, "DNSKEY of " + zone.to_text() + " lacks an algorithm", zone, now));
    }
  }
  return remember(zone, ZoneTrust{TrustState::secure,
                                  std::make_shared<const ZoneKeys>(std::move(keys.keys)),
                                  std::nullopt,
                                  {},
                                  {},
                                  after(now, std::min(ttl, keys.ttl_seconds))});
}

ChainOfTrust::Outcome ChainOfTrust::unsigned_at(const Name& name, const Name& zone_cut, Now now, Budget& budget) {
  const TrustAnchor* closest = rules_->anchor_of(name, now.wall);
  if (closest == nullptr) return insecure(limit_of(Limit::ttl_s), now);
  // The cut that the servers stand for says it in most cases; then every name below it may be a cut that they serve
  // too.
  const Name& anchor = closest->zone;
  unsigned labels = std::max(anchor.label_count(), zone_cut.is_at_or_below(anchor) ? zone_cut.label_count() : 0);
  ZoneTrust last;
  for (; labels <= name.label_count(); ++labels) {
    Outcome found = zone(name.suffix(labels), now, budget);
    auto* trust = std::get_if<ZoneTrust>(&found);
    if (trust == nullptr) return found;
    if (trust->state != TrustState::secure && trust->state != TrustState::no_cut) return found;
    last = std::move(*trust);
  }
  last.state = TrustState::secure;
  return last;
}

std::optional<ZoneTrust> ChainOfTrust::known_insecure(const Name& name, const Name& zone_cut, Now now) const {
  if (rules_->anchor_of(name, now.wall) == nullptr) return std::nullopt;
  for (unsigned labels = zone_cut.label_count(); labels <= name.label_count(); ++labels) {
    auto trust = cache_->find(name.suffix(labels), now.steady);
    if (trust && trust->state == TrustState::insecure) return trust;
  }
  return std::nullopt;
}

}  // namespace weir
