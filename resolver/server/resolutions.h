// One worker's engine, the sockets that carry its exchanges, and the clients who wait for its results.
//
// Equal questions of several clients wait for one resolution; its answer is built once, matched against the rules
// once, put into the answer cache, and then decided on for each client. One thread: that of the io_context.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/engine/engine.h"
#include "resolver/server/loop_clock.h"
#include "resolver/server/mailbox.h"
#include "resolver/server/policy_stage.h"

namespace boost::asio {
class io_context;
}

namespace weir {

// Of one /24 or /56: clients of a flood wait for nothing that others need (DNSBomb; Unbound's wait-limit is 1000).
inline constexpr std::size_t kMaxWaitingPerPrefix = 1000;
// Waiting longer than this nobody listens any more: the answer still goes into the cache, but no datagram leaves.
inline constexpr std::chrono::seconds kMaxWait{10};

struct ResolutionsOptions {
  EngineOptions engine;  // its random source is set here
  std::vector<IpAddress> outgoing;
  std::size_t max_outstanding = 4096;  // upstream sockets
};

class Resolutions {
 public:
  struct Environment {
    boost::asio::io_context& loop;
    LoopClock& clock;
    AnswerCache& answers;
    RrsetCache& rrsets;
    ServerCache& servers;
    PolicyStage& policy;
    DecisionSink& sink;
    WorkerMetrics& metrics;
    // Before results are decided on: the generation in force.
    std::function<void()> refresh_generation;
    std::function<void(unsigned worker, std::uint64_t ticket, std::span<const std::uint8_t> message)> answer_tcp;
  };

  static std::unique_ptr<Resolutions> make(ResolutionsOptions options, Environment environment);
  virtual ~Resolutions() = default;
  // Answers at once where a limit is reached. Call pump() after one or several.
  virtual void accept(std::unique_ptr<Miss> miss) = 0;
  // Sends what the engine wants, answers what it has finished, arms its timer.
  virtual void pump() = 0;
  virtual std::size_t waiting() const = 0;
  virtual void publish_metrics() = 0;
};

CacheSeconds to_cache_seconds(SteadyTime time);

}  // namespace weir
