#include "tools/log/block_filter.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace weir::log {
namespace {

constexpr std::size_t kBitsPerThing = 10;
constexpr std::size_t kLineBits = 256;
// Odd numbers that spread the lower half of a hash over the words of a line (those of Parquet's filters).
constexpr std::array<std::uint32_t, 8> kSpread = {0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D,
                                                  0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31};

std::uint32_t bit_of(std::uint64_t hash, std::size_t word) {
  return 1U << (static_cast<std::uint32_t>(hash) * kSpread[word] >> 27);
}

}  // namespace

BlockFilter::BlockFilter(std::size_t things)
    : words_(std::max<std::size_t>(1, (things * kBitsPerThing + kLineBits - 1) / kLineBits) * kLineWords) {}

BlockFilter BlockFilter::from_octets(std::string_view octets) {
  BlockFilter filter;
  filter.words_.resize(octets.size() / 4 / kLineWords * kLineWords);
  if (!filter.words_.empty()) std::memcpy(filter.words_.data(), octets.data(), 4 * filter.words_.size());
  if constexpr (std::endian::native == std::endian::big) {
    for (std::uint32_t& word : filter.words_) word = __builtin_bswap32(word);
  }
  return filter;
}

std::uint64_t BlockFilter::hash(std::string_view octets) {
  return XXH3_64bits(octets.data(), octets.size());
}

void BlockFilter::add(std::uint64_t hash) {
  const std::size_t line = line_of(hash);
  for (std::size_t word = 0; word < kLineWords; ++word) words_[line + word] |= bit_of(hash, word);
}

bool BlockFilter::may_hold(std::uint64_t hash) const {
  if (words_.empty()) return true;
  const std::size_t line = line_of(hash);
  for (std::size_t word = 0; word < kLineWords; ++word) {
    if ((words_[line + word] & bit_of(hash, word)) == 0) return false;
  }
  return true;
}

std::string BlockFilter::octets() const {
  std::string out;
  out.reserve(4 * words_.size());
  for (const std::uint32_t word : words_) {
    for (unsigned octet = 0; octet < 4; ++octet) out += static_cast<char>(word >> (8 * octet));
  }
  return out;
}

}  // namespace weir::log
