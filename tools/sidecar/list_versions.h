// Which import of its source a list holds: a roll-back, of the list or of a whole generation, leaves an older one in
// force until the source has something new, and whoever looks at the list must be told so.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

struct RolledBack {
  ImportId in_force;  // 0: none, it was before the first
  ImportId newest;    // that came from the source
  WallTime since;
  std::string how;  // "list rollback by alice", "generation rollback to 12 by alice"
};

// What the generation's reason says of a roll-back, and the other way round.
std::string rollback_reason(GenerationNumber to, const std::string& who);
std::optional<GenerationNumber> rollback_target(const std::string& reason);

// Both newest first, as PolicyRecords gives them. Nothing where the newest import is in force.
std::optional<RolledBack> find_rolled_back(std::span<const ImportRecord> imports,
                                           std::span<const PublishedGeneration> generations);
// `imported`: PolicyRecords::contents() behind the newest import, where it is known: a list that holds the same is not
// looked at further.
Result<std::optional<RolledBack>> find_rolled_back(const PolicyRecords& records, ListId list,
                                                   const std::string& imported);

}  // namespace weir::sidecar
