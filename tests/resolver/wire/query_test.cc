#include "resolver/wire/query.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace weir::query_test {
namespace {

using Octets = std::vector<std::uint8_t>;

void put_u16(Octets& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_name(Octets& out, std::string_view text) {
  const Name name = *Name::parse(text);
  out.insert(out.end(), name.wire().begin(), name.wire().end());
}

// "www.example.org" A IN, RD=1, nothing more.
Octets plain(unsigned type = 1, unsigned record_class = 1, std::string_view name = "www.example.org") {
  Octets out = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
  put_name(out, name);
  put_u16(out, type);
  put_u16(out, record_class);
  return out;
}

void add_record(Octets& out, Octets owner, unsigned type, unsigned record_class, std::uint32_t ttl,
                const Octets& rdata) {
  out.insert(out.end(), owner.begin(), owner.end());
  put_u16(out, type);
  put_u16(out, record_class);
  put_u16(out, ttl >> 16);
  put_u16(out, ttl & 0xFFFF);
  put_u16(out, static_cast<unsigned>(rdata.size()));
  out.insert(out.end(), rdata.begin(), rdata.end());
  out[11] = static_cast<std::uint8_t>(out[11] + 1);
}

Octets with_opt(unsigned payload, std::uint32_t ttl = 0, const Octets& options = {}) {
  Octets out = plain();
  add_record(out, {0}, 41, payload, ttl, options);
  return out;
}

TEST(ParseQuery, ReadsWhatAStubSends) {
  Octets message = with_opt(1400, 0x8000);
  message[3] = 0x30;  // AD, CD
  const auto [query, fault] = parse_query(message);
  ASSERT_FALSE(fault.has_value());
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_EQ(query.name().to_text(), "www.example.org");
  EXPECT_EQ(query.qname_hash, query.name().hash());
  EXPECT_EQ(query.type, RecordType::a);
  EXPECT_TRUE(query.recursion_desired);
  EXPECT_TRUE(query.checking_disabled);
  EXPECT_TRUE(query.authentic_data);
  EXPECT_TRUE(query.has_edns);
  EXPECT_TRUE(query.dnssec_ok);
  EXPECT_EQ(query.udp_payload_size, kServerUdpPayload);
  EXPECT_EQ(query.qname.data(), message.data() + kHeaderSize);
  EXPECT_EQ(query.question_size(), 21U);
}

TEST(ParseQuery, PayloadSizeIsBounded) {
  const struct {
    unsigned sent;
    std::uint16_t taken;
  } rows[] = {{0, 512}, {1, 512}, {511, 512}, {512, 512}, {513, 513}, {1232, 1232}, {1233, 1232}, {65535, 1232}};
  for (const auto& row : rows) EXPECT_EQ(parse_query(with_opt(row.sent)).query.udp_payload_size, row.taken) << row.sent;
  EXPECT_EQ(parse_query(plain()).query.udp_payload_size, 512);
}

struct FaultRow {
  const char* what;
  Octets message;
  std::optional<QueryFault> fault;
};

Octets changed(Octets message, const std::function<void(Octets&)>& change) {
  change(message);
  return message;
}

TEST(ParseQuery, Faults) {
  const Octets label_64(64, 'a');
  const auto raw_name = [](const Octets& name) {
    Octets out = {0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
    out.insert(out.end(), name.begin(), name.end());
    put_u16(out, 1);
    put_u16(out, 1);
    return out;
  };
  // 127 labels of one letter: 255 octets, the longest name there is; and one octet more.
  Octets longest;
  for (int i = 0; i < 127; ++i) longest.insert(longest.end(), {1, 'a'});
  Octets too_long = longest;
  longest.push_back(0);
  too_long.insert(too_long.begin(), {1, 'b'});
  too_long.push_back(0);
  Octets length_64 = {64};
  length_64.insert(length_64.end(), label_64.begin(), label_64.end());
  length_64.push_back(0);
  const auto without_question = [](const Octets& options) {
    Octets out = {0x12, 0x34, 0x01, 0x00, 0, 0, 0, 0, 0, 0, 0, 0};
    add_record(out, {0}, 41, 1232, 0, options);
    return out;
  };
  const Octets client_cookie = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  Octets many_options;
  for (int i = 0; i < 101; ++i) many_options.insert(many_options.end(), {0, 10, 0, 0});
  const auto version_one = 0x00010000U;

  const std::vector<FaultRow> rows = {
      {"plain", plain(), std::nullopt},
      {"root", plain(2, 1, "."), std::nullopt},
      {"127 labels", raw_name(longest), std::nullopt},
      {"128 labels", raw_name(too_long), QueryFault::formerr},
      {"label of 64", raw_name(length_64), QueryFault::formerr},
      {"QNAME is a pointer to the header", raw_name({0xC0, 0x00}), QueryFault::formerr},
      {"QNAME ends in a pointer to itself", raw_name({1, 'a', 0xC0, 0x0C}), QueryFault::formerr},
      {"QNAME without an end", raw_name({3, 'a', 'b', 'c'}), QueryFault::formerr},
      {"response", changed(plain(), [](Octets& m) { m[2] |= 0x80; }), QueryFault::drop},
      {"response with opcode 15", changed(plain(), [](Octets& m) { m[2] = 0xF8; }), QueryFault::drop},
      {"QDCOUNT 0", changed(plain(), [](Octets& m) { m[5] = 0; }), QueryFault::formerr},
      {"QDCOUNT 0 and a cookie", without_question(client_cookie), QueryFault::no_question},
      {"QDCOUNT 0 and another option", without_question({0, 12, 0, 0}), QueryFault::formerr},
      {"QDCOUNT 0, a cookie and a question", changed(with_opt(1232, 0, client_cookie), [](Octets& m) { m[5] = 0; }),
       QueryFault::formerr},
      {"QDCOUNT 0, a cookie and ANCOUNT 1", changed(without_question(client_cookie), [](Octets& m) { m[7] = 1; }),
       QueryFault::formerr},
      {"QDCOUNT 2", changed(plain(), [](Octets& m) { m[5] = 2; }), QueryFault::formerr},
      {"QDCOUNT 65535", changed(plain(), [](Octets& m) { m[4] = m[5] = 0xFF; }), QueryFault::formerr},
      {"ANCOUNT 1", changed(plain(), [](Octets& m) { m[7] = 1; }), QueryFault::formerr},
      {"NSCOUNT 1", changed(plain(), [](Octets& m) { m[9] = 1; }), QueryFault::formerr},
      {"ARCOUNT 1 without a record", changed(plain(), [](Octets& m) { m[11] = 1; }), QueryFault::formerr},
      {"ARCOUNT 65535", changed(plain(), [](Octets& m) { m[10] = m[11] = 0xFF; }), QueryFault::formerr},
      {"an octet too many", changed(plain(), [](Octets& m) { m.push_back(0); }), QueryFault::formerr},
      {"an octet too few", changed(plain(), [](Octets& m) { m.pop_back(); }), QueryFault::formerr},
      {"QTYPE 0", plain(0), QueryFault::formerr},
      {"QTYPE OPT", plain(41), QueryFault::formerr},
      {"QTYPE ANY", plain(255), std::nullopt},
      {"QTYPE unknown", plain(65280), std::nullopt},
      {"AXFR", plain(252), QueryFault::refused},
      {"IXFR with its SOA", changed(plain(251), [](Octets& m) { m[9] = 1; }), QueryFault::refused},
      {"TKEY", plain(249), QueryFault::refused},
      {"MAILB", plain(253), QueryFault::refused},
      {"class CH", plain(16, 3, "version.bind"), QueryFault::other_class},
      {"class NONE", plain(1, 254), QueryFault::other_class},
      {"OPT", with_opt(1232), std::nullopt},
      {"OPT twice", changed(with_opt(1232), [](Octets& m) { add_record(m, {0}, 41, 1232, 0, {}); }),
       QueryFault::formerr},
      {"OPT not at the root", changed(plain(), [](Octets& m) { add_record(m, {1, 'a', 0}, 41, 1232, 0, {}); }),
       QueryFault::formerr},
      {"EDNS version 1", with_opt(1232, version_one), QueryFault::badvers},
      {"EDNS version 255", with_opt(1232, 0x00FF0000U), QueryFault::badvers},
      {"an option", with_opt(1232, 0, {0, 12, 0, 2, 1, 2}), std::nullopt},
      {"a client cookie", with_opt(1232, 0, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}), std::nullopt},
      {"a cookie that is too short", with_opt(1232, 0, {0, 10, 0, 2, 1, 2}), QueryFault::formerr},
      {"an option cut off", with_opt(1232, 0, {0, 10, 0, 3, 1, 2}), QueryFault::formerr},
      {"half an option header", with_opt(1232, 0, {0, 10, 0}), QueryFault::formerr},
      {"101 options", with_opt(1232, 0, many_options), QueryFault::formerr},
      {"OPT longer than the message", changed(with_opt(1232), [](Octets& m) { m.back() = 1; }), QueryFault::formerr},
      {"owner of an additional record compressed",
       changed(plain(), [](Octets& m) { add_record(m, {0xC0, 0x0C}, 1, 1, 0, {1, 2, 3, 4}); }), QueryFault::formerr},
      {"another additional record", changed(plain(), [](Octets& m) { add_record(m, {0}, 1, 1, 0, {1, 2, 3, 4}); }),
       QueryFault::formerr},
      {"another additional record, whose RDATA is no name",
       changed(with_opt(1232), [](Octets& m) { add_record(m, {0}, 9, 1, 0, {0x0F, 2}); }), QueryFault::formerr},
      {"five additional records",
       changed(plain(),
               [](Octets& m) {
                 for (int i = 0; i < 5; ++i) add_record(m, {0}, 1, 1, 0, {1, 2, 3, 4});
               }),
       QueryFault::formerr},
      {"TSIG", changed(plain(), [](Octets& m) { add_record(m, {1, 'k', 0}, 250, 255, 0, {0}); }), QueryFault::refused},
      {"SIG(0)", changed(plain(), [](Octets& m) { add_record(m, {0}, 24, 255, 0, {0}); }), QueryFault::refused},
  };
  for (const FaultRow& row : rows) EXPECT_EQ(parse_query(row.message).fault, row.fault) << row.what;
}

TEST(ParseQuery, OpcodesOtherThanQuery) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    Octets message = plain();
    message[2] = static_cast<std::uint8_t>(opcode << 3);
    EXPECT_EQ(parse_query(message).fault, QueryFault::notimp) << opcode;
  }
}

TEST(ParseQuery, EveryBitOfTheFlags) {
  // Which fault each single flipped bit of the two flag octets makes; none: the query is answered all the same
  // (AA, TC, RA, Z and RCODE have no meaning in a query, and senders that set them exist).
  const std::optional<QueryFault> first[8] = {std::nullopt,       std::nullopt,       std::nullopt,
                                              QueryFault::notimp, QueryFault::notimp, QueryFault::notimp,
                                              QueryFault::notimp, QueryFault::drop};
  for (unsigned bit = 0; bit < 16; ++bit) {
    Octets message = plain();
    message[2 + bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    EXPECT_EQ(parse_query(message).fault, bit < 8 ? first[bit] : std::nullopt) << bit;
  }
}

TEST(ParseQuery, EveryLengthOfAValidQueryButTheWhole) {
  const Octets whole = with_opt(1232, 0x8000, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_FALSE(parse_query(whole).fault.has_value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse_query(cut).fault, size < kHeaderSize ? QueryFault::drop : QueryFault::formerr) << size;
  }
}

TEST(ParseQuery, NothingIsReadPastTheEnd) {
  // Every octet set to every value that matters: the sanitizers watch.
  const Octets whole = with_opt(1232, 0x8000, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x3FU, 0x40U, 0x7FU, 0x80U, 0xC0U, 0xFFU}) {
      Octets message = whole;
      message[at] = static_cast<std::uint8_t>(value);
      message.shrink_to_fit();
      const auto parsed = parse_query(message);
      if (parsed.query.qname.empty()) continue;
      EXPECT_TRUE(Name::from_wire(parsed.query.qname).has_value());
    }
  }
}

}  // namespace
}  // namespace weir::query_test
