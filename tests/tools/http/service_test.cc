// The sockets: a port that is taken, requests one after the other and in pieces, and clients that stay away.
#include "tools/http/service.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "tests/support/scratch_folder.h"
#include "zones/base/descriptor.h"

namespace weir::http::service_test {
namespace {

// A port of 127.0.0.1, taken as long as the descriptor is there.
Descriptor take_port(std::uint16_t& port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(socket.get(), 1), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  port = ntohs(address.sin_port);
  return socket;
}

Descriptor connect_to(std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

// Until `times` heads have come, or the other side closes.
std::string receive(const Descriptor& socket, std::size_t times) {
  std::string out;
  char piece[4096];
  for (;;) {
    std::size_t seen = 0;
    for (std::size_t at = out.find("HTTP/1.1 "); at != std::string::npos; at = out.find("HTTP/1.1 ", at + 1)) ++seen;
    if (seen >= times && out.find("\r\n\r\n", out.rfind("HTTP/1.1 ")) != std::string::npos) return out;
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 20'000) <= 0) return out + "(nothing more came)";
    const ssize_t got = ::recv(socket.get(), piece, sizeof piece, 0);
    if (got <= 0) return out;
    out.append(piece, static_cast<std::size_t>(got));
  }
}

TEST(Service, APortThatIsTakenIsToldOnceAndTriedAgain) {
  const test::ScratchFolder scratch;
  Tokens tokens(scratch / "");
  ApiConfig config;
  std::uint16_t port = 0;
  {
    const Descriptor taken = take_port(port);
    config.listen = {{IpAddress::ipv4(0x7F000001), port}};
  }
  Service service([config] { return config; }, config.listen, tokens,
                  [](const ControlRequest&, Responder&) { return encode_result(boost::json::object{}); });
  {
    Service first([config] { return config; }, config.listen, tokens,
                  [](const ControlRequest&, Responder&) { return encode_result(boost::json::object{}); });
    EXPECT_EQ(first.listen(), "");
    EXPECT_NE(service.listen().find("[api] listen: 127.0.0.1:"), std::string::npos);
    EXPECT_EQ(service.listen(), "");
    EXPECT_NE(service.state().fault, "");
    EXPECT_TRUE(service.state().urls.empty());
    first.stop();
  }
  EXPECT_EQ(service.listen(), "");
  EXPECT_EQ(service.state().fault, "");
  EXPECT_EQ(service.state().urls, (std::vector<std::string>{"http://127.0.0.1:" + std::to_string(port) + "/"}));

  const Descriptor client = connect_to(port);
  const std::string get = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_TRUE(write_all(client, get + get.substr(0, 20)));
  EXPECT_NE(receive(client, 1).find(" 200 OK"), std::string::npos);
  ASSERT_TRUE(write_all(client, get.substr(20)));
  EXPECT_NE(receive(client, 1).find(" 200 OK"), std::string::npos);
  const Descriptor bad = connect_to(port);
  ASSERT_TRUE(write_all(bad, "nonsense\r\n\r\n"));
  const std::string refused = receive(bad, 1);
  EXPECT_NE(refused.find(" 400 Bad Request"), std::string::npos);
  EXPECT_NE(refused.find("Connection: close"), std::string::npos);
  EXPECT_NE(service.metrics().find("weir_api_requests_total{code=\"4xx\"} 1\n"), std::string::npos);

  const Descriptor silent = connect_to(port);
  service.stop();  // although clients are there
  EXPECT_TRUE(service.state().urls.empty());
  EXPECT_EQ(service.listen(), "");
}

TEST(Service, OffWhereNothingIsToBeListenedOn) {
  const test::ScratchFolder scratch;
  Tokens tokens(scratch / "");
  Service service([] { return ApiConfig(); }, {}, tokens, {});
  EXPECT_EQ(service.listen(), "");
  EXPECT_TRUE(service.state().urls.empty());
  EXPECT_EQ(service.state().fault, "");
}

TEST(Service, ACertificateThatIsNotThereIsToldBeforeAPortIsBound) {
  const test::ScratchFolder scratch;
  Tokens tokens(scratch / "");
  ApiConfig config;
  config.tls_certificate = scratch / "none.pem";
  config.tls_key = scratch / "none.key";
  Service service([config] { return config; }, {{IpAddress::ipv4(0xC0000201), 8053}}, tokens, {});
  EXPECT_NE(service.listen().find("none.pem"), std::string::npos);
}

}  // namespace
}  // namespace weir::http::service_test
