#include "tools/sidecar/learning.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace weir::sidecar::learning_test {
namespace {

Name learned(std::string_view text) {
  return *Name::parse(text);
}

// SEMANTICS 6: Provide "learn" mode: observe for a period, then propose the smallest set of subtrees at
// registrable-domain level, for a person to approve.
TEST(Learning, BringsNamesTogetherAtWhatSomebodyRegistered) {
  auto learning = Learning::make();
  ASSERT_TRUE(learning) << learning.error().message;
  for (const auto& [name, client] : {std::pair("www.example.com", "192.0.2.1"),
                                     {"a.b.example.com", "192.0.2.2"},
                                     {"WWW.example.com", "192.0.2.2"},
                                     {"shop.example.co.uk", ""},
                                     {"alice.github.io", "192.0.2.1"},
                                     {"bob.github.io", "192.0.2.1"},
                                     {"co.uk", ""},
                                     {"x.y.example.ck", ""},
                                     {"www.example.co.uk", ""}})
    learning->add(learned(name), client);
  const auto proposals = learning->proposals();
  std::string shown;
  for (const auto& each : proposals) {
    shown += std::string(each.at("pattern").as_string()) + " " + std::string(each.at("kind").as_string()) + " " +
             std::to_string(each.at("questions").to_number<int>()) + " " +
             std::to_string(each.at("names").to_number<int>()) + " " +
             std::to_string(each.at("clients").to_number<int>()) + "\n";
  }
  EXPECT_EQ(shown,
            "example.com subtree 3 2 2\n"
            "example.co.uk subtree 2 2 0\n"
            "alice.github.io subtree 1 1 1\n"
            "bob.github.io subtree 1 1 1\n"
            "co.uk exact 1 1 0\n"
            "y.example.ck subtree 1 1 0\n");
  EXPECT_EQ(proposals.at(0).at("samples").as_array().at(0).as_string(), "www.example.com");
}

TEST(Learning, HasABoundAndSaysSo) {
  auto learning = Learning::make();
  ASSERT_TRUE(learning);
  for (std::size_t i = 0; i < kMaxLearnedNames + 10; ++i)
    learning->add(learned("n" + std::to_string(i) + ".example"), "");
  EXPECT_EQ(learning->left_out(), 10U);
  learning->add(learned("n1.example"), "");
  EXPECT_EQ(learning->left_out(), 10U) << "what is known is counted on";
}

}  // namespace
}  // namespace weir::sidecar::learning_test
