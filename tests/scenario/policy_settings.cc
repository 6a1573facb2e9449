#include "tests/scenario/policy_settings.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "tests/scenario/client_groups.h"
#include "tests/scenario/local_settings.h"
#include "tests/scenario/response_rules.h"
#include "zones/lists/list_reader.h"
#include "zones/store/writer.h"

namespace weir::scenario {
namespace {

using Tags = std::set<std::string>;

// Unbound's words for what a zone's entries are overridden with; `disabled` zones only log.
constexpr std::pair<std::string_view, Action> kOverrides[] = {
    {"nxdomain", Action::nxdomain}, {"nodata", Action::nodata}, {"passthru", Action::allow},
    {"drop", Action::drop},         {"cname", Action::cname},   {"tcp-only", Action::truncate}};

std::optional<Action> override_of(const PolicyZone& zone) {
  for (const auto& [word, action] : kOverrides) {
    if (word == zone.action_override) return action;
  }
  return std::nullopt;
}

bool applies_to(const PolicyZone& zone, const Tags& tags) {
  return zone.tags.empty() ||
         std::ranges::any_of(zone.tags, [&](const std::string& tag) { return tags.contains(tag); });
}

Policy policy_for(const ScenarioSettings& settings, const Tags& tags, std::string name) {
  Policy policy;
  policy.name = std::move(name);
  policy.block.ttl_seconds = 3600;
  policy.aliases = AliasAnswers::shown;
  policy.rebinding_protection = !settings.private_addresses.empty();
  const std::vector<PolicyZone> zones = policy_zones_of(settings);
  for (std::size_t i = 0; i < zones.size(); ++i) {
    const PolicyZone& zone = zones[i];
    if (!applies_to(zone, tags)) continue;
    policy.lists.push_back({kFirstDefinedList.value + static_cast<std::uint32_t>(i)});
    policy.clears_ra = policy.clears_ra || zone.signal_nxdomain_ra;
  }
  return policy;
}

PolicySet compile(const ScenarioSettings& settings, const std::vector<weir::LocalZone>& zones,
                  const std::optional<Dns64>& dns64) {
  PolicySet set = PolicySet::with_defaults();
  set.local_zones = zones;
  set.dns64 = dns64;
  for (const std::string& domain : settings.private_domains) {
    if (auto name = Name::parse(domain)) set.local_domains.push_back(*name);
  }
  const std::vector<PolicyZone> policy_zones = policy_zones_of(settings);
  for (std::size_t i = 0; i < policy_zones.size(); ++i) {
    const PolicyZone& zone = policy_zones[i];
    ListDefinition list;
    list.id = {kFirstDefinedList.value + static_cast<std::uint32_t>(i)};
    list.name = "zone" + std::to_string(i);
    list.kind = ListKind::rpz;
    list.rank = kRankRpz + static_cast<int>(i);
    list.order = Order::specific;
    list.own_actions = true;
    list.rewrites = true;
    list.wildcards = Wildcards::closest;
    list.adds_soa = !settings.minimal_responses;
    list.nxdomain = zone.safe_nxdomain ? NameErrors::safe : NameErrors::as_written;
    list.mode = zone.action_override == "disabled" ? ListMode::observe : ListMode::enforce;
    list.override_action = override_of(zone);
    if (list.override_action == Action::cname) list.override_target = *Name::parse(zone.cname_override);
    set.lists.push_back(std::move(list));
  }
  set.policies[0] = policy_for(settings, {}, "default");
  for (const ClientGroup& group : client_groups(settings)) {
    set.groups.push_back({group.name, {group.clients}, static_cast<std::uint32_t>(set.policies.size())});
    set.policies.push_back(policy_for(settings, group.tags, group.name));
  }
  return set;
}

}  // namespace

// Unbound looks at response-ip before its policy zones.
std::vector<PolicyZone> policy_zones_of(const ScenarioSettings& settings) {
  std::vector<PolicyZone> out = response_zones(settings);
  out.insert(out.end(), settings.policy_zones.begin(), settings.policy_zones.end());
  return out;
}

bool has_block_answers(const ScenarioSettings& settings) {
  return !policy_zones_of(settings).empty() || !settings.private_addresses.empty();
}

bool has_policy(const ScenarioSettings& settings) {
  return has_block_answers(settings) || !client_groups(settings).empty();
}

Result<std::unique_ptr<PolicyUnderTest>> PolicyUnderTest::make(const ScenarioSettings& settings,
                                                               const std::vector<weir::LocalZone>& zones,
                                                               const std::optional<Dns64>& dns64,
                                                               const std::filesystem::path& folder) {
  const Now now{{}, settings.wall_start() + std::chrono::hours(1)};
  std::unique_ptr<PolicyUnderTest> out(new PolicyUnderTest(policy_zones_of(settings), folder, now));
  auto store = PolicyStore::open(folder / "store", {}, now);
  if (!store) return store.error();
  out->store_ = std::move(*store);
  if (auto defined = out->store_->define(compile(settings, zones, dns64)); !defined) return defined.error();
  for (std::size_t i = 0; i < out->zones_.size(); ++i) {
    if (out->zones_[i].content.empty()) continue;  // its primary has it
    if (auto imported = out->import(i); !imported) return imported.error();
  }
  if (auto published = out->publish(); !published) return published.error();
  return out;
}

Result<void> PolicyUnderTest::replace(std::size_t zone, const std::string& content) {
  zones_[zone].content = content;
  if (auto imported = import(zone); !imported) return imported;
  return publish();
}

Result<void> PolicyUnderTest::import(std::size_t zone) {
  const std::string name = "zone" + std::to_string(zone);
  const std::string& content = zones_[zone].content;
  const auto file = folder_ / (name + ".txt");
  // Unbound is told what the zone is called, and takes a file without an SOA.
  const bool has_soa = content.find("SOA") != std::string::npos;
  std::ofstream(file) << (has_soa ? "" : zones_[zone].name + " 3600 IN SOA ns hostmaster 1 3600 900 86400 3600\n")
                      << content;
  ListOptions options;
  options.kind = ListKind::rpz;
  options.rewrites = true;
  options.own_actions = true;
  auto reader = ListReader::open(file, options);
  if (!reader) return reader.error();
  const RuleStream stream = [&]() -> Result<std::optional<SourcedRule>> { return (*reader)->next(); };
  const ListId list = store_->policies().find_list(name)->id;
  auto imported = store_->import(list, stream, {}, [](std::uint64_t) {}, now_);
  if (!imported) return imported.error();
  const auto& soa = (*reader)->summary().soa;
  return soa ? store_->set_zone_soa(list, *soa) : Result<void>();
}

Result<void> PolicyUnderTest::publish() {
  if (auto published = store_->publish("scenario", now_); !published) return published.error();
  auto opened = Generation::open_current(folder_ / "store", StoreCache::make(1U << 20));
  if (!opened) return opened.error();
  generation_ = std::move(*opened);
  return {};
}

void expect_block_answers(Scenario& scenario) {
  for (Step& step : scenario.steps) {
    if (step.kind != StepKind::check_answer || !step.entry) continue;
    Entry& entry = *step.entry;
    entry.header.flags.authoritative = false;
    Matching& match = entry.match;
    if (!match.all || !entry.first().authority.empty()) continue;
    match.all = false;
    match.opcode = match.rcode = match.flags = match.question = match.answer = match.additional = true;
  }
}

void expect_local_refusals(Scenario& scenario) {
  for (Step& step : scenario.steps) {
    if (step.kind != StepKind::check_answer || !step.entry) continue;
    EntryHeader& header = step.entry->header;
    if (header.rcode == Rcode::refused) header.flags.authoritative = false;
  }
}

std::optional<std::string> missing_policy(const ScenarioSettings& settings) {
  for (const PolicyZone& zone : settings.policy_zones) {
    const bool known_override = zone.action_override == "disabled" || override_of(zone);
    if (!zone.action_override.empty() && !known_override)
      return "rpz-action-override: weir has no override '" + zone.action_override + "'";
    if (zone.action_override == "cname" && !Name::parse(zone.cname_override))
      return "rpz-cname-override: no name '" + zone.cname_override + "'";
    if (zone.primaries.empty() && zone.content.empty()) return "rpz: a zone without a file and without a primary";
  }
  for (const std::string& text : settings.private_addresses) {
    static constexpr std::string_view kOurs[] = {"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8",
                                                 "169.254.0.0/16", "fd00::/8",      "fe80::/10"};
    if (std::ranges::find(kOurs, text) == std::end(kOurs))
      return "private-address: weir's own list is fixed, and " + text + " is not on it";
  }
  if (auto reason = missing_local(settings)) return reason;
  return missing_response_rule(settings);
}

}  // namespace weir::scenario
