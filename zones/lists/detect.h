// Which dialect a line is in, and what a file's beginning says of the whole (SEMANTICS sections 1.1, 1.2, 1.6).
#pragma once

#include <array>
#include <string_view>

#include "zones/lists/line.h"

namespace weir {

// A line that is read as text: trimmed, not empty.
enum class LineClass : std::uint8_t { comment, header, rule };
// `adblock`: the file is mostly adblock-style, where `#` belongs to cosmetic rules.
LineClass classify(std::string_view text, bool adblock);

// A name with a dot and nothing else, which does not end in a digit: whatever the list, the line says that name.
bool is_plain_name(std::string_view text);

// The most specific grammar that fits `text`. Mixed files are normal: every line is asked.
Dialect dialect_of(std::string_view text);

// What the first lines of a file say.
struct Survey {
  std::array<unsigned, kDialectCount> lines{};  // of each dialect
  unsigned wildcards = 0;                       // `*.name`
  unsigned plain_names = 0;
  bool says_subtree = false;  // the header says wildcard, onlydomains, subdomains included

  void add(std::string_view text);  // trimmed, not empty
  bool mostly_adblock() const;
  bool mostly_wildcards() const;  // more than 90 % of the names
};

// Whether a header line or a file name says that names mean their subtrees.
bool says_subtree(std::string_view text);

// Whether `first` (the file's first octets) is a page that a web server gave in place of a list; a literal that says
// what it looks like, or "".
std::string_view markup_in(std::string_view first);

}  // namespace weir
