#include "resolver/server/local_names.h"

#include <algorithm>
#include <string_view>

#include "resolver/wire/reply.h"
#include "zones/base/prefix.h"

namespace weir {
namespace {

constexpr std::uint32_t kLocalTtl = 3600;

// Whether QNAME's last label is `label`, given with its length octet and the root label. The octet before it must
// be where a label begins, which only a walk tells.
bool ends_in(std::span<const std::uint8_t> qname, std::string_view label) {
  if (qname.size() < label.size()) return false;
  const std::size_t start = qname.size() - label.size();
  const bool equal = std::equal(qname.begin() + static_cast<std::ptrdiff_t>(start), qname.end(), label.begin(),
                                [](std::uint8_t a, char b) { return fold(a) == static_cast<std::uint8_t>(b); });
  if (!equal) return false;
  std::size_t at = 0;
  while (at < start) at += qname[at] + 1U;
  return at == start;
}

}  // namespace

std::size_t answer_local_name(std::span<std::uint8_t> out, const Query& query) {
  using namespace std::string_view_literals;
  const bool localhost = ends_in(query.qname, "\x09localhost\0"sv);
  if (!localhost && !ends_in(query.qname, "\x07invalid\0"sv)) return 0;
  Writer writer(out);
  begin_reply(writer, query, {.rcode = localhost ? Rcode::noerror : Rcode::nxdomain});
  IpAddress loopback = IpAddress::ipv4(0x7F000001);
  if (query.type == RecordType::aaaa) {
    loopback = {};
    loopback.family = AddressFamily::ipv6;
    loopback.octets[15] = 1;
  }
  const bool has_answer = localhost && (query.type == RecordType::a || query.type == RecordType::aaaa);
  if (has_answer) {
    writer.u16(0xC000U | kHeaderSize);
    writer.u16(static_cast<std::uint16_t>(query.type));
    writer.u16(static_cast<std::uint16_t>(RecordClass::in));
    writer.u32(kLocalTtl);
    writer.u16(static_cast<std::uint16_t>(loopback.bits() / 8));
    writer.octets(loopback.bytes());
  }
  if (!writer.ok()) return 0;
  set_counts(out, has_answer ? 1 : 0, 0, 0);
  finish_reply(writer, out, query, Rcode::noerror, nullptr);
  return writer.size();
}

}  // namespace weir
