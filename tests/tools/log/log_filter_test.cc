#include "tools/log/log_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tools/log/block_builder.h"

namespace weir::log::log_filter_test {
namespace {

// Texts of which a key's size octets may seem to be a part: '-' is 45, the digits are 48 to 57.
const std::string kOfDash = "a" + std::string(44, 'x');
const std::string kOfFive = "b" + std::string(52, '5');

TEST(LogFilter, ATextIsFoundWhereverTheNameAsItIsShownHasIt) {
  const std::vector<std::string> names = {".",
                                          "example",
                                          "a.example",
                                          "www.a.example",
                                          "ww.wa.example",
                                          kOfDash + ".example",
                                          kOfFive + "." + kOfDash + ".test",
                                          "1.2.3.4.in-addr.arpa",
                                          "x-a.example",
                                          "xn--bcher-kva.example",
                                          "5b.example",
                                          "test.a"};
  Block block;
  {
    BlockBuilder builder(DecisionClass::blocked);
    for (const std::string& name : names) {
      for (std::uint32_t list = 16; list < 18; ++list) {  // two subjects each
        Decision decision;
        decision.qname = *Name::parse(name);
        decision.winner.list = list;
        builder.add(decision);
      }
    }
    block = builder.build();
  }
  std::set<std::string> texts = {"-a", "5b", "-ax", ".", "..", "a.example", "e.test", "zz", "w.w", "\x01", "w.a.e"};
  for (const std::string& name : names) {
    for (std::size_t at = 0; at < name.size(); at += 3) texts.insert(name.substr(at, 1 + name.size() % 5));
  }
  std::size_t found = 0;
  for (const std::string& text : texts) {
    for (const char* below : {"", "example", "a.example"}) {
      LogFilter filter;
      filter.text = text;
      if (*below != '\0') filter.name = *Name::parse(below);
      BlockMatcher matcher(filter, [](GenerationNumber) { return nullptr; });
      const bool is_any = matcher.prepare_names(block);
      bool is_expected = false;
      for (std::size_t subject = 0; subject < block.subjects.size(); ++subject) {
        const Name name = block
                              .decision([&] {
                                std::size_t row = 0;
                                while (block.subject_of[row] != subject) ++row;
                                return row;
                              }())
                              .qname;
        // The root is shown as a dot, and nobody looks for that.
        const bool is_wanted = name.label_count() > 0 && name.to_text().find(text) != std::string::npos &&
                               (!filter.name || name.is_at_or_below(*filter.name));
        is_expected = is_expected || is_wanted;
        found += is_wanted ? 1 : 0;
        if (is_any) {
          EXPECT_EQ(matcher.subject_matches(subject), is_wanted)
              << text << " in " << name.to_text() << " below " << below;
        }
      }
      EXPECT_EQ(is_any, is_expected) << text << " below " << below;
    }
  }
  EXPECT_GT(found, 100U);
}

}  // namespace
}  // namespace weir::log::log_filter_test
