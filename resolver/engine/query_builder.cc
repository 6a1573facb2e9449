#include "resolver/engine/query_builder.h"

#include <algorithm>

#include "zones/dns/edns.h"
#include "zones/dns/writer.h"

namespace weir {

std::vector<std::uint8_t> build_query(const UpstreamQuery& query) {
  const std::size_t option_size = query.cookie.size == 0 ? 0 : 4U + query.cookie.size;
  std::vector<std::uint8_t> out(12 + query.qname.size() + 4 + 11 + option_size);
  Writer writer(out);
  writer.u16(query.id);
  writer.u16(
      static_cast<std::uint16_t>((query.recursion_desired ? 0x0100U : 0U) | (query.checking_disabled ? 0x0010U : 0U)));
  writer.u16(1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(query.edns == EdnsUse::with_opt ? 1 : 0);
  writer.name_uncompressed(query.qname);
  writer.u16(static_cast<std::uint16_t>(query.type));
  writer.u16(static_cast<std::uint16_t>(query.record_class));
  if (query.edns == EdnsUse::with_opt) {
    writer.u8(0);
    writer.u16(static_cast<std::uint16_t>(RecordType::opt));
    writer.u16(query.udp_payload_size);
    writer.u32(query.dnssec_ok ? 0x8000 : 0);
    writer.u16(static_cast<std::uint16_t>(option_size));
    if (option_size != 0) {
      writer.u16(kOptionCookie);
      writer.u16(query.cookie.size);
      writer.octets(query.cookie.octets());
    }
  }
  out.resize(writer.size());
  return out;
}

Name randomise_case(const Name& name, const std::function<std::uint32_t()>& random) {
  std::uint8_t wire[kMaxNameSize];
  std::ranges::copy(name.wire(), wire);
  std::uint32_t bits = 0;
  unsigned left = 0;
  for (std::size_t i = 0; wire[i] != 0; i += wire[i] + 1U) {
    for (std::size_t at = i + 1; at <= i + wire[i]; ++at) {
      const std::uint8_t lower = fold(wire[at]);
      if (lower < 'a' || lower > 'z') continue;
      if (left == 0) {
        bits = random();
        left = 32;
      }
      wire[at] = (bits & 1) != 0 ? static_cast<std::uint8_t>(lower & ~0x20) : lower;
      bits >>= 1;
      --left;
    }
  }
  return *Name::from_wire({wire, name.size()});
}

}  // namespace weir
