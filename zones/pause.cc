#include "zones/pause.h"

#include <algorithm>

namespace weir {

bool Pause::concerns(std::string_view group, const IpAddress& client) const {
  if (clients.empty() && groups.empty()) return true;
  if (std::find(groups.begin(), groups.end(), group) != groups.end()) return true;
  const IpAddress plain = client.unmapped();
  return std::any_of(clients.begin(), clients.end(), [&](const Prefix& prefix) { return prefix.contains(plain); });
}

}  // namespace weir
