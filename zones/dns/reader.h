// The one entrance for DNS messages from the network: bounded, sticky, allocation-free.
//
// Read on, ask once at the end whether all was there: after the first fault every read gives
// zeros and ok() stays false. Names are checked and decompressed here and nowhere else.
#pragma once

#include <cstdint>
#include <span>

#include "zones/dns/name.h"

namespace weir {

// One compressed name may jump this often; pointers must also go strictly backwards (RFC 1035 section 4.1.4).
inline constexpr unsigned kMaxCompressionPointers = 126;

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> message) : message_(message) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }
  std::span<const std::uint8_t> octets(std::size_t count);
  void skip(std::size_t count) { (void)octets(count); }
  Name name();  // decompressed, case kept
  // The same into `out` of at least kMaxNameSize octets; returns its size, 0 after a fault.
  std::size_t name_into(std::uint8_t* out);

  bool ok() const { return ok_; }
  std::size_t position() const { return position_; }
  std::size_t remaining() const { return message_.size() - position_; }
  void seek(std::size_t position);  // anywhere inside the message
  void fail() { ok_ = false; }
  std::span<const std::uint8_t> message() const { return message_; }

 private:
  std::uint32_t number(std::size_t size);

  std::span<const std::uint8_t> message_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace weir
