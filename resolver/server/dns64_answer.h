// AAAA answers made of A answers (RFC 6147 section 5.1). Pure functions; the asking is Resolutions'.
#pragma once

#include <optional>

#include "resolver/engine/engine.h"
#include "resolver/filter/filter.h"
#include "resolver/wire/query.h"
#include "zones/dns64.h"

namespace weir {

// Whether this client's question may be answered with translated addresses. Who checks signatures himself is not
// (section 5.5: DO and CD).
bool is_translated(const Dns64* dns64, const Query& query, const IpAddress& client);

// Whether A is to be asked for: the AAAA answer holds no address that counts. A name that does not exist has none of
// either type; what is bogus stays so (section 5.5).
bool wants_ipv4(const ResolutionResult& aaaa, const Dns64& dns64);

// Without the addresses that do not count (section 5.1.4); others are left.
ResolutionResult without_excluded(const ResolutionResult& aaaa, const Dns64& dns64);

// The answer to the AAAA question. Nothing where `a` has no address that can be translated: then the answer without
// AAAA stands.
std::optional<ResolutionResult> translated_answer(const ResolutionResult& aaaa, const ResolutionResult& a,
                                                  const Dns64& dns64);

// Whether a policy's block of a translated address is not carried out, because the site wants the answer that the name
// has without it (Dns64::Blocked).
bool stays_untranslated(const Dns64& dns64, const AnswerMatches& parts, const FilterVerdict& verdict);

}  // namespace weir
