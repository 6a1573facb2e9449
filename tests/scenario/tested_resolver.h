// One worker's resolver without its sockets: packet path, policy stage, answer cache, resolutions and engine, as
// resolver/server/worker.cc wires them, in virtual time.
#pragma once

#include <cstdint>
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
#include "tests/scenario/policy_settings.h"
#include "tests/scenario/runner.h"
#include "tests/scenario/settings.h"
#include "tests/scenario/zone_transfers.h"
#include "tests/support/scratch_folder.h"
#include "zones/special_names.h"
#include "zones/store/generation.h"

namespace weir::scenario {

class TestedResolver final : public ResolverUnderTest {
 public:
  // Errors: what the answer cache and the decision ring need is not to be had.
  static Result<std::unique_ptr<TestedResolver>> make(const ScenarioSettings& settings);

  void query(std::uint64_t ticket, const IpAddress& client, MessageTransport transport,
             std::span<const std::uint8_t> message, Now now) override;
  std::vector<Answer> take_answers() override { return std::exchange(answers_, {}); }
  std::vector<Exchange> take_exchanges() override { return std::exchange(exchanges_, {}); }
  std::vector<ExchangeId> take_abandoned() override { return std::exchange(abandoned_, {}); }
  void receive(ExchangeId exchange, const Response& response, Now now) override;
  void timeout(Now now) override;
  std::optional<SteadyTime> next_timeout() const override;
  bool flush_message(const Name& name, RecordType type, Now now) override;
  bool expire_message(const Name& name, RecordType type, Now now) override;
  bool measure_server(const IpAddress& server, std::chrono::milliseconds round_trip, Now now) override;

  static PolicyFeatures policy_features() {
    return {.rpz = true, .response_ip = true, .tags = true, .views = true, .private_address = true};
  }

 private:
  TestedResolver(const ScenarioSettings& settings, std::unique_ptr<AnswerCache> answer_cache);
  Result<void> wire_up(const ScenarioSettings& settings);
  void take_zone(const ZoneTransfers::Transferred& zone, Now now);
  void keep_answer(std::uint64_t ticket, std::span<const std::uint8_t> message);

  const CacheConfig cache_;
  test::ScratchFolder run_directory_;  // of the decision ring
  std::unique_ptr<AnswerCache> answer_cache_;
  const std::chrono::milliseconds tcp_idle_;
  const CookieSecrets cookies_;
  RrsetCache rrsets_{64U << 20};
  ServerCache servers_;
  ZoneTrustCache zone_trust_;
  DenialCache denials_;
  PseudonymKeys keys_{run_directory_.path()};
  WorkerMetrics metrics_;
  std::unique_ptr<DecisionSink> sink_;
  const LocalData special_names_{special_zones()};
  std::unique_ptr<PolicyUnderTest> rules_;  // null: there are none
  ZoneTransfers transfers_;
  std::shared_ptr<const Generation> generation_;
  std::optional<PolicyStage> policy_;
  std::optional<PacketPath> path_;
  std::unique_ptr<Resolutions> resolutions_;

  std::vector<Answer> answers_;
  std::vector<Exchange> exchanges_;
  std::vector<ExchangeId> abandoned_;
  std::optional<SteadyTime> timer_;
};

}  // namespace weir::scenario
