#include "resolver/server/control_server.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>

#include "tests/resolver/server/fake_generation.h"
#include "tests/support/scratch_folder.h"
#include "zones/link/control.h"

namespace weir::control_server_test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace std::chrono_literals;

class Client {
 public:
  explicit Client(const fs::path& path) : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(descriptor_); }

  bool connected() const { return connected_; }
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // The next line within ten seconds; "" when the other side closed.
  std::string line() {
    for (;;) {
      const auto end = received_.find('\n');
      if (end != std::string::npos) {
        std::string text = received_.substr(0, end);
        received_.erase(0, end + 1);
        return text;
      }
      pollfd wait{descriptor_, POLLIN, 0};
      if (::poll(&wait, 1, 10000) != 1) return "nothing came";
      char buffer[65536];
      const ssize_t size = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (size <= 0) return "";
      received_.append(buffer, static_cast<std::size_t>(size));
    }
  }
  ControlReply ask(const std::string& verb, const std::string& arguments = "{}") {
    EXPECT_TRUE(send(encode_request({verb, arguments, "test"})));
    const auto reply = decode_reply(line());
    EXPECT_TRUE(reply) << reply.error().message;
    return reply.value_or({});
  }

 private:
  int descriptor_;
  bool connected_;
  std::string received_;
};

class Control : public testing::Test {
 protected:
  Control() {
    socket_ = directory_ / "resolver.sock";
    options_.run_directory = directory_.path();
    handlers_.status = [this] {
      const std::lock_guard lock(mutex_);
      return status_;
    };
    handlers_.load_generation = [this]() -> Result<GenerationNumber> {
      const std::lock_guard lock(mutex_);
      ++loads_;
      changed_.notify_all();
      if (load_error_) return *load_error_;
      return GenerationNumber{loads_};
    };
    handlers_.flush_cache = [this](const Name& name, FlushScope scope) -> Result<std::uint64_t> {
      const std::lock_guard lock(mutex_);
      flushed_ = name.to_text() + (scope == FlushScope::subtree ? " and below" : "");
      return 3;
    };
  }
  ~Control() override { server_.reset(); }

  void start() {
    auto started = ControlServer::start(options_, handlers_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  bool wait_for_loads(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return loads_ >= count; });
  }
  std::uint64_t loads() {
    const std::lock_guard lock(mutex_);
    return loads_;
  }

  const test::ScratchFolder directory_;
  fs::path socket_;
  ControlOptions options_;
  ControlHandlers handlers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  ResolverStatus status_;
  std::uint64_t loads_ = 0;
  std::optional<Error> load_error_;
  std::string flushed_;
  std::unique_ptr<ControlServer> server_;
};

TEST_F(Control, StatusTellsWhatIsInForce) {
  std::atomic<int> alive{0};
  status_.version = "0.1.0";
  status_.uptime = 90s;
  status_.has_generation = true;
  status_.generation = describe(FakeGeneration(12, alive));
  status_.workers = 2;
  status_.listen = {*Endpoint::parse("127.0.0.1", 5353), *Endpoint::parse("::1", 5353)};
  status_.values[static_cast<std::size_t>(Metric::queries_tcp)] = 7;
  start();
  Client client(socket_);
  const auto reply = client.ask("status");
  ASSERT_EQ(reply.kind, ControlReply::Kind::result) << reply.error.message;
  const json::value status = json::parse(reply.body);
  EXPECT_EQ(status.at("version"), "0.1.0");
  EXPECT_EQ(status.at("pid"), ::getpid());
  EXPECT_EQ(status.at("uptime_seconds"), 90);
  EXPECT_EQ(status.at("workers"), 2);
  EXPECT_EQ(status.at("listen"), (json::array{"127.0.0.1:5353", "[::1]:5353"}));
  const auto& generation = status.at("generation");
  EXPECT_EQ(generation.at("number"), 12);
  EXPECT_EQ(generation.at("names_epoch"), 112);
  EXPECT_EQ(generation.at("fingerprint"), "f00d");
  EXPECT_EQ(generation.at("rules"), 3);
  EXPECT_EQ(generation.at("published_at"), "2026-07-06T00:40:32Z");
  EXPECT_EQ(generation.at("never_loaded"), (json::array{"ads"}));
  EXPECT_EQ(status.at("counters").as_object().at("weir_queries_total{transport=\"tcp\"}"), 7);
  EXPECT_EQ(status.at("counters").as_object().size(), kMetricCount);
}

TEST_F(Control, StatusWithoutAGenerationSaysWhy) {
  status_.generation_error = "nothing was ever published";
  start();
  const json::value status = json::parse(Client(socket_).ask("status").body);
  EXPECT_TRUE(status.at("generation").is_null());
  EXPECT_EQ(status.at("generation_error"), "nothing was ever published");
}

TEST_F(Control, VerbsFollowOneAnotherOnOneConnection) {
  status_.values[static_cast<std::size_t>(Metric::blocked)] = 4;
  start();
  Client client(socket_);
  const json::value metrics = json::parse(client.ask("metrics").body);
  EXPECT_NE(metrics.at("text").as_string().find("\nweir_blocked_total 4\n"), json::string::npos);

  EXPECT_EQ(client.ask("generation.load").body, R"({"generation":1})");
  EXPECT_EQ(client.ask("cache.flush", R"({"name":"example.org"})").body, R"({"flushed":3})");
  EXPECT_EQ(flushed_, "example.org");
  EXPECT_EQ(client.ask("cache.flush", R"({"name":"Example.org.","subtree":true})").body, R"({"flushed":3})");
  EXPECT_EQ(flushed_, "Example.org and below");

  // Two requests in one write, empty lines between: still one answer each, in order.
  ASSERT_TRUE(client.send("\n\n" + encode_request({"generation.load", "{}", ""}) + "\r\n" +
                          encode_request({"metrics", "{}", ""})));
  EXPECT_EQ(client.line(), R"({"ok":true,"result":{"generation":2}})");
  EXPECT_NE(client.line().find("weir_queries_total"), std::string::npos);
}

TEST_F(Control, ErrorsOfHandlersArePassedOn) {
  load_error_ = Error{ErrorCode::timed_out, "1 of 2 workers"};
  handlers_.flush_cache = [](const Name&, FlushScope) -> Result<std::uint64_t> { throw std::runtime_error("broken"); };
  start();
  Client client(socket_);
  auto reply = client.ask("generation.load");
  EXPECT_EQ(reply.kind, ControlReply::Kind::error);
  EXPECT_EQ(reply.error.code, ErrorCode::timed_out);
  EXPECT_EQ(reply.error.message, "1 of 2 workers");
  reply = client.ask("cache.flush", R"({"name":"x"})");
  EXPECT_EQ(reply.error.code, ErrorCode::io);
  EXPECT_NE(reply.error.message.find("broken"), std::string::npos);
  EXPECT_EQ(client.ask("status").kind, ControlReply::Kind::result);
}

TEST_F(Control, BadRequestsAreAnsweredAndTheConnectionGoesOn) {
  start();
  Client client(socket_);
  struct Row {
    std::string line;
    const char* expected;
  };
  const Row rows[] = {
      {"hello\n", "JSON"},
      {"{}\n", "verb"},
      {std::string("\0\xFF\n", 3), "JSON"},
      {encode_request({"statsu", "{}", ""}), "did you mean status"},
      {encode_request({"\x1b[31m", "{}", ""}), "\\x1B[31m"},
      {encode_request({"cache.flush", "{}", ""}), "name"},
      {encode_request({"cache.flush", R"({"name":7})", ""}), "name"},
      {encode_request({"cache.flush", R"({"name":"a..b"})", ""}), "a..b"},
      {encode_request({"cache.flush", R"({"name":"a","subtree":"yes"})", ""}), "subtree"},
      {encode_request({"cache.flush", R"({"name":"a","sub":true})", ""}), "'sub'"},
  };
  for (const auto& row : rows) {
    ASSERT_TRUE(client.send(row.line));
    const auto reply = decode_reply(client.line());
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->kind, ControlReply::Kind::error) << row.line;
    EXPECT_EQ(reply->error.code, ErrorCode::invalid) << row.line;
    EXPECT_NE(reply->error.message.find(row.expected), std::string::npos) << row.line << ": " << reply->error.message;
  }
  EXPECT_EQ(client.ask("status").kind, ControlReply::Kind::result);
}

TEST_F(Control, LineWithoutEndIsRefusedAndTheConnectionClosed) {
  start();
  Client client(socket_);
  const std::string endless(kMaxControlLine + 1, 'x');
  client.send(endless);  // may end early: the other side stops reading
  const auto reply = decode_reply(client.line());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error.code, ErrorCode::too_large);
  EXPECT_EQ(client.line(), "");
  EXPECT_EQ(Client(socket_).ask("status").kind, ControlReply::Kind::result);
}

TEST_F(Control, IdleAndSlowClientsAreClosed) {
  options_.idle = 50ms;
  start();
  Client idle(socket_);
  Client slow(socket_);
  ASSERT_TRUE(slow.send(R"({"verb":)"));
  EXPECT_EQ(idle.line(), "");
  EXPECT_EQ(slow.line(), "");
}

TEST_F(Control, TooManyConnectionsAreToldSo) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned i = 0; i < kMaxControlConnections; ++i) {
    clients.push_back(std::make_unique<Client>(socket_));
    ASSERT_EQ(clients.back()->ask("status").kind, ControlReply::Kind::result);
  }
  {
    Client more(socket_);
    const auto reply = decode_reply(more.line());
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error.code, ErrorCode::busy);
    EXPECT_EQ(more.line(), "");
  }
  // One goes, one may come; its end is seen by the server a moment later.
  clients.pop_back();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  bool admitted = false;
  while (!admitted && std::chrono::steady_clock::now() < deadline) {
    Client next(socket_);
    if (!next.send(encode_request({"status", "{}", ""}))) continue;
    const auto reply = decode_reply(next.line());
    admitted = reply && reply->kind == ControlReply::Kind::result;
  }
  EXPECT_TRUE(admitted);
}

TEST_F(Control, SocketIsForOwnerAndGroupAndGoesWithTheServer) {
  const mode_t before = ::umask(0);
  start();
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(socket_.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 07777, 0660u);
  Client open(socket_);
  ASSERT_TRUE(open.connected());
  server_.reset();
  EXPECT_EQ(open.line(), "");
  EXPECT_FALSE(fs::exists(socket_));
}

TEST_F(Control, ReplacesALeftOverSocketButNothingElse) {
  {
    const int stale = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_.c_str());
    ASSERT_EQ(::bind(stale, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(stale);
  }
  start();
  const auto second = ControlServer::start(options_, handlers_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(Client(socket_).ask("status").kind, ControlReply::Kind::result);
  server_.reset();

  {
    std::ofstream(socket_) << "somebody's file";
  }
  const auto third = ControlServer::start(options_, handlers_);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, ErrorCode::busy);
  EXPECT_EQ(fs::file_size(socket_), 15u);

  options_.run_directory = directory_ / std::string(120, 'x');
  const auto fourth = ControlServer::start(options_, handlers_);
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().code, ErrorCode::invalid);
  options_.run_directory = directory_ / "absent";
  EXPECT_FALSE(ControlServer::start(options_, handlers_));
}

TEST_F(Control, LostNotificationIsMadeGood) {
  options_.current_file = directory_ / "current";
  options_.watch_every = 5ms;
  std::mutex ticks_mutex;
  std::condition_variable ticked;
  int ticks = 0;
  handlers_.each_second = [&](Now) {
    const std::lock_guard lock(ticks_mutex);
    ++ticks;
    ticked.notify_all();
  };
  const auto wait_for_ticks = [&](int more) {
    std::unique_lock lock(ticks_mutex);
    const int wanted = ticks + more;
    return ticked.wait_for(lock, 10s, [&] { return ticks >= wanted; });
  };
  const auto publish = [&](const char* number) {
    {
      std::ofstream(directory_ / "current.new") << number;
    }
    fs::rename(directory_ / "current.new", directory_ / "current");
  };
  start();
  ASSERT_TRUE(wait_for_ticks(3));
  EXPECT_EQ(loads(), 0u);  // nothing was ever published
  publish("1\n");
  ASSERT_TRUE(wait_for_loads(1));
  ASSERT_TRUE(wait_for_ticks(5));
  EXPECT_EQ(loads(), 1u) << "unchanged, not loaded again";
  {
    const std::lock_guard lock(mutex_);
    load_error_ = Error{ErrorCode::corrupt, "checkpoint 2 is damaged"};
  }
  publish("2\n");
  ASSERT_TRUE(wait_for_loads(4)) << "a load that failed is tried again";
  std::uint64_t tried = 0;
  {
    const std::lock_guard lock(mutex_);
    load_error_.reset();
    tried = loads_;
  }
  ASSERT_TRUE(wait_for_loads(tried + 1));
  ASSERT_TRUE(wait_for_ticks(5));
  EXPECT_EQ(loads(), tried + 1);
  server_.reset();
}

TEST_F(Control, AVerbMayAnswerLater) {
  std::promise<ControlDone> begun;
  handlers_.verbs["late_verb"] = [&](const json::object& arguments, const ControlDone& done) {
    EXPECT_EQ(arguments.at("a"), 1);
    begun.set_value(done);
  };
  start();
  Client waiting(socket_);
  ASSERT_TRUE(waiting.send(encode_request({"late_verb", R"({"a": 1})", "test"})));
  const ControlDone done = begun.get_future().get();
  Client other(socket_);
  EXPECT_EQ(other.ask("status").kind, ControlReply::Kind::result) << "nobody else waits for it";
  EXPECT_NE(other.ask("late_verbs").error.message.find("did you mean late_verb"), std::string::npos);
  done(json::value{{"b", 2}});
  const auto reply = decode_reply(waiting.line());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, R"({"b":2})");
}

TEST_F(Control, AnAnswerThatComesAfterTheServerHasGoneIsLost) {
  std::promise<ControlDone> begun;
  handlers_.verbs["late_verb"] = [&](const json::object&, const ControlDone& done) { begun.set_value(done); };
  start();
  Client waiting(socket_);
  ASSERT_TRUE(waiting.send(encode_request({"late_verb", "{}", "test"})));
  const ControlDone done = begun.get_future().get();
  server_.reset();
  done(Error{ErrorCode::busy, "too late"});
  EXPECT_EQ(waiting.line(), "");
}

}  // namespace
}  // namespace weir::control_server_test
