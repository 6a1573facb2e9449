// What a backup says of itself: the first member of its archive, from which everything behind it is checked.
//
// A backup is a tar archive compressed by zstd: MANIFEST (this, as JSON), then the members that it names, in its order,
// then MANIFEST.sha256. config/weir.toml and config/weir.d/ are the definitions, store/ is the store's folder: the live
// policy database with its history, the generation in force, the audit log, what is remembered of sources, versions
// that guards hold; the decision log where it was asked for.
//
// Not in it: tokens of the API (a restored backup would bring back those that were taken away since), keys and
// passwords that weir.toml names as files, the bytes of lists (they are fetched again), people's requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"

namespace weir::backup {

inline constexpr std::uint64_t kBackupFormat = 1;
inline constexpr std::size_t kMaxManifestBytes = 64 << 20;
inline constexpr std::size_t kMaxMembers = 200'000;
inline constexpr std::string_view kManifestName = "MANIFEST";
inline constexpr std::string_view kEndName = "MANIFEST.sha256";
inline constexpr std::string_view kConfigMember = "config/weir.toml";
inline constexpr std::string_view kDropInFolder = "config/weir.d/";

struct Member {
  std::string path;  // is_member_path() holds
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string same_as;  // another member before it, whose octets these are; then it has none of its own

  bool operator==(const Member&) const = default;
};

struct Manifest {
  std::uint64_t format = kBackupFormat;
  std::string weir;                // version that made it
  std::uint64_t store_format = 0;  // of its policy store
  std::string made;                // RFC 3339
  std::uint64_t generation = 0;    // in force
  std::string fingerprint;
  bool has_log = false;
  std::string reason;
  std::vector<Member> members = {};
};

std::string encode(const Manifest& manifest);
// Errors: incompatible (made by a newer weir: which), corrupt (anything that encode() would not write).
Result<Manifest> decode_manifest(std::string_view text);

// A relative path of plain components below config/ or one of the store's own folders: one that leads nowhere else.
bool is_member_path(std::string_view path);

}  // namespace weir::backup
