// DNS cookies towards servers (RFC 7873 section 5.3): who is believed, and what is done with who is not.
#include <gtest/gtest.h>

#include <set>

#include "tests/simulation_support/small_world.h"

namespace weir::simulation::upstream_cookies_test {
namespace {

using Octets = std::vector<std::uint8_t>;

// example.org has one server in these tests, which does as it is told.
struct CookieServer {
  enum class Mode : std::uint8_t { gives, silent_about_them, formerr, wants_another, wants_another_always } mode;
  std::uint8_t generation = 1;
  std::vector<Octets> got;  // the cookies of the queries, in order
  std::vector<bool> got_opt;
};

Octets with_opt(Octets reply, const Octets& cookie, std::uint8_t extended_rcode = 0) {
  const std::size_t options = cookie.empty() ? 0 : 4 + cookie.size();
  const Octets opt = {0, 0, 41, 4, 208, extended_rcode, 0, 0, 0, 0, static_cast<std::uint8_t>(options)};
  reply.insert(reply.end(), opt.begin(), opt.end());
  if (!cookie.empty()) {
    reply.insert(reply.end(), {0, 10, 0, static_cast<std::uint8_t>(cookie.size())});
    reply.insert(reply.end(), cookie.begin(), cookie.end());
  }
  ++reply[11];
  return reply;
}

// Without the OPT that it would get: with_opt() appends another.
Octets reply_without_opt(Message query, const Reply& reply) {
  query.edns.reset();
  return make_reply(query, reply);
}

Octets answer_to(const Message& query) {
  Reply reply;
  const std::string name = query.start.qname.to_text();
  if (query.start.qtype == RecordType::a) {
    reply.answer = {name + " 300 A 192.0.2.1"};
  } else {
    reply.authority = {"example.org 300 SOA 300"};
  }
  return reply_without_opt(query, reply);
}

std::optional<Octets> serve(CookieServer& server, const Message& query) {
  using Mode = CookieServer::Mode;
  const Octets cookie = query.edns ? query.edns->cookie : Octets{};
  server.got.push_back(cookie);
  server.got_opt.push_back(query.edns.has_value());
  if (cookie.empty() || server.mode == Mode::silent_about_them) return with_opt(answer_to(query), {});
  if (server.mode == Mode::formerr) return make_reply(query, {.flags = 0x8000, .rcode = Rcode::formerr});
  Octets full(cookie.begin(), cookie.begin() + 8);
  full.insert(full.end(), 8, server.generation);
  const bool wants = server.mode == Mode::wants_another || server.mode == Mode::wants_another_always;
  if (wants && (cookie != full || server.mode == Mode::wants_another_always)) {
    // BADCOOKIE is 23: 7 in the header, 1 in the OPT.
    Octets refused = with_opt(reply_without_opt(query, {.flags = 0x8000}), full, 1);
    refused[3] = static_cast<std::uint8_t>((refused[3] & 0xF0) | 7);
    return refused;
  }
  return with_opt(answer_to(query), full);
}

struct UpstreamCookies : testing::Test {
  UpstreamCookies() {
    world.start();
    world.network.behaviour("10.53.0.6").silent = true;
    for (const char* address : {"10.53.0.5", "10.53.0.6"})
      world.network.set_script(address,
                               [this](const Message& query, const IpAddress&) { return serve(server, query); });
  }
  Rcode ask(const std::string& name) {
    server.got.clear();
    server.got_opt.clear();
    return world.network.resolve(name, RecordType::a).rcode;
  }

  SmallWorld world;
  CookieServer server{CookieServer::Mode::gives, 1, {}, {}};
};

TEST_F(UpstreamCookies, AServerCookieIsSentBackToWhoGaveIt) {
  EXPECT_EQ(ask("a.example.org"), Rcode::noerror);
  ASSERT_FALSE(server.got.empty());
  EXPECT_EQ(server.got[0].size(), 8U);
  const Octets client = server.got[0];
  EXPECT_EQ(ask("b.example.org"), Rcode::noerror);
  ASSERT_EQ(server.got.size(), 1U);
  EXPECT_EQ(server.got[0].size(), 16U);
  EXPECT_TRUE(std::equal(client.begin(), client.end(), server.got[0].begin()));
  EXPECT_EQ(server.got[0][8], server.generation);
  EXPECT_EQ(world.engine->counters().cookie_misses, 0U);
}

TEST_F(UpstreamCookies, EachServerGetsAnotherClientCookie) {
  std::set<Octets> cookies;
  for (const char* address : {"10.53.0.1", "10.53.0.2"}) {
    world.network.set_script(address, [&cookies](const Message& query, const IpAddress&) -> std::optional<Octets> {
      if (query.edns && query.edns->cookie.size() == 8) cookies.insert(query.edns->cookie);
      return std::nullopt;
    });
  }
  ask("a.example.org");
  EXPECT_GE(cookies.size(), 2U);
}

TEST_F(UpstreamCookies, WhoSendsOneIsExpectedToAndTcpTellsWhetherItChangedItsMind) {
  ask("a.example.org");
  server.mode = CookieServer::Mode::silent_about_them;
  EXPECT_EQ(ask("b.example.org"), Rcode::noerror);
  EXPECT_GT(world.engine->counters().cookie_misses, 0U);
  EXPECT_GT(world.engine->counters().tcp_fallbacks, 0U);
  const auto misses = world.engine->counters().cookie_misses;
  EXPECT_EQ(ask("c.example.org"), Rcode::noerror);
  EXPECT_EQ(world.engine->counters().cookie_misses, misses) << "it is not expected any more";
  EXPECT_EQ(server.got.size(), 1U);
}

TEST_F(UpstreamCookies, AForgedCookieIsNoAnswer) {
  ask("a.example.org");
  bool forged = false;
  world.network.set_script("10.53.0.5", [&](const Message& query, const IpAddress&) -> std::optional<Octets> {
    if (!std::exchange(forged, true)) return with_opt(answer_to(query), Octets(16, 0xEE));
    return serve(server, query);
  });
  EXPECT_EQ(ask("b.example.org"), Rcode::noerror);
  EXPECT_TRUE(forged);
  EXPECT_EQ(world.engine->counters().cookie_misses, 1U);
}

TEST_F(UpstreamCookies, BadCookieIsAskedAgainWithTheNewOne) {
  ask("a.example.org");
  server.mode = CookieServer::Mode::wants_another;
  server.generation = 2;
  EXPECT_EQ(ask("b.example.org"), Rcode::noerror);
  ASSERT_EQ(server.got.size(), 2U);
  EXPECT_EQ(server.got[0][8], 1);
  EXPECT_EQ(server.got[1][8], 2);
  EXPECT_EQ(world.engine->counters().tcp_fallbacks, 0U);
}

TEST_F(UpstreamCookies, WhoIsNeverContentIsAskedOverTcpAndEnds) {
  server.mode = CookieServer::Mode::wants_another_always;
  EXPECT_EQ(ask("a.example.org"), Rcode::servfail);
  EXPECT_GT(world.engine->counters().tcp_fallbacks, 0U);
  EXPECT_LE(server.got.size(), 2 * limit_of(Limit::tries_per_server));
}

TEST_F(UpstreamCookies, WhoDislikesThemIsAskedWithoutAndKeepsItsOpt) {
  server.mode = CookieServer::Mode::formerr;
  EXPECT_EQ(ask("a.example.org"), Rcode::noerror);
  ASSERT_EQ(server.got.size(), 2U);
  EXPECT_EQ(server.got[0].size(), 8U);
  EXPECT_TRUE(server.got[1].empty());
  EXPECT_TRUE(server.got_opt[1]) << "DNSSEC needs it";
  EXPECT_EQ(ask("b.example.org"), Rcode::noerror);
  ASSERT_EQ(server.got.size(), 1U);
  EXPECT_TRUE(server.got[0].empty());
}

}  // namespace
}  // namespace weir::simulation::upstream_cookies_test
