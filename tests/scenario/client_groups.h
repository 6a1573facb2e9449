// The clients that a scenario's lines tell apart (access-control-tag, access-control-view, local-zone-override) as
// weir's groups.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/scenario/settings.h"
#include "zones/base/prefix.h"

namespace weir::scenario {

struct ClientGroup {
  std::string name = {};
  Prefix clients = {};
  std::set<std::string> tags = {};
  std::map<std::string, std::vector<std::string>> tag_data = {};  // records without owner, by tag
  std::string view = {};                                          // "": none
  std::unordered_map<Name, std::string> zone_types = {};          // zones that are of another type for them
};

// Not the default group, which is everybody else. A group has what wider prefixes say of its clients, too, as far as it
// says nothing itself.
std::vector<ClientGroup> client_groups(const ScenarioSettings& settings);

inline constexpr const char* kEverybodyElse = "default";  // that group's name

}  // namespace weir::scenario
