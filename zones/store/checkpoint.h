// Copies of the live database as it is at a moment, by hard links.
//
// As RocksDB's own checkpoints, with two differences. Nothing of a copy is forced onto the disk: that were ten syncs of
// some milliseconds each before a rule is in force, for what the live database holds on the disk already. And a copy
// has a list of its files, FILES, so that one of which a power failure left half is known for it. A RocksDB alone would
// take a manifest or a log that ends early for an older state, in which rules are missing.
#pragma once

#include <filesystem>
#include <string>

#include "zones/base/result.h"
#include "zones/store/database.h"
#include "zones/store/files.h"

namespace weir::store {

// A log up to some size is copied, instead of flushing seven families into tables of a few records each. Each reader of
// the copy replays it, which takes 45 ms of CPU time a megabyte. So a larger change flushes what would make the next
// rule of the administrator's wait, and a small one that comes behind many small ones does not.
inline constexpr std::uint64_t kLogBytesForFlush = 1U << 20;
inline constexpr std::uint64_t kLogBytesBehindImports = 128U << 10;

// `target`: a directory that is not there yet; `log_bytes`: a longer log is flushed. Its FILES has a line for each
// file: octets, SHA-256 in hexadecimal (`-`: a table, whose blocks have checksums of their own), name. Errors: io,
// permission; then `target` is gone again.
Result<void> make_checkpoint(const Database& live, const std::filesystem::path& target,
                             std::uint64_t log_bytes = kLogBytesForFlush);

// Writes GENERATION, with the digest of FILES where there is one. Errors: io, permission.
Result<void> describe_checkpoint(const std::filesystem::path& checkpoint, GenerationInfo info);
// Whether all is there that FILES names, and FILES is the one with `digest`. Errors: corrupt (which file, and how), io.
Result<void> check_files(const std::filesystem::path& checkpoint, const std::string& digest);

}  // namespace weir::store
