// Address lists: `ADDR`, `PREFIX`, `ADDR-ADDR`, with ` #...` or ` ; ...` (SEMANTICS section 2).
#include <algorithm>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"

namespace weir {
namespace {

// Whether all bits of `address` past `length` are zero (or, with `ones`, one).
bool rest_is(const IpAddress& address, unsigned length, bool ones) {
  for (unsigned bit = length; bit < address.bits(); ++bit) {
    const bool set = (address.octets[bit / 8] >> (7 - bit % 8) & 1) != 0;
    if (set != ones) return false;
  }
  return true;
}

IpAddress last_of(const Prefix& prefix) {
  IpAddress out = prefix.address;
  for (unsigned bit = prefix.length; bit < out.bits(); ++bit)
    out.octets[bit / 8] |= static_cast<std::uint8_t>(1U << (7 - bit % 8));
  return out;
}

// `address` + 1; false at the end of the address space.
bool increment(IpAddress& address) {
  for (unsigned i = address.bits() / 8; i-- > 0;) {
    if (++address.octets[i] != 0) return true;
  }
  return false;
}

// The fewest prefixes that cover first..last: at most twice the number of bits.
std::vector<Prefix> prefixes_of_range(IpAddress first, const IpAddress& last) {
  std::vector<Prefix> out;
  while (first <= last) {
    unsigned length = first.bits();
    while (length > 0 && rest_is(first, length - 1, false) && last_of(Prefix::of(first, length - 1)) <= last) --length;
    out.push_back(Prefix::of(first, length));
    first = last_of(out.back());
    if (!increment(first)) break;
  }
  return out;
}

bool is_private(const Prefix& prefix) {
  static const std::vector<Prefix> kPrivate = [] {
    std::vector<Prefix> out;
    for (const char* text : {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                             "172.16.0.0/12", "192.168.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10"}) {
      out.push_back(*Prefix::parse(text));
    }
    return out;
  }();
  return std::any_of(kPrivate.begin(), kPrivate.end(),
                     [&](const Prefix& entry) { return entry.contains(prefix) || prefix.contains(entry); });
}

}  // namespace

void parse_address_line(std::string_view text, const LineOptions& options, Line& line) {
  std::string_view content = text.substr(0, text.find_first_of("#;"));
  content = trim(content);
  std::vector<Prefix> prefixes;
  const auto dash = content.find('-');
  if (dash != std::string_view::npos) {
    const auto first = IpAddress::parse(trim(content.substr(0, dash)));
    const auto last = IpAddress::parse(trim(content.substr(dash + 1)));
    if (!first || !last || first->family != last->family || *last < *first) {
      return line.end(Bucket::invalid_address, 1, "not a range of addresses such as 192.0.2.1-192.0.2.9");
    }
    prefixes = prefixes_of_range(*first, *last);
  } else {
    const auto prefix = Prefix::parse(content);
    if (!prefix) return line.end(Bucket::invalid_address, 1, prefix.error().message);
    prefixes = {*prefix};
  }
  if (!options.private_addresses && std::any_of(prefixes.begin(), prefixes.end(), is_private)) {
    return line.end(Bucket::invalid_address, 1,
                    "private or loopback space: only a list with private_addresses = true may decide over it");
  }
  for (const Prefix& prefix : prefixes) {
    Rule& rule = line.rules.emplace_back();
    rule.kind = PatternKind::address;
    rule.prefix = prefix;
    rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
  }
  line.bucket = Bucket::rule;
}

}  // namespace weir
