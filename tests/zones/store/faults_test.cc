// What is not as it should be: a second writer, other versions, damage, missing rights, a writer that is killed.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "tests/support/repetitions.h"
#include "tests/zones/store/store_fixture.h"

namespace weir::testing::faults_test {
namespace {

void flip_bit(const std::filesystem::path& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int octet = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(octet ^ 0x10));
}

TEST(Faults, ASecondWriterIsTurnedAway) {
  Store store;
  const auto second = PolicyStore::open(store.folder.path(), {}, at(0));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos) << second.error().message;
}

TEST(Faults, NoStoreAndNoGeneration) {
  const test::ScratchFolder folder;
  EXPECT_EQ(Generation::open_current(folder.path(), StoreCache::make(1 << 20)).error().code, ErrorCode::not_found);
  EXPECT_EQ(Generation::open(folder.path() / "7", StoreCache::make(1 << 20)).error().code, ErrorCode::not_found);
}

TEST(Faults, ADamagedCurrentFileIsTold) {
  Store store;
  store.publish();
  for (const char* text : {"", "abc\n", "1", "0\n", "1 2\n"}) {
    std::ofstream(store.folder.path() / "policy/current") << text;
    EXPECT_EQ(Generation::read_current_number(store.folder.path()).error().code, ErrorCode::corrupt) << text;
  }
}

TEST(Faults, AnotherFormatIsRefused) {
  Store store;
  const auto path = store.writer->checkpoint_path(store.publish());
  std::ofstream(path / "GENERATION") << "weir generation 99\nnumber 1\n";
  EXPECT_EQ(Generation::open(path, store.cache).error().code, ErrorCode::incompatible);
}

TEST(Faults, MissingRightsAreToldAsSuch) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can take rights away from another user";
  Store store;
  store.publish();
  std::filesystem::permissions(store.folder.path() / "policy", std::filesystem::perms::owner_all);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::seteuid(65534) != 0) ::_exit(9);
    const auto read = Generation::open_current(store.folder.path(), store.cache);
    const auto write = PolicyStore::open(store.folder.path(), {}, at(0));
    const bool right =
        !read && read.error().code == ErrorCode::permission && !write && write.error().code == ErrorCode::permission;
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Faults, AFlippedBitIsSeenAndNeverServed) {
  Store store;
  std::vector<Rule> rules;
  for (int i = 0; i < 25'000; ++i) rules.push_back(rule("host" + std::to_string(i) + ".example.org"));
  store.import("ads", rules);
  const auto path = store.writer->checkpoint_path(store.publish());
  std::filesystem::path largest;
  std::uint64_t size = 0;
  const auto whole = must(Generation::open(path, store.cache));
  EXPECT_EQ(match(*whole, "host7.example.org"), "ads:exact:block:3");
  std::size_t tables = 0;
  std::size_t refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() != ".sst") continue;
    ++tables;
    // Every generation shares the table by hard links: work on a copy.
    const auto kept = entry.path().string() + ".kept";
    std::filesystem::copy_file(entry.path(), kept);
    const std::uint64_t bytes = entry.file_size();
    for (int i = 0; i < 4; ++i) {
      std::filesystem::remove(entry.path());
      std::filesystem::copy_file(kept, entry.path());
      flip_bit(entry.path(), bytes * static_cast<std::uint64_t>(2 * i + 1) / 8);
      const auto damaged = Generation::open(path, StoreCache::make(1 << 20));
      if (!damaged) {
        EXPECT_EQ(damaged.error().code, ErrorCode::corrupt) << damaged.error().message;
        ++refused;
      } else {
        EXPECT_EQ(match(**damaged, "host7.example.org"), "ads:exact:block:3") << "another family was hit";
      }
    }
    std::filesystem::rename(kept, entry.path());
    if (bytes > size) {
      size = bytes;
      largest = entry.path();
    }
  }
  EXPECT_GT(tables, 1U);
  EXPECT_GE(refused, 4U) << "each flip in the names table";
}

TEST(Faults, WhatCouldNotBePublishedIsTakenBack) {
  Store store;
  store.import("ads", {rule("before.test")});
  const GenerationNumber before = store.publish();
  const auto obstacle = store.folder.path() / "policy/current.tmp";  // where the new number is written first
  std::filesystem::create_directory(obstacle);
  ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("refused.test"), {}, at(1)));
  store.import("ads", {rule("after.test")});
  ASSERT_TRUE(store.writer->add_pause({0, "bob", "why", {}, {}, at(1).wall, at(9).wall}).has_value());
  ASSERT_FALSE(store.writer->publish("refused", at(1)).has_value());
  ASSERT_TRUE(store.writer->recover().has_value());
  EXPECT_TRUE(must(store.writer->rules_of(kLocalRules, 10)).empty());
  EXPECT_TRUE(must(store.writer->history(kLocalRules)).empty());
  EXPECT_EQ(must(store.writer->history(store.list("ads"))).size(), 1U);
  EXPECT_TRUE(store.writer->policies().pauses.empty());
  EXPECT_EQ(store.writer->published(), before);
  std::filesystem::remove(obstacle);
  EXPECT_EQ(must(store.writer->publish("nothing", at(2))), before) << "nothing is left to publish";
  ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("wanted.test"), {}, at(3)));
  store.publish();
  for (const bool reopened : {false, true}) {
    if (reopened) store.reopen();
    const auto generation = store.open();
    EXPECT_EQ(match(*generation, "refused.test"), "");
    EXPECT_EQ(match(*generation, "after.test"), "");
    EXPECT_NE(match(*generation, "before.test"), "");
    EXPECT_NE(match(*generation, "wanted.test"), "");
  }
  ASSERT_TRUE(store.writer->recover().has_value()) << "nothing is amiss";
  EXPECT_EQ(must(store.writer->rules_of(kLocalRules, 10)).size(), 1U);
}

TEST(Faults, AnImportThatChangedNoRuleIsNotTakenBack) {
  Store store;
  store.import("ads", {rule("ads.test")});
  store.publish();
  store.import("ads", {rule("ads.test")});  // a comment changed
  const GenerationNumber before = store.publish();
  const auto imports = [&] { return must(store.writer->history(store.list("ads"))).size(); };
  ASSERT_EQ(imports(), 2U);
  ASSERT_TRUE(store.writer->recover().has_value()) << "some other change failed";
  EXPECT_EQ(imports(), 2U);
  const auto obstacle = store.folder.path() / "policy/current.tmp";
  std::filesystem::create_directory(obstacle);
  store.import("ads", {rule("ads.test"), rule("more.test")});
  ASSERT_FALSE(store.writer->publish("refused", at(1)).has_value());
  ASSERT_TRUE(store.writer->recover().has_value());
  std::filesystem::remove(obstacle);
  EXPECT_EQ(imports(), 2U) << "only what was not acknowledged is taken back";
  EXPECT_EQ(store.writer->published(), before);
  store.reopen();
  EXPECT_EQ(imports(), 2U);
}

TEST(Faults, ReadersGoOnWhileGenerationsComeAndGo) {
  WriterOptions options;
  options.keep_generations = 1;
  Store store({"ads"}, options);
  store.clock = -400'000;  // no hourly ones are kept
  store.import("ads", {rule("always.test", PatternKind::subtree), rule("even.test")});
  store.publish();
  store.clock = 0;
  std::mutex mutex;
  std::shared_ptr<const Generation> in_force = store.open();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      MatchSet set;
      const ReversedName always(name("x.always.test"));
      const ReversedName even(name("even.test"));
      const ReversedName odd(name("odd.test"));
      while (!stop.load()) {
        std::shared_ptr<const Generation> mine;
        {
          const std::lock_guard lock(mutex);
          mine = in_force;
        }
        for (int round = 0; round < 20; ++round) {
          mine->match(always, set);
          if (set.matches.size() != 1 || mine->detail({set.matches[0].detail}) != nullptr) ++wrong;
          mine->match(even, set);
          const bool has_even = !set.empty();
          mine->match(odd, set);
          if (has_even == !set.empty()) ++wrong;
          if (!set.empty() && mine->detail({set.matches[0].detail}) == nullptr) ++wrong;
          ++reads;
        }
      }
    });
  }
  for (int i = 0; i < 12; ++i) {
    Rule odd = rule("odd.test");
    odd.detail.conditions.types = {RecordType::a};
    store.import("ads", {rule("always.test", PatternKind::subtree), i % 2 == 0 ? odd : rule("even.test")});
    store.publish();
    auto next = store.open();
    const std::lock_guard lock(mutex);
    in_force = std::move(next);
  }
  const auto target = reads.load() + 100;
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
       reads.load() < target && std::chrono::steady_clock::now() < end;) {
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GE(reads.load(), target);
}

// The child imports and publishes versions of a list, each of which names itself in every rule, and acknowledges each
// published one through a pipe.
[[noreturn]] void write_for_ever(const std::filesystem::path& folder, int acknowledge) {
  auto store = PolicyStore::open(folder, {}, at(0));
  if (!store) ::_exit(2);
  const ListId ads = (*store)->policies().find_list("ads")->id;
  for (std::uint32_t version = static_cast<std::uint32_t>((*store)->published().value) + 1;; ++version) {
    std::vector<Rule> rules;
    // Every fifth version is large enough to be ingested.
    const int size = version % 5 == 0 ? 21'000 : 50;
    for (int i = 0; i < size; ++i) {
      rules.push_back(rule("r" + std::to_string(i) + ".v" + std::to_string(version) + ".test"));
    }
    if (!(*store)->import(ads, stream_of(std::move(rules)), {}, {}, at(version))) ::_exit(3);
    const auto number = version % 7 == 0 ? (*store)->rollback_generation((*store)->published(), "again", at(version))
                                         : (*store)->publish("next", at(version));
    if (!number) ::_exit(4);
    if (::write(acknowledge, &number->value, sizeof number->value) < 0) ::_exit(5);
  }
}

// Not a test of its own: what AKilledWriter... starts.
TEST(Faults, DISABLED_WritesForEver) {
  const char* folder = ::getenv("WEIR_STORE_CRASH_FOLDER");
  const char* end = ::getenv("WEIR_STORE_CRASH_PIPE");
  if (folder == nullptr || end == nullptr) GTEST_SKIP() << "started by AKilledWriterLosesNothingAndMixesNothing";
  write_for_ever(folder, std::atoi(end));
}

TEST(Faults, AKilledWriterLosesNothingAndMixesNothing) {
  Store store;
  store.publish();
  store.close();
  std::mt19937 random(7);
  std::uint64_t acknowledged = 1;
  for (unsigned round = 0; round < test::repetitions(20); ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      // A new program: RocksDB's threads do not survive a fork.
      (void)::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
      const int end = ::fcntl(ends[1], F_DUPFD, 100);
      ::setenv("WEIR_STORE_CRASH_FOLDER", store.folder.path().c_str(), 1);
      ::setenv("WEIR_STORE_CRASH_PIPE", std::to_string(end).c_str(), 1);
      ::execl("/proc/self/exe", "writer", "--gtest_filter=*WritesForEver", "--gtest_also_run_disabled_tests", nullptr);
      ::_exit(6);
    }
    ::close(ends[1]);
    std::uint64_t number = 0;
    // Some acknowledgements, then at a moment of its own choosing.
    for (unsigned left = random() % 4; left > 0 && ::read(ends[0], &number, sizeof number) == sizeof number; --left) {
      acknowledged = number;
    }
    ::usleep(random() % 60'000);  // where in the next step the kill falls, not a wait for anything
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    while (::read(ends[0], &number, sizeof number) == sizeof number) acknowledged = number;
    ::close(ends[0]);

    const auto before_repair = store.open();
    EXPECT_GE(before_repair->number().value, acknowledged);
    EXPECT_LE(before_repair->number().value, acknowledged + 1);
    store.reopen();
    EXPECT_EQ(store.writer->published().value, store.open()->number().value);
    for (const bool live : {false, true}) {
      const auto generation = store.open();
      std::set<std::string> versions;
      const auto rules = must(store.writer->rules_of(store.list("ads"), 100'000));
      for (const SourcedRule& one : rules) {
        const std::string text = one.rule.name.parent().to_text();
        versions.insert(text);
        if (!live) continue;
        EXPECT_EQ(must(store.writer->rule_count(store.list("ads"))), rules.size());
        break;
      }
      EXPECT_LE(versions.size(), 1U);
      EXPECT_TRUE(rules.empty() || rules.size() == 50 || rules.size() == 21'000) << rules.size();
      EXPECT_TRUE(generation->rule_count() == 0 || generation->rule_count() == 50 ||
                  generation->rule_count() == 21'000);
    }
    // What is live can be published, and then agrees with the generation, rule by rule.
    store.publish();
    const auto generation = store.open();
    const auto rules = must(store.writer->rules_of(store.list("ads"), 100'000));
    EXPECT_EQ(generation->rule_count(), rules.size());
    MatchSet set;
    for (const SourcedRule& one : rules) {
      generation->match(ReversedName(one.rule.name), set);
      ASSERT_EQ(set.matches.size(), 1U) << one.rule.name.to_text();
    }
    acknowledged = generation->number().value;
    store.close();
  }
}

}  // namespace
}  // namespace weir::testing::faults_test
