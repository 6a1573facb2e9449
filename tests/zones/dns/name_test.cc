#include "zones/dns/name.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::name_test {
namespace {

Name name(const std::string& text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Name();
}

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Name, ParsesPresentationFormat) {
  struct Row {
    std::string text;
    unsigned labels;
    std::size_t size;
    std::string shown;
  };
  const std::string longest_label(63, 'a');
  const Row rows[] = {
      {".", 0, 1, "."},
      {"org", 1, 5, "org"},
      {"example.org.", 2, 13, "example.org"},
      {"WWW.Example.ORG", 3, 17, "WWW.Example.ORG"},
      {"_dmarc.example.org", 3, 20, "_dmarc.example.org"},
      {"a\\.b.org", 2, 9, "a\\.b.org"},
      {"\\097bc.org", 2, 9, "abc.org"},
      {"\\000\\255.x", 2, 6, "\\000\\255.x"},
      {"a\\ b.x", 2, 7, "a\\032b.x"},
      {"\\\"\\\\.x", 2, 6, "\\\"\\\\.x"},
      {longest_label + ".x", 2, 67, longest_label + ".x"},
      {repeat("a.", 127), 127, 255, repeat("a.", 126) + "a"},
      {repeat(longest_label + ".", 3) + std::string(61, 'b'), 4, 255,
       repeat(longest_label + ".", 3) + std::string(61, 'b')},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const Name parsed = name(row.text);
    EXPECT_EQ(parsed.label_count(), row.labels);
    EXPECT_EQ(parsed.size(), row.size);
    EXPECT_EQ(parsed.to_text(), row.shown);
    EXPECT_EQ(name(parsed.to_text()), parsed);
    const auto again = Name::from_wire(parsed.wire());
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, parsed);
    EXPECT_EQ(again->label_count(), row.labels);
  }
}

TEST(Name, RefusesWhatIsNoName) {
  const std::string rows[] = {"",
                              "..",
                              ".org",
                              "a..b",
                              std::string(64, 'a') + ".org",
                              repeat("a.", 128),
                              repeat(std::string(63, 'a') + ".", 3) + std::string(62, 'b'),
                              "a\\",
                              "a\\25",
                              "a\\256.b",
                              "a\\2x5"};
  for (const std::string& row : rows) EXPECT_FALSE(Name::parse(row)) << row;
}

TEST(Name, FromWireRefusesWhatIsNotExactlyOneName) {
  using Octets = std::vector<std::uint8_t>;
  Octets too_long;
  for (int i = 0; i < 128; ++i) too_long.insert(too_long.end(), {1, 'a'});
  too_long.push_back(0);
  const Octets rows[] = {{}, {1, 'a'}, {0, 0}, {64, 'a', 0}, {0xC0, 0}, {2, 'a', 0}, {1, 'a', 0, 1}, too_long};
  for (const Octets& row : rows) EXPECT_FALSE(Name::from_wire(row)) << row.size();
}

TEST(Name, CompareHashAndKeepCase) {
  EXPECT_EQ(name("WWW.example.ORG"), name("www.EXAMPLE.org"));
  EXPECT_EQ(name("WWW.example.ORG").hash(), name("www.EXAMPLE.org").hash());
  EXPECT_EQ(hash_wire_name(name("A.b").wire()), name("a.B").hash());
  EXPECT_NE(name("a.b"), name("a.c"));
  EXPECT_NE(name("a.b"), name("ab"));
  EXPECT_NE(name("[.x"), name("{.x"));  // they differ by the case bit and are no letters
  EXPECT_NE(name("@.x"), name("`.x"));
  EXPECT_EQ(name("AbC").folded().to_text(), "abc");
}

TEST(Name, CopiesAndMovesInlineAndAllocatedNames) {
  for (const std::string& text : {std::string("example.org"), repeat("a.", 100)}) {
    Name original = name(text);
    Name copy(original);
    EXPECT_EQ(copy, original);
    Name assigned = name("x");
    assigned = copy;
    const Name& self = assigned;
    assigned = self;
    EXPECT_EQ(assigned, original);
    Name moved(std::move(copy));
    EXPECT_EQ(moved, original);
    assigned = name("y");
    assigned = std::move(moved);
    EXPECT_EQ(assigned, original);
  }
}

TEST(Name, TheTree) {
  const Name www = name("www.example.org");
  EXPECT_EQ(www.parent(), name("example.org"));
  EXPECT_EQ(Name().parent(), Name());
  EXPECT_EQ(www.suffix(1), name("org"));
  EXPECT_EQ(www.suffix(0), Name());
  EXPECT_EQ(www.suffix(9), www);
  EXPECT_EQ(www.first_label(), "www");
  EXPECT_EQ(Name().first_label(), "");
  struct Row {
    const char* below;
    const char* above;
    bool is;
    unsigned common;
  };
  const Row rows[] = {{"www.example.org", "example.org", true, 2},
                      {"example.org", "example.org", true, 2},
                      {"example.org", "www.example.org", false, 2},
                      {"wwwexample.org", "example.org", false, 1},
                      {"www.example.org", ".", true, 0},
                      {"a.EXAMPLE.org", "b.example.ORG", false, 2},
                      {"a.b", "c.d", false, 0}};
  for (const Row& row : rows) {
    EXPECT_EQ(name(row.below).is_at_or_below(name(row.above)), row.is) << row.below << " " << row.above;
    EXPECT_EQ(name(row.below).common_labels(name(row.above)), row.common) << row.below << " " << row.above;
  }
  EXPECT_EQ(*name("org").child("example"), name("example.org"));
  EXPECT_FALSE(name("org").child(""));
  EXPECT_FALSE(name("org").child(std::string(64, 'a')));
  EXPECT_FALSE(name(repeat("a.", 127)).child("b"));
}

TEST(Name, ReplaceSuffix) {
  EXPECT_EQ(*name("a.b.org").replace_suffix(name("org"), name("example.net")), name("a.b.example.net"));
  EXPECT_EQ(*name("a.org").replace_suffix(name("org"), Name()), name("a"));
  EXPECT_FALSE(name(repeat("a.", 100) + "org").replace_suffix(name("org"), name(std::string(60, 'b'))));
}

// The order of RFC 4034 section 6.1's own example.
TEST(Name, CanonicalOrder) {
  const char* ordered[] = {"example",   "a.example",       "yljkjljk.a.example", "Z.a.example",    "zABC.a.EXAMPLE",
                           "z.example", "\\001.z.example", "*.z.example",        "\\200.z.example"};
  for (std::size_t i = 0; i < std::size(ordered); ++i) {
    for (std::size_t j = 0; j < std::size(ordered); ++j) {
      const auto order = name(ordered[i]).canonical_compare(name(ordered[j]));
      EXPECT_EQ(order < 0, i < j) << ordered[i] << " " << ordered[j];
      EXPECT_EQ(order == 0, i == j);
    }
  }
}

}  // namespace
}  // namespace weir::name_test
