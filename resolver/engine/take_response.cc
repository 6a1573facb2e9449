// AskServers: what a response, or its absence, leads to.
#include <algorithm>

#include "resolver/cache/server_cache.h"
#include "resolver/engine/asking.h"
#include "resolver/engine/ttl_bounds.h"
#include "resolver/engine/upstream_block.h"

namespace weir {
namespace {

using std::chrono::seconds;

Candidate* candidate_of(AskServers& step, const ServerAddress& address) {
  const auto found = std::ranges::find(step.candidates, address, &Candidate::address);
  return found == step.candidates.end() ? nullptr : &*found;
}

void remember_alias(const ChainLink& link, const AskServers& step, const ClassifiedResponse& response,
                    const Resolution& resolution, Context& context) {
  if (step.caching == ForwardZone::Caching::off) return;
  context.rrsets.put(link.alias, response.credibility, step.zone.zone_cut, resolution.signatures(), context.now.steady);
}

void remember_denial(const Name& name, RecordType type, NegativeKind kind, const AskServers& step,
                     const ClassifiedResponse& response, const Resolution& resolution, Context& context) {
  if (step.caching == ForwardZone::Caching::off) return;
  context.rrsets.put_negative(name, type, kind, response.authority, response.negative_ttl, step.zone.zone_cut,
                              resolution.signatures(), context.now.steady);
}

// The root's own name servers, asked of the root: priming (RFC 8109). Where the answer lacks an address, the hint's
// serves on.
void remember_root(const ClassifiedResponse& response, const Message& message, const AskServers& step,
                   Context& context) {
  const Rrset& ns = response.rrsets.front().rrset;
  std::vector<Limit> limits_reached;
  Delegation root = make_delegation(ns, message.additional, Name(), context.options.scrub, limits_reached);
  for (const Limit limit : limits_reached) context.counters.limits.reach(limit);
  for (NameServer& server : root.servers) {
    if (!server.addresses.empty()) continue;
    for (const NameServer& known : step.zone.servers) {
      if (known.name == server.name) server.addresses = known.addresses;
    }
  }
  // Without any address it says nothing that the hints do not.
  if (std::ranges::all_of(root.servers, [](const NameServer& server) { return server.addresses.empty(); })) {
    root.servers = step.zone.servers;
  }
  root.expires = context.now.steady + seconds(std::min<std::uint64_t>(ns.ttl_seconds, limit_of(Limit::ttl_s)));
  context.rrsets.put_delegation(root, context.now.steady);
}

void remember_answer(const ClassifiedResponse& response, const AskServers& step, const Message& message,
                     const Resolution& resolution, Context& context) {
  for (const ChainLink& link : response.chain) remember_alias(link, step, response, resolution, context);
  if (step.ask_type == RecordType::any || step.caching == ForwardZone::Caching::off) return;
  for (const SignedRrset& data : response.rrsets) {
    context.rrsets.put(data, response.credibility, step.zone.zone_cut, resolution.signatures(), context.now.steady);
  }
  if (step.ask_type == RecordType::ns && step.ask_name.is_root() && step.zone.zone_cut.is_root() &&
      step.role == ServerRole::authority) {
    remember_root(response, message, step, context);
  }
}

// The zone's NS and its servers' addresses beside an answer: told to those who want whole answers, and asked should the
// servers that the parent names all fail. They live no longer than the parent's word (ghost domains).
void remember_beside(const Message& message, const AskServers& step, const Resolution& resolution, Context& context) {
  if (step.role != ServerRole::authority) return;
  const Name& cut = step.zone.zone_cut;
  for (const Rrset& rrset : message.authority) {
    if (rrset.type != RecordType::ns || rrset.owner != cut) continue;
    bool news = context.options.scrub.unasked_name_servers;
    for (const auto rdata : rrset.records()) {
      const auto name = rdata_name(rdata);
      const auto& known = step.zone.servers;
      news = news || (name && std::ranges::find(known, *name, &NameServer::name) == known.end());
    }
    if (!news) return;
    const auto put = [&](const Rrset& data, Credibility credibility) {
      context.rrsets.put(signed_in(message, data, data.owner), credibility, cut, resolution.signatures(),
                         context.now.steady, step.zone.expires);
    };
    put(rrset, Credibility::authority_section);
    if (!context.options.scrub.unasked_name_servers) return;
    for (const Rrset& address : message.additional) {
      const bool wanted = address.type == RecordType::a || address.type == RecordType::aaaa;
      if (wanted && address.owner.is_at_or_below(cut)) put(address, Credibility::glue);
    }
    return;
  }
}

// The same goes for what an answer shows of them: the zone's word does not reach further than its parent's.
void bound_beside(SignedRrset& answer, const AskServers& step, const Context& context) {
  if (step.role != ServerRole::authority) return;
  const auto left = std::chrono::duration_cast<seconds>(step.zone.expires - context.now.steady).count();
  const auto bound = static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, limit_of(Limit::ttl_s)));
  const auto bound_all = [&](std::vector<Rrset>& section) {
    for (Rrset& rrset : section) rrset.ttl_seconds = std::min(rrset.ttl_seconds, bound);
  };
  const auto of_cut = [&](const Rrset& rrset) {
    return rrset.type == RecordType::ns && rrset.owner == step.zone.zone_cut;
  };
  if (std::ranges::none_of(answer.authority, of_cut)) return;
  bound_all(answer.authority);
  bound_all(answer.additional);
}

// For other zones that the same servers serve; it answers no question (RFC 2181 section 5.4.1).
void remember_glue(const Delegation& zone, SteadyTime now, Context& context) {
  const auto left = std::chrono::duration_cast<seconds>(zone.expires - now).count();
  for (const NameServer& server : zone.servers) {
    for (const AddressFamily family : {AddressFamily::ipv4, AddressFamily::ipv6}) {
      SignedRrset glue;
      glue.rrset.owner = server.name;
      glue.rrset.type = family == AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa;
      glue.rrset.ttl_seconds = static_cast<std::uint32_t>(left);
      for (const IpAddress& address : server.addresses) {
        if (address.family == family) glue.rrset.add(address.bytes());
      }
      if (!glue.rrset.empty()) {
        context.rrsets.put(glue, Credibility::glue, Name(), Signatures::not_needed, now, zone.expires);
      }
    }
  }
}

// The parent's word on whether the zone below is signed comes with the referral, so that nobody has to ask for it.
void remember_ds(const ClassifiedResponse& response, const AskServers& step, const Resolution& resolution,
                 Context& context) {
  const Name& cut = response.referral->zone_cut;
  const SteadyTime now = context.now.steady;
  if (resolution.signatures() != Signatures::needed) return;
  if (response.referral_ds) {
    context.rrsets.put(*response.referral_ds, Credibility::unauthoritative, step.zone.zone_cut, Signatures::needed,
                       now);
    return;
  }
  if (response.proofs.empty()) return;
  if (context.rrsets.find(cut, RecordType::ds, Credibility::unauthoritative, Signatures::needed, now)) return;
  std::uint32_t ttl = response.referral_ttl;
  for (const Rrset& proof : response.proofs) ttl = std::min(ttl, proof.ttl_seconds);
  context.rrsets.put_negative(cut, RecordType::ds, NegativeKind::nodata, response.proofs, ttl, step.zone.zone_cut,
                              Signatures::needed, now);
}

std::optional<Step> follow_referral(AskServers& step, const Lookup& lookup, Resolution& resolution, Context& context,
                                    ClassifiedResponse response) {
  if (!resolution.budget().spend(Limit::referrals)) return limit_failure(Limit::referrals, context);
  Delegation& zone = *response.referral;
  const SteadyTime now = context.now.steady;
  zone.since = now;
  zone.expires = std::min(step.zone.expires,
                          now + seconds(std::min<std::uint64_t>(response.referral_ttl, limit_of(Limit::ttl_s))));
  context.rrsets.put_delegation(zone, now);
  remember_glue(zone, now, context);
  remember_ds(response, step, resolution, context);
  const auto& failed = lookup.failed_delegation;
  if (failed && failed->zone_cut == zone.zone_cut && failed->servers == zone.servers) {
    AskServers the_same;
    the_same.zone = std::move(zone);
    return no_server_left(the_same, lookup);  // it has not moved, and all of them were asked
  }
  return ask_zone(std::move(zone), context);
}

// Links that the message held beyond the first are followed one by one, each counted.
std::optional<Step> follow_chain(const AskServers& step, Lookup& lookup, Resolution& resolution, Context& context,
                                 ClassifiedResponse& response) {
  for (std::size_t i = 0; i + 1 < response.chain.size(); ++i) {
    FollowAlias link{std::move(response.chain[i]), step.zone.zone_cut};
    auto next = advance(link, lookup, resolution, context);
    if (next && std::holds_alternative<Finished>(*next)) return next;
  }
  return FollowAlias{std::move(response.chain.back()), step.zone.zone_cut};
}

// The answer to the whole question, after the chain that led to it.
std::optional<Step> finish_chain(const AskServers& step, Lookup& lookup, Resolution& resolution, Context& context,
                                 ClassifiedResponse& response, Finished end) {
  for (ChainLink& received : response.chain) {
    FollowAlias link{std::move(received), step.zone.zone_cut};
    auto next = advance(link, lookup, resolution, context);
    if (next && std::holds_alternative<Finished>(*next)) return next;
  }
  return end;
}

// What a server said about the minimised name: go on below it, unless it tells enough already.
std::optional<Step> on_minimised_answer(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context,
                                        ClassifiedResponse& response, const Message& message) {
  switch (response.meaning) {
    case ResponseMeaning::nodata:
      if (response.chain.empty()) {
        remember_denial(step.ask_name, step.ask_type, NegativeKind::nodata, step, response, resolution, context);
      }
      break;
    case ResponseMeaning::answer:
    case ResponseMeaning::alias:
      remember_answer(response, step, message, resolution, context);
      break;
    default:
      if (!response.chain.empty()) {  // the alias is there, and what it leads to is another matter
        remember_answer(response, step, message, resolution, context);
        break;
      }
      // Servers that deny empty non-terminals are common: the whole name decides.
      step.denied_ancestor = step.ask_name;
      ask_whole_name(step, lookup);
      return ask_next_question(step, lookup, resolution, context);
  }
  // A DNAME above the minimised name is one above the whole name too.
  if (!response.chain.empty() && response.chain.front().alias.rrset.type == RecordType::dname) {
    ChainLink link = std::move(response.chain.front());
    link.owner = lookup.name;
    link.synthesised = synthesise_cname(link.alias.rrset, lookup.name);
    if (link.synthesised) {
      link.target = *rdata_name(*link.synthesised->records().begin());
      return FollowAlias{std::move(link), step.zone.zone_cut, lookup.type == RecordType::cname};
    }
  }
  choose_question(step, lookup, resolution, context);
  return ask_next_question(step, lookup, resolution, context);
}

// A zone at the name or below it denies, so that the name is there.
bool speaks_from_below(const ClassifiedResponse& response, const Name& name) {
  const Rrset* soa = find_soa(response.authority);
  return soa != nullptr && soa->owner.is_at_or_below(name);
}

bool is_null_address(const SignedRrset& data) {
  if (data.rrset.type != RecordType::a && data.rrset.type != RecordType::aaaa) return false;
  for (const auto rdata : data.rrset.records()) {
    if (std::ranges::any_of(rdata, [](std::uint8_t octet) { return octet != 0; })) return false;
  }
  return true;
}

// A forwarder may filter too: it says so, or answers as blocks look (a null address, NXDOMAIN with RA=0). The client is
// told the reason, since nobody here can lift it (SEMANTICS section 4).
void note_upstream_block(const AskServers& step, const Message& message, Finished& end) {
  if (step.role != ServerRole::forwarder) return;
  const std::optional<EdeCode> said = message.edns ? message.edns->ede : std::nullopt;
  const bool null_address = !end.rrsets.empty() && std::ranges::all_of(end.rrsets, is_null_address);
  const bool unavailable = end.rcode == Rcode::nxdomain && !message.start.flags.recursion_available;
  if (said && is_block(*said)) {
    end.ede = *said;
  } else if (null_address || unavailable) {
    end.ede = EdeCode::blocked;
  } else {
    return;
  }
  end.ede_text = "blocked by the server that was asked";
}

std::optional<Step> on_whole_answer(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context,
                                    ClassifiedResponse& response, const Message& message) {
  if (lookup.purpose == Purpose::trust && !response.chain.empty()) {
    return alias_in_the_way({std::move(response.chain.front()), step.zone.zone_cut});
  }
  const Name end = response.chain.empty() ? step.ask_name : response.chain.back().target;
  const Name& cut = step.zone.zone_cut;
  switch (response.meaning) {
    case ResponseMeaning::answer: {
      for (SignedRrset& rrset : response.rrsets) bound_beside(rrset, step, context);
      remember_answer(response, step, message, resolution, context);
      Finished answer = positive(std::move(response.rrsets), cut);
      note_upstream_block(step, message, answer);
      return finish_chain(step, lookup, resolution, context, response, std::move(answer));
    }
    case ResponseMeaning::alias:
      remember_answer(response, step, message, resolution, context);
      return follow_chain(step, lookup, resolution, context, response);
    case ResponseMeaning::nodata:
    case ResponseMeaning::nxdomain: {
      const auto kind = response.meaning == ResponseMeaning::nodata ? NegativeKind::nodata : NegativeKind::nxdomain;
      for (const ChainLink& link : response.chain) remember_alias(link, step, response, resolution, context);
      // NXDOMAIN would hide all that lies below. Of the name of a DS or DNSKEY the chain of trust keeps what it learns;
      // nobody asked for that name, and data was found at it or below it.
      const bool keeps = kind == NegativeKind::nodata || lookup.purpose != Purpose::trust;
      if (keeps) remember_denial(end, step.ask_type, kind, step, response, resolution, context);
      if (keeps && kind == NegativeKind::nxdomain && step.denied_ancestor && response.chain.empty() &&
          !speaks_from_below(response, *step.denied_ancestor)) {
        // The server told the truth about the ancestor: nothing is below it (RFC 8020).
        remember_denial(*step.denied_ancestor, step.ask_type, kind, step, response, resolution, context);
      }
      Finished denied = negative(kind, std::move(response.authority), response.negative_ttl, cut);
      note_upstream_block(step, message, denied);
      return finish_chain(step, lookup, resolution, context, response, std::move(denied));
    }
    case ResponseMeaning::yxdomain: {
      const SignedRrset dname = response.chain.back().alias;
      response.chain.pop_back();
      Finished too_long = positive({dname}, cut);
      too_long.rcode = Rcode::yxdomain;
      return finish_chain(step, lookup, resolution, context, response, std::move(too_long));
    }
    default:
      return std::nullopt;
  }
}

std::optional<Step> on_bad_answer(AskServers& step, Candidate& candidate, Lookup& lookup, Resolution& resolution,
                                  Context& context, const ExchangeEvent& event, ResponseMeaning meaning) {
  const bool with_opt = event.exchange.query.edns == EdnsUse::with_opt;
  const bool formerr = event.message != nullptr && event.message->rcode == Rcode::formerr;
  if (meaning == ResponseMeaning::edns_refused && formerr && event.exchange.query.cookie.size != 0) {
    context.servers.record_without_cookies(candidate.address, context.now.steady);  // some dislike any option
    return ask_again(step, candidate, lookup, resolution, context);
  }
  if (meaning == ResponseMeaning::edns_refused && with_opt) {
    candidate.edns = EdnsUse::without_opt;
    return ask_again(step, candidate, lookup, resolution, context);
  }
  resolution.budget().charge(Limit::failing_servers);
  const bool invalid = meaning == ResponseMeaning::malformed;
  ++(invalid ? lookup.trouble.invalid : lookup.trouble.refused);
  if (!invalid && step.asking == AskServers::Asking::minimised && !awaits_another(step, context)) {
    ask_whole_name(step, lookup);  // some refuse what they do not expect; the whole name gets its chance
    return ask_next_question(step, lookup, resolution, context);
  }
  candidate.use = meaning == ResponseMeaning::recursive ? Candidate::Use::recursive : Candidate::Use::given_up;
  // Some refuse a type and serve the rest: one question for it must not cost the zone.
  const bool ordinary = step.ask_type == RecordType::a || step.ask_type == RecordType::aaaa ||
                        step.ask_type == RecordType::ns || step.ask_type == RecordType::soa;
  if (meaning == ResponseMeaning::lame && ordinary) {
    context.servers.record_lame(candidate.address, step.zone.zone_cut, context.now.steady);
  }
  return ask_next(step, lookup, resolution, context);
}

// What was said of less than the whole name goes into no answer, but for a zone cut or a DNAME.
void note_who_answered(const AskServers& step, const Candidate& candidate, const Lookup& lookup, Resolution& resolution,
                       const ClassifiedResponse& response) {
  const bool goes_in = step.asking == AskServers::Asking::whole || response.referral || !response.chain.empty();
  if (lookup.purpose == Purpose::addresses || !goes_in) return;
  const bool others = step.candidates.size() > 1 || !step.without_addresses.empty();
  resolution.note_answer(candidate.address, step.zone.zone_cut, lookup,
                         others ? Resolution::Others::left : Resolution::Others::none);
}

// Whether somebody is left who could be asked at once.
bool knows_others(const AskServers& step) {
  const auto open = std::ranges::count(step.candidates, Candidate::Use::open, &Candidate::use);
  return open > 1 || !step.without_addresses.empty();
}

// Forward and stub zones below what is asked, unless their servers have failed the lookup.
std::vector<Name> zones_elsewhere(const AskServers& step, const Lookup& lookup, const Context& context) {
  std::vector<Name> out;
  if (lookup.without_forwarders) return out;
  const Name& cut = step.zone.zone_cut;
  for (const ForwardZone& zone : context.options.forward_zones) {
    if (zone.name.is_at_or_below(cut) && zone.name != cut) out.push_back(zone.name);
  }
  return out;
}

std::optional<Step> on_answered(AskServers& step, Candidate& candidate, Lookup& lookup, Resolution& resolution,
                                Context& context, const ExchangeEvent& event) {
  const AskedQuestion asked{step.ask_name,
                            step.ask_type,
                            lookup.record_class,
                            step.zone.zone_cut,
                            context.options.minimal_responses ? Sections::minimal : Sections::whole,
                            step.role,
                            context.options.scrub,
                            zones_elsewhere(step, lookup, context)};
  ClassifiedResponse response = classify_response(*event.message, asked);
  bound_negative_ttl(response, context.options.ttl);
  note_who_answered(step, candidate, lookup, resolution, response);
  for (const Limit limit : response.limits_reached) context.counters.limits.reach(limit);
  switch (response.meaning) {
    case ResponseMeaning::referral:
      return follow_referral(step, lookup, resolution, context, std::move(response));
    case ResponseMeaning::lame:
    case ResponseMeaning::recursive:
    case ResponseMeaning::server_failure:
    case ResponseMeaning::edns_refused:
    case ResponseMeaning::malformed:
      return on_bad_answer(step, candidate, lookup, resolution, context, event, response.meaning);
    case ResponseMeaning::empty:
      if (step.asking == AskServers::Asking::whole && knows_others(step)) {
        candidate.use = Candidate::Use::empty;
        return ask_next(step, lookup, resolution, context);
      }
      response.meaning = ResponseMeaning::nodata;
      break;
    default:
      break;
  }
  remember_beside(*event.message, step, resolution, context);
  if (event.exchange.query.edns == EdnsUse::without_opt && candidate.edns == EdnsUse::without_opt) {
    context.servers.record_without_edns(candidate.address, context.now.steady);
  }
  if (step.asking == AskServers::Asking::minimised) {
    return on_minimised_answer(step, lookup, resolution, context, response, *event.message);
  }
  return on_whole_answer(step, lookup, resolution, context, response, *event.message);
}

std::optional<Step> on_silence(AskServers& step, Candidate& candidate, Lookup& lookup, Resolution& resolution,
                               Context& context, const ExchangeEvent& event) {
  ++lookup.trouble.silent;
  if (event.exchange.folds_case) {
    candidate.transport = UpstreamTransport::tcp;  // an answer did come, with other letters: TCP tells whose it was
    return ask_again(step, candidate, lookup, resolution, context);
  }
  if (event.exchange.lacked_cookie) {
    candidate.transport = UpstreamTransport::tcp;  // the server itself, or somebody else?
    return ask_again(step, candidate, lookup, resolution, context);
  }
  if (event.exchange.headless_error) {
    candidate.edns = EdnsUse::without_opt;
    return ask_again(step, candidate, lookup, resolution, context);
  }
  resolution.budget().charge(Limit::silent_servers);
  if (step.asking == AskServers::Asking::minimised &&
      ++step.minimised_timeouts >= limit_of(Limit::minimised_timeouts)) {
    context.counters.limits.reach(Limit::minimised_timeouts);
    ask_whole_name(step, lookup);
    return ask_next_question(step, lookup, resolution, context);
  }
  return ask_next(step, lookup, resolution, context);
}

// A host without IPv6 (or IPv4) learns it here: after two errors the other family goes first and this one not at all.
// False where there is no other to go on with.
bool give_up_family(AskServers& step, AddressFamily family) {
  const auto is_open = [](const Candidate& candidate) { return candidate.use == Candidate::Use::open; };
  const bool other_left = std::ranges::any_of(step.candidates, [&](const Candidate& candidate) {
    return is_open(candidate) && candidate.address.address.family != family;
  });
  if (!other_left) return false;
  for (Candidate& candidate : step.candidates) {
    if (candidate.address.address.family == family) candidate.use = Candidate::Use::given_up;
  }
  return true;
}

std::optional<Step> on_network_error(AskServers& step, Candidate& candidate, Lookup& lookup, Resolution& resolution,
                                     Context& context) {
  ++lookup.trouble.network;
  resolution.budget().charge(Limit::failing_servers);
  candidate.use = Candidate::Use::given_up;
  if (++step.network_errors >= limit_of(Limit::network_errors) &&
      give_up_family(step, candidate.address.address.family)) {
    context.counters.limits.reach(Limit::network_errors);
  }
  return ask_next(step, lookup, resolution, context);
}

}  // namespace

std::optional<Step> on_exchange(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context,
                                const ExchangeEvent& event) {
  if (std::ranges::find(step.outstanding, event.exchange.id) == step.outstanding.end()) return std::nullopt;
  Candidate* candidate = candidate_of(step, event.exchange.server);
  if (candidate == nullptr) return std::nullopt;
  if (event.kind == ExchangeEventKind::silent) {
    return on_silence(step, *candidate, lookup, resolution, context, event);
  }
  std::erase(step.outstanding, event.exchange.id);
  switch (event.kind) {
    case ExchangeEventKind::answered:
      return on_answered(step, *candidate, lookup, resolution, context, event);
    case ExchangeEventKind::truncated:
    case ExchangeEventKind::ask_tcp:
      ++context.counters.tcp_fallbacks;
      candidate->transport = UpstreamTransport::tcp;
      return ask_again(step, *candidate, lookup, resolution, context);
    case ExchangeEventKind::bad_cookie:
      // Once with what it gave; who wants yet another is asked over TCP (RFC 7873 section 5.3).
      if (++candidate->bad_cookies > 1) {
        ++context.counters.tcp_fallbacks;
        candidate->transport = UpstreamTransport::tcp;
      }
      return ask_again(step, *candidate, lookup, resolution, context);
    case ExchangeEventKind::malformed:
      return on_bad_answer(step, *candidate, lookup, resolution, context, event, ResponseMeaning::malformed);
    case ExchangeEventKind::failed:
      return on_network_error(step, *candidate, lookup, resolution, context);
    case ExchangeEventKind::silent:
    case ExchangeEventKind::expired:
      break;
  }
  return step.outstanding.empty() ? ask_next(step, lookup, resolution, context) : std::nullopt;
}

}  // namespace weir
