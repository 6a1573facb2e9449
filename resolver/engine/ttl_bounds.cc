#include "resolver/engine/ttl_bounds.h"

#include <algorithm>

namespace weir {

void bound_ttls(Message& message, const TtlBounds& bounds) {
  for (auto* section : {&message.answer, &message.authority, &message.additional}) {
    for (Rrset& rrset : *section)
      rrset.ttl_seconds = std::min(std::max(rrset.ttl_seconds, bounds.min_seconds), bounds.max_seconds);
  }
}

void bound_negative_ttl(ClassifiedResponse& response, const TtlBounds& bounds) {
  const bool denies = response.meaning == ResponseMeaning::nodata || response.meaning == ResponseMeaning::nxdomain;
  if (!denies) return;
  const auto soa = std::ranges::find(response.authority, RecordType::soa, &Rrset::type);
  if (soa == response.authority.end()) return;
  const std::uint32_t ttl = std::max(response.negative_ttl, bounds.min_negative_seconds);
  response.negative_ttl = std::min(ttl, bounds.max_negative_seconds);
  soa->ttl_seconds = response.negative_ttl;
  for (Rrset& rrset : response.authority) rrset.ttl_seconds = std::min(rrset.ttl_seconds, response.negative_ttl);
}

}  // namespace weir
