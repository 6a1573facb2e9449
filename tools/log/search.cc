#include "tools/log/search.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <memory>
#include <queue>

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

// Summaries of blocks that are looked at in their order. While some are looked at, the next are read: most of a search
// for one name is waiting for the disk and checking what comes from it.
class SummariesAhead {
 public:
  SummariesAhead(const DecisionLog& log, std::span<const BlockRef> blocks) : log_(log), blocks_(blocks) {}

  // `ref` is one of the blocks, behind those that were asked for.
  Result<BlockSummary> of(const BlockRef& ref) {
    const auto block = static_cast<std::size_t>(&ref - blocks_.data());
    if (block >= first_ + read_.size()) {
      const bool is_next = next_.valid() && block == first_ + read_.size();
      read_ = is_next ? next_.get() : read(block, kFirst);
      first_ = block;
      const std::size_t behind = first_ + read_.size();
      // The first page of a search may end soon: the more were asked for, the more are read ahead.
      if (behind < blocks_.size()) {
        const std::size_t count = std::min(2 * read_.size(), kMost);
        next_ = std::async([this, behind, count] { return read(behind, count); });
      }
    }
    return std::move(read_[block - first_]);
  }

 private:
  using Summaries = std::vector<Result<BlockSummary>>;
  static constexpr std::size_t kFirst = 4;
  static constexpr std::size_t kMost = 32;

  Summaries read(std::size_t from, std::size_t count) const {
    Summaries out;
    for (const BlockRef& block : blocks_.subspan(from, std::min(count, blocks_.size() - from)))
      out.push_back(log_.read_summary(block));
    return out;
  }

  const DecisionLog& log_;
  const std::span<const BlockRef> blocks_;
  Summaries read_;
  std::size_t first_ = 0;
  std::future<Summaries> next_;  // those behind them
};

// Reads a block that may match; nullptr where it does not, or cannot be read.
Result<std::shared_ptr<const Block>> read_matching(const DecisionLog& log, BlockMatcher& matcher, const BlockRef& ref,
                                                   SummariesAhead& summaries, DecisionLog::Parts parts,
                                                   SearchEnd& end) {
  const std::shared_ptr<const Block> nothing;
  const auto refuse = [&](const Error& error) -> Result<std::shared_ptr<const Block>> {
    if (error.code == ErrorCode::not_found) return nothing;  // retention came by
    if (error.code != ErrorCode::corrupt && error.code != ErrorCode::incompatible) return error;
    end.damaged.push_back({ref.header.first_ms, ref.header.last_ms, ref.header.rows, error.message});
    return nothing;
  };
  if (matcher.asks_summary() && !ref.open) {
    const auto summary = summaries.of(ref);
    if (!summary) return refuse(summary.error());
    if (!matcher.may_match(*summary)) {
      ++end.blocks_skipped;
      return nothing;
    }
  }
  auto block = log.read_block(ref, parts, [&](const Block& names) { return matcher.prepare_names(names); });
  if (!block) return refuse(block.error());
  ++end.blocks_read;
  if (!*block || !matcher.prepare_columns(**block)) return nothing;
  return block;
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

Result<SearchEnd> search(const DecisionLog& log, BlockMatcher& matcher, const SearchRequest& request,
                         const std::function<bool(const Decision& decision, const Position& position)>& visit) {
  const bool is_newest_first = request.direction == Direction::newest_first;
  // In which order rows are given out: true where `a` comes behind `b`.
  const auto behind = [&](const Position& a, const Position& b) { return is_newest_first ? a < b : b < a; };
  SearchEnd end;
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
  SummariesAhead summaries(log, blocks);
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
    const auto block = read_matching(log, matcher, ref, summaries, DecisionLog::Parts::all, end);
    if (!block) return block.error();
    if (!*block) continue;
    const auto time_before = [&](std::uint32_t time, std::int64_t ms) { return (*block)->header.first_ms + time < ms; };
    const auto& times = (*block)->times;
    const auto begin =
        static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), since_ms, time_before) - times.begin());
    const auto stop =
        static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), until_ms, time_before) - times.begin());
    std::uint64_t taken = 0;
    for (std::size_t i = begin; i < stop && taken <= request.limit; ++i) {
      const std::size_t row = is_newest_first ? stop - 1 - (i - begin) : i;
      if (!matcher.matches(row)) continue;
      std::size_t first_of_moment = row;
      while (first_of_moment > 0 && times[first_of_moment - 1] == times[row]) --first_of_moment;
      const Position position{(*block)->time_ms(row), ref.sequence, static_cast<std::uint32_t>(row - first_of_moment)};
      if (request.after && !behind(position, *request.after)) continue;
      waiting.push({position, *block, static_cast<std::uint32_t>(row)});
      ++taken;
    }
  }
  give_out(std::nullopt);
  return end;
}

Result<SearchEnd> visit_blocks(const DecisionLog& log, BlockMatcher& matcher, const SearchRequest& request,
                               DecisionLog::Parts parts, const std::function<bool(const BlockHeader& header)>& wanted,
                               const std::function<bool(const Block& block)>& visit) {
  SearchEnd end;
  const Budget budget(request);
  std::vector<BlockRef> blocks = log.find_blocks(request.since_ms, request.until_ms);
  std::erase_if(blocks, [&](const BlockRef& block) {
    return !matcher.may_match(block.header) || (wanted && !wanted(block.header));
  });
  SummariesAhead summaries(log, blocks);
  for (const BlockRef& ref : blocks) {
    if (budget.is_spent()) {
      end.complete = false;
      end.next = before_moment(ref.header.last_ms, Direction::newest_first);
      return end;
    }
    const auto block = read_matching(log, matcher, ref, summaries, parts, end);
    if (!block) return block.error();
    if (*block && !visit(**block)) {
      end.complete = false;
      return end;
    }
  }
  return end;
}

}  // namespace weir::log
