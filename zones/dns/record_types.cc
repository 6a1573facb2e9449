#include "zones/dns/record_types.h"

#include <charconv>

#include "zones/base/text.h"

namespace weir {
namespace {

struct TypeName {
  RecordType type;
  std::string_view name;
};

constexpr TypeName kTypes[] = {
    {RecordType::a, "A"},         {RecordType::ns, "NS"},           {RecordType::cname, "CNAME"},
    {RecordType::soa, "SOA"},     {RecordType::null, "NULL"},       {RecordType::ptr, "PTR"},
    {RecordType::hinfo, "HINFO"}, {RecordType::mx, "MX"},           {RecordType::txt, "TXT"},
    {RecordType::rp, "RP"},       {RecordType::afsdb, "AFSDB"},     {RecordType::sig, "SIG"},
    {RecordType::key, "KEY"},     {RecordType::aaaa, "AAAA"},       {RecordType::loc, "LOC"},
    {RecordType::srv, "SRV"},     {RecordType::naptr, "NAPTR"},     {RecordType::kx, "KX"},
    {RecordType::cert, "CERT"},   {RecordType::dname, "DNAME"},     {RecordType::opt, "OPT"},
    {RecordType::apl, "APL"},     {RecordType::ds, "DS"},           {RecordType::sshfp, "SSHFP"},
    {RecordType::rrsig, "RRSIG"}, {RecordType::nsec, "NSEC"},       {RecordType::dnskey, "DNSKEY"},
    {RecordType::dhcid, "DHCID"}, {RecordType::nsec3, "NSEC3"},     {RecordType::nsec3param, "NSEC3PARAM"},
    {RecordType::tlsa, "TLSA"},   {RecordType::smimea, "SMIMEA"},   {RecordType::hip, "HIP"},
    {RecordType::cds, "CDS"},     {RecordType::cdnskey, "CDNSKEY"}, {RecordType::openpgpkey, "OPENPGPKEY"},
    {RecordType::csync, "CSYNC"}, {RecordType::zonemd, "ZONEMD"},   {RecordType::svcb, "SVCB"},
    {RecordType::https, "HTTPS"}, {RecordType::spf, "SPF"},         {RecordType::eui48, "EUI48"},
    {RecordType::eui64, "EUI64"}, {RecordType::tkey, "TKEY"},       {RecordType::tsig, "TSIG"},
    {RecordType::ixfr, "IXFR"},   {RecordType::axfr, "AXFR"},       {RecordType::mailb, "MAILB"},
    {RecordType::maila, "MAILA"}, {RecordType::any, "ANY"},         {RecordType::uri, "URI"},
    {RecordType::caa, "CAA"},     {RecordType::resinfo, "RESINFO"}};

}  // namespace

std::string to_text(RecordType type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return std::string(known.name);
  }
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

std::optional<RecordType> parse_record_type(std::string_view text) {
  const std::string lower = to_lower_ascii(text);
  for (const TypeName& known : kTypes) {
    if (to_lower_ascii(known.name) == lower) return known.type;
  }
  if (!lower.starts_with("type")) return std::nullopt;
  std::uint16_t number = 0;
  const auto [end, code] = std::from_chars(lower.data() + 4, lower.data() + lower.size(), number);
  if (code != std::errc() || end != lower.data() + lower.size()) return std::nullopt;
  return static_cast<RecordType>(number);
}

std::string to_text(Rcode rcode) {
  switch (rcode) {
    case Rcode::noerror:
      return "NOERROR";
    case Rcode::formerr:
      return "FORMERR";
    case Rcode::servfail:
      return "SERVFAIL";
    case Rcode::nxdomain:
      return "NXDOMAIN";
    case Rcode::notimp:
      return "NOTIMP";
    case Rcode::refused:
      return "REFUSED";
    case Rcode::yxdomain:
      return "YXDOMAIN";
    case Rcode::yxrrset:
      return "YXRRSET";
    case Rcode::nxrrset:
      return "NXRRSET";
    case Rcode::notauth:
      return "NOTAUTH";
    case Rcode::notzone:
      return "NOTZONE";
    case Rcode::badvers:
      return "BADVERS";
    case Rcode::badcookie:
      return "BADCOOKIE";
  }
  return "RCODE" + std::to_string(static_cast<unsigned>(rcode));
}

}  // namespace weir
