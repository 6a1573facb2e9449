#include "zones/dns/reversed_name.h"

#include <gtest/gtest.h>

namespace weir::reversed_name_test {
namespace {

TEST(ReversedName, KeysOfANameAndItsAncestors) {
  const ReversedName reversed(*Name::parse("WWW.Example.org"));
  EXPECT_EQ(reversed.label_count(), 3U);
  EXPECT_EQ(reversed.key(), "\3org\7example\3www");
  EXPECT_EQ(reversed.key_of_suffix(0), "");
  EXPECT_EQ(reversed.key_of_suffix(1), "\3org");
  EXPECT_EQ(reversed.key_of_suffix(2), "\3org\7example");
}

TEST(ReversedName, BackAndForth) {
  std::string deepest;
  for (int i = 0; i < 127; ++i) deepest += "a.";
  for (const std::string& text : {std::string("."), std::string("org"), std::string("a\\.b.example.org"), deepest}) {
    const Name name = *Name::parse(text);
    const ReversedName reversed(name);
    const auto back = ReversedName::to_name(reversed.key());
    ASSERT_TRUE(back) << text;
    EXPECT_EQ(*back, name);
    EXPECT_EQ(ReversedName::count_labels(reversed.key()), name.label_count());
  }
}

TEST(ReversedName, AnAncestorsKeyIsAPrefixAndNoOtherKeyIs) {
  const std::string example(ReversedName(*Name::parse("example.org")).key());
  for (const auto& [text, below] : {std::pair{"a.example.org", true}, {"examples.org", false}, {"example.org", true}}) {
    EXPECT_EQ(ReversedName(*Name::parse(text)).key().starts_with(example), below) << text;
  }
}

TEST(ReversedName, RefusesWhatIsNoKey) {
  for (const std::string& key : {std::string("\3or"), std::string("\0", 1),
                                 std::string("\100", 1) + std::string(64, 'a'), std::string(255, '\1')}) {
    EXPECT_FALSE(ReversedName::to_name(key)) << key.size();
  }
}

}  // namespace
}  // namespace weir::reversed_name_test
