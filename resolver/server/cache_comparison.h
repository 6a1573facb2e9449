// Which names in use would be answered otherwise under a candidate generation: the verb cache.compare. The answer cache
// is walked, each name in it is decided under the generation in force and under the candidate, for every group.
// Nothing is stored; the sidecar asks before it lets a new version of a list through.
#pragma once

#include <filesystem>
#include <functional>

#include "resolver/cache/answer_cache.h"
#include "resolver/server/control_server.h"
#include "resolver/server/generation_holder.h"
#include "zones/base/time.h"

namespace weir {

inline constexpr std::size_t kMaxComparedNames = 1000;  // that one reply names, of each kind; all are counted

// Adds the verb. It answers on a thread of its own, one comparison at a time. Everything here outlives the control
// server. {"candidate": id, "number": its generation} -> {"entries", "blocked": {"names", "samples": [{"name", "group",
// "list", "hits"}]}, "unblocked": likewise}, samples by falling hits.
void add_cache_comparison(ControlHandlers& handlers, AnswerCache& answers, GenerationHolder& generations,
                          std::filesystem::path store, std::function<Now()> clock);

}  // namespace weir
