#include "zones/store/beside.h"

#include <system_error>

namespace weir::store {

std::future<Result<void>> run_beside(const std::function<Result<void>()>& work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, work);
  }
}

}  // namespace weir::store
