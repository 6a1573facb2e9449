#include "tools/log/search.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <queue>

#include "tools/log/blocks_ahead.h"
#include "zones/base/text.h"

namespace weir::log {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Candidate {
  Position position;
  std::shared_ptr<const Block> block;
  std::uint32_t row = 0;
};

// Where a page begins that has all rows at `time_ms` and behind it, in the direction.
Position before_moment(std::int64_t time_ms, Direction direction) {
  if (direction == Direction::newest_first) return {time_ms, UINT64_MAX, UINT32_MAX};
  return {time_ms - 1, UINT64_MAX, UINT32_MAX};
}

// Looks whether a question may go on, now and then.
class Budget {
 public:
  explicit Budget(const SearchRequest& request) : request_(request), deadline_(SteadyClock::now() + request.budget) {}
  bool is_spent() const { return SteadyClock::now() >= deadline_ || (request_.is_gone && request_.is_gone()); }

 private:
  const SearchRequest& request_;
  const SteadyClock::time_point deadline_;
};

// Tells of a block in `end`. False: none of its rows matches, or it cannot be read. Errors: io.
Result<bool> is_to_be_seen(const LookedAt& looked, const BlockRef& ref, SearchEnd& end) {
  if (looked.error) {
    if (looked.error->code == ErrorCode::not_found) return false;  // retention came by
    if (looked.error->code != ErrorCode::corrupt && looked.error->code != ErrorCode::incompatible) return *looked.error;
    end.missing.push_back({ref.header.first_ms, ref.header.last_ms, ref.header.rows, looked.error->message});
    return false;
  }
  ++(looked.is_skipped ? end.blocks_skipped : end.blocks_read);
  return looked.block != nullptr;
}

}  // namespace

std::string Position::to_text() const {
  return std::to_string(time_ms) + "." + std::to_string(sequence) + "." + std::to_string(ordinal);
}

Result<Position> Position::parse(std::string_view text) {
  Position out;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto number = [&](auto& into) {
    const auto [stop, code] = std::from_chars(at, end, into);
    if (code != std::errc()) return false;
    at = stop;
    return true;
  };
  const auto dot = [&] { return at != end && *at++ == '.'; };
  if (!number(out.time_ms) || !dot() || !number(out.sequence) || !dot() || !number(out.ordinal) || at != end) {
    return Error{ErrorCode::invalid, "'" + escape_for_display(text) +
                                         "' is no cursor: expected one as an earlier page gave it out, such as "
                                         "1784000000000.12.0"};
  }
  return out;
}

void tell_losses(const DecisionLog& log, std::int64_t since_ms, std::int64_t until_ms, SearchEnd& end) {
  const std::vector<MissingRows> losses = log.losses(since_ms, until_ms);
  end.missing.insert(end.missing.end(), losses.begin(), losses.end());
}

Result<SearchEnd> search(const DecisionLog& log, const BlockMatcher& matcher, const SearchRequest& request,
                         const std::function<bool(const Decision& decision, const Position& position)>& visit) {
  const bool is_newest_first = request.direction == Direction::newest_first;
  // In which order rows are given out: true where `a` comes behind `b`.
  const auto behind = [&](const Position& a, const Position& b) { return is_newest_first ? a < b : b < a; };
  SearchEnd end;
  tell_losses(log, request.since_ms, request.until_ms, end);
  std::int64_t since_ms = request.since_ms;
  std::int64_t until_ms = request.until_ms;
  if (request.after && is_newest_first && request.after->time_ms < INT64_MAX)
    until_ms = std::min(until_ms, request.after->time_ms + 1);
  if (request.after && !is_newest_first) since_ms = std::max(since_ms, request.after->time_ms);
  std::vector<BlockRef> blocks = log.find_blocks(since_ms, until_ms);
  std::erase_if(blocks, [&](const BlockRef& block) { return !matcher.may_match(block.header); });
  if (!is_newest_first) {
    std::sort(blocks.begin(), blocks.end(), [](const BlockRef& a, const BlockRef& b) {
      return a.header.first_ms != b.header.first_ms ? a.header.first_ms < b.header.first_ms : a.sequence < b.sequence;
    });
  }
  const auto later = [&](const Candidate& a, const Candidate& b) { return behind(a.position, b.position); };
  std::priority_queue<Candidate, std::vector<Candidate>, decltype(later)> waiting(later);
  const Budget budget(request);
  std::uint64_t given = 0;
  std::optional<Position> last;
  // Gives out what no block that is still to be read can come before. False: the page is full, or enough was seen.
  const auto give_out = [&](std::optional<std::int64_t> next_block_ms) {
    while (!waiting.empty()) {
      const Candidate& first = waiting.top();
      if (next_block_ms &&
          (is_newest_first ? first.position.time_ms <= *next_block_ms : first.position.time_ms >= *next_block_ms)) {
        return true;
      }
      if (given == request.limit || !visit(first.block->decision(first.row), first.position)) {
        end.complete = false;
        end.next = last ? *last : request.after;
        return false;
      }
      ++given;
      last = first.position;
      waiting.pop();
    }
    return true;
  };
  BlocksAhead ahead(log, matcher, blocks, DecisionLog::Parts::all);
  for (const BlockRef& ref : blocks) {
    const std::int64_t edge_ms = is_newest_first ? ref.header.last_ms : ref.header.first_ms;
    if (!give_out(edge_ms)) return end;
    if (budget.is_spent()) {
      end.complete = false;
      end.next = before_moment(edge_ms, request.direction);
      // A block that reaches back before this page began must not take the next one there again.
      if (request.after && behind(*request.after, *end.next)) end.next = request.after;
      return end;
    }
    const LookedAt looked = ahead.next();
    const auto is_seen = is_to_be_seen(looked, ref, end);
    if (!is_seen) return is_seen.error();
    if (!*is_seen) continue;
    const Block& block = *looked.block;
    const auto time_before = [&](std::uint32_t time, std::int64_t ms) { return block.header.first_ms + time < ms; };
    const auto& times = block.times;
    const auto begin =
        static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), since_ms, time_before) - times.begin());
    const auto stop =
        static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), until_ms, time_before) - times.begin());
    std::uint64_t taken = 0;
    for (std::size_t i = begin; i < stop && taken <= request.limit; ++i) {
      const std::size_t row = is_newest_first ? stop - 1 - (i - begin) : i;
      if (!looked.matcher->matches(row)) continue;
      std::size_t first_of_moment = row;
      while (first_of_moment > 0 && times[first_of_moment - 1] == times[row]) --first_of_moment;
      const Position position{block.time_ms(row), ref.sequence, static_cast<std::uint32_t>(row - first_of_moment)};
      if (request.after && !behind(position, *request.after)) continue;
      waiting.push({position, looked.block, static_cast<std::uint32_t>(row)});
      ++taken;
    }
  }
  give_out(std::nullopt);
  return end;
}

Result<SearchEnd> visit_blocks(const DecisionLog& log, const BlockMatcher& matcher, const SearchRequest& request,
                               DecisionLog::Parts parts, const std::function<bool(const BlockHeader& header)>& wanted,
                               const BlockVisitor& visit) {
  SearchEnd end;
  const Budget budget(request);
  std::vector<BlockRef> blocks = log.find_blocks(request.since_ms, request.until_ms);
  std::erase_if(blocks, [&](const BlockRef& block) {
    return !matcher.may_match(block.header) || (wanted && !wanted(block.header));
  });
  BlocksAhead ahead(log, matcher, blocks, parts);
  for (const BlockRef& ref : blocks) {
    if (budget.is_spent()) {
      end.complete = false;
      end.next = before_moment(ref.header.last_ms, Direction::newest_first);
      return end;
    }
    const LookedAt looked = ahead.next();
    const auto is_seen = is_to_be_seen(looked, ref, end);
    if (!is_seen) return is_seen.error();
    if (*is_seen && !visit(*looked.block, *looked.matcher)) {
      end.complete = false;
      return end;
    }
  }
  return end;
}

}  // namespace weir::log
