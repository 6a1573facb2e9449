#include "tools/log/timeline.h"

#include <algorithm>
#include <map>
#include <tuple>

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

// Numbers by slot and key. What comes is in the order of its slots for long stretches.
class SlotSums {
 public:
  std::uint32_t key(const std::string& text) {
    const auto [at, is_new] = keys_.try_emplace(text, static_cast<std::uint32_t>(keys_.size()));
    return at->second;
  }
  void add(std::int64_t slot_ms, std::uint32_t key, std::uint64_t decisions) {
    if (last_ == nullptr || slot_ms != last_ms_) {
      last_ = &slots_[slot_ms];
      last_ms_ = slot_ms;
    }
    if (last_->size() <= key) last_->resize(key + 1);
    (*last_)[key] += decisions;
  }
  // By slot and key; only where there were any.
  std::vector<TimelineRow> rows() const {
    std::vector<TimelineRow> out;
    for (const auto& [slot_ms, decisions] : slots_) {
      for (const auto& [text, key] : keys_) {
        if (key < decisions.size() && decisions[key] > 0) out.push_back({slot_ms, text, decisions[key]});
      }
    }
    return out;
  }

 private:
  std::map<std::string, std::uint32_t> keys_;
  std::map<std::int64_t, std::vector<std::uint64_t>> slots_;
  std::vector<std::uint64_t>* last_ = nullptr;
  std::int64_t last_ms_ = 0;
};

}  // namespace

Result<Timeline> find_timeline(const DecisionLog& log, const BlockMatcher& matcher, const TimelineRequest& request) {
  Timeline out;
  SlotSums sums;
  const LogFilter& filter = matcher.filter();
  if (filter.is_of_counts() && request.range.is_of_whole(kMinuteMs)) {
    const auto cells = log.read_counts(request.range.since_ms, request.range.end_of_sums_ms(), request.step_ms);
    if (!cells) return cells.error();
    // What a list and a group are called is asked once each.
    struct Kind {
      bool is_wanted = true;
      std::uint32_t key = 0;
    };
    std::map<std::tuple<DecisionClass, std::uint32_t, std::uint32_t>, Kind> kinds;
    for (const CountCell& cell : *cells) {
      const auto [kind, is_new] = kinds.try_emplace({cell.decision_class, cell.list, cell.group});
      if (is_new) {
        const std::string group = log.group_name(cell.group);
        kind->second.is_wanted =
            (!filter.decision_class || *filter.decision_class == cell.decision_class) &&
            (filter.group.empty() || filter.group == group) &&
            (filter.list.empty() || filter.list == key_of(log, Dimension::list, cell.decision_class, cell.list, group));
        kind->second.key =
            sums.key(request.by ? key_of(log, *request.by, cell.decision_class, cell.list, group) : std::string());
      }
      if (kind->second.is_wanted) sums.add(cell.slot_ms, kind->second.key, cell.rows);
    }
  } else {
    auto visited = visit_blocks(
        log, matcher, request.range, DecisionLog::Parts::all, {}, [&](const Block& block, const BlockMatcher& ready) {
          std::map<std::pair<std::uint16_t, std::uint16_t>, std::uint32_t> keys;  // of a ruling and a shape
          for (std::size_t row = 0; row < block.header.rows; ++row) {
            const std::int64_t time_ms = block.time_ms(row);
            if (time_ms < request.range.since_ms || time_ms >= request.range.until_ms || !ready.matches(row)) continue;
            const std::uint16_t ruling = block.subjects[block.subject_of[row]].ruling;
            const DecisionShape& shape = block.shapes[block.shape_of[row]];
            const auto [key, is_new] = keys.try_emplace({ruling, block.shape_of[row]});
            if (is_new) {
              key->second = sums.key(request.by ? key_of(log, *request.by, block.header.decision_class,
                                                         block.rulings[ruling].winner.list,
                                                         group_name(log.names(shape.generation).get(), shape.group))
                                                : std::string());
            }
            sums.add(time_ms - time_ms % request.step_ms, key->second, 1);
          }
          return true;
        });
    if (!visited) return visited.error();
    out.end = std::move(*visited);
  }
  tell_losses(log, request.range.since_ms, request.range.until_ms, out.end);
  out.rows = sums.rows();
  return out;
}

}  // namespace weir::log
