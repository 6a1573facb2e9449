// The block of a class that decisions still come into, or that waits to be sealed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "tools/log/block.h"
#include "tools/log/block_builder.h"
#include "zones/link/decision.h"

namespace weir::log {

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
  std::shared_ptr<const Block> snapshot() const {
    if (!shown) shown = std::make_shared<const Block>(builder.build());
    return shown;
  }

  DecisionClass decision_class;
  BlockBuilder builder;
  std::uint64_t sequence = 0;     // number of the first batch in it
  std::uint64_t last_number = 0;  // of the last
  std::uint64_t oldest_generation = UINT64_MAX;
  mutable std::shared_ptr<const Block> shown;  // as a search saw it, for as long as nothing comes
};

}  // namespace weir::log
