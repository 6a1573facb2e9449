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
  // acknowledged that was not settled. Work that failed is followed by PolicyStore::recover(), again and again until
  // that and `settle` go well, and no other work runs before. `lost` is told once, on the writer's thread, when the
  // store can be mended only by a new process. Both may be empty.
  explicit WriterThread(std::unique_ptr<PolicyStore> store, std::function<Result<void>(PolicyStore&)> settle = {},
                        std::function<void(const Error&)> lost = {});
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
        const Result<void> ready = make_ready();
        Result<T> result = ready ? work(*store) : Result<T>(ready.error());
        if (auto settled = settle_ ? settle_(*store) : Result<void>(); !settled && result) result = settled.error();
        if (!result) {
          is_settled_ = false;
          static_cast<void>(make_ready().has_value());  // told there; whoever comes next is told, too
        }
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
  Result<void> make_ready();
  void note(const PolicyStore& store);
  void loop();

  std::unique_ptr<PolicyStore> store_;
  const std::function<Result<void>(PolicyStore&)> settle_;
  const std::function<void(const Error&)> lost_;
  bool is_settled_ = true;  // of the writer's thread alone, as what follows
  bool is_lost_ = false;
  std::string told_;  // why it is not settled, as the log has it already
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> urgent_;
  std::deque<Job> later_;
  std::string pinned_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::sidecar
