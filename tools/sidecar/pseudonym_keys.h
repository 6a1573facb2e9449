// The keys of the privacy level `pseudonym`: <run>/keys/<YYYY-MM-DD>, 16 octets, one for each day of UTC.
//
// Made by the sidecar, read by the resolver (group), destroyed an hour after the day is over: from then on
// nobody can tell any more which client a pseudonym of that day was. The run directory is memory, so
// no copy stays on a disk.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::sidecar {

inline constexpr std::chrono::minutes kNextKeyAhead{10};  // before midnight, so that the resolver finds it in time
inline constexpr std::chrono::hours kKeyOutlivesDay{1};

// Makes today's key (and tomorrow's, shortly before midnight) and destroys those whose time is over.
// Call it every minute or more often. Errors: permission, io.
Result<void> tend_pseudonym_keys(const std::filesystem::path& run_directory, WallTime now);

std::string utc_day(WallTime time);  // "2026-07-06"

}  // namespace weir::sidecar
