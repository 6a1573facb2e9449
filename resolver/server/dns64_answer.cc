#include "resolver/server/dns64_answer.h"

#include <algorithm>

namespace weir {
namespace {

// Section 5.1.7: where the answer without AAAA has no SOA.
constexpr std::uint32_t kTtlWithoutSoa = 600;

bool counts(std::span<const std::uint8_t> rdata, const Dns64& dns64) {
  return rdata.size() == 16 && !dns64.is_excluded(IpAddress::from_octets(rdata));
}

bool is_about_validation(EdeCode code) {
  return code >= EdeCode::unsupported_dnskey_algorithm && code <= EdeCode::nsec_missing &&
         code != EdeCode::stale_answer && code != EdeCode::forged_answer;
}

// Signatures over A say nothing of AAAA, and denials of AAAA are no longer true.
bool goes_along(const Rrset& rrset) {
  return rrset.type == RecordType::cname || rrset.type == RecordType::dname ||
         (rrset.type == RecordType::rrsig &&
          (rrset.type_covered == RecordType::cname || rrset.type_covered == RecordType::dname));
}

}  // namespace

bool is_translated(const Dns64* dns64, const Query& query, const IpAddress& client) {
  return dns64 != nullptr && query.type == RecordType::aaaa && !(query.dnssec_ok && query.checking_disabled) &&
         dns64->serves(client);
}

bool wants_ipv4(const ResolutionResult& aaaa, const Dns64& dns64) {
  // Section 5.1.2: NXDOMAIN is an answer, any other failure counts as no AAAA.
  // Beside an answer the same code tells why its zone counts as unsigned.
  const bool is_bogus =
      aaaa.security == Security::bogus || (aaaa.rcode == Rcode::servfail && aaaa.ede && is_about_validation(*aaaa.ede));
  if (aaaa.rcode == Rcode::nxdomain || is_bogus) return false;
  for (const Rrset& rrset : aaaa.answer) {
    if (rrset.type != RecordType::aaaa) continue;
    for (const auto rdata : rrset.records()) {
      if (counts(rdata, dns64)) return false;
    }
  }
  return true;
}

ResolutionResult without_excluded(const ResolutionResult& aaaa, const Dns64& dns64) {
  ResolutionResult out = aaaa;
  for (Rrset& rrset : out.answer) {
    if (rrset.type != RecordType::aaaa) continue;
    Rrset left;
    left.owner = rrset.owner;
    left.type = rrset.type;
    left.ttl_seconds = rrset.ttl_seconds;
    for (const auto rdata : rrset.records()) {
      if (counts(rdata, dns64)) left.add(rdata);
    }
    if (left.size() == rrset.size()) continue;
    rrset = std::move(left);
    if (out.security == Security::secure) out.security = Security::insecure;
  }
  std::erase_if(out.answer, [](const Rrset& rrset) { return rrset.type == RecordType::aaaa && rrset.empty(); });
  return out;
}

std::optional<ResolutionResult> translated_answer(const ResolutionResult& aaaa, const ResolutionResult& a,
                                                  const Dns64& dns64) {
  if (a.rcode != Rcode::noerror) return std::nullopt;
  std::uint32_t longest = kTtlWithoutSoa;
  for (const Rrset& rrset : aaaa.authority) {
    if (rrset.type == RecordType::soa) longest = rrset.ttl_seconds;
  }
  ResolutionResult out;
  out.id = aaaa.id;
  out.question = aaaa.question;
  out.rcode = Rcode::noerror;
  // Made here: nobody signed it.
  out.security = a.security == Security::secure ? Security::insecure : a.security;
  out.aliases = a.aliases;
  out.zone_cut = a.zone_cut;
  out.expires = std::min(aaaa.expires, a.expires);
  out.ttl = std::min(a.ttl, std::chrono::seconds(longest));
  out.upstream_packets = aaaa.upstream_packets + a.upstream_packets;
  bool any = false;
  for (const Rrset& rrset : a.answer) {
    if (goes_along(rrset)) out.answer.push_back(rrset);
    if (rrset.type != RecordType::a) continue;
    Rrset made;
    made.owner = rrset.owner;
    made.type = RecordType::aaaa;
    made.ttl_seconds = std::min(rrset.ttl_seconds, longest);
    for (const auto rdata : rrset.records()) {
      if (rdata.size() != 4) continue;
      if (const auto address = dns64.translate(IpAddress::from_octets(rdata))) made.add(address->bytes());
    }
    if (made.empty()) continue;
    any = true;
    out.answer.push_back(std::move(made));
  }
  if (!any) return std::nullopt;
  return out;
}

bool stays_untranslated(const Dns64& dns64, const AnswerMatches& parts, const FilterVerdict& verdict) {
  if (dns64.blocked != Dns64::Blocked::untranslated || !verdict.blocked() || verdict.part < 0) return false;
  const PartMatches& part = parts[static_cast<std::size_t>(verdict.part)];
  // It is judged as itself and as the IPv4 address that it stands for.
  return part.part == AnswerPart::address &&
         (part.address.family == AddressFamily::ipv4 || extract_ipv4(dns64.prefix, part.address));
}

}  // namespace weir
