#include "tools/http/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::http::request_reader_test {
namespace {

using State = RequestReader::State;

std::string repeat(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(RequestReader, TheSameRequestHoweverItIsCut) {
  const std::string octets =
      "POST /api/v1/rules HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
      "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde"
      "GET / HTTP/1.0\r\nHost: b\r\n\r\n";
  for (std::size_t cut = 1; cut < octets.size(); ++cut) {
    SCOPED_TRACE(cut);
    RequestReader reader;
    std::vector<Request> seen;
    const auto take = [&] {
      while (reader.state() == State::whole) seen.push_back(reader.take());
    };
    for (std::size_t at = 0; at < octets.size(); at += cut) {
      reader.feed(std::string_view(octets).substr(at, cut));
      take();
    }
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_EQ(seen[0].method, "POST");
    EXPECT_EQ(seen[0].target, "/api/v1/rules");
    EXPECT_EQ(seen[0].body, "{\"a\":1}");
    EXPECT_EQ(*seen[0].find("content-type"), "application/json");
    EXPECT_TRUE(seen[0].keeps_alive);
    EXPECT_EQ(seen[1].body, "abcde");
    EXPECT_EQ(seen[2].target, "/");
    EXPECT_FALSE(seen[2].keeps_alive);
    EXPECT_EQ(reader.state(), State::idle);
  }
}

TEST(RequestReader, WhatIsRefusedAndWhy) {
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n";
  const struct {
    std::string octets;
    unsigned status;
  } rows[] = {
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},  // TLS where none is spoken
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 505},  // no CR: the version does not end
      {"G\x01T / HTTP/1.1\r\n\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\n\r\n", 400},
      {get + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {get + "Content-Length: -1\r\n\r\n", 400},
      {get + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {get + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {get + "Transfer-Encoding: gzip\r\n\r\n", 411},
      {get + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 411},
      {get + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 411},
      {get + "Expect: 200-ok\r\n\r\n", 417},
      {get + "Content-Length: " + std::to_string(kMaxBody + 1) + "\r\n\r\n", 413},
      {get + "Transfer-Encoding: chunked\r\n\r\n" + repeat("10000\r\n" + std::string(65536, 'a') + "\r\n", 17), 411},
      {get + "A: " + std::string(kMaxHead, 'a') + "\r\n\r\n", 431},
      {get + repeat("a: b\r\n", 10'000) + "\r\n", 431},
      {get + repeat("a: b\r\n", kMaxFields) + "\r\n", 431},
      {"GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n", 431},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.octets.substr(0, 120));
    RequestReader reader;
    reader.feed(row.octets);
    ASSERT_EQ(reader.state(), State::refused);
    EXPECT_EQ(reader.refusal().status, row.status) << reader.refusal().body;
    EXPECT_TRUE(reader.refusal().ends_connection);
  }
}

// Beast's parser asserts that it does not meet this: five octets from anybody ended the process.
TEST(RequestReader, ALastChunkWithoutItsEndEndsNoProcess) {
  for (const char* body : {"0\r\n\xff\n", "0\r\n", "0\r\na", "1\r\na\r\n0\r\n\r", "0\r\nA: b\r\n\xff\r\n\r\n"}) {
    RequestReader reader;
    reader.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    reader.feed(body);
    ASSERT_EQ(reader.state(), State::refused);
    EXPECT_EQ(reader.refusal().status, 411U);
  }
}

TEST(RequestReader, TheLargestThatAreTaken) {
  RequestReader reader;
  reader.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kMaxBody) + "\r\n" +
              repeat("a: b\r\n", kMaxFields - 2) + "\r\n");
  EXPECT_EQ(reader.state(), State::partial);
  reader.feed(std::string(kMaxBody, 'x'));
  ASSERT_EQ(reader.state(), State::whole);
  EXPECT_EQ(reader.take().body.size(), kMaxBody);
}

TEST(RequestReader, AHeadWithoutEndIsBoundedAlsoOctetByOctet) {
  RequestReader reader;
  reader.feed("GET / HTTP/1.1\r\nA: ");
  for (std::size_t i = 0; i < 2 * kMaxHead && reader.state() == State::partial; i += 64)
    reader.feed(std::string(64, 'a'));
  ASSERT_EQ(reader.state(), State::refused);
  EXPECT_EQ(reader.refusal().status, 431U);
}

TEST(RequestReader, TellsOnceThatTheBodyMayCome) {
  RequestReader reader;
  reader.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n");
  EXPECT_FALSE(reader.wants_continue());
  reader.feed("\r\n");
  EXPECT_TRUE(reader.wants_continue());
  EXPECT_FALSE(reader.wants_continue());
  reader.feed("ab");
  EXPECT_EQ(reader.take().body, "ab");
}

}  // namespace
}  // namespace weir::http::request_reader_test
