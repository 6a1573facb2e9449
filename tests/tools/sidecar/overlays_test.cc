// Exceptions for a while: who and why are kept, and their end comes whatever clocks and restarts do.
#include "tools/sidecar/overlays.h"

#include <gtest/gtest.h>

#include "tests/support/scratch_folder.h"

namespace weir::sidecar::overlays_test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class OverlaysTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }
  void start() {
    overlays_.reset();
    writer_.reset();
    audit_.reset();
    auto store = PolicyStore::open(folder_.path(), {}, now_);
    ASSERT_TRUE(store.has_value()) << store.error().message;
    writer_ = std::make_unique<WriterThread>(std::move(*store));
    auto audit = AuditLog::open(folder_.path());
    ASSERT_TRUE(audit.has_value()) << audit.error().message;
    audit_ = std::move(*audit);
    overlays_ = std::make_unique<Overlays>(*writer_, *audit_);
  }
  void pass(seconds steady, seconds wall) {
    now_.steady += steady;
    now_.wall += wall;
  }
  Overlay allowed(const char* name, minutes length = minutes(30)) {
    Overlay wanted;
    wanted.rule.kind = PatternKind::subtree;
    wanted.rule.name = *Name::parse(name);
    wanted.author = "alice";
    wanted.reason = "homework";
    wanted.until = now_.wall + length;
    return wanted;
  }
  Overlay paused(minutes length = minutes(30)) {
    Overlay wanted = allowed("x.test", length);
    wanted.kind = Overlay::Kind::pause;
    wanted.groups = {"default"};
    return wanted;
  }
  PolicySet policies() {
    const auto found = writer_->run<PolicySet>(Urgency::urgent,
                                               [](PolicyStore& store) { return Result<PolicySet>(store.policies()); });
    EXPECT_TRUE(found.has_value());
    return found.value_or(PolicySet());
  }
  std::vector<Overlay> all() {
    auto found = overlays_->all(policies());
    EXPECT_TRUE(found.has_value());
    return found ? *found : std::vector<Overlay>();
  }
  std::size_t tend() {
    const auto removed = overlays_->tend(policies(), now_);
    EXPECT_TRUE(removed.has_value()) << removed.error().message;
    return removed.value_or(99);
  }
  std::string audit() {
    std::string out;
    EXPECT_TRUE(audit_->read([&](std::string_view line) { out += std::string(line) + "\n"; }).has_value());
    return out;
  }

  test::ScratchFolder folder_;
  Now now_{SteadyTime(hours(1)), WallTime(seconds(1'800'000'000))};
  std::unique_ptr<WriterThread> writer_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<Overlays> overlays_;
};

TEST_F(OverlaysTest, KeepsWhoAndWhyOverARestart) {
  const auto name = overlays_->begin(allowed("school.test"), now_);
  ASSERT_TRUE(name.has_value()) << name.error().message;
  const auto pause = overlays_->begin(paused(), now_);
  ASSERT_TRUE(pause.has_value()) << pause.error().message;
  start();
  const auto found = all();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id(), name->id());
  EXPECT_EQ(found[1].id(), pause->id());
  for (const Overlay& overlay : found) {
    EXPECT_EQ(overlay.author, "alice");
    EXPECT_EQ(overlay.reason, "homework");
    EXPECT_EQ(overlay.from, now_.wall);
    EXPECT_EQ(overlay.until, now_.wall + minutes(30));
  }
  EXPECT_EQ(found[0].subject(), "school.test and below for everybody");
  EXPECT_EQ(found[1].subject(), "filtering for group default");
  EXPECT_NE(audit().find("homework"), std::string::npos);
}

TEST_F(OverlaysTest, EndsByItself) {
  struct Row {
    const char* what;
    seconds steady, wall;
    bool restart;
    bool ends;
  };
  const Row rows[] = {
      {"a minute before", minutes(29), minutes(29), false, false},
      {"at its end", minutes(30), minutes(30), false, true},
      {"the clock jumps forward", minutes(1), hours(1), false, true},
      {"the clock goes back to before it began", minutes(1), -minutes(1), false, true},
      {"the clock is set back, time passes all the same", minutes(31), minutes(11), false, true},
      {"the clock is set back a little, before its end", minutes(20), minutes(10), false, false},
      {"a restart behind its end", minutes(40), minutes(40), true, true},
      {"a restart before its end", minutes(10), minutes(10), true, false},
      {"a restart with a clock from before it", minutes(10), -hours(24), true, true},
  };
  for (const Row& row : rows) {
    for (const bool is_pause : {false, true}) {
      SCOPED_TRACE(std::string(row.what) + (is_pause ? ", a pause" : ", a name"));
      const auto begun = overlays_->begin(is_pause ? paused() : allowed("school.test"), now_);
      ASSERT_TRUE(begun.has_value()) << begun.error().message;
      EXPECT_EQ(tend(), 0U);
      pass(row.steady, row.wall);
      if (row.restart) start();
      EXPECT_EQ(tend(), row.ends ? 1U : 0U);
      EXPECT_EQ(all().size(), row.ends ? 0U : 1U);
      if (!row.ends) {
        EXPECT_TRUE(overlays_->end(begun->id(), "bob", "enough", now_).has_value());
      }
      pass(hours(48), hours(48));
    }
  }
  EXPECT_NE(audit().find("overlay expired"), std::string::npos);
}

TEST_F(OverlaysTest, EndedBeforeItsTime) {
  const auto begun = overlays_->begin(paused(), now_);
  ASSERT_TRUE(begun.has_value());
  const auto ended = overlays_->end(begun->id(), "bob", "enough", now_);
  ASSERT_TRUE(ended.has_value()) << ended.error().message;
  EXPECT_TRUE(all().empty());
  EXPECT_EQ(overlays_->end(begun->id(), "bob", "", now_).error().code, ErrorCode::not_found);
  const auto next = overlays_->begin(paused(), now_);
  ASSERT_TRUE(next.has_value());
  EXPECT_NE(next->id(), begun->id()) << "ids are never given again";
}

TEST_F(OverlaysTest, RefusesWhatHasNoReasonOrNoEnd) {
  struct Row {
    const char* says;
    void (*spoil)(Overlay&, WallTime);
  };
  const Row rows[] = {
      {"needs a reason", [](Overlay& wanted, WallTime) { wanted.reason = "  "; }},
      {"needs an author", [](Overlay& wanted, WallTime) { wanted.author = ""; }},
      {"ends in the future", [](Overlay& wanted, WallTime now) { wanted.until = now; }},
      {"366 days at most", [](Overlay& wanted, WallTime now) { wanted.until = now + hours(24 * 367); }},
      {"500 octets", [](Overlay& wanted, WallTime) { wanted.reason = std::string(501, 'x'); }},
  };
  for (const Row& row : rows) {
    Overlay wanted = paused();
    row.spoil(wanted, now_.wall);
    const auto begun = overlays_->begin(wanted, now_);
    ASSERT_FALSE(begun.has_value()) << row.says;
    EXPECT_EQ(begun.error().code, ErrorCode::invalid);
    EXPECT_NE(begun.error().message.find(row.says), std::string::npos) << begun.error().message;
  }
  EXPECT_TRUE(all().empty());
}

}  // namespace
}  // namespace weir::sidecar::overlays_test
