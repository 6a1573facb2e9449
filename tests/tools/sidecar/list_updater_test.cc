// Updates of lists, without the rest of the sidecar.
#include "tools/sidecar/list_updater.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tools/sidecar/built_in_rules.h"

namespace weir::sidecar::list_updater_test {
namespace {

Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

// Knows which thread wrote what.
class ThreadsOfRecords final : public AuditLog {
 public:
  Result<void> append(const AuditEntry& entry, GenerationNumber generation, WallTime) override {
    const std::lock_guard lock(mutex_);
    threads_[entry.what] = std::this_thread::get_id();
    generations_[entry.what] = generation;
    return {};
  }
  Result<void> catch_up(const PolicyRecords&, GenerationNumber, WallTime) override { return {}; }
  Result<AuditCheck> check() override { return AuditCheck{}; }
  Result<void> read(const std::function<void(std::string_view)>&) override { return {}; }

  std::thread::id thread_of(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    const auto found = threads_.find(what);
    return found == threads_.end() ? std::thread::id() : found->second;
  }
  GenerationNumber generation_of(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    const auto found = generations_.find(what);
    return found == generations_.end() ? GenerationNumber{} : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::thread::id> threads_;
  std::map<std::string, GenerationNumber> generations_;
};

// Between a publish and its record no other record may name the new generation: catch_up() would take it for recorded.
TEST(ListUpdater, EveryRecordIsWrittenInItsTurnByTheWriter) {
  const test::ScratchFolder scratch;
  const auto path = [&](const char* name) { return "\"" + (scratch / name).string() + "\"\n"; };
  write_file(scratch / "wide.txt", "||co.uk^\n");
  write_file(scratch / "weir.toml", "[store]\npath = " + path("store") + "[run]\npath = " + path("run") +
                                        "[[list]]\nname = \"wide\"\nsource = " + path("wide.txt") +
                                        "[[policy]]\nname = \"default\"\nlists = [\"wide\"]\n");
  auto loaded = Config::load(scratch / "weir.toml");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto config = std::make_shared<const Config>(std::move(*loaded));
  std::filesystem::create_directories(scratch / "store" / "fetch");
  auto store = PolicyStore::open(scratch / "store", {}, read_clocks());
  ASSERT_TRUE(store) << store.error().message;
  WriterThread writer(std::move(*store));
  std::thread::id of_writer;
  const auto published =
      writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& open) -> Result<GenerationNumber> {
        of_writer = std::this_thread::get_id();
        if (auto written = write_definitions(open, *config, read_clocks()); !written) return written.error();
        return open.publish("start", read_clocks());
      });
  ASSERT_TRUE(published) << published.error().message;
  Generations generations(scratch / "store", 1 << 20);
  ListStates states(scratch / "store" / "sidecar-state.json");
  const auto resolver = ResolverLink::connect(scratch / "run");
  ThreadsOfRecords audit;
  const std::atomic<bool> stop{false};
  ListUpdater updater([&] { return config; }, writer, generations, states, *resolver, audit, stop);

  const auto held = updater.update("wide", "tester", {});
  ASSERT_FALSE(held);
  EXPECT_EQ(audit.thread_of("hold"), of_writer) << held.error().message;
  EXPECT_EQ(audit.generation_of("hold"), *published);
  // As an older weir left it, which did not note the source.
  const ListState noted = states.get("wide");
  ListState older = noted;
  older.held.source.clear();
  ASSERT_TRUE(states.put("wide", older));
  const auto unknown = updater.approve("wide", "tester", {}, {});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("'weir list update wide' fetches it again"), std::string::npos)
      << unknown.error().message;
  ASSERT_FALSE(updater.update("wide", "tester", {})) << "it is held again, and its source is noted";
  EXPECT_EQ(states.get("wide").held.source, noted.held.source);
  const auto approved = updater.approve("wide", "tester", {}, {});
  ASSERT_TRUE(approved) << approved.error().message;
  EXPECT_EQ(audit.thread_of("approve"), of_writer);
  EXPECT_EQ(audit.generation_of("approve"), approved->generation);
}

}  // namespace
}  // namespace weir::sidecar::list_updater_test
