// The types that exist at a name, as NSEC and NSEC3 list them (RFC 4034 section 4.1.2).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "zones/dns/record_types.h"

namespace weir {

// Looks into the RDATA that it was made from, which must outlive it.
class TypeBitmap {
 public:
  TypeBitmap() = default;  // no types: an empty non-terminal's NSEC3

  // Nothing where a window is cut off, empty, longer than 32 octets, or not after the one before: such a record denies
  // nothing.
  static std::optional<TypeBitmap> parse(std::span<const std::uint8_t> windows);

  bool has(RecordType type) const;

 private:
  explicit TypeBitmap(std::span<const std::uint8_t> windows) : windows_(windows) {}

  std::span<const std::uint8_t> windows_;
};

// What the bits say of the name. An ancestor delegation (RFC 6840 section 4.1) speaks for the parent's side of a zone
// cut: it denies DS there and nothing else. Below a DNAME or a zone cut nothing is denied either.
bool is_delegation(const TypeBitmap& types);             // NS without SOA
bool denies_names_below(const TypeBitmap& types);        // neither delegation nor DNAME
bool denies(const TypeBitmap& types, RecordType qtype);  // no such record at this name, by these bits

}  // namespace weir
