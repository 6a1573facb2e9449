// policy.show: the policies, groups and schedules in force, as people read them.
#include <algorithm>
#include <array>
#include <cstdio>

#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

json::array names_of(const PolicySet& policies, const std::vector<ListId>& lists) {
  json::array out;
  for (const ListId list : lists) {
    const ListDefinition* known = policies.find_list(list);
    out.emplace_back(known != nullptr ? known->name : "list " + std::to_string(list.value));
  }
  return out;
}

std::string clock_text(std::uint16_t minute) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%02u:%02u", minute / 60U, minute % 60U);
  return text.data();
}

json::object describe(const PolicySet& policies, const Policy& policy) {
  json::object block{{"mode", to_text(policy.block.mode)}, {"ttl_seconds", policy.block.ttl_seconds}};
  if (policy.block.ipv4) block["ipv4"] = policy.block.ipv4->to_text();
  if (policy.block.ipv6) block["ipv6"] = policy.block.ipv6->to_text();
  if (policy.block.target) block["target"] = escape_for_display(policy.block.target->to_text());
  json::array safe_search;
  for (std::size_t i = 0; i < kSafeSearchServices.size(); ++i) {
    if ((policy.safe_search >> i & 1U) != 0) safe_search.emplace_back(kSafeSearchServices[i]);
  }
  return {{"name", policy.name},
          {"lists", names_of(policies, policy.lists)},
          {"default", to_text(policy.default_action)},
          {"block", std::move(block)},
          {"privacy", to_text(policy.privacy)},
          {"log_all", policy.log_all},
          {"strict_chain", policy.strict_chain},
          {"rebinding_protection", policy.rebinding_protection},
          {"safe_search", std::move(safe_search)},
          {"justification", escape_for_display(policy.justification)}};
}

json::object describe(const PolicySet& policies, const Group& group) {
  json::array clients;
  for (const Prefix& prefix : group.clients) clients.push_back(json::string(prefix.to_text()));
  return {{"name", group.name}, {"policy", policies.policies[group.policy].name}, {"clients", std::move(clients)}};
}

json::object describe(const PolicySet& policies, const Schedule& schedule, WallTime now) {
  static constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  json::array days;
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if ((schedule.hours.days >> i & 1U) != 0) days.emplace_back(kDays[i]);
  }
  const auto next = schedule.next_edge(now);
  return {{"name", schedule.name},
          {"group", policies.groups[schedule.group].name},
          {"lists", names_of(policies, schedule.lists)},
          {"days", std::move(days)},
          {"from", clock_text(schedule.hours.from_minute)},
          {"to", clock_text(schedule.hours.to_minute)},
          {"timezone", schedule.hours.timezone},
          {"lists_hold", schedule.within ? "within" : "outside"},
          {"holds_now", schedule.holds_at(now)},
          {"next_change", next ? json::value(format_time(*next)) : json::value(nullptr)}};
}

}  // namespace

VerbResult show_policies(Call& call) {
  if (!call.arguments.ok()) return call.arguments.error();
  const auto generation = call.services.generations.current();
  if (!generation) return generation.error();
  const PolicySet& in_force = (*generation)->policies();
  const WallTime now = read_clocks().wall;
  json::array policies;
  for (const Policy& policy : in_force.policies) policies.push_back(describe(in_force, policy));
  json::array groups;
  for (const Group& group : in_force.groups) groups.push_back(describe(in_force, group));
  json::array schedules;
  for (const Schedule& schedule : in_force.schedules) schedules.push_back(describe(in_force, schedule, now));
  return json::object{{"generation", (*generation)->number().value},
                      {"policies", std::move(policies)},
                      {"groups", std::move(groups)},
                      {"schedules", std::move(schedules)}};
}

}  // namespace weir::sidecar
