#include "resolver/server/generation_holder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "tests/resolver/server/fake_generation.h"
#include "tests/support/scratch_folder.h"
#include "zones/store/files.h"
#include "zones/store/writer.h"

namespace weir::generation_holder_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class Holder : public testing::Test {
 protected:
  std::shared_ptr<const Generation> make(std::uint64_t number) {
    return std::make_shared<FakeGeneration>(number, alive_);
  }

  std::atomic<int> alive_{0};
  const test::ScratchFolder directory_;
};

TEST_F(Holder, WithoutAGenerationReadersHaveNone) {
  GenerationHolder holder(directory_.path(), nullptr, 1);
  GenerationReader reader(holder, 0);
  EXPECT_TRUE(reader.refresh());
  EXPECT_EQ(reader.get(), nullptr);
  EXPECT_FALSE(reader.refresh());
  EXPECT_TRUE(holder.await_workers(0ms));
  const auto loaded = holder.load_current();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::not_found);
  EXPECT_EQ(holder.last_error(), loaded.error().message);
}

TEST_F(Holder, OldOneClosesWhenItsLastReaderHasLetGo) {
  GenerationHolder holder(directory_.path(), nullptr, 2);
  GenerationReader first(holder, 0);
  GenerationReader second(holder, 1);
  holder.install(make(1));
  EXPECT_TRUE(first.refresh());
  EXPECT_TRUE(second.refresh());
  EXPECT_EQ(first.get()->number().value, 1u);
  EXPECT_EQ(holder.collect(), 0u);

  holder.install(make(2));
  EXPECT_EQ(first.get()->number().value, 1u);  // until its next batch
  EXPECT_TRUE(first.refresh());
  EXPECT_FALSE(first.refresh());
  EXPECT_EQ(first.get()->number().value, 2u);
  EXPECT_EQ(holder.collect(), 1u);
  EXPECT_EQ(alive_, 2);
  EXPECT_TRUE(second.refresh());
  EXPECT_EQ(alive_, 2) << "a worker never closes one";
  EXPECT_EQ(holder.collect(), 0u);
  EXPECT_EQ(alive_, 1);

  holder.install(nullptr);
  EXPECT_TRUE(first.refresh());
  EXPECT_EQ(first.get(), nullptr);
  EXPECT_EQ(holder.collect(), 1u);
}

TEST_F(Holder, WaitsForEveryWorkerButNotForEver) {
  GenerationHolder holder(directory_.path(), nullptr, 2);
  GenerationReader first(holder, 0);
  GenerationReader second(holder, 1);
  holder.install(make(1));
  first.refresh();
  const auto waited = holder.await_workers(1ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, ErrorCode::timed_out);
  EXPECT_NE(waited.error().message.find("1 of 2"), std::string::npos) << waited.error().message;
  second.refresh();
  EXPECT_TRUE(holder.await_workers(0ms));
}

TEST_F(Holder, WakesEveryWorkerAfterASwap) {
  GenerationHolder holder(directory_.path(), nullptr, 2);
  GenerationReader first(holder, 0);
  GenerationReader second(holder, 1);
  holder.set_wake(0, [&] { first.refresh(); });  // a wake may already see the new one
  holder.set_wake(1, [&] { second.refresh(); });
  holder.install(make(7));
  EXPECT_TRUE(holder.await_workers(0ms));
  EXPECT_EQ(first.get()->number().value, 7u);
  EXPECT_EQ(second.get()->number().value, 7u);
}

// Two workers answer by whatever is in force while generations come and go; none is used after it was closed, and
// each await_workers() means what it says.
TEST_F(Holder, ReadersGoOnWhileGenerationsAreSwapped) {
  constexpr std::uint64_t kSwaps = 500;
  GenerationHolder holder(directory_.path(), nullptr, 2);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> used[2] = {0, 0};
  const auto work = [&](unsigned worker) {
    GenerationReader reader(holder, worker);
    std::uint64_t last = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      reader.refresh();
      const Generation* generation = reader.get();
      if (generation == nullptr) continue;
      EXPECT_GE(generation->number().value, last);
      last = generation->number().value;
      used[worker].store(last, std::memory_order_relaxed);
      std::this_thread::yield();
    }
  };
  std::thread first(work, 0);
  std::thread second(work, 1);
  for (std::uint64_t number = 1; number <= kSwaps; ++number) {
    holder.install(make(number));
    const auto waited = holder.await_workers(10s);
    EXPECT_TRUE(waited) << waited.error().message;
    // A worker confirms, then lets go of the old one.
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (holder.collect() != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(alive_, 1);
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_EQ(alive_, 1);
}

class HolderWithStore : public Holder {
 protected:
  HolderWithStore() {
    auto opened = PolicyStore::open(directory_.path(), {}, now_);
    EXPECT_TRUE(opened) << opened.error().message;
    writer_ = std::move(*opened);
    EXPECT_TRUE(writer_->define(PolicySet::with_defaults()));
  }
  GenerationNumber publish(const char* name) {
    Rule rule;
    rule.name = *Name::parse(name);
    rule.kind = PatternKind::subtree;
    EXPECT_TRUE(writer_->add_rule(kLocalRules, rule, {}, now_));
    const auto number = writer_->publish("test", now_);
    EXPECT_TRUE(number) << number.error().message;
    return number.value_or({});
  }
  static bool matches(const Generation& generation, const char* name) {
    MatchSet set;
    generation.match(ReversedName(*Name::parse(name)), set);
    return !set.empty();
  }

  const Now now_{SteadyTime{}, WallTime(std::chrono::seconds(1783298432))};
  std::unique_ptr<PolicyStore> writer_;
};

TEST_F(HolderWithStore, LoadsWhatCurrentNames) {
  GenerationHolder holder(directory_.path(), StoreCache::make(1 << 20), 1);
  GenerationReader reader(holder, 0);
  const auto first = publish("ads.example");
  auto loaded = holder.load_current();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, first);
  EXPECT_TRUE(reader.refresh());
  EXPECT_TRUE(matches(*reader.get(), "x.ads.example"));
  EXPECT_FALSE(matches(*reader.get(), "track.example"));

  ASSERT_TRUE(holder.load_current());
  EXPECT_FALSE(reader.refresh()) << "the same generation is not opened again";

  const auto second = publish("track.example");
  loaded = holder.load_current();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, second);
  EXPECT_FALSE(matches(*reader.get(), "track.example"));  // both are held, the old one still answers
  EXPECT_EQ(holder.collect(), 1u);
  EXPECT_TRUE(reader.refresh());
  EXPECT_TRUE(matches(*reader.get(), "track.example"));
  EXPECT_EQ(holder.collect(), 0u);
}

TEST_F(HolderWithStore, ErrorsKeepTheOldState) {
  GenerationHolder holder(directory_.path(), StoreCache::make(1 << 20), 1);
  GenerationReader reader(holder, 0);
  const auto first = publish("ads.example");
  ASSERT_TRUE(holder.load_current());
  reader.refresh();
  writer_.reset();
  const std::string sound = [&] {
    std::ifstream in(holder.current_file());
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  for (const char* bad : {"", "no number\n", "99\n", "-1\n", "999999999999999999999999\n"}) {
    {
      std::ofstream(holder.current_file(), std::ios::trunc) << bad;
    }
    EXPECT_FALSE(holder.load_current()) << bad;
    EXPECT_NE(holder.last_error(), "") << bad;
    EXPECT_FALSE(reader.refresh());
    EXPECT_EQ(reader.get()->number(), first);
  }
  fs::remove(holder.current_file());
  EXPECT_FALSE(holder.load_current());
  {
    std::ofstream(holder.current_file()) << sound;
  }
  ASSERT_TRUE(holder.load_current());
  EXPECT_EQ(holder.last_error(), "");
  EXPECT_FALSE(reader.refresh());
}

TEST_F(HolderWithStore, AStartOnADamagedOneTakesTheOneBefore) {
  const auto first = publish("ads.example");
  const auto second = publish("track.example");
  const auto third = publish("other.example");
  writer_.reset();
  for (const auto number : {third, second}) {
    std::ofstream(store::generation_path(directory_.path(), number) / "CURRENT", std::ios::trunc) << "nothing";
    GenerationHolder holder(directory_.path(), StoreCache::make(1 << 20), 1);
    EXPECT_FALSE(holder.load_current());
    const auto loaded = holder.load_earlier();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*loaded, number == third ? second : first);
    EXPECT_TRUE(matches(*holder.current(), "x.ads.example"));
    EXPECT_NE(holder.last_error(), "") << "it goes on to tell what is wrong";
  }
  fs::remove_all(store::generations_path(directory_.path()));
  GenerationHolder holder(directory_.path(), StoreCache::make(1 << 20), 1);
  EXPECT_FALSE(holder.load_current());
  EXPECT_FALSE(holder.load_earlier());
  EXPECT_EQ(holder.current(), nullptr);
}

}  // namespace
}  // namespace weir::generation_holder_test
