// Names below which anybody may register: a rule that blocks all below one of them is nearly always a mistake, or
// worse.
//
// Read from the list that Debian's package publicsuffix installs. Its wildcards (*.ck) stand here for their parent
// alone: libpsl answers for one name at a time, and a list of millions of rules is asked the other way round, suffix by
// suffix.
#pragma once

#include <filesystem>
#include <vector>

#include "zones/base/result.h"
#include "zones/dns/name.h"

namespace weir::sidecar {

inline constexpr const char* kPublicSuffixFile = "/usr/share/publicsuffix/public_suffix_list.dat";

struct PublicSuffix {
  Name name;
  bool icann = true;  // of the ICANN section: a registry's; else of a company that gives names to its customers
};

// Errors: not_found, io, invalid (it holds none).
Result<std::vector<PublicSuffix>> read_public_suffixes(const std::filesystem::path& file);

}  // namespace weir::sidecar
