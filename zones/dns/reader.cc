#include "zones/dns/reader.h"

namespace weir {

std::span<const std::uint8_t> Reader::octets(std::size_t count) {
  if (!ok_ || count > remaining()) {
    ok_ = false;
    return {};
  }
  const auto out = message_.subspan(position_, count);
  position_ += count;
  return out;
}

std::uint32_t Reader::number(std::size_t size) {
  std::uint32_t value = 0;
  for (const std::uint8_t octet : octets(size)) value = value << 8 | octet;
  return value;
}

void Reader::seek(std::size_t position) {
  if (position > message_.size()) {
    ok_ = false;
    return;
  }
  position_ = position;
}

std::size_t Reader::name_into(std::uint8_t* out) {
  std::size_t at = position_;
  std::size_t lowest = position_;  // every pointer must go below all that was read of this name
  std::size_t size = 0;
  unsigned pointers = 0;
  bool jumped = false;
  while (ok_) {
    if (at >= message_.size()) break;
    const std::uint8_t length = message_[at];
    if ((length & 0xC0) == 0xC0) {
      if (at + 1 >= message_.size() || ++pointers > kMaxCompressionPointers) break;
      const std::size_t target = static_cast<std::size_t>(length & 0x3F) << 8 | message_[at + 1];
      if (target >= lowest) break;
      if (!jumped) position_ = at + 2;
      jumped = true;
      at = lowest = target;
      continue;
    }
    if (length > 63 || at + 1 + length > message_.size() || size + 1 + length > kMaxNameSize) break;
    if (length != 0 && size + 1 + length == kMaxNameSize) break;  // no room left for the root label
    for (unsigned i = 0; i <= length; ++i) out[size++] = message_[at + i];
    at += length + 1U;
    if (length == 0) {
      if (!jumped) position_ = at;
      return size;
    }
  }
  ok_ = false;
  return 0;
}

Name Reader::name() {
  std::uint8_t wire[kMaxNameSize];
  const std::size_t size = name_into(wire);
  if (size == 0) return {};
  return *Name::from_wire({wire, size});
}

}  // namespace weir
