#include "resolver/dnssec/key_sentinel.h"

#include <gtest/gtest.h>

namespace weir::key_sentinel_test {
namespace {

TEST(KeySentinel, DeniesWhatIsNotSo) {
  const TrustAnchors ours = TrustAnchors::built_in_root();  // 20326 and 38696
  const struct {
    const char* name;
    RecordType type;
    Security security;
    bool denies;
  } rows[] = {
      {"root-key-sentinel-is-ta-20326.example", RecordType::a, Security::secure, false},
      {"root-key-sentinel-not-ta-20326.example", RecordType::a, Security::secure, true},
      {"root-key-sentinel-is-ta-38696.example", RecordType::aaaa, Security::secure, false},
      {"root-key-sentinel-is-ta-19036.example", RecordType::a, Security::secure, true},
      {"root-key-sentinel-not-ta-19036.example", RecordType::a, Security::secure, false},
      {"ROOT-KEY-sentinel-IS-ta-19036.example", RecordType::aaaa, Security::secure, true},
      {"root-key-sentinel-is-ta-19036", RecordType::a, Security::secure, true},
      // Not secure, not an address, not the leftmost label, not five digits, not a key tag.
      {"root-key-sentinel-is-ta-19036.example", RecordType::a, Security::insecure, false},
      {"root-key-sentinel-is-ta-19036.example", RecordType::a, Security::indeterminate, false},
      {"root-key-sentinel-is-ta-19036.example", RecordType::txt, Security::secure, false},
      {"www.root-key-sentinel-is-ta-19036.example", RecordType::a, Security::secure, false},
      {"root-key-sentinel-is-ta-1903.example", RecordType::a, Security::secure, false},
      {"root-key-sentinel-is-ta-190366.example", RecordType::a, Security::secure, false},
      {"root-key-sentinel-is-ta-1903x.example", RecordType::a, Security::secure, false},
      {"root-key-sentinel-is-ta-65536.example", RecordType::a, Security::secure, false},
      {".", RecordType::a, Security::secure, false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(sentinel_denies(*Name::parse(row.name), row.type, row.security, ours), row.denies) << row.name;
}

TEST(KeySentinel, WithoutARootKeyNoneIsTrusted) {
  EXPECT_TRUE(sentinel_denies(*Name::parse("root-key-sentinel-is-ta-20326"), RecordType::a, Security::secure, {}));
  EXPECT_FALSE(sentinel_denies(*Name::parse("root-key-sentinel-not-ta-20326"), RecordType::a, Security::secure, {}));
}

}  // namespace
}  // namespace weir::key_sentinel_test
