#include "zones/dns/reversed_name.h"

#include <algorithm>

namespace weir {

ReversedName::ReversedName(std::span<const std::uint8_t> wire) {
  std::uint8_t offsets[kMaxLabels];
  for (std::size_t at = 0; wire[at] != 0; at += wire[at] + 1U) offsets[labels_++] = static_cast<std::uint8_t>(at);
  std::uint8_t* out = key_;
  for (unsigned i = 0; i < labels_; ++i) {
    const std::uint8_t* label = wire.data() + offsets[labels_ - 1 - i];
    *out++ = *label;
    out = std::transform(label + 1, label + 1 + *label, out, fold);
    ends_[i] = static_cast<std::uint8_t>(out - key_);
  }
}

std::optional<Name> ReversedName::to_name(std::string_view key) {
  if (key.size() >= kMaxNameSize) return std::nullopt;
  std::uint8_t wire[kMaxNameSize];
  std::uint8_t* out = wire + key.size();
  *out = 0;
  for (std::size_t at = 0; at < key.size();) {
    const auto length = static_cast<std::uint8_t>(key[at]);
    if (length == 0 || length > 63 || at + length + 1 > key.size()) return std::nullopt;
    out -= length + 1;
    std::copy_n(key.data() + at, length + 1, out);
    at += length + 1U;
  }
  return Name::from_wire({wire, key.size() + 1});
}

unsigned ReversedName::count_labels(std::string_view key) {
  unsigned labels = 0;
  for (std::size_t at = 0; at < key.size(); at += static_cast<std::uint8_t>(key[at]) + 1U) ++labels;
  return labels;
}

}  // namespace weir
