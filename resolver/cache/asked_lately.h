// Which questions were asked a moment ago: who is at the door of a cache lets in what comes a second time, so that
// names that are asked once and never again (random names below a wildcard) drive nothing out.
//
// A table of tags, 64 KiB, in which the latest question of each slot stands: it forgets, and two questions in about
// four thousand million are taken for each other. That costs a place in the cache or a look-up more, never an answer.
// One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "resolver/cache/answer_cache.h"

namespace weir {

inline constexpr std::size_t kAskedLatelySlots = 16384;

class AskedLately {
 public:
  // Remembers the question; true where it was asked before and no other has taken its slot since.
  bool note(const AnswerKey& key) {
    // Fibonacci hashing, so that type and flags reach slot and tag alike.
    const std::uint64_t variant = static_cast<std::uint64_t>(key.type) << 3 | (key.dnssec_ok ? 4U : 0U) |
                                  (key.checking_disabled ? 2U : 0U) | (key.translated ? 1U : 0U);
    const std::uint64_t hash = (key.qname_hash ^ variant) * 0x9E3779B97F4A7C15U;
    std::uint32_t& slot = tags_[hash % kAskedLatelySlots];
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    if (slot == tag) return true;
    slot = tag;
    return false;
  }

 private:
  std::vector<std::uint32_t> tags_ = std::vector<std::uint32_t>(kAskedLatelySlots);
};

}  // namespace weir
