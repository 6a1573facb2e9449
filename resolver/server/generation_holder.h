// Holds the generation in force and swaps it under the workers without stopping them.
//
// The control thread loads; each worker keeps its own shared_ptr in a GenerationReader and compares one
// version counter a batch. Opening and closing a generation (milliseconds, disk) happen on the control thread
// alone: what is replaced waits here until its last reader has let go, then collect() closes it. So any number
// of generations can be held at once, two in the normal case. Works with no generation at all (nullptr).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "zones/store/generation.h"

namespace weir {

class GenerationHolder {
 public:
  using Pointer = std::shared_ptr<const Generation>;

  // `store` is the directory that holds policy/; `workers`: how many readers confirm a swap.
  GenerationHolder(std::filesystem::path store, std::shared_ptr<StoreCache> cache, unsigned workers);
  GenerationHolder(const GenerationHolder&) = delete;
  GenerationHolder& operator=(const GenerationHolder&) = delete;

  // Called after each swap so that a sleeping worker comes round to its refresh(); any thread may call it later
  // than this returns. Set before the threads start. Typically posts an empty handler to the worker's loop.
  void set_wake(unsigned worker, std::function<void()> wake);

  // Re-reads `<store>/policy/current` and puts what it names in force; nothing happens when that already is.
  // Any thread, one at a time. On an error (not_found where nothing was ever published, corrupt, ...) the old
  // state stays in force and last_error() tells.
  Result<GenerationNumber> load_current();
  // For a start at which load_current() failed though something was published: puts the newest earlier generation in
  // force that can be read, since yesterday's filter is better than no answer. last_error() goes on to tell of the
  // current one. Errors: not_found.
  Result<GenerationNumber> load_earlier();
  // Puts `generation` (also nullptr) in force.
  void install(Pointer generation);
  // Waits until every worker has confirmed what is in force now; timed_out says how many have not.
  Result<void> await_workers(std::chrono::milliseconds bound);
  // Closes replaced generations that nobody reads any more. Call it about once a second, not from a worker.
  // Returns how many are still held besides the one in force.
  std::size_t collect();

  Pointer current() const;         // any thread; takes a lock
  std::string last_error() const;  // of load_current(); empty after a success
  std::filesystem::path current_file() const { return store_ / "policy" / "current"; }

 private:
  friend class GenerationReader;
  Pointer take(unsigned worker, std::uint64_t& version);

  const std::filesystem::path store_;
  const std::shared_ptr<StoreCache> cache_;
  std::mutex loading_;  // one load_current() at a time; never taken by a worker

  alignas(64) std::atomic<std::uint64_t> version_{1};  // rises with every swap
  mutable std::mutex mutex_;                           // held for pointer copies only
  std::condition_variable confirmed_;
  Pointer current_;
  std::vector<Pointer> retired_;
  std::vector<std::uint64_t> confirmed_versions_;  // one a worker
  std::vector<std::function<void()>> wakes_;
  std::string last_error_;
};

// A worker's hold on the generation in force. One thread.
class GenerationReader {
 public:
  GenerationReader(GenerationHolder& holder, unsigned worker) : holder_(holder), worker_(worker) {}

  // At the start of each batch: one acquire load; takes the pointer and confirms it only when it changed.
  // Returns whether it changed. Everything answered after it is answered by the generation it took.
  bool refresh() {
    if (holder_.version_.load(std::memory_order_acquire) == version_) return false;
    generation_ = holder_.take(worker_, version_);
    return true;
  }
  const Generation* get() const { return generation_.get(); }  // nullptr: none
  const GenerationHolder::Pointer& pointer() const { return generation_; }

 private:
  GenerationHolder& holder_;
  unsigned worker_;
  std::uint64_t version_ = 0;
  GenerationHolder::Pointer generation_;
};

}  // namespace weir
