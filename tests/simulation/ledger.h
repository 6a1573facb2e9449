// What authorities have told the resolver, and until when it may repeat it: the one place that says whether an answer
// has outlived its TTL.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/world/oracle.h"

namespace weir::simulation {

// A CNAME that follows from a DNAME of its section: whoever answers makes it, and it lives as long as the DNAME.
bool is_made(const Rrset& rrset, const std::vector<Rrset>& section);

class Ledger {
 public:
  explicit Ledger(const world::Oracle& oracle) : oracle_(oracle) {}

  // A message that reached the resolver at `time`.
  void delivered(std::span<const std::uint8_t> message, world::Time time);

  void forget_before(world::Time time);  // what has expired long before

  std::size_t size() const;  // RRsets

  // An RRset of an answer that left at `time` for a query that came at `asked`; empty where it may still live. What was
  // said at once came from a cache: it lives less than a second longer than its authority said, TTLs being whole
  // seconds.
  std::string check(const Rrset& rrset, world::Time asked, world::Time time) const;

 private:
  using Contents = std::pair<RecordType, std::set<world::Octets>>;
  static Contents contents_of(const Rrset& rrset);
  std::optional<world::Time> expiry_of(const Rrset& rrset, world::Time time) const;

  const world::Oracle& oracle_;
  // By owner, or by the wildcard that it came from.
  std::map<Contents, std::map<Name, world::Time, world::CanonicalOrder>> expires_;
};

}  // namespace weir::simulation
