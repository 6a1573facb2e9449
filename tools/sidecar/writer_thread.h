// The one thread that changes the policy store (PolicyStore is not thread-safe, its PolicyRecords are).
//
// Others hand it work and wait for the result. Urgent work (a rule of the administrator, a roll-back) goes before
// imports that wait; nothing interrupts one that runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "zones/base/result.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

enum class Urgency : std::uint8_t { urgent, later };

class WriterThread {
 public:
  // `settle` runs behind each piece of work; where that went well, an error of `settle` is its result: nothing is
  // acknowledged that was not settled. May be empty.
  explicit WriterThread(std::unique_ptr<PolicyStore> store, std::function<Result<void>(PolicyStore&)> settle = {});
  ~WriterThread();  // finishes what runs; what waits ends as unavailable

  // Runs `work` there and waits. Any thread but the writer itself.
  template <class T>
  Result<T> run(Urgency urgency, std::function<Result<T>(PolicyStore&)> work) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    const bool taken = enqueue(urgency, [this, promise, work = std::move(work)](PolicyStore* store) {
      if (store == nullptr) {
        promise->set_value(Error{ErrorCode::unavailable, "the sidecar is ending"});
      } else {
        Result<T> result = work(*store);
        if (auto settled = settle_ ? settle_(*store) : Result<void>(); !settled && result) result = settled.error();
        note(*store);
        promise->set_value(std::move(result));
      }
    });
    if (!taken) return Error{ErrorCode::unavailable, "the sidecar is ending"};
    return future.get();
  }

  // What need not wait for that thread.
  const PolicyRecords& records() const { return *store_; }

  // PolicyStore::pinned() as the last piece of work left it. Never waits.
  std::string pinned() const;

 private:
  using Job = std::function<void(PolicyStore*)>;  // nullptr: given up
  bool enqueue(Urgency urgency, Job job);
  void note(const PolicyStore& store);
  void loop();

  std::unique_ptr<PolicyStore> store_;
  const std::function<Result<void>(PolicyStore&)> settle_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> urgent_;
  std::deque<Job> later_;
  std::string pinned_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::sidecar
