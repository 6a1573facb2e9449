#include "resolver/dnssec/ds.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;
using Outcome = AuthenticatedKeys::Outcome;

constexpr std::size_t kFixedDsSize = 4;  // of DS: key tag, algorithm, digest type

const EVP_MD* digest_of(DigestType type) {
  switch (type) {
    case DigestType::sha1:
      return EVP_sha1();
    case DigestType::sha256:
      return EVP_sha256();
    case DigestType::sha384:
      return EVP_sha384();
  }
  return nullptr;
}

// The records of `dnskeys` that are trusted by themselves, because a DS or an anchor names them.
std::vector<Octets> entry_points(const UsableDs& ds, const Rrset& trusted_dnskeys, const Rrset& dnskeys) {
  std::vector<Octets> out;
  const bool anchored = trusted_dnskeys.owner == dnskeys.owner;
  unsigned digests = 0;
  for (const auto rdata : dnskeys.records()) {
    if (rdata.size() < kFixedDsSize) continue;
    const std::uint16_t tag = key_tag(rdata);
    const auto names_it = [&](const Ds& record) {
      return record.key_tag == tag && static_cast<std::uint8_t>(record.algorithm) == rdata[3] &&
             ++digests <= kMaxDigests && matches(record, dnskeys.owner, rdata);
    };
    if (std::ranges::any_of(ds.records, names_it) || (anchored && trusted_dnskeys.contains(rdata)))
      out.push_back(rdata);
  }
  return out;
}

bool supports_any(const Rrset& dnskeys, const AlgorithmTable& algorithms) {
  for (const auto rdata : dnskeys.records()) {
    if (rdata.size() >= kFixedDsSize && algorithms.supports(static_cast<DnssecAlgorithm>(rdata[3]))) return true;
  }
  return false;
}

}  // namespace

std::optional<Ds> parse_ds(Octets rdata) {
  if (rdata.size() <= kFixedDsSize) return std::nullopt;
  return Ds{static_cast<std::uint16_t>(rdata[0] << 8 | rdata[1]), static_cast<DnssecAlgorithm>(rdata[2]),
            static_cast<DigestType>(rdata[3]), rdata.subspan(kFixedDsSize)};
}

std::vector<std::uint8_t> ds_digest(DigestType type, const Name& owner, Octets dnskey_rdata) {
  const EVP_MD* digest = digest_of(type);
  if (digest == nullptr) return {};
  const Name folded = owner.folded();
  std::vector<std::uint8_t> data(folded.wire().begin(), folded.wire().end());
  data.insert(data.end(), dnskey_rdata.begin(), dnskey_rdata.end());
  std::vector<std::uint8_t> out(static_cast<std::size_t>(EVP_MD_get_size(digest)));
  if (EVP_Digest(data.data(), data.size(), out.data(), nullptr, digest, nullptr) != 1) out.clear();
  return out;
}

bool matches(const Ds& ds, const Name& owner, Octets dnskey_rdata) {
  if (dnskey_rdata.size() < kFixedDsSize || static_cast<std::uint8_t>(ds.algorithm) != dnskey_rdata[3] ||
      ds.key_tag != key_tag(dnskey_rdata) || ds.digest.empty()) {
    return false;
  }
  return std::ranges::equal(ds.digest, ds_digest(ds.digest_type, owner, dnskey_rdata));
}

UsableDs usable_ds(const Rrset& ds, const AlgorithmTable& algorithms) {
  UsableDs out;
  bool better_than_sha1 = false;
  for (const auto rdata : ds.records()) {
    const auto record = parse_ds(rdata);
    if (!record || !algorithms.supports(record->algorithm)) continue;
    out.why_none = EdeCode::unsupported_ds_digest;
    if (!algorithms.supports(record->digest_type)) continue;
    better_than_sha1 = better_than_sha1 || record->digest_type != DigestType::sha1;
    out.records.push_back(*record);
  }
  if (better_than_sha1) {
    std::erase_if(out.records, [](const Ds& record) { return record.digest_type == DigestType::sha1; });
  }
  return out;
}

std::vector<DnssecAlgorithm> named_algorithms(const Rrset& ds, const Rrset& trusted_dnskeys,
                                              const AlgorithmTable& algorithms) {
  std::vector<DnssecAlgorithm> out;
  const auto add = [&](DnssecAlgorithm algorithm) {
    if (algorithms.supports(algorithm) && std::ranges::find(out, algorithm) == out.end()) out.push_back(algorithm);
  };
  for (const Ds& record : usable_ds(ds, algorithms).records) add(record.algorithm);
  for (const Octets rdata : trusted_dnskeys.records()) {
    if (rdata.size() > kFixedDsSize) add(static_cast<DnssecAlgorithm>(rdata[3]));
  }
  return out;
}

AuthenticatedKeys authenticate_dnskeys(const Rrset& ds, const Rrset& dnskeys, const Rrset& signatures,
                                       const CheckContext& context) {
  return authenticate_dnskeys(ds, Rrset(), dnskeys, signatures, context);
}

AuthenticatedKeys authenticate_dnskeys(const Rrset& ds, const Rrset& trusted_dnskeys, const Rrset& dnskeys,
                                       const Rrset& signatures, const CheckContext& context) {
  AuthenticatedKeys out;
  if (ds.empty() && trusted_dnskeys.empty()) return out;  // a caller's mistake must not switch validation off
  const UsableDs usable = usable_ds(ds, context.algorithms);
  if (usable.records.empty() && !supports_any(trusted_dnskeys, context.algorithms)) {
    out.outcome = Outcome::insecure;
    out.reason = usable.why_none;
    return out;
  }
  const std::vector<Octets> trusted = entry_points(usable, trusted_dnskeys, dnskeys);
  out.reason = EdeCode::dnskey_missing;  // RFC 8914 section 4.10: also where none matches
  for (const Octets rdata : trusted) {
    const auto key = PublicKey::from_dnskey(rdata);
    if (!key || key->is_revoked()) continue;  // RFC 5011 section 2.1: a revoked key is no entry point any more
    const SignatureCheck verdict = verify_with_key(dnskeys, signatures, dnskeys.owner, *key, context);
    if (verdict.outcome == SignatureOutcome::bogus) {
      // Here the key is there; it is its signature that is not.
      const bool unsigned_by_it = verdict.reason == EdeCode::dnskey_missing;
      if (out.reason == EdeCode::dnskey_missing) {
        out.reason = unsigned_by_it ? EdeCode::rrsigs_missing : verdict.reason;
      }
      continue;
    }
    if (verdict.outcome == SignatureOutcome::limit) {
      out.outcome = Outcome::limit;
      return out;
    }
    out.outcome = Outcome::secure;
    out.ttl_seconds = verdict.ttl_seconds;
    out.keys = keys_of(dnskeys);
    return out;
  }
  return out;
}

}  // namespace weir
