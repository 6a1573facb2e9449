// One update of one list: fetch -> read -> compare -> guards -> import -> publish -> tell the resolver -> remember.
//
// Any thread may ask for it; everything but the import itself happens on the asker's thread, importing on the writer's.
// Each list is updated by one asker at a time. Whatever goes wrong, the previous version stays in force and its bytes
// stay in <store>/fetch/<list>.good. A version that a guard holds back lies in <store>/fetch/<list>.held until it is
// approved, or until the source gives one that no guard minds.
#pragma once

#include <boost/json.hpp>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "tools/sidecar/audit_log.h"
#include "tools/sidecar/generations.h"
#include "tools/sidecar/guards.h"
#include "tools/sidecar/import_list.h"
#include "tools/sidecar/list_state.h"
#include "tools/sidecar/memory_gate.h"
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

// What all lists that are read and judged at one moment may take in memory together (memory_of_reading()): three of
// half a million rules, or two of two and a half. With what the sidecar takes anyhow it stays below 300 MB.
inline constexpr std::uint64_t kReadingMemoryBytes = 176U << 20;

inline constexpr const char* kSchedule = "schedule";  // who asks for what is due

using ConfigSource = std::function<std::shared_ptr<const Config>()>;

class ListUpdater {
 public:
  // Everything outlives it. `stop`: set when the sidecar ends.
  ListUpdater(ConfigSource config, WriterThread& writer, Generations& generations, ListStates& states,
              ResolverLink& resolver, AuditLog& audit, const std::atomic<bool>& stop);

  // Errors: not_found (no such list), busy (being updated), those of fetch and import; invalid where a guard holds the
  // new version.
  Result<UpdateReport> update(const std::string& list, const std::string& who, const UpdateProgress& progress);
  // Lets the version that is held through: exactly its bytes, from the source and in the reading that the guards saw.
  // Errors: not_found (none is held), invalid (the list is defined otherwise by now), busy, those of import.
  Result<UpdateReport> approve(const std::string& list, const std::string& who, const std::string& why,
                               const UpdateProgress& progress);
  bool is_updating(const std::string& list) const;

  // What an update would do. Changes nothing, here and in force; what was fetched goes again behind `look`.
  struct Preview {
    const ListConfig& list;
    bool changed = false;  // false: the source has what is in force, and there is nothing more to say
    const ListReading& reading;
    const PreparedImport* prepared = nullptr;
    const Candidate* candidate = nullptr;
    std::vector<GuardFinding> findings;  // without those of names in use
  };
  Result<void> preview(const std::string& list, const UpdateProgress& progress,
                       const std::function<Result<void>(const Preview&)>& look);

  // Where the last good copy of a list's bytes lies, what is being fetched, and the version that is held.
  static std::filesystem::path fresh_copy(const std::filesystem::path& store, const std::string& list);
  static std::filesystem::path good_copy(const std::filesystem::path& store, const std::string& list);
  static std::filesystem::path held_copy(const std::filesystem::path& store, const std::string& list);

 private:
  struct Attempt;
  struct Version;

  // Runs `work` as the only one at this list.
  template <class T>
  Result<T> claim(const std::string& name, const std::function<Result<T>(const Config&, const ListConfig&)>& work);
  Result<Version> fetch_version(const Attempt& attempt) const;
  Result<Version> transfer_version(const Attempt& attempt, std::optional<std::uint32_t> have) const;
  std::optional<std::uint32_t> serial_here(const Attempt& attempt) const;
  Result<Version> write_zone(const Attempt& attempt, Version version) const;
  Result<std::optional<UpdateReport>> take_in_changes(Attempt& attempt, Version& version);
  Result<std::string> apply_changes(const Attempt& attempt, const Version& version) const;
  void keep_zone(const Attempt& attempt, const Version& version) const;
  Result<std::string> check_signature(const Attempt& attempt, const Version& version) const;
  bool is_in_force(const Attempt& attempt, const Version& version) const;
  UpdateReport unchanged(const Attempt& attempt) const;
  Result<UpdateReport> fetch_and_import(Attempt& attempt);
  Result<ListId> id_of(const Attempt& attempt) const;
  // Before a list is read; held until what was read is small again, compared and judged.
  Result<MemoryGate::Share> take_memory(const Attempt& attempt, const std::filesystem::path& bytes);
  Result<ListReading> check(const Attempt& attempt, const std::filesystem::path& bytes) const;
  Result<std::unique_ptr<PreparedImport>> prepare(const Attempt& attempt, ListReading& reading) const;
  std::vector<GuardFinding> judge_names_in_use(const Attempt& attempt, PreparedImport& prepared) const;
  Result<std::unique_ptr<Candidate>> make_candidate(PreparedImport& prepared) const;
  GuardTables tables(const Config& config);
  Error hold(Attempt& attempt, const Version& version, const std::vector<GuardFinding>& findings);
  void drop_held(Attempt& attempt) const;
  Result<UpdateReport> take_in(Attempt& attempt, const Version& version, ListReading reading, PreparedImport& prepared,
                               const AuditEntry& entry);

  const ConfigSource config_;
  WriterThread& writer_;
  Generations& generations_;
  ListStates& states_;
  ResolverLink& resolver_;
  AuditLog& audit_;
  const std::atomic<bool>& stop_;
  MemoryGate memory_{kReadingMemoryBytes};
  mutable std::mutex mutex_;
  std::set<std::string> updating_;
  std::shared_ptr<const std::vector<PublicSuffix>> suffixes_;  // once they are read
};

}  // namespace weir::sidecar
