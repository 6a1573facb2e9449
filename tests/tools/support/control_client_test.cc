#include "tools/support/control_client.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "zones/base/exit_code.h"

namespace weir::control_client_test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// Takes one connection; for each line received it sends the next of its replies as it stands, then closes.
class Listener {
 public:
  Listener() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(socket_, 4) != 0) abort();
  }
  ~Listener() {
    if (thread_.joinable()) thread_.join();
    close(socket_);
  }

  // An empty last reply: stay silent until the client leaves.
  void answer(std::vector<std::string> replies) {
    thread_ = std::thread([this, replies = std::move(replies)] {
      const int client = accept(socket_, nullptr, nullptr);
      for (const std::string& reply : replies) {
        std::string line;
        char c = 0;
        while (recv(client, &c, 1, 0) == 1 && c != '\n') line += c;
        requests.push_back(line);
        std::string_view rest = reply;
        while (!rest.empty()) {
          const ssize_t sent = send(client, rest.data(), rest.size(), MSG_NOSIGNAL);
          if (sent <= 0) break;
          rest.remove_prefix(static_cast<std::size_t>(sent));
        }
        if (reply.empty()) (void)!recv(client, &c, 1, 0);
      }
      close(client);
    });
  }
  void join() { thread_.join(); }

  const test::ScratchFolder folder;
  const fs::path path = folder / "daemon.sock";
  std::vector<std::string> requests;

 private:
  int socket_ = -1;
  std::thread thread_;
};

TEST(ControlClient, SaysWhoDoesNotRun) {
  auto client = ControlClient::connect("/nonexistent/weir/sidecar.sock", "weir-sidecar");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::unavailable);
  EXPECT_NE(client.error().message.find("weir-sidecar does not run"), std::string::npos) << client.error().message;
  EXPECT_NE(client.error().message.find("/nonexistent/weir/sidecar.sock"), std::string::npos);
  EXPECT_EQ(exit_code_of(client.error().code), ExitCode::unreachable);
}

TEST(ControlClient, RefusesAPathThatNoSocketCanHave) {
  auto client = ControlClient::connect("/" + std::string(200, 'x'), "weir-sidecar");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::invalid);
}

TEST(ControlClient, PermissionIsItsOwnExitCode) {
  Listener listener;
  chmod(listener.path.c_str(), 0);
  // Root may connect to every socket: be nobody for a moment.
  const uid_t before = geteuid();
  if (before == 0) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  auto client = ControlClient::connect(listener.path, "weir-sidecar");
  ASSERT_EQ(seteuid(before), 0);
  ASSERT_FALSE(client);
  EXPECT_EQ(exit_code_of(client.error().code), ExitCode::not_permitted);
}

TEST(ControlClient, SeveralRequestsWithProgressOverOneConnection) {
  Listener listener;
  listener.answer({encode_progress({{"phase", "fetch"}, {"done", 1}}) + encode_progress({{"phase", "import"}}) +
                       encode_result({{"rules", 7}}),
                   encode_error({ErrorCode::not_found, "no list \"x\""}), encode_result(nullptr)});
  auto client = ControlClient::connect(listener.path, "weir-sidecar");
  ASSERT_TRUE(client) << client.error().message;
  std::vector<std::string> phases;
  auto first = client->request({"list.update", R"({"name":"ads"})", "alice"}, [&](std::string_view progress) {
    phases.push_back(std::string(boost::json::parse(boost::json::string_view(progress)).at("phase").as_string()));
    return Continue::yes;
  });
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(boost::json::parse(*first).at("rules").as_int64(), 7);
  EXPECT_EQ(phases, (std::vector<std::string>{"fetch", "import"}));

  auto second = client->request({"list.show", R"({"name":"x"})", "alice"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::not_found);
  EXPECT_EQ(second.error().message, "no list \"x\"");
  EXPECT_TRUE(client->is_open());  // it was the daemon's answer

  auto third = client->request({"status", "{}", "alice"});
  ASSERT_TRUE(third);
  EXPECT_EQ(*third, "null");
  listener.join();
  auto request = decode_request(listener.requests.at(0));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->verb, "list.update");
  EXPECT_EQ(request->arguments, R"({"name":"ads"})");
  EXPECT_EQ(request->who, "alice");
  EXPECT_EQ(listener.requests.size(), 3U);
}

TEST(ControlClient, WhatGoesWrongWithTheConnection) {
  const struct {
    const char* what;
    std::string reply;
    ErrorCode code;
  } kRows[] = {
      {"closes without an answer", "\x01", ErrorCode::unavailable},
      {"closes in the middle of a line", "{\"ok\": true", ErrorCode::unavailable},
      {"says something else", "HTTP/1.1 200 OK\n", ErrorCode::corrupt},
      {"says nothing", "", ErrorCode::timed_out},
      {"never ends its line", std::string(kMaxControlLine + 70000, 'x'), ErrorCode::corrupt},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.what);
    Listener listener;
    listener.answer({row.reply == "\x01" ? " " : row.reply});
    auto client = ControlClient::connect(listener.path, "weir-sidecar");
    ASSERT_TRUE(client);
    const auto patience = row.code == ErrorCode::timed_out ? milliseconds(30) : milliseconds(20000);
    auto reply = client->request({"status", "{}", "alice"}, {}, patience);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, row.code) << reply.error().message;
    EXPECT_FALSE(client->is_open());
    auto again = client->request({"status", "{}", "alice"});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::unavailable);
  }
}

TEST(ControlClient, ProgressMayEndAStream) {
  Listener listener;
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += encode_progress({{"row", i}});
  listener.answer({rows});
  auto client = ControlClient::connect(listener.path, "weir-sidecar");
  ASSERT_TRUE(client);
  int seen = 0;
  auto reply = client->request({"log.tail", "{}", "alice"},
                               [&](std::string_view) { return ++seen == 5 ? Continue::no : Continue::yes; });
  ASSERT_TRUE(reply);
  EXPECT_EQ(seen, 5);
  EXPECT_FALSE(client->is_open());
}

TEST(ControlClient, ATooLongRequestIsNotSent) {
  Listener listener;
  listener.answer({encode_result(1)});
  auto client = ControlClient::connect(listener.path, "weir-sidecar");
  ASSERT_TRUE(client);
  const std::string names = "{\"name\":\"" + std::string(kMaxControlLine, 'a') + "\"}";
  auto refused = client->request({"explain", names, "alice"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_large);
  EXPECT_TRUE(client->request({"status", "{}", "alice"}));  // the connection is still good
}

}  // namespace
}  // namespace weir::control_client_test
