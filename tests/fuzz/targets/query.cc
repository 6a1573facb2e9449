// The packet path's parser against the reader of whole messages: it takes nothing that the other refuses, and reads the
// same in it. Its replies, and the queries that we build ourselves, are messages too.
#include "resolver/wire/query.h"

#include <array>

#include "resolver/engine/query_builder.h"
#include "resolver/wire/reply.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/messages.h"
#include "zones/dns/message.h"

namespace weir::fuzz {
namespace {

void compare(const Query& query, const Message& message) {
  const MessageStart& start = message.start;
  require(start.has_question && same_octets(start.qname.wire(), query.qname), "QNAME of two parsers");
  require(query.name() == start.qname && query.qname_hash == start.qname.hash(), "QNAME as a value");
  require(query.id == start.id && query.type == start.qtype && query.asked_class() == start.qclass, "question");
  require(query.recursion_desired == start.flags.recursion_desired, "RD");
  require(query.checking_disabled == start.flags.checking_disabled, "CD");
  require(query.authentic_data == start.flags.authentic_data, "AD");
  require(query.has_edns == message.edns.has_value(), "OPT");
  if (!message.edns) return;
  require(query.dnssec_ok == message.edns->dnssec_ok && query.edns_version == message.edns->version, "OPT's fields");
  require(query.udp_payload_size == std::clamp<std::uint16_t>(message.edns->udp_payload_size, 512, kServerUdpPayload),
          "payload size");
}

// `reply` is one to `query`, whatever that was.
void check_reply(std::span<const std::uint8_t> reply, const Query& query, Rcode rcode) {
  const auto message = read_message(reply);
  require(message.has_value(), "a reply of ours cannot be read");
  require(message->start.flags.response && message->start.id == query.id, "a reply's ID");
  require(message->rcode == rcode || !message->edns, "a reply's RCODE");
  require(message->edns.has_value() == query.has_edns, "OPT only where the query had one");
  if (!query.qname.empty()) require(same_octets(message->start.qname.wire(), query.qname), "a reply's question");
}

void check_rebuilt(const Query& query) {
  UpstreamQuery upstream;
  upstream.id = query.id;
  upstream.qname = query.name();
  upstream.type = query.type;
  upstream.edns = query.has_edns ? EdnsUse::with_opt : EdnsUse::without_opt;
  upstream.udp_payload_size = query.udp_payload_size;
  upstream.dnssec_ok = query.dnssec_ok;
  upstream.recursion_desired = query.recursion_desired;
  upstream.checking_disabled = query.checking_disabled;
  const auto built = build_query(upstream);
  const ParsedQuery again = parse_query(built);
  require(!again.fault, "a query of ours is refused");
  const auto message = read_message(built);
  require(message.has_value(), "a query of ours cannot be read");
  compare(again.query, *message);
  require(same_octets(again.query.qname, query.qname) && again.query.id == query.id && again.query.type == query.type,
          "parsed, built and parsed again");
  require(again.query.has_edns == query.has_edns &&
              (!query.has_edns || again.query.udp_payload_size == query.udp_payload_size),
          "EDNS parsed, built and parsed again");
}

}  // namespace

WEIR_FUZZ_TARGET(query) {
  const ParsedQuery parsed = parse_query(input);
  const Query& query = parsed.query;
  std::array<std::uint8_t, 1232> out{};
  if (!parsed.fault) {
    const auto message = read_message(input);
    require(message.has_value(), "the packet path takes what the reader refuses");
    require(message->answer.empty() && message->authority.empty() && !message->start.flags.response, "no query");
    compare(query, *message);
    check_rebuilt(query);
  }
  if (parsed.fault == QueryFault::drop) return;
  static constexpr ExtendedError kError{EdeCode::other, "why"};
  for (const Rcode rcode : {Rcode::formerr, Rcode::servfail, Rcode::badvers}) {
    const std::size_t size = write_error_reply(out, query, rcode, &kError);
    require(size >= kHeaderSize && size <= 512, "size of an error");
    check_reply(std::span(out).first(size), query, rcode);
  }
  const std::size_t size = write_truncated_reply(out, query, Rcode::noerror, nullptr);
  check_reply(std::span(out).first(size), query, Rcode::noerror);
}

}  // namespace weir::fuzz
