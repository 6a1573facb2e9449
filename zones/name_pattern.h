// Globs and regular expressions over a whole name, and under which names they are filed.
//
// A pattern is tried on the names at and below its literal suffix only: the longest run of whole labels that every
// name it can match ends in. A suffix that is too long misses matches, so where there is doubt it is the root, and the
// pattern is then tried on every query.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "zones/dns/name.h"

namespace re2 {
class RE2;
}

namespace weir {

inline constexpr std::size_t kMaxRegexSize = 1024;        // octets of one expression
inline constexpr std::size_t kMaxRegexProgram = 5000;     // instructions: RE2's time is program times name
inline constexpr std::size_t kMaxRegexMemory = 1U << 20;  // octets that RE2 may take for one of them

// `*` stands for any octets, dots too. `name`: text in lower case without the final dot. Linear in name times stars.
bool glob_matches(std::string_view pattern, std::string_view name);

// As the resolver runs it: case-insensitive, linear in the text. Ask ok(), error() of what comes back.
std::unique_ptr<re2::RE2> compile_name_regex(std::string_view expression);
// Searched anywhere in `name`: text in lower case without the final dot. False where it did not compile.
bool regex_matches(const re2::RE2& regex, std::string_view name);

Name glob_suffix(std::string_view pattern);
// `expression` must be one that compiles. The suffix comes of an end such as `\.example\.org$`.
Name regex_suffix(std::string_view expression);

}  // namespace weir
