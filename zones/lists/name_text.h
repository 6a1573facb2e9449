// Names as list authors write them -> Name (SEMANTICS section 1.3).
#pragma once

#include <string_view>

#include "zones/dns/name.h"
#include "zones/lists/line.h"

namespace weir {

enum class NameFault : std::uint8_t { none, local, address, invalid };

struct ListName {
  NameFault fault = NameFault::none;
  std::string_view why;  // a literal, for `invalid`
  Name name;             // lower case
};

// What labels of host names are made of, as list authors write them.
inline bool is_label_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// One trailing dot is stripped, Unicode becomes A-labels (UTS 46, non-transitional), `_` and `-` stand anywhere in a
// label. `local`: localhost and its kind, or an unspecified address; `address`: text that is an IP address.
ListName parse_list_name(std::string_view text);

// The bucket and reason of a faulty name; `column` of its first character. True where the name is good.
bool accept_name(const ListName& name, std::size_t column, Line& line);

// Splits at spaces and tabs; nothing at the end. `at` moves on.
std::string_view next_word(std::string_view text, std::size_t& at);

// Cuts an inline comment off: a `#` after white space, or directly after a complete name.
std::string_view without_inline_comment(std::string_view text);

}  // namespace weir
