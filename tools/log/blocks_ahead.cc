#include "tools/log/blocks_ahead.h"

#include <utility>

namespace weir::log {
namespace {

constexpr std::size_t kAlone = 3;     // the first page of a search may be full by then
constexpr std::size_t kMostHeld = 2;  // blocks of a megabyte or two
constexpr std::size_t kMostAhead = 64;

}  // namespace

BlocksAhead::BlocksAhead(const DecisionLog& log, const BlockMatcher& matcher, std::span<const BlockRef> blocks,
                         DecisionLog::Parts parts)
    : log_(log), question_(matcher), own_(matcher), blocks_(blocks), parts_(parts) {}

BlocksAhead::~BlocksAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (helper_.joinable()) helper_.join();
}

LookedAt BlocksAhead::next() {
  std::unique_lock lock(mutex_);
  const std::size_t wanted = given_++;
  if (given_ > kAlone && given_ < blocks_.size() && !helper_.joinable()) helper_ = std::thread([this] { help(); });
  changed_.notify_all();
  for (;;) {
    if (auto found = seen_.extract(wanted)) {
      if (found.mapped().block) --held_;
      changed_.notify_all();
      return std::move(found.mapped());
    }
    if (next_ == wanted || may_look_ahead()) {
      look_at_next(lock, own_);
    } else {
      changed_.wait(lock);
    }
  }
}

bool BlocksAhead::may_look_ahead() const {
  return next_ < blocks_.size() && next_ < given_ + kMostAhead && held_ < kMostHeld;
}

void BlocksAhead::help() {
  BlockMatcher matcher(question_);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (may_look_ahead()) {
      look_at_next(lock, matcher);
    } else {
      changed_.wait(lock);
    }
  }
}

void BlocksAhead::look_at_next(std::unique_lock<std::mutex>& lock, BlockMatcher& matcher) {
  const std::size_t number = next_++;
  lock.unlock();
  LookedAt looked = look(blocks_[number], matcher);
  lock.lock();
  if (looked.block) ++held_;
  seen_.emplace(number, std::move(looked));
  changed_.notify_all();
}

LookedAt BlocksAhead::look(const BlockRef& ref, BlockMatcher& matcher) const {
  LookedAt out;
  if (matcher.asks_summary() && !ref.open) {
    const auto summary = log_.read_summary(ref);
    if (!summary) {
      out.error = summary.error();
      return out;
    }
    if (!matcher.may_match(*summary)) {
      out.is_skipped = true;
      return out;
    }
  }
  auto block = log_.read_block(ref, parts_, [&](const Block& names) { return matcher.prepare_names(names); });
  if (!block) {
    out.error = block.error();
  } else if (*block && matcher.prepare_columns(**block)) {
    out.block = std::move(*block);
    out.matcher = std::make_unique<const BlockMatcher>(matcher);
  }
  return out;
}

}  // namespace weir::log
