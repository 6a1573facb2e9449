// What is allowed in a policy and probably not meant: rules that never decide anything, and lists that are not what
// they are said to be. Nothing here changes anything.
#pragma once

#include <boost/json.hpp>

#include <functional>
#include <string>
#include <vector>

#include "zones/base/result.h"
#include "zones/dns/name.h"
#include "zones/store/generation.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxLintedRules = 2'000'000;  // of all lists together
inline constexpr std::size_t kMaxLintedAllows = 200'000;
inline constexpr std::size_t kLintSamples = 10;
inline constexpr std::size_t kMaxNamesInUse = 100'000;
inline constexpr std::uint64_t kFewestRulesOfAnAllowList = 10;  // what most of fewer says is chance

struct LintFinding {
  std::string kind;  // "allow_without_effect", "always_beaten", "protected_name", "regex_is_name", "resolves_first",
                     // "allow_list_as_block"
  std::string list;
  std::string text;
  std::uint64_t count = 0;
  std::vector<std::string> samples;
};

struct LintReport {
  std::vector<LintFinding> findings;
  bool complete = true;  // false: there are more rules than one look may take
};

// `generation` decides, `records` has the rules of its lists with their lines. `names`: that no list may block;
// `in_use`: that clients asked for and a rule decided on, as the decision log has them.
// `is_gone`: whoever asked has left; may be empty. Errors: those of the store.
Result<LintReport> lint(const Generation& generation, const PolicyRecords& records, const std::vector<Name>& names,
                        const std::vector<Name>& in_use, const std::function<bool()>& is_gone);

boost::json::object to_json(const LintReport& report);

}  // namespace weir::sidecar
