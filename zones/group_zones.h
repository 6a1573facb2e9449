// Local zones as the packet path asks them: those that everybody has, and those of one group alone.
//
// Made once, never changed; any number of threads may read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "zones/local_data.h"
#include "zones/policy.h"

namespace weir {

class GroupZones {
 public:
  // Groups with the same zones share them.
  explicit GroupZones(const PolicySet& policies);

  const LocalData* of_everybody() const { return of_everybody_.get(); }  // nullptr: none
  // `group` indexes PolicySet::groups. nullptr: it has none of its own, as nearly all.
  const LocalData* of_group(std::uint32_t group) const {
    return group < of_groups_.size() ? of_groups_[group].get() : nullptr;
  }

 private:
  std::shared_ptr<const LocalData> of_everybody_;
  std::vector<std::shared_ptr<const LocalData>> of_groups_;  // empty where no group has any
};

}  // namespace weir
