// Files as publishers serve them: the small corpus in every run, the real lists where WEIR_FIELD names them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/zones/lists/reading.h"

namespace weir::corpus_test {
namespace {

using test::read_list;
using test::Reading;

const std::filesystem::path kCorpus = std::filesystem::path(WEIR_SOURCE_DIR) / "tests/corpus/lists";
const std::filesystem::path kExamples = std::filesystem::path(WEIR_SOURCE_DIR) / "deploy/lists";

Reading read_as_named(const std::filesystem::path& path, ListKind kind) {
  ListOptions options;
  options.kind = kind;
  options.file_name = path.filename().string();
  return read_list(path, options);
}

bool holds_addresses(const std::filesystem::path& path) {
  return path.extension() == ".ip" || path.filename() == "addresses.txt";
}

void expect_accounted(const std::filesystem::path& folder) {
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto& path = entry.path();
    if (path.filename() == "LICENSE" || path.extension() == ".md") continue;
    SCOPED_TRACE(path.filename());
    ++files;
    const Reading reading = read_as_named(path, holds_addresses(path) ? ListKind::address : ListKind::block);
    EXPECT_EQ(reading.refusal, "");
    EXPECT_GT(reading.rules.size(), 0U);
    EXPECT_EQ(reading.buckets(), reading.summary.lines);
    EXPECT_EQ(reading.rules.size(), reading.summary.rules);
    std::ifstream in(path, std::ios::binary);
    std::uint64_t lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    EXPECT_EQ(reading.summary.lines, lines);
  }
  EXPECT_GT(files, 3U);
}

std::set<std::string> names_of(const Reading& reading) {
  std::set<std::string> out;
  for (const std::string& rule : reading.rules) out.insert(rule.substr(rule.rfind(' ') + 1));
  return out;
}

// One list in four formats gives the same names.
void expect_same_names(const std::filesystem::path& folder) {
  const auto expected = names_of(read_as_named(folder / "redirect.domains", ListKind::block));
  EXPECT_GT(expected.size(), 10U);
  for (const char* format : {"hosts", "adblock", "dnsmasq"}) {
    const Reading reading = read_as_named(folder / ("redirect." + std::string(format)), ListKind::block);
    EXPECT_EQ(reading.summary.dialect, format);
    const auto names = names_of(reading);
    std::vector<std::string> different;
    std::set_symmetric_difference(expected.begin(), expected.end(), names.begin(), names.end(),
                                  std::back_inserter(different));
    EXPECT_TRUE(different.empty()) << format << ": " << different.size() << ", first " << different.front();
  }
}

void expect_kind_asked(const std::filesystem::path& folder) {
  EXPECT_NE(read_as_named(folder / "malware.ip", ListKind::block).refusal.find("set kind = \"address\""),
            std::string::npos);
  EXPECT_EQ(read_as_named(folder / "malware.ip", ListKind::address).refusal, "");
  EXPECT_NE(read_as_named(folder / "redirect.domains", ListKind::address).refusal.find("not of IP addresses"),
            std::string::npos);
}

TEST(ListCorpus, EveryLineIsAccountedFor) {
  expect_accounted(kCorpus);
}
TEST(ListCorpus, FourFormatsGiveTheSameNames) {
  expect_same_names(kCorpus);
}
TEST(ListCorpus, AddressesAsNamesAreRefused) {
  expect_kind_asked(kCorpus);
}

TEST(ListCorpus, TheExamplesAreWholeLists) {
  expect_accounted(kExamples);
  for (const auto& entry : std::filesystem::directory_iterator(kExamples)) {
    const Reading reading =
        read_as_named(entry.path(), holds_addresses(entry.path()) ? ListKind::address : ListKind::block);
    const ListSummary& summary = reading.summary;
    EXPECT_EQ(summary.lines, summary.count(Bucket::rule) + summary.count(Bucket::comment) +
                                 summary.count(Bucket::blank) + summary.count(Bucket::local_name))
        << entry.path().filename();
  }
}

TEST(ListField, RealLists) {
  const char* field = std::getenv("WEIR_FIELD");
  if (field == nullptr || !std::filesystem::is_directory(std::filesystem::path(field) / "lists"))
    GTEST_SKIP() << "WEIR_FIELD names no folder with lists/ of real lists";
  const std::filesystem::path folder = std::filesystem::path(field) / "lists";
  expect_accounted(folder);
  expect_same_names(folder);
  expect_kind_asked(folder);
}

}  // namespace
}  // namespace weir::corpus_test
