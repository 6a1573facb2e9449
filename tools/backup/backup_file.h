// The one file that a backup is: written as a whole or not at all, and read to its end with every checksum in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "tools/backup/manifest.h"
#include "zones/base/result.h"

namespace weir::backup {

struct Source {
  std::string member;          // its path in the backup
  std::filesystem::path file;  // a regular file that nobody changes meanwhile
};

// `about` without its members, which come from `sources`: files that are one file are stored once. For the owner's
// eyes alone: weir.toml may hold secrets. Returns its octets. Errors: exists, permission, not_found, io.
Result<std::uint64_t> write_backup(const std::filesystem::path& target, Manifest about,
                                   const std::vector<Source>& sources);

// What comes by while a backup is read; each may be empty. An error of theirs ends the reading.
struct BackupVisitor {
  std::function<Result<void>(const Manifest&)> begin = {};
  std::function<Result<void>(const Member&)> member = {};           // its octets follow
  std::function<Result<void>(std::string_view octets)> piece = {};  // of the newest member
};

// All of it: whatever is not as MANIFEST says is an error, at the latest at its end. So who must not act on a damaged
// one reads it once before. Errors: corrupt (damaged, cut off, or no backup), incompatible, not_found, permission, io,
// and those of the visitor.
Result<Manifest> read_backup(const std::filesystem::path& file, const BackupVisitor& visitor);

}  // namespace weir::backup
