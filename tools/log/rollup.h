// How many decisions there were, by what people ask for: sums that are kept, so that a month is shown without reading
// it.
//
// Two kinds. Counts: by minute, class, list and group (hours and days are sums of them; a list's category is looked up
// when they are shown). Domains: by hour and day, class and registrable domain.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/log/block.h"
#include "tools/log/frames.h"
#include "zones/base/result.h"

namespace weir::log {

inline constexpr std::int64_t kMinuteMs = 60'000;
inline constexpr std::int64_t kHourMs = 60 * kMinuteMs;

inline std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value >= 0 ? value / by : (value - by + 1) / by;
}

// Number of decisions of one class in one slot of time that one list decided for one group.
struct CountCell {
  std::int64_t slot_ms = 0;  // where the slot begins
  DecisionClass decision_class = DecisionClass::blocked;
  std::uint32_t list = 0;   // ListId; 0: no list (default deny, a query that is only logged)
  std::uint32_t group = 0;  // a code of the log's own: the same for all generations
  std::uint64_t rows = 0;
};

// Cells of the same slot, class, list and group become one; in the order of those.
void add_up(std::vector<CountCell>& cells);

// Registrable domains (reversed keys) and numbers of decisions by class.
struct DomainKey {
  DecisionClass decision_class = DecisionClass::blocked;
  std::string key;
  auto operator<=>(const DomainKey&) const = default;
};
using DomainCounts = std::map<DomainKey, std::uint64_t>;
// The same in parts: a domain may come several times.
using DomainVisitor = std::function<void(DecisionClass decision_class, std::string_view key, std::uint64_t rows)>;

// What one block adds to the hours that it touches.
struct BlockRollup {
  struct Hour {
    std::vector<CountCell> cells;                                // by minute
    std::vector<std::pair<std::string, std::uint64_t>> domains;  // reversed keys, in their order
  };
  std::map<std::int64_t, Hour> hours;  // by the hour's number since 1970
};

// The log's own code of a group: of a generation, and an index in it.
using GroupCode = std::function<std::uint32_t(GenerationNumber, std::uint32_t)>;

// Counts rows that come by the codes of a block's tables: lists and groups get small codes first, so that each row is
// an index. One thread.
class CellCounter {
 public:
  CellCounter(DecisionClass decision_class, const std::vector<DecisionShape>& shapes,
              const std::vector<Ruling>& rulings, const GroupCode& group_code);
  void count(std::int64_t time_ms, std::uint16_t shape, std::uint16_t ruling) {
    const std::int64_t minute = floor_divide(time_ms, kMinuteMs);
    if (minute_ != minute) begin_minute(minute);
    const std::uint32_t group = group_of_shape_[shape];
    const std::uint32_t list = list_of_ruling_[ruling];
    std::uint32_t& cell = cell_of_[group * lists_.size() + list];
    if (cell == 0) cell = begin_cell(list, group);
    ++cells_[minute_begin_ + cell - 1].rows;
  }
  std::vector<CountCell> take();  // by minute, added up

 private:
  void begin_minute(std::int64_t minute);
  std::uint32_t begin_cell(std::uint32_t list, std::uint32_t group);

  const DecisionClass class_;
  std::vector<std::uint32_t> groups_;  // codes of the log's
  std::vector<std::uint32_t> group_of_shape_;
  std::vector<std::uint32_t> lists_;
  std::vector<std::uint32_t> list_of_ruling_;
  std::vector<CountCell> cells_;
  std::optional<std::int64_t> minute_;
  std::size_t minute_begin_ = 0;        // its first cell
  std::vector<std::uint32_t> cell_of_;  // of the minute, + 1; by group and list
};

// `domain_key`: the registrable domain of a name's key, as a key; it is asked once for each name.
BlockRollup roll_up(const Block& block, const GroupCode& group_code,
                    const std::function<std::string_view(std::string_view)>& domain_key);

// As they lie on disk; all of one class and one hour or day. `slot_ms`: where it begins. Errors: corrupt, incompatible.
std::string encode_cells(const std::vector<CountCell>& cells, std::int64_t slot_ms, FrameWriter& frames);
Result<std::vector<CountCell>> decode_cells(std::string_view value, std::int64_t slot_ms, DecisionClass decision_class);
std::string encode_domains(const std::vector<std::pair<std::string, std::uint64_t>>& domains, FrameWriter& frames);
Result<void> decode_domains(std::string_view value,
                            const std::function<void(std::string_view key, std::uint64_t rows)>& take);
Result<void> decode_domains(std::string_view value, std::map<std::string, std::uint64_t>& domains);  // adds to them

}  // namespace weir::log
