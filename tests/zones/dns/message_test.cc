#include "zones/dns/message.h"

#include <gtest/gtest.h>

#include <array>

#include "zones/dns/writer.h"

namespace weir::message_test {
namespace {

using Octets = std::vector<std::uint8_t>;

// Header with the counts given, one question "example.org" A.
struct Builder {
  Octets octets = Octets(65535);
  Writer writer{octets};

  explicit Builder(std::uint16_t flags, std::uint16_t answers, std::uint16_t authority = 0,
                   std::uint16_t additional = 0) {
    for (const std::uint16_t value : {std::uint16_t{0x1234}, flags, std::uint16_t{1}, answers, authority, additional}) {
      writer.u16(value);
    }
    writer.name(*Name::parse("example.org"));
    writer.u16(1);
    writer.u16(1);
  }
  Builder& record(const std::string& owner, std::uint16_t type, std::uint32_t ttl, const Octets& rdata,
                  std::uint16_t record_class = 1) {
    writer.name(*Name::parse(owner));
    writer.u16(type);
    writer.u16(record_class);
    writer.u32(ttl);
    writer.u16(static_cast<std::uint16_t>(rdata.size()));
    writer.octets(rdata);
    return *this;
  }
  std::span<const std::uint8_t> done() const { return writer.written(); }
};

Octets address(unsigned number) {
  return {10, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
}

TEST(Message, GroupsRecordsIntoRrsets) {
  Builder builder(0x8580, 4, 1, 1);
  builder.record("example.org", 1, 300, address(1))
      .record("www.example.org", 1, 60, address(2))
      .record("EXAMPLE.org", 1, 200, address(3))
      .record("example.org", 1, 0x80000000, address(4))  // RFC 2181 section 8: as 0
      .record("example.org", 2, 10, {0})
      .record("x.org", 28, 10, Octets(16, 1));
  const auto message = read_message(builder.done());
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(message->start.id, 0x1234);
  EXPECT_TRUE(message->start.flags.response);
  EXPECT_TRUE(message->start.flags.authoritative);
  EXPECT_TRUE(message->start.flags.recursion_available);
  EXPECT_FALSE(message->start.flags.truncated);
  EXPECT_EQ(message->start.qname.to_text(), "example.org");
  ASSERT_EQ(message->answer.size(), 2U);
  EXPECT_EQ(message->answer[0].size(), 3U);
  EXPECT_EQ(message->answer[0].ttl_seconds, 0U);
  EXPECT_EQ(message->answer[1].ttl_seconds, 60U);
  EXPECT_EQ(message->authority.size(), 1U);
  EXPECT_EQ(message->additional.size(), 1U);
  EXPECT_FALSE(message->edns);
}

TEST(Message, SignaturesAreApartByTypeCovered) {
  Octets over_a = {0, 1};
  over_a.resize(18);
  over_a.push_back(0);
  over_a.push_back(9);
  Octets over_ns = over_a;
  over_ns[1] = 2;
  Builder builder(0x8400, 2);
  builder.record("example.org", 46, 300, over_a).record("example.org", 46, 300, over_ns);
  const auto message = read_message(builder.done());
  ASSERT_TRUE(message);
  ASSERT_EQ(message->answer.size(), 2U);
  EXPECT_EQ(message->answer[0].type_covered, RecordType::a);
  EXPECT_EQ(message->answer[1].type_covered, RecordType::ns);
}

TEST(Message, EdnsExtendsTheRcodeAndCarriesExtendedErrors) {
  Builder builder(0x8000, 0, 0, 1);
  builder.record(".", 41, 0x01008000, {0, 10, 0, 1, 7, 0, 15, 0, 4, 0, 22, 'h', 'i'}, 1232);
  const auto message = read_message(builder.done());
  ASSERT_TRUE(message) << message.error().message;
  ASSERT_TRUE(message->edns);
  EXPECT_EQ(message->rcode, Rcode::badvers);
  EXPECT_EQ(message->edns->udp_payload_size, 1232);
  EXPECT_TRUE(message->edns->dnssec_ok);
  EXPECT_EQ(message->edns->ede, EdeCode::no_reachable_authority);
  EXPECT_TRUE(message->additional.empty());
}

TEST(Message, RefusesWhatIsMalformed) {
  struct Row {
    const char* what;
    Octets octets;
  };
  const auto copy = [](const Builder& builder) { return Octets(builder.done().begin(), builder.done().end()); };
  Builder good(0x8400, 1);
  good.record("example.org", 1, 1, address(1));
  Octets cut = copy(good);
  cut.pop_back();
  Octets two_questions = copy(good);
  two_questions[5] = 2;
  Octets more_counted = copy(good);
  more_counted[7] = 2;
  Builder two_opt(0x8400, 0, 0, 2);
  two_opt.record(".", 41, 0, {}).record(".", 41, 0, {});
  Builder opt_in_answer(0x8400, 1);
  opt_in_answer.record(".", 41, 0, {});
  Builder opt_owned(0x8400, 0, 0, 1);
  opt_owned.record("org", 41, 0, {});
  Builder option_past_end(0x8400, 0, 0, 1);
  option_past_end.record(".", 41, 0, {0, 15, 0, 9, 1});
  Builder short_address(0x8400, 1);
  short_address.record("org", 1, 0, {1, 2});
  const Row rows[] = {
      {"nothing", {}},
      {"half a header", {1, 2, 3, 4, 5, 6}},
      {"a record cut off", cut},
      {"two questions", two_questions},
      {"fewer records than counted", more_counted},
      {"two OPT", copy(two_opt)},
      {"OPT among the answers", copy(opt_in_answer)},
      {"OPT with an owner", copy(opt_owned)},
      {"an option past OPT's end", copy(option_past_end)},
      {"an A record of two octets", copy(short_address)},
  };
  EXPECT_TRUE(read_message(good.done()));
  for (const Row& row : rows) {
    const auto message = read_message(row.octets);
    ASSERT_FALSE(message) << row.what;
    EXPECT_EQ(message.error().code, ErrorCode::invalid) << row.what;
  }
}

// Every message cut anywhere, and with any octet changed, is read or refused: nothing else (run under ASan).
TEST(Message, CutsAndChangesAreHarmless) {
  Builder builder(0x8400, 2, 1, 2);
  builder.record("www.example.org", 5, 1, {4, 'm', 'a', 'i', 'l', 0xC0, 12})
      .record("example.org", 15, 1, {0, 1, 0xC0, 12})
      .record("example.org", 6, 1,
              [] {
                Octets soa = {0xC0, 12, 0xC0, 12};
                soa.resize(24);
                return soa;
              }())
      .record("ns.example.org", 1, 1, address(1))
      .record(".", 41, 0x8000, {0, 15, 0, 2, 0, 22}, 1232);
  const Octets whole(builder.done().begin(), builder.done().end());
  ASSERT_TRUE(read_message(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_message(std::span(whole).first(size)));
  unsigned read = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const std::uint8_t change : std::array<std::uint8_t, 5>{0x01, 0x40, 0x80, 0xC0, 0xFF}) {
      Octets changed = whole;
      changed[at] ^= change;
      read += read_message(changed).has_value();
    }
  }
  EXPECT_GT(read, 0U);
}

TEST(Message, BoundsAreErrors) {
  const auto refused = [](const Builder& builder) {
    const auto message = read_message(builder.done());
    return !message && message.error().code == ErrorCode::too_large;
  };
  Builder fits(0x8400, kMaxRecordsPerRrset);
  for (unsigned i = 0; i < kMaxRecordsPerRrset; ++i) fits.record("example.org", 1, 1, address(i));
  EXPECT_TRUE(read_message(fits.done()));
  Builder wide(0x8400, kMaxRecordsPerRrset + 1);
  for (unsigned i = 0; i <= kMaxRecordsPerRrset; ++i) wide.record("example.org", 1, 1, address(i));
  EXPECT_TRUE(refused(wide));
  Builder many(0x8400, kMaxRrsetsPerMessage + 1);
  for (unsigned i = 0; i <= kMaxRrsetsPerMessage; ++i) many.record("n" + std::to_string(i), 1, 1, address(i));
  EXPECT_TRUE(refused(many));
  Builder records(0x8400, kMaxRecordsPerMessage + 1);
  EXPECT_TRUE(refused(records));
}

}  // namespace
}  // namespace weir::message_test
