// Every fuzz target over its corpus in the tree, and those that take packets over all bad packets. Runs with whatever
// compiler and sanitizers the other unit tests run with; tests/run fuzz looks for what is not in a corpus yet.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/bad_packets.h"

namespace weir::fuzz::corpus_test {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::string target;
  fs::path file;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(WEIR_SOURCE_DIR) / "tests/fuzz/corpus")) {
    if (entry.is_regular_file()) out.push_back({entry.path().parent_path().filename(), entry.path()});
  }
  std::ranges::sort(out, {}, &Case::file);
  return out;
}

class Corpus : public testing::TestWithParam<Case> {};

TEST_P(Corpus, HoldsEveryInvariant) {
  const auto target = targets().find(GetParam().target);
  ASSERT_NE(target, targets().end()) << "a corpus without a target";
  std::ifstream in(GetParam().file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  // On the heap and no longer than it is, so that the sanitizer sees a read past its end.
  const std::vector<std::uint8_t> octets(text.begin(), text.end());
  target->second(octets);
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.target + "_" + info.param.file.filename().string();
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(cases()), name_of);

TEST(FuzzTargets, EachHasACorpus) {
  for (const auto& [name, target] : targets()) {
    EXPECT_TRUE(std::ranges::any_of(cases(), [&](const Case& known) { return known.target == name; })) << name;
  }
}

TEST(BadPackets, HoldEveryInvariant) {
  const auto packets = bad_packets();
  EXPECT_GT(packets.size(), 2000U);
  for (const BadPacket& packet : packets) {
    SCOPED_TRACE(packet.what);
    for (const char* target : {"message", "name", "query", "dnssec_records"}) targets().at(target)(packet.octets);
    // As what an authoritative server says, too: options, the zone's depth, length, message.
    for (const std::uint8_t depth : {0, 1, 2}) {
      std::vector<std::uint8_t> said{0xFF, depth, static_cast<std::uint8_t>(packet.octets.size() >> 8),
                                     static_cast<std::uint8_t>(packet.octets.size())};
      said.insert(said.end(), packet.octets.begin(), packet.octets.end());
      targets().at("upstream")(said);
    }
  }
}

// All of them over one connection each, cut at every octet of the first packets.
TEST(BadPackets, OverTcpInPieces) {
  std::vector<std::uint8_t> stream;
  std::size_t in_pieces = 0;
  for (const BadPacket& packet : bad_packets()) {
    if (packet.octets.empty()) continue;
    stream.push_back(static_cast<std::uint8_t>(packet.octets.size() >> 8));
    stream.push_back(static_cast<std::uint8_t>(packet.octets.size()));
    stream.insert(stream.end(), packet.octets.begin(), packet.octets.end());
    if (stream.size() < 16'000) continue;
    const std::size_t splits = in_pieces == 0 ? 200 : 1;
    for (std::size_t split = 1; split <= splits; ++split) {
      std::vector<std::uint8_t> input{static_cast<std::uint8_t>(split >> 8), static_cast<std::uint8_t>(split)};
      input.insert(input.end(), stream.begin(), stream.end());
      targets().at("tcp")(input);
      ++in_pieces;
    }
    stream.clear();
  }
  EXPECT_GT(in_pieces, 200U);
}

}  // namespace
}  // namespace weir::fuzz::corpus_test
