#include "tools/log/row_text.h"

#include <charconv>
#include <cstdio>

#include "tools/log/record_batch.h"
#include "zones/base/text.h"
#include "zones/policy.h"
#include "zones/rule.h"

namespace weir::log {

std::string time_text(std::int64_t ms) {
  const std::string seconds = format_time(from_ms(ms));
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>((ms % 1000 + 1000) % 1000));
  return seconds.substr(0, seconds.size() - 1) + fraction;
}

std::string_view to_text(LinkKind link) {
  switch (link) {
    case LinkKind::qname:
      return "qname";
    case LinkKind::alias:
      return "alias";
    case LinkKind::address:
      return "address";
    case LinkKind::default_deny:
      return "default_deny";
    case LinkKind::client:
      return "client";
    case LinkKind::name_server:
      return "name_server";
  }
  return "qname";
}

std::string_view to_text(Transport transport) {
  return transport == Transport::tcp ? "tcp" : "udp";
}

std::string_view mode_text(DecisionClass decision_class, Action action, BlockMode mode) {
  if (decision_class != DecisionClass::blocked) return {};
  return action == Action::block ? weir::to_text(mode) : weir::to_text(action);
}

std::optional<std::uint64_t> parse_pseudonym(std::string_view text) {
  constexpr std::string_view kHexadecimal = "0123456789abcdef";
  if (text.size() != 18 || !text.starts_with("p-") || text.find_first_not_of(kHexadecimal, 2) != std::string_view::npos)
    return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  return value;
}

}  // namespace weir::log
