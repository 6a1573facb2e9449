#include "resolver/server/resolutions.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "resolver/base/limits.h"
#include "resolver/server/access.h"
#include "resolver/server/answer_builder.h"

namespace weir {
namespace {

constexpr std::size_t kMaxStoredParts = 255;
constexpr ExtendedError kOverloaded{EdeCode::other, "too many queries are waiting"};
constexpr ExtendedError kNotReady{EdeCode::not_ready, "no policy is loaded yet"};

std::string key_text(const Query& query) {
  std::string key;
  key.reserve(query.qname.size() + 5);
  for (const std::uint8_t octet : query.qname) key.push_back(static_cast<char>(fold(octet)));
  const unsigned type = static_cast<std::uint16_t>(query.type);
  const unsigned record_class = static_cast<std::uint16_t>(query.record_class);
  const unsigned flags =
      (query.dnssec_ok ? 1U : 0U) | (query.checking_disabled ? 2U : 0U) | (query.recursion_desired ? 0U : 4U);
  for (const unsigned octet : {type & 0xFFU, type >> 8U, record_class & 0xFFU, record_class >> 8U, flags})
    key.push_back(static_cast<char>(octet));
  return key;
}

struct PrefixHash {
  std::size_t operator()(const Prefix& prefix) const noexcept {
    std::size_t hash = prefix.length;
    for (const std::uint8_t octet : prefix.address.bytes()) hash = hash * 131 + octet;
    return hash;
  }
};

// The answer to a question that is a local alias. Nobody signed that, so nothing of it is secure.
ResolutionResult behind_alias(const ResolutionResult& result, const Query& query, const LocalAlias& alias) {
  ResolutionResult out = result;
  out.question.name = query.name();
  if (out.security == Security::secure) out.security = Security::insecure;
  if (out.rcode != Rcode::servfail && out.rcode != Rcode::refused)
    out.answer.insert(out.answer.begin(), alias.links.begin(), alias.links.end());
  return out;
}

class EngineResolutions final : public Resolutions {
 public:
  EngineResolutions(EngineOptions options, Environment environment)
      : environment_(std::move(environment)),
        engine_(std::move(options), environment_.rrsets, environment_.servers),
        reply_(65536) {}

  void accept(std::unique_ptr<Miss> miss, Now now) override {
    std::string key = key_text(miss->query);
    const Prefix prefix = fairness_prefix(miss->client);
    const auto found = by_key_.find(key);
    std::size_t& of_prefix = by_prefix_[prefix];
    if (of_prefix >= kMaxWaitingPerPrefix || clients_ >= limit_of(Limit::resolutions_in_flight) ||
        (found != by_key_.end() &&
         waiting_.at(found->second).clients.size() >= limit_of(Limit::waiters_per_resolution))) {
      if (of_prefix == 0) by_prefix_.erase(prefix);
      environment_.metrics.add(Metric::overloaded);
      return fail(*miss, kOverloaded, now);
    }
    ++of_prefix;
    ++clients_;
    if (found != by_key_.end()) {
      waiting_.at(found->second).clients.push_back(std::move(miss));
      return;
    }
    const Generation* generation = environment_.policy.generation();
    auto alias = generation == nullptr ? std::nullopt
                                       : local_alias_of(environment_.policy.local_names(), *generation, miss->query);
    const Question question{alias ? alias->target : miss->query.name(), miss->query.type, miss->query.record_class};
    const Origin origin{.kind = OriginKind::client,
                        .prefix = prefix,
                        .checking_disabled = miss->query.checking_disabled,
                        .dnssec_ok = miss->query.dnssec_ok,
                        .cache_only = !miss->query.recursion_desired};
    const ResolutionId id = engine_.start(question, origin, now);
    Waiting& entry = waiting_[id.value];
    entry.key = key;
    entry.alias = std::move(alias);
    entry.clients.push_back(std::move(miss));
    by_key_.emplace(std::move(key), id.value);
  }

  void receive(ExchangeId exchange, const Response& response, Now now) override {
    engine_.receive(exchange, response, now);
  }

  void timeout(Now now) override {
    armed_for_.reset();
    engine_.timeout(now);
    pump(now);
  }

  void pump(Now now) override {
    // Results come before exchanges are looked at again: what is answered wants nothing more.
    for (bool more = true; more;) {
      more = false;
      for (Exchange& exchange : engine_.take_exchanges()) {
        environment_.send(std::move(exchange));
        more = true;
      }
      for (const ExchangeId exchange : engine_.take_abandoned()) environment_.cancel(exchange);
      for (const ResolutionResult& result : engine_.take_results()) {
        finish(result, now);
        more = true;
      }
    }
    arm_timer();
  }

  void set_forward_zones(std::vector<ForwardZone> zones) override { engine_.set_forward_zones(std::move(zones)); }

  std::size_t waiting() const override { return clients_; }

  void publish_metrics() override {
    const EngineCounters& counters = engine_.counters();
    WorkerMetrics& metrics = environment_.metrics;
    metrics.set(Metric::engine_started, counters.started);
    metrics.set(Metric::engine_finished, counters.finished);
    metrics.set(Metric::engine_failed, counters.failed);
    metrics.set(Metric::engine_exchanges, counters.exchanges);
    metrics.set(Metric::engine_retries, counters.retries);
    metrics.set(Metric::engine_tcp_fallbacks, counters.tcp_fallbacks);
    metrics.set(Metric::engine_ignored_responses, counters.ignored_responses);
    metrics.set(Metric::engine_malformed_responses, counters.malformed_responses);
    metrics.set(Metric::engine_broken_invariants, counters.broken_invariants);
    metrics.set(Metric::engine_joined, counters.joined);
    metrics.set(Metric::engine_validations, counters.validations);
    metrics.set(Metric::engine_bogus, counters.bogus);
    for (const LimitRow& row : kLimits) metrics.set(metric_of(row.limit), counters.limits.of(row.limit));
    metrics.set(Metric::engine_in_flight, engine_.in_flight());
  }

 private:
  struct Waiting {
    std::string key;
    std::vector<std::unique_ptr<Miss>> clients;
    std::optional<LocalAlias> alias;  // the question is a local alias: what is resolved is its target
  };

  void arm_timer() {
    const auto next = engine_.next_timeout();
    if (next == armed_for_) return;
    armed_for_ = next;
    environment_.arm_timer(next);
  }

  void finish(const ResolutionResult& result, Now now) {
    auto node = waiting_.extract(result.id.value);
    if (node.empty()) return;
    Waiting waiting = std::move(node.mapped());
    by_key_.erase(waiting.key);
    clients_ -= waiting.clients.size();
    for (const auto& miss : waiting.clients) {
      const auto at = by_prefix_.find(fairness_prefix(miss->client));
      if (at != by_prefix_.end() && --at->second == 0) by_prefix_.erase(at);
    }
    environment_.refresh_generation();
    const Generation* generation = environment_.policy.generation();
    if (generation == nullptr) {
      for (const auto& miss : waiting.clients) fail(*miss, kNotReady, now);
      return;
    }
    const Query& asked = waiting.clients.front()->query;
    if (waiting.alias) {
      parts_ = environment_.policy.match_local_target(asked, waiting.alias->target.wire());
      match_answer(result, *generation, parts_);
      const ResolutionResult whole = behind_alias(result, asked, *waiting.alias);
      build_answer(whole, built_);
      // Not stored: the next generation may have another alias, or none.
      for (const auto& miss : waiting.clients) reply(*miss, whole, QnameAuthor::administrator, now);
      return;
    }
    build_answer(result, built_);
    parts_ = environment_.policy.match_question(asked);
    match_answer(result, *generation, parts_);
    store(asked, result, *generation, now.steady);
    for (const auto& miss : waiting.clients) reply(*miss, result, QnameAuthor::anybody, now);
  }

  void store(const Query& asked, const ResolutionResult& result, const Generation& generation, SteadyTime now) {
    // A failure holds no records, so the aliases that led there could not be matched again under another epoch. The
    // engine remembers such failures itself (RFC 9520).
    const bool lost_aliases = result.answer.empty() && !result.aliases.empty();
    if (built_.ttl_seconds == 0 || lost_aliases || parts_.size() > kMaxStoredParts) return;
    encoded_.clear();
    const bool any = std::any_of(parts_.begin(), parts_.end(), [](const PartMatches& part) {
      return !part.matches.empty() || !part.matches.lists_below.empty();
    });
    if (any) encode_matches(parts_, encoded_);
    const CacheSeconds inserted = to_cache_seconds(now);
    const CacheSeconds expires = std::min(inserted + built_.ttl_seconds, to_cache_seconds(result.expires));
    environment_.answers.put(AnswerKey::of(asked), {.wire = built_.wire,
                                                    .ttl_offsets = built_.ttl_offsets,
                                                    .rcode = built_.rcode,
                                                    .security = static_cast<std::uint8_t>(result.security),
                                                    .inserted = inserted,
                                                    .expires = expires,
                                                    .ede = result.ede,
                                                    .ede_text = result.ede_text,
                                                    .epoch = generation.names_epoch(),
                                                    .matches = encoded_});
  }

  enum class QnameAuthor : std::uint8_t { anybody, administrator };

  void reply(Miss& miss, const ResolutionResult& result, QnameAuthor author, Now now) {
    const PolicyStage& policy = environment_.policy;
    // The generation may be another than when the client was classified, and its groups may be others.
    miss.group = policy.generation()->policies().group_of(miss.client);
    const Asker asker = policy.asker(miss.group, miss.client, now.wall);
    const std::size_t room = miss.transport == Transport::udp ? miss.query.udp_payload_size : std::size_t{65535};
    const std::span<std::uint8_t> out(reply_.data(), room);
    const FilterVerdict verdict = author == QnameAuthor::administrator
                                      ? decide_local_answer(parts_, asker, miss.query.type)
                                      : decide_answer(parts_, asker, miss.query.type);
    const auto latency = std::chrono::duration_cast<std::chrono::microseconds>(now.steady - miss.received);
    const auto blocked =
        environment_.policy.carry_out(verdict, parts_, miss.query, asker, miss.transport, latency, out);
    if (blocked) return send(miss, out.first(*blocked), now.steady);
    environment_.sink.count(miss.group, built_.rcode == Rcode::servfail ? AnswerKind::failed : AnswerKind::resolved);
    std::copy_n(built_.wire.begin(), std::min(built_.wire.size(), out.size()), out.begin());
    StoredReply stored;
    stored.flags = stored_flags(miss.query, built_.rcode, result.security);
    stored.ttl_offsets = built_.ttl_offsets;
    if (result.ede) stored.error = ExtendedError{*result.ede, result.ede_text};
    send(miss, out.first(finish_stored_reply(out, built_.wire.size(), miss.query, stored)), now.steady);
  }

  void fail(const Miss& miss, const ExtendedError& error, Now now) {
    environment_.sink.count(0, AnswerKind::failed);
    const std::span<std::uint8_t> out(reply_.data(), 512);
    send(miss, out.first(write_error_reply(out, miss.query, Rcode::servfail, &error)), now.steady);
  }

  void send(const Miss& miss, std::span<const std::uint8_t> message, SteadyTime now) {
    if (message.size() < kHeaderSize) return environment_.reply(miss, {});
    environment_.metrics.answered(static_cast<Rcode>(message[3] & 0xF));
    if ((message[2] & 0x02) != 0) environment_.metrics.add(Metric::truncated);
    const bool too_late = miss.transport == Transport::udp && now - miss.received > kMaxWait;
    environment_.reply(miss, too_late ? std::span<const std::uint8_t>() : message);
  }

  Environment environment_;
  Engine engine_;
  std::optional<SteadyTime> armed_for_;

  std::unordered_map<std::uint64_t, Waiting> waiting_;  // by ResolutionId
  std::unordered_map<std::string, std::uint64_t> by_key_;
  std::unordered_map<Prefix, std::size_t, PrefixHash> by_prefix_;
  std::size_t clients_ = 0;

  BuiltAnswer built_;
  AnswerMatches parts_;
  std::vector<std::uint8_t> encoded_;
  std::vector<std::uint8_t> reply_;
};

}  // namespace

std::unique_ptr<Resolutions> Resolutions::make(EngineOptions options, Environment environment) {
  return std::make_unique<EngineResolutions>(std::move(options), std::move(environment));
}

}  // namespace weir
