// The resolver of resolver/ without sockets, policy and answer cache: query parsing, engine, caches, reply writing.
//
// What a scenario sets and this cannot do yet is said by missing_features(), so that a failure has its reason.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/denial_cache.h"
#include "resolver/dnssec/zone_trust.h"
#include "resolver/engine/engine.h"
#include "resolver/server/answer_builder.h"
#include "tests/scenario/runner.h"
#include "tests/scenario/settings.h"

namespace weir::scenario {

class EngineUnderTest final : public ResolverUnderTest {
 public:
  explicit EngineUnderTest(const ScenarioSettings& settings);

  void query(std::uint64_t ticket, const IpAddress& client, MessageTransport transport,
             std::span<const std::uint8_t> message, Now now) override;
  std::vector<Answer> take_answers() override;
  std::vector<Exchange> take_exchanges() override { return engine_.take_exchanges(); }
  std::vector<ExchangeId> take_abandoned() override { return engine_.take_abandoned(); }
  void receive(ExchangeId exchange, const Response& response, Now now) override;
  void timeout(Now now) override { engine_.timeout(now); }
  std::optional<SteadyTime> next_timeout() const override { return engine_.next_timeout(); }
  bool flush_message(const Name& name, RecordType type, Now now) override;
  bool expire_message(const Name& name, RecordType type, Now now) override;

  static PolicyFeatures policy_features() { return {}; }

 private:
  struct Waiting {
    std::uint64_t ticket = 0;
    MessageTransport transport = MessageTransport::udp;
    std::vector<std::uint8_t> message;
  };
  EngineOptions engine_options();
  std::shared_ptr<const TrustRules> trust_rules() const;
  void answer(const Waiting& client, const ResolutionResult& result);

  ScenarioSettings settings_;
  std::mt19937_64 random_{1};
  RrsetCache rrsets_{64U << 20};
  ServerCache servers_;
  ZoneTrustCache zone_trust_;
  DenialCache denials_;
  Engine engine_;
  std::map<ResolutionId, Waiting> waiting_;
  std::vector<Answer> answers_;
  BuiltAnswer built_;
};

// What `settings` ask for and EngineUnderTest does not do: "validator", "forward-zone", ... Most telling first.
std::vector<std::string> missing_features(const ScenarioSettings& settings);

}  // namespace weir::scenario
