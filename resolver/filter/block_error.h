// The Extended DNS Error of a block answer: its code, its words, and the JSON for clients that ask for that.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "resolver/filter/filter.h"
#include "resolver/wire/reply.h"

namespace weir {

// A bounded text on the stack: names and lists are attackers' input, so everything is escaped, and nothing is allocated
// on the packet path. What does not fit is left out, a character or an escape at a time.
template <std::size_t kSize>
class BoundedText {
 public:
  void append(std::string_view text) {
    if (size_ + text.size() > kSize) {
      full_ = true;
      return;
    }
    for (const char c : text) buffer_[size_++] = c;
  }
  std::string_view text() const { return {buffer_.data(), size_}; }
  bool full() const { return full_; }  // something was left out
  void clear() { size_ = 0; }

 private:
  std::array<char, kSize> buffer_;
  std::size_t size_ = 0;
  bool full_ = false;
};

inline constexpr std::size_t kMaxErrorText = 160;
inline constexpr std::size_t kMaxStructuredError = 1024;

// Holds what the error points to.
class BlockError {
 public:
  BlockError(const Query& query, const Asker& asker, const AnswerMatches& parts, const FilterVerdict& verdict);
  BlockError(const BlockError&) = delete;

  // nullptr: an answer made of local data blocks nothing.
  const ExtendedError* error() const { return has_error_ ? &error_ : nullptr; }

 private:
  bool has_error_ = true;
  ExtendedError error_;
  BoundedText<kMaxErrorText> text_;
  BoundedText<kMaxStructuredError> whole_;
  BoundedText<kMaxStructuredError> shorter_;
};

}  // namespace weir
