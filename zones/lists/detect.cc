#include "zones/lists/detect.h"

#include <algorithm>
#include <array>

#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/lists/name_text.h"

namespace weir {
namespace {

bool is_address(std::string_view word) {
  if (word.empty() || !((word[0] >= '0' && word[0] <= '9') || word.find(':') != std::string_view::npos)) return false;
  return IpAddress::parse(word.substr(0, word.find('%'))).has_value();
}

bool is_address_entry(std::string_view word) {
  const std::string_view first = word.substr(0, word.find_first_of("/-#;"));
  return is_address(first);
}

bool is_word_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// `option:` alone or before white space. An IPv6 address has no such end that is not also hexadecimal.
bool is_unbound_option(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon > 2 &&
         std::all_of(text.begin(), text.begin() + static_cast<long>(colon), is_word_octet) &&
         (colon + 1 == text.size() || text[colon + 1] == ' ' || text[colon + 1] == '\t');
}

// dnsmasq options that take no value, as they stand in published files.
bool is_dnsmasq_flag(std::string_view text) {
  constexpr std::string_view kFlags[] = {"no-resolv",    "no-hosts",    "no-poll",      "bogus-priv", "domain-needed",
                                         "strict-order", "all-servers", "expand-hosts", "log-queries"};
  return std::find(std::begin(kFlags), std::end(kFlags), text) != std::end(kFlags);
}

// Cosmetic rules have no white space before the marker; ` ## note` is a comment in the other dialects.
bool has_cosmetic_marker(std::string_view text) {
  const auto at = text.find('#');
  if (at == std::string_view::npos || (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'))) return false;
  const std::string_view rest = text.substr(at);
  return rest.starts_with("##") || rest.starts_with("#@") || rest.starts_with("#?#") || rest.starts_with("#$#") ||
         rest.starts_with("#%#");
}

bool is_rpz(std::string_view text) {
  if (text.find_first_of(" \t") == std::string_view::npos) return false;
  std::size_t at = 0;
  bool cname = false;
  for (unsigned i = 0; i < 5; ++i) {
    const std::string word = to_lower_ascii(next_word(text, at));
    if (word == "soa" && i > 0) return true;
    if (cname) return word == "." || word == "*." || word.starts_with("rpz-") || word.starts_with("*.");
    cname = word == "cname" && i > 0;
  }
  return text.starts_with("$TTL") || text.starts_with("$ORIGIN");
}

}  // namespace

LineClass classify(std::string_view text, bool adblock) {
  if (text.starts_with('!') || text.starts_with(';') || text.starts_with("//")) return LineClass::comment;
  if (text.starts_with('#')) {
    // ##selector is a cosmetic rule in an adblock list and an ornament elsewhere.
    const bool cosmetic = text.starts_with("##") || text.starts_with("#@#") || text.starts_with("#?#") ||
                          text.starts_with("#$#") || text.starts_with("#%#");
    return adblock && cosmetic ? LineClass::rule : LineClass::comment;
  }
  if (text.starts_with('[') && text.ends_with(']')) return LineClass::header;
  return LineClass::rule;
}

bool is_plain_name(std::string_view text) {
  // One look at a table an octet, and no way out in the middle: nearly every line of a long list is one.
  static constexpr std::uint8_t kDot = 1;
  static constexpr std::uint8_t kOther = 2;
  static constexpr auto kOctets = [] {
    std::array<std::uint8_t, 256> out{};
    for (unsigned octet = 0; octet < 256; ++octet) {
      const unsigned lower = octet | 0x20;
      const bool plain =
          (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '_';
      out[octet] = octet == '.' ? kDot : plain ? 0 : kOther;
    }
    return out;
  }();
  if (text.empty()) return false;
  std::uint8_t seen = 0;
  for (const char c : text) seen |= kOctets[static_cast<std::uint8_t>(c)];
  const char last = text.back();
  return seen == kDot && !(last >= '0' && last <= '9');
}

Dialect dialect_of(std::string_view text) {
  if (is_plain_name(text)) return Dialect::domains;
  if (is_unbound_option(text)) return Dialect::unbound;
  if (text.starts_with("||") || text.starts_with("@@") || text.starts_with('|') || has_cosmetic_marker(text))
    return Dialect::adblock;
  if (text.starts_with('/') && (text.ends_with('/') || text.find("/$") != std::string_view::npos))
    return Dialect::adblock;
  const auto equals = text.find('=');
  if (equals != std::string_view::npos && equals > 0 &&
      std::all_of(text.begin(), text.begin() + static_cast<long>(equals), is_word_octet)) {
    return Dialect::dnsmasq;
  }
  if (is_dnsmasq_flag(text)) return Dialect::dnsmasq;
  std::size_t at = 0;
  const std::string_view first = next_word(text, at);
  if (is_address_entry(first)) {
    const std::string_view second = next_word(text, at);
    const bool alone = second.empty() || first.find_first_of("#;") != std::string_view::npos ||
                       second.starts_with('#') || second.starts_with(';') || second.starts_with('-');
    if (!alone && is_address(first)) return Dialect::hosts;
    return Dialect::addresses;
  }
  if (is_rpz(text)) return Dialect::rpz;
  if (first.find('^') != std::string_view::npos || first.find('$') != std::string_view::npos ||
      first.find('|') != std::string_view::npos) {
    return Dialect::adblock;
  }
  return first.starts_with("*.") ? Dialect::wildcard : Dialect::domains;
}

void Survey::add(std::string_view text) {
  if (classify(text, false) != LineClass::rule) {
    says_subtree = says_subtree || weir::says_subtree(text);
    return;
  }
  const Dialect dialect = dialect_of(text);
  ++lines[static_cast<std::size_t>(dialect)];
  if (dialect == Dialect::wildcard) ++wildcards;
  if (dialect == Dialect::domains) ++plain_names;
}

bool Survey::mostly_adblock() const {
  const unsigned adblock = lines[static_cast<std::size_t>(Dialect::adblock)];
  return adblock > 0 && std::all_of(lines.begin(), lines.end(), [&](unsigned count) { return count <= adblock; });
}

bool Survey::mostly_wildcards() const {
  return wildcards > 0 && wildcards * 10 > (wildcards + plain_names) * 9;
}

bool says_subtree(std::string_view text) {
  const std::string lower = to_lower_ascii(text);
  return lower.find("wildcard") != std::string::npos || lower.find("onlydomains") != std::string::npos ||
         lower.find("subdomains included") != std::string::npos;
}

std::string_view markup_in(std::string_view first) {
  if (first.starts_with("\xEF\xBB\xBF")) first.remove_prefix(3);
  const auto start = first.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  const std::string lower = to_lower_ascii(first.substr(start, 64));
  if (lower.starts_with("<!doctype") || lower.starts_with("<html") || lower.starts_with("<head")) return "an HTML page";
  if (lower.starts_with("<?xml") || lower.starts_with("<")) return "markup";
  if (lower.starts_with("{")) return "JSON";
  if (lower.starts_with("pk\x03\x04")) return "a ZIP archive";
  if (lower.starts_with("\x1f\x8b")) return "gzip-compressed data";
  return {};
}

}  // namespace weir
