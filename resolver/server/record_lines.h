// Records as people read them (RFC 1035 section 5.1): for the control socket alone, never on the packet path.
#pragma once

#include <string>
#include <vector>

#include "zones/dns/rrset.h"

namespace weir {

// "www.example.org. 300 IN A 192.0.2.1", one a record. What ldns does not know is written as RFC 3597 says.
std::vector<std::string> record_lines(const Rrset& rrset);
std::vector<std::string> record_lines(const std::vector<Rrset>& rrsets);  // of all, in order
// The RDATA alone: "192.0.2.1".
std::vector<std::string> rdata_texts(const Rrset& rrset);

}  // namespace weir
