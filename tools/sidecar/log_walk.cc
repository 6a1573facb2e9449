#include "tools/sidecar/log_walk.h"

#include <map>

namespace weir::sidecar {

Result<bool> walk_decisions(const DecisionLog& log, WallTime since, const std::function<bool()>& is_gone,
                            const std::function<bool(const LoggedDecision&)>& visit) {
  constexpr std::uint64_t kRowsBetweenLooks = 65536;
  static const std::string kDefaultGroup = "default";
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> known;
  std::uint64_t seen = 0;
  std::uint64_t damaged = 0;
  bool complete = true;
  const auto scanned = log.scan(
      since, WallTime::max(),
      [&](const LogRow& row) {
        if (++seen % kRowsBetweenLooks == 0 && is_gone && is_gone()) return complete = false;
        if (row.kind != RowKind::decision) return true;
        const auto decision =
            decode_decision({reinterpret_cast<const std::uint8_t*>(row.record.data()), row.record.size()});
        if (!decision) return true;
        auto names = known.find(decision->generation.value);
        if (names == known.end()) {
          names = known.emplace(decision->generation.value, log.names(decision->generation)).first;
        }
        const PolicySet* set = names->second.get();
        const bool has_group = set != nullptr && decision->group < set->groups.size();
        return complete = visit({*decision, set, has_group ? set->groups[decision->group].name : kDefaultGroup});
      },
      &damaged);
  if (!scanned) return scanned.error();
  return complete;
}

}  // namespace weir::sidecar
