#include "resolver/server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace weir {
namespace {

using enum MetricType;
using enum MetricScope;
using M = Metric;

constexpr std::string_view kQueries = "Queries received.";
constexpr std::string_view kCookies = "Queries with a DNS cookie, by what it was worth.";
constexpr std::string_view kLateAnswers = "Answers held back because many of one prefix waited long, or not sent.";
constexpr std::string_view kAnchors =
    "Keys that are trust anchors, or were, by state (RFC 5011); configured: not looked up yet.";
constexpr std::string_view kAnswers = "Answers sent, by RCODE.";

constexpr MetricRow kBeforeLimits[] = {
    {M::queries_udp, "weir_queries_total", R"(transport="udp")", counter, sum, kQueries},
    {M::queries_tcp, "weir_queries_total", R"(transport="tcp")", counter, sum, kQueries},
    {M::answers_noerror, "weir_answers_total", R"(rcode="noerror")", counter, sum, kAnswers},
    {M::answers_formerr, "weir_answers_total", R"(rcode="formerr")", counter, sum, kAnswers},
    {M::answers_servfail, "weir_answers_total", R"(rcode="servfail")", counter, sum, kAnswers},
    {M::answers_nxdomain, "weir_answers_total", R"(rcode="nxdomain")", counter, sum, kAnswers},
    {M::answers_notimp, "weir_answers_total", R"(rcode="notimp")", counter, sum, kAnswers},
    {M::answers_refused, "weir_answers_total", R"(rcode="refused")", counter, sum, kAnswers},
    {M::answers_other, "weir_answers_total", R"(rcode="other")", counter, sum, kAnswers},
    {M::truncated, "weir_truncated_total", "", counter, sum, "Answers sent with TC=1."},
    {M::cached, "weir_cached_total", "", counter, sum, "Queries answered from the answer cache."},
    {M::translated, "weir_translated_answers_total", "", counter, sum, "AAAA answers made of A (RFC 6147)."},
    {M::local_answers, "weir_local_answers_total", "", counter, sum,
     "Queries answered from local zones and records, or because the name is special."},
    {M::stale_answers, "weir_stale_answers_total", "", counter, sum,
     "Queries answered with what has expired, because nothing newer could be had in time."},
    {M::prefetches, "weir_prefetches_total", "", counter, sum, "Answers asked for again before they expired."},
    {M::blocked, "weir_blocked_total", "", counter, sum, "Queries answered by a block."},
    {M::would_block, "weir_would_block_total", "", counter, sum, "Queries that an observe list would have blocked."},
    {M::allowed_over_block, "weir_allowed_over_block_total", "", counter, sum,
     "Queries that an allow rule let through against a block."},
    {M::missed, "weir_missed_total", "", counter, sum, "Queries that needed a resolution."},
    {M::handed_over, "weir_handed_over_total", "", counter, sum, "Misses handed to the worker that they belong to."},
    {M::not_ready, "weir_not_ready_total", "", counter, sum,
     "Queries refused because no generation, or not every list that must be, is loaded."},
    {M::access_refused, "weir_access_refused_total", "", counter, sum, "Queries from clients outside allow_clients."},
    {M::cookies_good, "weir_cookies_total", R"(state="good")", counter, sum, kCookies},
    {M::cookies_new, "weir_cookies_total", R"(state="new")", counter, sum, kCookies},
    {M::cookies_bad, "weir_cookies_total", R"(state="bad")", counter, sum, kCookies},
    {M::cookies_missing, "weir_cookies_required_total", "", counter, sum,
     "Queries over UDP that were not answered for want of a good cookie."},
    {M::dropped, "weir_dropped_total", "", counter, sum, "Queries that a drop rule left unanswered."},
    {M::malformed, "weir_malformed_total", "", counter, sum, "Messages that are no query that can be answered."},
    {M::overloaded, "weir_overloaded_total", "", counter, sum, "Queries shed because a limit was reached."},
    {M::match_hits, "weir_match_cache_hits_total", "", counter, sum, "Match sets found in the cache."},
    {M::match_lookups, "weir_match_lookups_total", "", counter, sum, "Match sets looked up in the policy store."},
    {M::late_answers_paced, "weir_late_answers_total", R"(fate="paced")", counter, sum, kLateAnswers},
    {M::late_answers_dropped, "weir_late_answers_total", R"(fate="dropped")", counter, sum, kLateAnswers},
    {M::decisions, "weir_decisions_total", "", counter, sum, "Decisions written to the decision ring."},
    {M::ring_drops, "weir_decision_drops_total", "", counter, sum, "Records lost because the decision ring was full."},
    {M::engine_started, "weir_resolutions_started_total", "", counter, sum, "Resolutions begun."},
    {M::engine_finished, "weir_resolutions_finished_total", "", counter, sum, "Resolutions finished, failed or not."},
    {M::engine_failed, "weir_resolutions_failed_total", "", counter, sum, "Resolutions that ended in SERVFAIL."},
    {M::engine_exchanges, "weir_upstream_queries_total", "", counter, sum, "Queries sent to other servers."},
    {M::engine_retries, "weir_upstream_retries_total", "", counter, sum,
     "Queries sent again after silence or failure."},
    {M::engine_tcp_fallbacks, "weir_upstream_tcp_fallbacks_total", "", counter, sum,
     "Queries repeated over TCP after a truncated answer."},
    {M::engine_ignored_responses, "weir_upstream_ignored_total", "", counter, sum,
     "Responses that belong to no query of ours."},
    {M::engine_malformed_responses, "weir_upstream_malformed_total", "", counter, sum,
     "Responses to queries of ours that cannot be read."},
    {M::engine_broken_invariants, "weir_broken_invariants_total", "", counter, sum,
     "Resolutions that ended in SERVFAIL through a fault of weir's own; there should be none."},
    {M::engine_cookie_misses, "weir_upstream_cookie_misses_total", "", counter, sum,
     "Responses without the cookie that their server sends, or with another than ours."},
    {M::engine_rechecked_delegations, "weir_rechecked_delegations_total", "", counter, sum,
     "Zones whose servers all failed, so that their parents were asked for them again."},
    {M::engine_joined, "weir_resolutions_joined_total", "", counter, sum,
     "Queries that joined a resolution in flight."},
    {M::engine_validations, "weir_validations_total", "", counter, sum, "Answers whose signatures were checked."},
    {M::engine_bogus, "weir_validations_bogus_total", "", counter, sum,
     "Answers that were not what their zones signed."},
};

constexpr MetricRow kAfterLimits[] = {
    {M::engine_in_flight, "weir_resolutions_in_flight", "", gauge, sum, "Resolutions not finished."},
    {M::receive_drops, "weir_receive_drops_total", "", counter, sum,
     "Datagrams that the kernel dropped because a receive buffer was full."},
    {M::send_failures, "weir_send_failures_total", "", counter, sum, "Answers that could not be sent."},
    {M::tcp_accepted, "weir_tcp_accepted_total", "", counter, sum, "TCP connections accepted."},
    {M::tcp_refused, "weir_tcp_refused_total", "", counter, sum, "TCP connections closed at once, over a bound."},
    {M::tcp_timeouts, "weir_tcp_timeouts_total", "", counter, sum, "TCP connections closed as idle or stalled."},
    {M::tcp_connections, "weir_tcp_connections", "", gauge, sum, "TCP connections open."},
    {M::turns, "weir_worker_turns_total", "", counter, sum, "Turns of the workers' loops."},
    {M::longest_turn_us, "weir_worker_longest_turn_microseconds", "", gauge, worst,
     "Longest turn of a worker's loop since the start, in its CPU time after waking."},
    {M::generation, "weir_generation", "", gauge, process, "Number of the policy generation in force; 0: none."},
    {M::generation_epoch, "weir_generation_names_epoch", "", gauge, process, "Names epoch of the generation in force."},
    {M::generation_rules, "weir_generation_rules", "", gauge, process, "Rules of the generation in force."},
    {M::generations_held, "weir_generations_held", "", gauge, process, "Policy generations held open."},
    {M::lists_never_loaded, "weir_lists_never_loaded", "", gauge, process, "Lists that were never loaded."},
    {M::answer_cache_entries, "weir_answer_cache_entries", "", gauge, process, "Entries of the answer cache."},
    {M::answer_cache_bytes, "weir_answer_cache_bytes", "", gauge, process, "Memory of the answer cache."},
    {M::rrset_cache_entries, "weir_rrset_cache_entries", "", gauge, process, "Entries of the RRset cache."},
    {M::rrset_cache_bytes, "weir_rrset_cache_bytes", "", gauge, process, "Memory of the RRset cache."},
    {M::zone_trust_entries, "weir_zone_trust_entries", "", gauge, process,
     "Zones whose keys, or lack of them, are known."},
    {M::denial_cache_entries, "weir_denial_cache_entries", "", gauge, process,
     "NSEC and NSEC3 records that answers are made of."},
    {M::anchors_configured, "weir_trust_anchors", R"(state="configured")", gauge, process, kAnchors},
    {M::anchors_add_pend, "weir_trust_anchors", R"(state="add-pend")", gauge, process, kAnchors},
    {M::anchors_valid, "weir_trust_anchors", R"(state="valid")", gauge, process, kAnchors},
    {M::anchors_missing, "weir_trust_anchors", R"(state="missing")", gauge, process, kAnchors},
    {M::anchors_revoked, "weir_trust_anchors", R"(state="revoked")", gauge, process, kAnchors},
    {M::anchors_removed, "weir_trust_anchors", R"(state="removed")", gauge, process, kAnchors},
    {M::anchor_looks, "weir_trust_anchor_looks_total", "", counter, process,
     "Times that a trust anchor's zone was asked for its keys."},
    {M::anchor_looks_failed, "weir_trust_anchor_looks_failed_total", "", counter, process,
     "Of them: those that gave no keys that a trusted one had signed."},
    {M::negative_anchors, "weir_negative_trust_anchors", "", gauge, process,
     "Names that are not validated, with all below them (RFC 7646)."},
    {M::resident_bytes, "process_resident_memory_bytes", "", gauge, process, "Resident memory."},
    {M::cpu_seconds, "process_cpu_seconds_total", "", counter, process, "CPU time of the process."},
    {M::uptime_seconds, "weir_uptime_seconds", "", gauge, process, "Time since the start."},
};

// `limit="<name>"` for each row of limits.h.
constexpr std::size_t kLabelRoom = 48;
struct LimitLabel {
  char text[kLabelRoom] = {};
  std::size_t size = 0;
};

consteval std::array<LimitLabel, kLimits.size()> make_limit_labels() {
  std::array<LimitLabel, kLimits.size()> labels;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const std::string_view part : {std::string_view("limit=\""), kLimits[i].name, std::string_view("\"")}) {
      for (const char c : part) labels[i].text[labels[i].size++] = c;
    }
  }
  return labels;
}
constexpr auto kLimitLabels = make_limit_labels();

consteval std::array<MetricRow, kMetricCount> make_table() {
  std::array<MetricRow, kMetricCount> table{};
  std::size_t size = 0;
  for (const MetricRow& row : kBeforeLimits) table[size++] = row;
  for (std::size_t i = 0; i < kLimits.size(); ++i) {
    table[size++] = {metric_of(kLimits[i].limit),
                     "weir_limits_reached_total",
                     {kLimitLabels[i].text, kLimitLabels[i].size},
                     counter,
                     sum,
                     "Times that a limit ended or cut a resolution."};
  }
  for (const MetricRow& row : kAfterLimits) table[size++] = row;
  return table;
}
constexpr auto kTable = make_table();

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].metric) != i || kTable[i].name.empty()) return false;
  }
  return true;
}
static_assert(in_order(), "a row for each metric, in the order of the enumeration");

void append_number(std::string& out, double value) {
  char text[40];
  const bool whole = std::floor(value) == value && std::abs(value) < 9e15;
  std::snprintf(text, sizeof text, whole ? "%.0f" : "%.9g", value);
  out += text;
}

}  // namespace

std::span<const MetricRow> metric_table() {
  return kTable;
}

Metric WorkerMetrics::metric_of(Rcode rcode) noexcept {
  switch (rcode) {
    case Rcode::noerror:
      return Metric::answers_noerror;
    case Rcode::formerr:
      return Metric::answers_formerr;
    case Rcode::servfail:
      return Metric::answers_servfail;
    case Rcode::nxdomain:
      return Metric::answers_nxdomain;
    case Rcode::notimp:
      return Metric::answers_notimp;
    case Rcode::refused:
      return Metric::answers_refused;
    default:
      return Metric::answers_other;
  }
}

MetricValues gather(std::span<const WorkerMetrics* const> workers, std::span<const Figure> process) {
  MetricValues values{};
  for (const MetricRow& row : kTable) {
    if (row.scope == MetricScope::process) continue;
    double& value = values[static_cast<std::size_t>(row.metric)];
    for (const WorkerMetrics* worker : workers) {
      const auto part = static_cast<double>(worker->get(row.metric));
      value = row.scope == MetricScope::sum ? value + part : std::max(value, part);
    }
  }
  for (const Figure& figure : process) values[static_cast<std::size_t>(figure.metric)] = figure.value;
  return values;
}

std::string prometheus_text(const MetricValues& values) {
  std::string text;
  std::string_view before;
  for (const MetricRow& row : kTable) {
    if (row.name != before) {
      text.append("# HELP ").append(row.name).append(" ").append(row.help).append("\n");
      text.append("# TYPE ").append(row.name).append(row.type == counter ? " counter\n" : " gauge\n");
      before = row.name;
    }
    text += row.name;
    if (!row.labels.empty()) text.append("{").append(row.labels).append("}");
    text += ' ';
    append_number(text, values[static_cast<std::size_t>(row.metric)]);
    text += '\n';
  }
  return text;
}

std::vector<Figure> process_figures() {
  std::vector<Figure> figures;
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident) {
    figures.push_back({Metric::resident_bytes, static_cast<double>(resident) * static_cast<double>(::getpagesize())});
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    figures.push_back({Metric::cpu_seconds, seconds(usage.ru_utime) + seconds(usage.ru_stime)});
  }
  return figures;
}

}  // namespace weir
