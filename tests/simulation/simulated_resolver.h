// One worker's resolver without its sockets, as resolver/server/worker.cc wires it: packet path, policy stage, answer
// cache, resolutions, engine, validator and all caches. In virtual time, with a seeded source of random numbers.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/denial_cache.h"
#include "resolver/dnssec/zone_trust.h"
#include "resolver/server/decision_sink.h"
#include "resolver/server/metrics.h"
#include "resolver/server/packet_path.h"
#include "resolver/server/policy_stage.h"
#include "resolver/server/resolutions.h"
#include "tests/simulation/simulation.h"
#include "tests/support/scratch_folder.h"
#include "tests/world/world.h"
#include "zones/store/generation.h"

namespace weir::simulation {

// What the resolver's steady clock says when a world begins.
constexpr SteadyTime kSteadyStart = SteadyTime() + std::chrono::hours(1);

struct ClientAnswer {
  std::uint64_t ticket = 0;
  std::vector<std::uint8_t> message;
};

class SimulatedResolver {
 public:
  // It asks the world's root servers and trusts the world's root key. `scratch` outlives it. Small caches are full
  // soon.
  enum class Caches : std::uint8_t { ample, small };
  SimulatedResolver(const world::World& world, std::uint64_t seed, const test::ScratchFolder& scratch,
                    Caches caches = Caches::ample);

  // `ticket` names the query; answers come by take_answers(), at most one a ticket.
  void query(std::uint64_t ticket, const IpAddress& client, bool tcp, std::span<const std::uint8_t> message, Now now);
  void receive(ExchangeId exchange, const Response& response, Now now) {
    resolutions_->receive(exchange, response, now);
  }
  void pump(Now now) { resolutions_->pump(now); }
  void timeout(Now now);
  std::optional<SteadyTime> next_timeout() const { return timer_; }
  std::vector<ClientAnswer> take_answers() { return std::exchange(answers_, {}); }
  std::vector<Exchange> take_exchanges() { return std::exchange(exchanges_, {}); }
  std::vector<ExchangeId> take_abandoned() { return std::exchange(abandoned_, {}); }

  std::size_t waiting() const { return resolutions_->waiting(); }
  const WorkerMetrics& metrics();
  Held held();

 private:
  EngineOptions engine_options(const world::World& world, std::uint64_t seed);

  const CacheConfig cache_;
  std::unique_ptr<AnswerCache> answer_cache_;
  RrsetCache rrsets_;
  ServerCache servers_;
  ZoneTrustCache zone_trust_;
  DenialCache denials_;
  PseudonymKeys keys_;
  WorkerMetrics metrics_;
  std::unique_ptr<DecisionSink> sink_;
  std::unique_ptr<const Generation> generation_;
  std::optional<PolicyStage> policy_;
  std::optional<PacketPath> path_;
  std::unique_ptr<Resolutions> resolutions_;
  std::vector<std::uint8_t> out_;

  std::vector<ClientAnswer> answers_;
  std::vector<Exchange> exchanges_;
  std::vector<ExchangeId> abandoned_;
  std::optional<SteadyTime> timer_;
};

}  // namespace weir::simulation
