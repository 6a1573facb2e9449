// Decisions of the log in the order of their times, a page at a time.
//
// A page ends where it is full or where its budget is spent, and then says where the next one begins. Blocks whose
// summaries exclude every row are skipped unread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/log/log_filter.h"
#include "zones/base/result.h"

namespace weir::log {

// Behind which row a page begins. It stays right while blocks are sealed and dropped.
struct Position {
  std::int64_t time_ms = 0;
  std::uint64_t sequence = 0;  // of the block
  std::uint32_t ordinal = 0;   // among the rows of that moment in it
  auto operator<=>(const Position&) const = default;

  std::string to_text() const;
  static Result<Position> parse(std::string_view text);  // errors: invalid
};

enum class Direction : std::uint8_t { newest_first, oldest_first };

struct SearchRequest {
  std::int64_t since_ms = 0;  // [since, until)
  std::int64_t until_ms = INT64_MAX;
  Direction direction = Direction::newest_first;
  std::optional<Position> after;  // the next page
  std::uint64_t limit = 100;
  std::chrono::milliseconds budget{10'000};
  std::function<bool()> is_gone = {};  // whoever asked; may be empty

  // Where sums are read to: none begins behind the year 2500.
  std::int64_t end_of_sums_ms() const { return std::min<std::int64_t>(until_ms, 16'725'225'600'000); }
  // Whether sums by slots of that length know the range.
  bool is_of_whole(std::int64_t slot_ms) const {
    return since_ms % slot_ms == 0 && (until_ms == INT64_MAX || until_ms % slot_ms == 0);
  }
};

struct SearchEnd {
  bool complete = true;              // every row that the log has of the range was looked at
  std::optional<Position> next;      // where it goes on, if not
  std::vector<MissingRows> missing;  // of visit_blocks(): blocks alone
  std::uint64_t blocks_read = 0;
  std::uint64_t blocks_skipped = 0;
};

// What the log misses of [since_ms, until_ms) beside those blocks, into `end`.
void tell_losses(const DecisionLog& log, std::int64_t since_ms, std::int64_t until_ms, SearchEnd& end);

// Calls `visit` for each row that matches, until it says false. Errors: io.
Result<SearchEnd> search(const DecisionLog& log, const BlockMatcher& matcher, const SearchRequest& request,
                         const std::function<bool(const Decision& decision, const Position& position)>& visit);

// One of the blocks with rows that may match, and the question made ready for it. False: it is enough.
using BlockVisitor = std::function<bool(const Block& block, const BlockMatcher& matcher)>;

// Blocks with rows that may match, in any order, with `parts` of each read. `wanted` says which are read at all; it may
// be empty. For sums over rows: whoever calls looks at times and rows. Errors: io.
Result<SearchEnd> visit_blocks(const DecisionLog& log, const BlockMatcher& matcher, const SearchRequest& request,
                               DecisionLog::Parts parts, const std::function<bool(const BlockHeader& header)>& wanted,
                               const BlockVisitor& visit);

}  // namespace weir::log
