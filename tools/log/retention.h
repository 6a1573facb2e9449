// What of the log goes because of LogRetention.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/log/block_index.h"
#include "tools/log/decision_log.h"
#include "tools/log/rollup_store.h"
#include "zones/link/decision.h"

namespace weir::log {

// Keys of the blocks that go: those whose last row is older than is kept, then the oldest of all classes until these
// and `other_bytes` are within the size.
std::vector<std::string> blocks_to_drop(const BlockIndex& index, const LogRetention& retention, std::int64_t now_ms,
                                        std::uint64_t other_bytes);

// Down to where rollups stay, of every class, once the blocks `dropped` are gone, which `index` still has.
std::map<DecisionClass, RollupStore::Oldest> oldest_rollups(const BlockIndex& index, const LogRetention& retention,
                                                            std::int64_t now_ms,
                                                            const std::vector<std::string>& dropped);

}  // namespace weir::log
