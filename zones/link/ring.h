// The decision ring: one mmap'd single-producer single-consumer file per worker in the run directory.
//
// The producer never waits: a full ring drops the newest record and counts it. It survives a crash of
// either side: head and tail are published with release stores after the octets they cover, and a
// consumer that meets anything impossible skips to the head and counts. Records are any octets.
//
// Resolver and sidecar are two users of one group, so the file has mode 0660. Its pages are reserved and its size
// is checked before it is mapped; a file of another size or version is replaced by renaming, never cut, and a
// consumer that has drained a replaced file goes on with the new one by itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "zones/base/result.h"

namespace weir {

// 130,000 decisions of queries that no rule had a say on: what a worker logs in more than two seconds at 50,000 a
// second.
inline constexpr std::size_t kDefaultRingBytes = 8 << 20;

// Where the ring of one worker lies, and all rings that a run directory holds, in the order of the workers (also of
// workers that a later start of the resolver no longer has: what they wrote is still to be drained).
std::filesystem::path ring_file(const std::filesystem::path& run_directory, unsigned worker);
std::vector<std::filesystem::path> find_ring_files(const std::filesystem::path& run_directory);

// One thread.
class RingProducer {
 public:
  // Makes the file, or goes on with one that is there and fits. `size_bytes` is rounded down to a power of two.
  // Errors: busy (another process writes to it), permission, io (also: no space for it).
  static Result<std::unique_ptr<RingProducer>> open(const std::filesystem::path& file,
                                                    std::size_t size_bytes = kDefaultRingBytes);
  virtual ~RingProducer() = default;
  // False: dropped and counted, because the ring is full or `record` has not 1 to kMaxRecordSize octets.
  virtual bool push(std::span<const std::uint8_t> record) noexcept = 0;
  virtual std::uint64_t dropped() const noexcept = 0;  // since the file was made
};

// One thread, usually of another process.
class RingConsumer {
 public:
  // Goes on behind the last release(). Errors: not_found, corrupt (no ring, or cut short), incompatible (another
  // version), permission, io.
  static Result<std::unique_ptr<RingConsumer>> open(const std::filesystem::path& file);
  virtual ~RingConsumer() = default;
  // The oldest unread record, copied into `out` (kMaxRecordSize octets); its size, 0 when there is none.
  virtual std::size_t peek(std::span<std::uint8_t> out) = 0;
  // Gives the space of everything that was peeked since the last release back to the producer.
  // Call it after the records are safe.
  virtual void release() = 0;
  virtual std::uint64_t dropped() const = 0;  // by the producer, since the file was made
  virtual std::uint64_t damaged() const = 0;  // bytes skipped because they made no sense
};

}  // namespace weir
