// The end of a decision in the resolver: the client's address is reduced to what its policy keeps, then the
// record enters the worker's ring. What is not to be kept is never written anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "resolver/server/metrics.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/link/decision.h"
#include "zones/link/ring.h"

namespace weir {

using PseudonymKey = std::array<std::uint8_t, 16>;

// The key of the day for pseudonyms: <run>/keys/<YYYY-MM-DD> (UTC), 16 octets, made by the sidecar. Kept in locked
// memory that no core dump holds, wiped when its day is over. The control thread refreshes, the workers read
// without a lock; no key of the day means: none.
class PseudonymKeys {
 public:
  explicit PseudonymKeys(const std::filesystem::path& run_directory);
  ~PseudonymKeys();
  PseudonymKeys(const PseudonymKeys&) = delete;
  PseudonymKeys& operator=(const PseudonymKeys&) = delete;

  // Control thread; call it each second, for that is how soon a key that was destroyed or replaced is given up.
  void refresh(Now now);
  // Any thread. Only the key of the day that `time` lies in, never another one.
  std::optional<PseudonymKey> key_at(WallTime time) const noexcept;

 private:
  struct Slot;
  struct Page;
  static void write(Slot& slot, std::int64_t day, const PseudonymKey& key);

  std::filesystem::path directory_;
  Page* page_;  // one mapped, locked page
  std::int64_t tried_day_ = -1;
  SteadyTime tried_at_{};
};

// How a query ended, for the totals of each minute.
enum class AnswerKind : std::uint8_t { resolved, blocked, cached, failed };

// One worker's. One thread. No call but open() and set_groups() allocates, none waits.
class DecisionSink {
 public:
  // Makes or goes on with ring_file(run_directory, worker). `keys` and `metrics` outlive it.
  static Result<std::unique_ptr<DecisionSink>> open(const std::filesystem::path& run_directory, unsigned worker,
                                                    const PseudonymKeys& keys, WorkerMetrics& metrics,
                                                    std::size_t ring_bytes = kDefaultRingBytes);

  // `decision.client` is set here from the whole address and the policy's level. A full ring drops and counts.
  void push(Decision& decision, const IpAddress& client, Privacy level) noexcept;

  // The totals: every query once, with the group that it was answered for.
  void count(std::uint32_t group, AnswerKind kind) noexcept;
  // When another generation comes into force: groups may mean something else, so what was counted is written first.
  void set_groups(std::size_t count, GenerationNumber generation, WallTime now);
  // Call it at least once a second: writes the totals when a minute has passed since the last time.
  void tick(WallTime now) noexcept;
  void flush_counters(WallTime now) noexcept;  // also before the end

 private:
  DecisionSink(std::unique_ptr<RingProducer> ring, const PseudonymKeys& keys, WorkerMetrics& metrics);
  bool write(std::span<const std::uint8_t> record) noexcept;  // false: dropped and counted

  std::unique_ptr<RingProducer> ring_;
  const PseudonymKeys& keys_;
  WorkerMetrics& metrics_;
  std::vector<CounterRecord> groups_;
  GenerationNumber generation_;  // that they are of
  std::optional<WallTime> counted_since_;
};

}  // namespace weir
