// Columns as they lie in a value on disk: compressed one by one, so that each meets its own statistics, and with a
// checksum over all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"

namespace weir::log {

// One thread. May be used for any number of values, one after the other.
class FrameWriter {
 public:
  FrameWriter();
  ~FrameWriter();
  void add(std::string_view column);
  std::string finish();  // the value; begins anew

 private:
  struct State;
  const std::unique_ptr<State> state_;
  std::string header_;
  std::string body_;
  std::uint8_t count_ = 0;
};

// The columns of a value in the order in which they were added; those that were not compressed are parts of the value
// itself, which outlives this.
class Frames {
 public:
  std::size_t size() const { return columns_.size(); }
  std::string_view operator[](std::size_t column) const { return columns_[column]; }

 private:
  friend Result<Frames> read_frames(std::string_view value);
  std::unique_ptr<char[]> octets_;
  std::vector<std::string_view> columns_;
};

// Errors: corrupt, incompatible (another layout).
Result<Frames> read_frames(std::string_view value);

}  // namespace weir::log
