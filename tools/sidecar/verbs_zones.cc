// zone.show.
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

json::object describe_unsaid(const Unsaid& unsaid) {
  return {{"patterns", unsaid.patterns}, {"conditions", unsaid.conditions}, {"refused", unsaid.refused},
          {"too_long", unsaid.too_long}, {"too_many", unsaid.too_many},     {"exceptions", unsaid.exceptions}};
}

json::object describe_counts(const ServedCounts& counts) {
  json::object out{{"whole", counts.whole},
                   {"incremental", counts.incremental},
                   {"unchanged", counts.unchanged},
                   {"refused", counts.refused},
                   {"failed", counts.failed}};
  if (!counts.last_refusal.empty()) out["last_refusal"] = escape_for_display(counts.last_refusal);
  return out;
}

}  // namespace

// The zone is made once, to know how many records it has and what is not in it: a pass over its rules.
VerbResult show_zones(Call& call) {
  if (!call.arguments.ok()) return call.arguments.error();
  const auto generation = call.services.generations.current();
  if (!generation) return generation.error();
  const std::vector<NotifyState> notified = call.services.notifier.states();
  json::array zones;
  for (const ServeConfig& config : call.services.config()->served) {
    const std::string name = escape_for_display(config.name.to_text());
    json::object shown{{"name", name},
                       {"list", config.list},
                       {"policy", config.policy},
                       {"transfers", describe_counts(call.services.zones.counts(config.name))}};
    auto zone = ServedZone::make(config, *generation);
    std::uint64_t records = 1;  // the SOA
    const auto counted = zone ? zone->whole([&](const ZoneRecord&) {
      ++records;
      return Result<void>();
    })
                              : Result<void>(zone.error());
    const auto unsaid = counted ? zone->unsaid() : Result<Unsaid>(counted.error());
    if (unsaid) {
      shown["serial"] = zone->serial();
      shown["records"] = records;
      shown["unsaid"] = describe_unsaid(*unsaid);
    } else {
      shown["error"] = escape_for_display(unsaid.error().message);
    }
    json::array secondaries;
    for (const NotifyState& state : notified) {
      if (state.zone != name) continue;
      secondaries.push_back(json::object{
          {"address", state.to.to_text()}, {"told", state.told}, {"answered", state.answered}, {"tries", state.tries}});
    }
    shown["notified"] = std::move(secondaries);
    zones.push_back(std::move(shown));
  }
  return json::object{{"zones", std::move(zones)}};
}

}  // namespace weir::sidecar
