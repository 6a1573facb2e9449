// Small replies made in place: header, question, OPT with an Extended DNS Error (RFC 8914).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "resolver/wire/query.h"
#include "zones/dns/writer.h"

namespace weir {

struct ExtendedError {
  EdeCode code = EdeCode::other;
  std::string_view text;  // UTF-8, at most `max_text` octets are written; dropped first when the reply would not fit
  std::string_view shorter = {};  // what is tried before that
  std::size_t max_text = 160;
};

struct ReplyFlags {
  Rcode rcode = Rcode::noerror;
  bool authoritative = false;
  bool truncated = false;
  bool authentic_data = false;
  bool recursion_available = true;
};

// QR=1, opcode QUERY, RD and CD as in the query, then the question with the client's own case.
// Counts are zero but QDCOUNT; patch them with set_counts().
void begin_reply(Writer& writer, const Query& query, const ReplyFlags& flags);
void set_counts(std::span<std::uint8_t> message, std::uint16_t answers, std::uint16_t authority,
                std::uint16_t additional);
// Appends OPT where the query had one (never otherwise), with cookie and keepalive where the query says so and the
// error where `error` is given; adds it to ARCOUNT.
void finish_reply(Writer& writer, std::span<std::uint8_t> message, const Query& query, Rcode rcode,
                  const ExtendedError* error);
// Whether an OPT without an error still has room behind what is written (always where none is due).
bool leaves_room(const Writer& writer, const Query& query);
// A reply without records: FORMERR, SERVFAIL, REFUSED, ... into `out`; returns its size, 0 where even that does not
// fit.
std::size_t write_error_reply(std::span<std::uint8_t> out, const Query& query, const ReplyFlags& flags,
                              const ExtendedError* error);
inline std::size_t write_error_reply(std::span<std::uint8_t> out, const Query& query, Rcode rcode,
                                     const ExtendedError* error) {
  return write_error_reply(out, query, ReplyFlags{.rcode = rcode}, error);
}

// The same with TC=1: the client comes again over TCP. Never a part of an RRset.
std::size_t write_truncated_reply(std::span<std::uint8_t> out, const Query& query, Rcode rcode,
                                  const ExtendedError* error);

// The flag word of a reply to `query`.
std::uint16_t reply_flags(const Query& query, const ReplyFlags& flags);

// How a stored answer becomes this client's. Stored is: header, the question, records, no OPT, counts set;
// every owner that equals QNAME points at the question, so that the client's case shows everywhere.
struct StoredReply {
  ReplyFlags flags;
  std::span<const std::uint16_t> ttl_offsets;   // of each record's TTL field
  std::uint32_t age_seconds = 0;                // what the TTLs have run down by
  std::optional<std::uint32_t> stale_ttl = {};  // they are over: at most this is written instead (RFC 8767 section 4)
  std::optional<ExtendedError> error;
  std::optional<std::uint32_t> ttl_cap = {};  // the answer may be another one from then on
};

// `out` is all that the client takes and begins with the `size` octets stored for an equal question (where
// `size` is larger than `out`, only its beginning is there: the reply is then truncated). Patches ID, flags,
// QNAME, QCLASS and TTLs in place, appends OPT; returns the reply's size.
std::size_t finish_stored_reply(std::span<std::uint8_t> out, std::size_t size, const Query& query,
                                const StoredReply& stored);

}  // namespace weir
