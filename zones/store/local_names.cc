#include "zones/store/local_names.h"

#include "zones/dns/pointer_name.h"

namespace weir {
namespace {

// RFC 6147 section 5.3.1: the name of a translated address is an alias of the IPv4 address's.
bool is_translated_pointer(const RulesInForce& rules, std::span<const std::uint8_t> name, RecordType type) {
  if (type != RecordType::ptr || !rules.policies().dns64) return false;
  const auto address = ipv6_of_pointer_name(name);
  return address && extract_ipv4(rules.policies().dns64->prefix, *address);
}

const Rrset& pointer_alias() {
  static const Rrset alias = [] {
    Rrset out;
    out.type = RecordType::cname;
    out.ttl_seconds = 600;
    return out;
  }();
  return alias;
}

}  // namespace

LocalMatch LocalNames::match(const RulesInForce& rules, std::uint32_t group, std::span<const std::uint8_t> name,
                             RecordType type) const {
  LocalMatch out = match_zones(rules, group, name, type);
  // Above what is special: the prefix of a site's own may be of private space (fc00::/7).
  const bool decided = out.answers() && out.author == LocalAuthor::administrator;
  if (decided || !is_translated_pointer(rules, name, type)) return out;
  out.author = LocalAuthor::standard;
  out.finding = {};
  out.finding.outcome = LocalFinding::Outcome::alias;
  out.finding.points_to_ipv4 = true;
  out.finding.rrset = &pointer_alias();
  return out;
}

LocalMatch LocalNames::match_zones(const RulesInForce& rules, std::uint32_t group, std::span<const std::uint8_t> name,
                                   RecordType type) const {
  const LocalData* own = rules.local_data();
  const LocalData* of_group = rules.local_data_of(group);
  const LocalData* special = rules.policies().special_names ? special_ : nullptr;
  LocalMatch out;
  if (own == nullptr && of_group == nullptr && special == nullptr) return out;
  const LabelStarts labels(name);
  if (own != nullptr) out.finding = own->find(name, labels, type);
  if (of_group != nullptr) {
    const LocalFinding finding = of_group->find(name, labels, type);
    if (finding.in_zone && (!out.finding.in_zone || finding.zone_labels >= out.finding.zone_labels))
      out.finding = finding;
  }
  if (special == nullptr) return out;
  const LocalFinding standard = special->find(name, labels, type);
  if (!standard.in_zone || (out.finding.in_zone && out.finding.zone_labels >= standard.zone_labels)) return out;
  return {standard, LocalAuthor::standard};
}

}  // namespace weir
