#include "resolver/dnssec/denial.h"

#include <algorithm>

namespace weir {
namespace {

// Fits: `closest_encloser` has a name below it, and no label is shorter than "*".
Name wildcard_at(const Name& closest_encloser) {
  return closest_encloser.child("*").value_or(closest_encloser);
}

// The root has no parent that could answer for its DS.
bool denies_at(const Name& name, const TypeBitmap& types, RecordType qtype) {
  if (name.is_root() && qtype == RecordType::ds) return !types.has(RecordType::ds);
  return denies(types, qtype);
}

bool is_unsigned_delegation(const TypeBitmap& types) {
  return is_delegation(types) && !types.has(RecordType::ds);
}

Proof proven_unless(bool opt_out) {
  return opt_out ? Proof::proven_insecure : Proof::proven;
}

Proof proven_if(bool condition) {
  return condition ? Proof::proven : Proof::not_proven;
}

}  // namespace

void Denial::add(const Rrset& validated) {
  if (validated.type == RecordType::nsec) {
    if (auto nsec = parse_nsec(validated, zone_)) nsec_.push_back(std::move(*nsec));
  }
  if (validated.type != RecordType::nsec3) return;
  for (const auto rdata : validated.records()) {
    const auto nsec3 = parse_nsec3(validated.owner, rdata, zone_);
    if (!nsec3) continue;
    if (nsec3->iterations > max_iterations_) {
      too_many_iterations_ = true;
      continue;
    }
    if (!nsec3_.empty() &&
        (nsec3->iterations != nsec3_.front().iterations || !std::ranges::equal(nsec3->salt, nsec3_.front().salt))) {
      continue;
    }
    if (!hasher_) hasher_.emplace(nsec3->iterations, nsec3->salt, *budget_);
    nsec3_.push_back(*nsec3);
  }
}

Proof Denial::name_error(const Name& qname) {
  if (!qname.is_at_or_below(zone_)) return Proof::not_proven;
  return nsec_name_error(qname) ? Proof::proven : nsec3_name_error(qname);
}

Proof Denial::no_data(const Name& qname, RecordType qtype) {
  if (!qname.is_at_or_below(zone_)) return Proof::not_proven;
  return nsec_no_data(qname, qtype) ? Proof::proven : nsec3_no_data(qname, qtype);
}

Proof Denial::wildcard_answer(const Name& qname, const Name& closest_encloser) {
  if (!closest_encloser.is_at_or_below(zone_) || !qname.is_at_or_below(closest_encloser) || qname == closest_encloser) {
    return Proof::not_proven;
  }
  const Nsec* nsec = cover(qname);
  // An empty non-terminal is its own closest encloser, and so fails here too.
  const bool by_nsec = nsec != nullptr && nsec->closest_encloser(qname) == closest_encloser;
  return by_nsec ? Proof::proven : nsec3_wildcard_answer(qname, closest_encloser);
}

Proof Denial::unsigned_delegation(const Name& zone_cut) {
  if (!zone_cut.is_at_or_below(zone_)) return Proof::not_proven;
  const Nsec* nsec = match(zone_cut);
  const bool by_nsec = nsec != nullptr && is_unsigned_delegation(nsec->types);
  return by_nsec ? Proof::proven : nsec3_unsigned_delegation(zone_cut);
}

const Nsec* Denial::match(const Name& name) const {
  const auto found = std::ranges::find(nsec_, name, &Nsec::owner);
  return found == nsec_.end() ? nullptr : &*found;
}

const Nsec* Denial::cover(const Name& name) const {
  const auto found = std::ranges::find_if(nsec_, [&](const Nsec& nsec) {
    return nsec.covers(name) && (denies_names_below(nsec.types) || !name.is_at_or_below(nsec.owner));
  });
  return found == nsec_.end() ? nullptr : &*found;
}

bool Denial::nsec_name_error(const Name& qname) const {
  const Nsec* nsec = cover(qname);
  if (nsec == nullptr || nsec->next.is_at_or_below(qname)) return false;  // the latter: an empty non-terminal
  const Name wildcard = wildcard_at(nsec->closest_encloser(qname));
  const Nsec* denies_wildcard = cover(wildcard);
  return denies_wildcard != nullptr && !denies_wildcard->next.is_at_or_below(wildcard);
}

bool Denial::nsec_no_data(const Name& qname, RecordType qtype) const {
  if (const Nsec* nsec = match(qname)) return denies_at(qname, nsec->types, qtype);
  const Nsec* nsec = cover(qname);
  if (nsec == nullptr) return false;
  if (nsec->next.is_at_or_below(qname)) return true;  // an empty non-terminal
  const Name wildcard = wildcard_at(nsec->closest_encloser(qname));
  if (const Nsec* at_wildcard = match(wildcard)) return denies(at_wildcard->types, qtype);
  const Nsec* around_wildcard = cover(wildcard);  // the wildcard may itself be an empty non-terminal
  return around_wildcard != nullptr && around_wildcard->next.is_at_or_below(wildcard);
}

std::optional<const Nsec3*> Denial::match_hash(const Name& name) {
  const auto hash = hasher_->hash(name);
  if (!hash) return std::nullopt;
  const auto found = std::ranges::find_if(nsec3_, [&](const Nsec3& nsec3) { return nsec3.matches(*hash); });
  return found == nsec3_.end() ? nullptr : &*found;
}

std::optional<const Nsec3*> Denial::cover_hash(const Name& name) {
  const auto hash = hasher_->hash(name);
  if (!hash) return std::nullopt;
  const auto found = std::ranges::find_if(nsec3_, [&](const Nsec3& nsec3) { return nsec3.covers(*hash); });
  return found == nsec3_.end() ? nullptr : &*found;
}

Denial::Enclosed Denial::closest_encloser_proof(const Name& qname) {
  Enclosed out;
  for (unsigned labels = qname.label_count();; --labels) {
    const Name candidate = qname.suffix(labels);
    const auto found = match_hash(candidate);
    if (!found) {
      out.proof = Proof::limit;
      return out;
    }
    if (*found != nullptr) {
      if (labels == qname.label_count() || !denies_names_below((*found)->types)) return out;
      const auto next_closer = cover_hash(qname.suffix(labels + 1));  // a hash that is known already
      if (next_closer && *next_closer != nullptr) {
        out = {Proof::proven, candidate, (*next_closer)->opt_out};
      }
      return out;
    }
    if (labels <= zone_.label_count()) return out;
  }
}

Proof Denial::nsec3_name_error(const Name& qname) {
  if (too_many_iterations_) return Proof::too_many_iterations;
  if (nsec3_.empty()) return Proof::not_proven;
  const Enclosed enclosed = closest_encloser_proof(qname);
  if (enclosed.proof != Proof::proven) return enclosed.proof;
  const auto wildcard = cover_hash(wildcard_at(enclosed.closest_encloser));
  if (!wildcard) return Proof::limit;
  return *wildcard != nullptr ? proven_unless(enclosed.opt_out) : Proof::not_proven;
}

Proof Denial::nsec3_no_data(const Name& qname, RecordType qtype) {
  if (too_many_iterations_) return Proof::too_many_iterations;
  if (nsec3_.empty()) return Proof::not_proven;
  const auto at_name = match_hash(qname);
  if (!at_name) return Proof::limit;
  if (*at_name != nullptr) return proven_if(denies_at(qname, (*at_name)->types, qtype));
  const Enclosed enclosed = closest_encloser_proof(qname);
  if (enclosed.proof != Proof::proven) return enclosed.proof;
  const auto wildcard = match_hash(wildcard_at(enclosed.closest_encloser));
  if (!wildcard) return Proof::limit;
  if (*wildcard != nullptr) {
    return denies((*wildcard)->types, qtype) ? proven_unless(enclosed.opt_out) : Proof::not_proven;
  }
  // Section 8.6 says so for DS; empty non-terminals above unsigned delegations have no NSEC3 either (erratum 3441).
  return enclosed.opt_out ? Proof::proven_insecure : Proof::not_proven;
}

Proof Denial::nsec3_wildcard_answer(const Name& qname, const Name& closest_encloser) {
  if (too_many_iterations_) return Proof::too_many_iterations;
  if (nsec3_.empty()) return Proof::not_proven;
  const auto next_closer = cover_hash(qname.suffix(closest_encloser.label_count() + 1));
  if (!next_closer) return Proof::limit;
  return *next_closer != nullptr ? proven_unless((*next_closer)->opt_out) : Proof::not_proven;
}

Proof Denial::nsec3_unsigned_delegation(const Name& zone_cut) {
  if (too_many_iterations_) return Proof::too_many_iterations;
  if (nsec3_.empty()) return Proof::not_proven;
  const auto at_cut = match_hash(zone_cut);
  if (!at_cut) return Proof::limit;
  if (*at_cut != nullptr) return proven_if(is_unsigned_delegation((*at_cut)->types));
  const Enclosed enclosed = closest_encloser_proof(zone_cut);
  if (enclosed.proof != Proof::proven) return enclosed.proof;
  return enclosed.opt_out ? Proof::proven_insecure : Proof::not_proven;
}

}  // namespace weir
