#include "tools/log/timeline.h"

#include <algorithm>
#include <map>

namespace weir::log {
namespace {

std::string key_of(const DecisionLog& log, Dimension by, DecisionClass decision_class, std::uint32_t list,
                   const std::string& group) {
  switch (by) {
    case Dimension::list:
    case Dimension::category: {
      const auto known = list == 0 ? std::nullopt : log.list(list);
      if (by == Dimension::category) return known ? known->category : std::string();
      return known ? known->name : list_name(nullptr, list);
    }
    case Dimension::group:
      return group;
    default:
      return std::string(to_text(decision_class));
  }
}

}  // namespace

Result<Timeline> find_timeline(const DecisionLog& log, BlockMatcher& matcher, const TimelineRequest& request) {
  Timeline out;
  std::map<std::pair<std::int64_t, std::string>, std::uint64_t> sums;
  const LogFilter& filter = matcher.filter();
  const std::int64_t until_ms = std::min<std::int64_t>(request.range.until_ms, 16'725'225'600'000);
  if (filter.is_of_counts() && request.range.is_of_whole(kMinuteMs)) {
    const auto cells = log.read_counts(request.range.since_ms, until_ms, request.step_ms);
    if (!cells) return cells.error();
    for (const CountCell& cell : *cells) {
      if (filter.decision_class && *filter.decision_class != cell.decision_class) continue;
      const std::string group = log.group_name(cell.group);
      if (!filter.group.empty() && filter.group != group) continue;
      if (!filter.list.empty() && key_of(log, Dimension::list, cell.decision_class, cell.list, group) != filter.list)
        continue;
      sums[{cell.slot_ms, request.by ? key_of(log, *request.by, cell.decision_class, cell.list, group) : ""}] +=
          cell.rows;
    }
  } else {
    auto visited = visit_blocks(log, matcher, request.range, DecisionLog::Parts::all, {}, [&](const Block& block) {
      std::map<std::pair<std::uint16_t, std::uint16_t>, std::string> keys;  // of a ruling and a shape
      for (std::size_t row = 0; row < block.header.rows; ++row) {
        const std::int64_t time_ms = block.time_ms(row);
        if (time_ms < request.range.since_ms || time_ms >= request.range.until_ms || !matcher.matches(row)) continue;
        const std::uint16_t ruling = block.subjects[block.subject_of[row]].ruling;
        const DecisionShape& shape = block.shapes[block.shape_of[row]];
        const auto [key, is_new] = keys.try_emplace({ruling, block.shape_of[row]});
        if (is_new && request.by) {
          key->second = key_of(log, *request.by, block.header.decision_class, block.rulings[ruling].winner.list,
                               group_name(log.names(shape.generation).get(), shape.group));
        }
        ++sums[{time_ms - time_ms % request.step_ms, key->second}];
      }
      return true;
    });
    if (!visited) return visited.error();
    out.end = std::move(*visited);
  }
  for (const auto& [place, decisions] : sums) out.rows.push_back({place.first, place.second, decisions});
  return out;
}

}  // namespace weir::log
