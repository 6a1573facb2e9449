// How often a random test repeats itself: under a sanitizer, which takes five to ten times as long and looks at each
// repetition closer, a quarter.
#pragma once

namespace weir::test {

constexpr unsigned repetitions(unsigned all) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return all < 4 ? all : all / 4;
#else
  return all;
#endif
}

}  // namespace weir::test
