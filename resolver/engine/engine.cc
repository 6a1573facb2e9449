// The engine's plumbing: who waits for which resolution, which octets belong to which exchange, whose time has come.
#include "resolver/engine/engine.h"

#include <algorithm>
#include <unordered_map>

#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/key_sentinel.h"
#include "resolver/engine/resolution.h"
#include "resolver/engine/ttl_bounds.h"

namespace weir {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::string key_of(const Question& question, const Origin& origin) {
  std::string key;
  for (const std::uint8_t octet : question.name.wire()) key += static_cast<char>(fold(octet));
  key += static_cast<char>(static_cast<unsigned>(question.type) >> 8);
  key += static_cast<char>(question.type);
  key += static_cast<char>((origin.dnssec_ok ? 1 : 0) | (origin.checking_disabled ? 2 : 0) |
                           (origin.kind == OriginKind::priming ? 4 : 0) | (origin.cache_only ? 8 : 0));
  return key;
}

// Types that are questions about something else than data (RFC 6895 section 3.1), except ANY.
bool is_meta_type(RecordType type) {
  return type == RecordType::opt || (type >= RecordType::tkey && type <= RecordType::axfr);
}

// What octets that came for an exchange are.
enum class Belonging : std::uint8_t { answer, foreign, wrong_id, wrong_case, headless_error };

Belonging belonging_of(const std::optional<MessageStart>& start, const OutstandingExchange& exchange) {
  if (!start || !start->flags.response || start->opcode != Opcode::query) return Belonging::foreign;
  if (start->id != exchange.query.id) return Belonging::wrong_id;
  if (!start->has_question) {
    const auto rcode = static_cast<Rcode>(start->rcode_low);
    return rcode == Rcode::formerr || rcode == Rcode::notimp ? Belonging::headless_error : Belonging::foreign;
  }
  if (start->qtype != exchange.query.type || start->qclass != exchange.query.record_class ||
      start->qname != exchange.query.qname) {
    return Belonging::foreign;
  }
  const bool same_case = std::ranges::equal(start->qname.wire(), exchange.query.qname.wire());
  return exchange.case_randomised && !same_case ? Belonging::wrong_case : Belonging::answer;
}

// The question as we asked it before 0x20: compressed names of the answer point into it, and nobody downstream is to
// see our random letters.
std::vector<std::uint8_t> restore_case(std::span<const std::uint8_t> message, const MessageStart& start,
                                       const OutstandingExchange& exchange) {
  std::vector<std::uint8_t> out(message.begin(), message.end());
  const auto wire = exchange.plain_name.wire();
  if (start.question_end == 12 + wire.size() + 4) std::ranges::copy(wire, out.begin() + 12);
  return out;
}

// RFC 8509 section 3.2. The caches keep what was found; this is the resolver's own answer, for this question alone.
ResolutionResult sentinel_failure(const ResolutionResult& found) {
  ResolutionResult out;
  out.id = found.id;
  out.question = found.question;
  out.upstream_packets = found.upstream_packets;
  out.ede = EdeCode::bogus;
  out.ede_text = "the name asks which root keys are trusted (RFC 8509)";
  return out;
}

}  // namespace

struct Engine::State {
  EngineOptions options;
  RrsetCache& rrsets;
  ServerCache& servers;
  EngineCounters counters;
  Exchanges exchanges;
  std::unordered_map<WorkId, std::unique_ptr<Resolution>> resolutions;
  std::unordered_map<std::string, WorkId> by_question;
  std::unordered_map<ResolutionId, WorkId> waiting;
  std::vector<ResolutionResult> results;
  std::uint64_t last_resolution = 0;
  std::uint64_t last_work = 0;

  State(EngineOptions given, RrsetCache& rrset_cache, ServerCache& server_cache)
      : options(std::move(given)),
        rrsets(rrset_cache),
        servers(server_cache),
        exchanges(options.upstream_port, options.max_exchanges, options.in_flight, options.engine_number) {}

  Context context(Now now) { return {options, rrsets, servers, counters, exchanges, now}; }
  Context context(const Resolution& resolution, Now now) {
    OwnCaches* own = resolution.own_caches.get();
    if (own == nullptr) return context(now);
    return {own->options, own->rrsets, own->servers, counters, exchanges, now};
  }

  void deliver(ResolutionId id, ResolutionResult result) {
    ++counters.finished;
    if (result.rcode == Rcode::servfail) ++counters.failed;
    result.id = id;
    results.push_back(std::move(result));
  }

  void refuse(ResolutionId id, const Question& question, Rcode rcode, std::string text) {
    ResolutionResult result;
    result.question = question;
    result.rcode = rcode;
    result.ede = EdeCode::other;
    result.ede_text = std::move(text);
    deliver(id, std::move(result));
  }

  // What only a mistake of ours can break ends this resolution in SERVFAIL and is counted: never the process, which
  // anybody on the network could then switch off.
  template <class Work>
  void guard(Resolution& resolution, Now now, const Work& work) {
    Context context = this->context(resolution, now);
    try {
      work(context);
    } catch (const std::exception& fault) {
      ++counters.broken_invariants;
      resolution.fail(context, EdeCode::other, std::string("a fault inside: ") + fault.what());
    }
  }

  std::unique_ptr<Resolution> make(const Question& question, const Origin& origin, Now now) {
    const WorkId work{++last_work};
    const SteadyTime deadline = now.steady + milliseconds(limit_of(Limit::resolution_ms));
    const bool signatures = origin.dnssec_ok || options.trust != nullptr;
    auto owned = std::make_unique<Resolution>(work, question, origin,
                                              signatures ? Signatures::needed : Signatures::not_needed, deadline);
    Resolution& resolution = *owned;
    if (origin.examination != nullptr && origin.examination->fresh) {
      resolution.own_caches = std::make_unique<OwnCaches>(options);
      if (origin.examination->rules != nullptr) resolution.own_caches->options.trust = origin.examination->rules;
    }
    return owned;
  }

  // It has to wait for somebody: now it can be found and joined, and has a deadline.
  Resolution& enrol(std::unique_ptr<Resolution> owned) {
    Resolution& resolution = *owned;
    const WorkId work = resolution.id();
    if (resolution.origin().examination == nullptr)
      by_question.emplace(key_of(resolution.question(), resolution.origin()), work);
    exchanges.timers().insert({resolution.budget().deadline(), TimerKey::Kind::deadline, work.value});
    for (const ResolutionId waiter : resolution.waiters) waiting.emplace(waiter, work);
    resolutions.emplace(work, std::move(owned));
    return resolution;
  }

  void remove(Resolution& resolution) {
    exchanges.timers().erase({resolution.budget().deadline(), TimerKey::Kind::deadline, resolution.id().value});
    if (resolution.origin().examination == nullptr)
      by_question.erase(key_of(resolution.question(), resolution.origin()));
    exchanges.release(resolution.id());
    resolutions.erase(resolution.id());
  }

  // Hands out the result where there is one.
  void settle(Resolution& resolution, Now now) {
    if (!resolution.finished()) return;
    conclude(resolution, now);
    remove(resolution);
  }

  void conclude(Resolution& resolution, Now now) {
    const Question& question = resolution.question();
    const auto& finished = *std::get_if<Finished>(&resolution.bottom().step);
    ResolutionResult result = resolution.result(now.steady);
    if (options.trust != nullptr && !resolution.origin().checking_disabled &&
        sentinel_denies(question.name, question.type, result.security, options.trust->anchors)) {
      result = sentinel_failure(result);
    }
    const bool bogus = finished.cause == Finished::Cause::bogus;
    // Behind good aliases it is their end that is bogus; they are fetched again when their TTLs have ended.
    const auto& chain = resolution.bottom().chain;
    const Name& failed = bogus && !chain.empty() ? chain.back().target : question.name;
    RrsetCache& cache = context(resolution, now).rrsets;
    if (finished.cause == Finished::Cause::failed || bogus) {
      // RFC 9520 section 3.2: not asked again for a while, and longer each time.
      const bool unreachable = result.ede == EdeCode::no_reachable_authority || result.ede == EdeCode::network_error;
      const Limit longest = bogus         ? Limit::bogus_ttl_s
                            : unreachable ? Limit::unreachable_ttl_max_s
                                          : Limit::failure_ttl_max_s;
      // What the caches alone say again, such as an alias loop, is no further attempt.
      const auto known = resolution.budget().spent(Limit::upstream_packets) > 0
                             ? std::nullopt
                             : cache.find_failure(failed, question.type, now.steady);
      result.ttl = std::chrono::seconds(
          known ? known->ttl_seconds
                : cache.put_failure(failed, question.type, result.ede, result.ede_text, now.steady, limit_of(longest)));
    } else if (finished.cause == Finished::Cause::resolved && resolution.budget().spent(Limit::upstream_packets) > 0) {
      cache.forget_failure(question.name, question.type);
      if (!chain.empty()) cache.forget_failure(chain.back().target, question.type);
    }
    for (const ResolutionId waiter : resolution.waiters) {
      waiting.erase(waiter);
      const bool last = waiter == resolution.waiters.back();
      deliver(waiter, last ? std::move(result) : result);
    }
  }

  // Those that wait for room go on where some has become free.
  void resume_held(Now now) {
    for (auto freed = exchanges.take_freed(); !freed.empty(); freed = exchanges.take_freed()) {
      for (const Bound& bound : freed) {
        while (const auto work = exchanges.next_held(bound)) {
          Resolution& resolution = *resolutions.at(*work);
          guard(resolution, now, [&](Context& context) { resolution.run(context); });
          settle(resolution, now);
        }
      }
    }
  }

  // RFC 8109: the root's servers, as the root itself names them, replace the hints. Nobody waits for it: the first
  // questions go on with the hints.
  void prime(Now now) {
    if (rrsets.closest_delegation(Name(), now.steady)) return;
    const auto forwards_all = [](const ForwardZone& zone) {
      return zone.name.is_root() && zone.kind == ForwardZone::Kind::forward;
    };
    if (std::ranges::any_of(options.forward_zones, forwards_all)) return;  // the hints are only there to fall back on
    if (rrsets.find_failure(Name(), RecordType::ns, now.steady)) return;
    const Question question{Name(), RecordType::ns, RecordClass::in};
    Origin origin;
    origin.kind = OriginKind::priming;
    if (by_question.contains(key_of(question, origin))) return;
    Resolution& resolution = enrol(make(question, origin, now));
    guard(resolution, now, [&](Context& context) { resolution.run(context); });
    settle(resolution, now);
  }

  void tell(const OutstandingExchange& exchange, ExchangeEventKind kind, const Message* message, std::size_t octets,
            Now now) {
    for (const WorkId waiter : exchange.waiters) {
      const auto known = resolutions.find(waiter);
      if (known == resolutions.end()) continue;
      Resolution& resolution = *known->second;
      guard(resolution, now,
            [&](Context& context) { resolution.on_exchange(context, {kind, exchange, message, octets}); });
      settle(resolution, now);
    }
  }

  // The exchange is over; its waiters hear how.
  void end(ExchangeId id, ExchangeEventKind kind, const Message* message, std::size_t octets, Now now) {
    const OutstandingExchange exchange = *exchanges.find(id);
    exchanges.close(id);
    tell(exchange, kind, message, octets, now);
  }

  // Whether the cookie of a response says that it comes from the server (RFC 7873 section 5.3).
  enum class CookieWord : std::uint8_t { nothing, good, forged, missing };
  static CookieWord cookie_word(const OutstandingExchange& exchange, const Message& message) {
    const auto sent = exchange.query.cookie.octets();
    if (sent.empty()) return CookieWord::nothing;
    if (!message.edns || message.edns->cookie.empty())
      return sent.size() > kClientCookieSize ? CookieWord::missing : CookieWord::nothing;
    const auto got = std::span<const std::uint8_t>(message.edns->cookie).first(kClientCookieSize);
    return std::ranges::equal(got, sent.first(kClientCookieSize)) ? CookieWord::good : CookieWord::forged;
  }

  // No answer yet. True where the exchange has ended by it.
  bool cookie_says_no(OutstandingExchange& exchange, CookieWord word, Now now) {
    if (word != CookieWord::forged && word != CookieWord::missing) return false;
    ++counters.cookie_misses;
    // One that has always sent its cookie may have been replaced by one that does not: TCP tells.
    if (word == CookieWord::missing) {
      end(exchange.id, ExchangeEventKind::ask_tcp, nullptr, 0, now);
      return true;
    }
    ++counters.ignored_responses;
    exchange.lacked_cookie = true;
    if (++exchange.wrong_ids >= limit_of(Limit::wrong_ids)) {
      counters.limits.reach(Limit::wrong_ids);
      end(exchange.id, ExchangeEventKind::ask_tcp, nullptr, 0, now);
    }
    return true;
  }

  void heard_from(const OutstandingExchange& exchange, Now now) {
    if (exchange.transport == UpstreamTransport::tcp) return servers.record_alive(exchange.server);
    servers.record_answer(exchange.server, std::chrono::duration_cast<microseconds>(now.steady - exchange.sent),
                          now.steady);
  }

  void take_answer(OutstandingExchange& exchange, const MessageStart& start, std::span<const std::uint8_t> octets,
                   Now now) {
    const bool udp = exchange.transport == UpstreamTransport::udp;
    if (start.flags.truncated) {
      // Over TCP nothing needs to be cut: what is missing there would be taken for a denial.
      heard_from(exchange, now);
      return end(exchange.id, udp ? ExchangeEventKind::truncated : ExchangeEventKind::malformed, nullptr, octets.size(),
                 now);
    }
    auto message = read_message(restore_case(octets, start, exchange));
    const CookieWord word = message ? cookie_word(exchange, *message) : CookieWord::nothing;
    if (udp && cookie_says_no(exchange, word, now)) return;
    heard_from(exchange, now);
    if (!message) {
      ++counters.malformed_responses;
      return end(exchange.id, ExchangeEventKind::malformed, nullptr, octets.size(), now);
    }
    if (word == CookieWord::good) servers.record_cookie(exchange.server, message->edns->cookie);
    if (word == CookieWord::missing) servers.record_cookie(exchange.server, {});
    if (message->rcode == Rcode::badcookie && word == CookieWord::good)
      return end(exchange.id, ExchangeEventKind::bad_cookie, nullptr, octets.size(), now);
    bound_ttls(*message, options.ttl);
    end(exchange.id, ExchangeEventKind::answered, &*message, octets.size(), now);
  }

  void receive_octets(OutstandingExchange& exchange, std::span<const std::uint8_t> octets, Now now) {
    const auto start = read_message_start(octets);
    const bool udp = exchange.transport == UpstreamTransport::udp;
    const Belonging belonging = belonging_of(start, exchange);
    switch (belonging) {
      case Belonging::answer:
        return take_answer(exchange, *start, octets, now);
      case Belonging::wrong_case:
        if (!udp) {  // nobody forges into a TCP connection: this server folds
          servers.record_folds_case(exchange.server, now.steady);
          return take_answer(exchange, *start, octets, now);
        }
        exchange.folds_case = true;
        break;
      case Belonging::headless_error:
        exchange.headless_error = true;
        break;
      case Belonging::wrong_id:
        ++exchange.wrong_ids;
        break;
      case Belonging::foreign:
        break;
    }
    ++counters.ignored_responses;
    if (udp && exchange.wrong_ids >= limit_of(Limit::wrong_ids)) {
      counters.limits.reach(Limit::wrong_ids);
      return end(exchange.id, ExchangeEventKind::ask_tcp, nullptr, 0, now);
    }
  }

  void fire(const TimerKey& timer, Now now) {
    if (timer.kind == TimerKey::Kind::deadline) {
      const auto known = resolutions.find(WorkId{timer.id});
      if (known == resolutions.end()) return;
      Context context = this->context(*known->second, now);
      counters.limits.reach(Limit::resolution_ms);
      known->second->fail(context, EdeCode::no_reachable_authority, "no answer within the time allowed");
      return settle(*known->second, now);
    }
    OutstandingExchange* exchange = exchanges.find(ExchangeId{timer.id});
    if (exchange == nullptr) return;
    if (timer.kind == TimerKey::Kind::expiry) return end(exchange->id, ExchangeEventKind::expired, nullptr, 0, now);
    exchange->retried = true;
    servers.record_silence(exchange->server, now.steady);
    const OutstandingExchange copy = *exchange;  // a waiter may end it
    tell(copy, ExchangeEventKind::silent, nullptr, 0, now);
  }
};

Engine::Engine(EngineOptions options, RrsetCache& rrsets, ServerCache& servers) {
  if (options.root_hints.empty()) options.root_hints = built_in_root_hints();
  state_ = std::make_unique<State>(std::move(options), rrsets, servers);
}

Engine::~Engine() = default;

ResolutionId Engine::start(const Question& question, const Origin& origin, Now now) {
  State& state = *state_;
  const ResolutionId id{++state.last_resolution};
  ++state.counters.started;
  if (question.record_class != RecordClass::in || is_meta_type(question.type)) {
    state.refuse(id, question, Rcode::notimp, "not a question for recursion");
    return id;
  }
  const bool may_join = origin.examination == nullptr && !state.by_question.empty();
  const auto known = may_join ? state.by_question.find(key_of(question, origin)) : state.by_question.end();
  if (known != state.by_question.end()) {
    Resolution& shared = *state.resolutions.at(known->second);
    if (shared.waiters.size() >= limit_of(Limit::waiters_per_resolution)) {
      state.counters.limits.reach(Limit::waiters_per_resolution);
      state.refuse(id, question, Rcode::servfail, "limit reached: waiters_per_resolution");
      return id;
    }
    ++state.counters.joined;
    shared.waiters.push_back(id);
    state.waiting.emplace(id, shared.id());
    return id;
  }
  if (state.resolutions.size() >= limit_of(Limit::resolutions_in_flight)) {
    state.counters.limits.reach(Limit::resolutions_in_flight);
    state.refuse(id, question, Rcode::servfail, "limit reached: resolutions_in_flight");
    return id;
  }
  auto made = state.make(question, origin, now);
  made->waiters.push_back(id);
  state.guard(*made, now, [&](Context& context) { made->run(context); });
  if (made->finished()) {
    state.exchanges.release(made->id());
    state.conclude(*made, now);
    state.resume_held(now);
    return id;
  }
  const WorkId work = made->id();
  state.enrol(std::move(made));
  state.prime(now);
  const auto begun = state.resolutions.find(work);  // priming may have ended it
  if (begun != state.resolutions.end()) state.settle(*begun->second, now);
  state.resume_held(now);
  return id;
}

void Engine::set_trust(std::shared_ptr<const TrustRules> trust) {
  state_->options.trust = std::move(trust);
}

void Engine::set_forward_zones(std::vector<ForwardZone> zones) {
  state_->options.forward_zones = std::move(zones);
}

void Engine::wake(Now now) {
  State& state = *state_;
  for (const WorkId work : state.exchanges.take_held_for_others()) {
    const auto known = state.resolutions.find(work);
    if (known == state.resolutions.end()) continue;
    state.guard(*known->second, now, [&](Context& context) { known->second->look_again(context); });
    state.settle(*known->second, now);
  }
  state.resume_held(now);
}

void Engine::cancel(ResolutionId id, Now now) {
  State& state = *state_;
  const auto known = state.waiting.find(id);
  if (known == state.waiting.end()) return;
  Resolution& resolution = *state.resolutions.at(known->second);
  state.waiting.erase(known);
  std::erase(resolution.waiters, id);
  if (!resolution.waiters.empty()) return;
  Context context = state.context(now);
  resolution.leave_exchanges(context);
  state.remove(resolution);
  state.resume_held(now);
}

void Engine::receive(ExchangeId id, const Response& response, Now now) {
  State& state = *state_;
  OutstandingExchange* exchange = state.exchanges.find(id);
  if (exchange == nullptr) {
    ++state.counters.ignored_responses;
    return;
  }
  if (response.failure == ExchangeFailure::none) {
    state.receive_octets(*exchange, response.message, now);
  } else {
    state.servers.record_silence(exchange->server, now.steady);
    state.end(id, ExchangeEventKind::failed, nullptr, 0, now);
  }
  state.resume_held(now);
}

void Engine::timeout(Now now) {
  std::set<TimerKey>& timers = state_->exchanges.timers();
  while (!timers.empty() && timers.begin()->at <= now.steady) {
    const TimerKey timer = *timers.begin();
    timers.erase(timers.begin());
    state_->fire(timer, now);
  }
  state_->resume_held(now);
}

std::optional<SteadyTime> Engine::next_timeout() const {
  const auto& timers = state_->exchanges.timers();
  if (timers.empty()) return std::nullopt;
  return timers.begin()->at;
}

std::vector<Exchange> Engine::take_exchanges() {
  return state_->exchanges.take_wanted();
}

std::vector<ExchangeId> Engine::take_abandoned() {
  return state_->exchanges.take_ended();
}

std::vector<ResolutionResult> Engine::take_results() {
  return std::exchange(state_->results, {});
}

std::optional<ResolutionResult> Engine::take_result_of(ResolutionId started) {
  std::vector<ResolutionResult>& results = state_->results;
  if (results.empty() || results.back().id != started) return std::nullopt;
  ResolutionResult out = std::move(results.back());
  results.pop_back();
  return out;
}

const EngineCounters& Engine::counters() const {
  return state_->counters;
}

std::size_t Engine::in_flight() const {
  return state_->resolutions.size();
}

}  // namespace weir
