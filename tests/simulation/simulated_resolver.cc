#include "tests/simulation/simulated_resolver.h"

#include <stdexcept>

#include "resolver/dnssec/chain_of_trust.h"
#include "tests/support/without_rules.h"

namespace weir::simulation {
namespace {

constexpr std::size_t kAnswerCacheBytes = 1U << 20;
constexpr std::size_t kRrsetCacheBytes = 16U << 20;
constexpr std::size_t kSmallRrsetCacheBytes = 1U << 20;
constexpr std::size_t kZones = 20'000;
constexpr std::size_t kFewZones = 256;
constexpr std::size_t kDenials = 20'000;
constexpr std::size_t kFewDenials = 1000;
constexpr std::size_t kMatchCacheBytes = 64U << 10;
constexpr std::size_t kRingBytes = 64U << 10;

template <class T>
T taken(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

// What is stale is not what the zones say, and what is asked again early is not what a client asked for.
CacheConfig cache_config() {
  CacheConfig config;
  config.serve_stale = false;
  config.prefetch = false;
  return config;
}

}  // namespace

SimulatedResolver::SimulatedResolver(const world::World& world, std::uint64_t seed, const test::ScratchFolder& scratch,
                                     Caches caches)
    : cache_(cache_config()),
      answer_cache_(taken(AnswerCache::make(kAnswerCacheBytes))),
      rrsets_(caches == Caches::ample ? kRrsetCacheBytes : kSmallRrsetCacheBytes),
      zone_trust_(caches == Caches::ample ? kZones : kFewZones),
      denials_(caches == Caches::ample ? kDenials : kFewDenials),
      keys_(scratch.path()),
      generation_(std::make_unique<test::WithoutRules>()),
      out_(65'535) {
  sink_ = taken(DecisionSink::open(scratch.path(), 0, keys_, metrics_, kRingBytes));
  policy_.emplace(kMatchCacheBytes, *sink_, metrics_);
  policy_->set_generation(generation_.get(), world.plan().wall_start);
  path_.emplace(PacketPathOptions{.allow_clients = {Prefix::of(IpAddress::ipv4(0), 0)}, .cache = cache_, .answers = {}},
                *answer_cache_, *policy_, *sink_, metrics_);
  resolutions_ = Resolutions::make(engine_options(world, seed),
                                   {.cache = cache_,
                                    .answers = *answer_cache_,
                                    .rrsets = rrsets_,
                                    .servers = servers_,
                                    .policy = *policy_,
                                    .sink = *sink_,
                                    .metrics = metrics_,
                                    .send = [this](Exchange exchange) { exchanges_.push_back(std::move(exchange)); },
                                    .cancel = [this](ExchangeId exchange) { abandoned_.push_back(exchange); },
                                    .arm_timer = [this](std::optional<SteadyTime> at) { timer_ = at; },
                                    .reply =
                                        [this](const Miss& miss, std::span<const std::uint8_t> message) {
                                          answers_.push_back({miss.ticket, {message.begin(), message.end()}});
                                        },
                                    .refresh_generation = [] {}});
}

EngineOptions SimulatedResolver::engine_options(const world::World& world, std::uint64_t seed) {
  EngineOptions options;
  options.root_hints = world.root_hints();
  options.random = [random = world::Random(seed)]() mutable { return static_cast<std::uint32_t>(random.next() >> 32); };
  auto rules = std::make_shared<TrustRules>();
  rules->anchors.add(Name(), RecordType::ds, world.anchor_ds());
  options.trust = std::move(rules);
  options.zone_trust = &zone_trust_;
  options.denials = &denials_;
  return options;
}

void SimulatedResolver::query(std::uint64_t ticket, const IpAddress& client, bool tcp,
                              std::span<const std::uint8_t> message, Now now) {
  path_->set_time(now);
  AskedQuery asked;
  asked.client = client;
  asked.transport = tcp ? Transport::tcp : Transport::udp;
  path_->prepare(asked, message);
  path_->locate(asked);
  const std::size_t room = tcp ? out_.size() : asked.parsed.query.udp_payload_size;
  if (const auto size = path_->answer(asked, std::span(out_).first(room))) {
    answers_.push_back({ticket, {out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(*size)}});
    return;
  }
  auto miss = std::make_unique<Miss>();
  miss->ticket = ticket;
  path_->fill(*miss, asked);
  resolutions_->accept(std::move(miss), now);
  resolutions_->pump(now);
}

void SimulatedResolver::timeout(Now now) {
  timer_.reset();  // it goes off once; what is to come arms it again
  resolutions_->timeout(now);
  resolutions_->pump(now);
}

Held SimulatedResolver::held() {
  return {.rrsets = rrsets_.entries(),
          .rrset_bytes = rrsets_.size_bytes(),
          .servers = servers_.entries(),
          .zones = zone_trust_.size(),
          .denials = denials_.size(),
          .in_flight = metrics().get(Metric::engine_in_flight)};
}

const WorkerMetrics& SimulatedResolver::metrics() {
  resolutions_->publish_metrics();
  return metrics_;
}

}  // namespace weir::simulation
