// One worker: a thread, its own sockets, its own loop; the packet path of DESIGN section 5.
//
// A batch of queries is answered in three passes (parse and hash; locate; answer), so that the memory latencies of
// 32 queries overlap. A cached or blocked answer is finished inside the batch, with no allocation, lock, log or
// system call of its own; everything else becomes a Miss of the worker that owns the question.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/engine/engine.h"
#include "resolver/server/cookies.h"
#include "resolver/server/decision_sink.h"
#include "resolver/server/generation_holder.h"
#include "resolver/server/mailbox.h"
#include "resolver/server/metrics.h"
#include "resolver/server/referring_names.h"
#include "resolver/server/tcp_listener.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/local_data.h"

namespace weir {

class Resolutions;

struct WorkerOptions {
  unsigned index = 0;
  unsigned workers = 1;          // how many there are
  std::vector<Endpoint> listen;  // each by UDP and TCP
  std::vector<Prefix> allow_clients;
  std::optional<int> cpu;  // to be pinned to
  bool spin = false;
  std::size_t match_cache_bytes = 6400 << 10;  // 32,768 names
  CacheConfig cache;
  AnswerConfig answers;
  EngineOptions engine;
  std::vector<IpAddress> outgoing;
  std::size_t max_outstanding = 4096;
};

// What all workers use. Outlives them.
struct WorkerShared {
  AnswerCache& answers;
  RrsetCache& rrsets;
  ServerCache& servers;
  GenerationHolder& generations;
  std::shared_ptr<TcpQuota> tcp_quota;
  const CookieSecrets* cookies = nullptr;     // nothing: no cookies
  const LocalData* special_names = nullptr;   // nullptr: none
  ReferringNames* referring_names = nullptr;  // nullptr: none
};

class Worker {
 public:
  // Binds its sockets. `metrics` and `sink` are this worker's own and outlive it. Errors as of the sockets.
  static Result<std::unique_ptr<Worker>> make(WorkerOptions options, const WorkerShared& shared, WorkerMetrics& metrics,
                                              DecisionSink& sink);
  virtual ~Worker() = default;  // stop() first

  // All workers, this one included, in the order of their indices. Before start().
  virtual void set_peers(std::vector<Worker*> peers) = 0;
  virtual void start() = 0;  // the thread
  virtual void stop() = 0;   // any thread; returns when the thread has ended. Sockets close with the object
  virtual void wake() = 0;   // any thread: comes round to look for a new generation
  // Any thread. Gives it back where too many wait already.
  virtual std::unique_ptr<Miss> hand_over(std::unique_ptr<Miss> miss) = 0;
  // Any thread: `task` runs on this worker's, then what its engine wants is carried out.
  virtual void run_on_thread(std::function<void(Resolutions&, Now)> task) = 0;
  virtual void answer_tcp(std::uint64_t ticket, std::span<const std::uint8_t> message) = 0;  // any thread

  virtual std::vector<Endpoint> udp_endpoints() const = 0;  // with the ports that port 0 became
  virtual std::vector<Endpoint> tcp_endpoints() const = 0;
};

}  // namespace weir
