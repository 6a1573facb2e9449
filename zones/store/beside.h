// Work of an import that may go on beside its caller.
#pragma once

#include <functional>
#include <future>

#include "zones/base/result.h"

namespace weir::store {

// On a thread of its own, or where none can be had, when its result is asked for. The future's end waits for it.
std::future<Result<void>> run_beside(const std::function<Result<void>()>& work);

}  // namespace weir::store
