#include "zones/special_names.h"

#include "zones/dns/pointer_name.h"

namespace weir {
namespace {

using enum LocalZoneType;

constexpr std::uint32_t kTtl = 10800;  // RFC 6303 section 3

// `example` is not among them: it is resolved like any other name (RFC 6761 section 6.5).
constexpr SpecialName kTable[] = {
    {"localhost", "RFC 6761 section 6.3", redirect},
    {"test", "RFC 6761 section 6.2"},
    {"invalid", "RFC 6761 section 6.4"},
    {"local", "RFC 6762 section 22.1"},
    {"onion", "RFC 7686 section 2"},
    {"alt", "RFC 9476 section 2"},
    {"home.arpa", "RFC 8375 section 4"},
    {"service.arpa", "RFC 9665 section 10"},
    {"resolver.arpa", "RFC 9462 section 6.4", nodata},
    {"10.in-addr.arpa", "RFC 6303 section 4.1"},
    {"168.192.in-addr.arpa", "RFC 6303 section 4.1"},
    {"0.in-addr.arpa", "RFC 6303 section 4.2"},
    {"127.in-addr.arpa", "RFC 6303 section 4.2"},
    {"254.169.in-addr.arpa", "RFC 6303 section 4.2"},
    {"2.0.192.in-addr.arpa", "RFC 6303 section 4.2"},
    {"100.51.198.in-addr.arpa", "RFC 6303 section 4.2"},
    {"113.0.203.in-addr.arpa", "RFC 6303 section 4.2"},
    {"255.255.255.255.in-addr.arpa", "RFC 6303 section 4.2"},
    {"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "RFC 6303 section 4.3"},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "RFC 6303 section 4.3"},
    {"d.f.ip6.arpa", "RFC 6303 section 4.4"},
    {"8.e.f.ip6.arpa", "RFC 6303 section 4.5"},
    {"9.e.f.ip6.arpa", "RFC 6303 section 4.5"},
    {"a.e.f.ip6.arpa", "RFC 6303 section 4.5"},
    {"b.e.f.ip6.arpa", "RFC 6303 section 4.5"},
    {"8.b.d.0.1.0.0.2.ip6.arpa", "RFC 6303 section 4.6"},
};

ResourceRecord record(const Name& owner, RecordType type, std::vector<std::uint8_t> rdata) {
  return {owner, type, kTtl, std::move(rdata)};
}

void append(std::vector<std::uint8_t>& out, const Name& name) {
  out.insert(out.end(), name.wire().begin(), name.wire().end());
}

// RFC 6303 section 3: SOA and NS that name the zone itself, which has no address.
LocalZone empty_zone(const Name& name, LocalZoneType type) {
  LocalZone zone{name, type, {}};
  std::vector<std::uint8_t> soa;
  append(soa, name);
  append(soa, *Name::parse("nobody.invalid"));
  for (const std::uint32_t number : {1U, 3600U, 1200U, 604800U, kTtl}) {
    for (int shift = 24; shift >= 0; shift -= 8) soa.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  zone.records.push_back(record(name, RecordType::soa, std::move(soa)));
  std::vector<std::uint8_t> ns;
  append(ns, name);
  if (type == fixed) zone.records.push_back(record(name, RecordType::ns, std::move(ns)));
  return zone;
}

// What some of them hold beside SOA and NS.
void add_addresses(LocalZone& zone) {
  IpAddress loopback = IpAddress::ipv4(0x7F000001);
  IpAddress loopback6;
  loopback6.family = AddressFamily::ipv6;
  loopback6.octets[15] = 1;
  const Name localhost = *Name::parse("localhost");
  if (zone.name == localhost) {
    for (const IpAddress& address : {loopback, loopback6}) {
      const auto type = address.family == AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa;
      zone.records.push_back(record(localhost, type, {address.bytes().begin(), address.bytes().end()}));
    }
  }
  for (const IpAddress& address : {loopback, loopback6}) {
    const Name owner = pointer_name(address);
    if (!owner.is_at_or_below(zone.name)) continue;
    zone.records.push_back(record(owner, RecordType::ptr, {localhost.wire().begin(), localhost.wire().end()}));
  }
}

}  // namespace

std::span<const SpecialName> special_name_table() {
  // 172.16.0.0/12 (RFC 6303 section 4.1) and 100.64.0.0/10 (RFC 7793 section 4) are rows of numbers.
  static const std::vector<std::string> numbered = [] {
    std::vector<std::string> out;
    for (int i = 16; i <= 31; ++i) out.push_back(std::to_string(i) + ".172.in-addr.arpa");
    for (int i = 64; i <= 127; ++i) out.push_back(std::to_string(i) + ".100.in-addr.arpa");
    return out;
  }();
  static const std::vector<SpecialName> table = [] {
    std::vector<SpecialName> out(std::begin(kTable), std::end(kTable));
    for (const std::string& name : numbered) {
      out.push_back({name, name.ends_with("172.in-addr.arpa") ? "RFC 6303 section 4.1" : "RFC 7793 section 4"});
    }
    return out;
  }();
  return table;
}

const SpecialName* find_special_name(const Name& name) {
  for (const SpecialName& special : special_name_table()) {
    if (*Name::parse(special.name) == name) return &special;
  }
  return nullptr;
}

std::vector<LocalZone> special_zones() {
  std::vector<LocalZone> out;
  for (const SpecialName& special : special_name_table()) {
    out.push_back(empty_zone(*Name::parse(special.name), special.type));
    add_addresses(out.back());
  }
  return out;
}

}  // namespace weir
