#include "tests/scenario/client_groups.h"

#include <algorithm>

#include "tests/scenario/response_rules.h"

namespace weir::scenario {
namespace {

std::string joined(const std::vector<std::string>& words, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < words.size(); ++i) out += (out.empty() ? "" : " ") + words[i];
  return out;
}

void read_line(const ScenarioSettings::PolicyLine& line, std::map<Prefix, ClientGroup>& groups) {
  const bool names_zone = line.key == "local-zone-override";
  const std::size_t at = names_zone ? 1 : 0;
  if (line.words.size() < at + 2) return;
  const auto prefix = Prefix::parse(line.words[at]);
  if (!prefix) return;
  if (line.key == "access-control-tag") {
    for (std::string& tag : tags_of(line.words, 1)) groups[*prefix].tags.insert(std::move(tag));
  } else if (line.key == "access-control-view") {
    groups[*prefix].view = line.words[1];
  } else if (line.key == "access-control-tag-data" && line.words.size() > 2) {
    groups[*prefix].tag_data[line.words[1]].push_back(joined(line.words, 2));
  } else if (names_zone) {
    if (const auto zone = Name::parse(line.words[0])) groups[*prefix].zone_types[zone->folded()] = line.words[2];
  }
}

}  // namespace

std::vector<ClientGroup> client_groups(const ScenarioSettings& settings) {
  std::map<Prefix, ClientGroup> groups;
  for (const auto& line : settings.policy_lines) read_line(line, groups);
  std::vector<ClientGroup> out;
  for (auto& [prefix, group] : groups) {
    group.name = "group" + std::to_string(out.size() + 1);
    group.clients = prefix;
    out.push_back(group);
  }
  std::vector<ClientGroup> widest = out;
  std::ranges::sort(widest, {}, [](const ClientGroup& group) { return group.clients.length; });
  for (ClientGroup& group : out) {
    for (auto wider = widest.rbegin(); wider != widest.rend(); ++wider) {
      if (wider->clients.length >= group.clients.length || !wider->clients.contains(group.clients.address)) continue;
      if (group.tags.empty()) group.tags = wider->tags;
      if (group.tag_data.empty()) group.tag_data = wider->tag_data;
      if (group.view.empty()) group.view = wider->view;
      group.zone_types.insert(wider->zone_types.begin(), wider->zone_types.end());
    }
  }
  return out;
}

}  // namespace weir::scenario
