// The block of a class that decisions still come into, or that waits to be sealed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "tools/log/block.h"
#include "tools/log/block_builder.h"
#include "tools/log/rollup.h"
#include "zones/link/decision.h"

namespace weir::log {

// A copy of what has come, which becomes a block when somebody wants one: that takes many times as long as to copy, and
// whoever appends does not wait for it. block(): any thread, without the log's lock.
class BlockSnapshot {
 public:
  explicit BlockSnapshot(const BlockBuilder& builder) : builder_(builder) {}
  explicit BlockSnapshot(std::shared_ptr<const Block> block) : block_(std::move(block)) {}
  std::shared_ptr<const Block> block() const {
    const std::lock_guard lock(mutex_);
    if (!block_) {
      block_ = std::make_shared<const Block>(builder_->build());
      builder_.reset();
    }
    return block_;
  }
  // The counts of its rows by minute, without making the block.
  std::vector<CountCell> counts(const GroupCode& group_code) const {
    const std::lock_guard lock(mutex_);
    if (block_) {
      CellCounter cells(block_->header.decision_class, block_->shapes, block_->rulings, group_code);
      for (std::size_t row = 0; row < block_->header.rows; ++row)
        cells.count(block_->time_ms(row), block_->shape_of[row], block_->subjects[block_->subject_of[row]].ruling);
      return cells.take();
    }
    CellCounter cells(builder_->decision_class(), builder_->shapes(), builder_->rulings(), group_code);
    builder_->for_each_row(
        [&](std::int64_t time_ms, std::uint16_t shape, std::uint16_t ruling) { cells.count(time_ms, shape, ruling); });
    return cells.take();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::optional<BlockBuilder> builder_;
  mutable std::shared_ptr<const Block> block_;
};

// Under the log's lock, but for a builder that takes nothing any more.
struct OpenBlock {
  explicit OpenBlock(DecisionClass of) : decision_class(of), builder(of) {}

  void take(const Decision& decision, std::uint64_t number) {
    if (builder.empty()) sequence = number;
    last_number = number;
    oldest_generation = std::min(oldest_generation, decision.generation.value);
    shown.reset();
    builder.add(decision);
  }
  // What is in it now, for whoever asks; the same until something comes.
  std::shared_ptr<const BlockSnapshot> snapshot() const {
    if (!shown) shown = std::make_shared<const BlockSnapshot>(builder);
    return shown;
  }

  DecisionClass decision_class;
  BlockBuilder builder;
  std::uint64_t sequence = 0;     // number of the first batch in it
  std::uint64_t last_number = 0;  // of the last
  std::uint64_t oldest_generation = UINT64_MAX;
  mutable std::shared_ptr<const BlockSnapshot> shown;
};

}  // namespace weir::log
