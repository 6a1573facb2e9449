// AskServers: which question, to which server. What follows from its answer is in take_response.cc.
#include <algorithm>
#include <array>

#include "resolver/engine/asking.h"
#include "resolver/engine/server_selection.h"
#include "resolver/engine/tracing.h"

namespace weir {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr microseconds kTcpTimeout = milliseconds(1500);
// An answer that comes after the next server was asked is still taken, for this long.
constexpr microseconds kLateAnswer = milliseconds(1500);
// How long a dead server that answers again may take before the next one is asked too: time for four of them.
constexpr microseconds kProbePatience = milliseconds(376);
// RFC 9156 section 2.3: MINIMISE_ONE_LAB. After these, several labels are added at a time.
constexpr unsigned kMinimiseOneLabel = 4;

UpstreamQuery make_query(const AskServers& step, const Candidate& candidate, const ServerStatus& status,
                         const Lookup& lookup, const Resolution& resolution, const Context& context) {
  const EngineOptions& options = context.options;
  UpstreamQuery query;
  query.qname = step.ask_name;
  query.type = step.ask_type;
  query.record_class = lookup.record_class;
  query.edns = status.without_edns ? EdnsUse::without_opt : candidate.edns;
  query.udp_payload_size = options.udp_payload_size;
  query.dnssec_ok = resolution.signatures() == Signatures::needed;
  // A forwarder that validates is not to keep from us what we check ourselves (RFC 6840 section 5.9). To an authority
  // CD says nothing (RFC 4035 section 3.1.6), and would make two questions of one (CVE-2025-5994).
  const bool forwarder = step.role == ServerRole::forwarder;
  query.checking_disabled = forwarder && (resolution.origin().checking_disabled || options.trust != nullptr);
  query.recursion_desired = forwarder;
  return query;
}

// Where the server has none of ours yet it gets one drawn for it (RFC 9018 section 3).
void add_cookie(UpstreamQuery& query, const ServerAddress& server, const ServerStatus& status, const Context& context) {
  if (!context.options.cookies || status.without_cookies || query.edns == EdnsUse::without_opt) return;
  query.cookie = status.cookie;
  if (query.cookie.size != 0) return;
  std::array<std::uint8_t, kClientCookieSize> drawn{};
  for (std::size_t i = 0; i < drawn.size(); i += 4) {
    const std::uint32_t bits = context.options.random();
    for (unsigned k = 0; k < 4; ++k) drawn[i + k] = static_cast<std::uint8_t>(bits >> (8 * k));
  }
  query.cookie = context.servers.begin_cookie(server, drawn);
}

enum class Asked : std::uint8_t { sent, held, out_of_packets };

// Sends to `candidate`, or joins an exchange that asks the same; waits for room where there is none.
Asked ask(AskServers& step, Candidate& candidate, const Lookup& lookup, Resolution& resolution, Context& context) {
  const ServerStatus status = context.servers.find(candidate.address, step.zone.zone_cut, context.now.steady);
  UpstreamQuery query = make_query(step, candidate, status, lookup, resolution, context);
  if (const auto* shared = context.exchanges.join(candidate.address, candidate.transport, query, resolution.id())) {
    ++candidate.tries;
    step.outstanding.push_back(shared->id);
    return Asked::sent;
  }
  Exchanges& exchanges = context.exchanges;
  const Bounds bounds = bounds_of(candidate.address, step.zone.zone_cut, resolution.origin().prefix);
  if (const auto full = exchanges.full_for(bounds, step.role)) {
    context.counters.limits.reach(full->limit);
    if (step.outstanding.empty()) exchanges.hold(resolution.id(), *full, bounds);
    return Asked::held;
  }
  const bool may_ask = resolution.budget().has(Limit::upstream_packets);
  if (may_ask && !exchanges.claim(candidate.address, candidate.transport, query)) {
    if (step.outstanding.empty()) exchanges.hold_for_others(resolution.id());
    return Asked::held;
  }
  ++candidate.tries;
  if (!resolution.budget().spend(Limit::upstream_packets)) return Asked::out_of_packets;
  ++context.counters.exchanges;
  if (candidate.tries > 1) ++context.counters.retries;
  add_cookie(query, candidate.address, status, context);
  OutstandingExchange draft;
  draft.server = candidate.address;
  draft.bounds = bounds;
  draft.transport = candidate.transport;
  draft.plain_name = query.qname;
  query.id = static_cast<std::uint16_t>(context.options.random());
  if (context.options.randomise_case && !status.folds_case) {  // one that folds it would only be lost
    query.qname = randomise_case(query.qname, context.options.random);
    draft.case_randomised = true;
  }
  draft.query = std::move(query);
  draft.measures = !status.known && candidate.transport == UpstreamTransport::udp;
  microseconds patience = status.retransmit_after;  // doubled with each silence of this server
  if (status.dead) patience = std::min(patience, kProbePatience);
  if (candidate.transport == UpstreamTransport::tcp) patience = kTcpTimeout;
  draft.sent = context.now.steady;
  draft.retry_at = draft.sent + patience;
  draft.expires = draft.retry_at + kLateAnswer;
  const OutstandingExchange& opened = context.exchanges.open(std::move(draft), resolution.id());
  step.outstanding.push_back(opened.id);
  if (resolution.trace() != nullptr) trace_asked(opened, lookup, resolution, context);
  return Asked::sent;
}

// While another server answers the question, one of the dead ones is asked for the zone's SOA: whether it is back.
// Nobody waits for that, so it outlives this resolution.
void probe_a_dead_server(const AskServers& step, const std::vector<ServerChoice>& choices, const Lookup& lookup,
                         Resolution& resolution, Context& context) {
  if (step.role == ServerRole::forwarder || !resolution.budget().has(Limit::upstream_packets)) return;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (!choices[i].status.dead) continue;
    const ServerAddress& server = step.candidates[i].address;
    const Bounds bounds = bounds_of(server, step.zone.zone_cut, resolution.origin().prefix);
    if (context.exchanges.full_for(bounds, step.role)) return;
    if (!context.servers.claim_probe(server, context.now.steady)) continue;
    OutstandingExchange draft;
    draft.server = server;
    draft.bounds = bounds;
    draft.plain_name = draft.query.qname = step.zone.zone_cut;
    draft.query.type = RecordType::soa;
    draft.query.record_class = lookup.record_class;
    draft.query.udp_payload_size = context.options.udp_payload_size;
    if (!context.exchanges.claim(server, draft.transport, draft.query)) return;  // another engine finds out
    resolution.budget().charge(Limit::upstream_packets);
    ++context.counters.exchanges;
    draft.query.id = static_cast<std::uint16_t>(context.options.random());
    draft.sent = context.now.steady;
    draft.retry_at = draft.sent + choices[i].status.retransmit_after;
    draft.expires = draft.retry_at + kLateAnswer;
    context.exchanges.open(std::move(draft), WorkId{});
    return;
  }
}

// A server that nobody has asked yet gets the same question as one that is known: its round trip is learnt at no cost
// in time, and it may be the quicker one.
void race_an_unknown_server(AskServers& step, const std::vector<ServerChoice>& choices, const ServerStatus& chosen,
                            const Lookup& lookup, Resolution& resolution, Context& context) {
  if (step.role == ServerRole::forwarder || lookup.purpose != Purpose::answer) return;
  if (!chosen.known || chosen.lame || !resolution.budget().has(Limit::upstream_packets)) return;
  std::vector<std::size_t> unknown;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const ServerChoice& choice = choices[i];
    const bool unasked = choice.usable && !choice.status.known && !choice.status.lame && choice.tries == 0;
    if (unasked && !context.exchanges.is_asked(step.candidates[i].address)) unknown.push_back(i);
  }
  if (unknown.empty()) return;
  const auto drawn = random_below(context.options.random, static_cast<std::uint32_t>(unknown.size()));
  Candidate& other = step.candidates[unknown[drawn]];
  const Bounds bounds = bounds_of(other.address, step.zone.zone_cut, resolution.origin().prefix);
  if (!context.exchanges.full_for(bounds, step.role)) ask(step, other, lookup, resolution, context);
}

enum class Distrusted : std::uint8_t { left_out, included };

std::vector<ServerChoice> choices_among(const AskServers& step, const Resolution& resolution, const Context& context,
                                        Distrusted distrusted) {
  std::vector<ServerChoice> choices;
  for (const Candidate& candidate : step.candidates) {
    const bool passed_over =
        distrusted == Distrusted::left_out && resolution.distrusts(candidate.address, step.zone.zone_cut);
    choices.push_back(
        {context.servers.find(candidate.address, step.zone.zone_cut, context.now.steady), candidate.tries,
         candidate.use == Candidate::Use::open && !passed_over && candidate.tries < limit_of(Limit::tries_per_server)});
  }
  return choices;
}

// As choose_server; a server that may get no more for now is chosen where no other is left, to wait for it.
std::optional<std::size_t> choose(std::span<const ServerChoice> choices, const AskServers& step, bool probes_left,
                                  const Context& context) {
  const auto is_full = [&](const Candidate& candidate) { return context.exchanges.is_full(candidate.address); };
  if (std::ranges::any_of(step.candidates, is_full)) {
    std::vector<ServerChoice> with_room(choices.begin(), choices.end());
    for (std::size_t i = 0; i < with_room.size(); ++i) {
      with_room[i].usable = with_room[i].usable && !is_full(step.candidates[i]);
    }
    if (const auto chosen = choose_server(with_room, probes_left, context.options.random)) return chosen;
  }
  return choose_server(choices, probes_left, context.options.random);
}

// Addresses that the name servers' own delegations hold: the parent may know one that answers where what the child says
// of itself does not.
bool add_old_glue(AskServers& step, Context& context) {
  const std::size_t before = step.candidates.size();
  for (const NameServer& server : step.zone.servers) {
    const auto home = context.rrsets.closest_delegation(server.name, context.now.steady);
    if (!home) continue;
    for (const NameServer& known : home->servers) {
      if (known.name == server.name) add_candidates(step, known.addresses, context);
    }
  }
  return step.candidates.size() > before;
}

// The forward or stub zone whose servers are asked; null where they are those of a delegation.
const ForwardZone* asked_forward_zone(const AskServers& step, const Lookup& lookup, const Context& context) {
  if (lookup.without_forwarders) return nullptr;
  const ForwardZone* forward = forward_zone_of(lookup, context);
  return forward != nullptr && forward->name == step.zone.zone_cut ? forward : nullptr;
}

void count_unanswered(const AskServers& step, const Lookup& lookup, const Context& context) {
  const ForwardZone* forward = asked_forward_zone(step, lookup, context);
  if (forward != nullptr && forward->counters != nullptr) {
    forward->counters->unanswered.fetch_add(1, std::memory_order_relaxed);
  }
}

// The zone's own NS may name servers that its parent does not know.
void add_childs_servers(AskServers& step, const Context& context) {
  const auto found = context.rrsets.find(step.zone.zone_cut, RecordType::ns, Credibility::authority_section,
                                         Signatures::not_needed, context.now.steady);
  if (!found) return;
  for (const auto rdata : found->data.rrset.records()) {
    auto name = rdata_name(rdata);
    if (!name || step.zone.servers.size() >= limit_of(Limit::name_servers)) continue;
    if (std::ranges::find(step.zone.servers, *name, &NameServer::name) != step.zone.servers.end()) continue;
    step.without_addresses.push_back(*name);
    step.zone.servers.push_back({*std::move(name), {}});
  }
}

// Somebody said that there is no data and did not prove it, and all the others failed.
bool has_empty_answer(const AskServers& step) {
  return std::ranges::find(step.candidates, Candidate::Use::empty, &Candidate::use) != step.candidates.end();
}

// No server is left that could be asked at once. What is tried then, in this order; nothing: it is over.
enum class LastResort : std::uint8_t { none, ask_on, no_data, recursion, parent };

// A delegation is kept for days, and who moves a zone may have its old servers REFUSE it at once.
bool may_have_moved(const AskServers& step, const Lookup& lookup, const Context& context) {
  if (step.zone.zone_cut.is_root() || lookup.failed_delegation) return false;
  const std::chrono::seconds fresh(limit_of(Limit::delegation_recheck_s));
  return step.zone.since + fresh <= context.now.steady;
}

LastResort last_resort(AskServers& step, const Lookup& lookup, Context& context) {
  if (has_empty_answer(step)) return LastResort::no_data;
  if (!std::exchange(step.trusts_any_glue, true)) {
    const std::size_t before = step.candidates.size();
    add_candidates(step, step.sibling_glue, context);
    if (add_old_glue(step, context) || step.candidates.size() > before) return LastResort::ask_on;
  }
  if (step.role == ServerRole::authority) {
    for (Candidate& candidate : step.candidates) {
      if (candidate.use != Candidate::Use::recursive) continue;
      candidate.use = Candidate::Use::open;
      candidate.tries = 0;
      step.role = ServerRole::recursive;
    }
    if (step.role == ServerRole::recursive) return LastResort::ask_on;
  }
  const ForwardZone* forward = asked_forward_zone(step, lookup, context);
  if (forward != nullptr) {
    return forward->fallback == ForwardZone::Fallback::recursion ? LastResort::recursion : LastResort::none;
  }
  return may_have_moved(step, lookup, context) ? LastResort::parent : LastResort::none;
}

std::optional<Step> give_up(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context) {
  switch (last_resort(step, lookup, context)) {
    case LastResort::ask_on:
      return ask_next(step, lookup, resolution, context);
    case LastResort::no_data:
      return negative(NegativeKind::nodata, {}, 0, step.zone.zone_cut);
    case LastResort::recursion:
      count_unanswered(step, lookup, context);
      lookup.without_forwarders = true;
      return FindZoneCut{};
    case LastResort::parent:
      ++context.counters.rechecked_delegations;
      lookup.failed_delegation = step.zone;
      return ask_parent_of(step.zone.zone_cut, context);
    case LastResort::none:
      break;
  }
  count_unanswered(step, lookup, context);
  return no_server_left(step, lookup);
}

std::optional<Step> look_up_addresses(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context) {
  const RecordType type = context.options.use_ipv4 ? RecordType::a : RecordType::aaaa;
  // The parent's glue may be old: its addresses have failed, the names' own zones may know better ones (but for names
  // that only these same servers know).
  if (step.without_addresses.empty() && !has_empty_answer(step) && !std::exchange(step.doubts_glue, true)) {
    for (const NameServer& server : step.zone.servers) {
      const bool elsewhere = !server.name.is_at_or_below(step.zone.zone_cut);
      if (elsewhere && !server.addresses.empty()) step.without_addresses.push_back(server.name);
    }
  }
  if (step.without_addresses.empty() && !has_empty_answer(step) && !std::exchange(step.trusts_child, true)) {
    add_childs_servers(step, context);
  }
  while (!step.without_addresses.empty()) {
    const Name server = std::move(step.without_addresses.back());
    step.without_addresses.pop_back();
    if (resolution.depends_on(server, type)) continue;
    if (resolution.depth() > limit_of(Limit::lookup_depth)) return limit_failure(Limit::lookup_depth, context);
    if (!resolution.budget().has(Limit::failing_address_lookups)) {
      return limit_failure(Limit::failing_address_lookups, context);
    }
    if (!resolution.budget().spend(Limit::address_lookups)) return limit_failure(Limit::address_lookups, context);
    return AwaitAddresses{std::move(step), server, type};
  }
  return give_up(step, lookup, resolution, context);
}

// A name server whose addresses can be looked up: before a silent one is asked again.
bool knows_another_name(const AskServers& step, const Resolution& resolution, const Context& context) {
  const RecordType type = context.options.use_ipv4 ? RecordType::a : RecordType::aaaa;
  const Budget& budget = resolution.budget();
  return resolution.depth() <= limit_of(Limit::lookup_depth) && budget.has(Limit::failing_address_lookups) &&
         budget.has(Limit::address_lookups) && std::ranges::any_of(step.without_addresses, [&](const Name& server) {
           return !resolution.depends_on(server, type);
         });
}

// Whether the leftmost of the rightmost `labels` begins with one.
bool has_underscore(const Name& name, unsigned labels) {
  return name.suffix(labels).first_label().starts_with('_');
}

}  // namespace

void leave_outstanding(AskServers& step, WorkId work, Context& context) {
  for (const ExchangeId exchange : step.outstanding) context.exchanges.leave(exchange, work);
  step.outstanding.clear();
}

bool awaits_another(const AskServers& step, Context& context) {
  return std::ranges::any_of(step.outstanding, [&](ExchangeId id) {
    const OutstandingExchange* exchange = context.exchanges.find(id);
    return exchange != nullptr && !exchange->retried;
  });
}

void choose_question(AskServers& step, const Lookup& lookup, Resolution& resolution, Context& context) {
  const unsigned whole = lookup.name.label_count();
  unsigned labels = step.ask_name.label_count();
  step.asking = AskServers::Asking::whole;
  if (step.role == ServerRole::forwarder) return ask_whole_name(step, lookup);
  // Name servers' names say nothing of a client; minimising them would let an attacker spend a packet a label.
  const bool for_client = resolution.depth() == 1;
  if (context.options.qname_minimisation && for_client && !step.denied_ancestor) {
    const RecordType type = context.options.minimised_type;
    // A DS is asked of the parent, whom its name tells all.
    const bool hides = context.options.hide_qtype && lookup.type != type && lookup.type != RecordType::ds;
    const unsigned last = hides ? whole : whole - std::min(whole, 1U);
    while (labels < last && resolution.budget().has(Limit::minimised_questions)) {
      const auto spent = static_cast<unsigned>(resolution.budget().spent(Limit::minimised_questions));
      const auto left = static_cast<unsigned>(resolution.budget().left(Limit::minimised_questions));
      labels += spent < kMinimiseOneLabel ? 1 : std::max(1U, (whole - labels + left) / (left + 1));
      // Nobody draws an administrative boundary between labels with an underscore: they go together (section 2.3).
      while (labels < whole && has_underscore(lookup.name, labels) && has_underscore(lookup.name, labels + 1)) ++labels;
      if (labels > last) break;
      const Name candidate = lookup.name.suffix(labels);
      const auto known = context.rrsets.find(candidate, type, Credibility::unauthoritative, Signatures::not_needed,
                                             context.now.steady);
      const auto denied = context.rrsets.find_negative(candidate, type, Signatures::not_needed, context.now.steady);
      if (known || denied) continue;
      step.ask_name = candidate;
      step.ask_type = type;
      step.asking = AskServers::Asking::minimised;
      resolution.budget().charge(Limit::minimised_questions);
      return;
    }
  }
  step.ask_name = lookup.name;
  step.ask_type = lookup.type;
}

void ask_whole_name(AskServers& step, const Lookup& lookup) {
  step.asking = AskServers::Asking::whole;
  step.ask_name = lookup.name;
  step.ask_type = lookup.type;
}

std::optional<Step> ask_next(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context) {
  if (awaits_another(step, context)) return std::nullopt;
  Budget& budget = resolution.budget();
  const bool spent = !budget.has(Limit::silent_servers) || !budget.has(Limit::failing_servers);
  if (!spent) {
    const bool probes_left = step.dead_probes < limit_of(Limit::dead_server_probes);
    auto choices = choices_among(step, resolution, context, Distrusted::left_out);
    auto chosen = choose(choices, step, probes_left, context);
    if (!chosen && resolution.distrusts_any(step.zone.zone_cut)) {
      // Name servers that nobody has looked up yet come before those that gave something bogus.
      if (!step.without_addresses.empty() && step.outstanding.empty()) {
        return look_up_addresses(step, lookup, resolution, context);
      }
      choices = choices_among(step, resolution, context, Distrusted::included);
      chosen = choose(choices, step, probes_left, context);
    }
    if (chosen && step.candidates[*chosen].tries > 0 && knows_another_name(step, resolution, context)) {
      leave_outstanding(step, resolution.id(), context);
      return look_up_addresses(step, lookup, resolution, context);
    }
    if (chosen) {
      const Asked asked = ask(step, step.candidates[*chosen], lookup, resolution, context);
      if (asked == Asked::out_of_packets) return limit_failure(Limit::upstream_packets, context);
      const ServerStatus& status = choices[*chosen].status;
      if (asked == Asked::sent && (status.dead || status.lame)) ++step.dead_probes;
      if (!status.dead) probe_a_dead_server(step, choices, lookup, resolution, context);
      if (asked == Asked::sent && !status.dead) {
        race_an_unknown_server(step, choices, status, lookup, resolution, context);
      }
      return std::nullopt;
    }
  }
  if (!step.outstanding.empty()) return std::nullopt;
  if (spent && has_empty_answer(step)) return negative(NegativeKind::nodata, {}, 0, step.zone.zone_cut);
  if (spent) {
    context.counters.limits.reach(budget.has(Limit::silent_servers) ? Limit::failing_servers : Limit::silent_servers);
    count_unanswered(step, lookup, context);
    return no_server_left(step, lookup);  // enough was spent on it
  }
  return look_up_addresses(step, lookup, resolution, context);
}

std::optional<Step> ask_again(AskServers& step, Candidate& candidate, Lookup& lookup, Resolution& resolution,
                              Context& context) {
  if (candidate.tries >= limit_of(Limit::tries_per_server)) return ask_next(step, lookup, resolution, context);
  if (ask(step, candidate, lookup, resolution, context) == Asked::out_of_packets) {
    return limit_failure(Limit::upstream_packets, context);
  }
  return std::nullopt;
}

std::optional<Step> ask_next_question(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context) {
  leave_outstanding(step, resolution.id(), context);
  for (Candidate& candidate : step.candidates) candidate.tries = 0;
  return ask_next(step, lookup, resolution, context);
}

std::optional<Step> advance(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context) {
  if (!step.outstanding.empty()) return std::nullopt;
  if (step.ask_name == step.zone.zone_cut || step.role == ServerRole::forwarder)
    choose_question(step, lookup, resolution, context);
  return ask_next(step, lookup, resolution, context);
}

}  // namespace weir
