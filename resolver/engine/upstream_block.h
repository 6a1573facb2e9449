// The reasons by which another resolver says that its answer is a block (RFC 8914 sections 4.16 to 4.19).
#pragma once

#include "zones/dns/record_types.h"

namespace weir {

inline bool is_block(EdeCode code) {
  return code >= EdeCode::blocked && code <= EdeCode::prohibited;
}

}  // namespace weir
