#include "resolver/server/local_answer.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "resolver/base/limits.h"
#include "resolver/wire/reply.h"
#include "zones/dns/pointer_name.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;
using Says = LocalFinding::Outcome;

constexpr ExtendedError kTooLong{EdeCode::other, "a local alias makes the name too long"};
constexpr ExtendedError kEndless{EdeCode::other, "local aliases lead in a circle"};
constexpr std::size_t kOptSize = 11;

// What a chain of local aliases ends with.
struct ChainEnd {
  enum class Kind : std::uint8_t { answered, leads_out, too_long, endless } kind = Kind::answered;
  Octets name;
  LocalFinding finding;
};

// Follows local aliases from a name to what is no alias.
class ChainWalk {
 public:
  ChainWalk(const LocalNames& names, const Generation& generation, std::uint32_t group, RecordType type)
      : names_(names), generation_(generation), group_(group), type_(type) {}

  // `on_link(CNAME RRset, target)` for each alias.
  template <class OnLink>
  ChainEnd follow(Octets name, LocalFinding finding, OnLink on_link) {
    using Kind = ChainEnd::Kind;
    for (std::uint64_t links = 0; finding.outcome == Says::alias; ++links) {
      if (links == limit_of(Limit::aliases)) return {Kind::endless, name, finding};
      const Octets target = target_of(name, finding);
      if (target.empty()) return {Kind::too_long, name, finding};
      on_link(*finding.rrset, target);
      name = target;
      finding = names_.match(generation_, group_, name, type_).finding;
      if (finding.outcome == Says::none) return {Kind::leads_out, name, finding};
    }
    return {Kind::answered, name, finding};
  }

 private:
  // Empty where it is too long.
  Octets target_of(Octets name, const LocalFinding& finding) {
    if (finding.points_to_ipv4) return ipv4_pointer_of(name);
    const Octets target = *finding.rrset->records().begin();
    if (!finding.substitutes) return target;
    const Octets suffix = target.subspan(2);  // behind the `*`
    const Octets prefix = name.first(name.size() - 1);
    if (prefix.size() + suffix.size() > kMaxNameSize) return {};
    // Two in turn: the next link's name may lie in the one and its target go into the other.
    TargetBuffer& buffer = buffers_[in_use_];
    in_use_ = 1 - in_use_;
    std::ranges::copy(prefix, buffer.begin());
    std::ranges::copy(suffix, buffer.begin() + static_cast<std::ptrdiff_t>(prefix.size()));
    return Octets(buffer).first(prefix.size() + suffix.size());
  }

  Octets ipv4_pointer_of(Octets name) {
    using namespace std::string_view_literals;
    const IpAddress ipv4 = *extract_ipv4(generation_.policies().dns64->prefix, *ipv6_of_pointer_name(name));
    Writer writer(buffers_[in_use_]);
    for (std::size_t i = 4; i-- > 0;) {
      char digits[4];
      const int size = std::snprintf(digits, sizeof digits, "%u", static_cast<unsigned>(ipv4.octets[i]));
      writer.u8(static_cast<std::uint8_t>(size));
      for (int k = 0; k < size; ++k) writer.u8(static_cast<std::uint8_t>(digits[k]));
    }
    for (const char octet :
         "\x07in-addr\x04"
         "arpa\0"sv)
      writer.u8(static_cast<std::uint8_t>(octet));
    const Octets target = Octets(buffers_[in_use_]).first(writer.size());
    in_use_ = 1 - in_use_;
    return target;
  }

  const LocalNames& names_;
  const Generation& generation_;
  std::uint32_t group_;
  RecordType type_;
  std::array<TargetBuffer, 2> buffers_;
  unsigned in_use_ = 0;
};

void write_record(Writer& writer, RecordType type, std::uint32_t ttl, Octets rdata) {
  writer.u16(static_cast<std::uint16_t>(type));
  writer.u16(static_cast<std::uint16_t>(RecordClass::in));
  writer.u32(ttl);
  writer.u16(static_cast<std::uint16_t>(rdata.size()));
  writer.octets(rdata);
}

void point_to(Writer& writer, std::size_t position) {
  writer.u16(static_cast<std::uint16_t>(0xC000U | position));
}

// RFC 2308 section 5: a denial lives as long as its SOA and the SOA's MINIMUM, whichever is shorter.
std::uint32_t negative_ttl(const Rrset& soa, Octets rdata) {
  const Octets minimum = rdata.last(4);
  const std::uint32_t value = static_cast<std::uint32_t>(minimum[0]) << 24 |
                              static_cast<std::uint32_t>(minimum[1]) << 16 |
                              static_cast<std::uint32_t>(minimum[2]) << 8 | minimum[3];
  return std::min(soa.ttl_seconds, value);
}

// `name_at`: where the denied name stands in the message.
void write_soa(Writer& writer, const ChainEnd& end, std::size_t name_at) {
  const LabelStarts labels(end.name);
  const unsigned above = labels.count - end.finding.zone_labels;
  if (end.finding.zone_labels == 0) {
    writer.u8(0);
  } else {
    point_to(writer, name_at + labels.at[above]);
  }
  const Octets rdata = *end.finding.soa->records().begin();
  write_record(writer, RecordType::soa, negative_ttl(*end.finding.soa, rdata), rdata);
}

// AAAA made of the name's local A (RFC 6147 section 5.1.6), as many as there are.
std::uint16_t write_translated(Writer& writer, const LocalNames& names, const Generation& generation,
                               std::uint32_t group, Octets name, const Dns64& dns64, std::size_t name_at) {
  const LocalFinding ipv4 = names.match(generation, group, name, RecordType::a).finding;
  if (ipv4.outcome != Says::records) return 0;
  std::uint16_t count = 0;
  for (const auto rdata : ipv4.rrset->records()) {
    const auto address = dns64.translate(IpAddress::from_octets(rdata));
    if (!address) continue;
    point_to(writer, name_at);
    write_record(writer, RecordType::aaaa, ipv4.rrset->ttl_seconds, address->bytes());
    ++count;
  }
  return count;
}

Rcode rcode_of(const ChainEnd& end) {
  switch (end.kind) {
    case ChainEnd::Kind::too_long:
      return Rcode::yxdomain;
    case ChainEnd::Kind::endless:
      return Rcode::servfail;
    default:
      break;
  }
  switch (end.finding.outcome) {
    case Says::nxdomain:
      return Rcode::nxdomain;
    case Says::refused:
      return Rcode::refused;
    default:
      return Rcode::noerror;
  }
}

}  // namespace

std::optional<LocalAlias> local_alias_of(const LocalNames& names, const Generation& generation, std::uint32_t group,
                                         const Query& query) {
  const LocalMatch first = names.match(generation, group, query.qname, query.type);
  if (first.finding.outcome != Says::alias) return std::nullopt;
  LocalAlias out;
  out.target = query.name();
  ChainWalk walk(names, generation, group, query.type);
  const ChainEnd end = walk.follow(query.qname, first.finding, [&](const Rrset& alias, Octets target) {
    Rrset link;
    link.owner = std::move(out.target);
    link.type = RecordType::cname;
    link.ttl_seconds = alias.ttl_seconds;
    link.add(target);
    out.links.push_back(std::move(link));
    out.target = *Name::from_wire(target);
  });
  if (end.kind != ChainEnd::Kind::leads_out) return std::nullopt;
  return out;
}

LocalReply write_local_answer(std::span<std::uint8_t> out, const Query& query, const LocalNames& names,
                              const Generation& generation, std::uint32_t group, const LocalMatch& first,
                              const Dns64* dns64, TargetBuffer& target) {
  Writer writer(out);
  begin_reply(writer, query, {});
  std::size_t name_at = kHeaderSize;
  std::uint16_t answers = 0;
  ChainWalk walk(names, generation, group, query.type);
  const ChainEnd end = walk.follow(query.qname, first.finding, [&](const Rrset& alias, Octets link_target) {
    point_to(writer, name_at);
    write_record(writer, RecordType::cname, alias.ttl_seconds, link_target);
    name_at = writer.size() - link_target.size();
    ++answers;
  });
  if (end.kind == ChainEnd::Kind::leads_out) {
    std::ranges::copy(end.name, target.begin());
    return {0, Octets(target).first(end.name.size())};
  }
  if (end.finding.outcome == Says::dropped) return {};
  ReplyFlags flags{.rcode = rcode_of(end), .authoritative = true};
  if (flags.rcode == Rcode::servfail || flags.rcode == Rcode::refused) {
    flags.authoritative = false;
    return {write_error_reply(out, query, flags, flags.rcode == Rcode::servfail ? &kEndless : nullptr), {}};
  }
  std::uint16_t denials = 0;
  const std::uint16_t made = end.finding.outcome == Says::nodata && query.type == RecordType::aaaa && dns64 != nullptr
                                 ? write_translated(writer, names, generation, group, end.name, *dns64, name_at)
                                 : 0;
  if (made != 0) {
    answers = static_cast<std::uint16_t>(answers + made);
  } else if (end.finding.outcome == Says::records) {
    for (const auto rdata : end.finding.rrset->records()) {
      point_to(writer, name_at);
      write_record(writer, end.finding.rrset->type, end.finding.rrset->ttl_seconds, rdata);
      ++answers;
    }
  } else if (end.finding.soa != nullptr) {
    write_soa(writer, end, name_at);
    denials = 1;
  }
  if (!writer.ok() || (query.has_edns && writer.room() < kOptSize)) {
    flags.truncated = true;
    return {write_error_reply(out, query, flags, nullptr), {}};
  }
  Writer header(out);
  header.u16(query.id);
  header.u16(reply_flags(query, flags));
  set_counts(out, answers, denials, 0);
  finish_reply(writer, out, query, flags.rcode, end.kind == ChainEnd::Kind::too_long ? &kTooLong : nullptr);
  return {writer.size(), {}};
}

}  // namespace weir
