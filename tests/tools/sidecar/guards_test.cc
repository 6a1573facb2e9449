// Versions that a guard holds: what trips it, what is said, and how one is let through.
#include "tools/sidecar/guards.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tools/sidecar/sidecar.h"
#include "tools/support/control_client.h"
#include "zones/base/exit_code.h"

namespace weir::sidecar::guards_test {
namespace {

namespace json = boost::json;

Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

std::string names(int from, int to) {
  std::string out;
  for (int i = from; i < to; ++i) out += "||n" + std::to_string(i) + ".example^\n";
  return out;
}

class GuardsTest : public ::testing::Test {
 protected:
  // A fresh sidecar over one list, whose first version is imported.
  void start(const std::string& list, const std::string& keys = "") {
    sidecar_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(scratch_ / "store", ignored);
    std::filesystem::remove_all(scratch_ / "run", ignored);
    write_file(scratch_ / "ads.txt", list);
    write_file(scratch_ / "weir.toml",
               "[store]\npath = \"" + (scratch_ / "store").string() + "\"\n[run]\npath = \"" +
                   (scratch_ / "run").string() + "\"\n[[list]]\nname = \"ads\"\nsource = \"" +
                   (scratch_ / "ads.txt").string() + "\"\n" + keys +
                   "[[list]]\nname = \"web\"\nsource = \"https://lists.weir.test/web.txt\"\nevery = \"365d\"\n"
                   "[[policy]]\nname = \"default\"\nlists = [\"ads\"]\n");
    auto config = Config::load(scratch_ / "weir.toml");
    ASSERT_TRUE(config) << config.error().message;
    auto sidecar = Sidecar::start(std::move(*config), scratch_ / "weir.toml", read_clocks());
    ASSERT_TRUE(sidecar) << sidecar.error().message;
    sidecar_ = std::move(*sidecar);
    const auto first = update();
    ASSERT_TRUE(first) << first.error().message;
  }
  Result<json::value> ask(const std::string& verb, const json::object& arguments = {}) {
    auto client = ControlClient::connect(scratch_ / "run" / "sidecar.sock", "weir-sidecar");
    if (!client) return client.error();
    const auto reply = client->request({verb, json::serialize(arguments), "tester"});
    if (!reply) return reply.error();
    return json::parse(*reply);
  }
  json::value done(const std::string& verb, const json::object& arguments = {}) {
    auto reply = ask(verb, arguments);
    EXPECT_TRUE(reply) << verb << ": " << (reply ? "" : reply.error().message);
    return reply ? *reply : json::value(json::object{});
  }
  Result<json::value> update() {
    for (;;) {
      auto reply = ask("list.update", {{"name", "ads"}});
      if (reply || reply.error().code != ErrorCode::busy) return reply;
      std::this_thread::yield();
    }
  }
  Error update_to(const std::string& list) {
    write_file(scratch_ / "ads.txt", list);
    const auto reply = update();
    return reply ? Error{ErrorCode::invalid, ""} : reply.error();
  }
  json::value show() { return done("list.show", {{"name", "ads"}}).at("lists").at(0); }
  std::string outcome(const std::string& name) {
    return std::string(done("explain", {{"names", {name}}}).at("results").at(0).at("outcome").as_string());
  }
  std::vector<std::string> audited() {
    std::vector<std::string> out;
    const json::value shown = done("audit.show");
    for (const json::value& record : shown.at("records").as_array()) out.emplace_back(record.at("what").as_string());
    return out;
  }

  test::ScratchFolder scratch_;
  std::unique_ptr<Sidecar> sidecar_;
};

TEST_F(GuardsTest, WhatTripsThemAndWhatDoesNot) {
  const struct {
    const char* what;
    std::string keys;
    std::string first;
    std::string then;
    const char* held;  // the beginning of why; nullptr: it is not
  } rows[] = {
      {"20 % fewer", "", names(0, 100), names(0, 80), nullptr},
      {"21 % fewer", "", names(0, 100), names(0, 79), "it shrinks by 21 %, from 100 to 79 rules (max_shrink = 20)"},
      {"half, as the key allows", "max_shrink = 50\n", names(0, 100), names(0, 50), nullptr},
      {"nearly none, as the keys allow", "max_shrink = 100\nmin_overlap = 0\n", names(0, 100), names(0, 1), nullptr},
      {"twice", "", names(0, 100), names(0, 200), nullptr},
      {"more than twice", "min_overlap = 0\n", names(0, 100), names(0, 202), "it grows by 102 %"},
      {"more than twice, allowed", "max_growth = 200\nmin_overlap = 0\n", names(0, 100), names(0, 300), nullptr},
      {"a third is new", "", names(0, 100), names(25, 125), nullptr},
      {"most is new", "", names(0, 100), names(40, 140), "only 42 % of all rules are in both versions"},
      {"few rules", "", names(0, 9), names(20, 60), nullptr},
      {"a suffix", "", names(0, 100), names(0, 100) + "||co.uk^\n", "1 new rule for all below a public suffix"},
      {"a suffix itself", "", names(0, 100), names(0, 100) + "0.0.0.0 com\n", nullptr},
      {"a suffix that was there", "max_shrink = 30\n", names(0, 99), names(0, 98), nullptr},
      {"a suffix, allowed", "public_suffixes = \"allow\"\n", names(0, 100), names(0, 100) + "||co.uk^\n", nullptr},
      {"a suffix, warned", "public_suffixes = \"warn\"\n", names(0, 100), names(0, 100) + "||co.uk^\n", nullptr},
      {"a company's suffix", "", names(0, 100), names(0, 100) + "||github.io^\n", nullptr},
      {"a host of lists", "", names(0, 100), names(0, 100) + "||weir.test^\n", "1 new rule on names that no list"},
      {"a host of lists, by name", "", names(0, 100), names(0, 100) + "0.0.0.0 lists.weir.test\n",
       "1 new rule on names that no list"},
      {"a name without which nothing validates", "", names(0, 100), names(0, 100) + "||time.windows.com^\n",
       "1 new rule on names that no list"},
      {"beside a host of lists", "", names(0, 100), names(0, 100) + "0.0.0.0 weir.test\n||a.weir.test^\n", nullptr},
      {"a glob over a suffix", "", names(0, 100), names(0, 100) + "||*com^\n",
       "1 new rule for all below a public suffix"},
      {"a glob over a part of one", "", names(0, 100), names(0, 100) + "||*.co*m^\n",
       "1 new rule for all below a public suffix"},
      {"a glob filed above a suffix", "", names(0, 100), names(0, 100) + "||*.c*.uk^\n",
       "1 new rule for all below a public suffix"},
      {"a suffix as a regex", "", names(0, 100), names(0, 100) + "/^(.*\\.)?com$/\n",
       "1 new rule for all below a public suffix"},
      {"a regex on all that is registered below a suffix", "", names(0, 100), names(0, 100) + "/^[^.]+\\.co\\.uk$/\n",
       "1 new rule for all below a public suffix"},
      {"patterns on some names", "", names(0, 100),
       names(0, 100) + "||ads*.com^\n||*-ads.*.uk^\n/^ad[sx]?[0-9]*\\./\n/^[a-z]{8}\\.com$/\n", nullptr},
      {"a glob over a company's suffix", "", names(0, 100), names(0, 100) + "||*hub.io^\n", nullptr},
      {"a glob that opens a suffix", "", names(0, 100), names(0, 100) + "@@||*com^\n", nullptr},
      {"a glob over a host of lists", "", names(0, 100), names(0, 100) + "||lists.w*.test^\n",
       "1 new rule on names that no list"},
      {"a regex over a host of lists", "", names(0, 100), names(0, 100) + "/^lists\\.weir\\./\n",
       "1 new rule on names that no list"},
      {"opens a host of lists", "", names(0, 100), names(0, 100) + "@@||lists.weir.test^\n", nullptr},
  };
  const bool suffixes = std::filesystem::exists(kPublicSuffixFile);
  for (const auto& row : rows) {
    if (!suffixes && row.held != nullptr && std::string_view(row.held).find("suffix") != std::string_view::npos)
      continue;
    SCOPED_TRACE(row.what);
    ASSERT_NO_FATAL_FAILURE(start(row.first, row.keys));
    const Error error = update_to(row.then);
    if (row.held == nullptr) {
      EXPECT_EQ(error.message, "");
      EXPECT_EQ(show().at("state"), "ok");
      continue;
    }
    EXPECT_EQ(static_cast<int>(exit_code_of_answer(error.code)), 3);
    EXPECT_TRUE(error.message.starts_with(std::string("the new version is held: ") + row.held)) << error.message;
    EXPECT_EQ(show().at("state"), "held");
    const json::value held = show().at("held");
    EXPECT_TRUE(held.at("why").at(0).at("text").as_string().starts_with(row.held)) << json::serialize(held);
    EXPECT_FALSE(held.at("why").at(0).at("samples").as_array().empty()) << json::serialize(held);
  }
  if (!suffixes) GTEST_SKIP() << kPublicSuffixFile << " is not there (package publicsuffix): its rows were left out";
}

TEST_F(GuardsTest, WhatOnlyWarnsIsANote) {
  if (!std::filesystem::exists(kPublicSuffixFile)) GTEST_SKIP() << kPublicSuffixFile << " is not there";
  ASSERT_NO_FATAL_FAILURE(start(names(0, 100)));
  EXPECT_EQ(update_to(names(0, 100) + "||github.io^\n").message, "");
  const std::string notes = json::serialize(show().at("notes"));
  EXPECT_NE(
      notes.find("1 new rule for all below a suffix that a company gives names under: github.io and below (line 101)"),
      std::string::npos)
      << notes;
}

// SEMANTICS 2 RPZ: Serial going backwards: warn, follow.
TEST_F(GuardsTest, ASerialThatGoesBackIsANote) {
  const auto zone = [](const std::string& serial, const std::string& name) {
    return "@ SOA ns.zone.test. host.zone.test. " + serial + " 1 1 1 1\n  NS ns.zone.test.\na.example CNAME .\n" +
           name + " CNAME .\n";
  };
  ASSERT_NO_FATAL_FAILURE(start(zone("7", "b.example"), "kind = \"rpz\"\n"));
  EXPECT_EQ(update_to(zone("8", "c.example")).message, "");
  EXPECT_EQ(json::serialize(show().at("notes")), "[]");
  EXPECT_EQ(update_to(zone("6", "d.example")).message, "");
  EXPECT_EQ(json::serialize(show().at("notes")), R"(["the zone's serial number went backwards, from 8 to 6"])");
  EXPECT_EQ(outcome("d.example"), "blocked");
  EXPECT_EQ(outcome("c.example"), "none");
  EXPECT_EQ(update_to(zone("7", "e.example")).message, "");
  EXPECT_EQ(json::serialize(show().at("notes")), "[]");
}

TEST_F(GuardsTest, AHeldVersionWaitsForExactlyItsApproval) {
  ASSERT_NO_FATAL_FAILURE(start(names(0, 100)));
  const auto generation = done("status").at("generation").at("number").to_number<int>();
  EXPECT_NE(update_to(names(0, 10)).message, "");
  EXPECT_EQ(outcome("n50.example"), "blocked") << "the old one stays in force";
  EXPECT_EQ(done("status").at("generation").at("number").to_number<int>(), generation);
  EXPECT_NE(update_to(names(0, 10)).message, "") << "the same bytes stay held";
  EXPECT_EQ(audited().back(), "hold");
  const auto holds = audited();
  EXPECT_EQ(std::count(holds.begin(), holds.end(), "hold"), 1) << "held once, recorded once";

  // Over a restart too; and only those bytes.
  sidecar_.reset();
  auto config = Config::load(scratch_ / "weir.toml");
  auto again = Sidecar::start(std::move(*config), scratch_ / "weir.toml", read_clocks());
  ASSERT_TRUE(again) << again.error().message;
  sidecar_ = std::move(*again);
  EXPECT_EQ(show().at("state"), "held");
  const std::string held = read_file(scratch_ / "store" / "fetch" / "ads.held");
  write_file(scratch_ / "store" / "fetch" / "ads.held", names(0, 5));
  const auto other = ask("list.approve", {{"name", "ads"}});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::corrupt);
  EXPECT_EQ(outcome("n50.example"), "blocked");
  write_file(scratch_ / "store" / "fetch" / "ads.held", held);

  write_file(scratch_ / "ads.txt", names(0, 3));  // what the source has by now is not what was looked at
  const json::value approved = done("list.approve", {{"name", "ads"}, {"reason", "they dropped the dead ones"}});
  EXPECT_EQ(approved.at("rules").to_number<int>(), 10);
  EXPECT_EQ(outcome("n50.example"), "none");
  EXPECT_EQ(outcome("n9.example"), "blocked");
  EXPECT_EQ(show().at("state"), "ok");
  const json::value audit = done("audit.show");
  const json::value& record = audit.at("records").as_array().back();
  EXPECT_EQ(record.at("what"), "approve");
  EXPECT_EQ(record.at("why"), "they dropped the dead ones");
  EXPECT_EQ(ask("list.approve", {{"name", "ads"}}).error().code, ErrorCode::not_found) << "once";
  EXPECT_TRUE(done("audit.verify").at("whole").as_bool());
}

TEST_F(GuardsTest, ABetterVersionTakesThePlaceOfAHeldOne) {
  ASSERT_NO_FATAL_FAILURE(start(names(0, 100)));
  EXPECT_NE(update_to(names(0, 10)).message, "");
  EXPECT_EQ(update_to(names(0, 101)).message, "");
  EXPECT_EQ(show().at("state"), "ok");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "store" / "fetch" / "ads.held"));
  EXPECT_NE(update_to(names(0, 10)).message, "");
  EXPECT_EQ(update_to(names(0, 101)).message, "") << "back to what is in force";
  EXPECT_EQ(show().at("state"), "ok");
}

TEST_F(GuardsTest, ADryRunSaysItAndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(start(names(0, 100)));
  const std::string before = json::serialize(done("status").at("generation"));
  write_file(scratch_ / "ads.txt", names(50, 120));
  const auto preview = done("list.update", {{"name", "ads"}, {"dry_run", true}});
  EXPECT_EQ(preview.at("added").to_number<int>(), 20);
  EXPECT_EQ(preview.at("removed").to_number<int>(), 50);
  EXPECT_TRUE(preview.at("would_be_held").as_bool());
  EXPECT_FALSE(preview.at("cache").at("reachable").as_bool());
  EXPECT_EQ(json::serialize(done("status").at("generation")), before);
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "store" / "fetch" / "ads.new"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "store" / "fetch" / "ads.held"));
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "store" / "policy" / "candidates"));
  EXPECT_EQ(show().at("state"), "ok");
  EXPECT_NE(update().error().message, "") << "and then it happens as it was said";
}

}  // namespace
}  // namespace weir::sidecar::guards_test
