// YAML with the place of each value; yaml-cpp stays in one source file, and so do its exceptions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"

namespace weir::migrate {

struct YamlValue {
  struct Member;
  enum class Type : std::uint8_t { null, scalar, sequence, map };

  Type type = Type::null;
  std::uint64_t line = 0;  // from 1
  std::uint64_t column = 0;
  std::string text;              // scalar
  std::vector<YamlValue> items;  // sequence
  std::vector<Member> members;   // map, in the order of the file

  const YamlValue* find(std::string_view key) const;  // nullptr: it is not there, or this is no map
  // Along keys with dots between them: "dns.upstream_dns".
  const YamlValue* at(std::string_view path) const;
  std::string text_at(std::string_view key) const;  // "" where there is none
};

struct YamlValue::Member {
  std::string key;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  YamlValue value;
};

// One document whose outermost value is a map. Aliases count as what they stand for, and all of it is bounded: 64
// levels, half a million values. Errors (invalid) with file:line:column.
Result<YamlValue> parse_yaml(const std::string& text, std::string_view shown_name);

}  // namespace weir::migrate
