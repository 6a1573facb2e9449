// AwaitAddresses: a name server without glue was looked up; go on asking the zone with what came of it.
#include <algorithm>

#include "resolver/engine/resolution.h"

namespace weir {

Step on_addresses(AwaitAddresses& step, const Finished& found, Resolution& resolution, Context& context) {
  std::vector<IpAddress> addresses;
  for (const SignedRrset& data : found.rrsets) {
    if (!append_addresses(addresses, data.rrset, context.options.scrub))
      context.counters.limits.reach(Limit::addresses_per_name_server);
  }
  add_candidates(step.resume, addresses, context);
  if (!addresses.empty()) return std::move(step.resume);
  // The name exists but has no IPv4 address: it may have an IPv6 one.
  const bool exists = found.rcode == Rcode::noerror;
  if (exists && step.type == RecordType::a && context.options.use_ipv6 &&
      !resolution.depends_on(step.server_name, RecordType::aaaa)) {
    if (resolution.budget().spend(Limit::address_lookups)) {
      return AwaitAddresses{std::move(step.resume), step.server_name, RecordType::aaaa};
    }
    context.counters.limits.reach(Limit::address_lookups);
  }
  resolution.budget().charge(Limit::failing_address_lookups);
  return std::move(step.resume);
}

}  // namespace weir
