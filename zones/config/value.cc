#include "zones/config/value.h"

#include <stdexcept>

namespace weir {
namespace {

// The library asserts what a document can reach: a table's header without a key.
[[noreturn]] void fail_assertion() {
  throw std::logic_error("not TOML: a key or a value was expected");
}

}  // namespace
}  // namespace weir

// The library's own checks are in its header; only this file pays for compiling it.
#undef NDEBUG
#define TOML_ASSERT(expression) (static_cast<bool>(expression) ? void() : weir::fail_assertion())
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "zones/base/text.h"

namespace weir {
namespace {

constexpr unsigned kMaxDotsInLine = 128;

ConfigPosition position_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column};
}

ConfigValue convert(const toml::node& node) {
  ConfigValue out;
  out.position = position_of(node.source());
  if (const auto* table = node.as_table()) {
    out.type = ConfigValue::Type::table;
    for (const auto& [key, value] : *table) {
      out.members.push_back({std::string(key.str()), position_of(key.source()), convert(value)});
    }
    // toml++ orders by key; people read messages in the order of the file.
    std::stable_sort(out.members.begin(), out.members.end(), [](const auto& a, const auto& b) {
      return std::pair(a.position.line, a.position.column) < std::pair(b.position.line, b.position.column);
    });
  } else if (const auto* array = node.as_array()) {
    out.type = ConfigValue::Type::array;
    for (const toml::node& item : *array) out.items.push_back(convert(item));
  } else if (const auto* text = node.as_string()) {
    out.type = ConfigValue::Type::string;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.type = ConfigValue::Type::integer;
    out.integer = integer->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.type = ConfigValue::Type::boolean;
    out.flag = flag->get();
  } else {
    out.type = node.is_floating_point() ? ConfigValue::Type::real : ConfigValue::Type::time;
    // A time without an offset is nobody's; a string for the readers, as in the file.
    if (const auto* time = node.as_date_time(); time != nullptr && time->get().offset) {
      std::ostringstream text;
      text << time->get();
      out.text = text.str();
    }
  }
  return out;
}

// `a.a.a. …` makes one table a dot, and the tables are destroyed recursively. 0: no such line.
std::uint32_t line_with_too_many_dots(std::string_view text) {
  std::uint32_t line = 1;
  unsigned dots = 0;
  char quote = 0;
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
      quote = 0;
      comment = false;
    } else if (comment) {
      continue;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      comment = true;
    } else if (c == '.' && ++dots > kMaxDotsInLine) {
      return line;
    }
  }
  return 0;
}

// Where a table's header has no key, which the library says without a place; the first line otherwise.
ConfigPosition bad_header(std::string_view text) {
  std::uint32_t line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view header = text.substr(begin, end - begin);
    std::size_t at = header.find_first_not_of(" \t");
    while (at < header.size() && header[at] == '[') at = header.find_first_not_of(" \t", at + 1);
    const bool is_header = header.substr(std::min(header.find_first_not_of(" \t"), header.size())).starts_with('[');
    const char c = at < header.size() ? header[at] : '\0';
    const bool is_key = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                        c == '_' || c == '"' || c == '\'';
    if (is_header && !is_key) return {line, static_cast<std::uint32_t>(std::min(at, header.size())) + 1};
    begin = end + 1;
  }
  return {1, 1};
}

Error at(std::string_view file, std::uint32_t line, std::uint32_t column, std::string_view why) {
  return {ErrorCode::invalid, std::string(file) + ':' + std::to_string(line) + ':' + std::to_string(column) + ": " +
                                  escape_for_display(why)};
}

}  // namespace

std::string_view describe(ConfigValue::Type type) {
  switch (type) {
    case ConfigValue::Type::string:
      return "a string";
    case ConfigValue::Type::integer:
      return "a whole number";
    case ConfigValue::Type::real:
      return "a number with a fraction";
    case ConfigValue::Type::boolean:
      return "true or false";
    case ConfigValue::Type::time:
      return "a date or time";
    case ConfigValue::Type::array:
      return "an array";
    case ConfigValue::Type::table:
      return "a table";
  }
  return "something else";
}

Result<ConfigValue> parse_toml(std::string_view text, std::string_view shown_name) {
  if (const std::uint32_t line = line_with_too_many_dots(text); line != 0)
    return at(shown_name, line, 1, "tables are nested too deeply");
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return at(shown_name, error.source().begin.line, error.source().begin.column, error.description());
  } catch (const std::logic_error& error) {
    const ConfigPosition place = bad_header(text);
    return at(shown_name, place.line, place.column, error.what());
  } catch (const std::exception& error) {
    return at(shown_name, 1, 1, error.what());
  }
}

}  // namespace weir
