#include "zones/dns/record_text.h"

#include <gtest/gtest.h>

#include <string>

#include "zones/base/prefix.h"
#include "zones/dns/pointer_name.h"

namespace weir::record_text_test {
namespace {

TEST(RecordTextTest, ReadsARecordAsAZoneFileHasIt) {
  struct Row {
    std::string_view text;
    std::string_view owner;
    RecordType type;
    std::uint32_t ttl;
    std::size_t rdata_size;
  };
  const Row rows[] = {
      {"router.home.example. 3600 IN A 192.0.2.1", "router.home.example", RecordType::a, 3600, 4},
      {"router.home.example A 192.0.2.1", "router.home.example", RecordType::a, 77, 4},
      {"Router.example 5 AAAA 2001:db8::1", "Router.example", RecordType::aaaa, 5, 16},
      {"a.example 9 CNAME b.example", "a.example", RecordType::cname, 9, 11},
      {"*.apps.example. MX 10 mail.example.", "*.apps.example", RecordType::mx, 77, 16},
      {"a.example TXT \"two words\" more", "a.example", RecordType::txt, 77, 15},
      {"_http._tcp.example 1h SRV 0 5 80 www.example", "_http._tcp.example", RecordType::srv, 3600, 19},
      {"a.example HTTPS 1 . alpn=h2", "a.example", RecordType::https, 77, 10},
      {"a.example TYPE65280 \\# 2 cafe", "a.example", static_cast<RecordType>(65280), 77, 2},
      {"a\\.b.example. A 192.0.2.1", "a\\.b.example", RecordType::a, 77, 4},
  };
  for (const Row& row : rows) {
    const auto record = parse_resource_record(row.text, 77);
    ASSERT_TRUE(record) << row.text << ": " << record.error().message;
    EXPECT_EQ(record->owner.to_text(), row.owner);
    EXPECT_EQ(record->type, row.type) << row.text;
    EXPECT_EQ(record->ttl_seconds, row.ttl) << row.text;
    EXPECT_EQ(record->rdata.size(), row.rdata_size) << row.text;
  }
}

TEST(RecordTextTest, SaysWhatIsWrong) {
  for (const std::string text :
       {"", "; a comment", " A 192.0.2.1", "router.example", "router.example A", "router.example A 300.0.2.1",
        "router.example AAAA 192.0.2.1", "router.example NOTYPE 1", "router.example CH TXT x", "$ORIGIN example.",
        "a.example A 192.0.2.1\nb.example A 192.0.2.2", "router.example MX mail.example", "a.example A 192.0.2.1 junk",
        "a.example CNAME b c", "a..example A 192.0.2.1"}) {
    const auto record = parse_resource_record(text, 77);
    ASSERT_FALSE(record) << text;
    EXPECT_EQ(record.error().code, ErrorCode::invalid) << text;
    EXPECT_FALSE(record.error().message.empty()) << text;
  }
  EXPECT_FALSE(parse_resource_record(std::string("a.example TXT ") + std::string(70'000, 'x'), 1));
  EXPECT_FALSE(parse_resource_record(std::string("a.example TXT \"a\0b\"", 19), 1));
}

TEST(PointerNameTest, AddressesAndBack) {
  const auto address = [](std::string_view text) { return *IpAddress::parse(text); };
  EXPECT_EQ(pointer_name(address("192.0.2.1")).to_text(), "1.2.0.192.in-addr.arpa");
  const Name v6 = pointer_name(address("2001:db8::ab"));
  EXPECT_EQ(v6.to_text(), "b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_EQ(pointer_name(*Prefix::parse("64:ff9b::/96")).to_text(),
            "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa");
  EXPECT_EQ(ipv6_of_pointer_name(v6.wire()), address("2001:db8::ab"));
  const Name upper = *Name::parse("B.A.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.IP6.Arpa");
  EXPECT_EQ(ipv6_of_pointer_name(upper.wire()), address("2001:db8::ab"));
  for (const std::string_view text :
       {"ip6.arpa", "a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        "g.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
        "b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip7.arpa", "1.2.0.192.in-addr.arpa", "."}) {
    EXPECT_EQ(ipv6_of_pointer_name(Name::parse(text)->wire()), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace weir::record_text_test
