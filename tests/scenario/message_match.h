// Whether a message is what an entry's MATCH lines say.
//
// Sections are compared as sets: order is free, owner names and the names in RDATA have no case, TTLs count only under
// `ttl`. OPT is no record here: EDNS is compared by presence and DO, under `all`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tests/scenario/scenario_file.h"

namespace weir::scenario {

// Nothing where the message matches; else the first difference, for people: "rcode: expected NXDOMAIN, got NOERROR".
std::optional<std::string> first_difference(const Entry& entry, std::span<const std::uint8_t> message,
                                            MessageTransport transport);

// The difference with both messages as text.
std::string explain(const Entry& entry, std::span<const std::uint8_t> message, const std::string& difference);

}  // namespace weir::scenario
