// The files of the store beside RocksDB's: which generation is in force, and what a published generation is.
//
// A generation's number, epoch and time stand in a small file GENERATION in its directory and not in its database,
// so that a rollback can publish an old checkpoint under a new number: the same files, hard-linked, with
// another GENERATION.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/store/keys.h"

namespace weir::store {

struct GenerationInfo {
  std::uint64_t number = 0;
  PublishedRecord record;
  std::string files = {};  // SHA-256 of its FILES (checkpoint.h); empty: written by a weir that made no such list
  bool operator==(const GenerationInfo&) const = default;
};

std::filesystem::path policy_path(const std::filesystem::path& store);
std::filesystem::path live_path(const std::filesystem::path& store);
std::filesystem::path generations_path(const std::filesystem::path& store);
std::filesystem::path generation_path(const std::filesystem::path& store, GenerationNumber number);
// Those whose checkpoints are there, the newest first; empty where the folder cannot be read.
std::vector<GenerationNumber> list_checkpoints(const std::filesystem::path& store);
std::filesystem::path candidate_path(const std::filesystem::path& store, std::uint64_t id);  // a store of its own
std::filesystem::path present_rules_path(const std::filesystem::path& store, ListId list);   // present_rules.h
std::filesystem::path current_file_path(const std::filesystem::path& store);

std::string encode(const GenerationInfo& info);
// Errors: incompatible, corrupt.
Result<GenerationInfo> decode_generation_info(std::string_view text, const std::string& what);
Result<GenerationInfo> read_generation_info(const std::filesystem::path& checkpoint);
// Not synced: a generation that a power failure damages is made again (policy_store.h).
Result<void> write_generation_info(const std::filesystem::path& checkpoint, const GenerationInfo& info);

// A small file at once. Errors: not_found, permission, io, too_large.
Result<std::string> read_small_file(const std::filesystem::path& path);
// Temporary file, fsync, rename, fsync of the directory: readers see the old or the new text, also after a crash.
Result<void> replace_file(const std::filesystem::path& path, std::string_view text);
Result<void> sync_directory(const std::filesystem::path& path);
Result<void> make_directories(const std::filesystem::path& path);
// A directory of hard links to the regular files of `from`, except GENERATION.
Result<void> link_directory(const std::filesystem::path& from, const std::filesystem::path& to);
// Octets of the files below `path` that no other directory links to.
std::uint64_t exclusive_bytes(const std::filesystem::path& path);

Error system_error(int number, const std::string& what);

}  // namespace weir::store
