#include "resolver/dnssec/nsec.h"

#include <algorithm>

#include "zones/dns/reader.h"

namespace weir {

bool Nsec::covers(const Name& name) const {
  return owner.canonical_compare(name) < 0 && (is_last || name.canonical_compare(next) < 0);
}

Name Nsec::closest_encloser(const Name& name) const {
  return name.suffix(std::max(name.common_labels(owner), name.common_labels(next)));
}

std::optional<Nsec> parse_nsec(const Rrset& rrset, const Name& zone) {
  if (rrset.type != RecordType::nsec || rrset.size() != 1 || !rrset.owner.is_at_or_below(zone)) return std::nullopt;
  const auto rdata = *rrset.records().begin();
  Reader reader(rdata);
  Nsec out;
  out.owner = rrset.owner;
  out.next = reader.name();
  if (!reader.ok() || reader.position() != out.next.size() || !out.next.is_at_or_below(zone)) return std::nullopt;
  const auto types = TypeBitmap::parse(rdata.subspan(reader.position()));
  if (!types) return std::nullopt;
  out.is_last = out.next == zone;
  out.types = *types;
  return out;
}

}  // namespace weir
