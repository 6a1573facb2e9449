// What a backup is made of: copies of the store as it is at a moment, below <store>/backup/, while everything goes on.
//
// Hard links wherever files never change, so that a copy takes milliseconds and hardly any room; `weir backup` makes
// its one file from it, as its caller, and has it removed. One that nobody came back for goes with the next start.
#pragma once

#include <cstdint>
#include <filesystem>

#include "tools/log/decision_log.h"
#include "tools/sidecar/audit_log.h"
#include "zones/base/result.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

std::filesystem::path backup_copy(const std::filesystem::path& store, std::uint64_t id);

// An empty folder under a number that is free. Errors: io, permission.
Result<std::uint64_t> begin_backup_copy(const std::filesystem::path& store);
// Policy, history and audit log into `copy`/store. On the writer's thread, behind the record of it.
Result<GenerationNumber> copy_policy(const PolicyStore& policy, const std::filesystem::path& store,
                                     const std::filesystem::path& copy);
// What is remembered of sources, and versions that guards hold; the decision log where there is one to copy.
Result<void> copy_the_rest(const std::filesystem::path& store, const std::filesystem::path& copy,
                           const log::DecisionLog* log);
void remove_backup_copy(const std::filesystem::path& store, std::uint64_t id);
void remove_backup_copies(const std::filesystem::path& store);

// Puts what `weir restore` has left in the store (tools/backup/restore.h) into the audit log, once.
Result<void> note_restored(const std::filesystem::path& store, AuditLog& audit, GenerationNumber published,
                           WallTime now);

}  // namespace weir::sidecar
