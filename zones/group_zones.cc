#include "zones/group_zones.h"

#include <algorithm>
#include <map>

namespace weir {

GroupZones::GroupZones(const PolicySet& policies) {
  std::vector<LocalZone> common;
  std::vector<std::vector<std::size_t>> own(policies.groups.size());  // zones by their index
  bool any_own = false;
  for (std::size_t i = 0; i < policies.local_zones.size(); ++i) {
    const LocalZone& zone = policies.local_zones[i];
    if (zone.groups.empty()) common.push_back(zone);
    for (const std::string& name : zone.groups) {
      const auto group = policies.find_group(name);
      if (!group) continue;  // the configuration was checked
      own[*group].push_back(i);
      any_own = true;
    }
  }
  if (!common.empty()) of_everybody_ = std::make_shared<const LocalData>(common);
  if (!any_own) return;
  of_groups_.resize(own.size());
  std::map<std::vector<std::size_t>, std::shared_ptr<const LocalData>> made;
  for (std::size_t group = 0; group < own.size(); ++group) {
    if (own[group].empty()) continue;
    std::shared_ptr<const LocalData>& data = made[own[group]];
    if (!data) {
      std::vector<LocalZone> zones;
      for (const std::size_t index : own[group]) zones.push_back(policies.local_zones[index]);
      data = std::make_shared<const LocalData>(zones);
    }
    of_groups_[group] = data;
  }
}

}  // namespace weir
