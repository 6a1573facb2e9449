// The verbs that ask weir-resolver: what they send, how they show the answer, which exit code follows.
#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tools/cli/app.h"
#include "zones/link/control.h"

namespace weir::resolver_verbs_test {
namespace {

namespace json = boost::json;

// Answers one request with `reply` (a whole line) and keeps it.
class OneAnswer {
 public:
  OneAnswer(const std::filesystem::path& folder, std::string reply)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), path_(resolver_socket(folder)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path_.c_str());
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(socket_, 1) != 0)
      ADD_FAILURE() << "no socket";
    thread_ = std::thread([this, reply = std::move(reply)] {
      const int client = ::accept(socket_, nullptr, nullptr);
      char buffer[4096];
      while (line_.find('\n') == std::string::npos) {
        const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        line_.append(buffer, static_cast<std::size_t>(got));
      }
      (void)::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
      ::close(client);
    });
  }
  ~OneAnswer() {
    ::shutdown(socket_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(socket_);
    ::unlink(path_.c_str());
  }
  ControlRequest asked() {
    thread_.join();
    const auto request = decode_request(line_);
    EXPECT_TRUE(request) << line_;
    return request.value_or({});
  }

 private:
  int socket_;
  std::filesystem::path path_;
  std::string line_;
  std::thread thread_;
};

class ResolverVerbsTest : public testing::Test {
 protected:
  ResolverVerbsTest() { std::ofstream(folder_ / "weir.toml") << "[run]\npath = \".\"\n"; }

  struct Ran {
    int code = 0;
    std::string out;
    std::string err;
  };
  Ran run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", (folder_ / "weir.toml").string()});
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    cli::Streams streams{in, out, err, false};
    const int code = static_cast<int>(cli::run(arguments, streams));
    return {code, out.str(), err.str()};
  }

  const test::ScratchFolder folder_;
};

struct Row {
  std::vector<std::string> arguments;
  const char* verb;
  const char* sent;
  const char* result;
  int code;
  std::vector<const char*> shown;
};

TEST_F(ResolverVerbsTest, AskAndShow) {
  const std::vector<Row> kRows = {
      {{"resolve", "www.example", "aaaa", "--trace", "--fresh"},
       "resolve",
       R"({"name":"www.example","type":"aaaa","trace":true,"fresh":true,"checking_disabled":false})",
       R"({"name":"www.example","type":"AAAA","rcode":"NOERROR","security":"secure","ttl":60,"upstream_packets":1,
           "elapsed_ms":12.34,"answer":["www.example. 60 IN AAAA ::1"],"authority":[],
           "trace":[{"at_ms":0.1,"depth":1,"name":"example","type":"DS","step":"answered","server":"192.0.2.1:53",
                     "transport":"udp","rtt_ms":10.0,"text":"NOERROR \u001b[31m"}],"trace_dropped":2})",
       0,
       {"www.example AAAA: NOERROR, secure, TTL 60; 1 upstream packet, 12.3 ms", "www.example. 60 IN AAAA ::1",
        "0.1 ms    example DS: answered 192.0.2.1:53 udp in 10.0 ms  NOERROR \\x1B[31m", "and 2 more steps"}},
      {{"resolve", "www.example", "--cd"},
       "resolve",
       R"({"name":"www.example","type":"A","trace":false,"fresh":false,"checking_disabled":true})",
       R"({"name":"www.example","type":"A","rcode":"SERVFAIL","security":"bogus","ttl":5,"upstream_packets":0,
           "elapsed_ms":0.1,"ede":{"code":7,"text":"expired"},"answer":[],"authority":[]})",
       1,
       {"SERVFAIL, bogus", "EDE 7: expired"}},
      {{"cache", "show", "www.example"},
       "cache.show",
       R"({"name":"www.example","subtree":false})",
       R"({"rrsets":[{"name":"www.example","type":"A","ttl":5,"kind":"answer","security":"secure","zone_cut":"example",
           "data":["192.0.2.1","192.0.2.2"]}],"answers":[{"name":"www.example","type":"A","ttl":4,"rcode":"NOERROR",
           "security":"secure","flags":"DO"}],"delegation":{"zone_cut":"example","ttl":9,"servers":[{"name":"ns.example",
           "address":"192.0.2.53","rtt_ms":1.5,"state":"lame"}]},"cut":true})",
       0,
       {"192.0.2.1 | 192.0.2.2", "NOERROR", "closest zone cut: example, TTL 9", "lame", "there is more"}},
      {{"cache", "show", "example/subtree"},
       "cache.show",
       R"({"name":"example","subtree":true})",
       R"({"rrsets":[],"answers":[],"delegation":null,"cut":false})",
       0,
       {"nothing is known of example/subtree"}},
      {{"cache", "flush", "."},
       "cache.flush",
       R"({"name":".","subtree":true})",
       R"({"flushed":1200})",
       0,
       {"forgotten: 1,200 answers"}},
      {{"anchors"},
       "anchors.show",
       "{}",
       R"({"validates":true,"zones":[{"zone":".","source":"weir itself","keys":[{"tag":20326,"algorithm":8,
           "state":"valid","trusted":true,"since":"S","until":null}],"last_good_look":"L","next_look":"N",
           "error":"its keys could not be fetched"}],"negative":[{"name":"a.example","until":"U","reason":"r",
           "source":"command"}],"state_error":"no room"})",
       0,
       {"zone ., from weir itself, last confirmed L, next look N", "20326", "valid", "could not be fetched",
        "a.example", "nothing of this outlives a restart: no room"}},
      {{"anchors", "nta", "add", "a.example", "--for", "2h", "--reason", "they know"},
       "anchors.negative.add",
       R"({"name":"a.example","seconds":7200,"reason":"they know"})",
       R"({"name":"a.example","until":"U"})",
       0,
       {"a.example and all below it is not validated until U"}},
      {{"anchors", "nta", "remove", "a.example"},
       "anchors.negative.remove",
       R"({"name":"a.example"})",
       R"({"name":"a.example"})",
       0,
       {"a.example is validated again"}},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.verb);
    OneAnswer resolver(folder_.path(), encode_result(json::parse(row.result)));
    const Ran ran = run(row.arguments);
    EXPECT_EQ(ran.code, row.code) << ran.err;
    for (const char* shown : row.shown) EXPECT_NE(ran.out.find(shown), std::string::npos) << ran.out << "\n" << shown;
    const ControlRequest asked = resolver.asked();
    EXPECT_EQ(asked.verb, row.verb);
    EXPECT_EQ(json::parse(asked.arguments), json::parse(row.sent));
  }
}

TEST_F(ResolverVerbsTest, ErrorsAndUsage) {
  {
    OneAnswer resolver(folder_.path(), encode_error({ErrorCode::not_found, "there is none"}));
    const Ran ran = run({"anchors", "nta", "remove", "a.example"});
    EXPECT_EQ(ran.code, 3);
    EXPECT_NE(ran.err.find("there is none"), std::string::npos);
  }
  EXPECT_EQ(run({"anchors"}).code, 4) << "nobody listens";
  EXPECT_EQ(run({"resolve"}).code, 2);
  EXPECT_EQ(run({"cache", "show"}).code, 2);
  EXPECT_EQ(run({"anchors", "nta", "add", "a.example"}).code, 2) << "without a reason";
  EXPECT_EQ(run({"anchors", "nta", "add", "a.example", "--reason", " "}).code, 2);
  EXPECT_EQ(run({"anchors", "nta", "add", "a.example", "--reason", "r", "--for", "7"}).code, 2) << "which unit?";
}

}  // namespace
}  // namespace weir::resolver_verbs_test
