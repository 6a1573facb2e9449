#include "zones/dns64.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::dns64_test {
namespace {

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

// RFC 6052 section 2.4: the table of 192.0.2.33 below prefixes of each length.
TEST(Dns64Test, AddressesOfTheRfc) {
  struct Row {
    std::string_view prefix;
    std::string_view expected;
  };
  for (const Row& row : std::initializer_list<Row>{{"2001:db8::/32", "2001:db8:c000:221::"},
                                                   {"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
                                                   {"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
                                                   {"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
                                                   {"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
                                                   {"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
                                                   {"64:ff9b::/96", "64:ff9b::192.0.2.33"}}) {
    const Prefix prefix = *Prefix::parse(row.prefix);
    EXPECT_TRUE(is_pref64_length(prefix.length));
    const IpAddress made = embed_ipv4(prefix, address("192.0.2.33"));
    EXPECT_EQ(made.to_text(), address(row.expected).to_text()) << row.prefix;
    EXPECT_EQ(extract_ipv4(prefix, made), address("192.0.2.33")) << row.prefix;
    EXPECT_EQ(extract_ipv4(prefix, address("2001:db9::1")), std::nullopt);
  }
  EXPECT_FALSE(is_pref64_length(95));
  EXPECT_EQ(extract_ipv4(well_known_pref64(), address("192.0.2.1")), std::nullopt);
}

TEST(Dns64Test, WhatIsTranslatedForWhom) {
  Dns64 dns64;
  EXPECT_TRUE(dns64.serves(address("192.0.2.1")));
  dns64.clients = {*Prefix::parse("2001:db8:64::/48"), *Prefix::parse("10.6.4.0/24")};
  EXPECT_TRUE(dns64.serves(address("2001:db8:64::1")));
  EXPECT_TRUE(dns64.serves(address("::ffff:10.6.4.1")));
  EXPECT_FALSE(dns64.serves(address("2001:db8:65::1")));
  dns64.exclude = {*Prefix::parse("::ffff:0:0/96")};
  EXPECT_TRUE(dns64.is_excluded(address("::ffff:1.2.3.4")));
  EXPECT_FALSE(dns64.is_excluded(address("2001:db8::1")));
  // RFC 6052 section 3.1: the well-known prefix stands for global addresses only.
  EXPECT_EQ(dns64.translate(address("8.8.4.4"))->to_text(), address("64:ff9b::8.8.4.4").to_text());
  for (const char* text : {"10.1.2.3", "192.168.1.1", "127.0.0.1", "100.64.0.1", "192.0.2.1", "224.0.0.1"})
    EXPECT_EQ(dns64.translate(address(text)), std::nullopt) << text;
  EXPECT_TRUE(dns64.translate(address("192.0.0.170"))) << "ipv4only.arpa (RFC 7050 section 2.2)";
  dns64.translates_private = true;
  EXPECT_EQ(dns64.translate(address("10.1.2.3"))->to_text(), address("64:ff9b::10.1.2.3").to_text());
  dns64.translates_private = false;
  dns64.prefix = *Prefix::parse("2001:db8:64::/96");
  EXPECT_TRUE(dns64.translate(address("10.1.2.3")));
  dns64.exclude_ipv4 = {*Prefix::parse("10.0.0.0/8")};
  EXPECT_EQ(dns64.translate(address("10.1.2.3")), std::nullopt);
  EXPECT_TRUE(dns64.translate(address("192.168.1.1")));
}

}  // namespace
}  // namespace weir::dns64_test
