// Puts a resolution's steps into words. Called only where somebody asked for a trace.
#pragma once

#include "resolver/engine/resolution.h"
#include "resolver/engine/trace.h"

namespace weir {

// `lookup` goes from the step that it is in to `next`.
void trace_step(const Step& next, const Lookup& lookup, const Resolution& resolution, const Context& context);
void trace_asked(const OutstandingExchange& exchange, const Lookup& lookup, const Resolution& resolution,
                 const Context& context);
void trace_exchange(const ExchangeEvent& event, const Lookup& lookup, const Resolution& resolution,
                    const Context& context);
void trace_validated(const Validated& validated, const AnswerValidator& validator, const Lookup& lookup,
                     const Resolution& resolution, const Context& context);

std::string_view to_text(Security security);  // "secure"

}  // namespace weir
