// The root key trust anchor sentinel (RFC 8509): names by which users can see which root keys a resolver trusts.
#pragma once

#include "resolver/base/security.h"
#include "resolver/dnssec/trust_anchors.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

// Whether an answer that is otherwise good must be SERVFAIL: the question begins with root-key-sentinel-is-ta-NNNNN and
// no root key of ours has that tag, or with root-key-sentinel-not-ta-NNNNN and one has (section 3.2). Only addresses,
// and only what was found secure.
bool sentinel_denies(const Name& name, RecordType type, Security security, const TrustAnchors& anchors);

}  // namespace weir
