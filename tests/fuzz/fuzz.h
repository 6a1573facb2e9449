// What the fuzz targets share. A target is one file in tests/fuzz/targets: WEIR_FUZZ_TARGET(name) { ... } gets any
// octets, and whatever they are, no sanitizer may complain and every require() must hold.
//
// With WEIR_FUZZ it is the entrance of a libFuzzer program; else it registers itself, and tests/fuzz/corpus_test.cc
// runs it over the corpus in the tree.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace weir::fuzz {

using Octets = std::span<const std::uint8_t>;
using Target = void (*)(Octets);

// All targets that are linked in, by name.
inline std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

struct Registration {
  Registration(const char* name, Target target) { targets().emplace(name, target); }
};

// An invariant that octets from outside have broken.
inline void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "broken invariant: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

// The input taken apart from its front: a target's choices, and the octets that it goes on with. Zeros past the end.
class Input {
 public:
  explicit Input(Octets octets) : left_(octets) {}

  std::uint8_t u8() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  Octets octets(std::size_t count) {
    const Octets out = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(out.size());
    return out;
  }
  Octets block() { return octets(u16()); }  // a length and that many octets
  Octets rest() { return octets(left_.size()); }
  bool empty() const { return left_.empty(); }

 private:
  Octets left_;
};

inline std::string_view text_of(Octets octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace weir::fuzz

#ifdef WEIR_FUZZ
#define WEIR_FUZZ_TARGET(name)                                                          \
  static void fuzz_##name(weir::fuzz::Octets input);                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) { \
    fuzz_##name({octets, size});                                                        \
    return 0;                                                                           \
  }                                                                                     \
  static void fuzz_##name(weir::fuzz::Octets input)
#else
#define WEIR_FUZZ_TARGET(name)                                                 \
  static void fuzz_##name(weir::fuzz::Octets input);                           \
  static const weir::fuzz::Registration registered_##name(#name, fuzz_##name); \
  static void fuzz_##name(weir::fuzz::Octets input)
#endif
