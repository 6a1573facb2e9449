// Small replies made in place: header, question, OPT with an Extended DNS Error (RFC 8914).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "resolver/wire/query.h"
#include "zones/dns/writer.h"

namespace weir {

struct ExtendedError {
  EdeCode code = EdeCode::other;
  std::string_view text;  // UTF-8, at most 160 octets are written; dropped first when the reply would not fit
};

struct ReplyFlags {
  Rcode rcode = Rcode::noerror;
  bool authoritative = false;
  bool truncated = false;
  bool authentic_data = false;
};

// QR=1, opcode QUERY, RD and CD as in the query, RA=1, then the question with the client's own case.
// Counts are zero but QDCOUNT; patch them with set_counts().
void begin_reply(Writer& writer, const Query& query, const ReplyFlags& flags);
void set_counts(std::span<std::uint8_t> message, std::uint16_t answers, std::uint16_t authority,
                std::uint16_t additional);
// Appends OPT where the query had one (never otherwise), with the error where `error` is given; adds it to ARCOUNT.
void finish_reply(Writer& writer, std::span<std::uint8_t> message, const Query& query, Rcode rcode,
                  const ExtendedError* error);
// A reply without records: FORMERR, SERVFAIL, REFUSED, ... into `out`; returns its size, 0 where even that does not
// fit.
std::size_t write_error_reply(std::span<std::uint8_t> out, const Query& query, Rcode rcode, const ExtendedError* error);

}  // namespace weir
