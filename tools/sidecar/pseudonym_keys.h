// The keys of the privacy level `pseudonym`: <run>/keys/<YYYY-MM-DD>, 16 octets, one for each day of UTC.
//
// Made by the sidecar, read by the resolver (group), destroyed an hour after the day is over: from then on
// nobody can tell any more which client a pseudonym of that day was. The run directory is memory, so
// no copy stays on a disk. Any number of threads: the directory is locked while something changes in it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::sidecar {

inline constexpr std::chrono::minutes kNextKeyAhead{10};  // before midnight, so that the resolver finds it in time
inline constexpr std::chrono::hours kKeyOutlivesDay{1};

// Makes today's key (and tomorrow's, shortly before midnight) and destroys those whose time is over.
// Call it every minute or more often. Errors: permission, io.
Result<void> tend_pseudonym_keys(const std::filesystem::path& run_directory, WallTime now);

// A day's key at once, before its time: today's is replaced by another one, which the resolver takes within a second.
// True: there was one. Errors: permission, io.
Result<bool> destroy_pseudonym_key(const std::filesystem::path& run_directory, const std::string& day, WallTime now);

// Every key that is still there, with its day. They are wiped from memory before this returns.
using PseudonymKeyBytes = std::array<std::uint8_t, 16>;
void visit_pseudonym_keys(const std::filesystem::path& run_directory,
                          const std::function<void(const std::string& day, const PseudonymKeyBytes& key)>& visit);

std::string utc_day(WallTime time);  // "2026-07-06"

}  // namespace weir::sidecar
