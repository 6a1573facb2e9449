// DNS over TCP: whatever the octets, and however they arrive in pieces, the same messages are handed on and answered.
#include <arpa/inet.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <netinet/in.h>

#include <thread>

#include "resolver/server/tcp_listener.h"
#include "resolver/wire/reply.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/socket_client.h"

namespace weir::fuzz {
namespace {

std::string framed(Octets message) {
  std::string out{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())};
  return out.append(text_of(message));
}

// Faults as the packet path answers them, queries with SERVFAIL.
std::string answer_to(Octets message) {
  const ParsedQuery parsed = parse_query(message);
  if (parsed.fault == QueryFault::drop) return {};
  std::array<std::uint8_t, 1232> out{};
  const std::size_t size =
      write_error_reply(out, parsed.query, parsed.fault ? Rcode::formerr : Rcode::servfail, nullptr);
  return framed(std::span(out).first(size));
}

// All that a server may answer to the octets of a connection; it stops at a message of length 0.
std::string expected_answers(Octets octets) {
  std::string out;
  while (octets.size() >= 2) {
    const std::size_t length = static_cast<std::size_t>(octets[0]) << 8 | octets[1];
    if (length == 0 || octets.size() - 2 < length) break;
    out += answer_to(octets.subspan(2, length));
    octets = octets.subspan(2 + length);
  }
  return out;
}

class Server {
 public:
  Server() : guard_(loop_.get_executor()) {
    TcpLimits limits;
    limits.connections_per_prefix = 1024;
    auto opened = TcpListener::open(loop_, {IpAddress::ipv4(INADDR_LOOPBACK), 0}, std::make_shared<TcpQuota>(limits),
                                    metrics_, [](Octets message, const Endpoint&, const TcpReply& reply) {
                                      const std::string answer = answer_to(message);
                                      if (answer.empty()) return;
                                      const auto* octets = reinterpret_cast<const std::uint8_t*>(answer.data());
                                      reply.send({octets + 2, answer.size() - 2});
                                    });
    require(opened.has_value(), "no TCP listener");
    listener_ = std::move(*opened);
    address_.sin_family = AF_INET;
    address_.sin_port = htons(listener_->local().port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Server() {
    guard_.reset();
    loop_.stop();
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string answers(std::string_view octets, std::size_t split) const {
    const SocketClient client(AF_INET, reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    client.send(octets.substr(0, split));
    client.send(octets.substr(split));
    return client.finish();
  }

 private:
  boost::asio::io_context loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  WorkerMetrics metrics_;
  std::unique_ptr<TcpListener> listener_;
  sockaddr_in address_{};
  std::thread thread_;
};

}  // namespace

WEIR_FUZZ_TARGET(tcp) {
  Input parts(input);
  const std::size_t split = parts.u16();
  const Octets octets = parts.rest();
  if (octets.empty()) return;
  static const Server server;
  const std::string got = server.answers(text_of(octets), split % octets.size());
  const std::string expected = expected_answers(octets);
  // A message of length 0 ends the connection there and then: what was not sent yet is lost with it.
  require(expected.starts_with(got), "answers that nobody asked for");
  if (got.size() == expected.size()) return;
  Octets left = octets;
  while (left.size() >= 2 && (left[0] != 0 || left[1] != 0)) {
    left = left.subspan(std::min(left.size(), 2 + (static_cast<std::size_t>(left[0]) << 8 | left[1])));
  }
  require(left.size() >= 2, "an answer is missing");
}

}  // namespace weir::fuzz
