#include "tools/support/tls.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "zones/base/descriptor.h"

namespace weir::tls_test {
namespace {

// A certificate for anybody would do where the library has not been told whom it must be for.
TEST(TlsChannel, WithoutWhomTheCertificateMustBeForThereIsNoConnection) {
  std::array<int, 2> pair{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  const Descriptor ours(pair[0]);
  const Descriptor theirs(pair[1]);
  const auto context = TlsContext::client({});
  ASSERT_TRUE(context) << context.error().message;
  for (const char* address : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}) {
    const auto channel = TlsChannel::connecting(*context, ours.get(), {}, *IpAddress::parse(address));
    EXPECT_TRUE(channel) << address << ": " << channel.error().message;
  }
  const IpAddress address = *IpAddress::parse("192.0.2.1");
  EXPECT_TRUE(TlsChannel::connecting(*context, ours.get(), "primary.example", address));
  const auto refused = TlsChannel::connecting(*context, ours.get(), std::string(300, 'a'), address);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_TRUE(refused.error().message.starts_with("TLS: no certificate can be for aaa")) << refused.error().message;
}

}  // namespace
}  // namespace weir::tls_test
