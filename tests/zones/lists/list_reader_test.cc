// A list as a whole: what is refused, what is accounted for, and what the beginning of a file decides.
#include "zones/lists/list_reader.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <functional>
#include <random>
#include <set>

#include "tests/zones/lists/reading.h"
#include "zones/lists/pattern.h"

namespace weir::list_reader_test {
namespace {

using test::read_list;
using test::read_text;
using test::Reading;

std::string repeated(unsigned count, const std::function<std::string(unsigned)>& line) {
  std::string out;
  for (unsigned i = 0; i < count; ++i) out += line(i) + "\n";
  return out;
}
std::string name(unsigned i) {
  return "n" + std::to_string(i) + ".example";
}

// SEMANTICS 1.1: reject a file whose first 4 KiB hold NUL or whose first non-space bytes look like markup
TEST(ListReader, RefusesWhatIsNoListOfThisKind) {
  const struct {
    std::string text;
    ListKind kind;
    std::string expected;  // part of the message; empty: accepted
  } rows[] = {
      {"", ListKind::block, ":1:1: the list is empty"},
      {"\n \r\n", ListKind::block, ":1:1: the list is empty"},
      {"\xEF\xBB\xBF", ListKind::block, ":1:1: the list is empty"},
      {"# nothing today\n", ListKind::block, ""},
      {"<!DOCTYPE html><p>404", ListKind::block, ":1:1: this is an HTML page"},
      {"\n  <HTML>", ListKind::block, ":1:1: this is an HTML page"},
      {"\xEF\xBB\xBF<html>", ListKind::block, "an HTML page"},
      {"{\"error\": 404}", ListKind::block, ":1:1: this is JSON"},
      {"PK\x03\x04zip", ListKind::block, "a ZIP archive"},
      {"\x1F\x8B\x08gz", ListKind::block, "gzip-compressed"},
      {std::string("a.example\nb\0c", 13), ListKind::block, ":2:2: binary data"},
      {"192.0.2.1\n192.0.2.2\n", ListKind::block, "IP addresses, not of names (2 of 2 lines): set kind = \"address\""},
      {"192.0.2.1\n192.0.2.2\n", ListKind::allow, "set kind = \"address\""},
      {"192.0.2.1\n192.0.2.2\n", ListKind::address, ""},
      {"a.example\n0.0.0.0 b.example\n", ListKind::address, "names, not of IP addresses (2 of 2 lines)"},
      {"bad.example CNAME .\nworse.example CNAME .\n", ListKind::block, "set kind = \"rpz\""},
      {"||a.example^$script\n", ListKind::block, "no rule came of its 1 line"},
      {repeated(30, [](unsigned i) { return i < 14 ? name(i) : "some words of prose"; }), ListKind::block,
       "16 of 30 lines were not understood; 16 invalid_name, first 15:5"},
      {repeated(30, [](unsigned i) { return i < 15 ? name(i) : "some words of prose"; }), ListKind::block, ""},
      {repeated(10, [](unsigned i) { return i < 1 ? name(i) : "some words of prose"; }), ListKind::block, ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text.substr(0, 60));
    ListOptions options;
    options.kind = row.kind;
    const Reading reading = read_text(row.text, options);
    if (row.expected.empty()) {
      EXPECT_EQ(reading.refusal, "");
    } else {
      EXPECT_NE(reading.refusal.find(row.expected), std::string::npos) << reading.refusal;
    }
    EXPECT_EQ(reading.buckets(), reading.summary.lines);
  }
}

TEST(ListReader, FilesThatCannotBeRead) {
  const test::ScratchFolder folder;
  const auto missing = ListReader::open(folder / "none", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_FALSE(ListReader::open(folder / "", {}));
  ListOptions options;
  options.dialect = "klingon";
  EXPECT_NE(read_text("a.example\n", options).refusal.find("unknown dialect 'klingon'"), std::string::npos);
}

// SEMANTICS 1.1: Bytes → text: strip a UTF-8 BOM; accept LF, CRLF, CR
TEST(ListReader, LineEndsOfEverySystem) {
  for (const char* text : {"a.example\nb.example\nc.example", "a.example\r\nb.example\r\nc.example\r\n",
                           "a.example\rb.example\rc.example\r",
                           "\xEF\xBB\xBF"
                           "a.example\nb.example\r\nc.example"}) {
    const Reading reading = read_text(text);
    EXPECT_EQ(reading.rules,
              (std::vector<std::string>{"block exact a.example", "block exact b.example", "block exact c.example"}));
    EXPECT_EQ(reading.lines, (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(reading.summary.lines, 3U);
  }
}

TEST(ListReader, OneLineManyRulesAndDuplicates) {
  const Reading reading = read_text("0.0.0.0 a.example b.example\n0.0.0.0 b.example\n0.0.0.0 a.example c.example\n");
  EXPECT_EQ(reading.rules,
            (std::vector<std::string>{"block exact a.example", "block exact b.example", "block exact c.example"}));
  EXPECT_EQ(reading.lines, (std::vector<std::uint64_t>{1, 1, 3}));
  EXPECT_EQ(reading.summary.count(Bucket::rule), 2U);
  EXPECT_EQ(reading.summary.count(Bucket::duplicate), 1U);
  EXPECT_EQ(reading.summary.rules, 3U);
}

TEST(ListReader, RulesThatDifferInOnePointAreNoDuplicates) {
  const Reading reading = read_text(
      "||a.example^\n|a.example^\n||*.a.example^\n@@||a.example^\n||a.example^$important\n||a.example^$dnstype=A\n"
      "||a.example^$dnstype=AAAA\n"
      "||a.example^$dnstype=~A\n||a.example^$denyallow=b.a.example\n||A.example^\n");
  EXPECT_EQ(reading.rules.size(), 9U);
  EXPECT_EQ(reading.summary.count(Bucket::duplicate), 1U);
}

// SEMANTICS 2 adblock: removes the identical rule (same pattern, same other modifiers) of the **same list**
TEST(ListReader, BadfilterCancelsTheIdenticalRuleWhereverItStands) {
  const Reading reading = read_text(
      "||a.example^\n||b.example^$important\n||c.example^\n"
      "||a.example^$badfilter\n||b.example^$badfilter\n||c.example^$badfilter,dnstype=A\n||d.example^$badfilter\n"
      "||d.example^\n");
  EXPECT_EQ(reading.rules, (std::vector<std::string>{"block important subtree b.example", "block subtree c.example"}));
  EXPECT_EQ(reading.buckets(), 8U);
}

TEST(ListReader, BadfilterAcrossTheEndOfABlock) {
  const std::string rules = "||a.example^\n||b.example^\n";
  const std::string cancel = "||a.example^$badfilter\n";
  for (std::size_t cut = 0; cut <= cancel.size(); ++cut) {
    std::string text = rules;
    // Comments up to `cut` octets before the end of the first block, which is 256 KiB.
    const std::string comment = "!" + std::string(62, '-') + "\n";
    while (text.size() + cut + comment.size() < 256 * 1024) text += comment;
    text += std::string(256 * 1024 - cut - text.size() - 1, '!') + "\n";
    const Reading reading = read_text(text + cancel);
    EXPECT_EQ(reading.rules, std::vector<std::string>{"block subtree b.example"}) << cut;
  }
}

// SEMANTICS 1.6: Dialect: detect from the first few hundred non-comment lines, then parse each line by the most
// specific grammar that fits SEMANTICS 1.6: Report the counts per dialect.
// SEMANTICS 1.6: mixed files are normal
TEST(ListReader, OtherLinesOfAMixedFileKeepTheirMeaning) {
  const Reading reading = read_text(
      "! mixed\n||a.example^\n0.0.0.0 b.example\nc.example\naddress=/d.example/#\nlocal-zone: \"e.example\" static\n"
      "*.f.example\n192.0.2.1\n");
  EXPECT_EQ(reading.rules,
            (std::vector<std::string>{"block subtree a.example", "block exact b.example", "block exact c.example",
                                      "block subtree d.example", "block subtree e.example", "block below f.example"}));
  EXPECT_EQ(reading.summary.count(Bucket::invalid_name), 1U);
  for (const Dialect dialect :
       {Dialect::adblock, Dialect::hosts, Dialect::domains, Dialect::dnsmasq, Dialect::unbound, Dialect::wildcard}) {
    EXPECT_EQ(reading.summary.dialects[static_cast<std::size_t>(dialect)], 1U) << to_text(dialect);
  }
}

// SEMANTICS 2 domains: subtree if the header or file name says *wildcard*, *onlydomains*, *subdomains included*; else
// exact SEMANTICS 2 domains: per list: `match = exact`, `subtree` or `auto`
// SEMANTICS 2 adblock: in a file that is otherwise plain names a bare name is the *domains* row
TEST(ListReader, WhatABareNameMeans) {
  const struct {
    std::string text;
    std::string file_name;
    bool subtree;
  } rows[] = {
      {"# Title: plain\na.example\n", "ads.txt", false},
      {"# Title: x, subdomains included\na.example\n", "ads.txt", true},
      {"# Wildcard list\na.example\n", "ads.txt", true},
      {"a.example\n", "ads-onlydomains.txt", true},
      {"a.example\n# wildcard comes too late in a name: wild.example\n", "ads.txt", true},
  };
  for (const auto& row : rows) {
    ListOptions options;
    options.file_name = row.file_name;
    const Reading reading = read_text(row.text, options);
    EXPECT_EQ(reading.rules,
              std::vector<std::string>{row.subtree ? "block subtree a.example" : "block exact a.example"})
        << row.text;
    EXPECT_EQ(reading.summary.bare_is_subtree, row.subtree);
    options.match = NameMatch::exact;
    EXPECT_EQ(read_text(row.text, options).rules, std::vector<std::string>{"block exact a.example"});
  }
}

// SEMANTICS 2 domains: plus an import note when ≥ 5 % of the entries have an ancestor in the same list (proof of
// enumeration; stays exact) or when 0 % do in a list of > 1000 (might be compressed: ask)
TEST(ListReader, NotesWhetherAListEnumerates) {
  const Reading enumerating = read_text(repeated(2000, [](unsigned i) {
    return i % 2 == 0 ? "base" + std::to_string(i) + ".example" : "www.base" + std::to_string(i - 1) + ".example";
  }));
  ASSERT_EQ(enumerating.summary.notes.size(), 1U);
  EXPECT_NE(enumerating.summary.notes[0].find("names hosts one by one"), std::string::npos);
  const Reading flat = read_text(repeated(1200, name));
  ASSERT_EQ(flat.summary.notes.size(), 1U);
  EXPECT_NE(flat.summary.notes[0].find("match = \"subtree\""), std::string::npos);
  EXPECT_TRUE(read_text(repeated(900, name)).summary.notes.empty());
}

// SEMANTICS 2 unbound: `redirect` with data → answer (trusted) or block
TEST(ListReader, RedirectedZonesAnswerForAllBelow) {
  const std::string text =
      "local-data: \"a.example A 192.0.2.1\"\nlocal-zone: \"a.example\" redirect\nlocal-zone: b.example redirect\n"
      "local-data: \"c.example A 192.0.2.1\"\nlocal-zone: d.example redirect\nlocal-data: 'd.example TXT \"x\"'\n";
  ListOptions options;
  options.rewrites = true;
  const Reading trusted = read_text(text, options);
  EXPECT_EQ(trusted.rules, (std::vector<std::string>{"address subtree a.example = 192.0.2.1", "block subtree b.example",
                                                     "address exact c.example = 192.0.2.1",
                                                     "answer subtree d.example = TXT 30 0178"}));
  EXPECT_EQ(trusted.summary.count(Bucket::duplicate), 2U);
  const Reading untrusted = read_text(text);
  EXPECT_EQ(untrusted.rules, (std::vector<std::string>{"block subtree a.example", "block subtree b.example",
                                                       "block subtree d.example"}));
  EXPECT_EQ(untrusted.summary.count(Bucket::untrusted_rewrite), 3U);
}

TEST(ListReader, AtMostAThousandRegularExpressions) {
  const Reading reading = read_text(repeated(1010, [](unsigned i) { return "/ads" + std::to_string(i) + "/"; }));
  EXPECT_EQ(reading.rules.size(), 1000U);
  EXPECT_EQ(reading.summary.count(Bucket::unsupported_pattern), 10U);
  const auto& samples = reading.summary.samples[static_cast<std::size_t>(Bucket::unsupported_pattern)];
  EXPECT_EQ(samples.at(0).reason, "a regular expression after 1000 others: no list may have more");
}

TEST(ListReader, GlobsHaveALimitToo) {
  struct Row {
    unsigned lines;
    std::function<std::string(unsigned)> line;
    std::size_t kept;
  };
  const std::vector<Row> rows = {
      {1010, [](unsigned i) { return "*ads" + std::to_string(i) + "*"; }, 1000},
      {10'010, [](unsigned i) { return "a*" + std::to_string(i) + ".example"; }, 10'000},
  };
  for (const Row& row : rows) {
    const Reading reading = read_text(repeated(row.lines, row.line));
    EXPECT_EQ(reading.rules.size(), row.kept);
    EXPECT_EQ(reading.summary.count(Bucket::unsupported_pattern), row.lines - row.kept);
    const auto& samples = reading.summary.samples[static_cast<std::size_t>(Bucket::unsupported_pattern)];
    ASSERT_FALSE(samples.empty());
    EXPECT_EQ(samples[0].reason,
              "a glob after " + std::to_string(row.kept) + " others of its kind: no list may have more");
  }
}

// SEMANTICS 2 regex: show the cost in `weir list show`
TEST(ListReader, SaysWhatPatternsCost) {
  const Reading reading = read_text(
      "||plain.example^\n/ads[0-9]+/\n/ads[0-9]+\\.example$/\n/(^|\\.)a\\.example$/\n||a*b.example^\n*track^\n");
  const PatternCost& cost = reading.summary.patterns;
  EXPECT_EQ(cost.globs, 3U);
  EXPECT_EQ(cost.regexes, 3U);
  EXPECT_GT(cost.program, 20U);
  EXPECT_EQ(cost.on_every_query, 2U);
  ASSERT_EQ(reading.summary.notes.size(), 2U);
  EXPECT_TRUE(reading.summary.notes[0].starts_with("3 globs and 3 regular expressions ("));
  EXPECT_NE(reading.summary.notes[0].find("2 of them end in no literal label"), std::string::npos);
  EXPECT_NE(reading.summary.notes[1].find("1 regular expressions say no more than ||name^"), std::string::npos);
  EXPECT_NE(reading.summary.notes[1].find("in line 4"), std::string::npos);
  EXPECT_NE(reading.summary.to_json(false).find(R"("patterns":{"globs":3,"regexes":3,"program":)"), std::string::npos);
}

// SEMANTICS 3: a rule whose `$denyallow` covers all of it
TEST(ListReader, NotesRulesThatMatchNothing) {
  const Reading reading = read_text(
      "||a.example^\n||b.example^$denyallow=b.example\n||c.example^$denyallow=x.c.example\n*d.e.example^$denyallow="
      "example\n");
  ASSERT_EQ(reading.summary.notes.size(), 2U);
  EXPECT_EQ(reading.summary.notes[1],
            "2 rules match nothing, since their $denyallow covers all of them; the first is in line 2");
}

// SEMANTICS 1.5: The buckets sum to the number of lines, and a test asserts it.
// SEMANTICS 1.5: Every line ends in exactly one bucket
TEST(ListReader, BucketsSumToTheLines) {
  const Reading reading = read_text(
      "# c\n[Adblock Plus]\n\nlocalhost\na.example\na.example\nb.example##x\n||c.example^$popup\n||c.example^$nosuch\n"
      "||c.example^$client=192.0.2.1\nd.example/x\na..b\naddress=/a.example/nonsense\nx\xFF\ncache-size=1\n/(a)\\1/\n"
      "a.example CNAME .\n||c.example^$dnsrewrite=192.0.2.1\n");
  for (const Bucket bucket :
       {Bucket::rule, Bucket::blank, Bucket::comment, Bucket::header, Bucket::local_name, Bucket::duplicate,
        Bucket::cosmetic, Bucket::browser_modifier, Bucket::unknown_modifier, Bucket::client_modifier, Bucket::url_path,
        Bucket::invalid_name, Bucket::invalid_address, Bucket::invalid_text, Bucket::not_a_filter_directive,
        Bucket::unsupported_pattern, Bucket::unsupported_rpz, Bucket::untrusted_rewrite}) {
    EXPECT_EQ(reading.summary.count(bucket), 1U) << to_text(bucket);
  }
  EXPECT_EQ(reading.summary.lines, 18U);
  EXPECT_EQ(reading.buckets(), 18U);
}

// SEMANTICS 1.1: Invalid UTF-8 skips the line, not the file.
// SEMANTICS 1.3: Escape control characters in every message.
TEST(ListReader, ABadLineCostsThatLineOnly) {
  const std::string text = std::string("a.example\n") + "b\xFF.example\n" + std::string("c\0.example\n", 11) +
                           "# \xE2\x80\xAE comment turned round\n" + "d.example\n";
  // A NUL in the first 4 KiB refuses the file, so the bad lines stand behind it.
  const Reading reading = read_text("#" + std::string(5000, '-') + "\n" + text);
  EXPECT_EQ(reading.refusal, "");
  EXPECT_EQ(reading.rules, (std::vector<std::string>{"block exact a.example", "block exact d.example"}));
  EXPECT_EQ(reading.summary.count(Bucket::invalid_text), 3U);
  for (const LineSample& sample : reading.summary.samples[static_cast<std::size_t>(Bucket::invalid_text)]) {
    for (const char c : sample.text) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << sample.text;
  }
}

TEST(ListReader, BoundsOnLinesAndTheirNumber) {
  ListOptions options;
  options.max_line_size = 100;
  options.max_lines = 3;
  const std::string fits(98, '#');
  const Reading lines = read_text("##" + fits + "\n###" + fits + "\na.example\n", options);
  EXPECT_EQ(lines.summary.count(Bucket::comment), 1U);
  EXPECT_EQ(lines.summary.count(Bucket::overlong), 1U);
  EXPECT_EQ(lines.rules.size(), 1U);
  EXPECT_NE(read_text("a.example\nb.example\nc.example\nd.example\n", options).refusal.find("more than 3 lines"),
            std::string::npos);
}

// What is remembered of each rule is bounded, of what lines say of others too.
TEST(ListReader, BoundOnRules) {
  ListOptions options;
  options.max_rules = 3;
  EXPECT_EQ(read_text("a.example\na.example\nb.example\nc.example\n", options).refusal, "");
  for (const char* text :
       {"a.example\nb.example\nc.example\nd.example\n",
        "||a.example^\n||b.example^\n||x.example^$badfilter\n||y.example^$badfilter\n",
        "||w.example^$badfilter\n||x.example^$badfilter\n||y.example^$badfilter\n||z.example^$badfilter\n",
        "local-zone: \"a.example\" redirect\nlocal-zone: \"b.example\" redirect\n"}) {
    EXPECT_NE(read_text(text, options).refusal.find("more than 3 rules: a list that long is to be split"),
              std::string::npos)
        << text << read_text(text, options).refusal;
  }
}

// Compiling an expression takes longer than reading a line by far, also one that is refused then.
TEST(ListReader, BoundOnExpressionsThatAreCompiled) {
  const Reading reading =
      read_text(repeated(12'000, [](unsigned i) { return "/n" + std::to_string(i) + "(a|/"; }) + "||a.example^\n", {});
  EXPECT_EQ(reading.summary.count(Bucket::unsupported_pattern), 12'000U);
  EXPECT_EQ(reading.refusal, "");
  Line line;
  line.regexes_tried = kMaxRegexTries;
  line.reset();
  Rule rule;
  EXPECT_FALSE(read_regex("ads[0-9]+", 1, rule, line));
  EXPECT_EQ(line.reason, "a regular expression after 10000 others, good or not");
}

TEST(RuleHashes, HoldsWhatItWasGivenWhileItGrows) {
  RuleHashes hashes;
  EXPECT_FALSE(hashes.contains(1));
  std::mt19937_64 random(5);
  std::vector<std::uint64_t> given;
  for (int i = 0; i < 100'000; ++i)
    given.push_back(i % 4 == 0 && i > 0 ? given[random() % given.size()] : random() | 1);
  std::set<std::uint64_t> expected;
  for (const std::uint64_t hash : given) ASSERT_EQ(hashes.insert(hash), expected.insert(hash).second);
  EXPECT_EQ(hashes.size(), expected.size());
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t hash = random() | 1;
    ASSERT_EQ(hashes.contains(hash), expected.contains(hash));
  }
  for (const std::uint64_t hash : given) ASSERT_TRUE(hashes.contains(hash));
}

TEST(ListReader, ALineOf256MiBIsNotHeld) {
  const test::ScratchFolder folder;
  {
    std::ofstream out(folder / "list", std::ios::binary);
    out << "a.example\n";
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < 256; ++i) out << block;
    out << "\nb.example\n";
  }
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const Reading reading = read_list(folder / "list", {});
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(reading.rules, (std::vector<std::string>{"block exact a.example", "block exact b.example"}));
  EXPECT_EQ(reading.summary.count(Bucket::overlong), 1U);
  EXPECT_EQ(reading.summary.lines, 3U);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024) << "KiB more than before";
}

TEST(ListReader, AHostsLineOf500Names) {
  std::string line = "0.0.0.0";
  for (unsigned i = 0; i < 500; ++i) line += " " + name(i);
  const Reading reading = read_text(line);
  EXPECT_EQ(reading.rules.size(), 500U);
  EXPECT_EQ(reading.summary.count(Bucket::rule), 1U);
}

TEST(ListReader, ALineAcrossBlocks) {
  // Blocks are 256 KiB: names of varying length put every kind of cut on a boundary.
  const std::string text = repeated(60'000, [](unsigned i) { return name(i) + (i % 3 == 0 ? "\r" : ""); });
  const Reading reading = read_text(text);
  EXPECT_EQ(reading.rules.size(), 60'000U);
  EXPECT_EQ(reading.summary.lines, 60'000U);
}

// SEMANTICS 1.5: For each bucket keep the count and the first 100 line:column samples; the full set on request (`weir
// list check`).
TEST(ListReader, SamplesAreBoundedAndTheSummaryIsJson) {
  const Reading reading = read_text(repeated(300, [](unsigned i) { return i < 150 ? name(i) : "a..b\"\\"; }));
  EXPECT_EQ(reading.summary.samples[static_cast<std::size_t>(Bucket::invalid_name)].size(), 100U);
  ListOptions everything;
  everything.max_samples = SIZE_MAX;
  const Reading whole = read_text(repeated(300, [](unsigned i) { return i < 150 ? name(i) : "a..b\"\\"; }), everything);
  EXPECT_EQ(whole.summary.samples[static_cast<std::size_t>(Bucket::invalid_name)].size(), 150U);
  const std::string json = reading.summary.to_json(true);
  EXPECT_NE(json.find(R"("lines":300,"rules":150,"dialect":"domains")"), std::string::npos) << json.substr(0, 200);
  EXPECT_NE(json.find(R"("buckets":{"rule":150,"comment":0,"invalid_name":150})"), std::string::npos);
  EXPECT_NE(json.find(R"({"line":151,"column":1,"reason":)"), std::string::npos);
  EXPECT_EQ(reading.summary.to_json(false).find("samples"), std::string::npos);
}

}  // namespace
}  // namespace weir::list_reader_test
