// A domain name in uncompressed wire format (RFC 1035 section 3.1), case preserved.
//
// A value of 64 octets that practically never allocates: in eight real lists 99.7 % of the names
// fit inline. It is checked once, when it is made; every other function may rely on it: labels of
// 1 to 63 octets, at most 255 octets with the root label, at most 127 labels.
// Comparison and hashing ignore ASCII case (RFC 4343).
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "zones/base/result.h"

namespace weir {

inline constexpr std::size_t kMaxNameSize = 255;  // RFC 1035 section 2.3.4
inline constexpr unsigned kMaxLabels = 127;       // labels of a name, the root not counted

class Name {
 public:
  Name() noexcept : size_(1), labels_(0) { inline_[0] = 0; }  // the root
  Name(const Name& other) { copy(other); }
  Name(Name&& other) noexcept { steal(other); }
  Name& operator=(const Name& other);
  Name& operator=(Name&& other) noexcept;
  ~Name() { release(); }

  // Presentation format (RFC 1035 section 5.1): "example.org", "example.org.", ".", \DDD and \X escapes.
  // Octets of any value are allowed in labels, as in the DNS itself. Errors say what is wrong and where.
  static Result<Name> parse(std::string_view presentation);

  // `wire` is a whole uncompressed name with its root label, nothing before or after it.
  static std::optional<Name> from_wire(std::span<const std::uint8_t> wire);

  // The same for octets that were checked before, with their label count: no second walk on the packet path.
  static Name from_checked_wire(std::span<const std::uint8_t> wire, unsigned labels) {
    Name name;
    name.assign(wire.data(), wire.size(), labels);
    return name;
  }

  std::span<const std::uint8_t> wire() const { return {data(), size_}; }
  std::size_t size() const { return size_; }        // octets with the root label
  unsigned label_count() const { return labels_; }  // the root not counted
  bool is_root() const { return labels_ == 0; }
  std::string_view first_label() const;  // leftmost; empty at the root
  Name parent() const { return suffix(labels_ == 0 ? 0 : labels_ - 1); }
  Name suffix(unsigned labels) const;  // the rightmost `labels` labels
  bool is_at_or_below(const Name& ancestor) const;
  unsigned common_labels(const Name& other) const;  // length of the longest common suffix in labels
  // label + this; nothing when that is too long.
  std::optional<Name> child(std::string_view label) const;
  // RFC 6672 section 2.2: `owner` at the end replaced by `target`; nothing when too long (YXDOMAIN).
  std::optional<Name> replace_suffix(const Name& owner, const Name& target) const;

  Name folded() const;          // A-Z to a-z
  std::string to_text() const;  // escaped; no trailing dot, the root is "."
  std::uint64_t hash() const;

  friend bool operator==(const Name& a, const Name& b) {
    return a.size_ == b.size_ && equal_folded(a.data(), b.data(), a.size_);
  }
  std::strong_ordering canonical_compare(const Name& other) const;  // RFC 4034 section 6.1

 private:
  static constexpr std::size_t kInlineSize = 62;
  static bool equal_folded(const std::uint8_t* a, const std::uint8_t* b, std::size_t size);

  bool is_inline() const { return size_ <= kInlineSize; }
  const std::uint8_t* data() const { return is_inline() ? inline_ : heap_pointer(); }
  std::uint8_t* heap_pointer() const {
    std::uint8_t* pointer = nullptr;
    std::memcpy(&pointer, inline_, sizeof pointer);
    return pointer;
  }
  // `wire` must be valid and must not point into this.
  void assign(const std::uint8_t* wire, std::size_t size, unsigned labels);
  void copy(const Name& other) { assign(other.data(), other.size_, other.labels_); }
  void steal(Name& other) noexcept;
  void release() {
    if (!is_inline()) delete[] heap_pointer();
  }

  std::uint8_t size_;
  std::uint8_t labels_;
  std::uint8_t inline_[kInlineSize];  // the name, or a pointer to it
};
static_assert(sizeof(Name) == 64);

inline std::uint8_t fold(std::uint8_t octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet | 0x20) : octet;
}

// The hash of Name::hash over an uncompressed wire name of any case; the packet path hashes in place with it.
std::uint64_t hash_wire_name(std::span<const std::uint8_t> wire);

}  // namespace weir

template <>
struct std::hash<weir::Name> {
  std::size_t operator()(const weir::Name& name) const noexcept { return name.hash(); }
};
