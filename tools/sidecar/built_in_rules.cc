#include "tools/sidecar/built_in_rules.h"

#include <algorithm>

#include "zones/built_in_lists.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kMaxBuiltInRules = 100'000;

// Of "https://lists.example:8443/ads.txt"; nothing for files and addresses.
std::optional<Name> host_of(std::string_view source) {
  const auto scheme = source.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  std::string_view host = source.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto user = host.rfind('@'); user != std::string_view::npos) host.remove_prefix(user + 1);
  if (host.starts_with('[')) return std::nullopt;
  host = host.substr(0, host.find(':'));
  if (host.empty() || IpAddress::parse(host)) return std::nullopt;
  auto name = Name::parse(host);
  if (!name) return std::nullopt;
  return name->folded();
}

std::vector<Rule> wanted_rules(ListId list, const Config& config) {
  std::vector<Rule> rules = built_in_rules(list);
  if (list != kProtectedNames) return rules;
  const auto add = [&](const Name& name) {
    Rule rule = protect(name);
    if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(std::move(rule));
  };
  for (const ListConfig& source : config.lists) {
    if (source.zone) continue;  // primaries are addresses
    if (const auto host = host_of(source.source)) add(*host);
  }
  if (const auto own = Name::parse(config.resolver.name)) add(own->folded());
  return rules;
}

bool is_there(const std::vector<SourcedRule>& known, const std::vector<Rule>& wanted) {
  return known.size() == wanted.size() && std::all_of(wanted.begin(), wanted.end(), [&](const Rule& rule) {
           return std::any_of(known.begin(), known.end(), [&](const SourcedRule& other) { return other.rule == rule; });
         });
}

}  // namespace

std::vector<Name> protected_names_of(const Config& config) {
  std::vector<Name> names;
  for (const Rule& rule : wanted_rules(kProtectedNames, config)) names.push_back(rule.name);
  return names;
}

Result<void> write_built_in_rules(PolicyStore& store, const Config& config, Now now) {
  const std::vector<ListDefinition> lists = store.policies().lists;
  for (const ListDefinition& list : lists) {
    if (!is_built_in(list.id)) continue;
    const std::vector<Rule> wanted = wanted_rules(list.id, config);
    const auto known = store.rules_of(list.id, kMaxBuiltInRules);
    if (!known) return known.error();
    if (is_there(*known, wanted)) continue;
    std::uint64_t line = 0;
    const RuleStream stream = [&]() -> Result<std::optional<SourcedRule>> {
      if (line == wanted.size()) return std::optional<SourcedRule>();
      ++line;
      return std::optional<SourcedRule>({wanted[line - 1], line});
    };
    Provenance provenance;
    provenance.source = "weir";
    provenance.who = "weir";
    provenance.fetched_at = now.wall;
    const auto imported = store.import(list.id, stream, provenance, [](std::uint64_t) {}, now);
    if (!imported) return imported.error();
  }
  return {};
}

Result<void> write_definitions(PolicyStore& store, const Config& config, Now now) {
  PolicySet set = config.compile();
  // Hours of the week as moments, the same ones for a whole month.
  for (Schedule& schedule : set.schedules) {
    auto edges = edges_of(schedule.hours, beginning_of_month(now.wall));
    if (!edges) return edges.error();
    schedule.edges = std::move(*edges);
  }
  if (auto defined = store.define(set); !defined) return defined.error();
  return write_built_in_rules(store, config, now);
}

}  // namespace weir::sidecar
