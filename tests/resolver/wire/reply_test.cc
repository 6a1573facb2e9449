#include "resolver/wire/reply.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "zones/dns/message.h"

namespace weir::reply_test {
namespace {

using Octets = std::vector<std::uint8_t>;

struct Asked {
  std::string name = "www.example.org";
  bool edns = false;
  std::uint16_t payload = 1232;
  bool dnssec_ok = false;
  bool recursion_desired = true;
  bool checking_disabled = false;
  std::uint16_t id = 0x1234;
  RecordClass record_class = RecordClass::in;
};

Octets encode(const Asked& asked) {
  Octets out(512);
  Writer writer(out);
  writer.u16(asked.id);
  writer.u16(
      static_cast<std::uint16_t>((asked.recursion_desired ? 0x0100U : 0U) | (asked.checking_disabled ? 0x0010U : 0U)));
  for (const std::uint16_t count : {1, 0, 0, asked.edns ? 1 : 0}) writer.u16(count);
  writer.name_uncompressed(*Name::parse(asked.name));
  writer.u16(1);
  writer.u16(static_cast<std::uint16_t>(asked.record_class));
  if (asked.edns) {
    writer.u8(0);
    writer.u16(41);
    writer.u16(asked.payload);
    writer.u16(0);
    writer.u16(asked.dnssec_ok ? 0x8000 : 0);
    writer.u16(0);
  }
  out.resize(writer.size());
  return out;
}

// A stored answer: question and `records` A records, TTLs 300, 301, ...
struct Stored {
  Octets wire;
  std::vector<std::uint16_t> ttl_offsets;
};
Stored make_stored(unsigned records, std::uint32_t age = 0, std::string_view name = "www.example.org") {
  Stored out;
  out.wire.resize(65535);
  const Name qname = *Name::parse(name);
  Query query;
  query.qname = qname.wire();
  Writer writer(out.wire);
  begin_reply(writer, query, {});
  for (unsigned i = 0; i < records; ++i) {
    writer.name(qname);
    writer.u16(1);
    writer.u16(1);
    out.ttl_offsets.push_back(static_cast<std::uint16_t>(writer.size()));
    writer.u32(300 + i - age);
    writer.u16(4);
    writer.u32(0xC0000200 + i);
  }
  set_counts(out.wire, static_cast<std::uint16_t>(records), 0, 0);
  out.wire.resize(writer.size());
  return out;
}

// The same reply, built whole for the one client.
Octets build_whole(const Query& query, unsigned records, std::uint32_t age, const ExtendedError* error, Rcode rcode) {
  Octets out(query.udp_payload_size);
  Writer writer(out);
  begin_reply(writer, query, {.rcode = rcode});
  const Name qname = query.name();
  for (unsigned i = 0; i < records; ++i) {
    writer.name(qname);
    writer.u16(1);
    writer.u16(1);
    writer.u32(300 + i - age);
    writer.u16(4);
    writer.u32(0xC0000200 + i);
  }
  set_counts(out, static_cast<std::uint16_t>(records), 0, 0);
  finish_reply(writer, out, query, rcode, error);
  out.resize(writer.size());
  return out;
}

TEST(StoredReply, PatchingEqualsBuilding) {
  const ExtendedError error{EdeCode::stale_answer, "a little old"};
  for (const bool edns : {false, true}) {
    for (const bool flag : {false, true}) {
      for (const unsigned records : {0U, 1U, 3U, 20U}) {
        for (const std::uint32_t age : {0U, 1U, 255U, 299U}) {
          for (const ExtendedError* ede : {static_cast<const ExtendedError*>(nullptr), &error}) {
            const Octets question = encode({.name = "WWW.eXample.org",
                                            .edns = edns,
                                            .dnssec_ok = flag,
                                            .recursion_desired = !flag,
                                            .checking_disabled = flag,
                                            .id = 0xBEEF});
            const Query query = parse_query(question).query;
            const Stored stored = make_stored(records);
            Octets out(query.udp_payload_size, 0xEE);
            std::copy(stored.wire.begin(), stored.wire.end(), out.begin());
            StoredReply reply{.flags = {.rcode = Rcode::nxdomain},
                              .ttl_offsets = stored.ttl_offsets,
                              .age_seconds = age,
                              .error = ede == nullptr ? std::nullopt : std::optional(*ede)};
            out.resize(finish_stored_reply(out, stored.wire.size(), query, reply));
            EXPECT_EQ(out, build_whole(query, records, age, ede, Rcode::nxdomain))
                << edns << flag << records << " " << age << (ede != nullptr);
          }
        }
      }
    }
  }
}

// RFC 1035 section 3.2.5. What is stored is of class IN; the question comes back as it was asked.
TEST(StoredReply, ClassAnyIsAnsweredFromClassIn) {
  const Octets message = encode({.record_class = RecordClass::any});
  const ParsedQuery asked = parse_query(message);
  ASSERT_FALSE(asked.fault);
  EXPECT_EQ(asked.query.record_class, RecordClass::in);
  Stored stored = make_stored(2);
  const std::size_t size = stored.wire.size();
  stored.wire.resize(1232);
  StoredReply how;
  how.ttl_offsets = stored.ttl_offsets;
  ASSERT_EQ(finish_stored_reply(stored.wire, size, asked.query, how), size);
  const auto whole = read_message(std::span(stored.wire).first(size));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->start.qclass, RecordClass::any);
  ASSERT_EQ(whole->answer.size(), 1U);
  EXPECT_EQ(whole->answer.front().record_class, RecordClass::in);
  Octets error(512);
  error.resize(write_error_reply(error, asked.query, Rcode::servfail, nullptr));
  EXPECT_EQ(read_message(error)->start.qclass, RecordClass::any);
}

TEST(StoredReply, TtlsStopAtZero) {
  const Octets question = encode({});
  const Query query = parse_query(question).query;
  const Stored stored = make_stored(1);
  Octets out(512);
  std::copy(stored.wire.begin(), stored.wire.end(), out.begin());
  out.resize(finish_stored_reply(out, stored.wire.size(), query,
                                 {.flags = {}, .ttl_offsets = stored.ttl_offsets, .age_seconds = 100000, .error = {}}));
  EXPECT_EQ(read_message(out)->answer.at(0).ttl_seconds, 0U);
}

TEST(StoredReply, WhatDoesNotFitIsTruncatedToTheQuestion) {
  const struct {
    bool edns;
    std::uint16_t payload;
    unsigned records;
    bool truncated;
  } rows[] = {{false, 0, 29, false},   {false, 0, 30, true},   {true, 512, 29, false}, {true, 512, 30, true},
              {true, 1232, 74, false}, {true, 1232, 75, true}, {true, 4096, 75, true}, {false, 0, 4000, true}};
  for (const auto& row : rows) {
    const Octets question = encode({.edns = row.edns, .payload = row.payload});
    const Query query = parse_query(question).query;
    const Stored stored = make_stored(row.records);
    Octets out(query.udp_payload_size);
    std::copy_n(stored.wire.begin(), std::min(out.size(), stored.wire.size()), out.begin());
    const std::size_t size =
        finish_stored_reply(out, stored.wire.size(), query,
                            {.flags = {}, .ttl_offsets = stored.ttl_offsets, .age_seconds = 0, .error = {}});
    ASSERT_LE(size, query.udp_payload_size);
    out.resize(size);
    const auto message = read_message(out);
    ASSERT_TRUE(message) << row.records;
    EXPECT_EQ(message->start.flags.truncated, row.truncated) << row.records << " " << row.payload;
    EXPECT_EQ(message->answer.empty(), row.truncated);
    EXPECT_EQ(message->edns.has_value(), row.edns);
    EXPECT_EQ(message->start.qname.to_text(), "www.example.org");
  }
}

TEST(FinishReply, TextGoesFirstWhenItDoesNotFit) {
  const Octets question = encode({.edns = true});
  const Query query = parse_query(question).query;
  const std::string text(100, 'x');
  const ExtendedError error{EdeCode::blocked, text};
  const std::size_t bare = kHeaderSize + query.question_size();
  const struct {
    std::size_t room;
    bool opt, ede, text;
  } rows[] = {{bare + 10, false, false, false}, {bare + 11, true, false, false}, {bare + 16, true, false, false},
              {bare + 17, true, true, false},   {bare + 116, true, true, false}, {bare + 117, true, true, true}};
  for (const auto& row : rows) {
    Octets out(row.room);
    out.resize(write_error_reply(out, query, Rcode::servfail, &error));
    const auto message = read_message(out);
    ASSERT_TRUE(message) << row.room;
    EXPECT_EQ(message->rcode, Rcode::servfail);
    EXPECT_EQ(message->edns.has_value(), row.opt) << row.room;
    EXPECT_EQ(message->edns && message->edns->ede.has_value(), row.ede) << row.room;
    EXPECT_EQ(std::string(out.begin(), out.end()).find("xxx") != std::string::npos, row.text) << row.room;
  }
}

TEST(FinishReply, LongTextIsCutBetweenCharacters) {
  const Octets question = encode({.edns = true});
  const Query query = parse_query(question).query;
  std::string text(159, 'x');
  text += "\xC3\xA4";  // would end at 161
  const ExtendedError error{EdeCode::blocked, text};
  Octets out(1232);
  const std::size_t size = write_error_reply(out, query, Rcode::refused, &error);
  EXPECT_EQ(size, kHeaderSize + query.question_size() + 11 + 6 + 159);
}

TEST(ErrorReply, FollowsTheQuery) {
  // Extended RCODE in OPT, opcode as asked, no OPT without one, no question where none could be read.
  Octets question = encode({.edns = true, .dnssec_ok = true});
  Octets out(512);
  out.resize(write_error_reply(out, parse_query(question).query, Rcode::badvers, nullptr));
  EXPECT_EQ(read_message(out)->rcode, Rcode::badvers);
  EXPECT_TRUE(read_message(out)->edns->dnssec_ok);

  Octets notify = encode({});
  notify[2] = 4 << 3;
  out.assign(512, 0);
  out.resize(write_error_reply(out, parse_query(notify).query, Rcode::notimp, nullptr));
  EXPECT_EQ(out, (Octets{0x12, 0x34, 0x80 | 4 << 3, 0x84, 0, 0, 0, 0, 0, 0, 0, 0}));

  Octets tiny(11);
  EXPECT_EQ(write_error_reply(tiny, parse_query(question).query, Rcode::servfail, nullptr), 0U);
}

}  // namespace
}  // namespace weir::reply_test
