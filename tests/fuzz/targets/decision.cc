// What the sidecar reads out of the ring: any octets are a decision, counters or nothing, and stay the same when
// written.
#include "zones/link/decision.h"

#include <array>

#include "tests/fuzz/fuzz.h"

namespace weir::fuzz {

WEIR_FUZZ_TARGET(decision) {
  (void)record_kind(input);
  std::array<std::uint8_t, kMaxRecordSize> written{};
  if (const auto decision = decode_decision(input)) {
    const std::size_t size = encode(*decision, written);
    require(size != 0, "a decision that was read cannot be written");
    const auto again = decode_decision(std::span(written).first(size));
    require(again && again->qname == decision->qname && again->loser_count == decision->loser_count &&
                again->time == decision->time && again->link_name == decision->link_name,
            "a decision read, written and read again");
  }
  if (const auto counters = decode_counters(input)) {
    const std::size_t size = encode(*counters, written);
    const auto again = decode_counters(std::span(written).first(size));
    require(again && again->queries == counters->queries && again->time == counters->time,
            "counters read, written and read again");
  }
}

}  // namespace weir::fuzz
