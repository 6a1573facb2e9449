// Records for the tests of the validator's parts: read from presentation format, or signed here and now.
#pragma once

#include <gtest/gtest.h>
#include <ldns/ldns.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "resolver/dnssec/public_key.h"
#include "resolver/dnssec/rrsig.h"
#include "resolver/dnssec/verify.h"

namespace weir {

using Octets = std::vector<std::uint8_t>;

inline Name name(std::string_view text) {
  return Name::parse(text).value();
}

inline WallTime seconds_since_1970(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(seconds));
}

// "20040509183619" as RRSIGs write it.
inline WallTime at(const char* text) {
  std::tm time{};
  std::sscanf(text, "%4d%2d%2d%2d%2d%2d", &time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour, &time.tm_min,
              &time.tm_sec);
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return seconds_since_1970(timegm(&time));
}

// Zone file lines, parsed by ldns; records of one owner and type (RRSIGs: type covered) together, in order.
inline std::vector<Rrset> rrsets_of(std::string text) {
  std::vector<Rrset> out;
  text += '\n';
  std::FILE* input = fmemopen(text.data(), text.size(), "r");
  std::uint32_t ttl = 3600;
  ldns_rdf* origin = ldns_dname_new_frm_str(".");
  ldns_rdf* previous = nullptr;
  int line = 0;
  while (std::feof(input) == 0) {
    ldns_rr* record = nullptr;
    const ldns_status status = ldns_rr_new_frm_fp_l(&record, input, &ttl, &origin, &previous, &line);
    if (status == LDNS_STATUS_SYNTAX_EMPTY) continue;
    if (status != LDNS_STATUS_OK) {
      ADD_FAILURE() << "line " << line << ": " << ldns_get_errorstr_by_id(status) << " in\n" << text;
      break;
    }
    ldns_buffer* buffer = ldns_buffer_new(LDNS_MAX_PACKETLEN);
    ldns_rr_rdata2buffer_wire(buffer, record);
    const Octets rdata(ldns_buffer_begin(buffer), ldns_buffer_current(buffer));
    const ldns_rdf* owner = ldns_rr_owner(record);
    Rrset rrset;
    rrset.owner = *Name::from_wire({ldns_rdf_data(owner), ldns_rdf_size(owner)});
    rrset.type = static_cast<RecordType>(ldns_rr_get_type(record));
    rrset.ttl_seconds = ldns_rr_ttl(record);
    if (rrset.type == RecordType::rrsig) rrset.type_covered = static_cast<RecordType>(rdata[0] << 8 | rdata[1]);
    Rrset* same = nullptr;
    for (Rrset& known : out) {
      if (known.owner == rrset.owner && known.type == rrset.type && known.type_covered == rrset.type_covered) {
        same = &known;
      }
    }
    if (same == nullptr) same = &out.emplace_back(rrset);
    same->add(rdata);
    ldns_buffer_free(buffer);
    ldns_rr_free(record);
  }
  ldns_rdf_deep_free(origin);
  ldns_rdf_deep_free(previous);
  std::fclose(input);
  return out;
}

inline Rrset rrset_of(const std::string& text) {
  auto all = rrsets_of(text);
  EXPECT_EQ(all.size(), 1U) << text;
  return all.empty() ? Rrset() : all.front();
}

inline Octets rdata_of(const std::string& text) {
  const Rrset rrset = rrset_of(text);
  const auto rdata = *rrset.records().begin();
  return {rdata.begin(), rdata.end()};
}

// A key pair made at test time, and its DNSKEY RDATA.
class Signer {
 public:
  Signer(const Name& zone, DnssecAlgorithm algorithm, std::uint16_t flags = 256) : zone_(zone), algorithm_(algorithm) {
    switch (algorithm) {
      case DnssecAlgorithm::ecdsap256sha256:
        make(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
        break;
      case DnssecAlgorithm::ecdsap384sha384:
        make(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
        break;
      case DnssecAlgorithm::ed25519:
        make(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        break;
      case DnssecAlgorithm::ed448:
        make(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
        break;
      default:
        make(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(1024)));
    }
    dnskey_ = {static_cast<std::uint8_t>(flags >> 8), static_cast<std::uint8_t>(flags), 3,
               static_cast<std::uint8_t>(algorithm)};
    const Octets material = public_octets();
    dnskey_.insert(dnskey_.end(), material.begin(), material.end());
  }

  const Name& zone() const { return zone_; }
  const Octets& dnskey() const { return dnskey_; }
  DnssecAlgorithm algorithm() const { return algorithm_; }

  Octets raw_signature(std::span<const std::uint8_t> data) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, digest(), nullptr, key_.get());
    std::size_t size = 0;
    EVP_DigestSign(context, nullptr, &size, data.data(), data.size());
    Octets out(size);
    EVP_DigestSign(context, out.data(), &size, data.data(), data.size());
    out.resize(size);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_id(key_.get()) != EVP_PKEY_EC) return out;
    const std::uint8_t* der = out.data();
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(out.size()));
    const int half = algorithm_ == DnssecAlgorithm::ecdsap256sha256 ? 32 : 48;
    Octets raw(static_cast<std::size_t>(half) * 2);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw.data(), half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw.data() + half, half);
    ECDSA_SIG_free(pair);
    return raw;
  }

  // What a test may want to be different from the honest record.
  struct Change {
    std::optional<unsigned> labels = std::nullopt;
    std::uint32_t inception = 1000;
    std::uint32_t expiration = 2000;
    std::optional<Name> signer = std::nullopt;
    std::optional<std::uint16_t> key_tag = std::nullopt;
    std::optional<RecordType> type_covered = std::nullopt;
  };
  Octets rrsig_rdata(const Rrset& rrset, const Change& change) const {
    Octets rdata;
    const auto number = [&](std::uint64_t value, int octets) {
      for (int i = octets - 1; i >= 0; --i) rdata.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    number(static_cast<std::uint16_t>(change.type_covered.value_or(rrset.type)), 2);
    number(static_cast<std::uint8_t>(algorithm_), 1);
    number(change.labels.value_or(signed_labels(rrset.owner)), 1);
    number(rrset.ttl_seconds, 4);
    number(change.expiration, 4);
    number(change.inception, 4);
    number(change.key_tag.value_or(key_tag(dnskey_)), 2);
    const Name signer = change.signer.value_or(zone_);
    rdata.insert(rdata.end(), signer.wire().begin(), signer.wire().end());
    rdata.push_back(0);  // so that it parses
    const auto parsed = parse_rrsig(rdata);
    const Octets signature = raw_signature(signed_data(rrset, *parsed));
    rdata.pop_back();
    rdata.insert(rdata.end(), signature.begin(), signature.end());
    return rdata;
  }
  Rrset sign(const Rrset& rrset, const Change& change) const {
    Rrset out;
    out.owner = rrset.owner;
    out.type = RecordType::rrsig;
    out.type_covered = rrset.type;
    out.ttl_seconds = rrset.ttl_seconds;
    out.add(rrsig_rdata(rrset, change));
    return out;
  }
  Rrset sign(const Rrset& rrset) const { return sign(rrset, Change()); }

 private:
  void make(EVP_PKEY* key) { key_ = std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free); }
  const EVP_MD* digest() const {
    switch (algorithm_) {
      case DnssecAlgorithm::ed25519:
      case DnssecAlgorithm::ed448:
        return nullptr;
      case DnssecAlgorithm::rsasha512:
        return EVP_sha512();
      case DnssecAlgorithm::ecdsap384sha384:
        return EVP_sha384();
      case DnssecAlgorithm::rsasha256:
      case DnssecAlgorithm::ecdsap256sha256:
        return EVP_sha256();
      default:
        return EVP_sha1();
    }
  }
  Octets number_octets(const char* parameter) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), parameter, &number);
    Octets out(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, out.data());
    BN_free(number);
    return out;
  }
  Octets public_octets() const {
    if (EVP_PKEY_get_id(key_.get()) == EVP_PKEY_RSA) {
      const Octets exponent = number_octets(OSSL_PKEY_PARAM_RSA_E);
      const Octets modulus = number_octets(OSSL_PKEY_PARAM_RSA_N);
      Octets out{static_cast<std::uint8_t>(exponent.size())};
      out.insert(out.end(), exponent.begin(), exponent.end());
      out.insert(out.end(), modulus.begin(), modulus.end());
      return out;
    }
    std::size_t size = 0;
    EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0, &size);
    Octets out(size);
    EVP_PKEY_get_octet_string_param(key_.get(), OSSL_PKEY_PARAM_PUB_KEY, out.data(), size, &size);
    if (EVP_PKEY_get_id(key_.get()) == EVP_PKEY_EC) out.erase(out.begin());
    return out;
  }

  Name zone_;
  DnssecAlgorithm algorithm_;
  std::shared_ptr<EVP_PKEY> key_;
  Octets dnskey_;
};

inline Rrset dnskeys_of(const Name& zone, const std::vector<Octets>& records) {
  Rrset out;
  out.owner = zone;
  out.type = RecordType::dnskey;
  out.ttl_seconds = 3600;
  for (const Octets& rdata : records) out.add(rdata);
  return out;
}

}  // namespace weir
