// The published generations as this process reads them: explain, status and the log look here and never at the
// writer, so that none of them waits behind an import.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "zones/base/result.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

// Any thread.
class Generations {
 public:
  Generations(std::filesystem::path store, std::size_t cache_bytes);

  // The one in force; opened when it is first asked for.
  Result<std::shared_ptr<const Generation>> current();
  // Lists and groups of another one, as long as its checkpoint is there; else nullptr.
  std::shared_ptr<const PolicySet> policies_of(GenerationNumber number);

 private:
  const std::filesystem::path store_;
  const std::shared_ptr<StoreCache> cache_;
  std::mutex mutex_;
  std::shared_ptr<const Generation> current_;
};

}  // namespace weir::sidecar
