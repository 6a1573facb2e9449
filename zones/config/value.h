// A TOML document as a plain tree with positions, so that toml++ stays in one source file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zones/base/result.h"

namespace weir {

struct ConfigPosition {
  std::uint32_t line = 0;  // from 1
  std::uint32_t column = 0;
};

struct ConfigValue {
  enum class Type : std::uint8_t { string, integer, real, boolean, time, array, table };
  struct Member;

  Type type = Type::table;
  ConfigPosition position;
  std::string text;  // string; time: where it has an offset, as RFC 3339 writes it
  std::int64_t integer = 0;
  bool flag = false;
  std::vector<ConfigValue> items;  // array
  std::vector<Member> members;     // table, in the order of the file
};

struct ConfigValue::Member {
  std::string key;
  ConfigPosition position;
  ConfigValue value;
};

// "a string", "an array": for messages.
std::string_view describe(ConfigValue::Type type);

// `shown_name` stands before line and column in messages. Errors: invalid with "file:line:column: why".
// Nesting is bounded (64 levels), also that of dotted keys, which toml++ does not bound.
Result<ConfigValue> parse_toml(std::string_view text, std::string_view shown_name);

}  // namespace weir
