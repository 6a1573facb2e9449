// How far a sink has come, as a small file beside its batches remembers it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir::sinks {

// Which batch: numbers rise within one decision log, and no two logs have the same `writer`.
struct BatchId {
  std::uint64_t writer = 0;
  std::uint64_t number = 0;
  bool operator==(const BatchId&) const = default;
};

// Where a file ended when the last batch was in it. What follows in the same file is half of a batch, or one that will
// come again.
struct Place {
  std::uint64_t inode = 0;  // 0: none
  std::uint64_t size = 0;
};

struct SpoolState {
  BatchId last;               // that was handed over
  std::uint64_t sent = 0;     // rows
  std::uint64_t dropped = 0;  // rows that found no space, or were lost with the machine's power
  std::uint64_t log = 0;      // the log (BatchId::writer) that `base` counts in
  std::uint64_t base = 0;     // rows of that log which are none of this sink's: base + sent + dropped + waiting = all
  Place place;
};

std::string encode(const SpoolState& state, std::uint64_t sequence);
// The state and its sequence; nothing where the octets are no state.
std::optional<std::pair<SpoolState, std::uint64_t>> decode_state(std::string_view slot);

// Two slots, written in turn: the death of this process leaves one that is whole. Not synced: after a power failure a
// batch may be handed over again. One thread at a time.
class StateFile {
 public:
  // Nothing in `state`: there was none. Errors: permission, io.
  static Result<StateFile> open(const std::filesystem::path& file, std::optional<SpoolState>& state);
  void save(const SpoolState& state);

 private:
  StateFile(Descriptor descriptor, std::uint64_t sequence) : descriptor_(std::move(descriptor)), sequence_(sequence) {}
  Descriptor descriptor_;
  std::uint64_t sequence_;
};

}  // namespace weir::sinks
