// The blocks of a question in their order, each looked at before it is asked for: most of a search over months is
// waiting for the disk, unpacking what comes from it and looking whether it matches, and a second thread does half of
// that.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "tools/log/decision_log.h"
#include "tools/log/log_filter.h"

namespace weir::log {

// What a question sees of one block.
struct LookedAt {
  bool is_skipped = false;  // by its summary: nothing else of it was read
  std::optional<Error> error;
  std::shared_ptr<const Block> block;           // nullptr: none of its rows can match, or there was an error
  std::unique_ptr<const BlockMatcher> matcher;  // made ready for it
};

// next(): one thread.
class BlocksAhead {
 public:
  // All of it outlives this.
  BlocksAhead(const DecisionLog& log, const BlockMatcher& matcher, std::span<const BlockRef> blocks,
              DecisionLog::Parts parts);
  ~BlocksAhead();
  BlocksAhead(const BlocksAhead&) = delete;
  BlocksAhead& operator=(const BlocksAhead&) = delete;

  // Of the next block; at most as often as there are blocks.
  LookedAt next();

 private:
  LookedAt look(const BlockRef& ref, BlockMatcher& matcher) const;
  // With mutex_ held. Lets go of it while it looks.
  void look_at_next(std::unique_lock<std::mutex>& lock, BlockMatcher& matcher);
  bool may_look_ahead() const;
  void help();

  const DecisionLog& log_;
  const BlockMatcher& question_;
  BlockMatcher own_;
  const std::span<const BlockRef> blocks_;
  const DecisionLog::Parts parts_;

  std::mutex mutex_;  // everything below
  std::condition_variable changed_;
  std::map<std::size_t, LookedAt> seen_;  // by the number of the block
  std::size_t held_ = 0;                  // how many of those have a block in memory
  std::size_t next_ = 0;                  // that nobody looks at yet
  std::size_t given_ = 0;                 // how many were asked for
  bool stopping_ = false;
  std::thread helper_;
};

}  // namespace weir::log
