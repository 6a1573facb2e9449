// The whole sidecar in one process, asked over its own control socket.
#include "tools/sidecar/sidecar.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tests/tools/sidecar/http_server.h"
#include "tools/sidecar/control_server.h"
#include "tools/sidecar/explain.h"
#include "tools/sidecar/log_rows.h"
#include "tools/support/control_client.h"
#include "zones/base/exit_code.h"
#include "zones/link/decision.h"
#include "zones/link/ring.h"
#include "zones/store/generation.h"
#include "zones/verdict.h"

namespace weir::sidecar::sidecar_test {
namespace {

namespace json = boost::json;

Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

class SidecarTest : public ::testing::Test {
 protected:
  SidecarTest() { write_file(scratch_ / "ads.txt", "||ads.example^\n@@||good.ads.example^\n||tracker.example^\n"); }

  // `lists`: what follows the fixed sections.
  void configure(const std::string& lists) {
    write_file(scratch_ / "weir.toml", "[store]\npath = \"" + (scratch_ / "store").string() + "\"\n[run]\npath = \"" +
                                           (scratch_ / "run").string() +
                                           "\"\n[fetch]\nallow_private = [\"127.0.0.1\"]\n" + lists);
  }
  std::string ads_list() const {
    return "[[list]]\nname = \"ads\"\nkind = \"block\"\nsource = \"" + (scratch_ / "ads.txt").string() +
           "\"\nevery = \"24h\"\n[[policy]]\nname = \"default\"\nlists = [\"ads\"]\n";
  }
  void start() {
    auto config = Config::load(scratch_ / "weir.toml");
    ASSERT_TRUE(config) << config.error().message;
    auto sidecar = Sidecar::start(std::move(*config), scratch_ / "weir.toml", read_clocks());
    ASSERT_TRUE(sidecar) << sidecar.error().message;
    sidecar_ = std::move(*sidecar);
  }
  Result<json::value> ask(const std::string& verb, const json::object& arguments = {},
                          const ControlClient::Progress& progress = {}) {
    auto client = ControlClient::connect(scratch_ / "run" / "sidecar.sock", "weir-sidecar");
    if (!client) return client.error();
    const auto reply = client->request({verb, json::serialize(arguments), "tester"}, progress);
    if (!reply) return reply.error();
    return json::parse(*reply);
  }
  json::value done(const std::string& verb, const json::object& arguments = {}) {
    auto reply = ask(verb, arguments);
    EXPECT_TRUE(reply) << verb << ": " << (reply ? "" : reply.error().message);
    return reply ? *reply : json::value(json::object{});
  }
  Error refused(const std::string& verb, const json::object& arguments = {}) {
    auto reply = ask(verb, arguments);
    EXPECT_FALSE(reply) << verb << ": " << (reply ? json::serialize(*reply) : "");
    return reply ? Error{} : reply.error();
  }
  std::string outcome(const std::string& name) {
    const json::value reply = done("explain", {{"names", {name}}});
    return std::string(reply.at("results").at(0).at("outcome").as_string());
  }
  // The scheduled first import runs beside the test.
  json::value update(const std::string& list) {
    for (;;) {
      auto reply = ask("list.update", {{"name", list}});
      if (reply) return *reply;
      if (reply.error().code != ErrorCode::busy) {
        ADD_FAILURE() << reply.error().message;
        return json::object{};
      }
      std::this_thread::yield();
    }
  }
  Error update_refused(const std::string& list) {
    for (;;) {
      const Error error = refused("list.update", {{"name", list}});
      if (error.code != ErrorCode::busy) return error;
      std::this_thread::yield();
    }
  }
  void until_held(const std::string& list) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done("list.show", {{"name", list}}).at("lists").at(0).as_object().contains("held")) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << list;
      std::this_thread::yield();
    }
  }
  // The update that ended in a held version may not have let go of its list yet.
  Result<json::value> approve(const std::string& list) {
    for (;;) {
      auto reply = ask("list.approve", {{"name", list}});
      if (reply || reply.error().code != ErrorCode::busy) return reply;
      std::this_thread::yield();
    }
  }

  test::ScratchFolder scratch_;
  std::unique_ptr<Sidecar> sidecar_;
};

// SEMANTICS 2 RPZ: Keep the last good copy on disk over a restart
TEST_F(SidecarTest, ImportsExplainsAndKeepsItsStateOverARestart) {
  configure(ads_list());
  start();
  const json::value first = update("ads");
  EXPECT_EQ(first.at("rules").to_number<int>(), 3);
  EXPECT_EQ(first.at("lines").to_number<int>(), 3);
  EXPECT_EQ(first.at("buckets").at("rule").to_number<int>(), 3);
  EXPECT_EQ(outcome("www.ads.example"), "blocked");
  EXPECT_EQ(outcome("good.ads.example"), "none");
  EXPECT_EQ(outcome("other.example"), "none");
  const json::value why = done("explain", {{"names", {"www.tracker.example"}}}).at("results").at(0);
  EXPECT_EQ(why.at("winner").at("list"), "ads");
  EXPECT_EQ(why.at("winner").at("pattern"), "tracker.example");
  EXPECT_EQ(why.at("winner").at("kind"), "subtree");
  EXPECT_EQ(why.at("winner").at("line").to_number<int>(), 3);
  EXPECT_EQ(why.at("winner").at("source").as_string(), (scratch_ / "ads.txt").string());
  EXPECT_EQ(why.at("mode"), "null");

  EXPECT_FALSE(update("ads").at("changed").as_bool()) << "the same bytes import nothing";
  write_file(scratch_ / "ads.txt", "||ads.example^\n||new.example^\n");
  const json::value second = update("ads");
  EXPECT_TRUE(second.at("changed").as_bool());
  EXPECT_EQ(second.at("added").to_number<int>(), 1);
  EXPECT_EQ(second.at("removed").to_number<int>(), 2);
  EXPECT_EQ(outcome("new.example"), "blocked");
  EXPECT_EQ(outcome("tracker.example"), "none");

  sidecar_.reset();
  start();
  EXPECT_EQ(outcome("new.example"), "blocked");
  EXPECT_FALSE(update("ads").at("changed").as_bool());
  const json::value status = done("status");
  EXPECT_EQ(status.at("generation").at("reason"), "import ads");
  EXPECT_EQ(status.at("lists").at(0).at("state"), "ok");
  EXPECT_EQ(status.at("lists").at(0).at("rules").to_number<int>(), 2);
  EXPECT_FALSE(status.at("resolver").at("reachable").as_bool());

  const json::value history = done("list.history", {{"name", "ads"}});
  ASSERT_EQ(history.at("imports").as_array().size(), 2U);
  const auto oldest = history.at("imports").at(1).at("import").to_number<std::uint64_t>();
  const auto newest = history.at("imports").at(0).at("import").to_number<std::uint64_t>();
  const json::value back = done("list.rollback", {{"name", "ads"}, {"import", oldest}});
  EXPECT_TRUE(back.at("changed").as_bool());
  EXPECT_EQ(back.at("rolled_back").at("import").to_number<std::uint64_t>(), oldest);
  const json::value again = done("list.rollback", {{"name", "ads"}, {"import", oldest}});
  EXPECT_FALSE(again.at("changed").as_bool());
  EXPECT_EQ(again.at("generation"), back.at("generation"));
  EXPECT_EQ(outcome("tracker.example"), "blocked");
  EXPECT_EQ(outcome("new.example"), "none");
  EXPECT_EQ(done("status").at("lists").at(0).at("rules").to_number<int>(), 3);
  const json::value untouched = update("ads");
  EXPECT_FALSE(untouched.at("changed").as_bool()) << "the source says nothing new: the roll-back stays";
  const json::value preview = done("list.update", {{"name", "ads"}, {"dry_run", true}});
  EXPECT_FALSE(preview.at("changed").as_bool());
  // Once both said that the source had what was in force, and nothing told of the roll-back.
  for (const json::value& reply :
       {untouched, preview, done("status").at("lists").at(0), done("list.show", {{"name", "ads"}}).at("lists").at(0)}) {
    ASSERT_TRUE(reply.at("rolled_back").is_object()) << json::serialize(reply);
    EXPECT_EQ(reply.at("rolled_back").at("import").to_number<std::uint64_t>(), oldest);
    EXPECT_EQ(reply.at("rolled_back").at("newest").to_number<std::uint64_t>(), newest);
    EXPECT_EQ(reply.at("rolled_back").at("how"), "list rollback by tester");
  }
  EXPECT_EQ(done("status").at("lists").at(0).at("last_import"),
            done("list.history", {{"name", "ads"}}).at("imports").at(0).at("time"));
  EXPECT_EQ(outcome("tracker.example"), "blocked");
  EXPECT_EQ(done("list.show", {{"name", "ads"}}).at("lists").at(0).at("history").to_number<int>(), 3);
  done("list.rollback", {{"name", "ads"}, {"import", newest}});
  EXPECT_EQ(outcome("new.example"), "blocked") << "the newest is taken again";
  EXPECT_TRUE(done("status").at("lists").at(0).at("rolled_back").is_null());
}

TEST_F(SidecarTest, BadListsLeaveTheOldStateInForce) {
  configure(ads_list());
  start();
  update("ads");
  const auto before = done("status").at("generation").at("number").to_number<std::uint64_t>();
  struct Row {
    const char* what;
    std::string text;
  };
  std::string binary = "ads.example\n";
  binary += std::string(10, '\0');
  for (const Row& row : {Row{"HTML", "<!DOCTYPE html><html><body>ads.example</body></html>\n"},
                         Row{"JSON", "{\"error\": \"not found\"}\n"}, Row{"binary", binary}, Row{"empty", ""},
                         Row{"comments only", "# nothing here\n# at all\n"},
                         Row{"addresses", "192.0.2.1\n192.0.2.2\n192.0.2.3\n198.51.100.0/24\n"}}) {
    write_file(scratch_ / "ads.txt", row.text);
    const Error error = update_refused("ads");
    EXPECT_EQ(error.code, ErrorCode::invalid) << row.what << ": " << error.message;
    EXPECT_NE(error.message.find("ads.txt"), std::string::npos) << row.what << ": " << error.message;
    EXPECT_EQ(outcome("www.ads.example"), "blocked") << row.what;
    const json::value status = done("status");
    EXPECT_EQ(status.at("generation").at("number").to_number<std::uint64_t>(), before) << row.what;
    EXPECT_EQ(status.at("lists").at(0).at("state"), "failed") << row.what;
    EXPECT_EQ(status.at("lists").at(0).at("last_error").as_string(), error.message) << row.what;
  }
  std::filesystem::remove(scratch_ / "ads.txt");
  EXPECT_EQ(update_refused("ads").code, ErrorCode::not_found);
  write_file(scratch_ / "ads.txt", "||ads.example^\n");
  EXPECT_EQ(update("ads").at("rules").to_number<int>(), 1);
  EXPECT_EQ(done("status").at("lists").at(0).at("state"), "ok");
  EXPECT_EQ(refused("list.update", {{"name", "nope"}}).code, ErrorCode::not_found);
}

// Every change of what is filtered has its record before it is acknowledged; what changes nothing has none.
TEST_F(SidecarTest, EveryChangeIsInTheAuditLog) {
  configure(ads_list());
  start();
  update("ads");
  update("ads");  // the same bytes
  done("rule.add", {{"pattern", "a.example"}, {"action", "block"}, {"reason", "asked for by bob"}});
  done("rule.add", {{"pattern", "a.example"}, {"action", "block"}});  // it is there already
  done("rule.remove", {{"pattern", "a.example"}});
  write_file(scratch_ / "ads.txt", "||ads.example^\n");
  update("ads");
  const auto oldest = done("list.history", {{"name", "ads"}}).at("imports").at(1).at("import").to_number<int>();
  done("list.rollback", {{"name", "ads"}, {"import", oldest}});
  done("generation.rollback", {{"number", 1}});
  configure(ads_list() + "[[group]]\nname = \"kids\"\nclients = [\"192.0.2.0/24\"]\n");
  done("reload");
  const json::value shown = done("audit.show");
  std::vector<std::string> what;
  std::uint64_t generation = 0;
  for (const json::value& record : shown.at("records").as_array()) {
    const auto next = record.at("generation").to_number<std::uint64_t>();
    EXPECT_GT(next, generation) << json::serialize(record);
    generation = next;
    std::string text(record.at("what").as_string());
    if (!record.at("subject").as_string().empty()) text += " " + std::string(record.at("subject").as_string());
    what.push_back(text);
    const std::string_view who = record.at("who").as_string();
    EXPECT_TRUE(who == "tester" || who == "schedule" || text == "start") << json::serialize(record);
  }
  const std::vector<std::string> expected{
      "start",      "import ads",        "rule add a.example and below", "rule remove a.example and below",
      "import ads", "list rollback ads", "generation rollback",          "reload"};
  // After the roll-back the list is fetched again, at once, by the schedule.
  ASSERT_GE(what.size(), expected.size());
  what.resize(expected.size());
  EXPECT_EQ(what, expected);
  EXPECT_EQ(shown.at("records").at(2).at("why"), "asked for by bob");
  sidecar_.reset();
  start();
  EXPECT_TRUE(done("audit.verify").at("whole").as_bool());
  std::string text = read_file(scratch_ / "store" / "audit" / "records");
  text.replace(text.find("bob"), 3, "eve");
  write_file(scratch_ / "store" / "audit" / "records", text);
  const json::value broken = done("audit.verify");
  EXPECT_FALSE(broken.at("whole").as_bool());
  EXPECT_TRUE(broken.at("faults").at(0).as_string().starts_with("line 3: ")) << json::serialize(broken);
}

TEST_F(SidecarTest, TheAuditLogSaysWhichRulesWent) {
  configure(ads_list() + "[[group]]\nname = \"kids\"\nclients = [\"192.0.2.0/24\"]\n");
  start();
  done("rule.add", {{"pattern", "a.example"}, {"action", "allow"}});
  done("rule.add", {{"pattern", "a.example"}, {"action", "block"}, {"groups", json::array{"kids"}}});
  done("rule.add", {{"pattern", "b.example"}, {"action", "allow"}});
  done("rule.remove", {{"pattern", "b.example"}});
  EXPECT_EQ(done("rule.remove", {{"pattern", "a.example"}}).at("removed"), 2U);
  const json::value shown = done("audit.show");
  std::vector<json::object> removals;  // the schedule imports the list somewhere between
  for (const json::value& record : shown.at("records").as_array())
    if (record.at("what") == "rule remove") removals.push_back(record.at("details").as_object());
  ASSERT_EQ(removals.size(), 2U) << json::serialize(shown);
  const json::object& one = removals.front();
  EXPECT_EQ(one.at("action"), "allow") << json::serialize(one);
  EXPECT_EQ(one.at("removed").as_array().size(), 1U);
  const json::object& both = removals.back();
  std::set<std::string> actions;
  for (const json::value& rule : both.at("removed").as_array()) actions.emplace(rule.at("action").as_string());
  EXPECT_EQ(actions, (std::set<std::string>{"allow", "block"})) << json::serialize(both);
}

// A crash between a change and its record: the store says what there was.
TEST_F(SidecarTest, AChangeWithoutItsRecordGetsOneAtTheNextStart) {
  configure(ads_list());
  start();
  update("ads");
  sidecar_.reset();
  {
    auto store = PolicyStore::open(scratch_ / "store", {}, {});
    ASSERT_TRUE(store) << store.error().message;
    Rule rule;
    rule.kind = PatternKind::subtree;
    rule.name = *Name::parse("b.example");
    ASSERT_TRUE((*store)->add_rule(kLocalRules, rule, {}, {}));
    ASSERT_TRUE((*store)->publish("rule add b.example", read_clocks()));
  }
  start();
  const json::value shown = done("audit.show");
  const json::value& newest = shown.at("records").as_array().back();
  EXPECT_EQ(newest.at("who"), "unknown");
  EXPECT_EQ(newest.at("details").at("reason"), "rule add b.example");
  EXPECT_TRUE(done("audit.verify").at("whole").as_bool());
}

// Whatever is wrong with a source is "refused" (3) for the caller: nothing of the sidecar's failed.
TEST_F(SidecarTest, ASourceThatFailsIsRefusedInput) {
  HttpServer server;
  server.serve("/page", "<!DOCTYPE html><html></html>\n");
  server.serve("/empty", "");
  server.on("/hanging", [](const std::string&, const HttpServer::Send& send) { send(HttpServer::kHang); });
  server.on("/private", [](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  std::string closed;
  {
    const HttpServer gone;
    closed = gone.url("/list");
  }
  std::filesystem::create_symlink("loop", scratch_ / "loop");
  const struct {
    const char* what;
    std::string source;
  } rows[] = {{"nobody listens", closed},
              {"missing page", server.url("/nothing")},
              {"too slow", server.url("/hanging")},
              {"private address", "http://10.0.0.1/list"},
              {"redirect to a private address", server.url("/private")},
              {"an HTML page", server.url("/page")},
              {"empty", server.url("/empty")},
              {"missing file", (scratch_ / "absent").string()},
              {"a folder", scratch_.path().string()},
              {"a loop of links", (scratch_ / "loop").string()},
              {"a path that is too long", "/" + std::string(300, 'x')}};
  std::string lists = "timeout = \"300ms\"\n";
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    lists += "[[list]]\nname = \"l" + std::to_string(i) + "\"\nsource = \"" + rows[i].source + "\"\n";
  }
  configure(lists);
  start();
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    const Error error = update_refused("l" + std::to_string(i));
    EXPECT_EQ(exit_code_of_answer(error.code), ExitCode::refused) << rows[i].what << ": " << error.message;
    EXPECT_FALSE(error.message.empty()) << rows[i].what;
  }
}

TEST_F(SidecarTest, UnchangedOnTheServerImportsNothing) {
  HttpServer server;
  server.on("/ads.txt", [](const std::string& request, const HttpServer::Send& send) {
    const std::string body = "||ads.example^\n";
    send(request.find("If-None-Match: \"v1\"") != std::string::npos
             ? "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
             : "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nConnection: close\r\nContent-Length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  const auto list = [&](const std::string& more) {
    return "[[list]]\nname = \"ads\"\nkind = \"block\"\nsource = \"" + server.url("/ads.txt") + "\"\n" + more +
           "[[policy]]\nname = \"default\"\nlists = [\"ads\"]\n";
  };
  configure(list(""));
  start();
  update("ads");
  EXPECT_FALSE(update("ads").at("changed").as_bool());
  EXPECT_NE(server.requests().back().find("If-None-Match"), std::string::npos);
  EXPECT_EQ(read_file(scratch_ / "store" / "fetch" / "ads.good"), "||ads.example^\n");
  EXPECT_EQ(outcome("ads.example"), "blocked");
  // The same bytes read in another way are other rules: they come from the good copy.
  configure(list("dialect = \"domains\"\n"));
  done("reload");
  EXPECT_EQ(update_refused("ads").code, ErrorCode::invalid) << "no line of it is of that dialect";
  EXPECT_EQ(outcome("ads.example"), "blocked");
}

TEST_F(SidecarTest, LocalRulesAreInForceAtOnce) {
  configure(ads_list());
  start();
  update("ads");
  const auto begin = std::chrono::steady_clock::now();
  const json::value added = done("rule.add", {{"pattern", "bad.example"}, {"kind", "subtree"}, {"action", "block"}});
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_TRUE(added.at("changed").as_bool());
  EXPECT_EQ(outcome("www.bad.example"), "blocked");
  RecordProperty("rule_add_us", std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  EXPECT_FALSE(
      done("rule.add", {{"pattern", "bad.example"}, {"kind", "subtree"}, {"action", "block"}}).at("changed").as_bool());
  done("rule.add", {{"pattern", "www.ads.example"}, {"kind", "exact"}, {"action", "allow"}});
  EXPECT_EQ(outcome("www.ads.example"), "allowed");
  done("rule.add", {{"pattern", "www.ads.example"}, {"kind", "exact"}, {"action", "block"}});
  EXPECT_EQ(outcome("www.ads.example"), "blocked") << "what was said last holds";
  EXPECT_EQ(done("rule.show").at("rules").as_array().size(), 2U);
  done("rule.add", {{"pattern", "192.0.2.0/24"}});
  EXPECT_EQ(outcome("192.0.2.77"), "blocked");
  EXPECT_TRUE(done("rule.remove", {{"pattern", "192.0.2.0/24"}}).at("changed").as_bool());
  EXPECT_EQ(outcome("192.0.2.77"), "none");
  EXPECT_TRUE(done("rule.remove", {{"pattern", "www.ads.example"}}).at("changed").as_bool());
  EXPECT_FALSE(done("rule.remove", {{"pattern", "www.ads.example"}}).at("changed").as_bool());
  done("rule.add", {{"pattern", "other.example"}, {"kind", "subtree"}, {"action", "allow"}});
  for (const json::object& wrong :
       {json::object{{"pattern", "other.example"}, {"action", "block"}},
        json::object{{"pattern", "other.example"}, {"kind", "exact"}}, json::object{{"pattern", "*.other.example"}}}) {
    const json::value vain = done("rule.remove", wrong);
    EXPECT_FALSE(vain.at("changed").as_bool());
    ASSERT_EQ(vain.at("others").as_array().size(), 1U) << "what there is instead";
    EXPECT_EQ(vain.at("others").at(0).at("pattern"), "other.example");
    EXPECT_EQ(vain.at("others").at(0).at("kind"), "subtree");
    EXPECT_EQ(vain.at("others").at(0).at("action"), "allow");
  }
  EXPECT_FALSE(done("rule.remove", {{"pattern", "absent.example"}}).as_object().contains("others"));
  EXPECT_EQ(refused("rule.add", {{"pattern", "bad..example"}}).code, ErrorCode::invalid);
  EXPECT_EQ(refused("rule.add", {{"pattern", "bad.example"}, {"action", "blok"}}).code, ErrorCode::invalid);
}

TEST_F(SidecarTest, ReloadAddsAndRemovesListsAndRefusesBadFiles) {
  configure(ads_list());
  start();
  update("ads");
  write_file(scratch_ / "more.txt", "more.example\n");
  configure("[[list]]\nname = \"more\"\nkind = \"block\"\nsource = \"" + (scratch_ / "more.txt").string() +
            "\"\n[[policy]]\nname = \"default\"\nlists = [\"more\"]\n");
  const json::value report = done("reload");
  EXPECT_EQ(report.at("lists_added"), json::value({"more"}));
  EXPECT_EQ(report.at("lists_removed"), json::value({"ads"}));
  EXPECT_EQ(report.at("needs_restart"), json::array{});
  update("more");
  EXPECT_EQ(outcome("more.example"), "blocked");
  EXPECT_EQ(outcome("www.ads.example"), "none");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "store" / "fetch" / "ads.good"));

  const auto before = done("status").at("generation").at("number").to_number<std::uint64_t>();
  write_file(scratch_ / "weir.toml", "[resolvr]\nlisten = 3\n");
  const Error error = refused("reload");
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_NE(error.message.find("weir.toml:1"), std::string::npos) << error.message;
  EXPECT_EQ(done("status").at("generation").at("number").to_number<std::uint64_t>(), before);
  EXPECT_EQ(outcome("more.example"), "blocked");
}

TEST_F(SidecarTest, AReloadLeavesAListThatFailsToItsSchedule) {
  const auto list = [&](const std::string& source) {
    return "[[list]]\nname = \"bad\"\nsource = \"" + source + "\"\n[[policy]]\nname = \"default\"\nlists = [\"bad\"]\n";
  };
  const auto next_fetch = [&] { return done("list.show", {{"name", "bad"}}).at("lists").at(0).at("next_fetch"); };
  configure(list((scratch_ / "absent").string()));
  start();
  for (int i = 0; i < 3; ++i) update_refused("bad");
  const json::value due = next_fetch();
  ASSERT_TRUE(due.is_string());
  done("reload");
  EXPECT_EQ(next_fetch(), due) << "nothing changed for this list";
  // Another source is tried at once, by the schedule alone.
  configure(list((scratch_ / "ads.txt").string()));
  done("reload");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (outcome("ads.example") != "blocked" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(outcome("ads.example"), "blocked");
}

TEST_F(SidecarTest, AFirstVersionThatIsHeldIsFetchedOnceAndCanBeApproved) {
  HttpServer server;
  server.serve("/wide.txt", "||co.uk^\n");
  configure("[[list]]\nname = \"wide\"\nsource = \"" + server.url("/wide.txt") +
            "\"\n[[policy]]\nname = \"default\"\nlists = [\"wide\"]\n");
  start();
  until_held("wide");
  EXPECT_EQ(outcome("shop.co.uk"), "none");
  const auto approved = approve("wide");
  ASSERT_TRUE(approved) << approved.error().message;
  EXPECT_EQ(outcome("shop.co.uk"), "blocked");
  EXPECT_EQ(server.requests().size(), 1U);
}

// What the guards saw, and what a signature was asked for, is what an approval lets through.
TEST_F(SidecarTest, WhatIsHeldIsApprovedOnlyAsItWasDefinedThen) {
  write_file(scratch_ / "wide.txt", "||co.uk^\n");
  const auto list = [&](const std::string& source, const std::string& more) {
    return "[[list]]\nname = \"wide\"\nsource = \"" + (scratch_ / source).string() + "\"\n" + more +
           "[[policy]]\nname = \"default\"\nlists = [\"wide\"]\n";
  };
  configure(list("wide.txt", ""));
  start();
  until_held("wide");
  const struct {
    const char* what;
    std::string list;
  } rows[] = {{"a key", list("wide.txt", "key = \"RWTdan+GHV5H9l2qQeLEExXKrukOj76IM+EfubxZgFSfW+1dZBWsLM6A\"\n")},
              {"another source", list("absent.txt", "")},
              {"another dialect", list("wide.txt", "dialect = \"hosts\"\n")}};
  for (const auto& row : rows) {
    configure(row.list);
    done("reload");
    const auto approved = approve("wide");
    ASSERT_FALSE(approved) << row.what;
    EXPECT_EQ(approved.error().code, ErrorCode::invalid) << row.what;
    EXPECT_NE(approved.error().message.find("update the list again"), std::string::npos) << approved.error().message;
    EXPECT_EQ(outcome("shop.co.uk"), "none") << row.what;
  }
  configure(list("wide.txt", ""));
  done("reload");
  const auto approved = approve("wide");
  ASSERT_TRUE(approved) << approved.error().message;
  EXPECT_EQ(outcome("shop.co.uk"), "blocked");
}

TEST_F(SidecarTest, GenerationsRollBackAndStayPinnedUntilAReload) {
  configure(ads_list());
  start();
  update("ads");
  const auto good = done("status").at("generation").at("number").to_number<std::uint64_t>();
  done("rule.add", {{"pattern", "bad.example"}});
  const json::value rolled = done("generation.rollback", {{"number", good}});
  EXPECT_GT(rolled.at("generation").to_number<std::uint64_t>(), good + 1);
  EXPECT_EQ(outcome("bad.example"), "none");
  EXPECT_EQ(outcome("www.ads.example"), "blocked");
  const json::value shown = done("generation.show");
  EXPECT_EQ(shown.at("current"), rolled.at("generation"));
  EXPECT_GE(shown.at("generations").as_array().size(), 3U);
  EXPECT_EQ(refused("generation.rollback", {{"number", 9999}}).code, ErrorCode::not_found);
  EXPECT_EQ(done("rule.show").at("rules").as_array().size(), 0U) << "the writer's state follows";
  done("reload");
  EXPECT_EQ(done("status").at("pinned"), "");
}

TEST_F(SidecarTest, ARollbackLeavesExceptionsAloneAndSaysSo) {
  configure(ads_list());
  start();
  update("ads");
  const auto id_of = [](const json::value& begun) { return std::string(begun.at("overlay").at("id").as_string()); };
  const json::object one_hour{{"seconds", 3600}, {"reason", "homework"}};
  json::object allow = one_hour;
  allow["name"] = "www.ads.example";
  const std::string ended = id_of(done("overlay.allow", allow));
  EXPECT_EQ(outcome("www.ads.example"), "allowed");
  const auto with_it = done("status").at("generation").at("number").to_number<std::uint64_t>();
  done("overlay.end", {{"id", ended}});
  const std::string runs = id_of(done("overlay.pause", one_hour));
  const json::value rolled = done("generation.rollback", {{"number", with_it}});
  ASSERT_EQ(rolled.at("exceptions_go_on").as_array().size(), 1U) << json::serialize(rolled);
  EXPECT_EQ(rolled.at("exceptions_go_on").at(0).at("id").as_string(), json::string(runs));
  ASSERT_EQ(rolled.at("exceptions_stay_ended").as_array().size(), 1U) << json::serialize(rolled);
  EXPECT_EQ(rolled.at("exceptions_stay_ended").at(0).at("id").as_string(), json::string(ended));
  EXPECT_EQ(rolled.at("exceptions_stay_ended").at(0).at("reason"), "homework");
  EXPECT_EQ(rolled.at("pinned"), "");
  const json::value shown = done("overlay.show").at("overlays");
  ASSERT_EQ(shown.as_array().size(), 1U);
  EXPECT_EQ(shown.at(0).at("id").as_string(), json::string(runs));
  const json::value records = done("audit.show").at("records");
  const json::value& details = records.as_array().back().at("details");
  EXPECT_TRUE(details.at("exceptions_go_on").at(0).as_string().starts_with(runs + " until "))
      << json::serialize(details);
  EXPECT_TRUE(
      details.at("exceptions_stay_ended").at(0).as_string().ends_with(": www.ads.example and below for everybody"))
      << json::serialize(details);
  done("overlay.end", {{"id", runs}});
  EXPECT_EQ(outcome("www.ads.example"), "blocked");
}

// What the sidecar remembers of the source ("unchanged since", "next tomorrow") is not about contents that went.
TEST_F(SidecarTest, AReloadFetchesAtOnceWhatARollbackTookAway) {
  configure("");
  start();
  const json::value undefined = done("status").at("generation").at("number");
  configure(ads_list());
  const json::value defined_empty = done("reload").at("generation");
  update("ads");
  ASSERT_EQ(outcome("www.ads.example"), "blocked");
  const auto shown = [&] { return done("list.show", {{"name", "ads"}}).at("lists").at(0); };
  const struct {
    const char* what;
    const json::value& target;
    const char* state;
    bool tried;  // in vain while the definitions were those of then: not to be held against the list
  } rows[] = {{"before the list", undefined, "not in force", false},
              {"before the list, tried", undefined, "not in force", true},
              {"before its first import", defined_empty, "never_loaded", false}};
  for (const auto& row : rows) {
    done("generation.rollback", {{"number", row.target}});
    EXPECT_EQ(outcome("www.ads.example"), "none") << row.what;
    EXPECT_EQ(shown().at("rules").to_number<int>(), 0) << row.what << ": what is in force counts";
    EXPECT_EQ(shown().at("state"), row.state) << row.what;
    if (row.tried) {
      EXPECT_EQ(update_refused("ads").code, ErrorCode::not_found) << row.what;
    }
    done("reload");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (shown().at("state") != "ok" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(outcome("www.ads.example"), "blocked") << row.what;
    EXPECT_EQ(shown().at("rules").to_number<int>(), 3) << row.what;
    EXPECT_EQ(shown().at("state"), "ok") << row.what;
  }
}

// Once it said that such a client's question was blocked or not, though it is refused.
TEST_F(SidecarTest, ExplainSaysWhoMayNotAskAndWhenNothingWasFiltered) {
  configure("[resolver]\nallow_clients = [\"192.0.2.0/24\"]\n" + ads_list());
  start();
  update("ads");
  const auto explained = [&](json::object more) {
    more["names"] = json::array{"www.ads.example"};
    return done("explain", more).as_object();
  };
  for (const char* client : {"198.51.100.9", "2001:db8::1"}) {
    const json::object reply = explained({{"client", client}});
    ASSERT_TRUE(reply.contains("refused_client")) << client;
    EXPECT_EQ(reply.at("refused_client").at("client"), client);
    EXPECT_EQ(reply.at("refused_client").at("setting"), "[resolver] allow_clients");
  }
  for (const char* client : {"192.0.2.9", "::ffff:192.0.2.9"})
    EXPECT_FALSE(explained({{"client", client}}).contains("refused_client")) << client;
  EXPECT_FALSE(explained({{"group", "default"}}).contains("refused_client"));
  EXPECT_FALSE(explained({}).contains("refused_client"));

  // A resolver that was started with other clients.
  const auto resolver = ControlServer::start(resolver_socket(scratch_ / "run"), [](const ControlRequest&, Responder&) {
    return encode_result(json::object{{"generation", 1}, {"needs_restart", {"resolver.allow_clients"}}});
  });
  ASSERT_TRUE(resolver) << resolver.error().message;
  EXPECT_EQ(explained({{"client", "192.0.2.9"}}).at("access_from_restart").at("client"), "192.0.2.9");
  EXPECT_FALSE(explained({{"client", "192.0.2.9"}}).contains("refused_client"));
  EXPECT_TRUE(explained({{"client", "198.51.100.9"}}).contains("refused_client"));
  EXPECT_TRUE(explained({{"client", "198.51.100.9"}}).contains("access_from_restart"));
  EXPECT_FALSE(explained({{"group", "default"}}).contains("access_from_restart"));
  const Error early = refused("explain", {{"names", {"a.example"}}, {"at", "2001-01-01T00:00:00Z"}});
  EXPECT_EQ(early.code, ErrorCode::not_found);
  EXPECT_TRUE(
      early.message.starts_with("at 2001-01-01T00:00:00Z nothing was filtered here yet: the first generation is "
                                "of 20"))
      << early.message;
}

TEST_F(SidecarTest, ExplainAgreesWithDecideAndIsQuick) {
  std::string text;
  std::vector<std::string> names;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "host" + std::to_string(i) + ".example";
    text += (i % 3 == 0 ? "||" : "@@||") + name + "^\n";
    names.push_back(name);
    names.push_back("www." + name);
  }
  write_file(scratch_ / "ads.txt", text);
  write_file(scratch_ / "allow.txt", "host0.example\nhost9.example\n");
  configure(ads_list() + "[[list]]\nname = \"fine\"\nkind = \"allow\"\nsource = \"" +
            (scratch_ / "allow.txt").string() +
            "\"\n[[policy]]\nname = \"strict\"\nlists = [\"ads\", \"fine\"]\nblock = \"nxdomain\"\n"
            "[[group]]\nname = \"kids\"\nclients = [\"192.168.7.0/24\"]\npolicy = \"strict\"\n");
  start();
  update("ads");
  update("fine");
  const auto generation = Generation::open_current(scratch_ / "store", StoreCache::make(1 << 20));
  ASSERT_TRUE(generation) << generation.error().message;
  for (const auto& [group, client] : {std::pair("default", "10.0.0.1"), std::pair("kids", "192.168.7.9")}) {
    const auto begin = std::chrono::steady_clock::now();
    json::array results;
    for (std::size_t first = 0; first < names.size(); first += 2500) {
      const std::vector<std::string> part(names.begin() + static_cast<std::ptrdiff_t>(first),
                                          names.begin() + static_cast<std::ptrdiff_t>(first) + 2500);
      const json::value reply = done("explain", {{"names", json::value_from(part)}, {"client", client}});
      for (const json::value& result : reply.at("results").as_array()) results.push_back(result);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    ASSERT_EQ(results.size(), names.size());
    const PolicySet& policies = (*generation)->policies();
    const std::uint32_t index = policies.group_of(*IpAddress::parse(client));
    int blocked = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Name name = *Name::parse(names[i]);
      MatchSet matches;
      (*generation)->match(ReversedName(name), matches);
      const Verdict verdict = decide(
          matches, {policies, index, *IpAddress::parse(client), name, RecordType::a, read_clocks().wall, **generation});
      const json::object& result = results[i].as_object();
      EXPECT_EQ(result.at("group"), group);
      EXPECT_EQ(result.at("outcome"), verdict.outcome == Outcome::blocked   ? "blocked"
                                      : verdict.outcome == Outcome::allowed ? "allowed"
                                                                            : "none")
          << names[i];
      blocked += verdict.outcome == Outcome::blocked ? 1 : 0;
      if (verdict.winner == kNoRule) continue;
      const Match& winner = matches.matches[static_cast<std::size_t>(verdict.winner)];
      EXPECT_EQ(result.at("winner").at("list").as_string(), policies.find_list(winner.list_id())->name);
      if (winner.list_id() == policies.find_list("ads")->id) {
        EXPECT_EQ(result.at("winner").at("line").to_number<std::size_t>(), i / 2 + 1) << names[i];
      }
    }
    EXPECT_GT(blocked, 3000);
  }
}

TEST_F(SidecarTest, DecisionsAreLoggedWithTheirListAndLine) {
  configure(ads_list());
  start();
  update("ads");
  const auto generation = Generation::open_current(scratch_ / "store", StoreCache::make(1 << 20));
  ASSERT_TRUE(generation);
  MatchSet matches;
  const Name name = *Name::parse("www.tracker.example");
  (*generation)->match(ReversedName(name), matches);
  ASSERT_EQ(matches.matches.size(), 1U);

  // Watches before anything happens; the first row ends it.
  std::mutex mutex;
  std::condition_variable seen;
  std::string tailed;
  auto tail = ControlClient::connect(scratch_ / "run" / "sidecar.sock", "weir-sidecar");
  ASSERT_TRUE(tail);
  std::thread watcher([&] {
    const auto ended = tail->request(
        {"log.tail", "{}", "tester"},
        [&](std::string_view row) {
          const std::lock_guard lock(mutex);
          tailed = row;
          seen.notify_all();
          return Continue::no;
        },
        std::chrono::seconds(30));
    EXPECT_TRUE(ended);
  });
  auto ring = RingProducer::open(ring_file(scratch_ / "run", 0));
  ASSERT_TRUE(ring) << ring.error().message;
  Decision decision;
  decision.qname = name;
  decision.generation = (*generation)->number();
  decision.winner = matches.matches[0];
  decision.client = identity_of(*IpAddress::parse("192.0.2.77"), Privacy::prefix, std::nullopt);
  decision.latency_us = 12;
  // The watcher may not be there yet: decide again until it has seen one.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  unsigned pushed = 0;
  {
    std::unique_lock lock(mutex);
    while (tailed.empty() && std::chrono::steady_clock::now() < deadline) {
      decision.time = std::chrono::system_clock::now();
      std::array<std::uint8_t, kMaxRecordSize> buffer;
      const std::size_t size = encode(decision, buffer);
      pushed += (*ring)->push({buffer.data(), size}) ? 1 : 0;
      seen.wait_for(lock, std::chrono::milliseconds(300), [&] { return !tailed.empty(); });
    }
  }
  watcher.join();
  ASSERT_FALSE(tailed.empty());
  EXPECT_EQ(json::parse(tailed).at("name"), "www.tracker.example");

  json::array rows;
  do {  // what was pushed last is stored within a turn of the drain
    rows = done("log.search", {{"name", "tracker.example"}, {"since", "1h"}}).at("rows").as_array();
  } while (rows.size() < pushed && std::chrono::steady_clock::now() < deadline);
  ASSERT_EQ(rows.size(), pushed);
  const json::object& row = rows[0].as_object();
  EXPECT_EQ(row.at("class"), "blocked");
  EXPECT_EQ(row.at("list"), "ads");
  EXPECT_EQ(row.at("pattern"), "tracker.example");
  EXPECT_EQ(row.at("group"), "default");
  EXPECT_EQ(row.at("client"), "192.0.2.0/24");
  EXPECT_EQ(row.at("line").to_number<int>(), 3);
  EXPECT_EQ(row.at("latency_us").to_number<int>(), 12);
  const auto found = [&](const json::object& arguments) {
    return done("log.search", arguments).at("rows").as_array().size();
  };
  EXPECT_EQ(found({{"client", "192.0.2.77"}}), pushed);
  EXPECT_EQ(found({{"client", "192.0.2.0/24"}}), pushed);
  EXPECT_EQ(found({{"client", "198.51.100.1"}}), 0U);
  EXPECT_EQ(found({{"list", "ads"}, {"group", "default"}, {"class", "blocked"}}), pushed);
  EXPECT_EQ(found({{"list", "other"}}), 0U);
  EXPECT_EQ(found({{"name", "racker.example"}}), 0U);
  EXPECT_EQ(found({{"class", "would_block"}}), 0U);
  EXPECT_EQ(found({{"until", "1h"}}), 0U);
  EXPECT_EQ(refused("log.search", {{"class", "bloked"}}).code, ErrorCode::invalid);
  EXPECT_EQ(refused("log.search", {{"since", "yesterday"}}).code, ErrorCode::invalid);
  // Once these found nothing, and that was all that was said.
  const struct {
    json::object arguments;
    const char* says;
  } wrong[] = {{{{"client", "999.1.1.1"}}, "expected an address, a prefix such as 192.0.2.0/24"},
               {{{"client", "192.0.2.0/33"}}, "expected an address"},
               {{{"client", "p-12"}}, "16 hexadecimal digits"},
               {{{"since", "2026-07-07T00:00:00Z"}, {"until", "2026-07-06T00:00:00Z"}},
                "\"since\" is 2026-07-07T00:00:00Z, behind \"until\""},
               {{{"since", "1h"}, {"until", "2h"}}, "expected the earlier moment"}};
  for (const auto& row : wrong) {
    const Error error = refused("log.search", row.arguments);
    EXPECT_EQ(error.code, ErrorCode::invalid) << row.says;
    EXPECT_NE(error.message.find(row.says), std::string::npos) << error.message;
  }
  EXPECT_TRUE(ask("log.search", {{"client", "p-0123456789abcdef"}}));
  EXPECT_EQ(done("log.search", {{"client", "192.0.2.7"}}).at("note"),
            "clients of group \"default\" are kept as prefixes, so this is what all of 192.0.2.0/24 asked for");
  EXPECT_FALSE(done("log.search", {{"client", "192.0.2.0/24"}}).as_object().contains("note"));
  EXPECT_EQ(done("status").at("log").at("rows").to_number<unsigned>(), pushed);

  // How it was answered: with the policy's mode, or with the rule's own action.
  const struct {
    Action action;
    DecisionClass decision_class;
    const char* mode;
  } answered[] = {{Action::block, DecisionClass::blocked, "null"},
                  {Action::nxdomain, DecisionClass::blocked, "nxdomain"},
                  {Action::refused, DecisionClass::blocked, "refused"},
                  {Action::address, DecisionClass::blocked, "address"},
                  {Action::nxdomain, DecisionClass::would_block, ""}};
  const auto generation_log = log::DecisionLog::open(scratch_ / "other-log");
  ASSERT_TRUE(generation_log) << generation_log.error().message;
  RowReader reader(**generation_log, *generation);
  for (const auto& expected : answered) {
    decision.action = expected.action;
    decision.decision_class = expected.decision_class;
    const boost::json::object shown = reader.show(decision);
    EXPECT_EQ(shown.at("mode"), expected.mode) << to_text(expected.action);
  }
}

TEST_F(SidecarTest, ARefusedOneLeavesThePidOfTheFirstInItsLock) {
  configure(ads_list());
  start();
  for (int round = 0; round < 2; ++round) {
    const auto refused = Sidecar::start(*Config::load(scratch_ / "weir.toml"), scratch_ / "weir.toml", read_clocks());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find(std::to_string(::getpid())), std::string::npos) << refused.error().message;
  }
}

TEST_F(SidecarTest, ASecondOneAndUnknownVerbsAreRefused) {
  configure(ads_list());
  start();
  const auto second = Sidecar::start(*Config::load(scratch_ / "weir.toml"), scratch_ / "weir.toml", read_clocks());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(exit_code_of(second.error().code), ExitCode::failed);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos) << second.error().message;
  const Error unknown = refused("list.updat");
  EXPECT_EQ(unknown.code, ErrorCode::invalid);
  EXPECT_NE(unknown.message.find("did you mean 'list.update'?"), std::string::npos) << unknown.message;
  EXPECT_EQ(refused("explain", {{"names", {"bad..name"}}}).code, ErrorCode::invalid);
  EXPECT_EQ(refused("explain", {{"names", {"a.example"}}, {"group", "none"}}).code, ErrorCode::not_found);
  EXPECT_EQ(refused("explain", {{"names", 3}}).code, ErrorCode::invalid);
}

}  // namespace
}  // namespace weir::sidecar::sidecar_test
