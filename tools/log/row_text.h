// Parts of a decision as every way of showing one has them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "zones/link/decision.h"

namespace weir::log {

std::string time_text(std::int64_t ms);         // RFC 3339 with milliseconds: 2026-07-06T00:40:32.123Z
std::string_view to_text(LinkKind link);        // "qname"
std::string_view to_text(Transport transport);  // "udp"
// How a block was answered: by the policy's mode, or by the rule where it has an action of its own. Empty: it was none.
std::string_view mode_text(DecisionClass decision_class, Action action, BlockMode mode);
// "p-0123456789abcdef", as describe() writes one. Nothing: it is none.
std::optional<std::uint64_t> parse_pseudonym(std::string_view text);

}  // namespace weir::log
