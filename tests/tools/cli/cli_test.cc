// The whole command line against a fake sidecar on a socket of its own.
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tools/cli/app.h"
#include "zones/base/version.h"
#include "zones/link/control.h"

namespace weir::cli::cli_test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// Answers each verb with what the test said; unknown verbs are errors. Remembers what was asked.
class FakeSidecar {
 public:
  using Answer = std::function<std::string(const json::object& arguments)>;

  explicit FakeSidecar(const fs::path& run) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, sidecar_socket(run).c_str());
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(socket_, 16) != 0) abort();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeSidecar() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }

  void on(const std::string& verb, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[verb] = std::move(answer);
  }
  void on(const std::string& verb, const char* result) {
    on(verb, [text = std::string(result)](const json::object&) { return encode_result(json::parse(text)); });
  }
  std::vector<std::pair<std::string, json::object>> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    for (;;) {
      const int client = accept(socket_, nullptr, nullptr);
      if (client < 0) return;
      std::string line;
      char buffer[65536];
      for (;;) {
        const ssize_t got = recv(client, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        line.append(buffer, static_cast<std::size_t>(got));
        const auto end = line.find('\n');
        if (end == std::string::npos) continue;
        const std::string reply = answer(line.substr(0, end));
        line.erase(0, end + 1);
        if (send(client, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) break;
      }
      close(client);
    }
  }
  std::string answer(const std::string& line) {
    auto request = decode_request(line);
    if (!request) return encode_error(request.error());
    const json::object arguments = json::parse(request->arguments).as_object();
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      asked_.emplace_back(request->verb, arguments);
      const auto found = answers_.find(request->verb);
      if (found != answers_.end()) answer = found->second;
    }
    return answer ? answer(arguments) : encode_error({ErrorCode::invalid, "unknown verb " + request->verb});
  }

  int socket_ = -1;
  std::map<std::string, Answer> answers_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, json::object>> asked_;
  std::thread thread_;
};

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

std::string explain_reply(const json::object& arguments);

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("weir.toml",
          "[run]\npath = \".\"\n[[list]]\nname = \"ads\"\nsource = \"ads.txt\"\npolicies = [\"default\"]\n");
    write("ads.txt", "ads.example\n");
  }

  void write(const std::string& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  Ran run(std::vector<std::string> arguments, const std::string& input = "", bool terminal = false) {
    arguments.insert(arguments.begin(), {"--config", (folder_ / "weir.toml").string()});
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Streams streams{in, out, err, terminal};
    const int code = static_cast<int>(cli::run(arguments, streams));
    return {code, out.str(), err.str()};
  }
  FakeSidecar& sidecar() {
    if (!sidecar_) sidecar_ = std::make_unique<FakeSidecar>(folder_.path());
    return *sidecar_;
  }
  void faulty_config() { write("weir.toml", "[run]\npath = \".\"\n[resolver]\nlisen = 1\n"); }

  const test::ScratchFolder folder_;
  std::unique_ptr<FakeSidecar> sidecar_;
};

TEST_F(CliTest, WrongUsageIsTwoAndNamesTheNearestVerb) {
  const struct {
    std::vector<std::string> arguments;
    const char* told;
  } kRows[] = {{{}, "subcommand"},
               {{"chekc"}, "did you mean 'check'?"},
               {{"list", "updat", "ads"}, "unknown verb 'updat' after 'weir list'; did you mean 'update'?"},
               {{"--json", "statsu"}, "did you mean 'status'?"},
               {{"list"}, "subcommand"},
               {{"list", "update"}, "NAME is required"},
               {{"allow"}, "NAME, --for, --reason are required"},
               {{"allow", "a.example", "--reason", "x"}, "--for is required"},
               {{"list", "rollback"}, "NAME, IMPORT are required"},
               {{"status", "--frob"}, "--frob"},
               {{"generation", "rollback", "twelve"}, "twelve"},
               {{"explain"}, "which name?"},
               {{"explain", "a.example", "--batch"}, "leave NAME away"},
               {{"explain", "a.example", "--follow", "--at", "1h"}, "--follow asks the resolver"},
               {{"explain", "--batch", "--follow"}, "--follow asks the resolver"},
               {{"explain", "a.example", "--group", "g", "--client", "::1"}, "not both"},
               {{"rule", "add", "a.example", "--allow", "--null"}, "one action"},
               {{"rule", "add", "a.example", "--exact", "--subtree"}, "either --exact or --subtree"},
               {{"list", "check", "x", "--kind", "blok"}, "blok"}};
  for (const auto& row : kRows) {
    const Ran ran = run(row.arguments);
    EXPECT_EQ(ran.code, 2) << ran.err;
    EXPECT_NE(ran.err.find(row.told), std::string::npos) << ran.err << "\nwanted: " << row.told;
  }
}

TEST_F(CliTest, HelpTellsExitCodes) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("4  a daemon cannot be reached"), std::string::npos) << ran.out;
  EXPECT_NE(run({"list", "add", "--help"}).out.find("Usage: weir list add"), std::string::npos);
}

TEST_F(CliTest, EveryVerbThatAsksSaysWhenNobodyAnswers) {
  const std::vector<std::vector<std::string>> kVerbs = {{"status"},
                                                        {"reload"},
                                                        {"list", "update", "ads"},
                                                        {"list", "show"},
                                                        {"list", "history", "ads"},
                                                        {"list", "rollback", "ads", "3"},
                                                        {"rule", "add", "a.example"},
                                                        {"rule", "remove", "a.example"},
                                                        {"rule", "show"},
                                                        {"explain", "a.example"},
                                                        {"generation", "show"},
                                                        {"generation", "rollback", "3"},
                                                        {"log", "search"},
                                                        {"log", "tail"}};
  for (const auto& verb : kVerbs) {
    const Ran ran = run(verb);
    EXPECT_EQ(ran.code, 4) << verb[0] << ' ' << ran.err;
    EXPECT_NE(ran.err.find("weir-sidecar does not run"), std::string::npos) << ran.err;
    EXPECT_TRUE(ran.out.empty()) << ran.out;
  }
  faulty_config();
  for (const auto& verb : kVerbs) {
    const bool reads_definitions = verb[0] == "reload";
    const Ran ran = run(verb);
    EXPECT_EQ(ran.code, reads_definitions ? 3 : 4) << verb[0];
    EXPECT_NE(ran.err.find("weir.toml:4:1: unknown key 'lisen'"), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("weir: warning: ") == 0, !reads_definitions) << ran.err;
  }
}

TEST_F(CliTest, AFaultyConfigurationIsAWarningToVerbsThatOnlyAsk) {
  sidecar().on("status", R"({"version":"0.1.0","pid":7,"started":"T","resolver":{"reachable":true}})");
  sidecar().on("explain", explain_reply);
  const std::string run_path = folder_.path().string();
  write("weir.d/zz.toml", "[[list\n");
  const Ran status = run({"status"});
  EXPECT_EQ(status.code, 0) << status.err;
  EXPECT_TRUE(status.err.starts_with("weir: warning: " + run_path + "/weir.d/zz.toml:1:")) << status.err;
  EXPECT_NE(status.err.find("; going on with [run] path = \"" + run_path), std::string::npos) << status.err;
  EXPECT_NE(status.out.find("weir-sidecar 0.1.0"), std::string::npos) << status.out;

  std::string names;
  for (int i = 0; i < 1500; ++i) names += "open" + std::to_string(i) + ".example\n";
  const Ran batch = run({"explain", "--batch"}, names);
  EXPECT_EQ(batch.code, 0) << batch.err;
  EXPECT_EQ(std::count(batch.err.begin(), batch.err.end(), '\n'), 1) << batch.err;

  faulty_config();
  const Ran faults = run({"explain", "ads.example"});
  EXPECT_EQ(faults.code, 1) << faults.err;
  EXPECT_NE(faults.err.find(" (and 1 more; see 'weir check'); going on with"), std::string::npos) << faults.err;
  EXPECT_EQ(std::count(faults.err.begin(), faults.err.end(), '\n'), 1) << faults.err;
  const Ran as_json = run({"status", "--json"});
  EXPECT_EQ(as_json.code, 0);
  EXPECT_EQ(json::parse(as_json.err).at("warning").at("code").as_string(), "invalid");
}

TEST_F(CliTest, AFaultyConfigurationFailsVerbsThatReadOrWriteDefinitions) {
  sidecar().on("reload", R"({"generation": 4})");
  write("weir.d/zz.toml", "[[list\n");
  for (const auto& verb : std::vector<std::vector<std::string>>{
           {"check"}, {"reload"}, {"list", "add", "new", "/tmp/x"}, {"list", "remove", "ads"}}) {
    const Ran ran = run(verb);
    EXPECT_EQ(ran.code, 3) << verb[0];
    EXPECT_NE(ran.err.find("zz.toml:1:"), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("warning"), std::string::npos) << ran.err;
  }
  EXPECT_TRUE(sidecar().asked().empty());
}

// A mistyped --config must not change the rules of the installed daemon.
TEST_F(CliTest, AConfigurationThatIsNotThereLeadsToNoDaemon) {
  fs::remove(folder_ / "weir.toml");
  const Ran ran = run({"rule", "add", "a.example"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("weir.toml: No such file"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.find("warning"), std::string::npos) << ran.err;
}

TEST_F(CliTest, WhatTheSidecarRefusesHasItsExitCode) {
  const std::pair<ErrorCode, int> kRows[] = {{ErrorCode::invalid, 3},     {ErrorCode::not_found, 3},
                                             {ErrorCode::permission, 5},  {ErrorCode::io, 6},
                                             {ErrorCode::unavailable, 3},  // the list's server, not the sidecar
                                             {ErrorCode::timed_out, 3}};
  for (const auto& [code, exit] : kRows) {
    sidecar().on("list.update", [code = code](const json::object&) { return encode_error({code, "because\x1b[31m"}); });
    const Ran ran = run({"list", "update", "ads"});
    EXPECT_EQ(ran.code, exit) << to_text(code);
    EXPECT_EQ(ran.err, "weir: because\\x1B[31m\n");
    const Ran as_json = run({"list", "update", "ads", "--json"});
    EXPECT_EQ(as_json.code, exit);
    EXPECT_EQ(json::parse(as_json.err).at("error").at("code").as_string(), std::string(to_text(code)));
  }
}

TEST_F(CliTest, CheckTellsFilesAndRemarks) {
  write("weir.d/b.toml", "[[list]]\nname = \"b\"\nsource = \"/nonexistent/b\"\n");
  const Ran ran = run({"check"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("b.toml: good"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("no policy names the list \"b\""), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("/nonexistent/b"), std::string::npos) << ran.out;
  EXPECT_EQ(json::parse(run({"check", "--json"}).out).at("lists").to_number<int>(), 2);
  EXPECT_GT(json::parse(run({"check", "--keys", "--json"}).out).at("keys").as_array().size(), 50U);
}

TEST_F(CliTest, CheckWantsTheFilesThatDaemonsRead) {
  for (const char* key : {"[resolver]\nroot_hints = \"gone\"\n", "[resolver]\ntrust_anchors = [\"gone\"]\n",
                          "[fetch]\nca_file = \"gone\"\n"}) {
    write("weir.d/c.toml", key);
    const Ran ran = run({"check"});
    EXPECT_EQ(ran.code, 3) << key << ran.out;
    EXPECT_NE(ran.err.find("gone: a file was expected, there is nothing"), std::string::npos) << ran.err;
  }
  write("weir.d/c.toml", "[resolver]\ntrust_anchors = [\"/\"]\n");
  EXPECT_NE(run({"check"}).err.find("there is something else"), std::string::npos);
}

TEST_F(CliTest, CheckNamesTheFoldersThatAreNotThere) {
  write("weir.d/c.toml", "[resolver]\nstate = \"/nonexistent/state\"\n");
  const Ran absent = run({"check"});
  EXPECT_EQ(absent.code, 0) << absent.err;
  EXPECT_NE(absent.out.find("note: [resolver] state: there is no folder /nonexistent/state yet"), std::string::npos)
      << absent.out;
  write("file", "");
  write("weir.d/c.toml", "[resolver]\nstate = \"" + (folder_ / "file").string() + "\"\n");
  const Ran other = run({"check"});
  EXPECT_EQ(other.code, 3);
  EXPECT_NE(other.err.find("file: a folder was expected"), std::string::npos) << other.err;
}

// Once they stood bucket by bucket.
TEST_F(CliTest, ListCheckGoesThroughTheFileFromTopToBottom) {
  write("l.txt", "||a.example^$third-party\nbad..name\n||b.example^$third-party\nbad..too\n||c.example^\n");
  const std::string file = (folder_ / "l.txt").string();
  const Ran ran = run({"list", "check", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::vector<std::string> lines;
  std::istringstream out(ran.out);
  for (std::string line; std::getline(out, line);) {
    if (line.starts_with(file + ":") && line.size() > file.size() + 1 && std::isdigit(line[file.size() + 1]) != 0)
      lines.push_back(line.substr(file.size() + 1, 1));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"1", "2", "3", "4"})) << ran.out;
}

TEST_F(CliTest, ListCheckNeedsNoDaemon) {
  write("l.txt", "# c\n0.0.0.0 a.example\nnot a name at all!\n");
  const Ran ran = run({"list", "check", (folder_ / "l.txt").string()});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("3 lines, 1 rule,"), std::string::npos) << ran.out;
  const json::value shown = json::parse(run({"list", "check", (folder_ / "l.txt").string(), "--json"}).out);
  EXPECT_EQ(shown.at("lines").to_number<int>(), 3);
  write("page.txt", "<!doctype html><html></html>\n");
  EXPECT_EQ(run({"list", "check", (folder_ / "page.txt").string()}).code, 3);
  EXPECT_EQ(run({"list", "check", (folder_ / "none.txt").string()}).code, 3);
  write("comments.txt", "# nothing here\n# at all\n");
  const Ran comments = run({"list", "check", (folder_ / "comments.txt").string()});
  EXPECT_EQ(comments.code, 3);
  EXPECT_NE(comments.err.find("there is no rule in it"), std::string::npos) << comments.err;
  const Ran url = run({"list", "check", "https://lists.example/ads.txt"});
  EXPECT_EQ(url.code, 3);
  EXPECT_NE(url.err.find("reads files only"), std::string::npos) << url.err;
}

TEST_F(CliTest, ARuleSaysWhatWentWithIt) {
  sidecar().on("rule.add", R"({"generation": 7, "changed": true, "replaced": 1})");
  sidecar().on("rule.remove", R"({"generation": 8, "changed": true, "removed": 3})");
  const Ran added = run({"rule", "add", "a.example", "--allow"});
  EXPECT_NE(added.out.find("in place of another rule"), std::string::npos) << added.out;
  const Ran removed = run({"rule", "remove", "a.example"});
  EXPECT_NE(removed.out.find("removed a.example, 3 rules"), std::string::npos) << removed.out;
}

TEST_F(CliTest, RulesAreSentAsThePatternSays) {
  sidecar().on("rule.add", R"({"generation": 7, "changed": true})");
  sidecar().on("rule.remove", R"({"generation": 7, "changed": false})");
  const struct {
    std::vector<std::string> arguments;
    const char* sent;  // {"pattern","action","important","addresses"[,"kind"]} as an object
  } kRows[] = {
      {{"add", "Tracker.Example."},
       R"({"pattern":"tracker.example","kind":"subtree","action":"block","important":false,"addresses":[]})"},
      {{"add", "a.example", "--exact", "--allow", "--important"},
       R"({"pattern":"a.example","kind":"exact","action":"allow","important":true,"addresses":[]})"},
      {{"add", "*.a.example", "--nxdomain"},
       R"({"pattern":"*.a.example","kind":"below","action":"nxdomain","important":false,"addresses":[]})"},
      {{"add", "203.0.113.0/24"},
       R"({"pattern":"203.0.113.0/24","kind":"address","action":"block","important":false,"addresses":[]})"},
      {{"add", "bücher.example", "--refused"},
       R"({"pattern":"xn--bcher-kva.example","kind":"subtree","action":"refused","important":false,"addresses":[]})"},
      {{"add", "a.example", "--address", "192.0.2.1", "--address", "2001:db8::1"},
       R"({"pattern":"a.example","kind":"subtree","action":"address","important":false,"addresses":["192.0.2.1","2001:db8::1"]})"},
      {{"add", "||a.example^$dnstype=A", "--client", "192.0.2.1", "--group", "kids", "--type", "A"},
       R"({"pattern":"||a.example^$dnstype=A","action":"","important":false,"addresses":[],"clients":["192.0.2.1"],"groups":["kids"],"types":["A"]})"},
      {{"add", "/^ads[0-9]+\\.example$/", "--drop"},
       R"({"pattern":"/^ads[0-9]+\\.example$/","action":"drop","important":false,"addresses":[]})"},
      {{"add", "ads*.example"}, R"({"pattern":"ads*.example","action":"","important":false,"addresses":[]})"},
      {{"add", "a.example", "--cname", "b.example"},
       R"({"pattern":"a.example","kind":"subtree","action":"cname","important":false,"addresses":[],"target":"b.example"})"},
      {{"add", "a.example", "--answer", "TXT x", "--answer", "MX 1 b"},
       R"({"pattern":"a.example","kind":"subtree","action":"answer","important":false,"addresses":[],"answers":["TXT x","MX 1 b"]})"},
      {{"remove", "/ads/"}, R"({"pattern":"/ads/","action":"","important":false,"addresses":[]})"},
      {{"remove", "a.example"}, R"({"pattern":"a.example","action":"","important":false,"addresses":[]})"},
      {{"remove", "--allow", "a.example", "--exact"},
       R"({"pattern":"a.example","kind":"exact","action":"allow","important":false,"addresses":[]})"}};
  for (const auto& row : kRows) {
    std::vector<std::string> arguments = row.arguments;
    arguments.insert(arguments.begin(), "rule");
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, row.arguments[0] == "add" ? 0 : 1) << ran.err;
    ASSERT_FALSE(sidecar().asked().empty());
    EXPECT_EQ(json::value(sidecar().asked().back().second), json::parse(row.sent)) << row.sent;
  }
  const std::size_t before = sidecar().asked().size();
  for (const char* bad : {"not a name", "a..b", "300.1.2.3/8", "10.0.0.1/8", "", "*.", "a/b"}) {
    const Ran ran = run({"rule", "add", bad});
    EXPECT_TRUE(ran.code == 2 || ran.code == 3) << bad << ran.code;
    EXPECT_FALSE(ran.err.empty());
  }
  const Ran url = run({"rule", "add", "https://foo.example/x?y"});
  EXPECT_EQ(url.code, 3);
  EXPECT_NE(url.err.find("is a URL; rules are about names: give the host name, foo.example\n"), std::string::npos)
      << url.err;
  EXPECT_EQ(sidecar().asked().size(), before);
}

TEST_F(CliTest, ARemovalInVainNamesTheRuleThatIsThere) {
  sidecar().on("rule.remove",
               R"({"generation":7,"changed":false,"others":[
                   {"pattern":"a.example","kind":"subtree","action":"allow","important":false},
                   {"pattern":"*.a.example","kind":"below","action":"address","important":true,"addresses":["192.0.2.1"]}]})");
  const Ran ran = run({"rule", "remove", "a.example", "--exact"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out,
            "there is no such rule: a.example alone\n"
            "there is, however, allow: a.example and everything below it; "
            "to remove it: weir rule remove 'a.example' --subtree --allow\n"
            "there is, however, address: everything below a.example (important); "
            "to remove it: weir rule remove '*.a.example'\n");
}

constexpr const char* kWinner =
    R"({"list":"ads","pattern":"ads.example","kind":"subtree","action":"block","important":false,"import":3,"line":812,
        "source":"https://lists.example/ads.txt","imported":"2026-07-06T00:40:32Z","rank":4,"mode":"enforce"})";

std::string explain_reply(const json::object& arguments) {
  json::array results;
  for (const auto& name : arguments.at("names").as_array()) {
    const std::string text(name.as_string());
    const bool blocked = text.find("ads") != std::string::npos;
    results.push_back(json::object{{"name", text},
                                   {"group", "default"},
                                   {"policy", "default"},
                                   {"outcome", blocked ? "blocked" : "none"},
                                   {"action", blocked ? "block" : "none"},
                                   {"mode", blocked ? "null" : ""},
                                   {"winner", blocked ? json::parse(kWinner) : json::value(nullptr)},
                                   {"losers", blocked ? json::array{json::parse(kWinner)} : json::array{}}});
  }
  return encode_result(json::object{{"generation", 12}, {"results", results}});
}

TEST_F(CliTest, ExplainNamesListLineAndImport) {
  sidecar().on("explain", explain_reply);
  const Ran blocked = run({"explain", "x.ads.example", "--client", "192.0.2.1", "--type", "AAAA"});
  EXPECT_EQ(blocked.code, 1);
  EXPECT_EQ(blocked.out,
            "x.ads.example is blocked (answered with null)\n"
            "  by    list ads, line 812: ads.example and everything below it -> block (rank 4)\n"
            "        import 3 from https://lists.example/ads.txt at 2026-07-06T00:40:32Z\n"
            "  over  list ads, line 812: ads.example and everything below it -> block (rank 4)\n"
            "        import 3 from https://lists.example/ads.txt at 2026-07-06T00:40:32Z\n"
            "  policy default, group default, generation 12\n");
  EXPECT_EQ(json::value(sidecar().asked().back().second),
            json::parse(R"({"names":["x.ads.example"],"type":"AAAA","client":"192.0.2.1"})"));
  const Ran open = run({"explain", "open.example"});
  EXPECT_EQ(open.code, 0);
  EXPECT_NE(open.out.find("open.example is resolved: no rule matches"), std::string::npos);
}

constexpr const char* kFollowed =
    R"({"generation":12,"name":"www.shop.example","type":"A","group":"kids","policy":"strict","outcome":"blocked",
        "mode":"nodata","provisional":true,"overruled":false,"rebinding":false,"default_deny":false,"losers":[],
        "decided_by":{"part":"ns_address","name":"ns.example","address":"192.0.2.53"},
        "winner":{"list":"early","line":7,"pattern":"192.0.2.53/32","kind":"ns_address","action":"nodata","rank":5},
        "answer":{"rcode":"NOERROR","records":[],"dropped":false,"truncated":false,"decides_again":false},
        "resolved":{"rcode":"NOERROR","security":"secure","records":["r"],"upstream_packets":3},"parts_left_out":0,
        "parts":[{"part":"qname","name":"www.shop.example","rules_left_out":0,
                  "rules":[{"list":"later","line":1,"pattern":"www.shop.example","kind":"exact","action":"nxdomain","rank":6}],
                  "looks":[{"outcome":"blocked","winner":{"list":"later"},"lists_cleared":false,"only_rpz":false}]},
                 {"part":"alias","name":"cdn.example","rules":[],"rules_left_out":0,
                  "looks":[{"outcome":"none","winner":null,"lists_cleared":false,"only_rpz":false}]},
                 {"part":"ns_address","name":"ns.example","address":"192.0.2.53","rules_left_out":0,
                  "rules":[{"list":"early","line":7,"pattern":"192.0.2.53/32","kind":"ns_address","action":"nodata","rank":5}],
                  "looks":[{"outcome":"blocked","winner":{"list":"early"},"lists_cleared":false,"only_rpz":true,
                            "ranks_before":6},
                           {"outcome":"none","winner":null,"lists_cleared":false,"only_rpz":false,"ranks_before":5},
                           {"outcome":"none","winner":null,"lists_cleared":false,"only_rpz":false,"ranks_before":5}]}]})";

TEST_F(CliTest, ExplainFollowsAnAnswer) {
  sidecar().on("explain", [](const json::object&) { return encode_result(json::parse(kFollowed)); });
  const Ran ran = run({"explain", "www.shop.example", "--follow", "--group", "kids"});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_EQ(
      ran.out,
      "www.shop.example A is blocked (answered with nodata), by the address 192.0.2.53 of the name server "
      "ns.example\n"
      "  by    list early, line 7: 192.0.2.53/32 -> nodata (rank 5)\n"
      "the way there:\n"
      "  question     www.shop.example: blocked by list later, provisionally: what zones of an earlier rank say of "
      "addresses and name servers comes first\n"
      "    list later, line 1: www.shop.example alone -> nxdomain (rank 6)\n"
      "  alias        cdn.example: no rule\n"
      "  name server  ns.example, 192.0.2.53: blocked by list early (asked of zones before rank 6); then no rule "
      "decides "
      "(asked of lists before rank 5)\n"
      "    list early, line 7: 192.0.2.53/32 -> nodata (rank 5)\n"
      "answer: NOERROR, 0 records\n"
      "resolved as NOERROR, secure; 3 upstream packets\n"
      "policy strict, group kids, generation 12\n");
  EXPECT_EQ(json::value(sidecar().asked().back().second),
            json::parse(R"({"names":["www.shop.example"],"type":"A","group":"kids","follow":true})"));
  sidecar().on("explain", [](const json::object&) {
    return encode_error({ErrorCode::unavailable, "the resolver is not running"});
  });
  EXPECT_EQ(run({"explain", "www.shop.example", "--follow"}).code, 4);
}

TEST_F(CliTest, WhatIfBeginsAndShows) {
  sidecar().on("what_if.start", [](const json::object&) {
    return encode_result(json::parse(R"({"state":"running","policy":"strict","groups":["kids"],"until":"U"})"));
  });
  const Ran begun = run({"what-if", "start", "strict", "--group", "kids", "--for", "2h", "--reason", "r"});
  EXPECT_EQ(begun.code, 0) << begun.err;
  EXPECT_EQ(begun.out,
            "until U each query of group kids is also judged by policy strict; what would differ: weir what-if show\n");
  EXPECT_EQ(json::value(sidecar().asked().back().second),
            json::parse(R"({"policy":"strict","groups":["kids"],"seconds":7200,"reason":"r"})"));

  const char* report = R"({"state":"ended","resolver_started":"R","policy":"strict","groups":["a","b"],"author":"me",
      "reason":"why","started":"S","until":"U","ended":"E","end_reason":"stopped","queries":1234,"blocked_now":5,
      "would_be_blocked":7,
      "newly_blocked":{"queries":3,"names":1,"all_names":false,
                       "samples":[{"name":"x.example","list":"more","queries":3}]},
      "newly_allowed":{"queries":1,"names":1,"all_names":true,"by_name_alone":1,
                       "samples":[{"name":"y.example","list":"default deny","queries":1}]},
      "lists":[{"list":"more","blocks_now":0,"would_block":7,"newly_blocked":3,"newly_allowed":0}]})";
  sidecar().on("what_if.show", [&](const json::object&) { return encode_result(json::parse(report)); });
  const Ran shown = run({"what-if", "show", "--names", "5"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  for (const char* part :
       {"what if groups a, b had policy strict: from S to E (stopped), by me: why\n",
        "1,234 questions; blocked now: 5, then: 7\n", "newly blocked: 3 questions, at least 1 name\n",
        "newly allowed: 1 question, 1 name; of them 1 question by the name alone", "blocked", "x.example",
        "default deny"}) {
    EXPECT_NE(shown.out.find(part), std::string::npos) << shown.out << "\n" << part;
  }
  EXPECT_EQ(json::value(sidecar().asked().back().second), json::parse(R"({"names":5})"));

  sidecar().on("what_if.show", [](const json::object&) {
    return encode_result(json::parse(R"({"state":"none","resolver_started":"R"})"));
  });
  EXPECT_NE(run({"what-if", "show"}).out.find("since the resolver started at R"), std::string::npos);
  sidecar().on("what_if.stop",
               [](const json::object&) { return encode_error({ErrorCode::not_found, "no what-if runs"}); });
  EXPECT_EQ(run({"what-if", "stop"}).code, 3);
  EXPECT_EQ(run({"what-if", "start", "strict", "--for", "soon"}).code, 2);
  EXPECT_EQ(run({"what-if", "start"}).code, 2);
  EXPECT_EQ(run({"what-if", "start", "strict", "--files"}).code, 2);

  sidecar().on("what_if.start", [](const json::object&) {
    return encode_result(json::parse(R"({"state":"running","policy":"","candidate":true,"groups":[],"until":"U",
                                         "never_loaded":["new"]})"));
  });
  const Ran files = run({"what-if", "start", "--files"});
  EXPECT_EQ(
      files.out,
      "until U each query of every group is also judged by what the files say; what would differ: weir what-if show\n"
      "list new was never loaded: nothing is known of what it blocks\n");
  EXPECT_EQ(json::value(sidecar().asked().back().second),
            json::parse(R"({"files":true,"groups":[],"seconds":3600,"reason":""})"));
}

TEST_F(CliTest, DisabledRulesAreShownWithWhatDisablesThem) {
  sidecar().on("explain",
               R"({"generation":3,"results":[{"name":"a.example","outcome":"none","winner":null,"losers":[],
                   "disabled":[{"list":"ads","line":7,"pattern":"a.example","kind":"exact","action":"block","rank":4,
                   "by":{"list":"badfilter","line":2,"pattern":"a.example"}}],"policy":"default","group":"default"}]})");
  EXPECT_EQ(run({"explain", "a.example"}).out,
            "a.example is resolved: no rule matches\n"
            "  disabled  list ads, line 7: a.example alone -> block (rank 4)\n"
            "            by your $badfilter rule, number 2\n"
            "  policy default, group default, generation 3\n");
  sidecar().on("rule.show",
               R"({"rules":[{"pattern":"a.example","kind":"exact","action":"block","line":2,"cancels":true},
                   {"pattern":"b.example","kind":"subtree","action":"allow","exception":true,"line":3,"cancels":true}]})");
  const std::string shown = run({"rule", "show"}).out;
  EXPECT_NE(shown.find("a.example  exact    disables lists' block "), std::string::npos) << shown;
  EXPECT_NE(shown.find("b.example  subtree  disables lists' @@ allow "), std::string::npos) << shown;
}

TEST_F(CliTest, ExplainTellsWhenAListOpensWhatItBlocks) {
  const std::string rule =
      R"({"list":"ads","pattern":"ads.example","kind":"subtree","action":"block","line":1,"rank":4,"mode":"enforce"})";
  const std::string exception =
      R"({"list":"ads","pattern":"good.ads.example","kind":"subtree","action":"allow","exception":true,"line":2,"rank":4,"mode":"enforce"})";
  const struct {
    std::string losers;
    const char* told;
  } kRows[] = {{rule + "," + exception,
                "good.ads.example is resolved: list ads makes an exception to its own rule\n"
                "  by    list ads, line 2: good.ads.example and everything below it -> allow (rank 4, exception)\n"
                "  over  list ads, line 1: ads.example and everything below it -> block (rank 4)\n"
                "  policy default, group default, generation 1\n"},
               {exception, "good.ads.example is resolved: no rule blocks it\n  over  list ads, line 2"},
               {"", "good.ads.example is resolved: no rule matches\n  policy"}};
  for (const auto& row : kRows) {
    sidecar().on("explain", [&](const json::object&) {
      return encode_result(
          json::parse(R"({"generation":1,"results":[{"name":"good.ads.example","group":"default","policy":"default",
                          "outcome":"none","winner":null,"losers":[)" +
                      row.losers + "]}]}"));
    });
    const Ran ran = run({"explain", "good.ads.example"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_TRUE(ran.out.starts_with(row.told)) << ran.out;
  }
}

TEST_F(CliTest, BatchKeepsTheOrderAndAsksInChunks) {
  sidecar().on("explain", explain_reply);
  std::string input = "\n  \n";
  std::string expected;
  for (int i = 0; i < 2500; ++i) {
    const bool blocked = i % 3 == 0;
    const std::string name = (blocked ? "ads" : "open") + std::to_string(i) + ".example";
    input += name + "\r\n";
    expected += name + (blocked ? " blocked ads 812 3\n" : " none - - -\n");
  }
  const Ran ran = run({"explain", "--batch", "--group", "kids"}, input);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, expected);
  EXPECT_EQ(sidecar().asked().size(), 3U);

  const Ran faulty = run({"explain", "--batch"}, "open.example\na..b\nads.example\nno.list o.f\n");
  EXPECT_EQ(faulty.code, 3);
  EXPECT_EQ(faulty.out,
            "open.example none - - -\na..b invalid - - -\nads.example blocked ads 812 3\nno.list\\032o.f none - - -\n")
      << "columns are told apart by spaces";
  const Ran lines = run({"explain", "--batch", "--json"}, "open.example\nads.example\n");
  std::istringstream rows(lines.out);
  std::string row;
  std::getline(rows, row);
  EXPECT_EQ(json::parse(row).at("outcome").as_string(), "none");
  std::getline(rows, row);
  EXPECT_EQ(json::parse(row).at("winner").at("line").to_number<int>(), 812);
}

TEST_F(CliTest, OctetsThatAreNoTextAreInvalidAndNothingElseIs) {
  sidecar().on("explain", explain_reply);
  const std::string input = "ads.example\nm\xFCnchen.example\nb\u00FCcher.example\nb\u00FC cher.example\nfoo.org\n";
  const Ran batch = run({"explain", "--batch"}, input);
  EXPECT_EQ(batch.code, 3) << batch.err;
  EXPECT_EQ(batch.err, "");
  EXPECT_EQ(batch.out,
            "ads.example blocked ads 812 3\nm\\xFCnchen.example invalid - - -\nb\u00FCcher.example none - - -\n"
            "b\u00FC\\032cher.example invalid - - -\nfoo.org none - - -\n");
  std::istringstream rows(run({"explain", "--batch", "--json"}, input).out);
  std::vector<std::string> outcomes;
  for (std::string row; std::getline(rows, row);) {
    json::error_code bad;
    const json::value parsed = json::parse(row, bad);
    ASSERT_FALSE(bad) << row;
    outcomes.emplace_back(parsed.at("outcome").as_string());
  }
  EXPECT_EQ(outcomes, (std::vector<std::string>{"blocked", "invalid", "none", "invalid", "none"}));

  const std::size_t before = sidecar().asked().size();
  for (const auto& verb : std::vector<std::vector<std::string>>{{"explain", "m\xFCn.example"},
                                                                {"explain", "a.example", "--group", "m\xFCn.example"},
                                                                {"list", "update", "m\xFCn.example"},
                                                                {"log", "search", "--name", "m\xFCn.example"}}) {
    const Ran ran = run(verb);
    EXPECT_EQ(ran.code, verb[0] == "log" ? 2 : 3) << verb[0];
    EXPECT_EQ(ran.err, "weir: \"m\\xFCn.example\" is not UTF-8 text\n");
  }
  EXPECT_EQ(sidecar().asked().size(), before);
}

// As a name a URL matches no rule: "is resolved" would be false.
TEST_F(CliTest, ExplainRefusesAUrlAndNamesItsHost) {
  sidecar().on("explain", explain_reply);
  const std::pair<const char*, const char*> kRows[] = {
      {"https://ads.example/", ": give the host name, ads.example\n"},
      {"HTTP://user:pw@ads.example:8080/x?y#z", ": give the host name, ads.example\n"},
      {"https://b\u00FCcher.example/", ": give the host name, b\u00FCcher.example\n"},
      {"https://[2001:db8::1]:443/", ": give the host name, 2001:db8::1\n"},
      {"https://192.0.2.1", ": give the host name, 192.0.2.1\n"},
      {"https:///x", ": give the host name\n"},
      {"https://a..b/", ": give the host name\n"}};
  for (const auto& [url, told] : kRows) {
    const Ran ran = run({"explain", url});
    EXPECT_EQ(ran.code, 3) << ran.out;
    EXPECT_EQ(ran.err, "weir: \"" + std::string(url) + "\" is a URL; rules are about names" + told);
    EXPECT_EQ(run({"rule", "add", url}).err, ran.err);
  }
  EXPECT_TRUE(sidecar().asked().empty());
  const Ran batch = run({"explain", "--batch"}, "https://ads.example/\nads.example\n");
  EXPECT_EQ(batch.code, 3);
  EXPECT_EQ(batch.out, "https://ads.example/ invalid - - -\nads.example blocked ads 812 3\n");
}

constexpr const char* kUpdated =
    R"({"name":"new","lines":10,"rules":8,"added":8,"removed":0,"unchanged":0,"import":1,"generation":5,"buckets":{},
        "notes":["a note"],"changed":true})";

TEST_F(CliTest, ListAddWritesADropInAndListRemoveDeletesIt) {
  sidecar().on("reload", R"({"generation": 4})");
  sidecar().on("list.update", kUpdated);
  const Ran added =
      run({"list", "add", "new", "https://lists.example/a\"b", "--kind", "allow", "--every", "2h", "--rank", "9"});
  EXPECT_EQ(added.code, 0) << added.err;
  EXPECT_NE(added.out.find("new: 8 rules imported from 10 lines (generation 5)"), std::string::npos) << added.out;
  EXPECT_NE(added.out.find("note: a note"), std::string::npos);
  const fs::path file = folder_ / "weir.d/list-new.toml";
  auto config = Config::load(folder_ / "weir.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->lists.size(), 2U);
  EXPECT_EQ(config->lists[1].file(), file);
  EXPECT_EQ(config->lists[1].source, "https://lists.example/a\"b");
  EXPECT_EQ(config->lists[1].definition.rank, 9);
  EXPECT_EQ(config->lists[1].policies, std::vector<std::string>{"default"});
  EXPECT_EQ(sidecar().asked().at(0).first, "reload");
  EXPECT_EQ(sidecar().asked().at(1).first, "list.update");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "weir.d"), fs::directory_iterator()), 1);

  const Ran twice = run({"list", "add", "new", "/tmp/x"});
  EXPECT_EQ(twice.code, 3);
  EXPECT_NE(twice.err.find("list-new.toml:2"), std::string::npos) << twice.err;

  const Ran elsewhere = run({"list", "remove", "ads"});
  EXPECT_EQ(elsewhere.code, 3);
  EXPECT_NE(elsewhere.err.find("weir.toml:3"), std::string::npos) << elsewhere.err;
  EXPECT_EQ(run({"list", "remove", "nosuch"}).code, 3);
  EXPECT_EQ(run({"list", "remove", "../x"}).code, 3);

  const Ran removed = run({"list", "remove", "new"});
  EXPECT_EQ(removed.code, 0) << removed.err;
  EXPECT_FALSE(fs::exists(file));
  EXPECT_TRUE(fs::is_empty(folder_ / "weir.d"));
}

TEST_F(CliTest, AReloadThatTheResolverRefusesIsNoSuccess) {
  sidecar().on("reload", R"({"generation": 4, "resolver_fault": "weir.toml:3:1: why"})");
  const Ran ran = run({"reload"});
  EXPECT_EQ(ran.code, 3) << ran.out;
  EXPECT_NE(ran.err.find("weir-resolver refused to reload, and goes on as before: weir.toml:3:1: why"),
            std::string::npos)
      << ran.err;
}

// The reload wakes the schedule, which may be quicker than the command.
TEST_F(CliTest, ListAddSaysWhatWasImportedAlsoWhereTheScheduleImportedIt) {
  sidecar().on("reload", R"({"generation": 2})");
  sidecar().on(
      "list.update",
      R"({"name":"new","lines":25,"rules":20,"added":0,"removed":0,"import":1,"generation":3,"changed":false})");
  const Ran added = run({"list", "add", "new", "/tmp/x"});
  EXPECT_EQ(added.code, 0) << added.err;
  EXPECT_NE(added.out.find("new: 20 rules imported from 25 lines (generation 3)"), std::string::npos) << added.out;
  EXPECT_EQ(added.out.find("not changed"), std::string::npos) << added.out;
  EXPECT_NE(run({"list", "update", "new"}).out.find("new: not changed, 20 rules"), std::string::npos);
}

TEST_F(CliTest, SaysItsVersion) {
  const Ran ran = run({"--version"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, std::string("weir ") + version() + "\n");
  EXPECT_NE(std::string(version()).find('.'), std::string::npos);
}

TEST_F(CliTest, AListThatDoesNotLoadLeavesNothingBehind) {
  sidecar().on("reload", R"({"generation": 4})");
  for (const auto& options : std::vector<std::vector<std::string>>{
           {"--policy", "nosuch"}, {"--every", "5"}, {"--kind", "zone"}, {"--match", "maybe"}}) {
    std::vector<std::string> arguments = {"list", "add", "new", "/tmp/x"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 3) << options[0];
    EXPECT_NE(ran.err.find("list-new.toml:"), std::string::npos) << ran.err;
    EXPECT_TRUE(fs::is_empty(folder_ / "weir.d"));
  }
  EXPECT_TRUE(sidecar().asked().empty());
  sidecar().on("reload", [](const json::object&) { return encode_error({ErrorCode::invalid, "no"}); });
  const Ran refused = run({"list", "add", "new", "/tmp/x"});
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("no; nothing was changed"), std::string::npos) << refused.err;
  EXPECT_TRUE(fs::is_empty(folder_ / "weir.d"));
  // Once it said that the list was defined, and took it back then.
  sidecar().on("reload", R"({"generation":1})");
  sidecar().on("list.update", [](const json::object&) { return encode_error({ErrorCode::invalid, "no list"}); });
  const Ran undone = run({"list", "add", "new", "/tmp/x"});
  EXPECT_EQ(undone.code, 3);
  EXPECT_EQ(undone.out, "");
  EXPECT_NE(undone.err.find("no list; nothing was changed"), std::string::npos) << undone.err;
  EXPECT_TRUE(fs::is_empty(folder_ / "weir.d"));
}

TEST_F(CliTest, AListThatAPolicyNamesIsNotRemoved) {
  write("weir.d/list-new.toml", "[[list]]\nname = \"new\"\nsource = \"/tmp/x\"\n");
  write("weir.toml", "[[policy]]\nname = \"default\"\nlists = [\"new\"]\n");
  const Ran ran = run({"list", "remove", "new"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("weir.toml:3:10: there is no list \"new\""), std::string::npos) << ran.err;
  EXPECT_TRUE(fs::exists(folder_ / "weir.d/list-new.toml"));
}

TEST_F(CliTest, ListAddWithoutADaemonDefinesAndSaysSo) {
  const Ran ran = run({"list", "add", "new", "relative.txt"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("the list is fetched when it starts"), std::string::npos) << ran.err;
  auto config = Config::load(folder_ / "weir.toml");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->lists.at(1).source, (fs::current_path() / "relative.txt").string());
}

TEST_F(CliTest, UpdateWaitsForAnotherUpdateAndShowsABarOnATerminal) {
  int calls = 0;
  sidecar().on("list.update", [&calls](const json::object&) {
    if (++calls == 1) return encode_error({ErrorCode::busy, "being updated"});
    return encode_progress({{"phase", "import"}, {"done", 50}, {"total", 100}}) + encode_result(json::parse(kUpdated));
  });
  const Ran shown = run({"list", "update", "new"}, "", true);
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(calls, 2);
  EXPECT_NE(shown.err.find("[###############               ] 50 %"), std::string::npos) << shown.err;
  const Ran quiet = run({"list", "update", "new"});
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(run({"list", "update", "new", "--json"}, "", true).err, "");
}

TEST_F(CliTest, RepliesAreShownAsTablesAndPassedOnAsJson) {
  const struct {
    std::vector<std::string> arguments;
    const char* verb;
    const char* reply;
    std::vector<const char*> shown;
  } kRows[] = {
      {{"status"},
       "status",
       R"({"version":"0.1.0","pid":7,"started":"T","generation":{"number":3,"fingerprint":"ab","published":"P","rules":1234567},
           "lists":[{"name":"ads","kind":"block","rules":12,"state":"ok","last_error":"\u001b[31m"}],"pinned":"files differ",
           "needs_restart":[{"daemon":"weir-resolver","keys":["resolver.cache"]}],"resolver":{"reachable":true,"generation":3},"log":{"bytes":2048,"rows":5}})",
       {"generation 3, published P, 1,234,567 rules", "ads", "\\x1B[31m", "pinned: files differ", "bytes 2.0 KiB",
        "in force only when weir-resolver is restarted: resolver.cache\n", "weir-resolver answers with generation 3"}},
      {{"reload"}, "reload", R"({"generation":9})", {"reloaded; generation 9 is in force"}},
      {{"reload"},
       "reload",
       R"({"generation":9,"needs_restart":[{"daemon":"weir-resolver","keys":["resolver.listen","cache.min_ttl"]},
           {"daemon":"weir-sidecar","keys":["store.keep_generations"]}]})",
       {"only when weir-resolver is restarted: resolver.listen, cache.min_ttl\n",
        "only when weir-sidecar is restarted: store.keep_generations\n"}},
      {{"list", "show"}, "list.show", R"({"lists":[{"name":"ads","kind":"block","rules":1000}]})", {"ads", "1,000"}},
      {{"explain", "a.example", "--client", "198.51.100.9"},
       "explain",
       R"({"generation":3,"results":[{"name":"a.example","outcome":"none","losers":[],"policy":"p","group":"g"}],
           "refused_client":{"client":"198.51.100.9","setting":"[resolver] allow_clients"}})",
       {"198.51.100.9 gets REFUSED for whatever it asks: it is not in [resolver] allow_clients. What the rules say of "
        "its group:\na.example is resolved"}},
      {{"explain", "a.example", "--client", "198.51.100.9"},
       "explain",
       R"({"generation":3,"results":[{"name":"a.example","outcome":"none","losers":[],"policy":"p","group":"g"}],
           "access_from_restart":{"client":"198.51.100.9","setting":"[resolver] allow_clients"},
           "refused_client":{"client":"198.51.100.9","setting":"[resolver] allow_clients"}})",
       {"weir-resolver runs with another [resolver] allow_clients than the files have, and from its restart on "
        "198.51.100.9 gets REFUSED for whatever it asks. What the rules say of its group:\na.example is resolved"}},
      {{"explain", "a.example", "--client", "198.51.100.9"},
       "explain",
       R"({"generation":3,"results":[{"name":"a.example","outcome":"none","losers":[],"policy":"p","group":"g"}],
           "access_from_restart":{"client":"198.51.100.9","setting":"[resolver] allow_clients"}})",
       {"and from its restart on 198.51.100.9 may ask. What the rules say of its group:\na.example is resolved"}},
      {{"list", "history", "ads"},
       "list.history",
       R"({"imports":[{"import":3,"generation":9,"time":"T","source":"S","sha256":"0123456789abcdef99","rules":5,"added":1,"removed":0,"who":"root","note":"n"}]})",
       {"0123456789abcdef  S", "root"}},
      {{"list", "rollback", "ads", "3"},
       "list.rollback",
       R"({"name":"ads","generation":10,"changed":true,"rolled_back":{"import":3,"newest":5,"since":"T","how":"list rollback by bob"}})",
       {"ads holds again what import 3 brought; generation 10 is in force\n",
        "ads: rolled back to import 3 at T (list rollback by bob); its source brought import 5, which 'weir list "
        "rollback ads 5' takes again; what is newer comes by itself\n"}},
      {{"list", "rollback", "ads", "5"},
       "list.rollback",
       R"({"name":"ads","generation":10,"changed":false,"rolled_back":null})",
       {"ads holds already what import 5 brought; nothing was changed; generation 10 is in force\n"}},
      {{"list", "update", "ads"},
       "list.update",
       R"({"name":"ads","rules":1,"lines":1,"generation":2,"changed":false,"rolled_back":{"import":0,"newest":5,"since":"T","how":"H"}})",
       {"ads: not changed, 1 rule; generation 2\nads: rolled back to before its first import at T (H); its source"}},
      {{"list", "update", "--dry-run", "ads"},
       "list.update",
       R"({"name":"ads","changed":false,"rolled_back":{"import":3,"newest":5,"since":"T","how":"H"}})",
       {"ads: nothing would change; rolled back to import 3 at T"}},
      {{"list", "show"},
       "list.show",
       R"({"lists":[{"name":"ads","kind":"block","rules":1,"state":"ok","rolled_back":{"import":3,"newest":5,"since":"T","how":"H"}}]})",
       {"ok, rolled back", "ads: rolled back to import 3 at T"}},
      {{"rule", "show"},
       "rule.show",
       R"({"rules":[{"pattern":"a.example","kind":"subtree","action":"block","important":true,"line":4,
           "clients":["192.0.2.0/24"],"types":["A","AAAA"],"denyallow":["b.a.example"]}]})",
       {"a.example  subtree  block   yes             4  192.0.2.0/24, A AAAA, not below b.a.example"}},
      {{"rule", "show"},
       "rule.show",
       R"({"rules":[{"pattern":"b.example","kind":"exact","action":"block","line":1},
           {"pattern":"a.example","kind":"exact","action":"address","addresses":["192.0.2.1","2001:db8::1"],"line":2}]})",
       {"a.example  exact  address 192.0.2.1 2001:db8::1  -               2  -\nb.example  exact  block"}},
      {{"list", "show", "ads"},
       "list.show",
       R"({"lists":[{"name":"ads","rules":1234,"every":"86400s","buckets":{"rule":1234,"empty":0,"not_a_rule":2},
           "notes":["a note"],"history":1}]})",
       {"name: ads\nrules: 1,234\nevery: 24h\nlines by kind: rule 1,234, not_a_rule 2\nnote: a note\nhistory: 1 "
        "import\n"}},
      {{"list", "update", "ads"},
       "list.update",
       R"({"name":"ads","rules":1,"lines":1,"added":1,"removed":0,"import":1,"generation":2,"changed":true})",
       {"ads: 1 rule from 1 line; 1 added"}},
      {{"generation", "show"},
       "generation.show",
       R"({"generations":[{"number":12,"published":"P","reason":"rule add","names_epoch":4,"fingerprint":"ff","on_disk":true,"size_bytes":4096}],"current":12})",
       {"in force", "rule add", "4.0 KiB"}},
      {{"zone", "show"},
       "zone.show",
       R"({"zones":[{"name":"filter.example","list":"","policy":"default","serial":7,"records":12,
           "unsaid":{"patterns":2,"conditions":0,"refused":1,"too_long":0,"too_many":0,"exceptions":3},
           "transfers":{"whole":1,"incremental":2,"unchanged":3,"refused":4,"failed":0,"last_refusal":"192.0.2.9: no"},
           "notified":[{"address":"192.0.2.1:53","told":7,"answered":7,"tries":1},
                       {"address":"192.0.2.2:53","told":7,"answered":5,"tries":6}]}]})",
       {"filter.example: policy default, serial 7, 12 records", "not as it is: 2 rules globs", "1 rules with REFUSED", "3 rules for a while",
        "1 whole, 2 incremental, 3 with nothing newer, 4 refused", "last refused: 192.0.2.9: no",
        "192.0.2.1:53: told of 7, and answered", "192.0.2.2:53: told of 7, no answer (tried 6 times)"}},
      {{"zone", "show"}, "zone.show", R"({"zones":[]})", {"no zone is served"}},
      {{"sink", "list"},
       "sink.show",
       R"({"sinks":[{"name":"house","kind":"clickhouse","to":"http://h:8123","up":false,"sent":12345,"waiting":7,
           "spool_bytes":2048,"spool_bound_bytes":1048576,"dropped":1,"failures":3,"fault":"ClickHouse: \u001bgone",
           "failing_since":"T"},{"name":"log","kind":"syslog","to":"","up":true,"sent":1,"waiting":0,"spool_bytes":0,
           "spool_bound_bytes":1048576,"dropped":0,"failures":0,"fault":"","failing_since":null}]})",
       {"house  clickhouse  http://h:8123  down since T  12,345        7  2.0 KiB of 1.0 MiB        1         3\n",
        "log    syslog      the system's   up ", "house: ClickHouse: \\x1Bgone\n"}},
      {{"sink", "list"}, "sink.show", R"({"sinks":[]})", {"see [[sink]]"}},
      {{"sink", "show", "house"},
       "sink.show",
       R"({"sinks":[{"name":"house","kind":"clickhouse","to":"http://h:8123","up":true,"sent":1,"waiting":0,
           "spool_bytes":0,"spool_bound_bytes":1048576,"dropped":0,"failures":1,"fault":"","failing_since":null,
           "last_error":"no route","last_error_at":"T","last_sent_at":"S"}]})",
       {"name: house\n", "state: up\nsent: 1 decision\nlast sent: S\n", "failures: 1 attempt since",
        "last error: T: no route\n"}},
      {{"generation", "rollback", "12"}, "generation.rollback", R"({"generation":13})", {"as generation 13\n"}},
      {{"generation", "rollback", "12"},
       "generation.rollback",
       R"({"generation":13,"pinned":"files differ from generation 13",
           "exceptions_go_on":[{"id":"a2","kind":"allow","subject":"a.example for everybody","until":"U","author":"bob","reason":"why"}],
           "exceptions_stay_ended":[{"id":"p1","kind":"pause","subject":"filtering for group kids","until":"U","author":"bob","reason":"why"}]})",
       {"as generation 13; definitions that the files have otherwise stay pinned to it until 'weir reload'\n",
        "goes on, as exceptions are not rolled back: a2, the allowing of a.example for everybody, until U, by bob "
        "(why)\n",
        "was in force then, and stays ended: p1, the pause of filtering for group kids, until U, by bob (why)\n"}},
      {{"log", "search", "--since", "1h"},
       "log.search",
       R"({"rows":[{"time":"T","class":"blocked","name":"a.example","type":"A","client":"192.0.2.0/24","group":"default","list":"ads",
           "pattern":"example","action":"block","mode":"null","link_name":"b.example","line":8}],"complete":true})",
       {"a.example -> b.example", "192.0.2.0/24", "null"}},
      {{"log", "search", "--source", "clickhouse"},
       "log.search",
       R"({"rows":[{"time":"T","class":"blocked","name":"a.example","node":"there\u001b"}],"complete":true,
           "source":"clickhouse:house"})",
       {"LINE  NODE\n", "there\\x1B\n"}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.verb);
    sidecar().on(row.verb, row.reply);
    const Ran text = run(row.arguments);
    EXPECT_EQ(text.code, 0) << text.err;
    for (const char* shown : row.shown)
      EXPECT_NE(text.out.find(shown), std::string::npos) << text.out << "wanted: " << shown;
    EXPECT_EQ(text.out.find('\x1b'), std::string::npos);
    std::vector<std::string> arguments = row.arguments;
    arguments.push_back("--json");
    EXPECT_EQ(json::parse(run(arguments).out), json::parse(row.reply));
  }
}

// SEMANTICS 1.3: Keep the U-label for display only.
TEST_F(CliTest, NamesAreShownAsPeopleReadThemBesideWhatTheyAre) {
  const struct {
    std::vector<std::string> arguments;
    const char* verb;
    const char* reply;
    const char* shown;
  } kRows[] = {
      {{"explain", "b\u00FCcher.example"},
       "explain",
       R"({"generation":1,"results":[{"name":"xn--bcher-kva.example","outcome":"allowed","winner":{"list":"local",
           "pattern":"*.xn--fa-hia.example","kind":"below","action":"allow","rank":1},"losers":[]}]})",
       "xn--bcher-kva.example (b\u00FCcher.example) is allowed by a rule\n"
       "  by    list local: *.xn--fa-hia.example (*.fa\u00DF.example) -> allow (rank 1)\n"},
      {{"rule", "show"},
       "rule.show",
       R"({"rules":[{"pattern":"xn--bcher-kva.example","kind":"exact","action":"cname","target":"xn--fa-hia.example"}]})",
       "xn--bcher-kva.example (b\u00FCcher.example)  exact  cname xn--fa-hia.example (fa\u00DF.example)"},
      {{"log", "search"},
       "log.search",
       R"({"rows":[{"time":"T","class":"blocked","name":"xn--bcher-kva.example","pattern":"xn--n3h.example"}],"complete":true})",
       "xn--bcher-kva.example (b\u00FCcher.example)  -     -      -     xn--n3h.example  "},
      {{"list", "report", "ads"},
       "list.report",
       R"({"name":"ads","unique":{"samples":[{"name":"xn--bcher-kva.example","decisions":2}]}})",
       "  xn--bcher-kva.example (b\u00FCcher.example) (2 questions)\n"},
      {{"overlay", "show"},
       "overlay.show",
       R"({"overlays":[{"id":"a1","kind":"allow","subject":"xn--bcher-kva.example"}]})",
       "a1  allow  xn--bcher-kva.example (b\u00FCcher.example)"},
  };
  for (const auto& row : kRows) {
    sidecar().on(row.verb, row.reply);
    const Ran ran = run(row.arguments);
    EXPECT_NE(ran.out.find(row.shown), std::string::npos) << row.verb << ": " << ran.out << ran.err;
  }
  write("l.txt", "a.example\n0.0.0.0 xn--bcher-kva.example xn--fa-hia..example\nxn--bcher-kva.example/path\n");
  const std::string list = (folder_ / "l.txt").string();
  const Ran text = run({"list", "check", list});
  EXPECT_NE(text.out.find(": xn--bcher-kva.example/path (b\u00FCcher.example/path)\n"), std::string::npos) << text.out;
  const json::value checked = json::parse(run({"list", "check", list, "--json"}).out);
  EXPECT_EQ(checked.at("samples").at("url_path").at(0).at("text_unicode").as_string(), "b\u00FCcher.example/path");
}

TEST_F(CliTest, TailPrintsRowsAsTheyCome) {
  sidecar().on("log.tail", [](const json::object&) {
    return encode_progress({{"time", "T1"}, {"class", "blocked"}, {"name", "a.example"}}) +
           encode_progress({{"time", "T2"}, {"class", "dropped"}, {"dropped", 7}}) + encode_result(json::object());
  });
  const Ran ran = run({"log", "tail", "--list", "ads"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("T1  blocked  -  a.example"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("7 decisions were lost"), std::string::npos) << ran.out;
  EXPECT_EQ(json::value(sidecar().asked().back().second), json::parse(R"({"list":"ads"})"));
}

fs::path migration_data(const char* name) {
  return fs::path(WEIR_SOURCE_DIR) / "tests/tools/migrate/data" / name;
}

TEST_F(CliTest, MigrateReportsEachLineAndWritesDropIns) {
  const std::string file = migration_data("AdGuardHome.yaml").string();
  // A dry run says the same and writes nothing.
  const Ran dry = run({"migrate", "adguardhome", file, "--dry-run"});
  EXPECT_EQ(dry.code, 1) << dry.err;
  EXPECT_NE(dry.out.find("would write"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "weir.d"));
  const Ran done = run({"migrate", "adguardhome", file});
  EXPECT_EQ(done.code, 1) << done.err;
  EXPECT_NE(done.out.find("AdGuardHome.yaml:14:7: 192.0.2.1: translated -> migrated-adguardhome.toml:"),
            std::string::npos)
      << done.out;
  EXPECT_NE(done.out.find("no counterpart: weir asks resolvers over UDP and TCP"), std::string::npos);
  EXPECT_NE(done.out.find("'weir reload' brings it into force"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "weir.d/migrated-adguardhome.toml"));
  EXPECT_EQ(run({"check"}).code, 0) << run({"check"}).err;
  // What an earlier run wrote is not overwritten.
  EXPECT_EQ(run({"migrate", "adguardhome", file}).code, 3);
  // Into another folder, as JSON.
  const Ran other = run({"--json", "migrate", "adguardhome", file, "--into", (folder_ / "elsewhere").string()});
  EXPECT_EQ(other.code, 1) << other.err;
  const json::value report = json::parse(other.out);
  EXPECT_EQ(report.at("system").as_string(), "adguardhome");
  EXPECT_GT(report.at("rows").as_array().size(), 40U);
  EXPECT_TRUE(fs::exists(folder_ / "elsewhere/migrated-adguardhome.toml"));
}

TEST_F(CliTest, MigrateExitsWithTheCodeThatItsReportDeserves) {
  write("all.conf", "server=192.0.2.1\naddress=/ads.example/#\n");
  EXPECT_EQ(run({"migrate", "dnsmasq", (folder_ / "all.conf").string(), "--dry-run"}).code, 0);
  write("some.conf", "server=192.0.2.1\ndhcp-range=192.0.2.50,192.0.2.60\n");
  EXPECT_EQ(run({"migrate", "dnsmasq", (folder_ / "some.conf").string(), "--dry-run"}).code, 1);
  write("bad.conf", "server=192.0.2.1\n\x1b[2J no option\n");
  const Ran bad = run({"migrate", "dnsmasq", (folder_ / "bad.conf").string()});
  EXPECT_EQ(bad.code, 3);
  EXPECT_NE(bad.err.find("bad.conf:2:1: "), std::string::npos) << bad.err;
  EXPECT_EQ(bad.err.find('\x1b'), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "weir.d"));
  EXPECT_EQ(run({"migrate", "nosuch", "x"}).code, 2);
  EXPECT_EQ(run({"migrate", "dnsmasq", (folder_ / "not-there").string()}).code, 3);
  EXPECT_EQ(run({"migrate", "dnsmasq", (folder_ / "all.conf").string(), "--apply", "--into", "/tmp/x"}).code, 2);
}

TEST_F(CliTest, MigrateAppliesRulesOnesOwnAndReloads) {
  write("names.conf", "address=/ads.example/#\nserver=/fine.example/#\naddress=/moved.example/192.0.2.1\n");
  const std::string file = (folder_ / "names.conf").string();
  // Nobody is there to bring it into force: nothing is written.
  EXPECT_EQ(run({"migrate", "dnsmasq", file, "--apply"}).code, 4);
  EXPECT_FALSE(fs::exists(folder_ / "weir.d"));
  sidecar().on("status", "{}");
  sidecar().on("rule.add", R"({"changed": true, "generation": 2})");
  sidecar().on("reload", R"({"changed": true})");
  // The last step fails: what is there already is said.
  sidecar().on("reload", [](const json::object&) { return encode_error({ErrorCode::invalid, "not now"}); });
  const Ran cut = run({"migrate", "dnsmasq", file, "--apply"});
  EXPECT_EQ(cut.code, 3);
  EXPECT_NE(cut.err.find("the files are written and stay"), std::string::npos) << cut.err;
  fs::remove_all(folder_ / "weir.d");
  sidecar().on("reload", R"({"changed": true})");
  const std::size_t before = sidecar().asked().size();
  const Ran done = run({"migrate", "dnsmasq", file, "--apply"});
  EXPECT_EQ(done.code, 1) << done.err << done.out;
  auto asked = sidecar().asked();
  asked.erase(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(before));
  ASSERT_EQ(asked.size(), 4U);
  EXPECT_EQ(asked[1].first, "rule.add");
  EXPECT_EQ(json::serialize(asked[1].second), R"({"pattern":"ads.example","kind":"subtree","action":"block"})");
  EXPECT_EQ(json::serialize(asked[2].second), R"({"pattern":"fine.example","kind":"subtree","action":"allow"})");
  EXPECT_EQ(asked[3].first, "reload");
  EXPECT_NE(done.out.find("names.conf:1:1: address=/ads.example/#: translated -> own rule"), std::string::npos)
      << done.out;
  EXPECT_EQ(run({"check"}).code, 0);
}

}  // namespace
}  // namespace weir::cli::cli_test
