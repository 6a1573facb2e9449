#include "zones/lists/name_text.h"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "zones/base/prefix.h"
#include "zones/base/text.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 11> kLocalNames = {
    "localhost",    "localhost.localdomain", "local",        "broadcasthost",  "ip6-localhost", "ip6-loopback",
    "ip6-localnet", "ip6-mcastprefix",       "ip6-allnodes", "ip6-allrouters", "ip6-allhosts"};

ListName invalid(std::string_view why) {
  ListName out;
  out.fault = NameFault::invalid;
  out.why = why;
  return out;
}

bool looks_like_address(std::string_view text) {
  const char last = text.back();
  return (last >= '0' && last <= '9') || text.find(':') != std::string_view::npos;
}

// `text`: ASCII without a trailing dot.
ListName parse_ascii(std::string_view text) {
  std::uint8_t wire[kMaxNameSize];
  if (text.size() + 2 > kMaxNameSize) return invalid("a name longer than 255 octets");
  std::size_t length_at = 0;
  std::size_t size = 1;
  for (const char c : text) {
    if (c == '.') {
      if (size == length_at + 1) return invalid("an empty label");
      if (size - length_at - 1 > 63) return invalid("a label longer than 63 octets");
      wire[length_at] = static_cast<std::uint8_t>(size - length_at - 1);
      length_at = size++;
      continue;
    }
    if (!is_label_octet(c)) return invalid("a character that no host name has");
    wire[size++] = fold(static_cast<std::uint8_t>(c));
  }
  if (size == length_at + 1) return invalid("an empty label");
  if (size - length_at - 1 > 63) return invalid("a label longer than 63 octets");
  wire[length_at] = static_cast<std::uint8_t>(size - length_at - 1);
  wire[size++] = 0;
  ListName out;
  auto name = Name::from_wire({wire, size});
  if (!name) return invalid("not a domain name");
  out.name = std::move(*name);
  return out;
}

ListName parse_unicode(std::string_view text) {
  char* converted = nullptr;
  const std::string terminated(text);
  const int code = idn2_to_ascii_8z(terminated.c_str(), &converted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  const std::unique_ptr<char, decltype(&idn2_free)> owned(converted, idn2_free);
  if (code != IDN2_OK) return invalid("not an internationalised name (UTS 46)");
  std::string_view ascii(owned.get());
  if (ascii.ends_with('.')) ascii.remove_suffix(1);
  if (ascii.empty()) return invalid("an empty name");
  return parse_ascii(ascii);
}

}  // namespace

ListName parse_list_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return invalid("an empty name");
  if (looks_like_address(text)) {
    if (const auto address = IpAddress::parse(text)) {
      ListName out;
      out.fault = address->is_unspecified() ? NameFault::local : NameFault::address;
      return out;
    }
  }
  const bool ascii =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<std::uint8_t>(c) >= 0x80; });
  ListName out = ascii ? parse_ascii(text) : parse_unicode(text);
  if (out.fault == NameFault::none && out.name.label_count() <= 2 && (text[0] | 0x20) >= 'b' &&
      (text[0] | 0x20) <= 'l') {
    const std::string lower = to_lower_ascii(text);
    if (std::find(kLocalNames.begin(), kLocalNames.end(), lower) != kLocalNames.end()) out.fault = NameFault::local;
  }
  return out;
}

bool accept_name(const ListName& name, std::size_t column, Line& line) {
  switch (name.fault) {
    case NameFault::none:
      return true;
    case NameFault::local:
      line.end(Bucket::local_name, column, "a name of the machine itself");
      return false;
    case NameFault::address:
      line.end(Bucket::invalid_name, column, "an address where a name was expected");
      return false;
    case NameFault::invalid:
      line.end(Bucket::invalid_name, column, name.why);
      return false;
  }
  return false;
}

std::string_view next_word(std::string_view text, std::size_t& at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  const std::size_t start = at;
  while (at < text.size() && text[at] != ' ' && text[at] != '\t') ++at;
  return text.substr(start, at - start);
}

std::string_view without_inline_comment(std::string_view text) {
  for (std::size_t at = text.find('#', 1); at != std::string_view::npos; at = text.find('#', at + 1)) {
    const char before = text[at - 1];
    if (before == ' ' || before == '\t' || is_label_octet(before) || before == '.') return trim(text.substr(0, at));
  }
  return text;
}

}  // namespace weir
