#include "resolver/engine/tracing.h"

#include <algorithm>

namespace weir {
namespace {

using std::chrono::microseconds;

TraceEvent event_of(TraceKind kind, const Lookup& lookup, const Resolution& resolution, const Context& context) {
  TraceEvent out;
  out.kind = kind;
  out.at = context.now.steady;
  out.depth = static_cast<unsigned>(resolution.depth() - 1);
  out.name = lookup.name;
  out.type = lookup.type;
  return out;
}

std::string counted(std::size_t count, const char* noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

std::string question_text(const Name& name, RecordType type) {
  return name.to_text() + ' ' + to_text(type);
}

std::string describe_zone(const AskServers& step) {
  const std::size_t count = step.candidates.size();
  std::string out =
      step.zone.zone_cut.to_text() + ", " + std::to_string(count) + (count == 1 ? " address" : " addresses");
  if (!step.without_addresses.empty())
    out += ", " + counted(step.without_addresses.size(), "name server") + " without one";
  return out;
}

std::string describe_end(const Finished& finished) {
  std::string out = to_text(finished.rcode);
  std::size_t records = 0;
  for (const SignedRrset& data : finished.rrsets) records += data.rrset.size();
  if (records > 0) out += ", " + counted(records, "record");
  if (finished.denied == NegativeKind::nodata) out += ", no data";
  if (finished.cause == Finished::Cause::cached_failure) out += ", failed a moment ago";
  if (finished.security != Security::indeterminate) out += ", " + std::string(to_text(finished.security));
  out += ", TTL " + std::to_string(finished.ttl_seconds);
  if (finished.ede) {
    out += ", EDE " + std::to_string(static_cast<unsigned>(*finished.ede));
    if (!finished.ede_text.empty()) out += " (" + finished.ede_text + ")";
  }
  return out;
}

void add_server(TraceEvent& event, const OutstandingExchange& exchange, const Context& context) {
  event.server = exchange.server.endpoint(context.options.upstream_port);
  event.tcp = exchange.transport == UpstreamTransport::tcp;
}

std::string describe_message(const Message& message) {
  std::string out = to_text(message.rcode);
  if (message.start.flags.authoritative) out += ", authoritative";
  const auto section = [&](const std::vector<Rrset>& rrsets, const char* name) {
    if (rrsets.empty()) return;
    out += std::string("; ") + name + ':';
    for (const Rrset& rrset : rrsets) {
      if (rrset.type == RecordType::rrsig) continue;
      out += ' ' + question_text(rrset.owner, rrset.type);
    }
  };
  section(message.answer, "answer");
  section(message.authority, "authority");
  return out;
}

}  // namespace

std::string_view to_text(Security security) {
  switch (security) {
    case Security::bogus:
      return "bogus";
    case Security::indeterminate:
      return "indeterminate";
    case Security::insecure:
      return "insecure";
    case Security::secure:
      return "secure";
  }
  return "";
}

void trace_step(const Step& next, const Lookup& lookup, const Resolution& resolution, const Context& context) {
  TraceEvent event = event_of(TraceKind::finished, lookup, resolution, context);
  const bool from_cache = std::holds_alternative<FindZoneCut>(lookup.step);
  if (const auto* asking = std::get_if<AskServers>(&next)) {
    const auto* before = std::get_if<AskServers>(&lookup.step);
    const bool forwards = asking->role == ServerRole::forwarder;
    event.kind = before != nullptr ? TraceKind::referral : TraceKind::zone_cut;
    event.text = (forwards ? "forwarders for " : before != nullptr ? "to " : "") + describe_zone(*asking);
  } else if (const auto* alias = std::get_if<FollowAlias>(&next)) {
    event.kind = TraceKind::alias;
    event.text = alias->link.owner.to_text() + " is an alias of " + alias->link.target.to_text() +
                 (from_cache ? ", from the cache" : "");
  } else if (const auto* waiting = std::get_if<AwaitAddresses>(&next)) {
    event.kind = TraceKind::addresses;
    event.text = "of " + question_text(waiting->server_name, waiting->type);
  } else if (const auto* finished = std::get_if<Finished>(&next)) {
    if (from_cache) event.kind = TraceKind::cached;
    event.text = describe_end(*finished);
  } else if (const auto* validating = std::get_if<Validate>(&next)) {
    if (!from_cache) return;
    event.kind = TraceKind::cached;
    event.text = describe_end(validating->outcome);
  } else if (std::holds_alternative<FindZoneCut>(next) && std::holds_alternative<Validate>(lookup.step)) {
    event.kind = TraceKind::zone_cut;
    event.text = "what is bogus is asked of others";
  } else {
    return;
  }
  resolution.trace()->add(std::move(event));
}

void trace_asked(const OutstandingExchange& exchange, const Lookup& lookup, const Resolution& resolution,
                 const Context& context) {
  TraceEvent event = event_of(TraceKind::asked, lookup, resolution, context);
  add_server(event, exchange, context);
  event.text = question_text(exchange.plain_name, exchange.query.type);
  if (exchange.query.edns == EdnsUse::without_opt) event.text += ", without EDNS";
  resolution.trace()->add(std::move(event));
}

void trace_exchange(const ExchangeEvent& exchange, const Lookup& lookup, const Resolution& resolution,
                    const Context& context) {
  TraceEvent event = event_of(TraceKind::unanswered, lookup, resolution, context);
  add_server(event, exchange.exchange, context);
  const auto since = std::chrono::duration_cast<microseconds>(context.now.steady - exchange.exchange.sent);
  switch (exchange.kind) {
    case ExchangeEventKind::answered:
      event.kind = TraceKind::answered;
      event.rtt = since;
      event.text = describe_message(*exchange.message) + "; " + std::to_string(exchange.octets) + " octets";
      break;
    case ExchangeEventKind::truncated:
      event.kind = TraceKind::answered;
      event.rtt = since;
      event.text = "truncated: TCP is next";
      break;
    case ExchangeEventKind::malformed:
      event.text = "malformed";
      break;
    case ExchangeEventKind::failed:
      event.text = "network error";
      break;
    case ExchangeEventKind::silent:
      event.text = "silent for " + std::to_string(since.count() / 1000) + " ms";
      break;
    case ExchangeEventKind::expired:
      event.text = "given up";
      break;
    case ExchangeEventKind::ask_tcp:
      event.text = "answers with wrong ids or without its cookie: TCP is next";
      break;
    case ExchangeEventKind::bad_cookie:
      event.kind = TraceKind::answered;
      event.rtt = since;
      event.text = "wants its new cookie";
      break;
  }
  resolution.trace()->add(std::move(event));
}

void trace_validated(const Validated& validated, const AnswerValidator& validator, const Lookup& lookup,
                     const Resolution& resolution, const Context& context) {
  TraceEvent event = event_of(TraceKind::validated, lookup, resolution, context);
  event.text = validated.limit_reached ? "a limit was reached" : std::string(to_text(validated.security));
  if (!validated.why.empty()) event.text += ": " + validated.why;
  if (validated.ede) event.text += ", EDE " + std::to_string(static_cast<unsigned>(*validated.ede));
  for (const AnswerPiece& piece : validator.pieces) {
    event.text += "; " + question_text(piece.data.rrset.owner, piece.data.rrset.type) + ' ' +
                  std::string(to_text(piece.data.security));
  }
  if (validator.denial) {
    event.text += "; denial of " + question_text(validator.denial->name, validator.denial->type) + ' ' +
                  std::string(to_text(validator.denial->security));
  }
  resolution.trace()->add(std::move(event));
}

}  // namespace weir
