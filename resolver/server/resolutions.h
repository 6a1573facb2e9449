// One worker's engine, and the clients who wait for its results. Sans-I/O like the engine: the worker's loop, or a
// test, moves the bytes and the time.
//
// Equal questions of several clients wait for one resolution; its answer is built once, matched against the rules
// once, put into the answer cache, and then decided on for each client. Where it fails or takes too long and the
// cache still holds what has expired, the clients get that, and the resolution goes on (RFC 8767). It goes on, too,
// where a client of TCP leaves: it ends within 5 s, and who asks again finds what it has found. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/engine/engine.h"
#include "resolver/server/mailbox.h"
#include "resolver/server/policy_stage.h"
#include "zones/config/config.h"

namespace weir {

// Of one /24 or /56: clients of a flood wait for nothing that others need (DNSBomb; Unbound's wait-limit is 1000).
inline constexpr std::size_t kMaxWaitingPerPrefix = 1000;

class Resolutions {
 public:
  // How it reaches the outside. Everything outlives it.
  struct Environment {
    const CacheConfig& cache;
    AnswerCache& answers;
    RrsetCache& rrsets;
    ServerCache& servers;
    PolicyStage& policy;
    DecisionSink& sink;
    WorkerMetrics& metrics;
    std::function<void(Exchange)> send;      // what comes back goes to receive(), never from within this call
    std::function<void(ExchangeId)> cancel;  // the exchange is over, answered or not
    std::function<void(std::optional<SteadyTime>)> arm_timer;  // when to call timeout(); nothing: never
    // The answer to a client; empty: none is sent (a drop rule, or nobody listens any more).
    std::function<void(const Miss&, std::span<const std::uint8_t> message)> reply;
    std::size_t max_waiting = 20'000;          // clients; limits.h: resolutions_in_flight is the bound
    bool drops_when_full = false;              // what comes then is not answered at all
    unsigned workers = 1;                      // that answer clients, this one included
    std::function<void()> refresh_generation;  // before results are decided on: the generation in force
  };

  // `options.random` must be set.
  static std::unique_ptr<Resolutions> make(EngineOptions options, Environment environment);
  virtual ~Resolutions() = default;
  // Answers at once where a limit is reached. A refresh is dropped where the question is under way, or too many are.
  // Call pump() after one or several of these two.
  virtual void accept(std::unique_ptr<Miss> miss, Now now) = 0;
  virtual void receive(ExchangeId exchange, const Response& response, Now now) = 0;
  virtual void timeout(Now now) = 0;
  virtual void wake(Now now) = 0;  // another worker's engine has finished what one of ours waits for
  // Sends what the engine wants, answers what it has finished, arms its timer.
  virtual void pump(Now now) = 0;
  // Resolves for ourselves: no policy, no answer cache. `done` is called on this thread, once.
  virtual void resolve(const Question& question, const Origin& origin,
                       std::function<void(const ResolutionResult&)> done, Now now) = 0;
  virtual void set_trust(std::shared_ptr<const TrustRules> trust) = 0;
  virtual void set_forward_zones(std::vector<ForwardZone> zones) = 0;
  virtual PolicyStage& policy_stage() = 0;  // of its worker
  virtual std::size_t waiting() const = 0;
  virtual void publish_metrics() = 0;
};

}  // namespace weir
