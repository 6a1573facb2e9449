// Seeded numbers that are the same on every machine (the distributions of <random> are not).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::world {

// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  unsigned below(unsigned bound) { return static_cast<unsigned>(next() % bound); }
  unsigned between(unsigned low, unsigned high) { return low + below(high - low + 1); }  // both included
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(static_cast<unsigned>(from.size()))];
  }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(static_cast<unsigned>(from.size()))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace weir::world
