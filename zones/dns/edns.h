// EDNS options (RFC 6891 section 6.1.2) that we read or write, and the sizes of a cookie.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

inline constexpr std::uint16_t kOptionCookie = 10;         // RFC 7873
inline constexpr std::uint16_t kOptionKeepalive = 11;      // RFC 7828
inline constexpr std::uint16_t kOptionExtendedError = 15;  // RFC 8914

inline constexpr std::size_t kClientCookieSize = 8;
inline constexpr std::size_t kMaxCookieSize = 40;

// RFC 7873 section 4: a client cookie, alone or with a server cookie of 8 to 32 octets.
constexpr bool is_cookie_size(std::size_t size) {
  return size == kClientCookieSize || (size >= kClientCookieSize + 8 && size <= kMaxCookieSize);
}

}  // namespace weir
