#include <algorithm>
#include <map>
#include <set>

#include "zones/base/text.h"
#include "zones/config/document.h"

namespace weir::config {
namespace {

bool is_reserved(std::string_view list) {
  static const PolicySet kReserved = PolicySet::with_defaults();
  return kReserved.find_list(list) != nullptr;
}

// Where a fault of `key` (its item `index`, where it is an array) is shown: the nearest thing that the file holds.
ConfigPosition position_of(const ConfigValue& table, std::string_view key, std::size_t index) {
  const auto* member = find_member(table, key);
  if (member == nullptr) return table.position;
  return index < member->value.items.size() ? member->value.items[index].position : member->value.position;
}

class Checker {
 public:
  Checker(const Config& config, const Origins& origins, std::vector<std::string>& out)
      : config_(config), origins_(origins), out_(out) {}

  void run() {
    for (const auto& list : config_.lists) list_names_.push_back(list.definition.name);
    for (const auto& policy : config_.policies) policy_names_.push_back(policy.policy.name);
    check_names();
    check_lists();
    check_served();
    check_api();
    check_sinks();
    check_policies();
    check_groups();
    check_schedules();
    check_local_zones();
  }

 private:
  void add(const Origin& origin, std::string_view key, const std::string& text, std::size_t index = SIZE_MAX) {
    Faults(origin.document->file, out_).add(position_of(*origin.table, key, index), text);
  }

  void check_names() {
    std::map<std::string_view, std::string> seen;
    for (std::size_t i = 0; i < config_.lists.size(); ++i) {
      check_once(seen, "list", list_names_[i], config_.lists[i].where, origins_.lists[i]);
      if (is_reserved(list_names_[i]))
        add(origins_.lists[i], "name", "the list name " + quote(list_names_[i]) + " is weir's own");
    }
    seen.clear();
    for (std::size_t i = 0; i < config_.policies.size(); ++i)
      check_once(seen, "policy", policy_names_[i], config_.policies[i].where, origins_.policies[i]);
    seen.clear();
    for (std::size_t i = 0; i < config_.groups.size(); ++i)
      check_once(seen, "group", config_.groups[i].name, config_.groups[i].where, origins_.groups[i]);
    seen.clear();
    for (std::size_t i = 0; i < config_.schedules.size(); ++i)
      check_once(seen, "schedule", config_.schedules[i].name, config_.schedules[i].where, origins_.schedules[i]);
    seen.clear();
    for (std::size_t i = 0; i < config_.sinks.size(); ++i)
      check_once(seen, "sink", config_.sinks[i].name, config_.sinks[i].where, origins_.sinks[i]);
    check_names_once("forward zone", config_.forwards, origins_.forwards);
    check_names_once("TSIG key", config_.tsig_keys, origins_.tsig_keys);
    check_names_once("served zone", config_.served, origins_.served);
    check_names_once("negative trust anchor", config_.negative_trust_anchors, origins_.negative_trust_anchors);
  }

  // Domain names, which differ in case and mean the same.
  template <class Section>
  void check_names_once(std::string_view what, const std::vector<Section>& sections,
                        const std::vector<Origin>& origins) {
    std::map<std::string, std::string> seen;
    for (std::size_t i = 0; i < sections.size(); ++i) {
      if (find_member(*origins[i].table, "name") == nullptr) continue;  // the fault was told already
      const std::string name = sections[i].name.to_text();
      const auto [first, fresh] = seen.emplace(to_lower_ascii(name), sections[i].where);
      if (!fresh)
        add(origins[i], "name", "a " + std::string(what) + ' ' + quote(name) + " is defined at " + first->second);
    }
  }

  void check_once(std::map<std::string_view, std::string>& seen, std::string_view what, std::string_view name,
                  const std::string& where, const Origin& origin) {
    if (name.empty() || origin.table == nullptr) return;  // the fault was told already
    const auto [first, fresh] = seen.emplace(name, where);
    if (!fresh) add(origin, "name", "a " + std::string(what) + ' ' + quote(name) + " is defined at " + first->second);
  }

  void check_known(const std::vector<std::string>& names, const std::vector<std::string_view>& known,
                   std::string_view what, std::string_view key, const Origin& origin, bool is_array) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (std::find(known.begin(), known.end(), names[i]) != known.end()) continue;
      const std::string_view near = nearest(names[i], known);
      add(origin, key,
          "there is no " + std::string(what) + ' ' + quote(names[i]) +
              (near.empty() ? std::string() : "; did you mean " + quote(near) + "?"),
          is_array ? i : SIZE_MAX);
    }
  }

  void check_lists() {
    for (std::size_t i = 0; i < config_.lists.size(); ++i) {
      check_known(config_.lists[i].policies, policy_names_, "policy", "policies", origins_.lists[i], true);
      check_source(config_.lists[i], origins_.lists[i]);
      check_override(config_.lists[i].definition, origins_.lists[i]);
    }
    for (std::size_t i = 0; i < config_.tsig_keys.size(); ++i) {
      const bool inside = find_member(*origins_.tsig_keys[i].table, "secret") != nullptr;
      const bool outside = find_member(*origins_.tsig_keys[i].table, "secret_file") != nullptr;
      if (inside && outside) add(origins_.tsig_keys[i], "secret_file", "secret and secret_file exclude each other");
      if (!inside && !outside) add(origins_.tsig_keys[i], "name", "a TSIG key needs secret or secret_file");
    }
  }

  void check_served() {
    const TransferConfig& transfer = config_.transfer;
    if (!transfer.listen_tls.empty() && (transfer.certificate.empty() || transfer.certificate_key.empty()) &&
        origins_.transfer.table != nullptr) {
      add(origins_.transfer, "listen_tls", "listen_tls needs certificate and certificate_key");
    }
    std::vector<std::string_view> lists;
    for (const ListConfig& list : config_.lists) lists.push_back(list.definition.name);
    for (std::size_t i = 0; i < config_.served.size(); ++i) {
      const ServeConfig& served = config_.served[i];
      const Origin& origin = origins_.served[i];
      if (served.list.empty() == served.policy.empty())
        add(origin, "name", "a served zone holds either a list or a policy: list = \"...\" or policy = \"...\"");
      if (!served.list.empty()) check_known({served.list}, lists, "list", "list", origin, false);
      if (!served.policy.empty()) check_known({served.policy}, policy_names_, "policy", "policy", origin, false);
      if (!served.tsig_key && served.allow.empty())
        add(origin, "name", "whoever asks would get it: a served zone needs tsig_key or allow");
      check_key(served.tsig_key, origin);
    }
  }

  void check_sinks() {
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      const SinkConfig& sink = config_.sinks[i];
      const std::string_view to = sink.to;
      const bool is_file = to.starts_with('/');
      const bool is_socket = to.starts_with("unix:/");
      const char* wanted = nullptr;
      switch (sink.kind) {
        case SinkConfig::Kind::dnstap:
          if (!is_file && !is_socket)
            wanted = "dnstap goes to a socket (to = \"unix:/path\") or to a file (to = \"/path\")";
          break;
        case SinkConfig::Kind::clickhouse:
          if (!to.starts_with("http://") && !to.starts_with("https://"))
            wanted = "clickhouse is asked over HTTP: to = \"http://127.0.0.1:8123\"";
          break;
        case SinkConfig::Kind::json:
          if (!is_file) wanted = "json goes to a file or a named pipe: to = \"/path\"";
          break;
        case SinkConfig::Kind::syslog:
          if (!to.empty() && !is_socket) wanted = "syslog is the system's (to = \"\") or \"unix:/path\" of a socket";
          break;
      }
      if (wanted != nullptr) add(origins_.sinks[i], "to", wanted);
    }
  }

  void check_api() {
    const ApiConfig& api = config_.api;
    if (origins_.api.table == nullptr || (!api.tls_certificate.empty() && !api.tls_key.empty())) return;
    for (std::size_t i = 0; i < api.listen.size(); ++i) {
      if (api.listen[i].address.unmapped().is_loopback()) continue;
      add(origins_.api, "listen",
          api.listen[i].to_text() +
              " is not loopback, so tokens would be sent where others can read them: tls_certificate and tls_key are "
              "needed",
          i);
    }
  }

  void check_key(const std::optional<Name>& name, const Origin& origin) {
    if (!name) return;
    const bool known = std::any_of(config_.tsig_keys.begin(), config_.tsig_keys.end(),
                                   [&](const TsigKeyConfig& key) { return key.name == *name; });
    if (!known) add(origin, "tsig_key", "there is no TSIG key " + quote(name->to_text()));
  }

  // From a source or from primaries.
  void check_source(const ListConfig& list, const Origin& origin) {
    const auto has = [&](std::string_view key) { return find_member(*origin.table, key) != nullptr; };
    if (!has("zone")) {
      if (!has("source")) add(origin, "source", "[[list]] needs the key 'source', or 'zone' and 'primaries'");
      for (const char* key : {"primaries", "tsig_key", "tls", "tls_name", "tls_ca"}) {
        if (has(key)) add(origin, key, "'" + std::string(key) + "' is used with zone only");
      }
      return;
    }
    if (has("source")) add(origin, "source", "a list comes from a source or is a zone from primaries, not both");
    if (!has("primaries")) add(origin, "zone", "a zone needs primaries = [\"192.0.2.1\"]");
    const ConfigValue::Member* primaries = find_member(*origin.table, "primaries");
    if (primaries != nullptr && primaries->value.type == ConfigValue::Type::array && primaries->value.items.empty())
      add(origin, "primaries", "a zone needs one primary at least");
    if (list.definition.kind != ListKind::rpz) add(origin, "kind", "a zone from primaries is of kind \"rpz\"");
    if (has("key")) add(origin, "key", "a zone from primaries is signed with a tsig_key, not with minisign");
    for (const char* key : {"tls_name", "tls_ca"}) {
      if (has(key) && !list.tls) add(origin, key, "'" + std::string(key) + "' is used with tls = true only");
    }
    check_key(list.tsig_key, origin);
  }

  void check_override(const ListDefinition& list, const Origin& origin) {
    const bool has_target = find_member(*origin.table, "override_target") != nullptr;
    const bool wants_target = list.override_action == Action::cname;
    if (list.adds_soa && list.kind != ListKind::rpz)
      add(origin, "add_soa", "'add_soa' is used with kind = \"rpz\" only");
    if (list.override_action && list.kind != ListKind::rpz)
      add(origin, "override", "'override' is used with kind = \"rpz\" only");
    if (wants_target && !has_target)
      add(origin, "override", "override = \"cname\" needs override_target = \"blocked.example.org\"");
    if (has_target && !wants_target)
      add(origin, "override_target", "override_target is used with override = \"cname\" only");
  }

  void check_policies() {
    for (std::size_t i = 0; i < config_.policies.size(); ++i) {
      const Origin& origin = origins_.policies[i];
      if (origin.table == nullptr) continue;
      check_known(config_.policies[i].lists, list_names_, "list", "lists", origin, true);
      const bool has_addresses = find_member(*origin.table, "block_address") != nullptr;
      const auto* block = find_member(*origin.table, "block");
      const bool wants_addresses = block != nullptr && block->value.text == "address";
      if (wants_addresses && !has_addresses)
        add(origin, "block", "block = \"address\" needs block_address = [\"192.0.2.1\", \"2001:db8::1\"], one or both");
      if (has_addresses && !wants_addresses)
        add(origin, "block_address", "block_address is used with block = \"address\" only");
      const bool has_target = find_member(*origin.table, "block_target") != nullptr;
      const bool wants_target = block != nullptr && block->value.text == "cname";
      if (wants_target && !has_target)
        add(origin, "block", "block = \"cname\" needs block_target = \"blocked.example.org\"");
      if (has_target && !wants_target) add(origin, "block_target", "block_target is used with block = \"cname\" only");
      const std::uint16_t both = 1U << 3 | 1U << 4;
      if ((config_.policies[i].policy.safe_search & both) == both)
        add(origin, "safe_search", "youtube and youtube-moderate exclude each other");
    }
  }

  void check_groups() {
    std::map<Prefix, std::size_t> owners;
    for (std::size_t i = 0; i < config_.groups.size(); ++i) {
      const GroupConfig& group = config_.groups[i];
      const Origin& origin = origins_.groups[i];
      check_known({group.policy}, policy_names_, "policy", "policy", origin, false);
      if (group.name == "default") {
        if (!group.clients.empty())
          add(origin, "clients", "the group \"default\" is every client that no other group names: it has no clients");
        continue;
      }
      if (group.clients.empty()) {
        if (find_member(*origin.table, "clients") == nullptr)
          add(origin, "name", "the group " + quote(group.name) + " needs clients = [\"192.0.2.0/24\"]");
        continue;
      }
      for (std::size_t k = 0; k < group.clients.size(); ++k) {
        const auto [first, fresh] = owners.emplace(group.clients[k], i);
        if (fresh) continue;
        add(origin, "clients",
            quote(group.clients[k].to_text()) + " belongs to the group " + quote(config_.groups[first->second].name) +
                " at " + config_.groups[first->second].where,
            k);
      }
    }
  }

  void check_schedules() {
    std::vector<std::string_view> group_names{"default"};
    for (const auto& group : config_.groups) group_names.push_back(group.name);
    for (std::size_t i = 0; i < config_.schedules.size(); ++i) {
      check_known(config_.schedules[i].groups, group_names, "group", "groups", origins_.schedules[i], true);
      check_known(config_.schedules[i].lists, list_names_, "list", "lists", origins_.schedules[i], true);
    }
  }

  // One zone of a name for everybody, and one for each group.
  void check_local_zones() {
    std::vector<std::string_view> group_names{"default"};
    for (const auto& group : config_.groups) group_names.push_back(group.name);
    std::map<std::pair<std::string, std::string>, std::string> seen;  // by name and group
    for (std::size_t i = 0; i < config_.local_zones.size(); ++i) {
      const LocalZoneConfig& zone = config_.local_zones[i];
      const Origin& origin = origins_.local_zones[i];
      check_known(zone.groups, group_names, "group", "groups", origin, true);
      if (zone.ptr && !zone.groups.empty())
        add(origin, "ptr", "a zone of some groups has no ptr: the addresses' names would be everybody's");
      if (find_member(*origin.table, "name") == nullptr) continue;  // the fault was told already
      const std::string name = zone.name.to_text();
      std::vector<std::string> groups = zone.groups;
      if (groups.empty()) groups.emplace_back();
      for (const std::string& group : groups) {
        const auto [first, fresh] = seen.emplace(std::pair(to_lower_ascii(name), group), zone.where);
        if (!fresh) {
          add(origin, "name",
              "a local zone " + quote(name) + (group.empty() ? "" : " of the group " + quote(group)) +
                  " is defined at " + first->second);
        }
      }
    }
  }

  const Config& config_;
  const Origins& origins_;
  std::vector<std::string>& out_;
  std::vector<std::string_view> list_names_;
  std::vector<std::string_view> policy_names_;
};

}  // namespace

const ConfigValue::Member* find_member(const ConfigValue& table, std::string_view key) {
  const auto found =
      std::find_if(table.members.begin(), table.members.end(), [&](const auto& member) { return member.key == key; });
  return found != table.members.end() ? &*found : nullptr;
}

void check_references(const Config& config, const Origins& origins, std::vector<std::string>& faults) {
  Checker(config, origins, faults).run();
}

}  // namespace weir::config
