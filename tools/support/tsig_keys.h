// The secrets of [[tsig_key]]: read when they are needed, never shown.
#pragma once

#include <string>
#include <vector>

#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/dns/tsig.h"

namespace weir {

inline constexpr std::size_t kMaxSecretFile = 8192;

// Errors: not_found (no such key, no such file), permission, io, invalid; they name the key and the file.
Result<TsigKey> load_tsig_key(const Config& config, const Name& name);

// Files with a secret that everybody on this machine may read, a sentence each.
std::vector<std::string> exposed_tsig_secrets(const Config& config);

}  // namespace weir
