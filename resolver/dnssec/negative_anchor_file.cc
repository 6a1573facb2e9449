#include "resolver/dnssec/negative_anchor_file.h"

#include <algorithm>

#include "zones/base/text.h"

namespace weir {

std::string save_negative_anchors(const std::vector<NegativeTrustAnchor>& anchors) {
  std::string out = "; What 'weir anchors nta add' switched off; weir-resolver writes this file.\n";
  for (const NegativeTrustAnchor& anchor : anchors) {
    std::string reason = anchor.reason;
    std::ranges::replace_if(reason, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    out += anchor.name.to_text() + ' ' + format_time(anchor.expires) + ' ' + reason + '\n';
  }
  return out;
}

Result<std::vector<NegativeTrustAnchor>> restore_negative_anchors(std::string_view text, std::string_view file) {
  std::vector<NegativeTrustAnchor> out;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(';') || trim(line).empty()) continue;
    const auto fault = [&](std::size_t column, const std::string& what) {
      return Error{ErrorCode::corrupt,
                   std::string(file) + ':' + std::to_string(number) + ':' + std::to_string(column + 1) + ": " + what};
    };
    const std::size_t first = std::min(line.find(' '), line.size());
    const std::size_t second = first == line.size() ? first : std::min(line.find(' ', first + 1), line.size());
    const auto name = Name::parse(line.substr(0, first));
    if (!name) return fault(0, "expected a domain name, not '" + escape_for_display(line.substr(0, first)) + "'");
    const std::string_view until = second > first ? line.substr(first + 1, second - first - 1) : std::string_view();
    const auto time = parse_time(until);
    if (!time) return fault(first + 1, "expected a time, not '" + escape_for_display(until) + "'");
    const std::string_view reason = trim(line.substr(second));
    if (reason.empty()) return fault(second, "expected a reason (RFC 7646), not the end of the line");
    if (out.size() >= kMaxNegativeAnchors)
      return fault(0, "expected at most " + std::to_string(kMaxNegativeAnchors) + " negative trust anchors");
    out.push_back({*name, *time, std::string(reason)});
  }
  return out;
}

}  // namespace weir
