// A backup put into the place of a store and of its definitions, while no sidecar runs.
//
// Nothing is changed before all of the backup was read and found whole, and its store was opened once, in a folder
// beside the place where it is to be. What is in that place already is refused, or put aside where the caller says so:
// into <store>/replaced-TIME, weir.toml.replaced-TIME and weir.d.replaced-TIME. No file of it is ever removed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/backup/manifest.h"
#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::backup {

// Left in the store for the sidecar, which puts it into the audit log at its start: JSON with who, file, reason, made,
// weir and generation.
inline constexpr const char* kRestoredFile = "restored.json";

enum class Present : std::uint8_t { refused, put_aside };
enum class Definitions : std::uint8_t { of_the_backup, of_this_machine };

struct RestoreOptions {
  std::filesystem::path file;
  std::filesystem::path config_file;
  Present present = Present::refused;
  Definitions definitions = Definitions::of_the_backup;
  std::string who;
  std::string reason;
};

struct RestoreReport {
  Manifest about;
  GenerationNumber generation;
  std::string fingerprint;
  std::filesystem::path store;
  std::vector<std::filesystem::path> put_aside;
};

// Errors: corrupt, incompatible (a newer weir made it: which), exists, busy (a sidecar runs), invalid (the
// definitions), not_found, permission, io. With any of them everything is as it was.
Result<RestoreReport> restore_backup(const RestoreOptions& options, Now now);

}  // namespace weir::backup
