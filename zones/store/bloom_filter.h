// A Bloom filter of 64-bit hashes: says "no" only of what was never set. One thread writes; then any number may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::store {

class BloomFilter {
 public:
  // `words`: a power of two of them, of 64 bits.
  explicit BloomFilter(std::size_t words) : words_(words) {}

  std::size_t bits() const { return words_.size() * 64; }
  bool has(std::uint64_t hash) const {
    const std::uint64_t bits = bits_of(hash);
    return (words_[word_of(hash)] & bits) == bits;
  }
  void set(std::uint64_t hash) { words_[word_of(hash)] |= bits_of(hash); }

 private:
  // Six bits of one word: one place in memory, as RocksDB's own filters have it by cache lines.
  static std::uint64_t bits_of(std::uint64_t hash) {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; shift < 36; shift += 6) bits |= std::uint64_t{1} << (hash >> shift & 63);
    return bits;
  }
  std::size_t word_of(std::uint64_t hash) const { return (hash >> 36) & (words_.size() - 1); }

  std::vector<std::uint64_t> words_;
};

}  // namespace weir::store
