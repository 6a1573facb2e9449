#include "resolver/server/resolutions.h"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>

#include "resolver/base/limits.h"
#include "resolver/cache/asked_lately.h"
#include "resolver/engine/upstream_block.h"
#include "resolver/filter/block_error.h"
#include "resolver/server/access.h"
#include "resolver/server/answer_builder.h"
#include "resolver/server/dns64_answer.h"
#include "resolver/server/late_answers.h"
#include "resolver/server/local_answer.h"
#include "resolver/server/shown_aliases.h"
#include "resolver/server/stale_answers.h"

namespace weir {
namespace {

constexpr std::size_t kMaxStoredParts = 255;
constexpr ExtendedError kEndless{EdeCode::other, "aliases that rules give lead in a circle"};

enum class Translation : std::uint8_t { no, yes };  // whether AAAA may be made of A (RFC 6147)

Translation translation_of(const Miss& miss) {
  return miss.translated ? Translation::yes : Translation::no;
}

// What equal questions have in common. `group`: of who has local zones of its own, which may lead elsewhere.
std::string key_text(const Query& query, Translation translation, const Substitution* substitution,
                     std::optional<std::uint32_t> group) {
  std::string key;
  key.reserve(query.qname.size() + 5);
  for (const std::uint8_t octet : query.qname) key.push_back(static_cast<char>(fold(octet)));
  const unsigned type = static_cast<std::uint16_t>(query.type);
  const unsigned record_class = static_cast<std::uint16_t>(query.record_class);
  const unsigned flags = (query.dnssec_ok ? 1U : 0U) | (query.checking_disabled ? 2U : 0U) |
                         (query.recursion_desired ? 0U : 4U) | (translation == Translation::yes ? 8U : 0U) |
                         (group ? 16U : 0U);
  for (const unsigned octet : {type & 0xFFU, type >> 8U, record_class & 0xFFU, record_class >> 8U, flags})
    key.push_back(static_cast<char>(octet));
  for (unsigned shift = 0; group && shift < 32; shift += 8) key.push_back(static_cast<char>(*group >> shift & 0xFFU));
  if (substitution != nullptr) {
    for (const std::uint8_t octet : substitution->target.wire()) key.push_back(static_cast<char>(fold(octet)));
  }
  return key;
}

class EngineResolutions final : public Resolutions {
 public:
  EngineResolutions(EngineOptions options, Environment environment)
      : environment_(std::move(environment)),
        engine_(std::move(options), environment_.rrsets, environment_.servers),
        stale_(environment_.answers, environment_.cache),
        late_(environment_.workers),
        reply_(65536) {}

  void accept(std::unique_ptr<Miss> miss, Now now) override {
    const auto key_of_miss = [&] { return key_of(*miss); };
    if (miss->kind == Miss::Kind::refresh) {
      std::string refreshed = key_of_miss();
      return refresh(std::move(refreshed), std::move(miss), now);
    }
    if (miss->substitution && miss->substitution->decides_again && !may_resolve(*miss, nullptr, now)) return;
    std::string key;  // most of what the caches know needs none
    auto found = by_key_.end();
    if (!by_key_.empty()) {
      key = key_of_miss();
      found = by_key_.find(key);
    }
    const Prefix prefix = fairness_prefix(miss->client);
    const auto of_prefix = by_prefix_.empty() ? by_prefix_.end() : by_prefix_.find(prefix);
    if ((of_prefix != by_prefix_.end() && of_prefix->second >= kMaxWaitingPerPrefix) ||
        clients_ >= std::min<std::size_t>(environment_.max_waiting, limit_of(Limit::resolutions_in_flight)) ||
        (found != by_key_.end() &&
         waiting_.at(found->second).clients.size() >= limit_of(Limit::waiters_per_resolution))) {
      return shed(*miss, now);
    }
    std::uint64_t id = 0;
    if (found != by_key_.end()) {
      id = found->second;
    } else {
      Waiting begun = begin(*miss, now, id);
      const bool may_go_on = begun.translation == Translation::yes;  // to the A, of which the AAAA is made
      if (const auto result = may_go_on ? std::nullopt : engine_.take_result_of(ResolutionId{id})) {
        Clients alone;
        alone.push_back(std::move(miss));
        return conclude(begun, std::move(alone), *result, now);
      }
      wait_for(id, key.empty() ? key_of_miss() : std::move(key), std::move(begun));
    }
    ++by_prefix_[prefix];
    ++clients_;
    Waiting& entry = waiting_.at(id);
    entry.clients.push_back(std::move(miss));
    // What would stand in for a translated answer is the one without AAAA.
    if (entry.clients.size() > 1 || entry.alias || entry.translation == Translation::yes) return;
    if (entry.stale_sent) return answer_stale(entry, now);  // those before have waited long enough
    if (stale_.find(entry.clients.front()->query, to_cache_seconds(now.steady)))
      stale_due_.push_back({now.steady + environment_.cache.stale_wait, id});
  }

  void receive(ExchangeId exchange, const Response& response, Now now) override {
    engine_.receive(exchange, response, now);
  }

  void timeout(Now now) override {
    armed_for_.reset();
    engine_.timeout(now);
    for (const LateAnswers::Answer& answer : late_.take_due(now.steady)) {
      environment_.reply(answer.miss, answer.message);
    }
    pump(now);
  }

  void wake(Now now) override {
    engine_.wake(now);
    pump(now);
  }

  void pump(Now now) override {
    // Results come before exchanges are looked at again: what is answered wants nothing more.
    for (bool more = true; more;) {
      more = !asked_again_.empty();
      for (auto& miss : std::exchange(asked_again_, {})) accept(std::move(miss), now);
      // What is over first: there are no more sockets than exchanges, and a new one may need its place.
      for (const ExchangeId exchange : engine_.take_abandoned()) environment_.cancel(exchange);
      for (Exchange& exchange : engine_.take_exchanges()) {
        environment_.send(std::move(exchange));
        more = true;
      }
      for (const ResolutionResult& result : engine_.take_results()) {
        finish(result, now);
        more = true;
      }
    }
    // After the results: what is there at once is new.
    while (!stale_due_.empty() && stale_due_.front().at <= now.steady) {
      const auto at = waiting_.find(stale_due_.front().id);
      stale_due_.pop_front();
      if (at != waiting_.end() && !at->second.clients.empty()) answer_stale(at->second, now);
    }
    if (!asked_again_.empty()) return pump(now);
    arm_timer();
  }

  void resolve(const Question& question, const Origin& origin, std::function<void(const ResolutionResult&)> done,
               Now now) override {
    own_.emplace(engine_.start(question, origin, now).value, std::move(done));
  }

  void set_trust(std::shared_ptr<const TrustRules> trust) override { engine_.set_trust(std::move(trust)); }
  void set_forward_zones(std::vector<ForwardZone> zones) override { engine_.set_forward_zones(std::move(zones)); }

  PolicyStage& policy_stage() override { return environment_.policy; }

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
    metrics.set(Metric::engine_cookie_misses, counters.cookie_misses);
    metrics.set(Metric::engine_rechecked_delegations, counters.rechecked_delegations);
    metrics.set(Metric::engine_joined, counters.joined);
    metrics.set(Metric::engine_validations, counters.validations);
    metrics.set(Metric::engine_bogus, counters.bogus);
    for (const LimitRow& row : kLimits) metrics.set(metric_of(row.limit), counters.limits.of(row.limit));
    metrics.set(Metric::engine_in_flight, engine_.in_flight());
  }

 private:
  // A question under way, and who waits for it.
  struct Waiting {
    std::string key;
    std::vector<std::unique_ptr<Miss>> clients;
    std::unique_ptr<Miss> asked;  // the question where no client waits: a refresh, or all have had an old answer
    bool stale_sent = false;
    Origin origin;
    Translation translation = Translation::no;
    std::optional<ResolutionResult> without_aaaa;  // found already: now A is asked for
    std::optional<LocalAlias> alias;               // the question is a local alias: what is resolved is its target
  };
  using Clients = std::vector<std::unique_ptr<Miss>>;

  struct StaleDue {
    SteadyTime at;
    std::uint64_t id = 0;
  };

  std::string key_of(const Miss& miss) const {
    const Generation* generation = environment_.policy.generation();
    const bool has_own_zones = generation != nullptr && generation->local_data_of(miss.group) != nullptr;
    return key_text(miss.query, translation_of(miss), miss.substitution.get(),
                    has_own_zones ? std::optional(miss.group) : std::nullopt);
  }

  Waiting begin(const Miss& miss, Now now, std::uint64_t& id) {
    const Query& query = miss.query;
    const bool is_refresh = miss.kind == Miss::Kind::refresh;
    const Origin origin{.kind = is_refresh ? OriginKind::prefetch : OriginKind::client,
                        .prefix = fairness_prefix(miss.client),
                        .checking_disabled = query.checking_disabled,
                        .dnssec_ok = query.dnssec_ok,
                        .leeway_seconds = miss.leeway_seconds,
                        .cache_only = !is_refresh && !query.recursion_desired};
    Waiting out;
    out.alias = miss.substitution ? alias_to(*miss.substitution, query) : alias_of(miss);
    out.origin = origin;
    out.translation = translation_of(miss);
    id = engine_.start({out.alias ? out.alias->target : query.name(), query.type, query.record_class}, origin, now)
             .value;
    return out;
  }

  Waiting& wait_for(std::uint64_t id, std::string key, Waiting begun) {
    begun.key = key;
    by_key_.emplace(std::move(key), id);
    return waiting_.insert_or_assign(id, std::move(begun)).first->second;
  }

  std::optional<LocalAlias> alias_of(const Miss& miss) const {
    const Generation* generation = environment_.policy.generation();
    if (generation == nullptr) return std::nullopt;
    return local_alias_of(environment_.policy.local_names(), *generation, miss.group, miss.query);
  }

  // Nobody waits for it; what is in the cache stays there if it fails.
  void refresh(std::string key, std::unique_ptr<Miss> miss, Now now) {
    if (by_key_.contains(key) || refreshes_ >= limit_of(Limit::refreshes_in_flight) ||
        clients_ >= limit_of(Limit::resolutions_in_flight)) {
      return;
    }
    ++refreshes_;
    environment_.metrics.add(Metric::prefetches);
    std::uint64_t id = 0;
    Waiting begun = begin(*miss, now, id);
    begun.asked = std::move(miss);
    wait_for(id, std::move(key), std::move(begun));
  }

  void arm_timer() {
    auto next = engine_.next_timeout();
    if (!stale_due_.empty()) next = std::min(next.value_or(SteadyTime::max()), stale_due_.front().at);
    if (const auto due = late_.next_due(); due && (!next || *due < *next)) next = due;
    if (next == armed_for_) return;
    armed_for_ = next;
    environment_.arm_timer(next);
  }

  // They wait no longer.
  Clients dismiss(Waiting& waiting) {
    clients_ -= waiting.clients.size();
    for (const auto& miss : waiting.clients) {
      const auto at = by_prefix_.find(fairness_prefix(miss->client));
      if (at != by_prefix_.end() && --at->second == 0) by_prefix_.erase(at);
    }
    return std::exchange(waiting.clients, {});
  }

  // Whether the answer waits for A, of which it is to be made (RFC 6147 section 5.1.6).
  bool ask_for_ipv4(const ResolutionResult& result, Now now) {
    const auto at = waiting_.find(result.id.value);
    if (at == waiting_.end() || at->second.translation == Translation::no || at->second.without_aaaa) return false;
    const Dns64* dns64 = environment_.policy.dns64();
    if (dns64 == nullptr || !wants_ipv4(result, *dns64)) return false;
    Waiting waiting = std::move(at->second);
    waiting_.erase(at);
    Question question = result.question;
    question.type = RecordType::a;
    const ResolutionId id = engine_.start(question, waiting.origin, now);
    waiting.without_aaaa = result;
    by_key_[waiting.key] = id.value;
    waiting_.emplace(id.value, std::move(waiting));
    return true;
  }

  ResolutionResult translated(const Waiting& waiting, const ResolutionResult& found) {
    const Dns64* dns64 = environment_.policy.dns64();
    const ResolutionResult& aaaa = waiting.without_aaaa ? *waiting.without_aaaa : found;
    if (dns64 == nullptr) return aaaa;
    if (waiting.without_aaaa) {
      // RFC 6147 section 5.1.6: an error of the look-up of A is the answer, and is kept no longer than one.
      if (found.rcode == Rcode::servfail || found.rcode == Rcode::refused) {
        ResolutionResult failed = found;
        failed.question = aaaa.question;
        return failed;
      }
      if (auto made = translated_answer(aaaa, found, *dns64)) {
        environment_.metrics.add(Metric::translated);
        return std::move(*made);
      }
    }
    return without_excluded(aaaa, *dns64);
  }

  void finish(const ResolutionResult& found, Now now) {
    if (auto own = own_.extract(found.id.value); !own.empty()) return own.mapped()(found);
    if (ask_for_ipv4(found, now)) return;
    auto node = waiting_.extract(found.id.value);
    if (node.empty()) return;
    Waiting waiting = std::move(node.mapped());
    by_key_.erase(waiting.key);
    Clients clients = dismiss(waiting);
    if (waiting.asked && waiting.asked->kind == Miss::Kind::refresh) --refreshes_;
    environment_.refresh_generation();
    conclude(waiting, std::move(clients), found, now);
  }

  void conclude(const Waiting& waiting, Clients clients, const ResolutionResult& found, Now now) {
    const Generation* generation = environment_.policy.generation();
    if (generation == nullptr) {
      for (const auto& miss : clients) fail(*miss, kNotReady, now);
      return;
    }
    const bool is_translated = waiting.translation == Translation::yes;
    const ResolutionResult made = is_translated ? translated(waiting, found) : ResolutionResult();
    const ResolutionResult& result = is_translated ? made : found;
    const Query& asked = waiting.asked ? waiting.asked->query : clients.front()->query;
    if (!clients.empty() && clients.front()->substitution) return finish_substitution(result, clients, now);
    if (waiting.alias) return finish_alias(result, *waiting.alias, clients, *generation, now);
    const bool not_asked = !asked.recursion_desired && result.rcode == Rcode::refused;
    const bool failed = result.rcode == Rcode::servfail || not_asked;
    if (failed && !is_translated && match_stale(asked, now)) {
      for (const auto& miss : clients) reply_stale(*miss, now);
      if (!not_asked) return stale_.hold(asked, to_cache_seconds(now.steady));
      return refresh_for_snooper(std::move(clients.front()), now);
    }
    if (failed && clients.empty()) return;  // what the cache holds is better
    build_answer(result, built_);
    parts_ = environment_.policy.match_question(asked);
    match_found(result, *generation, now);
    AnswerKey key = AnswerKey::of(asked);
    key.translated = is_translated;
    store(key, result, *generation, now.steady);
    for (const auto& miss : clients) reply(*miss, new_reply(miss->query, result), QnameAuthor::anybody, now, &result);
    // What the caches knew already, in the last moment of its TTL, is nothing newer.
    if (!failed && result.upstream_packets != 0) stale_.superseded(asked, to_cache_seconds(now.steady));
  }

  // What rules say of all that was found, behind what they say of the question.
  void match_found(const ResolutionResult& result, const Generation& generation, Now now) {
    match_answer(result, generation, parts_);
    if (generation.triggers().name_server)
      match_name_servers(result, generation, environment_.rrsets, now.steady, parts_);
  }

  // Not stored: the next generation may have another alias, or none. So nothing old stands in for it either.
  void finish_alias(const ResolutionResult& result, const LocalAlias& alias, const Clients& clients,
                    const Generation& generation, Now now) {
    if (clients.empty()) return;
    const Query& asked = clients.front()->query;
    parts_ = environment_.policy.match_local_target(asked, alias.target.wire());
    match_found(result, generation, now);
    const ResolutionResult whole = behind_alias(result, asked, alias);
    build_answer(whole, built_);
    for (const auto& miss : clients) reply(*miss, new_reply(miss->query, whole), QnameAuthor::administrator, now);
  }

  // Their policy had its word on the question; unless it shows aliases it has none on what the administrator, or a zone
  // that is trusted, put in its place (SEMANTICS section 4). Not stored: the next generation may say something else.
  void finish_substitution(const ResolutionResult& result, const Clients& clients, Now now) {
    for (const auto& miss : clients) {
      if (miss->substitution->decides_again && !may_resolve(*miss, &result, now)) continue;
      send_behind(*miss, alias_to(*miss->substitution, miss->query), result, nullptr, now);
    }
  }

  // `blocked`: the answer is the policy's, of which this is the asker.
  void send_behind(const Miss& miss, const LocalAlias& alias, const ResolutionResult& result, const Asker* blocked,
                   Now now) {
    const ResolutionResult whole = behind_alias(result, miss.query, alias);
    build_answer(whole, built_);
    StoredReply stored = new_reply(miss.query, whole);
    const Substitution& substitution = *miss.substitution;
    if (substitution.ede && !stored.error) stored.error = ExtendedError{*substitution.ede, substitution.ede_text};
    stored.flags.recursion_available = blocked == nullptr || !blocked->policy().clears_ra;
    stored.ttl_cap = substitution.ttl_cap;
    const std::size_t room = miss.transport == Transport::udp ? miss.query.udp_payload_size : std::size_t{65535};
    const std::span<std::uint8_t> out(reply_.data(), room);
    std::copy_n(built_.wire.begin(), std::min(built_.wire.size(), out.size()), out.begin());
    send(miss, out.first(finish_stored_reply(out, built_.wire.size(), miss.query, stored)), now.steady);
  }

  // What the policy says of the name that shown aliases lead to: before it is resolved, and of what was `found`. False:
  // the client has its answer, or what lies behind is asked for. Each turn makes the chain longer, up to its limit.
  bool may_resolve(Miss& miss, const ResolutionResult* found, Now now) {
    PolicyStage& policy = environment_.policy;
    const Generation* generation = policy.generation();
    if (generation == nullptr) {
      fail(miss, kNotReady, now);
      return false;
    }
    const std::shared_ptr<const Substitution> so_far = miss.substitution;
    const AliasQuestion question(miss.query, so_far->target);
    miss.group = generation->policies().group_of(miss.client);
    Asker asker = policy.asker(miss.group, miss.client, miss.transport, now.wall);
    asker.client_matches = nullptr;  // that had its word on the question
    parts_ = policy.match_question(question.query());
    if (found != nullptr) match_found(*found, *generation, now);
    const FilterVerdict verdict = found == nullptr ? decide_question(parts_, asker, miss.query.type)
                                                   : decide_answer(parts_, asker, miss.query.type);
    const bool denied_by_default = verdict.blocked() && verdict.winner == nullptr && !verdict.rebinding;
    if (!verdict.blocked() || denied_by_default || (found == nullptr && verdict.provisional)) return true;
    LocalAlias alias = alias_to(*so_far, miss.query);
    if (alias.links.size() > limit_of(Limit::aliases)) {
      fail(miss, kEndless, now);
      return false;
    }
    std::vector<Rrset> shown;
    Name link;
    if (found != nullptr && shows_aliases(verdict, parts_, asker)) {
      link = parts_[static_cast<std::size_t>(verdict.part)].name;
      shown = links_to(*found, so_far->target, link, block_ttl(verdict, asker));
    }
    if (const auto target = substitution_of(verdict, question.query(), asker); shown.empty() && target) {
      link = *target;
      Substitution given;
      given.target = link;
      given.ttl_seconds = block_ttl(verdict, asker);
      shown = alias_to(given, question.query()).links;
    }
    if (shown.empty()) {
      block_behind(miss, alias, question.query(), asker, verdict, now);
      return false;
    }
    alias.links.insert(alias.links.end(), shown.begin(), shown.end());
    ask_again(miss, lead_on(*so_far, std::move(alias.links), std::move(link), ttl_left(verdict.until, asker.now)));
    return false;
  }

  void block_behind(const Miss& miss, const LocalAlias& alias, const Query& question, const Asker& asker,
                    const FilterVerdict& verdict, Now now) {
    const std::size_t size = write_block_answer(reply_, question, asker, parts_, verdict);
    if (size == 0) return send(miss, {}, now.steady);
    const auto blocked = read_block_answer(std::span(reply_).first(size));
    if (blocked) return send_behind(miss, alias, *blocked, &asker, now);
    const std::span<std::uint8_t> out(reply_.data(), miss.query.udp_payload_size);
    send(miss, out.first(write_truncated_reply(out, miss.query, Rcode::noerror, nullptr)), now.steady);
  }

  // What a client gets where `verdict` blocks an alias of `answer`; null: the same as of any other block.
  std::shared_ptr<const Substitution> show_aliases(const Miss& miss, const FilterVerdict& verdict, const Asker& asker,
                                                   const ResolutionResult& answer) const {
    const Name link = parts_[static_cast<std::size_t>(verdict.part)].name;
    std::vector<Rrset> shown = links_to(answer, miss.query.name(), link, block_ttl(verdict, asker));
    if (shown.empty()) return nullptr;
    Substitution begun;
    const BlockError error(miss.query, asker, parts_, verdict);
    if (error.error() != nullptr) {
      begun.ede = error.error()->code;
      begun.ede_text = error.error()->text;
    }
    return lead_on(begun, std::move(shown), link, ttl_left(verdict.until, asker.now));
  }

  // What is answered instead, if not the name itself, has to be resolved first; not now, as others' answers are just
  // being decided on.
  void ask_again(const Miss& miss, std::shared_ptr<const Substitution> substitution) {
    auto again = std::make_unique<Miss>();
    again->own(miss.query);
    again->client = miss.client;
    again->translated = miss.translated;
    again->group = miss.group;
    again->transport = miss.transport;
    again->worker = miss.worker;
    again->descriptor = miss.descriptor;
    again->route = miss.route;
    again->ticket = miss.ticket;
    again->received = miss.received;
    again->substitution = std::move(substitution);
    asked_again_.push_back(std::move(again));
  }

  // Who does not set RD wants nobody to be asked for him, and is answered. That the answer is used is our reason to
  // renew it.
  void refresh_for_snooper(std::unique_ptr<Miss> miss, Now now) {
    miss->kind = Miss::Kind::refresh;
    miss->query.recursion_desired = true;
    std::string key = key_of(*miss);
    refresh(std::move(key), std::move(miss), now);
  }

  // What stands in for the answer to `query`, and what of today's rules matches it (in parts_).
  bool match_stale(const Query& query, Now now) {
    if (!stale_.find(query, to_cache_seconds(now.steady))) return false;
    PolicyStage& policy = environment_.policy;
    // Rules on servers matched when it was fetched; who gave it cannot be told from the answer.
    const bool same_rules = stale_.answer().epoch == policy.generation()->names_epoch();
    const AnswerMatches* matches =
        same_rules ? policy.stored_matches(query, stale_.answer().matches()) : policy.rematch(query, stale_.wire());
    if (matches == nullptr) return false;
    parts_ = *matches;
    return true;
  }

  void reply_stale(Miss& miss, Now now) {
    reply(miss, stale_reply(miss.query, stale_.answer(), environment_.cache), QnameAuthor::anybody, now);
  }

  // Its clients have waited long enough; the resolution goes on.
  void answer_stale(Waiting& waiting, Now now) {
    environment_.refresh_generation();
    if (environment_.policy.generation() == nullptr || !match_stale(waiting.clients.front()->query, now)) return;
    Clients clients = dismiss(waiting);
    for (const auto& miss : clients) reply_stale(*miss, now);
    if (!waiting.asked) waiting.asked = std::move(clients.front());
    waiting.stale_sent = true;
  }

  void store(const AnswerKey& key, const ResolutionResult& result, const Generation& generation, SteadyTime now) {
    // A failure holds no records, so the aliases that led there could not be matched again under another epoch. The
    // engine remembers such failures itself (RFC 9520).
    const bool lost_aliases = result.answer.empty() && !result.aliases.empty();
    if (built_.ttl_seconds == 0 || lost_aliases || parts_.size() > kMaxStoredParts) return;
    // Random names below a signed zone must not drive out what is asked again.
    if (result.inferred && !asked_lately_.note(key)) return;
    encoded_.clear();
    const bool any = std::any_of(parts_.begin(), parts_.end(), [](const PartMatches& part) {
      return part.part != AnswerPart::qname || !part.matches.empty() || !part.matches.lists_below.empty();
    });
    if (any) encode_matches(parts_, encoded_);
    const CacheSeconds inserted = to_cache_seconds(now);
    const CacheSeconds expires = std::min(inserted + built_.ttl_seconds, to_cache_seconds(result.expires));
    environment_.answers.put(key, {.wire = built_.wire,
                                   .ttl_offsets = built_.ttl_offsets,
                                   .rcode = built_.rcode,
                                   .security = static_cast<std::uint8_t>(result.security),
                                   .inserted = inserted,
                                   .expires = expires,
                                   .stale_until = stale_.usable_until(built_.rcode, expires),
                                   .ede = result.ede,
                                   .ede_text = result.ede_text,
                                   .epoch = generation.names_epoch(),
                                   .matches = encoded_});
  }

  StoredReply new_reply(const Query& query, const ResolutionResult& result) const {
    StoredReply stored;
    stored.flags = stored_flags(query, built_.rcode, result.security);
    stored.ttl_offsets = built_.ttl_offsets;
    if (result.ede) stored.error = ExtendedError{*result.ede, result.ede_text};
    return stored;
  }

  enum class QnameAuthor : std::uint8_t { anybody, administrator };

  // Whether this client may see it, and in which words. The octets are those of `built_`, or of `stale_`; `found` is
  // what the former were made of.
  void reply(Miss& miss, const StoredReply& stored, QnameAuthor author, Now now,
             const ResolutionResult* found = nullptr) {
    PolicyStage& policy = environment_.policy;
    // The generation may be another than when the client was classified, and its groups may be others.
    miss.group = policy.generation()->policies().group_of(miss.client);
    Asker asker = policy.asker(miss.group, miss.client, miss.transport, now.wall);
    asker.upstream_blocks = stored.error && is_block(stored.error->code);
    const std::size_t room = miss.transport == Transport::udp ? miss.query.udp_payload_size : std::size_t{65535};
    const std::span<std::uint8_t> out(reply_.data(), room);
    const FilterVerdict verdict = author == QnameAuthor::administrator
                                      ? decide_local_answer(parts_, asker, miss.query.type)
                                      : decide_answer(parts_, asker, miss.query.type);
    const auto latency = std::chrono::duration_cast<std::chrono::microseconds>(now.steady - miss.received);
    const bool is_stale = stored.stale_ttl.has_value();
    const std::span<const std::uint8_t> wire = is_stale ? stale_.wire() : std::span<const std::uint8_t>(built_.wire);
    std::shared_ptr<const Substitution> shown;
    if (author == QnameAuthor::anybody && shows_aliases(verdict, parts_, asker)) {
      const auto stored_answer = found == nullptr ? read_stored_answer(wire) : std::nullopt;
      const ResolutionResult* answer = found == nullptr && stored_answer ? &*stored_answer : found;
      if (answer != nullptr) shown = show_aliases(miss, verdict, asker, *answer);
    }
    auto carried = policy.carry_out(verdict, parts_, miss.query, asker, latency, out);
    const bool untranslated =
        !shown && miss.translated && policy.dns64() != nullptr && stays_untranslated(*policy.dns64(), parts_, verdict);
    if (!untranslated)
      policy.compare(verdict, parts_, miss.query, asker,
                     author == QnameAuthor::administrator ? DecidedOn::local_answer : DecidedOn::answer);
    if (shown) return ask_again(miss, std::move(shown));
    if (untranslated) {
      miss.translated = false;
      return ask_again(miss, nullptr);
    }
    if (carried.reply) return send(miss, out.first(*carried.reply), now.steady);
    if (carried.substitution) return ask_again(miss, std::move(carried.substitution));
    if (is_stale) environment_.metrics.add(Metric::stale_answers);
    const AnswerKind kind = is_stale                                ? AnswerKind::cached
                            : stored.flags.rcode == Rcode::servfail ? AnswerKind::failed
                                                                    : AnswerKind::resolved;
    environment_.sink.count(miss.group, kind);
    std::copy_n(wire.begin(), std::min(wire.size(), out.size()), out.begin());
    StoredReply capped = stored;
    capped.ttl_cap = ttl_left(verdict.until, asker.now);
    send(miss, out.first(finish_stored_reply(out, wire.size(), miss.query, capped)), now.steady);
  }

  // Too many wait already: an old answer costs nobody anything.
  void shed(Miss& miss, Now now) {
    environment_.metrics.add(Metric::overloaded);
    const bool may_be_old =
        environment_.policy.generation() != nullptr && !miss.substitution && !alias_of(miss) && !miss.translated;
    if (may_be_old && match_stale(miss.query, now)) return reply_stale(miss, now);
    if (environment_.drops_when_full) return environment_.reply(miss, {});
    fail(miss, kOverloaded, now);
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
    const bool at_once = now == miss.received;  // nobody can pile such answers up
    if (miss.transport != Transport::udp || at_once) return environment_.reply(miss, message);
    const Prefix prefix = fairness_prefix(miss.client);
    const auto waiting = by_prefix_.find(prefix);
    switch (late_.fate_of(prefix, waiting == by_prefix_.end() ? 0 : waiting->second, miss.received, now)) {
      case LateAnswers::Fate::now:
        return environment_.reply(miss, message);
      case LateAnswers::Fate::later:
        environment_.metrics.add(Metric::late_answers_paced);
        return late_.hold_back(prefix, miss, message, now);
      case LateAnswers::Fate::never:
        environment_.metrics.add(Metric::late_answers_dropped);
        return environment_.reply(miss, {});
    }
  }

  Environment environment_;
  Engine engine_;
  StaleAnswers stale_;
  AskedLately asked_lately_;
  std::optional<SteadyTime> armed_for_;

  std::unordered_map<std::uint64_t, Waiting> waiting_;                                   // by ResolutionId
  std::unordered_map<std::uint64_t, std::function<void(const ResolutionResult&)>> own_;  // by ResolutionId
  std::unordered_map<std::string, std::uint64_t> by_key_;
  std::unordered_map<Prefix, std::size_t, PrefixHash> by_prefix_;
  std::size_t clients_ = 0;
  std::size_t refreshes_ = 0;
  Clients asked_again_;             // to be accepted once more
  std::deque<StaleDue> stale_due_;  // all wait equally long, so they stand in order
  LateAnswers late_;

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
