#include "resolver/server/cookies.h"

#include <gtest/gtest.h>

#include "tests/resolver/server/virtual_worker.h"

namespace weir::test::cookies_test {
namespace {

using namespace std::chrono_literals;
using Octets = std::vector<std::uint8_t>;

Octets octets(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Octets out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return out;
}

Octets cookie_of(std::string_view hex, std::string_view secret, const char* client, std::uint32_t now,
                 CookieState expected) {
  const CookieSecrets secrets(parse_cookie_secret(secret));
  CookieJar jar(secrets);
  const Octets given = octets(hex);
  Query query;
  query.cookie = given;
  EXPECT_EQ(jar.check(query, *IpAddress::parse(client), WallTime(std::chrono::seconds(now))), expected) << hex;
  EXPECT_TRUE(query.has_reply_cookie);
  return {query.reply_cookie.begin(), query.reply_cookie.end()};
}

// RFC 9018 appendix A.
TEST(Cookies, TheExamplesOfTheRfc) {
  constexpr auto kSecret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
  EXPECT_EQ(cookie_of("2464c4abcf10c957", kSecret, "198.51.100.100", 1559731985, CookieState::client_only),
            octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
  // A.2: the same client, later; old enough to be replaced.
  EXPECT_EQ(cookie_of("2464c4abcf10c957010000005cf79f111f8130c3eee29480", kSecret, "198.51.100.100", 1559734385,
                      CookieState::good),
            octets("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));
  // A.4: another secret, an IPv6 client.
  EXPECT_EQ(cookie_of("22681ab97d52c298", "445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8",
                      1559741961, CookieState::client_only),
            octets("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
}

TEST(Cookies, WhatIsBelieved) {
  constexpr auto kSecret = "000102030405060708090a0b0c0d0e0f";
  constexpr std::uint32_t kMade = 1'700'000'000;
  const Octets made = cookie_of("3132333435363738", kSecret, "192.0.2.1", kMade, CookieState::client_only);
  std::string hex;
  for (const std::uint8_t octet : made) {
    hex += "0123456789abcdef"[octet >> 4];
    hex += "0123456789abcdef"[octet & 15];
  }
  const struct {
    const char* what;
    std::string cookie;
    const char* client;
    std::uint32_t now;
    CookieState expected;
    bool same;  // the reply has it again
  } rows[] = {
      {"fresh", hex, "192.0.2.1", kMade, CookieState::good, true},
      {"mapped", hex, "::ffff:192.0.2.1", kMade, CookieState::good, true},
      {"29 minutes", hex, "192.0.2.1", kMade + 1799, CookieState::good, true},
      {"half an hour", hex, "192.0.2.1", kMade + 1800, CookieState::good, false},
      {"an hour", hex, "192.0.2.1", kMade + 3600, CookieState::good, false},
      {"too old", hex, "192.0.2.1", kMade + 3601, CookieState::bad, false},
      {"a clock ahead of ours", hex, "192.0.2.1", kMade - 300, CookieState::good, false},
      {"too far ahead", hex, "192.0.2.1", kMade - 301, CookieState::bad, false},
      {"another's", hex, "192.0.2.2", kMade + 10, CookieState::bad, false},
      {"another client cookie", "41" + hex.substr(2), "192.0.2.1", kMade + 10, CookieState::bad, false},
      {"another version", hex.substr(0, 16) + "02" + hex.substr(18), "192.0.2.1", kMade + 10, CookieState::bad, false},
      {"reserved octets", hex.substr(0, 18) + "01" + hex.substr(20), "192.0.2.1", kMade + 10, CookieState::bad, false},
      {"made up", hex.substr(0, 32) + "0000000000000000", "192.0.2.1", kMade + 10, CookieState::bad, false},
      {"of another kind of server", hex.substr(0, 40), "192.0.2.1", kMade + 10, CookieState::bad, false},
      {"longer", hex + "00", "192.0.2.1", kMade + 10, CookieState::bad, false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.what);
    const Octets reply = cookie_of(row.cookie, kSecret, row.client, row.now, row.expected);
    EXPECT_EQ(reply == made, row.same);
  }
}

TEST(Cookies, ASecretRollsOnceADayAndTheLastOneIsGood) {
  CookieSecrets secrets;
  CookieJar jar(secrets);
  const WallTime wall(std::chrono::seconds(1'700'000'000));
  const IpAddress client = *IpAddress::parse("192.0.2.1");
  const Octets first = octets("3132333435363738");
  Query query;
  query.cookie = first;
  jar.check(query, client, wall);
  const Octets made(query.reply_cookie.begin(), query.reply_cookie.end());
  const auto state_at = [&](std::chrono::hours time) {
    secrets.refresh(SteadyTime(time));
    Query asked;
    asked.cookie = made;
    return jar.check(asked, client, wall);
  };
  EXPECT_EQ(state_at(0h), CookieState::good);
  EXPECT_EQ(state_at(23h), CookieState::good);
  EXPECT_EQ(state_at(24h), CookieState::good);
  EXPECT_EQ(state_at(48h), CookieState::bad);
}

TEST(Cookies, SecretsAreThirtyTwoDigits) {
  EXPECT_TRUE(parse_cookie_secret("000102030405060708090A0b0c0d0e0f"));
  for (const char* bad : {"", "00", "000102030405060708090a0b0c0d0e0", "g00102030405060708090a0b0c0d0e0f"})
    EXPECT_FALSE(parse_cookie_secret(bad)) << bad;
}

// A query for www.test with these EDNS options.
Octets with_options(std::string_view hex, RecordType type = RecordType::a) {
  Octets out = encode_query({.name = "www.test", .type = type, .edns = true});
  const Octets options = octets(hex);
  out.back() = static_cast<std::uint8_t>(options.size());
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

// The option of a reply's OPT, which is its last record.
Octets option_of(const Octets& reply, std::uint8_t code) {
  for (std::size_t at = reply.size(); at-- > 12;) {
    // Root, type OPT: what follows its fixed part are options up to the end.
    if (at + 11 > reply.size() || reply[at] != 0 || reply[at + 1] != 0 || reply[at + 2] != 41) continue;
    const std::size_t length = static_cast<std::size_t>(reply[at + 9]) << 8 | reply[at + 10];
    if (at + 11 + length != reply.size()) continue;
    for (std::size_t i = at + 11; i + 4 <= reply.size();) {
      const std::size_t size = static_cast<std::size_t>(reply[i + 2]) << 8 | reply[i + 3];
      if (reply[i + 1] == code)
        return {reply.begin() + static_cast<std::ptrdiff_t>(i) + 4,
                reply.begin() + static_cast<std::ptrdiff_t>(i + 4 + size)};
      i += 4 + size;
    }
  }
  return {};
}

Rcode rcode_of(const Octets& reply) {
  return read_message(reply)->rcode;
}

TEST(Cookies, EveryKindOfAnswerCarriesOne) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  const Octets query = with_options("000a00083132333435363738");
  const Octets missed = worker.ask(query);
  const Octets cached = worker.ask(query);
  auto rules = std::make_unique<HandMadeGeneration>(2, 2);
  rules->block("www.test");
  worker.install(std::move(rules));
  const Octets blocked = worker.ask(query);
  for (const Octets& reply : {missed, cached, blocked}) {
    const Octets cookie = option_of(reply, 10);
    ASSERT_EQ(cookie.size(), 24U);
    EXPECT_TRUE(std::equal(query.end() - 8, query.end(), cookie.begin()));
    EXPECT_EQ(cookie, option_of(missed, 10));
  }
  EXPECT_EQ(worker.metrics.get(Metric::cached), 1U);
  EXPECT_EQ(worker.metrics.get(Metric::blocked), 1U);
  EXPECT_EQ(worker.metrics.get(Metric::cookies_new), 3U);
  EXPECT_TRUE(option_of(worker.ask(Asking{.name = "www.test", .edns = true}), 10).empty()) << "nobody asked for one";
}

TEST(Cookies, WhereTheyAreRequiredNothingElseGoesOverUdp) {
  AnswerConfig config;
  config.require_cookies = {*Prefix::parse("127.0.0.0/8")};
  VirtualWorker worker({}, config);
  worker.server["www.test"] = {};
  const Octets without = worker.ask(Asking{.name = "www.test", .edns = true});
  EXPECT_EQ(rcode_of(without), Rcode::refused);
  EXPECT_TRUE(read_message_start(without)->flags.truncated);
  EXPECT_EQ(rcode_of(worker.ask(Asking{.name = "www.test"}, Transport::tcp)), Rcode::noerror);
  const Octets first = worker.ask(with_options("000a00083132333435363738"));
  EXPECT_EQ(rcode_of(first), Rcode::badcookie);
  EXPECT_EQ(worker.metrics.get(Metric::cookies_missing), 2U);
  Octets again = with_options("000a00180000000000000000000000000000000000000000000000000");
  const Octets cookie = option_of(first, 10);
  again = with_options("000a0018");
  again.back() = 24;
  again[again.size() - 5] = 28;  // the length of all options
  again.insert(again.end(), cookie.begin(), cookie.end());
  EXPECT_EQ(rcode_of(worker.ask(again)), Rcode::noerror);
  EXPECT_EQ(worker.metrics.get(Metric::cookies_good), 1U);
}

// RFC 7873 section 5.2.2.
TEST(Cookies, AMalformedOneIsAFormerr) {
  VirtualWorker worker;
  for (const char* option :
       {"000a0000", "000a000731323334353637", "000a0009313233343536373839", "000a000f313233343536373839303132333435"})
    EXPECT_EQ(rcode_of(worker.ask(with_options(option))), Rcode::formerr) << option;
}

// RFC 7828 section 3.
TEST(Keepalive, IsToldOverTcpAlone) {
  VirtualWorker worker;
  worker.server["www.test"] = {};
  const Octets asks = with_options("000b0000");
  EXPECT_EQ(option_of(worker.ask(asks, Transport::tcp), 11), (Octets{0, 100}));
  EXPECT_EQ(option_of(worker.ask(asks, Transport::tcp), 11), (Octets{0, 100})) << "from the cache";
  EXPECT_TRUE(option_of(worker.ask(asks), 11).empty());
  EXPECT_TRUE(option_of(worker.ask(Asking{.name = "www.test"}, Transport::tcp), 11).empty()) << "no OPT in the query";
  const Octets with_timeout = with_options("000b000200ff");
  EXPECT_EQ(rcode_of(worker.ask(with_timeout, Transport::tcp)), Rcode::formerr);
  EXPECT_EQ(rcode_of(worker.ask(with_timeout)), Rcode::noerror);
}

// RFC 8482.
TEST(Any, IsForTcp) {
  for (const bool over_udp : {false, true}) {
    AnswerConfig config;
    config.any_over_udp = over_udp;
    VirtualWorker worker({}, config);
    worker.server["www.test"] = {};
    const Octets reply = worker.ask(with_options("", RecordType::any));
    EXPECT_EQ(read_message_start(reply)->flags.truncated, !over_udp);
    EXPECT_EQ(worker.asked("www.test") > 0, over_udp);
    EXPECT_FALSE(read_message_start(worker.ask(with_options("", RecordType::any), Transport::tcp))->flags.truncated);
    EXPECT_GT(worker.asked("www.test"), 0U);
  }
}

// RFC 4892; hidden unless the administrator says otherwise.
TEST(ChaosNames, SayWhatTheyAreToldTo) {
  for (const bool told : {false, true}) {
    AnswerConfig config;
    if (told) {
      config.version = "weir of tests";
      config.identity = "here";
    }
    VirtualWorker worker({}, config);
    for (const auto& [name, text] : std::map<std::string, std::string>{{"version.bind", "weir of tests"},
                                                                       {"VERSION.SERVER", "weir of tests"},
                                                                       {"hostname.bind", "here"},
                                                                       {"id.server", "here"},
                                                                       {"fingerprint.weir", "f00d"},
                                                                       {"other.bind", ""}}) {
      Octets query = encode_query({.name = name, .type = RecordType::txt});
      query.back() = 3;
      const auto reply = read_message(worker.ask(query));
      ASSERT_TRUE(reply) << name;
      const bool known = !text.empty() && (told || text == "f00d");  // what filters alike shows that it does
      EXPECT_EQ(reply->rcode, known ? Rcode::noerror : Rcode::refused) << name;
      ASSERT_EQ(reply->answer.size(), known ? 1U : 0U) << name;
      if (!known) continue;
      const auto rdata = *reply->answer[0].records().begin();
      EXPECT_EQ(std::string(rdata.begin() + 1, rdata.end()), text) << name;
    }
    // Of other types and classes nobody is told.
    Octets address = encode_query({.name = "version.bind"});
    address.back() = 3;
    EXPECT_EQ(rcode_of(worker.ask(address)), Rcode::refused);
    Octets no_class = encode_query({.name = "version.bind", .type = RecordType::txt});
    no_class.back() = 254;
    EXPECT_EQ(rcode_of(worker.ask(no_class)), Rcode::refused);
  }
}

}  // namespace
}  // namespace weir::test::cookies_test
