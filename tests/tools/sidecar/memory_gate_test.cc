#include "tools/sidecar/memory_gate.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace weir::sidecar::memory_gate_test {
namespace {

// Says in which order shares were given.
class Askers {
 public:
  explicit Askers(MemoryGate& gate) : gate_(gate) {}
  ~Askers() {
    end();
    for (std::thread& thread : threads_) thread.join();
  }
  // Asks on a thread of its own, and holds what it gets until `let_go` has its name.
  void ask(const std::string& name, std::uint64_t bytes) {
    threads_.emplace_back([this, name, bytes] {
      ++asking_;
      auto share = gate_.take(bytes, stop_);
      std::unique_lock lock(mutex_);
      order_ += share ? name : "-";
      changed_.notify_all();
      changed_.wait(lock, [&] { return !share || stop_ || let_go_.find(name) != std::string::npos; });
    });
    while (asking_ < threads_.size()) std::this_thread::yield();
  }
  void let_go(const std::string& names) {
    const std::lock_guard lock(mutex_);
    let_go_ += names;
    changed_.notify_all();
  }
  void end() {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  std::string until(std::size_t given) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return order_.size() >= given; });
    return order_;
  }

 private:
  MemoryGate& gate_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> asking_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string order_;
  std::string let_go_;
  std::vector<std::thread> threads_;
};

// Nobody else asks: what is not given within a moment never will be.
bool is_free(MemoryGate& gate, std::uint64_t bytes) {
  std::atomic<bool> stop{false};
  std::optional<Result<MemoryGate::Share>> got;
  std::thread asker([&] { got.emplace(gate.take(bytes, stop)); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  while (std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  stop = true;
  asker.join();
  return got->has_value();
}

TEST(MemoryGate, SharesFitTogetherOrWait) {
  MemoryGate gate(100);
  const std::atomic<bool> stop{false};
  auto first = gate.take(60, stop);
  ASSERT_TRUE(first);
  EXPECT_FALSE(is_free(gate, 41));
  EXPECT_TRUE(is_free(gate, 40)) << "and the turn of who gave up is over";
  first->give_back();
  first->give_back();
  EXPECT_TRUE(is_free(gate, 100));
  const auto huge = gate.take(1000, stop);
  ASSERT_TRUE(huge) << "what is larger than all there is goes alone";
  EXPECT_EQ(huge->bytes(), 100U);
  EXPECT_FALSE(is_free(gate, 1));
}

TEST(MemoryGate, ALargeShareIsNotOvertaken) {
  MemoryGate gate(100);
  Askers askers(gate);
  askers.ask("a", 60);
  ASSERT_EQ(askers.until(1), "a");
  askers.ask("b", 90);
  while (gate.waiting() < 1) std::this_thread::yield();
  askers.ask("c", 20);  // would fit beside the first
  while (gate.waiting() < 2) std::this_thread::yield();
  askers.let_go("a");
  EXPECT_EQ(askers.until(2), "ab") << "and the third does not fit beside the second";
  askers.let_go("b");
  EXPECT_EQ(askers.until(3), "abc");
}

TEST(MemoryGate, WhoWaitsIsToldTheEnd) {
  MemoryGate gate(100);
  Askers askers(gate);
  askers.ask("a", 100);
  ASSERT_EQ(askers.until(1), "a");
  askers.ask("b", 100);
  askers.ask("c", 100);
  askers.end();
  EXPECT_EQ(askers.until(3), "a--");
}

}  // namespace
}  // namespace weir::sidecar::memory_gate_test
