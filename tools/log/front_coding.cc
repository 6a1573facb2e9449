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
  const std::size_t shared = shared_sizes_.u8();
  if (shared > key_.size()) return std::nullopt;
  key_.resize(shared);
  key_.append(rests_.take(rest_sizes_.u8()));
  if (!rest_sizes_.ok() || !rests_.ok()) return std::nullopt;
  return key_;
}

}  // namespace weir::log
