// Addresses, prefixes, text: tables of input and expected value.
#include <gtest/gtest.h>

#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/text.h"

namespace weir::base_test {
namespace {

TEST(Text, Utf8IsToldFromOtherOctets) {
  for (const char* good : {"", "a", "b\u00FCcher", "\u20AC", "\U0001F600"}) EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"m\xFCn", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "a\x80"})
    EXPECT_FALSE(is_utf8(bad)) << escape_for_display(bad);
}

TEST(Text, TimesAreReadAsRfc3339WritesThem) {
  struct Row {
    const char* text;
    const char* shown;  // nullptr: refused
  };
  for (const Row& row :
       {Row{"2026-12-01T00:30:05Z", "2026-12-01T00:30:05Z"}, Row{"2026-12-01", "2026-12-01T00:00:00Z"},
        Row{"2026-12-01T00:30Z", "2026-12-01T00:30:00Z"}, Row{"2026-12-01 00:30:05.25z", "2026-12-01T00:30:05Z"},
        Row{"2026-12-01T00:30:05+02:00", "2026-11-30T22:30:05Z"},
        Row{"2026-12-01T23:30:05-01:30", "2026-12-02T01:00:05Z"}, Row{"2028-02-29", "2028-02-29T00:00:00Z"},
        Row{"2026-02-29", nullptr}, Row{"2026-13-01", nullptr}, Row{"2026-1-1", nullptr},
        Row{"2026-12-01T00:30:05", nullptr}, Row{"2026-12-01T24:00:00Z", nullptr},
        Row{"2026-12-01T00:30:05Zx", nullptr}, Row{"2026-12-01T00:30:05+2:00", nullptr}, Row{"1d", nullptr},
        Row{"", nullptr}, Row{"2026-12-01T-1:30:05Z", nullptr}}) {
    const auto time = parse_time(row.text);
    ASSERT_EQ(time.has_value(), row.shown != nullptr) << row.text;
    if (time) {
      EXPECT_EQ(format_time(*time), row.shown) << row.text;
    }
  }
}

TEST(IpAddress, ParsesAndPrints) {
  struct Row {
    const char* text;
    const char* printed;  // nullptr: refused
  };
  for (const Row& row : {Row{"192.0.2.1", "192.0.2.1"}, Row{"::1", "::1"}, Row{"2001:DB8::0:1", "2001:db8::1"},
                         Row{"192.0.2", nullptr}, Row{"192.0.2.256", nullptr}, Row{"", nullptr},
                         Row{"fe80::1%eth0", nullptr}, Row{"::ffff:192.0.2.1", "::ffff:192.0.2.1"}}) {
    const auto address = IpAddress::parse(row.text);
    ASSERT_EQ(address.has_value(), row.printed != nullptr) << row.text;
    if (address) {
      EXPECT_EQ(address->to_text(), row.printed);
    }
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("192.0.2.1\0", 10)).has_value());
}

TEST(IpAddress, UnmapsOnlyMappedOnes) {
  EXPECT_FALSE(IpAddress::parse(std::string_view()));  // without any octets behind it
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1")->unmapped().to_text(), "192.0.2.1");
  EXPECT_EQ(IpAddress::parse("::192.0.2.1")->unmapped().family, AddressFamily::ipv6);
}

TEST(Prefix, ParsesStrictly) {
  struct Row {
    const char* text;
    const char* printed;
  };
  for (const Row& row : {Row{"10.0.0.0/8", "10.0.0.0/8"}, Row{"192.0.2.7", "192.0.2.7/32"}, Row{"::/0", "::/0"},
                         Row{"fc00::/7", "fc00::/7"}, Row{"10.0.0.1/8", nullptr}, Row{"10.0.0.0/33", nullptr},
                         Row{"10.0.0.0/", nullptr}, Row{"10.0.0.0/8x", nullptr}, Row{"/8", nullptr}}) {
    const auto prefix = Prefix::parse(row.text);
    ASSERT_EQ(prefix.has_value(), row.printed != nullptr) << row.text;
    if (prefix) {
      EXPECT_EQ(prefix->to_text(), row.printed);
    }
  }
  EXPECT_NE(Prefix::parse("10.0.0.1/8").error().message.find("10.0.0.0/8"), std::string::npos)
      << "the message must suggest the mend";
}

TEST(Prefix, Contains) {
  struct Row {
    const char* prefix;
    const char* address;
    bool contained;
  };
  for (const Row& row :
       {Row{"10.0.0.0/8", "10.255.0.1", true}, Row{"10.0.0.0/8", "11.0.0.1", false},
        Row{"0.0.0.0/0", "203.0.113.9", true}, Row{"0.0.0.0/0", "::1", false}, Row{"fe80::/10", "febf::1", true},
        Row{"fe80::/10", "fec0::1", false}, Row{"192.0.2.128/25", "192.0.2.127", false}}) {
    EXPECT_EQ(Prefix::parse(row.prefix)->contains(*IpAddress::parse(row.address)), row.contained)
        << row.prefix << " " << row.address;
  }
}

TEST(Endpoint, Parses) {
  struct Row {
    const char* text;
    const char* printed;
  };
  for (const Row& row : {Row{"127.0.0.1:5353", "127.0.0.1:5353"}, Row{"[::1]:53", "[::1]:53"}, Row{"::1", "[::1]:53"},
                         Row{"127.0.0.1", "127.0.0.1:53"}, Row{"127.0.0.1:", nullptr}, Row{"127.0.0.1:65536", nullptr},
                         Row{"[::1", nullptr}, Row{"localhost:53", nullptr}}) {
    const auto endpoint = Endpoint::parse(row.text, 53);
    ASSERT_EQ(endpoint.has_value(), row.printed != nullptr) << row.text;
    if (endpoint) {
      EXPECT_EQ(endpoint->to_text(), row.printed);
    }
  }
}

TEST(Text, EscapesWhatIsNotSeen) {
  EXPECT_EQ(escape_for_display("plain – ü"), "plain – ü");
  EXPECT_EQ(escape_for_display("a\x1b[31mb\n"), "a\\x1B[31mb\\x0A");
  EXPECT_EQ(escape_for_display("a\u202Eb"), "a\\u{202E}b");
  EXPECT_EQ(escape_for_display("bad \xFF\xC3"), "bad \\xFF\\xC3");
  EXPECT_EQ(escape_for_display("\xC0\xAF"), "\\xC0\\xAF") << "overlong form";
  EXPECT_EQ(escape_for_display("\xED\xA0\x80"), "\\xED\\xA0\\x80") << "surrogate";
}

TEST(Text, SuggestsTheNearest) {
  const std::string_view keys[] = {"listen", "workers", "allow_clients"};
  EXPECT_EQ(nearest("lisen", keys), "listen");
  EXPECT_EQ(nearest("worker", keys), "workers");
  EXPECT_EQ(nearest("zzz", keys), "");
}

TEST(Text, SizesAndDurations) {
  EXPECT_EQ(*parse_size_bytes("2GiB"), 2ULL << 30);
  EXPECT_EQ(*parse_size_bytes("10MB"), 10000000ULL);
  EXPECT_FALSE(parse_size_bytes("2 GiB").has_value());
  EXPECT_FALSE(parse_size_bytes("-1").has_value());
  EXPECT_FALSE(parse_size_bytes("99999999999999TiB").has_value());
  EXPECT_EQ(parse_duration("24h")->count(), 86400000);
  EXPECT_FALSE(parse_duration("24").has_value()) << "which unit?";
  EXPECT_FALSE(parse_duration("1y").has_value());
}

TEST(Text, FormatsTimeInUtc) {
  EXPECT_EQ(format_time(std::chrono::system_clock::from_time_t(1783298432)), "2026-07-06T00:40:32Z");
}

TEST(Result, HoldsOneOfTwo) {
  const Result<int> good = 7;
  const Result<int> bad = Error{ErrorCode::not_found, "nothing"};
  EXPECT_TRUE(good.has_value());
  EXPECT_EQ(*good, 7);
  EXPECT_EQ(bad.error().code, ErrorCode::not_found);
  EXPECT_EQ(bad.value_or(3), 3);
}

}  // namespace
}  // namespace weir::base_test
