// Whether something may be in a block: a Bloom filter whose bits for one thing lie in one cache line (Putze, Sanders,
// Singler 2007), ten bits a thing: one look-up in a hundred finds what is not there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::log {

class BlockFilter {
 public:
  BlockFilter() = default;
  explicit BlockFilter(std::size_t things);
  // Any octets that a filter gave out; others may find too much or too little, and nothing worse.
  static BlockFilter from_octets(std::string_view octets);

  static std::uint64_t hash(std::string_view octets);
  void add(std::uint64_t hash);
  bool may_hold(std::uint64_t hash) const;  // an empty one may hold anything
  std::string octets() const;

 private:
  static constexpr std::size_t kLineWords = 8;  // of 32 bits: one bit is set in each
  std::size_t line_of(std::uint64_t hash) const {
    return static_cast<std::size_t>((hash >> 32) * (words_.size() / kLineWords) >> 32) * kLineWords;
  }

  std::vector<std::uint32_t> words_;
};

}  // namespace weir::log
