// What reading a list takes in memory grows with the list, and several are read beside each other: each takes its share
// of what all may take together, and waits until that is free.
//
// Shares are given in the order in which they were asked for, so that a large one is not overtaken for ever by small
// ones. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "zones/base/result.h"

namespace weir::sidecar {

class MemoryGate {
 public:
  explicit MemoryGate(std::uint64_t bytes) : all_(bytes) {}
  MemoryGate(const MemoryGate&) = delete;
  MemoryGate& operator=(const MemoryGate&) = delete;

  // Given back at its end. The gate outlives it.
  class Share {
   public:
    Share(Share&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), bytes_(other.bytes_) {}
    Share& operator=(Share&&) = delete;
    ~Share() { give_back(); }
    void give_back();
    std::uint64_t bytes() const { return bytes_; }

   private:
    friend class MemoryGate;
    Share(MemoryGate& gate, std::uint64_t bytes) : gate_(&gate), bytes_(bytes) {}
    MemoryGate* gate_;
    std::uint64_t bytes_;
  };

  // Waits for it. More than there is at all is all there is: then nobody else has any. Errors: unavailable (`stop` was
  // set meanwhile; it is looked at a few times a second).
  Result<Share> take(std::uint64_t bytes, const std::atomic<bool>& stop);
  std::uint64_t waiting() const;  // how many ask and have none yet

 private:
  const std::uint64_t all_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t taken_ = 0;
  std::uint64_t next_turn_ = 0;  // of who asks next
  std::uint64_t turn_ = 0;       // who is given the next share
};

}  // namespace weir::sidecar
