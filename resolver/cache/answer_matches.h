// The matches of every part of one answer, beside which the unfiltered answer is cached.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/dns/name.h"
#include "zones/match.h"

namespace weir {

// A part of an answer that a rule may match: QNAME, the target of an alias or service, an address, the name or an
// address of a server that had the zone.
enum class AnswerPart : std::uint8_t { qname, alias, address, ns_name, ns_address };

inline bool is_address(AnswerPart part) {
  return part == AnswerPart::address || part == AnswerPart::ns_address;
}

struct PartMatches {
  AnswerPart part = AnswerPart::qname;
  Name name;          // QNAME, target or server; for an address its owner
  IpAddress address;  // of an address part
  MatchSet matches;
};

// QNAME first, then each alias target in order, then each address, then servers. Parts without matches are left out,
// but for QNAME and for addresses that belong into private networks: a policy may refuse those.
using AnswerMatches = std::vector<PartMatches>;

// As the answer cache keeps them: octets without pointers. `out` grows as needed.
void encode_matches(const AnswerMatches& parts, std::vector<std::uint8_t>& out);
// How many parts the octets hold; 0 where they are not what encode_matches() made.
std::size_t count_parts(std::span<const std::uint8_t> octets);
// `out` gets exactly that many; what its elements have allocated is used again. False: malformed.
bool decode_matches(std::span<const std::uint8_t> octets, AnswerMatches& out);

}  // namespace weir
