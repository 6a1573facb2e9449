// The decisions of a batch as a spool holds them: compressed, with a checksum.
#pragma once

#include <functional>

#include "tools/log/frames.h"
#include "tools/log/record_batch.h"
#include "tools/sinks/spool.h"
#include "zones/link/decision.h"

namespace weir::sinks {

// How many of the records are decisions: those that a packed batch has.
std::uint32_t count_decisions(const log::RecordBatch& batch);
std::string pack(const log::RecordBatch& batch, log::FrameWriter& frames);
// Calls `visit` with each decision and its number in the batch, until it fails. Errors: corrupt; those of `visit`.
Result<void> unpack(const PackedBatch& batch,
                    const std::function<Result<void>(const Decision& decision, std::uint32_t row)>& visit);

}  // namespace weir::sinks
