#include "resolver/server/forward_zones.h"

#include <algorithm>

namespace weir {
namespace {

ForwardZone forward_zone(const ForwardConfig& configured) {
  ForwardZone out;
  out.name = configured.name;
  out.servers.assign(configured.servers.begin(), configured.servers.end());
  out.kind = configured.kind == ForwardConfig::Kind::stub ? ForwardZone::Kind::stub : ForwardZone::Kind::forward;
  out.fallback = configured.fallback == ForwardConfig::Fallback::recursion ? ForwardZone::Fallback::recursion
                                                                           : ForwardZone::Fallback::none;
  return out;
}

bool is_same(const ForwardZone& one, const ForwardZone& other) {
  return one.kind == other.kind && one.fallback == other.fallback && one.servers == other.servers;
}

// A label's value in the exposition format. Name::to_text escapes what is no plain character as \DDD.
std::string label(const Name& name) {
  std::string out;
  for (const char c : name.to_text()) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::vector<Name> ForwardZones::define(const std::vector<ForwardConfig>& configured) {
  std::vector<ForwardZone> fresh;
  std::vector<Name> changed;
  for (const ForwardConfig& each : configured) {
    ForwardZone zone = forward_zone(each);
    const auto known = std::ranges::find(zones_, zone.name, &ForwardZone::name);
    if (known == zones_.end() || !is_same(*known, zone)) changed.push_back(zone.name);
    zone.counters = known != zones_.end() ? known->counters : std::make_shared<ForwardZoneCounters>();
    fresh.push_back(std::move(zone));
  }
  for (const ForwardZone& zone : zones_) {
    if (std::ranges::find(fresh, zone.name, &ForwardZone::name) == fresh.end()) changed.push_back(zone.name);
  }
  zones_ = std::move(fresh);
  return changed;
}

std::string ForwardZones::metrics() const {
  struct Row {
    const char* name;
    const char* help;
    std::atomic<std::uint64_t> ForwardZoneCounters::* count;
  };
  static constexpr Row kRows[] = {
      {"weir_forward_zone_lookups_total", "Look-ups that went to the servers of a forward or stub zone.",
       &ForwardZoneCounters::asked},
      {"weir_forward_zone_unanswered_total", "Of them: those that none of the zone's servers answered.",
       &ForwardZoneCounters::unanswered}};
  std::string out;
  if (zones_.empty()) return out;
  for (const Row& row : kRows) {
    out.append("# HELP ").append(row.name).append(" ").append(row.help).append("\n");
    out.append("# TYPE ").append(row.name).append(" counter\n");
    for (const ForwardZone& zone : zones_) {
      const std::uint64_t count = ((*zone.counters).*row.count).load(std::memory_order_relaxed);
      out.append(row.name).append("{zone=\"").append(label(zone.name)).append("\"} ");
      out.append(std::to_string(count)).append("\n");
    }
  }
  return out;
}

}  // namespace weir
