#include "tests/scenario/local_settings.h"

#include <algorithm>
#include <unordered_map>

#include "tests/scenario/client_groups.h"
#include "tests/scenario/response_rules.h"
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

using Texts = std::vector<std::string>;

Result<std::vector<ResourceRecord>> read_records(const Texts& texts, std::uint32_t ttl) {
  std::vector<ResourceRecord> out;
  for (const std::string& text : texts) {
    auto record = parse_resource_record(text, ttl);
    if (!record) return Error{ErrorCode::invalid, "local-data '" + text + "': " + record.error().message};
    out.push_back(std::move(*record));
  }
  return out;
}

// The zones and data of a scenario among those that everybody has and those that some groups alone have.
class ZoneSplit {
 public:
  explicit ZoneSplit(const ScenarioSettings& settings) : settings_(settings), groups_(client_groups(settings)) {
    for (const auto& line : settings.policy_lines) {
      if (line.key != "local-zone-tag" || line.words.size() < 2) continue;
      const auto zone = Name::parse(line.words[0]);
      if (zone) tags_[zone->folded()] = tags_of(line.words, 1);
    }
  }

  Result<void> build(const std::vector<scenario::LocalZone>& zones, Config& out) {
    auto records = read_records(settings_.local_data, out.local.ttl);
    if (!records) return records.error();
    for (const scenario::LocalZone& zone : zones) {
      auto made = add_zone(zone, zones, *records, out);
      if (!made) return made;
    }
    for (const ResourceRecord& record : *records) {
      // Of zones that some groups alone have, the records went with the zone.
      const scenario::LocalZone* holder = holder_of(record.owner, zones);
      if (holder == nullptr || seen_by_all(*holder)) out.local.parsed.push_back(record);
    }
    for (const View& view : settings_.views) {
      if (auto made = add_view(view, out); !made) return made;
    }
    return {};
  }

 private:
  static const scenario::LocalZone* holder_of(const Name& owner, const std::vector<scenario::LocalZone>& zones) {
    const scenario::LocalZone* holder = nullptr;
    for (const scenario::LocalZone& zone : zones) {
      const bool longer = holder == nullptr || zone.name.label_count() > holder->name.label_count();
      if (owner.is_at_or_below(zone.name) && longer) holder = &zone;
    }
    return holder;
  }

  const View* view_of(const ClientGroup& group) const {
    const auto found = std::ranges::find(settings_.views, group.view, &View::name);
    return group.view.empty() || found == settings_.views.end() ? nullptr : &*found;
  }

  // Whose view has no room for them.
  bool sees_global(const ClientGroup& group) const {
    const View* view = view_of(group);
    return view == nullptr || view->first;
  }

  bool seen_by_all(const scenario::LocalZone& zone) const {
    return !tags_.contains(zone.name.folded()) &&
           std::ranges::all_of(groups_, [&](const ClientGroup& group) { return sees_global(group); });
  }

  static Result<LocalZoneConfig> zone_of(const Name& name, const std::string& type_text) {
    const auto* word = std::ranges::find(kWords, type_text, &Word::unbound);
    const auto type = parse_local_zone_type(word == std::end(kWords) ? std::string_view(type_text) : word->weir);
    if (!type) return Error{ErrorCode::invalid, "local-zone of type " + type_text};
    LocalZoneConfig local;
    local.name = name;
    local.type = *type;
    return local;
  }

  Result<void> add_zone(const scenario::LocalZone& zone, const std::vector<scenario::LocalZone>& zones,
                        const std::vector<ResourceRecord>& records, Config& out) {
    auto local = zone_of(zone.name, zone.type);
    if (!local) return local.error();
    std::vector<ResourceRecord> of_zone;
    for (const ResourceRecord& record : records) {
      if (holder_of(record.owner, zones) == &zone) of_zone.push_back(record);
    }
    if (auto made = add_variants(zone, of_zone, out); !made) return made;
    if (!seen_by_all(zone)) {
      local->parsed = of_zone;
      const auto tagged = tags_.find(zone.name.folded());
      if (tagged == tags_.end()) local->groups.emplace_back(kEverybodyElse);
      for (const ClientGroup& group : groups_) {
        const bool has_tag = tagged == tags_.end() || shared_tag(group, tagged->second) != nullptr;
        const View* view = view_of(group);
        const bool in_view =
            view != nullptr &&
            std::ranges::find(view->local_zones, zone.name, &scenario::LocalZone::name) != view->local_zones.end();
        if (has_tag && sees_global(group) && !in_view && !has_variant(group, zone.name))
          local->groups.push_back(group.name);
      }
      if (local->groups.empty()) return {};
    }
    out.local_zones.push_back(std::move(*local));
    return {};
  }

  static const std::string* shared_tag(const ClientGroup& group, const std::vector<std::string>& tags) {
    const auto found = std::ranges::find_if(tags, [&](const std::string& tag) { return group.tags.contains(tag); });
    return found == tags.end() ? nullptr : &*found;
  }

  // The data of a tag that a group has instead of the zone's; nothing: it has none.
  const Texts* tag_data_of(const ClientGroup& group, const Name& zone) const {
    const auto tagged = tags_.find(zone.folded());
    if (tagged == tags_.end()) return nullptr;
    const std::string* tag = shared_tag(group, tagged->second);
    const auto data = tag == nullptr ? group.tag_data.end() : group.tag_data.find(*tag);
    return data == group.tag_data.end() ? nullptr : &data->second;
  }

  bool has_variant(const ClientGroup& group, const Name& zone) const {
    return group.zone_types.contains(zone.folded()) || tag_data_of(group, zone) != nullptr;
  }

  // The zone as single groups have it: of another type, or with other data.
  Result<void> add_variants(const scenario::LocalZone& zone, const std::vector<ResourceRecord>& records, Config& out) {
    for (const ClientGroup& group : groups_) {
      if (!has_variant(group, zone.name) || !sees_global(group)) continue;
      const auto type = group.zone_types.find(zone.name.folded());
      auto local = zone_of(zone.name, type == group.zone_types.end() ? zone.type : type->second);
      if (!local) return local.error();
      local->groups = {group.name};
      local->parsed = records;
      if (const Texts* data = tag_data_of(group, zone.name)) {
        Texts whole;
        for (const std::string& text : *data) whole.push_back(zone.name.to_text() + ". " + text);
        auto read = read_records(whole, out.local.ttl);
        if (!read) return read.error();
        local->parsed = std::move(*read);
      }
      out.local_zones.push_back(std::move(*local));
    }
    return {};
  }

  Result<void> add_view(const View& view, Config& out) {
    auto records = read_records(view.local_data, out.local.ttl);
    if (!records) return records.error();
    for (const scenario::LocalZone& zone : view.local_zones) {
      auto local = zone_of(zone.name, zone.type);
      if (!local) return local.error();
      for (const ClientGroup& group : groups_) {
        if (group.view == view.name) local->groups.push_back(group.name);
      }
      for (const ResourceRecord& record : *records) {
        if (holder_of(record.owner, view.local_zones) == &zone) local->parsed.push_back(record);
      }
      if (!local->groups.empty()) out.local_zones.push_back(std::move(*local));
    }
    return {};
  }

  const ScenarioSettings& settings_;
  const std::vector<ClientGroup> groups_;
  std::unordered_map<Name, std::vector<std::string>> tags_;  // of zones
};

}  // namespace

Result<std::vector<weir::LocalZone>> local_zones(const ScenarioSettings& settings,
                                                 const std::vector<ForwardZone>& forwards) {
  Config config = Config::defaults();
  config.dns64.on = settings.has_dns64;
  std::vector<scenario::LocalZone> wanted = settings.local_zones;
  // Knot, whose servers the files have, resolves `test`.
  if (settings.dialect == ScenarioSettings::Dialect::deckard) wanted.push_back({*Name::parse("test"), "nodefault"});
  auto built = ZoneSplit(settings).build(wanted, config);
  if (!built) return built.error();
  for (const ForwardZone& zone : forwards) {
    ForwardConfig forward;
    forward.name = zone.name;
    config.forwards.push_back(std::move(forward));
  }
  return config::compile_local_zones(config);
}

std::optional<std::string> missing_local(const ScenarioSettings& settings) {
  for (const View& view : settings.views) {
    if (!view.response_ip.empty()) return "views: weir's address rules are lists, not of a view";
    for (const scenario::LocalZone& zone : view.local_zones) {
      const bool below = std::ranges::any_of(settings.local_zones, [&](const scenario::LocalZone& other) {
        return other.name != zone.name && other.name.is_at_or_below(zone.name);
      });
      if (view.first && below) return "views: in weir the longest zone decides, whoever's it is";
    }
  }
  for (const auto& line : settings.policy_lines) {
    if (line.key == "access-control-tag-action") return line.key + ": weir's zones have one type for a group";
  }
  return std::nullopt;
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
