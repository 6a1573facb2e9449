// What the resolver counts. One table (metrics.cc) names every metric with help and type; the Prometheus text,
// the counters of `status` and the documentation come from it.
//
// Each worker writes its own WorkerMetrics; anybody reads. Counters only rise. No lock, no shared cache line.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/base/limits.h"
#include "zones/dns/record_types.h"

namespace weir {

enum class Metric : std::uint8_t {
  // Of each worker.
  queries_udp,
  queries_tcp,
  answers_noerror,
  answers_formerr,
  answers_servfail,
  answers_nxdomain,
  answers_notimp,
  answers_refused,
  answers_other,
  truncated,             // answers with TC=1
  cached,                // answered from the answer cache
  translated,            // AAAA answers made of A (DNS64)
  local_answers,         // answered by a local zone, or because the name is special
  stale_answers,         // answered with what has expired (RFC 8767)
  prefetches,            // answers asked for again before they expire
  blocked,               // answered by a block
  would_block,           // an observe list matched
  allowed_over_block,    // an allow rule beat a block
  missed,                // went to an engine
  handed_over,           // misses that belong to another worker
  not_ready,             // no generation, or lists that must be loaded are not
  access_refused,        // the client is not in allow_clients
  cookies_good,          // queries with a cookie of ours
  cookies_new,           // with a client cookie alone
  cookies_bad,           // with one that is not, or no longer, ours
  cookies_missing,       // refused for want of one
  dropped,               // by a drop rule
  malformed,             // not a query that can be answered
  overloaded,            // shed because a limit of ours was reached
  match_hits,            // match sets found in the cache
  match_lookups,         // match sets looked up in the store
  late_answers_paced,    // to clients whose prefix waited for many
  late_answers_dropped,  // nobody can be waiting for them any more
  decisions,             // pushed into the ring; the totals beside them are none
  ring_drops,            // records lost because the ring was full
  engine_started,
  engine_finished,
  engine_failed,
  engine_exchanges,
  engine_retries,
  engine_tcp_fallbacks,
  engine_ignored_responses,
  engine_malformed_responses,
  engine_broken_invariants,
  engine_cookie_misses,
  engine_rechecked_delegations,
  engine_joined,
  engine_validations,                                         // answers that were checked to the end
  engine_bogus,                                               // of them: not what their zones signed
  engine_limits_reached,                                      // the first row of limits.h; the others follow it
  engine_in_flight = engine_limits_reached + kLimits.size(),  // gauge
  receive_drops,                                              // by the kernel, SO_RXQ_OVFL
  send_failures,
  tcp_accepted,
  tcp_refused,      // over a bound on connections
  tcp_timeouts,     // closed because idle or stalled
  tcp_connections,  // gauge
  turns,            // of the worker's loop
  longest_turn_us,  // gauge: of its CPU time, since the start
  // Of the process; given to prometheus_text() as figures.
  generation,
  generation_epoch,
  generation_rules,
  generations_held,
  lists_never_loaded,
  answer_cache_entries,
  answer_cache_bytes,
  rrset_cache_entries,
  rrset_cache_bytes,
  zone_trust_entries,
  denial_cache_entries,
  anchors_configured,  // trust anchors, by their state (RFC 5011)
  anchors_add_pend,
  anchors_valid,
  anchors_missing,
  anchors_revoked,
  anchors_removed,
  anchor_looks,
  anchor_looks_failed,
  negative_anchors,
  resident_bytes,
  cpu_seconds,
  uptime_seconds,
  count_  // how many there are
};

// The counter of a row of limits.h.
constexpr Metric metric_of(Limit limit) {
  return static_cast<Metric>(static_cast<std::size_t>(Metric::engine_limits_reached) + row_number_of(limit));
}

inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(Metric::count_);

enum class MetricType : std::uint8_t { counter, gauge };
enum class MetricScope : std::uint8_t { sum, worst, process };  // over the workers: added up, or the largest

struct MetricRow {
  Metric metric;
  std::string_view name;    // "weir_answers_total"
  std::string_view labels;  // `rcode="nxdomain"`; rows of one name stand together
  MetricType type;
  MetricScope scope;
  std::string_view help;
};
std::span<const MetricRow> metric_table();  // in the order of the enumeration

// Written by one thread, read by any: so an addition is a load and a store, without a locked instruction.
class alignas(64) WorkerMetrics {
 public:
  void add(Metric metric, std::uint64_t amount = 1) noexcept {
    auto& cell = cells_[static_cast<std::size_t>(metric)];
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(Metric metric, std::uint64_t value) noexcept {
    cells_[static_cast<std::size_t>(metric)].store(value, std::memory_order_relaxed);
  }
  void raise_to(Metric metric, std::uint64_t value) noexcept {
    if (value > get(metric)) set(metric, value);
  }
  void answered(Rcode rcode) noexcept { add(metric_of(rcode)); }
  std::uint64_t get(Metric metric) const noexcept {
    return cells_[static_cast<std::size_t>(metric)].load(std::memory_order_relaxed);
  }
  static Metric metric_of(Rcode rcode) noexcept;

 private:
  std::array<std::atomic<std::uint64_t>, kMetricCount> cells_{};
};

struct Figure {
  Metric metric;
  double value = 0;
};

using MetricValues = std::array<double, kMetricCount>;
// Adds the workers up (or takes the largest) and puts the figures of the process beside them.
MetricValues gather(std::span<const WorkerMetrics* const> workers, std::span<const Figure> process);
// Prometheus text exposition format 0.0.4.
std::string prometheus_text(const MetricValues& values);
// Resident memory and CPU time of this process, as figures.
std::vector<Figure> process_figures();

}  // namespace weir
