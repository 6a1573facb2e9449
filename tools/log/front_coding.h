// Sorted keys as columns: of each only what differs from the one before. Names of a log share most of their octets with
// their neighbours.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/log/frames.h"
#include "zones/store/codec.h"

namespace weir::log {

inline constexpr std::size_t kKeyFrames = 3;  // that write() adds

class KeyWriter {
 public:
  // `key` has at most 255 octets and outlives the next call. Returns how many it shares with the one before.
  std::size_t add(std::string_view key);
  void write(FrameWriter& frames) const;

 private:
  std::string shared_sizes_;
  std::string rest_sizes_;
  std::string rests_;
  std::string_view before_;
};

// Over the frames that write() added. Any octets are safe.
class KeyReader {
 public:
  KeyReader(std::string_view shared_sizes, std::string_view rest_sizes, std::string_view rests)
      : shared_sizes_(shared_sizes), rest_sizes_(rest_sizes), rests_(rests) {}

  std::size_t size() const { return shared_sizes_.size(); }  // keys in all
  bool at_end() const { return at_ == shared_sizes_.size(); }
  // The next key, until the next call. Nothing: damaged.
  std::optional<std::string_view> next();
  // Behind the last key: nothing was left over.
  bool is_whole() const { return at_ == rest_sizes_.size() && rests_.empty(); }

 private:
  std::string_view shared_sizes_;
  std::string_view rest_sizes_;
  std::string_view rests_;  // what is left of them
  std::size_t at_ = 0;
  std::size_t key_size_ = 0;
  std::array<char, 255> key_{};
};

}  // namespace weir::log
