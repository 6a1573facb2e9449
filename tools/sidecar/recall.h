// What is remembered of a list's source (list_state.h) is written behind the import that it speaks of. A crash, or a
// disk that failed, between the two leaves it behind the store; a source that then goes back to the version before
// would be taken for unchanged while the newer one is in force.
#pragma once

#include <filesystem>
#include <string>

#include "tools/sidecar/list_state.h"
#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

// Brings what is remembered of one list up to its newest import that was published, and its bytes in <store>/fetch to
// their place; a version that was held until this import is held no longer. Roll-backs are none of the source's
// versions and change nothing. Not while the list is being updated. Errors: those of reading, io.
Result<void> recall_source(const PolicyRecords& records, GenerationNumber published, ListId id, const std::string& list,
                           const std::filesystem::path& store, ListStates& states);

}  // namespace weir::sidecar
