// A client's query, parsed in place: no allocation, no copy of the name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "zones/dns/edns.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::uint16_t kServerUdpPayload = 1232;  // what we offer and never exceed over UDP (DNS flag day 2020)

// Valid as long as the octets it was parsed from.
struct Query {
  std::span<const std::uint8_t> message;
  std::span<const std::uint8_t> qname;  // uncompressed, in the message, case as sent
  std::uint64_t qname_hash = 0;         // hash_wire_name
  std::uint8_t qname_labels = 0;        // the root not counted
  std::uint16_t id = 0;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  bool any_class = false;  // QCLASS * (RFC 1035 section 3.2.5): answered from class IN, all that there is here
  bool recursion_desired = false;
  bool checking_disabled = false;
  bool authentic_data = false;
  bool has_edns = false;
  bool dnssec_ok = false;
  std::uint8_t edns_version = 0;
  std::uint16_t udp_payload_size = 512;   // what the client takes: 512 to kServerUdpPayload
  std::span<const std::uint8_t> options;  // RDATA of the OPT, well-formed
  std::span<const std::uint8_t> cookie;   // RFC 7873: 8, or 16 to 40 octets; empty where none came
  bool keepalive_with_timeout = false;    // RFC 7828 section 3.2.1: over TCP that is a FORMERR

  // What the OPT of the reply has beside its own; set by who answers.
  std::array<std::uint8_t, 24> reply_cookie{};
  bool has_reply_cookie = false;
  std::optional<std::uint16_t> reply_keepalive;  // in tenths of a second

  std::size_t question_size() const { return qname.size() + 4; }
  RecordClass asked_class() const { return any_class ? RecordClass::any : record_class; }  // what a reply repeats
  Name name() const { return Name::from_checked_wire(qname, qname_labels); }
};

// Whether the query has this option without a value, which is how a client says what it understands.
bool has_empty_option(const Query& query, std::uint16_t code);

// What to do with octets that are not a query we answer from policy, cache or engine.
enum class QueryFault : std::uint8_t {
  drop,  // not even a header, or a response: never answered, else two servers could talk for ever
  formerr,
  notimp,       // an opcode other than QUERY
  badvers,      // EDNS version other than 0 (RFC 6891 section 6.1.3)
  refused,      // zone transfers, signed queries
  no_question,  // a cookie alone: the client asks for ours (RFC 7873 section 5.4)
  other_class   // than IN: only some names of CH have an answer
};

struct ParsedQuery {
  Query query;  // for faults: as far as it could be read
  std::optional<QueryFault> fault;
};

// Strict: QDCOUNT 1 (0 beside a cookie), no ANSWER and AUTHORITY records, in ADDITIONAL at most one OPT and transaction
// signatures, nothing past the end of the counts; QNAME not compressed. Whatever it takes, read_message
// (zones/dns/message.h) takes too.
ParsedQuery parse_query(std::span<const std::uint8_t> message);

}  // namespace weir
