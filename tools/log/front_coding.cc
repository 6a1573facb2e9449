#include "tools/log/front_coding.h"

#include <algorithm>

namespace weir::log {

std::size_t KeyWriter::add(std::string_view key) {
  const auto differs = std::mismatch(key.begin(), key.end(), before_.begin(), before_.end());
  const auto shared = static_cast<std::size_t>(differs.first - key.begin());
  store::put_u8(shared_sizes_, static_cast<std::uint8_t>(shared));
  store::put_u8(rest_sizes_, static_cast<std::uint8_t>(key.size() - shared));
  rests_.append(key.substr(shared));
  before_ = key;
  return shared;
}

void KeyWriter::write(FrameWriter& frames) const {
  for (const std::string* column : {&shared_sizes_, &rest_sizes_, &rests_}) frames.add(*column);
}

std::optional<std::string_view> KeyReader::next() {
  if (at_ >= shared_sizes_.size() || at_ >= rest_sizes_.size()) return std::nullopt;
  const std::size_t shared = static_cast<std::uint8_t>(shared_sizes_[at_]);
  const std::size_t rest = static_cast<std::uint8_t>(rest_sizes_[at_]);
  ++at_;
  if (shared > key_size_ || rest > rests_.size() || shared + rest > key_.size()) return std::nullopt;
  std::copy_n(rests_.data(), rest, key_.data() + shared);
  rests_.remove_prefix(rest);
  key_size_ = shared + rest;
  return std::string_view(key_.data(), key_size_);
}

}  // namespace weir::log
