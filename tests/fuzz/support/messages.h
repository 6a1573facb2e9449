// Messages that were read, compared and written again.
#pragma once

#include <algorithm>
#include <vector>

#include "zones/dns/message.h"
#include "zones/dns/rrset.h"
#include "zones/dns/writer.h"

namespace weir::fuzz {

inline bool same_octets(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return std::ranges::equal(a, b);
}

inline bool same_rrset(const Rrset& a, const Rrset& b) {
  return same_octets(a.owner.wire(), b.owner.wire()) && a.type == b.type && a.record_class == b.record_class &&
         a.ttl_seconds == b.ttl_seconds && a.type_covered == b.type_covered && a.size() == b.size() &&
         same_octets(a.packed(), b.packed());
}

inline bool same_section(const std::vector<Rrset>& a, const std::vector<Rrset>& b) {
  return std::ranges::equal(a, b, same_rrset);
}

// Question and records; the flags that write_message() keeps.
inline bool same_records(const Message& a, const Message& b) {
  return a.start.id == b.start.id && a.start.rcode_low == b.start.rcode_low &&
         a.start.has_question == b.start.has_question && same_octets(a.start.qname.wire(), b.start.qname.wire()) &&
         a.start.qtype == b.start.qtype && a.start.qclass == b.start.qclass && same_section(a.answer, b.answer) &&
         same_section(a.authority, b.authority) && same_section(a.additional, b.additional);
}

// A record set's RDATA with names in lower case, sorted, each once.
inline std::vector<std::vector<std::uint8_t>> canonical_rdata(const Rrset& rrset) {
  std::vector<std::vector<std::uint8_t>> out;
  for (const auto rdata : rrset.records()) {
    fold_rdata_names(rrset.type, out.emplace_back(rdata.begin(), rdata.end()));
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// The same but for the case of names.
inline bool same_answer(const Message& a, const Message& b) {
  const auto same = [](const Rrset& x, const Rrset& y) {
    return x.owner == y.owner && x.type == y.type && x.record_class == y.record_class &&
           x.ttl_seconds == y.ttl_seconds && x.type_covered == y.type_covered &&
           canonical_rdata(x) == canonical_rdata(y);
  };
  return a.start.id == b.start.id && a.rcode == b.rcode && a.start.qname == b.start.qname &&
         a.start.qtype == b.start.qtype && a.start.qclass == b.start.qclass &&
         std::ranges::equal(a.answer, b.answer, same) && std::ranges::equal(a.authority, b.authority, same) &&
         std::ranges::equal(a.additional, b.additional, same);
}

// A response with the message's ID, RCODE, question and records, without EDNS; nothing where it does not fit into 64
// KiB.
inline std::vector<std::uint8_t> write_message(const Message& message) {
  std::vector<std::uint8_t> out(65'535);
  Writer writer(out);
  writer.u16(message.start.id);
  writer.u16(static_cast<std::uint16_t>(0x8000U | message.start.rcode_low));
  writer.u16(message.start.has_question ? 1 : 0);
  for (const auto* section : {&message.answer, &message.authority, &message.additional}) {
    std::size_t records = 0;
    for (const Rrset& rrset : *section) records += rrset.size();
    writer.u16(static_cast<std::uint16_t>(records));
  }
  if (message.start.has_question) {
    writer.name(message.start.qname);
    writer.u16(static_cast<std::uint16_t>(message.start.qtype));
    writer.u16(static_cast<std::uint16_t>(message.start.qclass));
  }
  for (const auto* section : {&message.answer, &message.authority, &message.additional}) {
    for (const Rrset& rrset : *section) rrset.write(writer, rrset.ttl_seconds);
  }
  if (!writer.ok()) return {};
  out.resize(writer.size());
  return out;
}

}  // namespace weir::fuzz
