// Answers that are made here: the chain of local aliases, and the reply. Which zone or record has the word:
// zones/store/local_names.h.
//
// Nothing here allocates but local_alias_of(). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "resolver/wire/query.h"
#include "zones/store/local_names.h"

namespace weir {

// Where a local alias leads out of the local zones.
struct LocalAlias {
  std::vector<Rrset> links;  // the CNAMEs on the way, with the owners that they have for this question
  Name target;
};
std::optional<LocalAlias> local_alias_of(const LocalNames& names, const Generation& generation, std::uint32_t group,
                                         const Query& query);

struct LocalReply {
  std::size_t size = 0;  // in `out`; 0: none is sent
  // An alias leads out of the local zones to this name, which has to be resolved. Empty: it does not. Valid until the
  // next call; as long as the generation.
  std::span<const std::uint8_t> resolve;
};
using TargetBuffer = std::array<std::uint8_t, kMaxNameSize>;  // for a target that the question decides

// `group`: the client's. `first`: what match() said of the question; it answers. `dns64`: an AAAA may be made of local
// A; nullptr: not. Answers have AA (RFC 6303 section 3); a chain that has no end is SERVFAIL, one that grows too long
// YXDOMAIN (RFC 6672 section 2.2).
LocalReply write_local_answer(std::span<std::uint8_t> out, const Query& query, const LocalNames& names,
                              const Generation& generation, std::uint32_t group, const LocalMatch& first,
                              const Dns64* dns64, TargetBuffer& target);

}  // namespace weir
