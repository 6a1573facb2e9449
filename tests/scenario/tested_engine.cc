#include "tests/scenario/tested_engine.h"

#include <algorithm>

#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/server/local_names.h"
#include "resolver/wire/query.h"
#include "resolver/wire/reply.h"

namespace weir::scenario {
namespace {

constexpr std::size_t kMaxReply = 65'535;

std::optional<Rcode> rcode_of(QueryFault fault) {
  switch (fault) {
    case QueryFault::drop:
      return std::nullopt;
    case QueryFault::formerr:
      return Rcode::formerr;
    case QueryFault::notimp:
      return Rcode::notimp;
    case QueryFault::badvers:
      return Rcode::badvers;
    case QueryFault::refused:
      return Rcode::refused;
  }
  return std::nullopt;
}

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

}  // namespace

EngineUnderTest::EngineUnderTest(const ScenarioSettings& settings)
    : settings_(settings), engine_(engine_options(), rrsets_, servers_) {}

EngineOptions EngineUnderTest::engine_options() {
  EngineOptions options;
  std::vector<IpAddress> roots = settings_.root_addresses;
  const auto hinted = addresses_of_hints(settings_.root_hints);
  roots.insert(roots.end(), hinted.begin(), hinted.end());
  if (!roots.empty()) {
    options.root_hints.push_back({settings_.root_server_name.value_or(*Name::parse("hint.root-servers.net")), roots});
  }
  options.use_ipv4 = settings_.use_ipv4;
  options.use_ipv6 = settings_.use_ipv6;
  for (const auto* zones : {&settings_.forward_zones, &settings_.stub_zones}) {
    for (const UpstreamZone& zone : *zones) {
      if (zone.addresses.empty()) continue;
      options.forward_zones.push_back(
          {.name = zone.name,
           .servers = zone.addresses,
           .kind = zones == &settings_.stub_zones ? ForwardZone::Kind::stub : ForwardZone::Kind::forward,
           .fallback = zone.first ? ForwardZone::Fallback::recursion : ForwardZone::Fallback::none});
    }
  }
  options.minimal_responses = settings_.minimal_responses;
  options.qname_minimisation = settings_.qname_minimisation;
  // Entries hold the names as they are written in the file, and servers of the scenarios answer with those.
  options.randomise_case = false;
  options.random = [this] { return static_cast<std::uint32_t>(random_()); };
  if (settings_.has_validator && !settings_.trust_anchors.empty()) {
    options.trust = trust_rules();
    options.zone_trust = &zone_trust_;
    if (settings_.aggressive_nsec) options.denials = &denials_;
  }
  return options;
}

std::shared_ptr<const TrustRules> EngineUnderTest::trust_rules() const {
  auto rules = std::make_shared<TrustRules>();
  ZoneContext context;
  for (const std::string& line : settings_.trust_anchors) {
    const auto record = parse_record(line, context);
    if (record) rules->anchors.add(record->owner, record->type, record->rdata);
  }
  const WallTime now = settings_.wall_start();
  for (const Name& name : settings_.domain_insecure) {
    (void)rules->negative_anchors.add({name, now + std::chrono::hours(24), "domain-insecure"}, now);
  }
  rules->max_nsec3_iterations = 150;  // Unbound's default; the scenarios use 123, which the daemon takes for insecure
  // DSA counts as supported in every scenario, and never in the daemon.
  rules->algorithms.signatures.set(static_cast<std::size_t>(DnssecAlgorithm::dsa));
  rules->algorithms.signatures.set(static_cast<std::size_t>(DnssecAlgorithm::dsa_nsec3_sha1));
  if (settings_.ignore_signature_dates) rules->clock_skew = std::chrono::seconds(1'000'000'000);
  return rules;
}

void EngineUnderTest::query(std::uint64_t ticket, const IpAddress& client, MessageTransport transport,
                            std::span<const std::uint8_t> message, Now now) {
  Waiting waiting{ticket, transport, {message.begin(), message.end()}};
  const ParsedQuery parsed = parse_query(waiting.message);
  const Query& query = parsed.query;
  std::vector<std::uint8_t> out(transport == MessageTransport::udp ? query.udp_payload_size : kMaxReply);
  const auto send = [&](std::size_t size) {
    out.resize(size);
    if (size > 0) answers_.push_back({ticket, std::move(out)});
  };
  if (parsed.fault) {
    const auto rcode = rcode_of(*parsed.fault);
    return send(rcode ? write_error_reply(out, query, *rcode, nullptr) : 0);
  }
  if (const std::size_t local = answer_local_name(out, query); local != 0) return send(local);
  const Origin origin{.kind = OriginKind::client,
                      .prefix = Prefix::of(client, client.bits()),
                      .checking_disabled = query.checking_disabled,
                      .dnssec_ok = query.dnssec_ok,
                      .cache_only = !query.recursion_desired};
  const ResolutionId id = engine_.start({query.name(), query.type, query.record_class}, origin, now);
  waiting_.emplace(id, std::move(waiting));
}

void EngineUnderTest::answer(const Waiting& client, const ResolutionResult& result) {
  const Query query = parse_query(client.message).query;
  build_answer(result, built_);
  std::vector<std::uint8_t> out(client.transport == MessageTransport::udp ? query.udp_payload_size : kMaxReply);
  std::copy_n(built_.wire.begin(), std::min(built_.wire.size(), out.size()), out.begin());
  StoredReply stored;
  stored.flags = stored_flags(query, built_.rcode, result.security);
  stored.ttl_offsets = built_.ttl_offsets;
  if (result.ede) stored.error = ExtendedError{*result.ede, result.ede_text};
  out.resize(finish_stored_reply(out, built_.wire.size(), query, stored));
  answers_.push_back({client.ticket, std::move(out)});
}

std::vector<ResolverUnderTest::Answer> EngineUnderTest::take_answers() {
  for (const ResolutionResult& result : engine_.take_results()) {
    const auto client = waiting_.find(result.id);
    if (client == waiting_.end()) continue;
    answer(client->second, result);
    waiting_.erase(client);
  }
  return std::exchange(answers_, {});
}

void EngineUnderTest::receive(ExchangeId exchange, const Response& response, Now now) {
  engine_.receive(exchange, response, now);
}

bool EngineUnderTest::flush_message(const Name& name, RecordType, Now) {
  rrsets_.erase(name);
  return true;
}

bool EngineUnderTest::expire_message(const Name&, RecordType, Now) {
  return false;  // the RRset cache has no way to age an entry
}

std::vector<std::string> missing_features(const ScenarioSettings& settings) {
  std::vector<std::string> out;
  const auto miss = [&](bool missing, const char* what) {
    if (missing) out.emplace_back(what);
  };
  miss(settings.has_dns64 || settings.dns64_prefix, "dns64");
  miss(!settings.local_zones.empty() || !settings.local_data.empty(), "local-zone, local-data");
  miss(settings.serve_expired, "serve-expired");
  miss(settings.prefetch || settings.prefetch_key, "prefetch");
  miss(settings.answer_cookie, "answer-cookie");
  miss(settings.tcp_keepalive, "edns-tcp-keepalive");
  miss(!settings.identity.empty() || !settings.version.empty() || settings.hide_identity || settings.hide_version,
       "identity, version");
  miss(std::ranges::any_of(settings.access, [](const AccessRule& rule) { return rule.action != "allow"; }),
       "access-control");
  miss(!settings.do_not_query_addresses.empty() || !settings.do_not_query_localhost, "do-not-query");
  const ScenarioSettings silent;
  miss(settings.cache_min_ttl != silent.cache_min_ttl || settings.cache_max_ttl != silent.cache_max_ttl ||
           settings.cache_min_negative_ttl != silent.cache_min_negative_ttl ||
           settings.cache_max_negative_ttl != silent.cache_max_negative_ttl,
       "cache-*-ttl");
  miss(!settings.harden_glue || settings.harden_unverified_glue || settings.harden_referral_path || settings.scrub_ns ||
           settings.harden_unknown_additional,
       "harden-*, iter-scrub-*");
  miss(std::ranges::any_of(settings.stub_zones,
                           [](const UpstreamZone& zone) { return zone.prime || zone.no_cache || !zone.hosts.empty(); }),
       "stub-prime, stub-host, stub-no-cache");
  miss(settings.max_query_restarts || settings.max_global_quota || settings.outbound_msg_retry ||
           settings.val_max_restart,
       "other budgets");
  return out;
}

}  // namespace weir::scenario
