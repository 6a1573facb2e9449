#include "resolver/dnssec/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>

#include "zones/base/free_with.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kFixedDnskeySize = 4;  // flags, protocol, algorithm
constexpr std::uint8_t kDnssecProtocol = 3;
constexpr int kMinRsaBits = 512;
constexpr int kMinRsaSha512Bits = 1024;  // RFC 5702 section 2.2
constexpr int kMaxRsaBits = 4096;        // RFC 3110 section 2
constexpr int kMaxExponentBits = 35;     // F5, 2^32 + 1, is in use; larger ones only cost (CVE-2025-8677)
constexpr std::size_t kDsaSubprimeSize = 20;

using Number = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

Number number_of(Octets octets) {
  return Number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

EVP_PKEY* from_parameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) <= 0) {
    return nullptr;
  }
  return key;
}

// RFC 3110 section 2: the exponent's length in one octet, or a zero and two octets; exponent; modulus.
EVP_PKEY* rsa_key(Octets material, int min_bits) {
  if (material.empty()) return nullptr;
  std::size_t length = material[0];
  std::size_t at = 1;
  if (length == 0) {
    if (material.size() < 3) return nullptr;
    length = static_cast<std::size_t>(material[1]) << 8 | material[2];
    at = 3;
  }
  if (length == 0 || material.size() <= at + length) return nullptr;
  const Octets modulus_octets = material.subspan(at + length);
  if (modulus_octets.size() > kMaxRsaBits / 8 + 1) return nullptr;  // before any arithmetic
  const Number exponent = number_of(material.subspan(at, length));
  const Number modulus = number_of(modulus_octets);
  if (!exponent || !modulus) return nullptr;
  if (BN_num_bits(exponent.get()) > kMaxExponentBits || BN_num_bits(exponent.get()) < 2 || !BN_is_odd(exponent.get()) ||
      BN_num_bits(modulus.get()) < min_bits || BN_num_bits(modulus.get()) > kMaxRsaBits || !BN_is_odd(modulus.get())) {
    return nullptr;
  }
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get())) {
    return nullptr;
  }
  return from_parameters("RSA", builder.get());
}

// RFC 6605 section 4: the point's coordinates, one after the other. OpenSSL refuses a point that is not on the curve.
EVP_PKEY* ecdsa_key(Octets material, const char* curve, std::size_t size) {
  if (material.size() != size) return nullptr;
  std::vector<std::uint8_t> point{4};  // uncompressed
  point.insert(point.end(), material.begin(), material.end());
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || !OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) ||
      !OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size())) {
    return nullptr;
  }
  return from_parameters("EC", builder.get());
}

// RFC 2536 section 2: T, Q, then P, G and Y of 64 + 8 T octets each.
EVP_PKEY* dsa_key(Octets material) {
  if (material.empty() || material[0] > 8) return nullptr;
  const std::size_t size = 64 + 8U * material[0];
  if (material.size() != 1 + kDsaSubprimeSize + 3 * size) return nullptr;
  const Octets numbers = material.subspan(1 + kDsaSubprimeSize);
  const Number q = number_of(material.subspan(1, kDsaSubprimeSize));
  const Number p = number_of(numbers.first(size));
  const Number g = number_of(numbers.subspan(size, size));
  const Number y = number_of(numbers.subspan(2 * size));
  if (!q || !p || !g || !y || !BN_is_odd(p.get()) || !BN_is_odd(q.get())) return nullptr;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_P, p.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_Q, q.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_FFC_G, g.get()) ||
      !OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, y.get())) {
    return nullptr;
  }
  return from_parameters("DSA", builder.get());
}

EVP_PKEY* edwards_key(Octets material, int type, std::size_t size) {  // RFC 8080 section 3
  return material.size() == size ? EVP_PKEY_new_raw_public_key(type, nullptr, material.data(), size) : nullptr;
}

EVP_PKEY* key_from(DnssecAlgorithm algorithm, Octets material) {
  switch (algorithm) {
    case DnssecAlgorithm::rsasha1:
    case DnssecAlgorithm::rsasha1_nsec3_sha1:
    case DnssecAlgorithm::rsasha256:
      return rsa_key(material, kMinRsaBits);
    case DnssecAlgorithm::rsasha512:
      return rsa_key(material, kMinRsaSha512Bits);
    case DnssecAlgorithm::ecdsap256sha256:
      return ecdsa_key(material, "P-256", 64);
    case DnssecAlgorithm::ecdsap384sha384:
      return ecdsa_key(material, "P-384", 96);
    case DnssecAlgorithm::ed25519:
      return edwards_key(material, EVP_PKEY_ED25519, 32);
    case DnssecAlgorithm::ed448:
      return edwards_key(material, EVP_PKEY_ED448, 57);
    case DnssecAlgorithm::dsa:
    case DnssecAlgorithm::dsa_nsec3_sha1:
      return dsa_key(material);
  }
  return nullptr;
}

const EVP_MD* digest_of(DnssecAlgorithm algorithm) {
  switch (algorithm) {
    case DnssecAlgorithm::rsasha256:
    case DnssecAlgorithm::ecdsap256sha256:
      return EVP_sha256();
    case DnssecAlgorithm::ecdsap384sha384:
      return EVP_sha384();
    case DnssecAlgorithm::rsasha512:
      return EVP_sha512();
    case DnssecAlgorithm::ed25519:
    case DnssecAlgorithm::ed448:
      return nullptr;  // they hash for themselves
    default:
      return EVP_sha1();
  }
}

// r and s, of equal size in `raw`, as the DER SEQUENCE of two INTEGERs that OpenSSL wants. At most 104 octets (P-384),
// so every length fits into one octet.
std::vector<std::uint8_t> der_of(Octets raw) {
  std::vector<std::uint8_t> out{0x30, 0};
  for (Octets number : {raw.first(raw.size() / 2), raw.subspan(raw.size() / 2)}) {
    while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
    const bool looks_negative = (number[0] & 0x80) != 0;
    out.push_back(0x02);
    out.push_back(static_cast<std::uint8_t>(number.size() + (looks_negative ? 1 : 0)));
    if (looks_negative) out.push_back(0);
    out.insert(out.end(), number.begin(), number.end());
  }
  out[1] = static_cast<std::uint8_t>(out.size() - 2);
  return out;
}

// The signature as OpenSSL takes it; empty where its size is wrong.
std::vector<std::uint8_t> converted(DnssecAlgorithm algorithm, Octets signature) {
  switch (algorithm) {
    case DnssecAlgorithm::ecdsap256sha256:
      return signature.size() == 64 ? der_of(signature) : std::vector<std::uint8_t>{};
    case DnssecAlgorithm::ecdsap384sha384:
      return signature.size() == 96 ? der_of(signature) : std::vector<std::uint8_t>{};
    case DnssecAlgorithm::dsa:
    case DnssecAlgorithm::dsa_nsec3_sha1:
      if (signature.size() == 1 + 2 * kDsaSubprimeSize) return der_of(signature.subspan(1));  // RFC 2536 section 3
      // Some signers wrote DER; the scenarios of Unbound are signed so.
      if (signature.size() >= 46 && signature.size() <= 48 && signature[0] == 0x30) {
        return {signature.begin(), signature.end()};
      }
      return {};
    default:
      return {signature.begin(), signature.end()};
  }
}

}  // namespace

std::uint16_t key_tag(Octets rdata) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < rdata.size(); ++i) sum += (i & 1) != 0 ? rdata[i] : static_cast<unsigned>(rdata[i]) << 8;
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

std::optional<PublicKey> PublicKey::from_dnskey(Octets rdata) {
  if (rdata.size() < kFixedDnskeySize) return std::nullopt;
  PublicKey out;
  out.flags_ = static_cast<std::uint16_t>(rdata[0] << 8 | rdata[1]);
  out.protocol_ = rdata[2];
  out.algorithm_ = static_cast<DnssecAlgorithm>(rdata[3]);
  out.key_tag_ = weir::key_tag(rdata);
  if (out.protocol_ != kDnssecProtocol || !out.is_zone_key()) return out;
  if (EVP_PKEY* key = key_from(out.algorithm_, rdata.subspan(kFixedDnskeySize))) {
    out.key_ = std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free);
  } else {
    ERR_clear_error();
  }
  return out;
}

bool PublicKey::verify(Octets data, Octets signature) const {
  if (!key_) return false;
  const std::vector<std::uint8_t> form = converted(algorithm_, signature);
  const DigestContext context(form.empty() ? nullptr : EVP_MD_CTX_new());
  const bool good = context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm_), nullptr,
                                         static_cast<EVP_PKEY*>(key_.get())) == 1 &&
                    EVP_DigestVerify(context.get(), form.data(), form.size(), data.data(), data.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

ZoneKeys keys_of(const Rrset& dnskeys) {
  ZoneKeys out{dnskeys.owner, {}};
  out.keys.reserve(dnskeys.size());
  for (const auto rdata : dnskeys.records()) {
    if (auto key = PublicKey::from_dnskey(rdata)) out.keys.push_back(std::move(*key));
  }
  return out;
}

}  // namespace weir
