// A copy of a whole store while it is open, by hard links: for backups.
#pragma once

#include <filesystem>

#include "zones/base/result.h"
#include "zones/store/writer.h"

namespace weir {

// Below `target`, which is not there yet: policy/live, the generation in force and `current`, as PolicyStore::open()
// takes them. On the thread of `store`, between two steps. Errors: not_found (nothing was published yet), io,
// permission; then what is left of `target` is the caller's to remove.
Result<GenerationNumber> copy_store(const PolicyStore& store, const std::filesystem::path& target);

}  // namespace weir
