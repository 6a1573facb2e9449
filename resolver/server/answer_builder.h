// From what the engine found to the octets that the answer cache keeps: built once a miss, copied for each client.
#pragma once

#include <cstdint>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/engine/engine.h"
#include "resolver/wire/reply.h"

namespace weir {

// Why there is no answer, wherever that turns out.
inline constexpr ExtendedError kNotReady{EdeCode::not_ready, "no policy is loaded yet"};
inline constexpr ExtendedError kOverloaded{EdeCode::other, "too many queries are waiting"};

struct BuiltAnswer {
  std::vector<std::uint8_t> wire;  // header without ID and flags, folded question, records; no OPT
  std::vector<std::uint16_t> ttl_offsets;
  Rcode rcode = Rcode::servfail;
  std::uint32_t ttl_seconds = 0;  // how long it may be kept: the smallest of all TTLs; 0: not at all
  // Where it is built, kept between two answers: to clear 64 KiB for each took 2 % of a miss.
  std::vector<std::uint8_t> scratch;
};

// `out` is reused. What does not fit into a DNS message becomes SERVFAIL.
void build_answer(const ResolutionResult& result, BuiltAnswer& out);

// The other way: what a rule may match in a stored answer, for match_answer() under another names epoch: the aliases as
// the engine has followed them, so that what is decided is the same, and the addresses. Nothing where the octets are no
// answer.
std::optional<ResolutionResult> read_stored_answer(std::span<const std::uint8_t> wire);

// The flags of a reply made of a stored answer. AD follows from the validator's word alone (RFC 6840 section 5.8).
ReplyFlags stored_flags(const Query& query, Rcode rcode, Security security);

}  // namespace weir
