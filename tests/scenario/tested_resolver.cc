#include "tests/scenario/tested_resolver.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/scenario/engine_settings.h"
#include "tests/scenario/local_settings.h"
#include "tests/scenario/policy_settings.h"
#include "tests/support/without_rules.h"

namespace weir::scenario {
namespace {

constexpr std::size_t kAnswerCacheBytes = 4U << 20;
constexpr std::size_t kMatchCacheBytes = 64U << 10;
constexpr std::size_t kRingBytes = 64U << 10;
constexpr std::size_t kMaxReply = 65'535;

// Whoever may ask by the scenario's lines. weir's list only allows, so a line that refuses takes its clients out of
// what is allowed by default: everybody where a file says nothing, else loopback, as Unbound does.
std::vector<Prefix> allowed_clients(const ScenarioSettings& settings) {
  std::vector<Prefix> out;
  if (settings.access.empty()) return {Prefix::of(IpAddress::ipv4(0), 0), Prefix::of(*IpAddress::parse("::"), 0)};
  for (const AccessRule& rule : settings.access) {
    if (rule.action.starts_with("allow")) out.push_back(rule.clients);
  }
  for (const char* text : {"127.0.0.1/32", "::1/128"}) {
    const Prefix loopback = *Prefix::parse(text);
    const bool named = std::ranges::any_of(
        settings.access, [&](const AccessRule& rule) { return rule.clients.contains(loopback.address); });
    if (!named) out.push_back(loopback);
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<TestedResolver>> TestedResolver::make(const ScenarioSettings& settings) {
  auto cache = AnswerCache::make(kAnswerCacheBytes);
  if (!cache) return cache.error();
  std::unique_ptr<TestedResolver> resolver(new TestedResolver(settings, std::move(*cache)));
  auto wired = resolver->wire_up(settings);
  if (!wired) return wired.error();
  return resolver;
}

TestedResolver::TestedResolver(const ScenarioSettings& settings, std::unique_ptr<AnswerCache> answer_cache)
    : cache_(cache_config(settings)),
      answer_cache_(std::move(answer_cache)),
      tcp_idle_(settings.tcp_keepalive ? settings.tcp_keepalive_timeout_ms : 0),
      cookies_(parse_cookie_secret(settings.cookie_secret)),
      transfers_(policy_zones_of(settings)) {}

Result<void> TestedResolver::wire_up(const ScenarioSettings& settings) {
  auto sink = DecisionSink::open(run_directory_.path(), 0, keys_, metrics_, kRingBytes);
  if (!sink) return sink.error();
  sink_ = std::move(*sink);
  EngineOptions engine = engine_options(settings, zone_trust_, denials_);
  auto zones = local_zones(settings, engine.forward_zones);
  if (!zones) return zones.error();
  if (has_policy(settings)) {
    auto rules = PolicyUnderTest::make(settings, *zones, dns64_of(settings), run_directory_.path());
    if (!rules) return rules.error();
    rules_ = std::move(*rules);
    generation_ = rules_->generation();
  } else {
    generation_ = std::make_shared<test::WithoutRules>(*zones, dns64_of(settings));
  }
  policy_.emplace(kMatchCacheBytes, *sink_, metrics_, &special_names_);
  policy_->set_generation(generation_.get(), settings.wall_start());
  path_.emplace(PacketPathOptions{.allow_clients = allowed_clients(settings),
                                  .cache = cache_,
                                  .answers = answer_config(settings),
                                  .cookies = settings.answer_cookie ? &cookies_ : nullptr},
                *answer_cache_, *policy_, *sink_, metrics_);
  resolutions_ = Resolutions::make(
      std::move(engine),
      {.cache = cache_,
       .answers = *answer_cache_,
       .rrsets = rrsets_,
       .servers = servers_,
       .policy = *policy_,
       .sink = *sink_,
       .metrics = metrics_,
       .send = [this](Exchange exchange) { exchanges_.push_back(std::move(exchange)); },
       .cancel =
           [this](ExchangeId exchange) {
             std::erase_if(exchanges_, [&](const Exchange& wanted) { return wanted.id == exchange; });
             abandoned_.push_back(exchange);
           },
       .arm_timer = [this](std::optional<SteadyTime> at) { timer_ = at; },
       .reply = [this](const Miss& miss, std::span<const std::uint8_t> message) { keep_answer(miss.ticket, message); },
       .max_waiting = answer_config(settings).max_waiting,
       .drops_when_full = answer_config(settings).when_full == AnswerConfig::WhenFull::drop,
       .refresh_generation = [] {}});
  return {};
}

void TestedResolver::keep_answer(std::uint64_t ticket, std::span<const std::uint8_t> message) {
  if (!message.empty()) answers_.push_back({ticket, {message.begin(), message.end()}});
}

void TestedResolver::query(std::uint64_t ticket, const IpAddress& client, MessageTransport transport,
                           std::span<const std::uint8_t> message, Now now) {
  path_->set_time(now);
  transfers_.begin_at(now.steady);
  AskedQuery asked;
  asked.client = client;
  asked.transport = transport == MessageTransport::udp ? Transport::udp : Transport::tcp;
  asked.tcp_idle = tcp_idle_;
  path_->prepare(asked, message);
  path_->locate(asked);
  std::vector<std::uint8_t> out(asked.transport == Transport::udp ? asked.parsed.query.udp_payload_size : kMaxReply);
  const auto size = path_->answer(asked, out);
  if (size) keep_answer(ticket, std::span(out).first(*size));
  if (size && !asked.refresh) return;
  auto miss = std::make_unique<Miss>();
  miss->ticket = ticket;
  path_->fill(*miss, asked);
  resolutions_->accept(std::move(miss), now);
  resolutions_->pump(now);
}

void TestedResolver::receive(ExchangeId exchange, const Response& response, Now now) {
  if (transfers_.owns(exchange)) {
    if (const auto zone = transfers_.receive(exchange, response)) take_zone(*zone, now);
    return;
  }
  resolutions_->receive(exchange, response, now);
  resolutions_->pump(now);
}

void TestedResolver::timeout(Now now) {
  if (transfers_.due() && *transfers_.due() <= now.steady) {
    for (Exchange& exchange : transfers_.ask()) exchanges_.push_back(std::move(exchange));
  }
  if (timer_ && *timer_ > now.steady) return;
  timer_.reset();  // it goes off once; what is to come arms it again
  resolutions_->timeout(now);
}

std::optional<SteadyTime> TestedResolver::next_timeout() const {
  if (!timer_ || !transfers_.due()) return timer_ ? timer_ : transfers_.due();
  return std::min(*timer_, *transfers_.due());
}

void TestedResolver::take_zone(const ZoneTransfers::Transferred& zone, Now now) {
  if (!rules_->replace(zone.zone, zone.text)) return;  // the last good copy stays in force
  const auto before = std::exchange(generation_, rules_->generation());
  policy_->set_generation(generation_.get(), now.wall);
  path_->generation_changed();
}

bool TestedResolver::flush_message(const Name& name, RecordType, Now) {
  answer_cache_->flush(name, false);
  rrsets_.erase(name);
  return true;
}

bool TestedResolver::expire_message(const Name&, RecordType, Now) {
  return false;  // the caches have no way to age an entry
}

bool TestedResolver::measure_server(const IpAddress& server, std::chrono::milliseconds round_trip, Now now) {
  servers_.record_answer(server, round_trip, now.steady);
  return true;
}

}  // namespace weir::scenario
