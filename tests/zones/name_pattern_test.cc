// What a pattern matches and where it is filed: a pattern that is tried only at and below its suffix must find what it
// finds when it is tried on every name.
#include "zones/name_pattern.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <array>
#include <random>

namespace weir::name_pattern_test {
namespace {

TEST(NamePattern, SuffixOfARegularExpression) {
  const struct {
    const char* expression;
    const char* suffix;
  } rows[] = {
      {"^ads[0-9]+\\.example\\.org$", "example.org"},
      {"^ads[0-9]+[.]example[.]org$", "example.org"},
      {"(^|\\.)ads\\.example\\.org$", "example.org"},
      {"\\.Example\\.ORG$", "example.org"},
      {"(?i)\\.a-b\\.x_y$", "a-b.x_y"},
      {"\\.a\\-b\\.org$", "a-b.org"},
      {"[]a.]\\.org$", "org"},
      {"[[:alpha:]]+\\.org$", "org"},
      {"(a|b(c|d))\\.org$", "org"},
      {"(a[)]\\))\\.org$", "org"},
      {"\\x41\\.org$", "org"},
      // Where the end is not literal, or may be missing.
      {"ads", "."},
      {"ads\\.example\\.org", "."},
      {"ads.example.org$", "."},
      {"ads\\.example\\.or?$", "."},
      {"ads\\.example\\.org*$", "."},
      {"ads\\.example(\\.org)?$", "."},
      {"ads\\.example\\.o{1,2}$", "."},
      {"ads\\.example\\.org$?", "."},
      {"a$|\\.example\\.org$", "."},
      {"\\.example\\.org$|a", "."},
      {"(\\.example\\.org$)", "."},
      {"\\.example\\.org\\$", "."},
      {"\\Q.example\\.org$", "."},
      {"\\.example\\.[o]rg$", "."},
      {"\\.example\\.or\\w$", "."},
      {"\\.org\\x2e$", "."},
      {"org$", "."},
      {"$", "."},
      {"", "."},
  };
  for (const auto& row : rows) EXPECT_EQ(regex_suffix(row.expression).to_text(), row.suffix) << row.expression;
}

TEST(NamePattern, SuffixOfAGlob) {
  const struct {
    const char* pattern;
    const char* suffix;
  } rows[] = {{"na*me.tld", "tld"},
              {"*.na*me.a.tld", "a.tld"},
              {"*name.tld", "tld"},
              {"*.a.tld", "a.tld"},
              {"a.*.b.tld", "b.tld"},
              {"*", "."},
              {"ads.*", "."},
              {"*ads", "."},
              {"a*.", "."},
              {"*..tld", "."},
              {"a*b.Example", "example"}};
  for (const auto& row : rows) EXPECT_EQ(glob_suffix(row.pattern).to_text(), row.suffix) << row.pattern;
}

using Random = std::mt19937_64;

unsigned below(Random& random, unsigned bound) {
  return static_cast<unsigned>(random() % bound);
}

template <std::size_t size>
std::string_view pick(Random& random, const std::array<std::string_view, size>& words) {
  return words[below(random, size)];
}

// Few letters and few labels, so that patterns and names meet often.
std::string random_name(Random& random) {
  constexpr std::array<std::string_view, 8> kLabels = {"a", "b", "ab", "ba", "a-b", "org", "aorg", "b_1"};
  std::string out;
  for (unsigned labels = 1 + below(random, 4); labels > 0; --labels)
    out += (out.empty() ? "" : ".") + std::string(pick(random, kLabels));
  return out;
}

std::string random_regex(Random& random) {
  constexpr std::array<std::string_view, 30> kPieces = {
      "a",     "b",      "ab",   "org", "\\.",   "\\.", "\\.a",  "\\.org", "\\.ab", ".",
      "[.]",   "[ab]",   "[^a]", "*",   "+",     "?",   "{1,2}", "|",      "(",     ")",
      "(a|b)", "(?:a)?", "^",    "$",   "\\.b$", "\\$", "\\Q",   "\\x2e",  "-",     "(^|\\.)"};
  std::string out;
  for (unsigned pieces = 1 + below(random, 7); pieces > 0; --pieces) out += pick(random, kPieces);
  if (below(random, 3) != 0) out += "\\.org$";
  return out;
}

TEST(NamePattern, FiledAndMatchedIsMatched) {
  Random random(20251126);
  unsigned compiled = 0;
  unsigned filed_below_root = 0;
  unsigned matched = 0;
  for (unsigned round = 0; round < 40'000; ++round) {
    const std::string expression = random_regex(random);
    const auto regex = compile_name_regex(expression);
    if (!regex->ok()) continue;
    ++compiled;
    const Name suffix = regex_suffix(expression);
    if (suffix.is_root()) continue;
    ++filed_below_root;
    for (unsigned i = 0; i < 40; ++i) {
      const std::string text = random_name(random);
      if (!regex_matches(*regex, text)) continue;
      ++matched;
      ASSERT_TRUE(Name::parse(text)->is_at_or_below(suffix))
          << expression << " matches " << text << ", which is not at or below " << suffix.to_text();
    }
  }
  EXPECT_GT(compiled, 10'000U);
  EXPECT_GT(filed_below_root, 3'000U);
  EXPECT_GT(matched, 3'000U);
}

TEST(NamePattern, FiledAndMatchedIsMatchedForGlobs) {
  Random random(7);
  constexpr std::array<std::string_view, 9> kPieces = {"*", "a", "b", ".", ".a", ".org", "-", "*.", "ab"};
  unsigned matched = 0;
  for (unsigned round = 0; round < 40'000; ++round) {
    std::string glob;
    for (unsigned pieces = 1 + below(random, 6); pieces > 0; --pieces) glob += pick(random, kPieces);
    const Name suffix = glob_suffix(glob);
    for (unsigned i = 0; i < 20; ++i) {
      const std::string text = random_name(random);
      if (!glob_matches(glob, text)) continue;
      ++matched;
      ASSERT_TRUE(Name::parse(text)->is_at_or_below(suffix)) << glob << " matches " << text;
    }
  }
  EXPECT_GT(matched, 10'000U);
}

}  // namespace
}  // namespace weir::name_pattern_test
