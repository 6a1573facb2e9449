#include "tests/scenario/engine_settings.h"

#include <algorithm>
#include <random>

#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/server/resolution_settings.h"

namespace weir::scenario {
namespace {

// The addresses of a hints file; its names do not matter to a scenario.
std::vector<IpAddress> addresses_of_hints(const std::string& text) {
  std::vector<IpAddress> out;
  ZoneContext context;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto record = parse_record(text.substr(at, std::min(text.find(';', at), end) - at), context);
    at = end + 1;
    if (!record || record->record_class != RecordClass::in) continue;
    if (record->type == RecordType::a || record->type == RecordType::aaaa) {
      out.push_back(IpAddress::from_octets(record->rdata));
    }
  }
  return out;
}

ResolutionConfig resolution_config(const ScenarioSettings& settings) {
  const bool unbound = settings.dialect == ScenarioSettings::Dialect::unbound;
  ResolutionConfig out;
  out.minimise_names = settings.qname_minimisation;
  if (!unbound) out.minimise_with = RecordType::ns;
  out.hide_type = unbound;
  // Entries hold the names as they are written in the file, and servers of the scenarios answer with those.
  out.randomise_case = false;
  out.minimal_answers = settings.minimal_responses;
  using AliasTargets = ResolutionConfig::AliasTargets;
  out.alias_targets = unbound ? AliasTargets::asked : AliasTargets::data_taken;
  if (!settings.ask_for_alias_targets) out.alias_targets = AliasTargets::taken;
  out.unsigned_dnames = !unbound;
  out.verify_glue = settings.harden_unverified_glue;
  out.foreign_glue = !settings.harden_glue;
  out.loopback_servers = !settings.do_not_query_localhost;
  out.unasked_name_servers = !settings.scrub_promiscuous;
  out.name_servers_beside_denials = !unbound;
  out.any_additional = !settings.harden_unknown_additional;
  out.max_name_servers = settings.scrub_ns.value_or(0);
  out.refer_without_recursion =
      std::ranges::any_of(settings.access, [](const AccessRule& rule) { return rule.action == "allow_snoop"; });
  out.every_algorithm = settings.harden_algo_downgrade;
  return out;
}

std::shared_ptr<const TrustRules> trust_rules(const ScenarioSettings& settings) {
  auto rules = std::make_shared<TrustRules>();
  ZoneContext context;
  for (const std::string& line : settings.trust_anchors) {
    const auto record = parse_record(line, context);
    if (record) rules->anchors.add(record->owner, record->type, record->rdata);
  }
  const WallTime now = settings.wall_start();
  for (const Name& name : settings.domain_insecure) {
    (void)rules->negative_anchors.add({name, now + std::chrono::hours(24), "domain-insecure"}, now);
  }
  rules->missing_keys_are_insecure = !settings.harden_dnssec_stripped;
  rules->every_algorithm = resolution_config(settings).every_algorithm;
  // 150 where a file is silent: the field's use 123, which the daemon takes for insecure.
  rules->max_nsec3_iterations = static_cast<std::uint16_t>(std::min(settings.nsec3_iterations, 65'535U));
  // DSA counts as supported in every scenario, and never in the daemon.
  rules->algorithms.signatures.set(static_cast<std::size_t>(DnssecAlgorithm::dsa));
  rules->algorithms.signatures.set(static_cast<std::size_t>(DnssecAlgorithm::dsa_nsec3_sha1));
  if (settings.ignore_signature_dates) rules->clock_skew = std::chrono::seconds(1'000'000'000);
  return rules;
}

}  // namespace

EngineOptions engine_options(const ScenarioSettings& settings, ZoneTrustCache& zone_trust, DenialCache& denials) {
  EngineOptions options;
  std::vector<IpAddress> roots = settings.root_addresses;
  const auto hinted = addresses_of_hints(settings.root_hints);
  roots.insert(roots.end(), hinted.begin(), hinted.end());
  if (!roots.empty()) {
    options.root_hints.push_back({settings.root_server_name.value_or(*Name::parse("hint.root-servers.net")), roots});
  }
  options.use_ipv4 = settings.use_ipv4;
  options.use_ipv6 = settings.use_ipv6;
  for (const auto* zones : {&settings.forward_zones, &settings.stub_zones}) {
    for (const UpstreamZone& zone : *zones) {
      if (zone.addresses.empty()) continue;
      options.forward_zones.push_back(
          {.name = zone.name,
           .servers = {zone.addresses.begin(), zone.addresses.end()},
           .kind = zones == &settings.stub_zones ? ForwardZone::Kind::stub : ForwardZone::Kind::forward,
           .fallback = zone.first ? ForwardZone::Fallback::recursion : ForwardZone::Fallback::none,
           .caching = zone.no_cache ? ForwardZone::Caching::off : ForwardZone::Caching::on});
    }
  }
  options.ttl = {.min_seconds = settings.cache_min_ttl,
                 .max_seconds = settings.cache_max_ttl,
                 .min_negative_seconds = settings.cache_min_negative_ttl,
                 .max_negative_seconds = settings.cache_max_negative_ttl};
  apply_resolution(resolution_config(settings), options);
  options.random = [random = std::mt19937_64(1)]() mutable { return static_cast<std::uint32_t>(random()); };
  if (settings.has_validator && !settings.trust_anchors.empty()) {
    options.trust = trust_rules(settings);
    options.zone_trust = &zone_trust;
    if (settings.aggressive_nsec) options.denials = &denials;
  }
  return options;
}

CacheConfig cache_config(const ScenarioSettings& settings) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  CacheConfig out;
  out.serve_stale = settings.serve_expired;
  out.stale_for = seconds(settings.serve_expired_ttl);
  out.stale_wait = milliseconds(settings.serve_expired_client_timeout_ms);
  out.stale_ttl = seconds(settings.serve_expired_reply_ttl);
  out.stale_recheck = seconds(5);  // Unbound's NORR_TTL; RFC 8767 section 5 recommends 30
  out.prefetch = settings.prefetch;
  return out;
}

AnswerConfig answer_config(const ScenarioSettings& settings) {
  AnswerConfig out;
  out.cookies = settings.answer_cookie;
  out.cookie_secret = settings.cookie_secret;
  for (const AccessRule& rule : settings.access) {
    if (rule.action == "allow_cookie") out.require_cookies.push_back(rule.clients);
  }
  if (settings.queries_per_thread) {  // Unbound's: it drops what comes then
    out.max_waiting = *settings.queries_per_thread;
    out.when_full = AnswerConfig::WhenFull::drop;
  }
  if (!settings.hide_version) out.version = settings.version;
  if (!settings.hide_identity) out.identity = settings.identity;
  return out;
}

std::vector<std::string> missing_features(const ScenarioSettings& settings) {
  std::vector<std::string> out;
  const auto miss = [&](bool missing, const char* what) {
    if (missing) out.emplace_back(what);
  };
  miss(settings.has_dns64 || settings.dns64_prefix, "dns64");
  miss(!settings.local_zones.empty() || !settings.local_data.empty(), "local-zone, local-data");
  miss(settings.serve_expired_ttl_reset, "serve-expired-ttl-reset");
  miss(settings.prefetch_key, "prefetch-key");
  miss(!settings.do_not_query_addresses.empty(), "do-not-query");
  miss(settings.harden_referral_path, "harden-referral-path");
  miss(std::ranges::any_of(settings.stub_zones,
                           [](const UpstreamZone& zone) { return zone.prime || !zone.hosts.empty(); }),
       "stub-prime, stub-host");
  miss(settings.max_query_restarts || settings.max_global_quota || settings.outbound_msg_retry ||
           settings.val_max_restart,
       "other budgets");
  return out;
}

}  // namespace weir::scenario
