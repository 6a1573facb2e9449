// Globs and regular expressions as list authors write them (SEMANTICS section 2).
#pragma once

#include <string_view>

#include "zones/lists/line.h"

namespace weir {

// In one list: each pattern costs time at every query for a name in its suffix.
inline constexpr std::size_t kMaxRegexRules = 1000;
inline constexpr std::size_t kMaxRegexTries = 10'000;  // of one reading: compiling one costs as much as a hundred lines
inline constexpr std::size_t kMaxGlobRules = 10'000;
inline constexpr std::size_t kMaxUnfiledPatterns = 1000;  // globs that end in no literal label: tried on every query

// A glob over the whole name. Fills kind, name and pattern of `rule`: what is a plain name or `*.name` becomes exact or
// below. False: the line has ended in a bucket; `column` is the glob's own.
bool read_glob(std::string_view glob, std::size_t column, Rule& rule, Line& line);

// What stands between the slashes. Fills kind, name and pattern of `rule`, and the line's program size.
bool read_regex(std::string_view expression, std::size_t column, Rule& rule, Line& line);

// Whether the pattern alone says nothing: without conditions such a rule would decide over every name.
bool matches_every_name(const Rule& rule);

// Whether an administrator's text is a line as lists have it (`||name^$dnstype=A`, `na*me.tld`, `/regex/`), not a name,
// `*.name` or an address.
bool is_list_line(std::string_view text);

// The name that a regular expression like `(^|\.)name$` says in more words: `kind` is subtree, exact or below.
struct PlainMeaning {
  PatternKind kind = PatternKind::subtree;
  Name name;
};
std::optional<PlainMeaning> plain_meaning(std::string_view expression);

}  // namespace weir
