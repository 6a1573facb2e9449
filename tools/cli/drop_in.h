// The drop-ins that `weir list add` writes and `weir list remove` deletes: weir.d/list-NAME.toml.
//
// Every change is whole or not at all: a drop-in with which the configuration does not load is taken back.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::cli {

std::filesystem::path drop_in_of(const std::filesystem::path& config_file, const std::string& list);

// A key and its value as TOML, in the order in which they are written.
using TomlKeys = std::vector<std::pair<std::string, std::string>>;

// Writes the drop-in of `list` and loads the whole configuration with it. Errors: exists (the list, or a file in the
// drop-in's place), invalid (the configuration does not load, before or after), permission, io.
Result<Config> add_drop_in(const std::filesystem::path& config_file, const std::string& list, const TomlKeys& keys);

// Deletes the drop-in of `list`. Errors: not_found (no such list), invalid (it is defined elsewhere, with the place
// and what to do; or the configuration does not load without it), permission, io.
Result<Config> remove_drop_in(const std::filesystem::path& config_file, const std::string& list);

// A file of definitions that was changed, and what it was before.
struct ChangedFile {
  std::filesystem::path file;
  std::string before;
  Result<void> take_back() const;
};

// Takes `mode = "observe"` out of the definition of `list`, wherever it stands, and loads the whole configuration with
// that. Errors: not_found (no such list), invalid (it is enforced already, its line cannot be found, or the
// configuration does not load), permission, io.
Result<ChangedFile> enforce_in_file(const std::filesystem::path& config_file, const std::string& list);

}  // namespace weir::cli
