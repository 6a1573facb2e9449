// Strings of octets and the code of each: 0 for the first that came, 1 for the second that differs, and so on.
//
// One arena and one open-addressed table, so that looking up what is known costs a hash and a comparison.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::log {

// One thread.
class Dictionary {
 public:
  Dictionary();
  std::uint32_t intern(std::string_view octets);
  std::string_view at(std::uint32_t code) const {
    const std::size_t begin = code == 0 ? 0 : ends_[code - 1];
    return std::string_view(arena_).substr(begin, ends_[code] - begin);
  }
  std::size_t size() const { return ends_.size(); }
  void clear();

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t code_after = 0;  // code + 1; 0: empty
  };
  void grow();

  std::string arena_;
  std::vector<std::uint32_t> ends_;
  std::vector<Slot> slots_;  // a power of two, at most half full
};

}  // namespace weir::log
