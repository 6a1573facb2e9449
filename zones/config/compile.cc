#include <algorithm>

#include "zones/config/config.h"
#include "zones/config/document.h"
#include "zones/config/sections.h"

namespace weir {
namespace {

void add_list(Policy& policy, ListId id) {
  const auto at = std::lower_bound(policy.lists.begin(), policy.lists.end(), id);
  if (at == policy.lists.end() || *at != id) policy.lists.insert(at, id);
}

}  // namespace

PolicySet Config::compile() const {
  PolicySet set = PolicySet::with_defaults();
  // load() has checked both names.
  if (auto name = Name::parse(resolver.name)) set.mname = *name;
  if (auto contact = config::parse_contact(resolver.contact)) set.rname = *contact;

  std::uint32_t next_id = kFirstDefinedList.value;
  for (const ListConfig& list : lists) {
    set.lists.push_back(list.definition);
    set.lists.back().id = {next_id++};
  }
  for (const PolicyConfig& config : policies) {
    Policy policy = config.policy;
    for (const std::string& name : config.lists) {
      if (const auto* list = set.find_list(name)) add_list(policy, list->id);
    }
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const auto& named = lists[i].policies;
      if (std::find(named.begin(), named.end(), policy.name) != named.end())
        add_list(policy, {kFirstDefinedList.value + static_cast<std::uint32_t>(i)});
    }
    if (policy.name == "default") {
      set.policies[0] = std::move(policy);
    } else {
      set.policies.push_back(std::move(policy));
    }
  }
  for (const GroupConfig& config : groups) {
    const auto found = std::find_if(set.policies.begin(), set.policies.end(),
                                    [&](const Policy& policy) { return policy.name == config.policy; });
    const auto index = found != set.policies.end() ? static_cast<std::uint32_t>(found - set.policies.begin()) : 0;
    if (config.name == "default") {
      set.groups[0].policy = index;
    } else {
      set.groups.push_back({config.name, config.clients, index});
    }
  }
  for (const ScheduleConfig& config : schedules) {
    for (const std::string& name : config.groups) {
      const auto group = set.find_group(name);
      if (!group) continue;  // load() has checked it
      Schedule schedule{config.name, *group, {}, config.hours, config.within, {}};
      for (const std::string& list_name : config.lists) {
        if (const auto* list = set.find_list(list_name)) schedule.lists.push_back(list->id);
      }
      std::sort(schedule.lists.begin(), schedule.lists.end());
      if (schedule.hours.timezone.empty()) {
        const std::string& policy = set.policies[set.groups[*group].policy].name;
        const auto known = std::find_if(policies.begin(), policies.end(),
                                        [&](const PolicyConfig& one) { return one.policy.name == policy; });
        schedule.hours.timezone = known == policies.end() ? "UTC" : known->timezone;
      }
      set.schedules.push_back(std::move(schedule));
    }
  }
  set.local_zones = config::compile_local_zones(*this);
  set.special_names = local.special_names;
  set.structured_errors = answers.structured_errors;
  set.local_domains = local.domains;
  for (const LocalZoneConfig& zone : local_zones) set.local_domains.push_back(zone.name);
  for (const ForwardConfig& zone : forwards) {
    if (!zone.name.is_root()) set.local_domains.push_back(zone.name);
  }
  if (dns64.on) set.dns64 = dns64.dns64;
  return set;
}

}  // namespace weir
