#include "tests/scenario/local_settings.h"

#include <algorithm>

#include "zones/config/config.h"
#include "zones/config/document.h"

namespace weir::scenario {
namespace {

// Unbound's words where weir has another.
struct Word {
  std::string_view unbound;
  std::string_view weir;
};
constexpr Word kWords[] = {{"nodefault", "resolve"},
                           {"always_refuse", "refuse"},
                           {"always_nodata", "nodata"},
                           {"always_deny", "drop"},
                           {"deny", "drop"},
                           {"always_nxdomain", "static"},
                           {"always_transparent", "resolve"},
                           {"block_a", "no_a"},
                           {"block_a_wdata", "no_a"},
                           {"block_aaaa", "no_aaaa"},
                           {"block_aaaa_wdata", "no_aaaa"}};

}  // namespace

Result<std::vector<weir::LocalZone>> local_zones(const ScenarioSettings& settings,
                                                 const std::vector<ForwardZone>& forwards) {
  Config config = Config::defaults();
  config.dns64.on = settings.has_dns64;
  std::vector<scenario::LocalZone> wanted = settings.local_zones;
  // Knot, whose servers the files have, resolves `test`.
  if (settings.dialect == ScenarioSettings::Dialect::deckard) wanted.push_back({*Name::parse("test"), "nodefault"});
  for (const scenario::LocalZone& zone : wanted) {
    const auto* word = std::ranges::find(kWords, zone.type, &Word::unbound);
    const auto type = parse_local_zone_type(word == std::end(kWords) ? std::string_view(zone.type) : word->weir);
    if (!type) return Error{ErrorCode::invalid, "local-zone of type " + zone.type};
    LocalZoneConfig local;
    local.name = zone.name;
    local.type = *type;
    config.local_zones.push_back(std::move(local));
  }
  for (const ForwardZone& zone : forwards) {
    ForwardConfig forward;
    forward.name = zone.name;
    config.forwards.push_back(std::move(forward));
  }
  for (const std::string& text : settings.local_data) {
    auto record = parse_resource_record(text, config.local.ttl);
    if (!record) return Error{record.error().code, "local-data: " + text + ": " + record.error().message};
    config.local.parsed.push_back(std::move(*record));
  }
  return config::compile_local_zones(config);
}

std::optional<Dns64> dns64_of(const ScenarioSettings& settings) {
  if (!settings.has_dns64) return std::nullopt;
  Dns64 out = Config::defaults().dns64.dns64;
  if (settings.dns64_prefix) out.prefix = *settings.dns64_prefix;
  out.translates_private = settings.dns64_private_addresses;
  if (settings.dns64_blocked_untranslated) out.blocked = Dns64::Blocked::untranslated;
  return out;
}

}  // namespace weir::scenario
