// Sorted keys as columns: of each only what differs from the one before. Names of a log share most of their octets with
// their neighbours.
#pragma once

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

  bool at_end() const { return shared_sizes_.at_end(); }
  // The next key, until the next call. Nothing: damaged.
  std::optional<std::string_view> next();
  // Behind the last key: nothing was left over.
  bool is_whole() const { return rest_sizes_.at_end() && rests_.at_end(); }

 private:
  store::ByteReader shared_sizes_;
  store::ByteReader rest_sizes_;
  store::ByteReader rests_;
  std::string key_;
};

}  // namespace weir::log
