// What lists and groups were called in the generations that decided something: a decision holds numbers, and the
// generation that could say what they mean is gone long before the decision is.
//
// Most publishes change rules only, so the definitions lie once under their hash, and a generation has eight octets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "tools/log/known_list.h"
#include "tools/log/log_database.h"
#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/policy.h"

namespace weir::log {

class KnownNames {
 public:
  explicit KnownNames(LogDatabase& database) : database_(database) {}
  Result<void> load();
  // Any thread.
  bool knows(GenerationNumber generation) const;
  std::shared_ptr<const PolicySet> find(GenerationNumber generation) const;  // nullptr: unknown
  std::shared_ptr<const PolicySet> newest() const;  // of the highest generation that is known; likewise
  std::optional<KnownList> find_list(std::uint32_t list) const;
  // The writing thread.
  Result<void> remember(GenerationNumber generation, const PolicySet& policies);
  // Generations below `oldest` are not asked for any more; definitions that none has any more go too.
  Result<void> forget_below(GenerationNumber oldest);

 private:
  void keep(GenerationNumber generation, std::shared_ptr<const PolicySet> names) const;  // with mutex_ held

  LogDatabase& database_;
  mutable std::mutex mutex_;
  mutable std::map<std::uint64_t, std::shared_ptr<const PolicySet>> parsed_;
  std::map<std::uint32_t, KnownList> lists_;
  GenerationNumber newest_;
};

}  // namespace weir::log
