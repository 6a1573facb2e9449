#include "tools/log/walk.h"

#include <map>

#include "tools/log/search.h"

namespace weir::log {

Result<bool> walk_decisions(const DecisionLog& log, WallTime since, const std::function<bool()>& is_gone,
                            const std::function<bool(const LoggedDecision&)>& visit) {
  static const std::string kDefaultGroup = "default";
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> known;
  BlockMatcher everything({}, nullptr);
  SearchRequest request;
  request.since_ms = since == WallTime::min() ? 0 : to_ms(since);
  request.budget = std::chrono::hours(1);
  request.is_gone = is_gone;
  const auto walked =
      visit_blocks(log, everything, request, DecisionLog::Parts::all, {}, [&](const Block& block, const BlockMatcher&) {
        for (std::size_t row = 0; row < block.header.rows; ++row) {
          if (block.time_ms(row) < request.since_ms) continue;
          const Decision decision = block.decision(row);
          auto names = known.find(decision.generation.value);
          if (names == known.end())
            names = known.emplace(decision.generation.value, log.names(decision.generation)).first;
          const PolicySet* set = names->second.get();
          const bool has_group = set != nullptr && decision.group < set->groups.size();
          if (!visit({decision, set, has_group ? set->groups[decision.group].name : kDefaultGroup})) return false;
        }
        return true;
      });
  if (!walked) return walked.error();
  return walked->complete;
}

}  // namespace weir::log
