#include "tools/sidecar/memory_gate.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>

namespace weir::sidecar {
namespace {

constexpr std::chrono::milliseconds kLookAtStop{200};

}  // namespace

Result<MemoryGate::Share> MemoryGate::take(std::uint64_t bytes, const std::atomic<bool>& stop) {
  bytes = std::min(bytes, all_);
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = next_turn_++;
  // Who gives up keeps its turn until it has come: others behind it would otherwise wait for a turn that nobody has.
  while (turn_ != mine || (taken_ + bytes > all_ && !stop.load())) changed_.wait_for(lock, kLookAtStop);
  ++turn_;
  changed_.notify_all();
  if (stop.load()) return Error{ErrorCode::unavailable, "the sidecar is ending"};
  taken_ += bytes;
  return Share(*this, bytes);
}

std::uint64_t MemoryGate::waiting() const {
  const std::lock_guard lock(mutex_);
  return next_turn_ - turn_;
}

void MemoryGate::Share::give_back() {
  MemoryGate* const gate = std::exchange(gate_, nullptr);
  if (gate == nullptr) return;
  ::malloc_trim(0);  // small blocks lie between what was freed, and would keep it from who is next
  {
    const std::lock_guard lock(gate->mutex_);
    gate->taken_ -= bytes_;
  }
  gate->changed_.notify_all();
}

}  // namespace weir::sidecar
