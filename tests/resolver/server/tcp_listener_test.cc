#include "resolver/server/tcp_listener.h"

#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <string>

namespace weir::tcp_listener_test {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::uint8_t>;

// A client's connection; never blocks, so that one thread can play both sides.
class Client {
 public:
  explicit Client(const Endpoint& server, int receive_buffer = 0) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (server.address.family == AddressFamily::ipv4) {
      auto* address = reinterpret_cast<sockaddr_in*>(&storage);
      address->sin_family = AF_INET;
      address->sin_port = htons(server.port);
      std::memcpy(&address->sin_addr, server.address.octets.data(), 4);
      size = sizeof *address;
    } else {
      auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
      address->sin6_family = AF_INET6;
      address->sin6_port = htons(server.port);
      std::memcpy(&address->sin6_addr, server.address.octets.data(), 16);
      size = sizeof *address;
    }
    descriptor_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer != 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&storage), size) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(descriptor_); }

  bool connected() const { return connected_; }
  void send(std::string_view octets) {
    ASSERT_EQ(::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT),
              static_cast<ssize_t>(octets.size()));
  }
  // As much as the kernel takes; how much that was.
  std::size_t send_some(std::string_view octets) {
    const ssize_t sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  void finish() { ::shutdown(descriptor_, SHUT_WR); }
  // Takes what has come. False: the server closed.
  bool receive() {
    char buffer[65536];
    for (;;) {
      const ssize_t size = ::recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (size == 0 || (size < 0 && errno == ECONNRESET)) return false;
      if (size < 0) return true;
      received_.append(buffer, static_cast<std::size_t>(size));
    }
  }
  // The next whole message.
  std::optional<std::string> message() {
    if (received_.size() < 2) return std::nullopt;
    const std::size_t length =
        static_cast<unsigned char>(received_[0]) * 256u + static_cast<unsigned char>(received_[1]);
    if (received_.size() < 2 + length) return std::nullopt;
    std::string text = received_.substr(2, length);
    received_.erase(0, 2 + length);
    return text;
  }

 private:
  int descriptor_;
  bool connected_;
  std::string received_;
};

std::string framed(std::string_view message) {
  std::string out{static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 0xFF)};
  return out += message;
}

std::span<const std::uint8_t> octets(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Seen {
  std::string message;
  Endpoint client;
  std::optional<TcpReply> reply;
};

class Tcp : public testing::Test {
 protected:
  void open(TcpLimits limits = {}, const char* address = "127.0.0.1") {
    quota_ = std::make_shared<TcpQuota>(limits);
    auto opened =
        TcpListener::open(loop_, {*IpAddress::parse(address), 0}, quota_, metrics_,
                          [this](std::span<const std::uint8_t> message, const Endpoint& client, TcpReply reply) {
                            handle({{message.begin(), message.end()}, client, std::move(reply)});
                          });
    ASSERT_TRUE(opened) << opened.error().message;
    listener_ = std::move(*opened);
    ASSERT_NE(listener_->local().port, 0);
  }
  // Runs the loop until `done`, at most ten seconds.
  template <class Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      loop_.restart();
      loop_.run_one_for(5ms);
    }
    return true;
  }
  std::optional<std::string> answer(Client& client) {
    std::optional<std::string> message;
    run_until([&] {
      const bool open = client.receive();
      message = client.message();
      return message.has_value() || !open;
    });
    return message;
  }
  bool closes(Client& client) {
    return run_until([&] { return !client.receive(); });
  }
  // Everything that is ready without waiting: after it, nothing more will happen by itself.
  void settle() {
    loop_.restart();
    while (loop_.run_one_for(20ms) != 0) {
    }
  }

  virtual void handle(Seen seen) {
    if (echo_) {
      seen.reply->send(octets("re:" + seen.message));
      seen.reply.reset();
    }
    seen_.push_back(std::move(seen));
  }

  boost::asio::io_context loop_;
  WorkerMetrics metrics_;
  std::shared_ptr<TcpQuota> quota_;
  bool echo_ = true;
  std::deque<Seen> seen_;
  std::unique_ptr<TcpListener> listener_;
};

TEST_F(Tcp, AnswersOverIpv4AndIpv6) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    open({}, address);
    Client client(listener_->local());
    ASSERT_TRUE(client.connected()) << address;
    client.send(framed("question"));
    EXPECT_EQ(answer(client), "re:question");
    EXPECT_EQ(seen_.back().client.address.to_text(), address);
    EXPECT_NE(seen_.back().client.port, 0);
    EXPECT_EQ(quota_->connections(), 1u);
    listener_.reset();
    EXPECT_EQ(quota_->connections(), 0u);
  }
}

TEST_F(Tcp, MessagesMayComeInAnyPieces) {
  open();
  Client client(listener_->local());
  const std::string both = framed("first") + framed("second");
  for (const char octet : both) {
    client.send({&octet, 1});
    settle();
  }
  EXPECT_EQ(answer(client), "re:first");
  EXPECT_EQ(answer(client), "re:second");
  client.send(both + both + framed("third"));
  for (const char* expected : {"re:first", "re:second", "re:first", "re:second", "re:third"}) {
    EXPECT_EQ(answer(client), expected);
  }
}

TEST_F(Tcp, LargestMessagesGoBothWays) {
  open();
  echo_ = false;
  Client client(listener_->local());
  const std::string large(65535, 'q');
  std::string left = framed(large);
  ASSERT_TRUE(run_until([&] {
    left.erase(0, client.send_some(left));
    return !seen_.empty();
  }));
  EXPECT_EQ(seen_[0].message, large);
  seen_[0].reply->send(octets(std::string(65536, 'a')));  // cannot be framed: not sent, and not half of it
  EXPECT_EQ(metrics_.get(Metric::send_failures), 1u);
  client.send(framed("again"));
  ASSERT_TRUE(run_until([&] { return seen_.size() == 2; }));
  const std::string answer_text(65535, 'a');
  seen_[1].reply->send(octets(answer_text));
  EXPECT_EQ(answer(client), answer_text);
}

TEST_F(Tcp, AnswersGoOutInTheOrderInWhichTheyAreReady) {
  open();
  echo_ = false;
  Client client(listener_->local());
  client.send(framed("slow") + framed("dropped") + framed("fast"));
  ASSERT_TRUE(run_until([&] { return seen_.size() == 3; }));
  seen_[2].reply->send(octets("fast answer"));
  EXPECT_EQ(answer(client), "fast answer");
  seen_[2].reply->send(octets("twice"));  // answered already
  seen_[1].reply.reset();                 // a drop rule
  const TcpReply copy = *seen_[0].reply;
  seen_[0].reply.reset();
  copy.send(octets("slow answer"));
  EXPECT_EQ(answer(client), "slow answer");
}

TEST_F(Tcp, TakesNoMoreThanItsShareInFlight) {
  TcpLimits limits;
  limits.in_flight = 4;
  open(limits);
  echo_ = false;
  Client client(listener_->local());
  std::string all;
  for (int i = 0; i < 10; ++i) all += framed("q" + std::to_string(i));
  client.send(all);
  ASSERT_TRUE(run_until([&] { return seen_.size() == 4; }));
  settle();
  EXPECT_EQ(seen_.size(), 4u);
  seen_[3].reply->send(octets("a"));
  seen_[1].reply.reset();
  settle();
  EXPECT_EQ(seen_.size(), 6u);
  for (std::size_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(run_until([&] { return seen_.size() > i; }));
    EXPECT_EQ(seen_[i].message, "q" + std::to_string(i));
    seen_[i].reply.reset();
  }
}

TEST_F(Tcp, StopsTakingQueriesOfWhoDoesNotReadAnswers) {
  TcpLimits limits;
  limits.idle = limits.idle_when_full = 10min;
  open(limits);
  echo_ = false;
  Client client(listener_->local(), 4096);
  const std::string answer_text(16384, 'a');
  std::size_t answered = 0;
  std::string left;
  for (int i = 0; i < 2000; ++i) left += framed("q" + std::to_string(i));
  // Each query is answered at once; the client takes nothing until nothing moves any more.
  for (std::size_t before = 1; before != 0;) {
    before = client.send_some(left);
    left.erase(0, before);
    settle();
    for (; answered < seen_.size(); ++answered, before = 1) seen_[answered].reply->send(octets(answer_text));
  }
  ASSERT_LT(answered, 2000u) << "all were taken though none of the answers was read";
  const std::size_t stuck = answered;
  settle();
  EXPECT_EQ(seen_.size(), stuck);
  // Once it reads, everything comes.
  std::size_t got = 0;
  ASSERT_TRUE(run_until([&] {
    left.erase(0, client.send_some(left));
    for (; answered < seen_.size(); ++answered) seen_[answered].reply->send(octets(answer_text));
    client.receive();
    while (const auto message = client.message()) {
      EXPECT_EQ(message->size(), answer_text.size());
      ++got;
    }
    return got == 2000;
  })) << got;
}

TEST_F(Tcp, IdleConnectionsAreClosedButNotThoseThatWaitForUs) {
  TcpLimits limits;
  limits.idle = limits.idle_when_full = 50ms;
  open(limits);
  echo_ = false;
  Client idle(listener_->local());
  Client slow(listener_->local());
  Client waiting(listener_->local());
  slow.send(framed("half of it").substr(0, 5));
  waiting.send(framed("question"));
  EXPECT_TRUE(closes(idle));
  EXPECT_TRUE(closes(slow));
  EXPECT_EQ(metrics_.get(Metric::tcp_timeouts), 2u);
  ASSERT_EQ(seen_.size(), 1u);
  seen_[0].reply->send(octets("answer"));
  EXPECT_EQ(answer(waiting), "answer");
  EXPECT_TRUE(closes(waiting));
  EXPECT_EQ(quota_->connections(), 0u);
  EXPECT_EQ(metrics_.get(Metric::tcp_connections), 0u);
}

TEST_F(Tcp, AnswersStillComeAfterTheClientHasSaidItsLast) {
  open();
  echo_ = false;
  Client client(listener_->local());
  client.send(framed("one") + framed("two"));
  client.finish();
  ASSERT_TRUE(run_until([&] { return seen_.size() == 2; }));
  settle();
  seen_[1].reply->send(octets("2"));
  seen_[0].reply->send(octets("1"));
  EXPECT_EQ(answer(client), "2");
  EXPECT_EQ(answer(client), "1");
  EXPECT_TRUE(closes(client));
}

TEST_F(Tcp, EmptyMessageEndsTheConnection) {
  open();
  Client client(listener_->local());
  client.send(framed("") + framed("more"));
  EXPECT_TRUE(closes(client));
  EXPECT_TRUE(seen_.empty());
}

TEST_F(Tcp, RepliesMayComeAfterConnectionAndListenerAreGone) {
  open();
  echo_ = false;
  auto client = std::make_unique<Client>(listener_->local());
  Client other(listener_->local());
  client->send(framed("one"));
  other.send(framed("two"));
  ASSERT_TRUE(run_until([&] { return seen_.size() == 2; }));
  client.reset();
  const auto of = [&](const char* message) -> Seen& { return seen_[seen_[0].message == message ? 0 : 1]; };
  of("one").reply->send(octets("nobody hears it"));
  settle();
  listener_.reset();
  of("two").reply->send(octets("nor that"));
  EXPECT_TRUE(closes(other));
  EXPECT_EQ(other.message(), std::nullopt);
}

TEST_F(Tcp, BoundsConnectionsOfOneClientAndOfAll) {
  TcpLimits limits;
  limits.connections_per_prefix = 2;
  open(limits);
  Client first(listener_->local());
  Client second(listener_->local());
  ASSERT_TRUE(run_until([&] { return quota_->connections() == 2; }));
  Client third(listener_->local());
  EXPECT_TRUE(closes(third));
  EXPECT_EQ(metrics_.get(Metric::tcp_refused), 1u);
  first.finish();
  EXPECT_TRUE(closes(first));
  Client fourth(listener_->local());
  fourth.send(framed("x"));
  EXPECT_EQ(answer(fourth), "re:x");
}

TEST(TcpQuotaTest, CountsByCustomerAndInAll) {
  TcpLimits limits;
  limits.connections = 5;
  limits.connections_per_prefix = 2;
  TcpQuota quota(limits);
  const auto admit = [&](const char* client) { return quota.admit(*IpAddress::parse(client)); };
  EXPECT_TRUE(admit("2001:db8:0:1::1"));
  EXPECT_TRUE(admit("2001:db8:0:ff::2"));
  EXPECT_FALSE(admit("2001:db8:0:2::3"));  // the same /56
  EXPECT_TRUE(admit("2001:db8:0:100::1"));
  EXPECT_FALSE(quota.nearly_full());
  EXPECT_TRUE(admit("192.0.2.1"));
  EXPECT_TRUE(quota.nearly_full());
  EXPECT_TRUE(admit("192.0.2.2"));
  EXPECT_FALSE(admit("192.0.2.3"));  // all in use
  quota.leave(*IpAddress::parse("192.0.2.2"));
  EXPECT_TRUE(admit("::ffff:192.0.2.1"));
  quota.leave(*IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(quota.connections(), 4u);
  quota.leave(*IpAddress::parse("198.51.100.1"));  // never came
  EXPECT_EQ(quota.connections(), 4u);
}

TEST_F(Tcp, WorkersShareAPortButNotWithStrangers) {
  open();
  WorkerMetrics other_metrics;
  const auto handler = [](std::span<const std::uint8_t>, const Endpoint&, const TcpReply&) {};
  const auto worker = TcpListener::open(loop_, listener_->local(), quota_, other_metrics, handler);
  ASSERT_TRUE(worker) << worker.error().message;
  EXPECT_EQ((*worker)->local(), listener_->local());

  const int stranger = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(stranger, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(stranger, 1), 0);
  ASSERT_EQ(::getsockname(stranger, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Endpoint taken{*IpAddress::parse("127.0.0.1"), ntohs(address.sin_port)};
  const auto refused = TcpListener::open(loop_, taken, quota_, other_metrics, handler);
  ::close(stranger);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_NE(refused.error().message.find(taken.to_text()), std::string::npos) << refused.error().message;

  const auto elsewhere = TcpListener::open(loop_, {*IpAddress::parse("192.0.2.1"), 0}, quota_, other_metrics, handler);
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace weir::tcp_listener_test
