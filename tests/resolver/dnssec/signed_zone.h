// A small zone that is signed at test time: its RRsets with their RRSIGs, its NSEC or NSEC3 chain, its DS, and the
// proofs that an honest server would send.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "resolver/cache/rrset_cache.h"
#include "resolver/dnssec/nsec3.h"
#include "resolver/dnssec/trust_anchors.h"
#include "tests/resolver/dnssec/records.h"

namespace weir {

inline std::string dotted(const Name& owner) {
  return owner.is_root() ? "." : owner.to_text() + ".";
}

enum class DenialBy : std::uint8_t { nsec, nsec3, nsec3_opt_out };

struct Signing {
  DenialBy denial = DenialBy::nsec;
  std::string salt = "-";  // in hex
  unsigned iterations = 0;
  DnssecAlgorithm algorithm = DnssecAlgorithm::ecdsap256sha256;
  std::uint32_t inception = 1000;
  std::uint32_t expiration = 20'000;
};

class SignedZone {
 public:
  // `text`: zone file lines with SOA; NS below the apex are delegations, and what lies below them is glue.
  SignedZone(const std::string& apex, const std::string& text, Signing signing = {})
      : apex_(name(apex)), signing_(std::move(signing)), signer_(apex_, signing_.algorithm, 257) {
    for (const Rrset& rrset : rrsets_of(text)) unsigned_.push_back(rrset);
    unsigned_.push_back(dnskeys_of(apex_, {signer_.dnskey()}));
    for (const Rrset& rrset : unsigned_) {
      if (is_cut(rrset.owner)) cuts_.insert(rrset.owner);
    }
    for (const Rrset& rrset : unsigned_) {
      if (is_glue(rrset.owner)) continue;
      for (unsigned labels = apex_.label_count(); labels <= rrset.owner.label_count(); ++labels) {
        names_.insert(rrset.owner.suffix(labels));
      }
      types_[rrset.owner].insert(rrset.type);
      if (!cuts_.contains(rrset.owner) || rrset.type == RecordType::ds) put(rrset);
    }
    signing_.denial == DenialBy::nsec ? make_nsec() : make_nsec3();
  }

  const Name& apex() const { return apex_; }
  const Signer& signer() const { return signer_; }

  // Null where there is none.
  const SignedRrset* find(const Name& owner, RecordType type) const {
    const auto found = std::ranges::find_if(
        signed_, [&](const SignedRrset& data) { return data.rrset.owner == owner && data.rrset.type == type; });
    return found == signed_.end() ? nullptr : &*found;
  }
  SignedRrset get(const std::string& owner, RecordType type) const {
    const SignedRrset* found = find(name(owner), type);
    if (found != nullptr) return *found;
    ADD_FAILURE() << "no " << owner << "/" << to_text(type);
    return {};
  }
  // What the wildcard's records become at `owner`.
  SignedRrset expanded(const std::string& wildcard, RecordType type, const std::string& owner) const {
    SignedRrset out = get(wildcard, type);
    out.rrset.owner = name(owner);
    out.signatures.owner = name(owner);
    return out;
  }
  bool exists(const Name& owner) const { return names_.contains(owner); }  // empty non-terminals too
  // All of it: unsigned delegations and glue, records, RRSIGs, chain.
  std::vector<Rrset> all() const {
    std::vector<Rrset> out = unsigned_;
    for (const SignedRrset& data : signed_) {
      const bool denies = data.rrset.type == RecordType::nsec || data.rrset.type == RecordType::nsec3;
      if (denies) out.push_back(data.rrset);
      out.push_back(data.signatures);
    }
    return out;
  }

  // A line of the parent's zone file.
  std::string ds_line(DigestType digest = DigestType::sha256) const {
    std::string out = dotted(apex_) + " 3600 DS " + std::to_string(key_tag(signer_.dnskey())) + " " +
                      std::to_string(static_cast<unsigned>(signing_.algorithm)) + " " +
                      std::to_string(static_cast<unsigned>(digest)) + " ";
    for (const std::uint8_t octet : ds_digest(digest, apex_, signer_.dnskey())) {
      out += "0123456789abcdef"[octet >> 4];
      out += "0123456789abcdef"[octet & 15];
    }
    return out + "\n";
  }
  TrustAnchor anchor() const { return {apex_, rrset_of(ds_line()), {}}; }

  // The NSEC or NSEC3 that deny `owner`, or types at it, or that let a wildcard answer for it.
  std::vector<SignedRrset> proofs(const Name& owner) const {
    std::vector<const SignedRrset*> found;
    const auto add = [&](const SignedRrset* record) {
      if (record != nullptr && std::ranges::find(found, record) == found.end()) found.push_back(record);
    };
    const Name encloser = closest_encloser(owner);
    if (signing_.denial == DenialBy::nsec) {
      add(nsec_at_or_before(owner));
      if (encloser != owner) add(nsec_at_or_before(*encloser.child("*")));
    } else {
      add(nsec3_at_or_before(encloser));
      if (encloser != owner) {
        add(nsec3_at_or_before(owner.suffix(encloser.label_count() + 1)));
        add(nsec3_at_or_before(*encloser.child("*")));
      }
    }
    std::vector<SignedRrset> out;
    for (const SignedRrset* record : found) out.push_back(*record);
    return out;
  }
  // Their RRsets and RRSIGs, after the SOA and its RRSIG.
  std::vector<Rrset> denial(const std::string& owner) const {
    std::vector<Rrset> out = flat({get(apex_.to_text(), RecordType::soa)});
    for (Rrset& rrset : flat(proofs(name(owner)))) out.push_back(std::move(rrset));
    return out;
  }
  static std::vector<Rrset> flat(const std::vector<SignedRrset>& records) {
    std::vector<Rrset> out;
    for (const SignedRrset& record : records) {
      out.push_back(record.rrset);
      out.push_back(record.signatures);
    }
    return out;
  }
  SignedRrset sign(const Rrset& rrset) const {
    return {rrset, signer_.sign(rrset, {.inception = signing_.inception, .expiration = signing_.expiration})};
  }

 private:
  bool is_cut(const Name& owner) const {
    return owner != apex_ && std::ranges::any_of(unsigned_, [&](const Rrset& other) {
             return other.owner == owner && other.type == RecordType::ns;
           });
  }
  bool is_glue(const Name& owner) const {
    return std::ranges::any_of(cuts_, [&](const Name& cut) { return owner != cut && owner.is_at_or_below(cut); });
  }
  void put(const Rrset& rrset) { signed_.push_back(sign(rrset)); }
  std::uint32_t negative_ttl() const { return get(apex_.to_text(), RecordType::soa).rrset.ttl_seconds; }

  std::string types_text(const Name& owner) const {
    std::string out;
    const auto types = types_.find(owner);
    if (types == types_.end()) return out;  // an empty non-terminal
    for (const RecordType type : types->second) out += " " + to_text(type);
    return out;
  }

  void make_nsec() {
    std::vector<Name> owners;
    for (const auto& [owner, types] : types_) owners.push_back(owner);
    std::ranges::sort(owners, [](const Name& a, const Name& b) { return a.canonical_compare(b) < 0; });
    for (std::size_t i = 0; i < owners.size(); ++i) {
      const Name& next = owners[(i + 1) % owners.size()];
      put(rrset_of(dotted(owners[i]) + " " + std::to_string(negative_ttl()) + " NSEC " + dotted(next) +
                   types_text(owners[i]) + " RRSIG NSEC"));
      chain_.push_back(owners[i]);
    }
  }

  Nsec3Hash hash(const Name& owner) const {
    Octets salt;
    for (std::size_t i = 0; i + 1 < signing_.salt.size(); i += 2) {
      salt.push_back(static_cast<std::uint8_t>(std::stoi(signing_.salt.substr(i, 2), nullptr, 16)));
    }
    return nsec3_hash(owner, static_cast<std::uint16_t>(signing_.iterations), salt);
  }
  static std::string base32hex(const Nsec3Hash& hash) {
    std::string out;
    for (std::size_t bit = 0; bit < hash.size() * 8; bit += 5) {
      unsigned value = 0;
      for (std::size_t at = bit; at < bit + 5; ++at) value = value << 1 | (hash[at / 8] >> (7 - at % 8) & 1U);
      out += "0123456789abcdefghijklmnopqrstuv"[value];
    }
    return out;
  }
  Name hashed(const Nsec3Hash& hash) const { return *apex_.child(base32hex(hash)); }
  bool opted_out(const Name& owner) const {
    if (signing_.denial != DenialBy::nsec3_opt_out) return false;
    const auto types = types_.find(owner);
    return cuts_.contains(owner) && !types->second.contains(RecordType::ds);
  }
  void make_nsec3() {
    for (const Name& owner : names_) {
      if (!opted_out(owner)) hashes_.emplace(hash(owner), owner);
    }
    for (auto at = hashes_.begin(); at != hashes_.end(); ++at) {
      const auto next = std::next(at) == hashes_.end() ? hashes_.begin() : std::next(at);
      const bool delegation = cuts_.contains(at->second) && find(at->second, RecordType::ds) == nullptr;
      const std::string types = types_text(at->second);
      put(rrset_of(dotted(hashed(at->first)) + " " + std::to_string(negative_ttl()) + " NSEC3 1 " +
                   (signing_.denial == DenialBy::nsec3_opt_out ? "1 " : "0 ") + std::to_string(signing_.iterations) +
                   " " + signing_.salt + " " + base32hex(next->first) + types +
                   (delegation || types.empty() ? "" : " RRSIG")));
    }
  }

  // The deepest name at or above `owner` that the chain knows.
  Name closest_encloser(const Name& owner) const {
    for (unsigned labels = owner.label_count(); labels > apex_.label_count(); --labels) {
      const Name at = owner.suffix(labels);
      if (names_.contains(at) && !opted_out(at)) return at;
    }
    return apex_;
  }
  const SignedRrset* nsec_at_or_before(const Name& owner) const {
    const Name* best = &chain_.back();
    for (const Name& at : chain_) {
      if (at.canonical_compare(owner) <= 0) best = &at;
    }
    return find(*best, RecordType::nsec);
  }
  const SignedRrset* nsec3_at_or_before(const Name& owner) const {
    auto at = hashes_.upper_bound(hash(owner));
    if (at == hashes_.begin()) at = hashes_.end();
    return find(hashed(std::prev(at)->first), RecordType::nsec3);
  }

  struct Order {
    bool operator()(const Name& a, const Name& b) const { return a.canonical_compare(b) < 0; }
  };
  Name apex_;
  Signing signing_;
  Signer signer_;
  std::vector<Rrset> unsigned_;
  std::vector<SignedRrset> signed_;
  std::set<Name, Order> cuts_, names_;  // names_: empty non-terminals too
  std::map<Name, std::set<RecordType>, Order> types_;
  std::vector<Name> chain_;           // owners of NSEC, in order
  std::map<Nsec3Hash, Name> hashes_;  // of NSEC3
};

}  // namespace weir
