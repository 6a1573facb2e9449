// Writes a DNS message into memory of the caller: bounded, sticky, allocation-free.
//
// When something does not fit, ok() turns false and nothing more is written; rewind() to a
// position that was noted before brings it back.
#pragma once

#include <cstdint>
#include <span>

#include "zones/dns/name.h"

namespace weir {

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}

  void u8(std::uint8_t value) {
    if (!fits(1)) return;
    out_[size_++] = value;
  }
  void u16(std::uint16_t value) {
    if (!fits(2)) return;
    out_[size_] = static_cast<std::uint8_t>(value >> 8);
    out_[size_ + 1] = static_cast<std::uint8_t>(value);
    size_ += 2;
  }
  void u32(std::uint32_t value) {
    if (!fits(4)) return;
    out_[size_] = static_cast<std::uint8_t>(value >> 24);
    out_[size_ + 1] = static_cast<std::uint8_t>(value >> 16);
    out_[size_ + 2] = static_cast<std::uint8_t>(value >> 8);
    out_[size_ + 3] = static_cast<std::uint8_t>(value);
    size_ += 4;
  }
  void octets(std::span<const std::uint8_t> octets);
  void name(const Name& name);  // compressed against earlier names (RFC 1035 section 4.1.4)
  void name_uncompressed(const Name& name) { octets(name.wire()); }
  // `wire`: a valid name, written in full and a target for later names. For a message's first name, which has nothing
  // before it to be compared with.
  void first_name(std::span<const std::uint8_t> wire);
  void patch_u16(std::size_t position, std::uint16_t value);

  bool ok() const { return ok_; }
  std::size_t size() const { return size_; }
  std::size_t room() const { return out_.size() - size_; }
  std::span<const std::uint8_t> written() const { return out_.first(size_); }
  void rewind(std::size_t size);

 private:
  // Suffixes that later names may point to. More than this many are not remembered: the work per
  // message stays bounded whatever it holds (CVE-2024-8508).
  static constexpr unsigned kMaxSuffixes = 64;

  bool fits(std::size_t size) {
    ok_ = ok_ && size <= room();
    return ok_;
  }
  bool equals_at(std::size_t position, const std::uint8_t* wire) const;

  std::span<std::uint8_t> out_;
  std::size_t size_ = 0;
  bool ok_ = true;
  unsigned suffix_count_ = 0;
  std::uint16_t suffixes_[kMaxSuffixes];  // positions of labels written in full
};

}  // namespace weir
