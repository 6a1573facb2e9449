#include "zones/dns/writer.h"

#include <cstring>

namespace weir {

void Writer::octets(std::span<const std::uint8_t> octets) {
  if (!ok_ || octets.size() > room()) {
    ok_ = false;
    return;
  }
  if (!octets.empty()) std::memcpy(out_.data() + size_, octets.data(), octets.size());
  size_ += octets.size();
}

void Writer::patch_u16(std::size_t position, std::uint16_t value) {
  if (position + 2 > size_) return;
  out_[position] = static_cast<std::uint8_t>(value >> 8);
  out_[position + 1] = static_cast<std::uint8_t>(value);
}

void Writer::rewind(std::size_t size) {
  size_ = size;
  ok_ = true;
  while (suffix_count_ > 0 && suffixes_[suffix_count_ - 1] >= size) --suffix_count_;
}

// Whether the (possibly compressed) name at `position` is `wire`. Pointers that we wrote go backwards,
// so this ends.
bool Writer::equals_at(std::size_t position, const std::uint8_t* wire) const {
  while (true) {
    const std::uint8_t length = out_[position];
    if ((length & 0xC0) == 0xC0) {
      position = static_cast<std::size_t>(length & 0x3F) << 8 | out_[position + 1];
      continue;
    }
    if (length != *wire) return false;
    if (length == 0) return true;
    // Byte for byte, not folded: a pointer would otherwise change the case of what is sent.
    if (std::memcmp(out_.data() + position + 1, wire + 1, length) != 0) return false;
    position += length + 1U;
    wire += length + 1U;
  }
}

void Writer::first_name(std::span<const std::uint8_t> wire) {
  const std::size_t start = size_;
  octets(wire);
  if (!ok_) return;
  for (std::size_t at = 0; wire[at] != 0 && suffix_count_ < kMaxSuffixes; at += wire[at] + 1U) {
    suffixes_[suffix_count_++] = static_cast<std::uint16_t>(start + at);
  }
}

void Writer::name(const Name& name) {
  const std::uint8_t* label = name.wire().data();
  const unsigned known = suffix_count_;
  while (*label != 0) {
    for (unsigned i = 0; i < known; ++i) {
      if (equals_at(suffixes_[i], label)) {
        u16(static_cast<std::uint16_t>(0xC000 | suffixes_[i]));
        if (!ok_) suffix_count_ = known;
        return;
      }
    }
    if (size_ < 0x4000 && suffix_count_ < kMaxSuffixes && ok_)
      suffixes_[suffix_count_++] = static_cast<std::uint16_t>(size_);
    octets({label, *label + 1U});
    label += *label + 1U;
  }
  u8(0);
  if (!ok_) suffix_count_ = known;  // a name cut off half-way is no target
}

}  // namespace weir
