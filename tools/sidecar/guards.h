// What holds a new version of a list back until somebody approves it: signs that the list is no longer what was
// subscribed to, or that it would block what nobody wants blocked. Nothing here changes anything.
#pragma once

#include <boost/json.hpp>

#include <memory>
#include <string>
#include <vector>

#include "tools/sidecar/public_suffixes.h"
#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

inline constexpr std::size_t kGuardSamples = 20;  // of one finding
inline constexpr std::uint64_t kGuardedFromRules =
    10;  // lists of fewer are edited by hand, a change of them says nothing

struct GuardFinding {
  std::string guard;  // "max_shrink", "public_suffixes", ...: the key of [[list]]
  bool holds = true;  // else it only warns
  std::string text;   // what was found, and the limit
  std::vector<std::string> samples;
};

// What lists have no say over.
struct GuardTables {
  std::shared_ptr<const std::vector<PublicSuffix>> suffixes;  // may be null
  std::vector<Name> protected_names;
};

// Errors: those of reading the store.
Result<std::vector<GuardFinding>> judge(const ListConfig& list, const PreparedImport& prepared,
                                        const GuardTables& tables);
// Of names that are in use and that the version would block: `compared` is the resolver's answer to cache.compare.
std::vector<GuardFinding> judge_use(const ListConfig& list, const boost::json::object& compared);

boost::json::array to_json(const std::vector<GuardFinding>& findings);
bool any_holds(const std::vector<GuardFinding>& findings);
// In one line: the texts of those that hold.
std::string reasons_of(const std::vector<GuardFinding>& findings);

}  // namespace weir::sidecar
