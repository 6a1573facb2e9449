// The decision log of this machine, as the verbs look into it.
#pragma once

#include <memory>

#include "tools/log/log_filter.h"
#include "tools/sidecar/log_answerer.h"
#include "tools/sidecar/verb_table.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

// `call` outlives them.
std::unique_ptr<LogAnswerer> make_own_log(const Call& call);
log::BlockMatcher matcher_of(const Call& call, log::LogFilter filter);
// nullptr: nothing was published yet, or it cannot be read.
std::shared_ptr<const Generation> generation_or_none(const Services& services);

}  // namespace weir::sidecar
