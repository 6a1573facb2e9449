#include "zones/config/fields.h"

#include <algorithm>

#include "zones/base/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kShownValue = 80;

std::string shown_value(const ConfigValue& value) {
  switch (value.type) {
    case ConfigValue::Type::string:
      return quote(value.text.size() > kShownValue ? value.text.substr(0, kShownValue) + "..." : value.text);
    case ConfigValue::Type::integer:
      return std::to_string(value.integer);
    case ConfigValue::Type::boolean:
      return value.flag ? "true" : "false";
    default:
      return std::string(describe(value.type));
  }
}

}  // namespace

void Faults::add(ConfigPosition position, const std::string& text) {
  out_->push_back(where(position) + ':' + std::to_string(position.column) + ": " + escape_for_display(text));
}

void Faults::wrong(const ConfigValue& value, std::string_view label, std::string_view expected, std::string_view why) {
  std::string text = std::string(label) + ": expected " + std::string(expected);
  if (why.empty()) {
    text += ", not " + shown_value(value);
  } else {
    text += "; " + std::string(why);
  }
  add(value.position, text);
}

std::string Faults::where(ConfigPosition position) const {
  return file_.string() + ':' + std::to_string(position.line);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string show_size(std::uint64_t bytes) {
  static constexpr std::pair<std::uint64_t, const char*> kUnits[] = {
      {1ULL << 40, "TiB"}, {1ULL << 30, "GiB"}, {1ULL << 20, "MiB"}, {1ULL << 10, "KiB"}};
  for (const auto& [factor, unit] : kUnits) {
    if (bytes != 0 && bytes % factor == 0) return std::to_string(bytes / factor) + unit;
  }
  return std::to_string(bytes);
}

std::string show_duration(std::int64_t milliseconds) {
  static constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
  // A day is shown as 24h: that is how people write how often a list is fetched.
  if (milliseconds == 86400000) return "24h";
  for (const auto& [factor, unit] : kUnits) {
    if (milliseconds != 0 && milliseconds % factor == 0) return std::to_string(milliseconds / factor) + unit;
  }
  return std::to_string(milliseconds) + "ms";
}

bool Flag::read(const ConfigValue& in, bool& out, std::string_view label, Faults& faults) const {
  if (in.type != ConfigValue::Type::boolean) {
    faults.wrong(in, label, expected());
    return false;
  }
  out = in.flag;
  return true;
}

bool read_whole(const ConfigValue& in, std::int64_t min, std::int64_t max, std::int64_t& out, std::string_view label,
                std::string_view expected, Faults& faults) {
  if (in.type != ConfigValue::Type::integer || in.integer < min || in.integer > max) {
    faults.wrong(in, label, expected);
    return false;
  }
  out = in.integer;
  return true;
}

bool read_word(const ConfigValue& in, const std::vector<std::string_view>& words,
               const std::vector<std::string_view>& refusals, std::size_t& out, std::string_view label,
               std::string_view expected, Faults& faults) {
  if (in.type != ConfigValue::Type::string) {
    faults.wrong(in, label, expected);
    return false;
  }
  const auto found = std::find(words.begin(), words.end(), in.text);
  if (found == words.end()) {
    const std::string_view near = nearest(in.text, words);
    faults.wrong(in, label, expected,
                 near.empty() ? "" : quote(in.text) + " is not; did you mean " + quote(near) + "?");
    return false;
  }
  out = static_cast<std::size_t>(found - words.begin());
  if (!refusals[out].empty()) {
    faults.add(in.position, std::string(label) + ": " + quote(in.text) + ' ' + std::string(refusals[out]));
    return false;
  }
  return true;
}

}  // namespace weir::config
