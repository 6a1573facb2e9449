// A name as the policy store's keys hold it: labels from the root down, each with its length octet
// before it, folded to lower case, without the root label: example.org -> 3org7example.
//
// An ancestor's key is a prefix of every descendant's key, and no other key begins with it, so a
// subtree is one range. Another type than Name, so that nobody can mix up key order and wire order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "zones/dns/name.h"

namespace weir {

class ReversedName {
 public:
  explicit ReversedName(const Name& name) : ReversedName(name.wire()) {}
  // `wire`: a valid uncompressed name.
  explicit ReversedName(std::span<const std::uint8_t> wire);

  unsigned label_count() const { return labels_; }
  std::string_view key() const { return key_of_suffix(labels_); }
  // The key of the ancestor with `labels` labels; 0 is the root, whose key is empty.
  std::string_view key_of_suffix(unsigned labels) const {
    return {reinterpret_cast<const char*>(key_), labels == 0 ? 0U : ends_[labels - 1]};
  }

  // The name that a key stands for; nothing when it is no key.
  static std::optional<Name> to_name(std::string_view key);
  // Labels of a key that this class made.
  static unsigned count_labels(std::string_view key);

 private:
  std::uint8_t labels_ = 0;
  std::uint8_t ends_[kMaxLabels];  // ends_[i]: end of the key with i + 1 labels
  std::uint8_t key_[kMaxNameSize];
};

}  // namespace weir
