// One update of one list: fetch -> read -> import -> publish -> tell the resolver -> remember.
//
// Any thread may ask for it; fetching happens on the asker's thread, importing on the writer's. Each list is
// updated by one asker at a time. Whatever goes wrong, the previous version stays in force and its bytes stay in
// <store>/fetch/<list>.good.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "tools/sidecar/audit_log.h"
#include "tools/sidecar/generations.h"
#include "tools/sidecar/import_list.h"
#include "tools/sidecar/list_state.h"
#include "tools/sidecar/resolver_link.h"
#include "tools/sidecar/writer_thread.h"
#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sidecar {

struct UpdateReport {
  bool changed = false;   // false: not modified, or the same bytes read in the same way
  ImportOutcome outcome;  // of this import, or of the last one where nothing changed (then nothing added or removed)
  ListReading reading;    // likewise
  GenerationNumber generation;
  bool resolver_told = false;
};

// "fetch", "parse", "import", "publish"; done; total or 0. Called on any thread, one call at a time.
using UpdateProgress = std::function<void(std::string_view, std::uint64_t, std::uint64_t)>;

using ConfigSource = std::function<std::shared_ptr<const Config>()>;

class ListUpdater {
 public:
  // Everything outlives it. `stop`: set when the sidecar ends.
  ListUpdater(ConfigSource config, WriterThread& writer, Generations& generations, ListStates& states,
              ResolverLink& resolver, AuditLog& audit, const std::atomic<bool>& stop);

  // Errors: not_found (no such list), busy (being updated), those of fetch and import.
  Result<UpdateReport> update(const std::string& list, const std::string& who, const UpdateProgress& progress);
  bool is_updating(const std::string& list) const;

  // Where the last good copy of a list's bytes lies.
  static std::filesystem::path good_copy(const std::filesystem::path& store, const std::string& list);

 private:
  Result<UpdateReport> fetch_and_import(const Config& config, const ListConfig& list, const std::string& who,
                                        ListState& state, const UpdateProgress& progress);

  const ConfigSource config_;
  WriterThread& writer_;
  Generations& generations_;
  ListStates& states_;
  ResolverLink& resolver_;
  AuditLog& audit_;
  const std::atomic<bool>& stop_;
  mutable std::mutex mutex_;
  std::set<std::string> updating_;
};

}  // namespace weir::sidecar
