// What happens to a query between its octets and its answer, without sockets and clocks (DESIGN section 5).
//
// A batch goes through in three passes (prepare all, locate all, answer all), so that the memory latencies of its
// queries overlap. A cached or blocked answer is finished here, with no allocation, lock, log or system call of its
// own; whatever is not is a miss. One worker's; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/server/access.h"
#include "resolver/server/chaos_names.h"
#include "resolver/server/cookies.h"
#include "resolver/server/decision_sink.h"
#include "resolver/server/local_answer.h"
#include "resolver/server/mailbox.h"
#include "resolver/server/metrics.h"
#include "resolver/server/policy_stage.h"
#include "resolver/wire/query.h"
#include "resolver/wire/reply.h"
#include "zones/base/time.h"
#include "zones/config/config.h"

namespace weir {

// One query on its way.
struct AskedQuery {
  ParsedQuery parsed;  // points into the message
  AnswerKey key;
  AnswerCache::Probe probe;
  IpAddress client;
  Transport transport = Transport::udp;
  std::chrono::milliseconds tcp_idle{0};  // how long its connection may be idle, as the client is told (RFC 7828)
  std::uint32_t group = 0;                // of a miss
  std::uint32_t leeway_seconds = 0;       // of a refresh
  std::shared_ptr<const Substitution> substitution;  // of a miss: what is to be resolved for it instead
  bool refresh = false;                              // answered, and now to be asked for again: the answer expires soon
};

struct PacketPathOptions {
  std::vector<Prefix> allow_clients;
  CacheConfig cache;
  AnswerConfig answers;
  const CookieSecrets* cookies = nullptr;  // nothing: cookies are neither answered nor asked for; outlives it
};

class PacketPath {
 public:
  // All but the options outlive it.
  PacketPath(PacketPathOptions options, AnswerCache& answers, PolicyStage& policy, DecisionSink& sink,
             WorkerMetrics& metrics);

  // The policy stage has another generation: who belongs to which group is looked up anew.
  void generation_changed() { clients_.reset(); }
  void set_time(Now now);
  Now time() const { return now_; }

  // Parses, hashes, prefetches, for `asked.client`. `message` outlives the query.
  void prepare(AskedQuery& asked, std::span<const std::uint8_t> message);
  void locate(AskedQuery& asked);
  // The reply's size in `out`, 0: none is sent. Nothing: a miss, which the engine has to resolve.
  std::optional<std::size_t> answer(AskedQuery& asked, std::span<std::uint8_t> out);
  // What Resolutions must know of a miss, or of a refresh; the way back to the client is the caller's.
  void fill(Miss& miss, const AskedQuery& asked) const;
  // Instead of a miss, where too many wait.
  std::size_t overloaded(const AskedQuery& asked, std::span<std::uint8_t> out);

 private:
  std::optional<std::size_t> decide_and_answer(AskedQuery& asked, std::span<std::uint8_t> out);
  std::optional<std::size_t> substitute(AskedQuery& asked, PolicyStage::Carried& carried);
  std::optional<std::size_t> answer_locally(AskedQuery& asked, const Asker& asker, const LocalMatch& local,
                                            std::span<std::uint8_t> out);
  std::optional<std::size_t> answer_cached(AskedQuery& asked, const Asker& asker, std::span<std::uint8_t> out);
  StoredReply cached_reply(AskedQuery& asked);
  const AnswerMatches* match_again(AskedQuery& asked, const Asker& asker, std::span<const std::uint8_t> out);
  std::size_t refuse_client(const AskedQuery& asked, std::span<std::uint8_t> out);
  std::size_t answer_fault(AskedQuery& asked, std::span<std::uint8_t> out);
  std::size_t answer_cookie_alone(AskedQuery& asked, std::span<std::uint8_t> out);
  CookieState judge_cookie(AskedQuery& asked);
  std::optional<std::size_t> check_options(AskedQuery& asked, const ClientClass& who, std::span<std::uint8_t> out);
  std::size_t demand_cookie(const AskedQuery& asked, CookieState state, std::span<std::uint8_t> out);
  std::size_t not_ready(const Query& query, std::uint32_t group, std::span<std::uint8_t> out);

  const PacketPathOptions options_;
  const ServerIdentity identity_;
  std::optional<CookieJar> cookies_;
  AnswerCache& answers_;
  PolicyStage& policy_;
  DecisionSink& sink_;
  WorkerMetrics& metrics_;
  ClientTable clients_;
  Now now_{};
  CacheSeconds seconds_ = 0;
  CachedAnswer cached_;
  TargetBuffer alias_target_;
  std::vector<std::uint8_t> scratch_;
  std::vector<std::uint8_t> encoded_;
  std::uint32_t hits_ = 0;
};

}  // namespace weir
