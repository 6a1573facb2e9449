// One zone as it is between two of its moments: all its RRsets, its chain of denial, and signatures made when they
// are asked for. One thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "tests/world/plan.h"
#include "zones/dns/rrset.h"

namespace weir::world {

struct CanonicalOrder {
  bool operator()(const Name& a, const Name& b) const { return a.canonical_compare(b) < 0; }
};

class ZoneData {
 public:
  ZoneData(const WorldPlan& world, unsigned zone, Time at);

  const ZonePlan& plan() const { return *plan_; }
  const Name& apex() const { return plan_->apex; }
  bool is_signed() const { return plan_->is_signed && plan_->flaw != Flaw::no_signatures; }
  std::uint32_t negative_ttl() const;

  const Rrset* find(const Name& owner, RecordType type) const;  // not glue
  std::vector<const Rrset*> all_at(const Name& owner) const;
  bool exists(const Name& owner) const { return names_.contains(owner); }  // empty non-terminals too
  bool is_empty(const Name& owner) const { return !nodes_.contains(owner); }
  std::optional<Name> cut_above(const Name& name) const;  // the highest at `name` or above it
  Name closest_encloser(const Name& name) const;
  // Addresses for the name servers of a delegation that the parent holds, its own ones too.
  std::vector<Rrset> glue_of(const Name& cut) const;

  // RRSIGs of `rrset`, which is what find() or a denial gave.
  const Rrset& signatures_of(const Rrset& rrset) const;

  // Of the chain: the record at `name`; the one that covers it. NSEC, or NSEC3 by the hash of the name.
  const Rrset* denial_at(const Name& name) const;
  const Rrset* denial_over(const Name& name) const;
  bool uses_nsec3() const { return plan_->denial != Denial::nsec; }

 private:
  void put(const Name& owner, RecordType type, std::uint32_t ttl, const std::vector<Octets>& rdata);
  void put_apex(const WorldPlan& world, unsigned zone, Time at);
  void put_delegation(const WorldPlan& world, unsigned child, Time at);
  void index();
  void make_nsec();
  void make_nsec3();
  Octets hash(const Name& name) const;
  bool opted_out(const Name& name) const;
  std::vector<RecordType> types_at(const Name& name) const;
  Octets rrsig_rdata(const Rrset& rrset, unsigned key) const;

  const ZonePlan* plan_;
  WallTime wall_start_;
  std::vector<unsigned> keys_;  // that sign now
  std::map<Name, std::map<RecordType, Rrset>, CanonicalOrder> nodes_;
  std::map<Name, std::map<RecordType, Rrset>, CanonicalOrder> glue_;
  std::set<Name, CanonicalOrder> names_, cuts_;
  std::map<Name, Rrset, CanonicalOrder> nsec_;
  std::map<Octets, Rrset> nsec3_;
  mutable std::map<std::pair<Octets, RecordType>, Rrset> signatures_;
};

// Numbers in network order at the end of `out`.
void put_number(Octets& out, std::uint64_t value, unsigned octets);
Octets wire_of(const Name& name);  // lower case

// The DS of a key that `zone` signs with.
Octets ds_rdata(const ZonePlan& zone, unsigned key);

}  // namespace weir::world
