#include "resolver/server/packet_path.h"

#include <algorithm>
#include <utility>

#include "resolver/engine/upstream_block.h"
#include "resolver/server/answer_builder.h"
#include "resolver/server/dns64_answer.h"
#include "resolver/server/local_answer.h"
#include "resolver/server/shown_aliases.h"
#include "resolver/server/stale_answers.h"
#include "resolver/wire/reply.h"

namespace weir {
namespace {

constexpr std::uint32_t kHitSample = 64;
constexpr std::chrono::microseconds kWithinTheBatch{0};

constexpr ExtendedError kProhibited{EdeCode::prohibited, "this client may not ask here"};

}  // namespace

PacketPath::PacketPath(PacketPathOptions options, AnswerCache& answers, PolicyStage& policy, DecisionSink& sink,
                       WorkerMetrics& metrics)
    : options_(std::move(options)),
      identity_{options_.answers.version, options_.answers.identity},
      answers_(answers),
      policy_(policy),
      sink_(sink),
      metrics_(metrics),
      clients_(options_.allow_clients, options_.answers.require_cookies),
      scratch_(kMaxCachedAnswer) {
  if (options_.cookies != nullptr) cookies_.emplace(*options_.cookies);
}

void PacketPath::set_time(Now now) {
  now_ = now;
  seconds_ = to_cache_seconds(now.steady);
}

void PacketPath::prepare(AskedQuery& asked, std::span<const std::uint8_t> message) {
  asked.parsed = parse_query(message);
  asked.refresh = false;
  asked.substitution.reset();
  if (asked.parsed.fault) return;
  const Query& query = asked.parsed.query;
  asked.key = AnswerKey::of(query);
  asked.key.translated = is_translated(policy_.dns64(), query, asked.client);
  asked.probe = answers_.prepare(asked.key);
  policy_.prefetch_matches(query);
}

void PacketPath::locate(AskedQuery& asked) {
  if (!asked.parsed.fault && !answers_.locate(asked.probe)) policy_.prefetch_match_entry(asked.parsed.query);
}

std::optional<std::size_t> PacketPath::answer(AskedQuery& asked, std::span<std::uint8_t> out) {
  const auto size = decide_and_answer(asked, out);
  if (size && *size != 0) {
    metrics_.answered(static_cast<Rcode>(out[3] & 0xF));
    if ((out[2] & 0x02) != 0) metrics_.add(Metric::truncated);
  }
  return size;
}

void PacketPath::fill(Miss& miss, const AskedQuery& asked) const {
  const Query& query = asked.parsed.query;
  miss.kind = asked.refresh ? Miss::Kind::refresh : Miss::Kind::query;
  miss.leeway_seconds = asked.refresh ? asked.leeway_seconds : 0;
  miss.own(query);
  miss.substitution = asked.substitution;
  miss.client = asked.client;
  miss.group = asked.group;
  miss.translated = asked.key.translated;
  miss.transport = asked.transport;
  miss.received = now_.steady;
}

std::size_t PacketPath::overloaded(const AskedQuery& asked, std::span<std::uint8_t> out) {
  metrics_.add(Metric::overloaded);
  const std::size_t size = write_error_reply(out, asked.parsed.query, Rcode::servfail, &kOverloaded);
  metrics_.answered(Rcode::servfail);
  return size;
}

// The order is the security argument (DESIGN section 5).
std::optional<std::size_t> PacketPath::decide_and_answer(AskedQuery& asked, std::span<std::uint8_t> out) {
  const Query& query = asked.parsed.query;
  const Generation* generation = policy_.generation();
  // Before any work: we are no open resolver.
  const ClientClass who = clients_.classify(asked.client, generation == nullptr ? nullptr : &generation->policies());
  asked.group = who.group;
  if (!who.allowed) return refuse_client(asked, out);
  if (asked.parsed.fault) return answer_fault(asked, out);
  // Before anything is done for somebody who is perhaps not there.
  if (const auto size = check_options(asked, who, out)) return size;
  // Never unfiltered, not even for a moment at the start.
  if (generation == nullptr || policy_.group(who.group).not_ready) return not_ready(query, who.group, out);
  // Groups see different answers, so policy comes before the cache's word; the cache holds unfiltered data.
  const Asker asker = policy_.asker(who.group, asked.client, asked.transport, now_.wall);
  // Before the lists: what the administrator answers himself is nobody's to block. Before the cache, which never holds
  // it: so a change of it needs no flush.
  const LocalMatch local = policy_.local_names().match(*generation, who.group, query.qname, query.type);
  if (local.answers() && local.author == LocalAuthor::administrator) return answer_locally(asked, asker, local, out);
  if (!local.answers() && answers_.read(asked.probe, asked.key, seconds_, out, cached_))
    return answer_cached(asked, asker, out);
  // Before any recursion: a blocked name must not be asked for upstream.
  const AnswerMatches& parts = policy_.match_question(query);
  const FilterVerdict verdict = decide_question(parts, asker, query.type);
  // What is answered here never gets an answer that an earlier zone could speak of.
  if (verdict.blocked() && (!verdict.provisional || local.answers())) {
    policy_.compare(verdict, parts, query, asker, DecidedOn::question);
    auto carried = policy_.carry_out(verdict, parts, query, asker, kWithinTheBatch, out);
    return carried.reply ? carried.reply : substitute(asked, carried);
  }
  if (local.answers()) {
    policy_.compare(verdict, parts, query, asker, DecidedOn::question);
    return answer_locally(asked, asker, local, out);
  }
  metrics_.add(Metric::missed);
  return std::nullopt;
}

// Another name is resolved for it, which takes the engine.
std::optional<std::size_t> PacketPath::substitute(AskedQuery& asked, PolicyStage::Carried& carried) {
  asked.substitution = std::move(carried.substitution);
  metrics_.add(Metric::missed);
  return std::nullopt;
}

std::optional<std::size_t> PacketPath::answer_locally(AskedQuery& asked, const Asker& asker, const LocalMatch& local,
                                                      std::span<std::uint8_t> out) {
  const Query& query = asked.parsed.query;
  const LocalReply reply = write_local_answer(out, query, policy_.local_names(), asker.generation, asker.group, local,
                                              asked.key.translated ? policy_.dns64() : nullptr, alias_target_);
  if (!reply.resolve.empty()) {
    // Where it leads is asked for upstream: a rule of the administrator's, or a strict policy, may forbid that.
    const AnswerMatches& parts = policy_.match_local_target(query, reply.resolve);
    const FilterVerdict verdict = decide_local_answer(parts, asker, query.type);
    if (verdict.blocked()) {
      policy_.compare(verdict, parts, query, asker, DecidedOn::local_answer);
      auto carried = policy_.carry_out(verdict, parts, query, asker, kWithinTheBatch, out);
      return carried.reply ? carried.reply : substitute(asked, carried);
    }
    metrics_.add(Metric::missed);
    return std::nullopt;
  }
  policy_.log_resolved(query, asker, kWithinTheBatch);
  metrics_.add(Metric::local_answers);
  sink_.count(asker.group, AnswerKind::resolved);
  if (reply.size == 0) metrics_.add(Metric::dropped);
  return reply.size;
}

std::optional<std::size_t> PacketPath::answer_cached(AskedQuery& asked, const Asker& asker,
                                                     std::span<std::uint8_t> out) {
  const Query& query = asked.parsed.query;
  const GroupState& group = policy_.group(asker.group);
  std::optional<std::uint32_t> ttl_cap;
  const bool outdated = cached_.epoch != asker.generation.names_epoch();
  // Most answers match no rule at all: nothing to decide on, unless what is not allowed is blocked, or counted.
  const bool upstream_blocks = cached_.ede && is_block(*cached_.ede);
  if (outdated || !cached_.matches().empty() || group.always_decides || upstream_blocks ||
      asker.client_matches != nullptr) {
    const AnswerMatches* parts =
        outdated ? match_again(asked, asker, out) : policy_.stored_matches(query, cached_.matches());
    if (parts == nullptr) {
      metrics_.add(Metric::missed);
      return std::nullopt;
    }
    const FilterVerdict verdict = decide_answer(*parts, asker, query.type);
    if (shows_aliases(verdict, *parts, asker)) {  // what is shown is put together with the answer at hand
      metrics_.add(Metric::missed);
      return std::nullopt;
    }
    Asker knowing = asker;
    knowing.upstream_blocks = upstream_blocks;
    auto carried = policy_.carry_out(verdict, *parts, query, knowing, kWithinTheBatch, out);
    if (asked.key.translated && stays_untranslated(*policy_.dns64(), *parts, verdict)) {
      asked.key.translated = false;
      metrics_.add(Metric::missed);
      return std::nullopt;
    }
    policy_.compare(verdict, *parts, query, asker, DecidedOn::answer);
    if (carried.reply) return carried.reply;
    if (carried.substitution) return substitute(asked, carried);
    ttl_cap = ttl_left(verdict.until, asker.now);
  } else {
    policy_.log_resolved(query, asker, kWithinTheBatch);
  }
  metrics_.add(Metric::cached);
  sink_.count(asker.group, AnswerKind::cached);
  if (++hits_ % kHitSample == 0) answers_.add_hits(asked.probe, kHitSample);
  StoredReply stored = cached_reply(asked);
  stored.ttl_cap = ttl_cap;
  return finish_stored_reply(out, cached_.wire_size, query, stored);
}

StoredReply PacketPath::cached_reply(AskedQuery& asked) {
  const Query& query = asked.parsed.query;
  if (cached_.stale) {
    metrics_.add(Metric::stale_answers);
    return stale_reply(query, cached_, options_.cache);
  }
  // Asked for again in its life, and near its end: it is in use, and should not be missed when it expires.
  const CacheSeconds left = cached_.expires - seconds_;
  asked.leeway_seconds = (cached_.expires - cached_.inserted) / 10;
  const bool ends_soon = left <= asked.leeway_seconds;
  if (ends_soon && options_.cache.prefetch) asked.refresh = answers_.claim_refresh(asked.probe);
  StoredReply stored;
  stored.flags = stored_flags(query, cached_.rcode, static_cast<Security>(cached_.security));
  stored.ttl_offsets = cached_.ttl_offsets();
  stored.age_seconds = seconds_ - std::min(seconds_, cached_.inserted);  // another worker may be in the next second
  if (cached_.ede) stored.error = ExtendedError{*cached_.ede, cached_.ede_text()};
  return stored;
}

// Rules changed since the entry was made: look its names and addresses up again (microseconds), and write that
// back where our generation is the newer one. No flush, whatever changed.
const AnswerMatches* PacketPath::match_again(AskedQuery& asked, const Asker& asker, std::span<const std::uint8_t> out) {
  std::span<const std::uint8_t> wire = out.first(std::min(out.size(), cached_.wire_size));
  if (cached_.wire_size > out.size()) {
    // More than this client takes: the whole of it is needed here.
    asked.probe.slot = 0;
    if (!answers_.read(asked.probe, asked.key, seconds_, scratch_, cached_)) return nullptr;
    wire = std::span(scratch_).first(std::min(scratch_.size(), cached_.wire_size));
  }
  const AnswerMatches* parts = policy_.rematch(asked.parsed.query, wire);
  if (parts == nullptr || asker.generation.names_epoch() < cached_.epoch || parts->size() > 255) return parts;
  encoded_.clear();
  const bool any = std::any_of(parts->begin(), parts->end(), [](const PartMatches& part) {
    return part.part != AnswerPart::qname || !part.matches.empty() || !part.matches.lists_below.empty();
  });
  if (any) encode_matches(*parts, encoded_);
  answers_.put(asked.key,
               {.wire = wire,
                .ttl_offsets = cached_.ttl_offsets(),
                .rcode = cached_.rcode,
                .security = cached_.security,
                .inserted = cached_.inserted,
                .expires = cached_.expires,
                .stale_until = cached_.stale_until,
                .stale = cached_.stale,
                .ede = cached_.ede,
                .ede_text = cached_.ede_text(),
                .epoch = asker.generation.names_epoch(),
                .matches = encoded_},
               PutMode::matches);
  return parts;
}

std::size_t PacketPath::refuse_client(const AskedQuery& asked, std::span<std::uint8_t> out) {
  metrics_.add(Metric::access_refused);
  if (asked.parsed.fault == QueryFault::drop) return 0;
  // Nobody recurses for them: RA=0 (RFC 1035 section 4.1.1).
  return write_error_reply(out, asked.parsed.query, {.rcode = Rcode::refused, .recursion_available = false},
                           &kProhibited);
}

// What the query says beside its question: how long its connection may be idle, and whether the client is who it seems.
std::optional<std::size_t> PacketPath::check_options(AskedQuery& asked, const ClientClass& who,
                                                     std::span<std::uint8_t> out) {
  Query& query = asked.parsed.query;
  const bool over_tcp = asked.transport == Transport::tcp;
  if (over_tcp && query.keepalive_with_timeout) {
    metrics_.add(Metric::malformed);
    return write_error_reply(out, query, Rcode::formerr, nullptr);
  }
  if (over_tcp && query.has_edns && asked.tcp_idle.count() > 0)
    query.reply_keepalive = static_cast<std::uint16_t>(std::min<std::int64_t>(asked.tcp_idle.count() / 100, 0xFFFF));
  if (cookies_) {
    const CookieState state = judge_cookie(asked);
    if (who.needs_cookie && !over_tcp && state != CookieState::good) return demand_cookie(asked, state, out);
  }
  // Nobody needs ANY at once, and nothing is larger: who means it comes by TCP (RFC 8482 section 4.4).
  if (query.type == RecordType::any && !over_tcp && !options_.answers.any_over_udp)
    return write_truncated_reply(out, query, Rcode::noerror, nullptr);
  return std::nullopt;
}

CookieState PacketPath::judge_cookie(AskedQuery& asked) {
  const CookieState state = cookies_->check(asked.parsed.query, asked.client, now_.wall);
  if (state == CookieState::good) metrics_.add(Metric::cookies_good);
  if (state == CookieState::client_only) metrics_.add(Metric::cookies_new);
  if (state == CookieState::bad) metrics_.add(Metric::cookies_bad);
  return state;
}

// Without cookies of ours a query without a question is none.
std::size_t PacketPath::answer_cookie_alone(AskedQuery& asked, std::span<std::uint8_t> out) {
  Rcode rcode = Rcode::formerr;
  if (cookies_) rcode = judge_cookie(asked) == CookieState::bad ? Rcode::badcookie : Rcode::noerror;
  if (rcode == Rcode::formerr) metrics_.add(Metric::malformed);
  return write_error_reply(out, asked.parsed.query, rcode, nullptr);
}

// RFC 7873 section 5.2.3 and 5.2.4: who has a cookie gets a better one, who has none is asked to come by TCP.
std::size_t PacketPath::demand_cookie(const AskedQuery& asked, CookieState state, std::span<std::uint8_t> out) {
  metrics_.add(Metric::cookies_missing);
  if (state != CookieState::none) return write_error_reply(out, asked.parsed.query, Rcode::badcookie, nullptr);
  return write_truncated_reply(out, asked.parsed.query, Rcode::refused, nullptr);
}

std::size_t PacketPath::answer_fault(AskedQuery& asked, std::span<std::uint8_t> out) {
  const ParsedQuery& parsed = asked.parsed;
  switch (*parsed.fault) {
    case QueryFault::drop:
      metrics_.add(Metric::malformed);
      return 0;
    case QueryFault::formerr:
      metrics_.add(Metric::malformed);
      return write_error_reply(out, parsed.query, Rcode::formerr, nullptr);
    case QueryFault::notimp:
      return write_error_reply(out, parsed.query, Rcode::notimp, nullptr);
    case QueryFault::badvers:
      return write_error_reply(out, parsed.query, Rcode::badvers, nullptr);
    case QueryFault::other_class:
      if (parsed.query.record_class == RecordClass::ch) {
        const Generation* generation = policy_.generation();
        const std::string_view fingerprint = generation != nullptr ? generation->fingerprint() : std::string_view();
        const std::size_t size = answer_chaos_name(out, parsed.query, identity_, fingerprint);
        if (size != 0) return size;
      }
      break;
    case QueryFault::no_question:
      return answer_cookie_alone(asked, out);
    case QueryFault::refused:
      break;
  }
  return write_error_reply(out, parsed.query, Rcode::refused, nullptr);
}

std::size_t PacketPath::not_ready(const Query& query, std::uint32_t group, std::span<std::uint8_t> out) {
  metrics_.add(Metric::not_ready);
  sink_.count(group, AnswerKind::failed);
  return write_error_reply(out, query, Rcode::servfail, &kNotReady);
}

}  // namespace weir
