#include <gtest/gtest.h>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tools/sidecar/notify_listener.h"
#include "tools/support/tsig_keys.h"
#include "zones/dns/tsig.h"

namespace weir::sidecar::notify_test {
namespace {

using Octets = std::vector<std::uint8_t>;

const WallTime kNow{std::chrono::seconds(1'790'000'000)};

Octets notify(const std::string& label, std::uint8_t type = 6, std::uint8_t opcode = 4) {
  Octets out = {0x12, 0x34, static_cast<std::uint8_t>(opcode << 3 | 4), 0, 0, 1, 0, 0, 0, 0, 0, 0};
  out.push_back(static_cast<std::uint8_t>(label.size()));
  out.insert(out.end(), label.begin(), label.end());
  for (const std::uint8_t octet : {std::uint8_t{0}, std::uint8_t{0}, type, std::uint8_t{0}, std::uint8_t{1}})
    out.push_back(octet);
  return out;
}

class NotifyTest : public ::testing::Test {
 protected:
  NotifyTest() {
    write_file(scratch_ / "key", "AAECAwQFBgcICQ==\n");
    write_file(scratch_ / "weir.toml", R"(
[[tsig_key]]
name = "shared"
secret_file = "key"
[[list]]
name = "open"
zone = "open"
primaries = ["192.0.2.1", "2001:db8::1"]
[[list]]
name = "again"
zone = "open"
primaries = ["192.0.2.1"]
[[list]]
name = "closed"
zone = "closed"
primaries = ["192.0.2.1"]
tsig_key = "shared"
)");
    auto config = Config::load(scratch_ / "weir.toml");
    EXPECT_TRUE(config) << config.error().message;
    config_ = std::move(*config);
  }
  Result<NotifyAnswer> answer(const Octets& message, const char* from) {
    return answer_notify(message, *Endpoint::parse(from, 4000), config_, kNow);
  }

  test::ScratchFolder scratch_;
  Config config_;
};

TEST_F(NotifyTest, OnlyPrimariesAreHeard) {
  const auto good = answer(notify("OPEN"), "192.0.2.1");
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->lists, (std::vector<std::string>{"open", "again"}));
  Octets expected = notify("OPEN");
  expected[2] = 0xA4;  // a response, NOTIFY, authoritative
  EXPECT_EQ(good->octets, expected);
  EXPECT_EQ(answer(notify("open"), "2001:db8::1")->lists, std::vector<std::string>{"open"});
  const struct {
    Octets message;
    const char* from;
    std::string expected;
  } kRows[] = {{notify("open"), "192.0.2.2", "NOTIFY from 192.0.2.2: it is no primary of open"},
               {notify("other"), "192.0.2.1", "NOTIFY from 192.0.2.1: no list is the zone other"},
               {notify("open", 1), "192.0.2.1", "this is none"},
               {notify("open", 6, 0), "192.0.2.1", "this is none"},
               {Octets(11), "192.0.2.1", "this is none"},
               {{}, "192.0.2.1", "this is none"}};
  for (const auto& row : kRows) {
    const auto refused = answer(row.message, row.from);
    ASSERT_FALSE(refused) << row.expected;
    EXPECT_NE(refused.error().message.find(row.expected), std::string::npos) << refused.error().message;
  }
}

TEST_F(NotifyTest, WithAKeyOnlySignedOnes) {
  const auto plain = answer(notify("closed"), "192.0.2.1");
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().message, "NOTIFY from 192.0.2.1: TSIG key shared: the message is not signed");
  TsigKey key = load_tsig_key(config_, *Name::parse("SHARED")).value();
  TsigExchange exchange(key, "sidecar");
  Octets message = notify("closed");
  exchange.sign(message, kNow);
  const auto good = answer(message, "192.0.2.1");
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->lists, std::vector<std::string>{"closed"});
  EXPECT_TRUE(exchange.verify(good->octets, kNow));
  key.secret[0] ^= 1;
  Octets forged = notify("closed");
  TsigExchange(key, "forger").sign(forged, kNow);
  const auto refused = answer(forged, "192.0.2.1");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("TSIG key shared: BADSIG"), std::string::npos) << refused.error().message;
}

TEST_F(NotifyTest, SecretsThatOthersCanReadAreTold) {
  using std::filesystem::perms;
  std::filesystem::permissions(scratch_ / "key", perms::owner_read | perms::owner_write);
  EXPECT_TRUE(exposed_tsig_secrets(config_).empty());
  std::filesystem::permissions(scratch_ / "key", perms::others_read, std::filesystem::perm_options::add);
  ASSERT_EQ(exposed_tsig_secrets(config_).size(), 1U);
  EXPECT_EQ(exposed_tsig_secrets(config_)[0],
            "TSIG key shared: everybody may read " + (scratch_ / "key").string() + ", which holds its secret");
  write_file(scratch_ / "key", "not base64, and never shown");
  const auto wrong = load_tsig_key(config_, *Name::parse("shared"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "TSIG key shared: " + (scratch_ / "key").string() + ": this is no secret in base64");
  std::filesystem::remove(scratch_ / "key");
  EXPECT_EQ(load_tsig_key(config_, *Name::parse("shared")).error().code, ErrorCode::not_found);
  EXPECT_EQ(load_tsig_key(config_, *Name::parse("other")).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::sidecar::notify_test
