#include "zones/dns/tsig.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::tsig_test {
namespace {

using Octets = std::vector<std::uint8_t>;

TsigKey key_of(TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256, std::uint8_t fill = 7) {
  return {*Name::parse("transfer.example"), algorithm, Octets(32, fill)};
}

WallTime at(std::int64_t seconds) {
  return WallTime(std::chrono::seconds(seconds));
}

constexpr std::int64_t kNow = 1'790'000'000;

Octets from_hex(std::string_view text) {
  Octets out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}

// A header and the question of an AXFR; `answers` counts records that `tail` holds.
Octets message(std::uint16_t id, bool response, std::string_view tail = {}) {
  Octets out = {static_cast<std::uint8_t>(id >> 8),
                static_cast<std::uint8_t>(id),
                static_cast<std::uint8_t>(response ? 0x84 : 0),
                0,
                0,
                1,
                0,
                0,
                0,
                0,
                0,
                0,
                3,
                'r',
                'p',
                'z',
                0,
                0,
                252,
                0,
                1};
  if (!tail.empty()) {
    out[7] = 1;
    const Octets record = {0xC0,
                           12,
                           0,
                           16,
                           0,
                           1,
                           0,
                           0,
                           0,
                           60,
                           0,
                           static_cast<std::uint8_t>(tail.size() + 1),
                           static_cast<std::uint8_t>(tail.size())};
    out.insert(out.end(), record.begin(), record.end());
    out.insert(out.end(), tail.begin(), tail.end());
  }
  return out;
}

// A request and the first answer to it, both signed, between two sides.
struct Sides {
  TsigExchange client;
  TsigExchange server;

  explicit Sides(const TsigKey& mine = key_of(), const TsigKey& theirs = key_of())
      : client(mine, "192.0.2.1:53"), server(theirs, "192.0.2.2:4000") {}

  std::string ask(std::int64_t asked = kNow, std::int64_t seen = kNow) {
    Octets request = message(1, false);
    client.sign(request, at(asked));
    const auto verified = server.verify(request, at(seen));
    return verified ? std::string() : verified.error().message;
  }
  Octets answer(std::string_view text) {
    Octets out = message(1, true, text);
    server.sign(out, at(kNow));
    return out;
  }
  std::string take(const Octets& octets, std::int64_t seen = kNow) {
    const auto verified = client.verify(octets, at(seen));
    return verified ? std::string() : verified.error().message;
  }
};

TEST(Tsig, BothSidesAgreeWithEachAlgorithm) {
  for (const auto algorithm :
       {TsigAlgorithm::hmac_sha1, TsigAlgorithm::hmac_sha256, TsigAlgorithm::hmac_sha384, TsigAlgorithm::hmac_sha512}) {
    SCOPED_TRACE(to_text(algorithm));
    Sides sides(key_of(algorithm), key_of(algorithm));
    EXPECT_EQ(sides.ask(), "");
    EXPECT_EQ(sides.take(sides.answer("one")), "");
    EXPECT_EQ(sides.take(sides.answer("two")), "");
    EXPECT_TRUE(sides.client.finish());
  }
}

TEST(Tsig, FaultsNamePeerKeyAndError) {
  const struct {
    TsigKey theirs;
    std::int64_t seen;
    std::string expected;
  } kRows[] = {
      {key_of(TsigAlgorithm::hmac_sha256, 8), kNow, "192.0.2.2:4000: TSIG key transfer.example: BADSIG"},
      {key_of(TsigAlgorithm::hmac_sha512), kNow,
       "TSIG key transfer.example: BADKEY: it was signed with transfer.example and hmac-sha256"},
      {{*Name::parse("other"), TsigAlgorithm::hmac_sha256, Octets(32, 7)},
       kNow,
       "TSIG key other: BADKEY: it was signed with transfer.example"},
      {key_of(), kNow + 301, "BADTIME: it was signed at 2026-09-21T14:13:20Z and here it is 2026-09-21T14:18:21Z"},
      {key_of(), kNow - 301, "BADTIME"},
      {key_of(), kNow + 300, ""},
      {key_of(), kNow - 300, ""},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.expected);
    Sides sides(key_of(), row.theirs);
    const std::string told = sides.ask(kNow, row.seen);
    EXPECT_EQ(told.empty(), row.expected.empty()) << told;
    EXPECT_NE(told.find(row.expected), std::string::npos) << told;
  }
}

TEST(Tsig, EachOctetCounts) {
  Sides model;
  ASSERT_EQ(model.ask(), "");
  const Octets good = model.answer("text");
  for (std::size_t i = 0; i < good.size(); ++i) {
    Sides sides;
    ASSERT_EQ(sides.ask(), "");
    Octets changed = good;
    changed[i] ^= 0x20;
    // The id is not signed (the original one is), nor is the case of names.
    const std::string told = sides.take(changed);
    if (i < 2 || told.empty()) {
      const bool is_name = good[i] >= 'a' && good[i] <= 'z';
      EXPECT_TRUE(i < 2 || is_name) << i;
      continue;
    }
    EXPECT_NE(told.find("192.0.2.1:53: TSIG key transfer.example: "), std::string::npos) << told;
  }
}

TEST(Tsig, ShortenedSignatures) {
  Sides sides;
  Octets request = message(1, false);
  sides.client.sign(request, at(kNow));
  // The MAC stands before original id, error and other length: 6 octets from the end.
  const std::size_t mac_end = request.size() - 6;
  for (const std::size_t kept : {std::size_t{20}, std::size_t{9}}) {
    Octets cut(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(mac_end - 32 + kept));
    cut.insert(cut.end(), request.begin() + static_cast<std::ptrdiff_t>(mac_end), request.end());
    cut[mac_end - 33] = static_cast<std::uint8_t>(kept);
    const std::size_t length_at = mac_end - 32 - 2 - 2 - 6 - 13 - 2;  // behind name, type, class, TTL of the TSIG
    cut[length_at + 1] = static_cast<std::uint8_t>(cut[length_at + 1] - (32 - kept));
    TsigExchange server(key_of(), "peer");
    const auto told = server.verify(cut, at(kNow));
    ASSERT_FALSE(told);
    EXPECT_NE(told.error().message.find(kept == 20 ? "BADTRUNC: a signature of 20 octets, 32 were expected" : "BADSIG"),
              std::string::npos)
        << told.error().message;
  }
}

// RFC 8945 section 5.3.1.
TEST(Tsig, LaterMessagesOfATransferMayBeUnsigned) {
  for (const unsigned between : {0U, 1U, 99U, 100U}) {
    SCOPED_TRACE(between);
    Sides sides;
    ASSERT_EQ(sides.ask(), "");
    ASSERT_EQ(sides.take(sides.answer("first")), "");
    std::string told;
    std::vector<Octets> plain;
    for (unsigned i = 0; i < between && told.empty(); ++i) {
      plain.push_back(message(1, true, "plain"));
      told = sides.take(plain.back());
    }
    if (between > kMaxUnsignedMessages) {
      EXPECT_NE(told.find("more than 99 messages without a signature"), std::string::npos) << told;
      continue;
    }
    ASSERT_EQ(told, "");
    EXPECT_EQ(sides.client.finish().has_value(), between == 0);
  }
}

TEST(Tsig, TheFirstAnswerMustBeSigned) {
  Sides sides;
  ASSERT_EQ(sides.ask(), "");
  EXPECT_EQ(sides.take(message(1, true, "x")), "192.0.2.1:53: TSIG key transfer.example: the message is not signed");
}

TEST(Tsig, WhatAPeerSaysOfOurSignature) {
  const struct {
    std::uint8_t error;
    std::string expected;
  } kRows[] = {{16, "the peer says BADSIG: both sides must have the same secret"},
               {17, "the peer says BADKEY: it does not know the key"},
               {18, "the peer says BADTIME"}};
  for (const auto& row : kRows) {
    Sides sides;
    ASSERT_EQ(sides.ask(), "");
    Octets answer = message(1, true);
    answer[11] = 1;
    const Octets key = {8, 't', 'r', 'a', 'n', 's', 'f', 'e', 'r', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    const Octets rest = {0,   250, 0, 255, 0, 0, 0, 0, 0, 29, 11, 'h', 'm', 'a', 'c', '-', 's',       'h', 'a', '2',
                         '5', '6', 0, 0,   0, 0, 0, 0, 0, 1,  44, 0,   0,   0,   1,   0,   row.error, 0,   0};
    answer.insert(answer.end(), key.begin(), key.end());
    answer.insert(answer.end(), rest.begin(), rest.end());
    EXPECT_EQ(sides.take(answer), "192.0.2.1:53: TSIG key transfer.example: " + row.expected);
  }
}

// RFC 8945 sections 5.2 and 5.3.2: what is wrong with the key or the signature is told without a signature, a clock
// that is off with one, and our time.
TEST(Tsig, ARefusalSaysWhatIsWrong) {
  const struct {
    TsigKey theirs;
    std::int64_t seen;
    std::string told;
  } kRows[] = {
      {key_of(TsigAlgorithm::hmac_sha256, 8), kNow, "the peer says BADSIG: both sides must have the same secret"},
      {key_of(TsigAlgorithm::hmac_sha512), kNow, "the peer says BADKEY: it does not know the key"},
      {{*Name::parse("other"), TsigAlgorithm::hmac_sha256, Octets(32, 7)},
       kNow,
       "the peer says BADKEY: it does not know the key"},
      {key_of(), kNow + 1000, "the peer says BADTIME: its clock shows 2026-09-21T14:30:00Z, ours 2026-09-21T14:13:20Z"},
      {key_of(), kNow - 1000, "the peer says BADTIME: its clock shows 2026-09-21T13:56:40Z, ours 2026-09-21T14:13:20Z"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.told);
    Sides sides(key_of(), row.theirs);
    ASSERT_NE(sides.ask(kNow, row.seen), "");
    EXPECT_EQ(sides.server.refusal(), Rcode::notauth);
    Octets answer = message(1, true);
    sides.server.sign_refusal(answer, at(row.seen));
    EXPECT_EQ(sides.take(answer), "192.0.2.1:53: TSIG key transfer.example: " + row.told);
  }
  Sides plain;
  const Octets unsigned_request = message(1, false);
  ASSERT_FALSE(plain.server.verify(unsigned_request, at(kNow)));
  EXPECT_EQ(plain.server.refusal(), Rcode::refused);
  Octets answer = message(1, true);
  plain.server.sign_refusal(answer, at(kNow));
  EXPECT_EQ(answer, message(1, true)) << "who did not sign gets no TSIG";
  Sides cut;
  ASSERT_FALSE(cut.server.verify(std::span(unsigned_request).first(13), at(kNow)));
  EXPECT_EQ(cut.server.refusal(), Rcode::formerr);
}

TEST(Tsig, SecretsInBase64) {
  EXPECT_EQ(*parse_tsig_secret("AAECAwQFBgcICQ=="), (Octets{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(parse_tsig_secret("AAECAwQFBgcI").value().size(), 9U);
  for (const char* wrong :
       {"", "AAAA", "AAECAwQFBgcICQ=", "AAECAwQFBgcI?Q==", "AAECAwQF=gcICQ==", "AAECAwQFBgcICQ ="}) {
    const auto parsed = parse_tsig_secret(wrong);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().message, "this is no secret in base64");
  }
}

TEST(Tsig, MalformedMessagesAreRefused) {
  Sides sides;
  ASSERT_EQ(sides.ask(), "");
  const Octets good = sides.answer("text");
  for (std::size_t size = 0; size < good.size(); ++size) {
    Sides fresh;
    ASSERT_EQ(fresh.ask(), "");
    EXPECT_NE(fresh.take(Octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), "") << size;
  }
}

// Queries that `dig -y` signed (BIND 9.18), with the time that they were signed at.
TEST(Tsig, VerifiesWhatDigSigned) {
  const struct {
    TsigAlgorithm algorithm;
    std::int64_t time;
    std::string_view octets;
  } kRows[] = {
      {TsigAlgorithm::hmac_sha256, 1795657779,
       "76e9012000010000000000010372707a0000060001087472616e73666572076578616d706c650000fa00ff00000000003d0b"
       "686d61632d7368613235360000006b079033012c0020f251514c2aef2b27ecb7b437093d15e2df1a477ad5528566d6c960ba"
       "e0a915d176e900000000"},
      {TsigAlgorithm::hmac_sha384, 1795657779,
       "7f9d012000010000000000010372707a0000060001087472616e73666572076578616d706c650000fa00ff00000000004d0b"
       "686d61632d7368613338340000006b079033012c0030458d8ae421e57bce295d1da1125c54100c56b6df696d893fe0d9b2ec"
       "ca7a655d2547e540ed2aed9f9bb5218d8338cc717f9d00000000"},
      {TsigAlgorithm::hmac_sha1, 1795657779,
       "c265012000010000000000010372707a0000060001087472616e73666572076578616d706c650000fa00ff00000000002f09"
       "686d61632d736861310000006b079033012c0014dc260d64e3e99f6119f0b6ddc641c2b2f3e8aa1fc26500000000"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(to_text(row.algorithm));
    const TsigKey key{*Name::parse("transfer.example"), row.algorithm,
                      *parse_tsig_secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")};
    const auto verified = TsigExchange(key, "dig").verify(from_hex(row.octets), at(row.time + 10));
    EXPECT_TRUE(verified) << verified.error().message;
    Octets changed = from_hex(row.octets);
    changed[15] ^= 1;
    EXPECT_FALSE(TsigExchange(key, "dig").verify(changed, at(row.time + 10)));
  }
}

}  // namespace
}  // namespace weir::tsig_test
