#include "resolver/dnssec/key_sentinel.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "resolver/dnssec/public_key.h"

namespace weir {
namespace {

constexpr std::string_view kIsAnchor = "root-key-sentinel-is-ta-";
constexpr std::string_view kIsNotAnchor = "root-key-sentinel-not-ta-";
constexpr std::size_t kDigits = 5;  // with leading zeros

// The key tag behind `prefix`, where the label is exactly both.
std::optional<std::uint16_t> tag_behind(std::span<const std::uint8_t> label, std::string_view prefix) {
  if (label.size() != prefix.size() + kDigits) return std::nullopt;
  const bool same = std::equal(prefix.begin(), prefix.end(), label.begin(),
                               [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == fold(b); });
  if (!same) return std::nullopt;
  unsigned tag = 0;
  for (const std::uint8_t digit : label.subspan(prefix.size())) {
    if (digit < '0' || digit > '9') return std::nullopt;
    tag = tag * 10 + (digit - '0');
  }
  if (tag > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(tag);
}

bool is_root_key(std::uint16_t tag, const TrustAnchors& anchors) {
  const TrustAnchor* root = anchors.closest(Name());
  if (root == nullptr) return false;
  for (const auto rdata : root->ds.records()) {
    if (rdata.size() >= 2 && (rdata[0] << 8 | rdata[1]) == tag) return true;
  }
  for (const auto rdata : root->dnskeys.records()) {
    if (key_tag(rdata) == tag) return true;
  }
  return false;
}

}  // namespace

bool sentinel_denies(const Name& name, RecordType type, Security security, const TrustAnchors& anchors) {
  if (security != Security::secure || (type != RecordType::a && type != RecordType::aaaa) || name.is_root())
    return false;
  const auto wire = name.wire();
  const auto label = wire.subspan(1, wire[0]);
  if (const auto tag = tag_behind(label, kIsAnchor)) return !is_root_key(*tag, anchors);
  if (const auto tag = tag_behind(label, kIsNotAnchor)) return is_root_key(*tag, anchors);
  return false;
}

}  // namespace weir
