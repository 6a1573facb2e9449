// A request's target taken apart: what is asked for, and the parameters behind the question mark (RFC 3986).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zones/base/result.h"

namespace weir::http {

inline constexpr std::size_t kMaxQueryParameters = 100;

struct Target {
  std::vector<std::string> segments;                            // decoded; "/" has none
  std::vector<std::pair<std::string, std::string>> query = {};  // decoded, in their order

  std::string path() const;  // "/a/b", of the decoded segments
};

// Only what means the same to everybody: no empty, "." or ".." segment, no slash or control character that hides behind
// an escape, UTF-8. Errors: invalid.
Result<Target> parse_target(std::string_view text);

// The octet that "%41" at the beginning of `text` stands for. Nothing: no escape stands there.
std::optional<char> read_escape(std::string_view text);

}  // namespace weir::http
