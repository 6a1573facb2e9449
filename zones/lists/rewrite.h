// What a rule answers with instead: `$dnsrewrite=VALUE`, and answer data of the administrator's own rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "zones/base/result.h"
#include "zones/rule.h"

namespace weir {

// These say no TTL of their own. As short as a block answer's, since a rule can change at any moment.
inline constexpr std::uint32_t kRewriteTtl = 30;

// `value`: an address, a name, an RCODE, `RCODE;;` or `RCODE;TYPE;VALUE`. Fills action and detail. Returns what is
// wrong, or "". On a rule that allows (`@@`) it makes the exception that lifts this rewrite, or with an empty value
// all.
std::string read_rewrite(std::string_view value, Rule& rule);

// The data of one record as people write them, names as whole names; TXT data also without quotes.
Result<AnswerData> read_answer_data(RecordType type, std::string_view text, std::uint32_t ttl_seconds);

}  // namespace weir
