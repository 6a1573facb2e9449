// The text that negative trust anchors are kept as, so that they end when they were to end, restarts or not: a line for
// each, NAME UNTIL REASON. What begins with a semicolon is for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resolver/dnssec/trust_anchors.h"

namespace weir {

std::string save_negative_anchors(const std::vector<NegativeTrustAnchor>& anchors);
// Those that have ended too. Errors: corrupt, as file:line:column: what was found, what was expected.
Result<std::vector<NegativeTrustAnchor>> restore_negative_anchors(std::string_view text, std::string_view file);

inline constexpr std::size_t kMaxNegativeAnchors = 60;

}  // namespace weir
