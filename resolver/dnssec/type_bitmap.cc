#include "resolver/dnssec/type_bitmap.h"

namespace weir {

std::optional<TypeBitmap> TypeBitmap::parse(std::span<const std::uint8_t> windows) {
  int last = -1;
  for (auto rest = windows; !rest.empty();) {
    if (rest.size() < 3) return std::nullopt;
    const int window = rest[0];
    const std::size_t length = rest[1];
    if (window <= last || length == 0 || length > 32 || rest.size() < 2 + length) return std::nullopt;
    last = window;
    rest = rest.subspan(2 + length);
  }
  return TypeBitmap(windows);
}

bool TypeBitmap::has(RecordType type) const {
  const auto number = static_cast<std::uint16_t>(type);
  for (auto rest = windows_; !rest.empty(); rest = rest.subspan(2U + rest[1])) {
    if (rest[0] != number >> 8) continue;
    const unsigned octet = (number & 0xFF) / 8;
    return octet < rest[1] && (rest[2 + octet] & (0x80 >> (number % 8))) != 0;
  }
  return false;
}

bool is_delegation(const TypeBitmap& types) {
  return types.has(RecordType::ns) && !types.has(RecordType::soa);
}

bool denies_names_below(const TypeBitmap& types) {
  return !is_delegation(types) && !types.has(RecordType::dname);
}

bool denies(const TypeBitmap& types, RecordType qtype) {
  if (types.has(qtype) || types.has(RecordType::cname)) return false;
  return qtype == RecordType::ds ? !types.has(RecordType::soa) : !is_delegation(types);
}

}  // namespace weir
