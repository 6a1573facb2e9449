#include "tools/sidecar/address_guard.h"

#include <gtest/gtest.h>

namespace weir::sidecar::address_guard_test {
namespace {

TEST(AddressGuard, KnowsWhatIsNotPublic) {
  struct Row {
    const char* address;
    bool is_public;
  };
  for (const Row& row : {Row{"192.0.43.10", true},
                         Row{"2606:4700::1111", true},
                         Row{"172.15.255.255", true},
                         Row{"172.32.0.0", true},
                         Row{"64:ff9b::c000:2b0a", true},  // NAT64 of 192.0.43.10
                         Row{"127.0.0.1", false},
                         Row{"127.255.1.1", false},
                         Row{"0.0.0.0", false},
                         Row{"10.1.2.3", false},
                         Row{"172.16.0.1", false},
                         Row{"172.31.255.255", false},
                         Row{"192.168.0.1", false},
                         Row{"169.254.169.254", false},
                         Row{"100.64.0.1", false},
                         Row{"224.0.0.1", false},
                         Row{"255.255.255.255", false},
                         Row{"::", false},
                         Row{"::1", false},
                         Row{"fe80::1", false},
                         Row{"fd00::1", false},
                         Row{"ff02::1", false},
                         Row{"::ffff:127.0.0.1", false},
                         Row{"64:ff9b::7f00:1", false},      // NAT64 of 127.0.0.1
                         Row{"2002:0a00:0001::", false}}) {  // 6to4 of 10.0.0.1
    const auto address = IpAddress::parse(row.address);
    ASSERT_TRUE(address) << row.address;
    EXPECT_EQ(why_not_public(*address).empty(), row.is_public) << row.address;
  }
}

TEST(AddressGuard, AllowsByHostByAddressAndByPrefix) {
  const AddressGuard guard({"Lists.Example.", "10.0.0.5", "192.168.7.0/24"});
  const auto allowed = [&](const char* host, const char* address) {
    return guard.refusal(host, *IpAddress::parse(address)).empty();
  };
  EXPECT_TRUE(allowed("lists.example", "10.9.9.9"));
  EXPECT_TRUE(allowed("other.example", "10.0.0.5"));
  EXPECT_TRUE(allowed("other.example", "192.168.7.200"));
  EXPECT_TRUE(allowed("other.example", "192.0.43.10"));
  EXPECT_FALSE(allowed("other.example", "10.0.0.6"));
  EXPECT_FALSE(allowed("lists.example.evil.example", "10.0.0.6"));
}

}  // namespace
}  // namespace weir::sidecar::address_guard_test
