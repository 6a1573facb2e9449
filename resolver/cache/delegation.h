// A zone cut as the parent's referral gave it: the name servers' names, and addresses for them.
#pragma once

#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"

namespace weir {

struct NameServer {
  Name name;
  std::vector<IpAddress> addresses;  // glue; used to ask this zone's servers and for nothing else
  bool operator==(const NameServer&) const = default;
};

struct Delegation {
  Name zone_cut;
  std::vector<NameServer> servers;
  // Never later than the end of the delegation it was learnt through: a name that the parent has taken back is gone
  // when the parent's own word runs out, however often the child renews its NS (ghost and phoenix domains).
  SteadyTime expires = SteadyTime::max();
  SteadyTime since = SteadyTime::min();  // when the parent said so
};

}  // namespace weir
