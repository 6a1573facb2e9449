// TTLs of responses as configured, before anything is cached or answered from them.
#pragma once

#include "resolver/engine/engine.h"
#include "resolver/engine/response_classifier.h"

namespace weir {

// Of every record. What a zone signed lives no longer than its signatures say, whatever the lower bound (RFC 4035
// section 5.3.3): the validator cuts it again.
void bound_ttls(Message& message, const TtlBounds& bounds);
// Of what a denial is kept by; one without an SOA is not kept (RFC 2308 section 5).
void bound_negative_ttl(ClassifiedResponse& response, const TtlBounds& bounds);

}  // namespace weir
