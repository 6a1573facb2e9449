// What the parts of ListUpdater (list_updater.cc, zone_updates.cc) share.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tools/sidecar/list_updater.h"
#include "tools/sidecar/zone_copy.h"

namespace weir::sidecar {

// One run over one list.
struct ListUpdater::Attempt {
  const Config& config;
  const ListConfig& list;
  const std::string& who;
  ListState& state;
  const UpdateProgress& progress;
  bool held = false;  // it ended in a version that is held

  const std::string& name() const { return list.definition.name; }
  void report(std::string_view phase, std::uint64_t done, std::uint64_t total) const {
    if (progress) progress(phase, done, total);
  }
};

// Bytes of a list on the disk, and where they came from.
struct ListUpdater::Version {
  std::filesystem::path bytes;
  std::string sha256;
  std::string etag;
  std::string last_modified;
  std::string signer;
  bool is_good_copy = false;  // the source says that nothing changed: the bytes are those of the last import
  // Of a zone: to the good copy, and nothing new lies on the disk yet (write_zone() does that).
  std::unique_ptr<ZoneChanges> changes = nullptr;
  std::string soa_line = {};
  std::uint32_t serial = 0;
  std::uint64_t size_bytes = 0;  // of the changes, as they came
};

// Where a list's bytes lie while they are none of the good copy.
std::filesystem::path in_fetch(const std::filesystem::path& store, const std::string& list, const char* suffix);

// The remarks of the reader, with what guards only warn of.
std::string with_warnings(const std::string& notes, const std::vector<GuardFinding>& findings);

}  // namespace weir::sidecar
