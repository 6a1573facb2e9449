// What an honest authoritative server says from one zone (RFC 1034 section 4.3.2, RFC 4035 section 3.1, RFC 5155
// section 7.2, RFC 6672 section 3.2).
#pragma once

#include <vector>

#include "tests/world/zone_data.h"

namespace weir::world {

struct AuthorityAnswer {
  bool authoritative = true;
  Rcode rcode = Rcode::noerror;
  std::vector<Rrset> answer, authority, additional;
  bool referral = false;
  bool empty_name = false;  // the name is an empty non-terminal
};

// `dnssec`: whether DO was set. Aliases are followed as far as the zone goes.
AuthorityAnswer answer_from(const ZoneData& zone, const Name& qname, RecordType type, bool dnssec);

// `rrset` of a wildcard as it is at `owner`.
Rrset expanded(Rrset rrset, const Name& owner);

}  // namespace weir::world
