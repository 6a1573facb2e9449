#include "tools/migrate/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tools/support/toml_text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/config/config.h"
#include "zones/lists/name_text.h"

namespace weir::migrate {

std::string toml_number(std::uint64_t number) {
  return std::to_string(number);
}
std::string toml_flag(bool value) {
  return value ? "true" : "false";
}
std::string toml_set(const std::vector<std::string>& texts) {
  std::vector<std::string> once;
  for (const std::string& text : texts) {
    if (std::find(once.begin(), once.end(), text) == once.end()) once.push_back(text);
  }
  return toml_array(once);
}
std::string toml_seconds(std::uint64_t seconds) {
  return toml_string(std::to_string(seconds) + "s");
}

std::string config_name(std::string_view wanted, std::string_view fallback, std::vector<std::string>& taken) {
  std::string base;
  for (const char c : wanted) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || (!base.empty() && (c == '.' || c == '_'))) {
      base += c;
    } else if (!base.empty() && base.back() != '-') {
      base += '-';
    }
    if (base.size() == 56) break;
  }
  while (!base.empty() && (base.back() == '-' || base.back() == '.')) base.pop_back();
  if (!check_config_name(base)) base = fallback;
  std::string out = base;
  for (unsigned number = 2; std::find(taken.begin(), taken.end(), out) != taken.end(); ++number)
    out = base + '-' + std::to_string(number);
  taken.push_back(out);
  return out;
}

std::string name_of_source(std::string_view source) {
  const auto scheme = source.find("://");
  if (scheme != std::string_view::npos) source.remove_prefix(scheme + 3);
  source = source.substr(0, source.find_first_of("?#"));
  while (source.ends_with('/')) source.remove_suffix(1);
  const auto slash = source.rfind('/');
  return std::string(slash == std::string_view::npos ? source : source.substr(slash + 1));
}

std::optional<std::string> objection_to_source(std::string_view source) {
  if (!is_utf8(source) || source.find('\0') != std::string_view::npos) return "this is no text";
  const bool is_path = source.starts_with("/") || source.starts_with("file:///");
  if (is_path && source.size() < 4000 && source.find("://", source.starts_with("/") ? 0 : 7) == std::string_view::npos)
    return std::nullopt;
  const std::string lower = to_lower_ascii(source.substr(0, 8));
  if (!lower.starts_with("http://") && !lower.starts_with("https://"))
    return "weir fetches https and http URLs and files named by a whole path";
  const bool bad = source.size() > 4000 || std::any_of(source.begin(), source.end(), [](char c) {
                     return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
                   });
  if (bad) return "this is no URL: spaces or control characters in it";
  return std::nullopt;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find(separator), text.size());
    const std::string_view part = trim(text.substr(0, at));
    if (!part.empty()) out.emplace_back(part);
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return out;
}

bool is_true(std::string_view text) {
  const std::string lower = to_lower_ascii(trim(text));
  return lower == "true" || lower == "yes" || lower == "on" || lower == "1";
}

std::string pattern_of(std::string_view name, Reach reach) {
  const ListName parsed = parse_list_name(trim(name));
  if (parsed.fault != NameFault::none || parsed.name.is_root()) return {};
  std::string text = parsed.name.to_text();
  if (text.ends_with('.')) text.pop_back();
  if (reach == Reach::below) return "||*." + text + '^';
  return (reach == Reach::exact ? "|" : "||") + text + '^';
}

std::optional<double> parse_seconds(std::string_view text, double unit_seconds) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || !std::isfinite(number)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double unit = unit_seconds;
    std::size_t length = 0;
    while (length < text.size() && text[length] >= 'a' && text[length] <= 'z') ++length;
    const std::string_view word = text.substr(0, length);
    if (word == "ms") {
      unit = 0.001;
    } else if (word == "s") {
      unit = 1;
    } else if (word == "m") {
      unit = 60;
    } else if (word == "h") {
      unit = 3600;
    } else if (word == "d") {
      unit = 86400;
    } else if (!word.empty() || !text.empty()) {
      return std::nullopt;
    }
    total += number * unit;
    text.remove_prefix(length);
  }
  return negative ? -total : total;
}

Server parse_upstream(std::string_view text, char port_separator) {
  text = trim(text);
  const auto scheme = text.find("://");
  std::string_view rest = text;
  for (const std::string_view plain : {"udp://", "tcp+udp:", "udp:"}) {
    if (rest.starts_with(plain)) rest.remove_prefix(plain.size());
  }
  if (rest.size() == text.size() && scheme != std::string_view::npos)
    return {{}, "weir asks resolvers over UDP and TCP on port 53, not over " + std::string(text.substr(0, scheme))};
  for (const std::string_view other : {"tcp-tls:", "https:", "tcp:", "quic:"}) {
    if (rest.starts_with(other))
      return {{}, "weir asks resolvers over UDP and TCP, not over " + std::string(other.substr(0, other.size() - 1))};
  }
  if (const auto address = IpAddress::parse(rest)) return {address->to_text(), {}};
  const auto mark = rest.rfind(port_separator);
  if (port_separator != ':' && mark != std::string_view::npos) {
    const auto address = IpAddress::parse(trim(rest.substr(0, mark)));
    unsigned port = 0;
    const std::string digits(trim(rest.substr(mark + 1)));
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (address && code == std::errc() && end == digits.data() + digits.size() && port > 0 && port < 65536)
      return {Endpoint{*address, static_cast<std::uint16_t>(port)}.to_text(), {}};
  } else if (const auto endpoint = Endpoint::parse(rest, 53)) {
    return {endpoint->port == 53 ? endpoint->address.to_text() : endpoint->to_text(), {}};
  }
  return {{}, "weir wants the address of a server to forward to, not its name"};
}

namespace {

// The number that a bound allows; the row says where another one was meant.
std::uint64_t bounded(Migration& out, double seconds, std::uint64_t min, std::uint64_t max, RowId row) {
  const double wanted = std::max(seconds, 0.0);
  std::uint64_t taken = wanted >= static_cast<double>(max) ? max : static_cast<std::uint64_t>(std::llround(wanted));
  taken = std::clamp(taken, min, max);
  if (std::abs(static_cast<double>(taken) - seconds) > 0.5) {
    out.change(row, Outcome::differs,
               std::to_string(taken) + " s here: weir takes " + std::to_string(min) + " to " + std::to_string(max));
  }
  return taken;
}

}  // namespace

void set_seconds(Migration& out, const std::string& section, const std::string& key, double seconds, std::uint64_t min,
                 std::uint64_t max, RowId row) {
  out.set(section, key, toml_seconds(bounded(out, seconds, min, max, row)), row);
}

void set_block_ttl(Migration& out, const std::string& policy, double seconds, RowId row) {
  out.set_policy(policy, "ttl", toml_number(bounded(out, seconds, 1, 3600, row)), row);
}

std::optional<std::string> address_record(std::string_view name, std::string_view address,
                                          std::optional<std::uint64_t> ttl) {
  const auto owner = Name::parse(trim(name));
  const auto parsed = IpAddress::parse(trim(address));
  if (!owner || owner->is_root() || !parsed) return std::nullopt;
  return owner->to_text() + (ttl ? ' ' + std::to_string(*ttl) : std::string()) +
         (parsed->family == AddressFamily::ipv4 ? " A " : " AAAA ") + parsed->to_text();
}

std::optional<std::string> alias_record(std::string_view name, std::string_view target,
                                        std::optional<std::uint64_t> ttl) {
  const auto owner = Name::parse(trim(name));
  const auto to = Name::parse(trim(target));
  if (!owner || owner->is_root() || !to || to->is_root()) return std::nullopt;
  std::string shown = to->to_text();
  if (!shown.ends_with('.')) shown += '.';
  return owner->to_text() + (ttl ? ' ' + std::to_string(*ttl) : std::string()) + " CNAME " + shown;
}

std::optional<std::string> client_prefix(std::string_view text) {
  text = trim(text);
  const auto slash = text.find('/');
  std::string_view host = text.substr(0, slash);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  const unsigned whole = address->family == AddressFamily::ipv4 ? 32 : 128;
  unsigned length = whole;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (code != std::errc() || end != digits.data() + digits.size() || length > whole) return std::nullopt;
  }
  return Prefix::of(*address, length).to_text();
}

std::vector<std::string> reverse_zones(std::string_view text) {
  const auto shown = client_prefix(text);
  const auto prefix = shown ? Prefix::parse(*shown) : Result<Prefix>(Error{});
  if (!prefix) return {};
  const bool ipv4 = prefix->address.family == AddressFamily::ipv4;
  const unsigned step = ipv4 ? 8 : 4;
  // A length within a label is all the labels that it leaves open.
  const unsigned whole = (prefix->length + step - 1) / step;
  const unsigned open = whole * step - prefix->length;
  if (prefix->length == 0) return {};
  const auto label_at = [&](unsigned i) {
    const unsigned octet = prefix->address.octets[ipv4 ? i : i / 2];
    return ipv4 ? octet : i % 2 == 0 ? octet >> 4 : octet & 15;
  };
  std::vector<std::string> out;
  for (unsigned extra = 0; extra < (1U << open); ++extra) {
    std::string zone = ipv4 ? "in-addr.arpa" : "ip6.arpa";
    for (unsigned i = 0; i < whole; ++i) {
      const unsigned value = label_at(i) + (i + 1 == whole ? extra : 0);
      constexpr char kDigits[] = "0123456789abcdef";
      zone.insert(0, (ipv4 ? std::to_string(value) : std::string(1, kDigits[value & 15])) + '.');
    }
    out.push_back(zone);
  }
  return out;
}

}  // namespace weir::migrate
