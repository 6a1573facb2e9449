// What a power failure may leave of a checkpoint, of which nothing was forced onto the disk: any of its files may be
// missing, empty or cut, and the store makes good what was acknowledged.
#include "zones/store/checkpoint.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/support/repetitions.h"
#include "tests/zones/store/store_fixture.h"
#include "zones/store/files.h"

namespace weir::testing::checkpoint_test {
namespace {

namespace fs = std::filesystem;

enum class Harm { removed, emptied, halved, zeroed };
constexpr Harm kHarms[] = {Harm::removed, Harm::emptied, Harm::halved, Harm::zeroed};

// Other generations may hold the same file by a link: only this name gets the harm.
void harm(const fs::path& file, Harm how) {
  std::string octets;
  {
    std::ifstream in(file, std::ios::binary);
    octets.assign(std::istreambuf_iterator<char>(in), {});
  }
  fs::remove(file);
  if (how == Harm::removed) return;
  if (how == Harm::emptied) octets.clear();
  if (how == Harm::halved) octets.resize(octets.size() / 2);
  if (how == Harm::zeroed) octets.assign(octets.size(), '\0');
  std::ofstream(file, std::ios::binary) << octets;
}

bool is_harmed(const fs::path& file, Harm how) {
  if (how == Harm::removed) return true;
  if (file.extension() == ".sst" && how == Harm::zeroed) return false;  // found by its checksums, where it is read
  return fs::file_size(file) != 0;
}

std::vector<fs::path> files_of(const fs::path& checkpoint) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(checkpoint)) out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

using Step = std::function<void(Store&)>;

// The last step is followed by the harm. Under a sanitizer each file is harmed in one way, the files in turn. Returns
// how often one was.
std::size_t survives(const Step& last, const std::string& expected, bool same_number,
                     const std::vector<Harm>& harms = {std::begin(kHarms), std::end(kHarms)}) {
  std::size_t tried = 0;
  std::vector<fs::path> names;
  for (std::size_t at = 0; at == 0 || at < names.size(); ++at) {
    constexpr std::size_t kStep = 4 / test::repetitions(4);
    for (std::size_t way = at % kStep; way < harms.size(); way += kStep) {
      const Harm how = harms[way];
      Store store;
      store.import("ads", {rule("old.test")});
      store.publish();
      last(store);
      const GenerationNumber number = store.writer->published();
      const fs::path checkpoint = store.writer->checkpoint_path(number);
      names = files_of(checkpoint);
      const fs::path file = checkpoint / names.at(at);
      if (!is_harmed(file, how)) continue;
      store.close();
      harm(file, how);
      const std::string what = names[at].string() + ", harm " + std::to_string(static_cast<int>(how));
      const auto damaged = Generation::open(checkpoint, StoreCache::make(1 << 20));
      EXPECT_FALSE(damaged.has_value()) << what;
      store.reopen();
      EXPECT_NE(store.writer->mended(), "") << what;
      EXPECT_EQ(store.writer->published() == number, same_number) << what;
      EXPECT_EQ(match(*store.open(), "new.test"), expected) << what;
      EXPECT_EQ(must(store.writer->publish("nothing", weir::testing::at(99))), store.writer->published()) << what;
      store.reopen();
      EXPECT_EQ(store.writer->mended(), "") << what;
      ++tried;
    }
  }
  return tried;
}

TEST(Checkpoint, WhatWasAcknowledgedIsInForceAfterAPowerFailure) {
  const auto small = [](Store& store) {
    ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("new.test"), {}, at(1)));
    store.publish();
  };
  EXPECT_GT(survives(small, "local:exact:block:2", true), test::repetitions(15));
}

TEST(Checkpoint, AnImportThatWasIngestedToo) {
  const auto large = [](Store& store) {
    std::vector<Rule> rules{rule("new.test")};
    for (int i = 0; i < 21'000; ++i) rules.push_back(rule("r" + std::to_string(i) + ".test"));
    store.import("ads", std::move(rules));
    store.publish();
  };
  EXPECT_GT(survives(large, "ads:exact:block:2", true, {Harm::halved}), test::repetitions(8));
}

TEST(Checkpoint, WhereSomethingElseWasWrittenSinceANewGenerationTakesItsPlace) {
  const auto then_more = [](Store& store) {
    ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("new.test"), {}, at(1)));
    store.publish();
    ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("unpublished.test"), {}, at(2)));
  };
  EXPECT_GT(survives(then_more, "local:exact:block:2", false), test::repetitions(15));
}

TEST(Checkpoint, ARollbackToo) {
  const auto back = [](Store& store) {
    ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("new.test"), {}, at(1)));
    const GenerationNumber wanted = store.publish();
    ASSERT_TRUE(store.writer->remove_rule(kLocalRules, rule("new.test"), {}, at(2)).has_value());
    store.publish();
    must(store.writer->rollback_generation(wanted, "back", at(3)));
  };
  EXPECT_GT(survives(back, "local:exact:block:2", false), test::repetitions(15));
}

TEST(Checkpoint, ARollbackToOneThatIsDamagedIsMadeFromTheHistory) {
  for (const Harm how : kHarms) {
    Store store;
    store.import("ads", {rule("new.test")});
    const GenerationNumber wanted = store.publish();
    store.import("ads", {rule("other.test")});
    store.publish();
    for (const fs::path& name : files_of(store.writer->checkpoint_path(wanted))) {
      if (name.string().starts_with("MANIFEST")) harm(store.writer->checkpoint_path(wanted) / name, how);
    }
    must(store.writer->rollback_generation(wanted, "back", at(3)));
    EXPECT_EQ(match(*store.open(), "new.test"), "ads:exact:block:2");
    EXPECT_EQ(match(*store.open(), "other.test"), "");
  }
}

TEST(Checkpoint, MergedTablesTakeThePlaceOfThoseOfTheirGeneration) {
  const std::vector<std::string> lists{"a", "b", "c", "d", "e", "f"};
  Store store(lists);
  for (const std::string& list : lists) {  // large enough to be ingested, each over the range of the others
    std::vector<Rule> rules;
    for (int i = 0; i < 21'000; ++i) rules.push_back(rule("r" + std::to_string(i) + ".test"));
    store.import(list, std::move(rules));
  }
  const GenerationNumber number = store.publish();
  const auto held = store.open();
  EXPECT_GE(store.writer->places_to_search(), 4U);
  EXPECT_FALSE(store.writer->has_merged_tables());
  EXPECT_FALSE(must(store.writer->renew()));
  std::atomic<bool> stop{true};
  ASSERT_TRUE(store.writer->merge_tables(stop)) << "which ends at once";
  stop = false;
  ASSERT_TRUE(store.writer->merge_tables(stop));
  EXPECT_EQ(store.writer->places_to_search(), 1U);
  // RocksDB counts the merge as running for a moment longer.
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
       !store.writer->has_merged_tables() && std::chrono::steady_clock::now() < end;) {
    std::this_thread::yield();
  }
  ASSERT_TRUE(store.writer->has_merged_tables());
  EXPECT_TRUE(must(Generation::is_current(store.folder.path(), *held)));
  EXPECT_TRUE(must(store.writer->renew()));
  EXPECT_FALSE(must(store.writer->renew())) << "there is nothing more to gain";
  EXPECT_FALSE(must(Generation::is_current(store.folder.path(), *held)));

  const auto renewed = store.open();
  EXPECT_EQ(renewed->number(), number);
  EXPECT_EQ(renewed->names_epoch(), held->names_epoch());
  EXPECT_NE(renewed->files(), held->files());
  EXPECT_TRUE(must(Generation::is_current(store.folder.path(), *renewed)));
  for (const char* text : {"r0.test", "r20999.test", "r21000.test"}) {
    EXPECT_EQ(match(*renewed, text), match(*held, text)) << text;
  }
  EXPECT_EQ(renewed->rule_count(), 6U * 21'000U);

  ASSERT_TRUE(store.writer->add_rule(kLocalRules, rule("new.test"), {}, at(1)));
  EXPECT_FALSE(must(store.writer->renew())) << "what is not published yet must not slip in";
  store.publish();
  EXPECT_EQ(match(*store.open(), "new.test"), "local:exact:block:2");
  store.reopen();
  EXPECT_EQ(store.writer->mended(), "");
}

TEST(Checkpoint, WithoutAListItIsOfAnOlderWeir) {
  Store store;
  store.import("ads", {rule("new.test")});
  const fs::path checkpoint = store.writer->checkpoint_path(store.publish());
  auto info = must(store::read_generation_info(checkpoint));
  EXPECT_EQ(info.files.size(), 64U);
  info.files.clear();
  ASSERT_TRUE(store::write_generation_info(checkpoint, info));
  fs::remove(checkpoint / "FILES");
  EXPECT_EQ(match(*store.open(), "new.test"), "ads:exact:block:2");
  store.reopen();
  EXPECT_EQ(store.writer->mended(), "");
}

// What a reader would replay made a rule wait the longer the more lists had come before it.
TEST(Checkpoint, ALargerChangeLeavesNoLongLogAndASmallOneFlushesNothing) {
  Store store;
  const auto log_octets = [&](GenerationNumber number) {
    std::uintmax_t octets = 0;
    for (const fs::path& file : files_of(store.writer->checkpoint_path(number))) {
      if (file.extension() == ".log") octets += fs::file_size(store.writer->checkpoint_path(number) / file);
    }
    return octets;
  };
  const auto tables = [&](GenerationNumber number) {
    const std::vector<fs::path> files = files_of(store.writer->checkpoint_path(number));
    return std::count_if(files.begin(), files.end(), [](const fs::path& file) { return file.extension() == ".sst"; });
  };
  for (int round = 0; round < 3; ++round) {
    std::vector<Rule> rules;
    for (int i = 0; i < 1000; ++i)
      rules.push_back(rule("host" + std::to_string(i) + ".round" + std::to_string(round) + ".test"));
    store.import("ads", std::move(rules));
    const GenerationNumber imported = store.publish();
    EXPECT_LE(log_octets(imported), store::kLogBytesBehindImports) << "round " << round;
    ASSERT_TRUE(
        store.writer->add_rule(kLocalRules, rule("own" + std::to_string(round) + ".test"), {}, at(store.clock)));
    const GenerationNumber added = store.publish();
    EXPECT_LE(tables(added), tables(imported)) << "round " << round;
    EXPECT_EQ(match(*store.open(), "own" + std::to_string(round) + ".test"), "local:exact:block:2");
  }
}

}  // namespace
}  // namespace weir::testing::checkpoint_test
