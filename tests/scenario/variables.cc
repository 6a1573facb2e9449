#include "tests/scenario/variables.h"

#include <charconv>
#include <cmath>
#include <ctime>
#include <vector>

#include "zones/base/text.h"

namespace weir::scenario {
namespace {

constexpr unsigned kMaxNesting = 8;

Error bad_expression(std::string_view text, const std::string& why) {
  return Error{ErrorCode::invalid, "'" + escape_for_display(text.substr(0, 80)) + "': " + why};
}

std::vector<std::string_view> words_in(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\t') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::optional<double> number_of(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string text_of(double value) {
  char buffer[400];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  return error == std::errc() ? std::string(buffer, end) : "0";
}

// "a + b * c", worked out from the left; nothing where it is no arithmetic.
std::optional<double> arithmetic(std::string_view text) {
  const auto words = words_in(text);
  if (words.size() % 2 == 0) return std::nullopt;
  auto value = number_of(words[0]);
  for (std::size_t i = 1; value && i < words.size(); i += 2) {
    const auto operand = number_of(words[i + 1]);
    if (!operand || words[i].size() != 1) return std::nullopt;
    switch (words[i][0]) {
      case '+':
        *value += *operand;
        break;
      case '-':
        *value -= *operand;
        break;
      case '*':
        *value *= *operand;
        break;
      case '/':
        if (*operand == 0) return std::nullopt;
        *value /= *operand;
        break;
      default:
        return std::nullopt;
    }
    if (!std::isfinite(*value)) return std::nullopt;
  }
  return value;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Position of the brace that closes the one at `open`.
std::size_t closing_brace(std::string_view text, std::size_t open) {
  unsigned depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return at;
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::string> Variables::call(std::string_view inner, const Instant& instant) const {
  const auto words = words_in(inner);
  if (words.empty()) return bad_expression(inner, "expected an expression between the braces");
  if (words[0] == "time") return text_of(instant.now_seconds);
  if (words[0] == "timeout") return text_of(instant.timeout_seconds.value_or(0));
  if (words[0] == "ctime") {
    const auto seconds = words.size() == 2 ? number_of(words[1]) : std::nullopt;
    if (!seconds || std::abs(*seconds) > 1e11) return bad_expression(inner, "expected seconds behind ctime");
    const auto time = static_cast<std::time_t>(*seconds);
    std::tm parts{};
    char buffer[64];
    if (gmtime_r(&time, &parts) == nullptr ||
        std::strftime(buffer, sizeof buffer, "%a %b %e %H:%M:%S %Y", &parts) == 0) {
      return bad_expression(inner, "no date");
    }
    return std::string(buffer);
  }
  if (words[0] == "range") {
    const auto low = words.size() == 4 ? number_of(words[1]) : std::nullopt;
    const auto value = words.size() == 4 ? number_of(words[2]) : std::nullopt;
    const auto high = words.size() == 4 ? number_of(words[3]) : std::nullopt;
    if (!low || !value || !high) return bad_expression(inner, "expected 'range low value high'");
    if (*value < *low || *value > *high) return bad_expression(inner, "outside of its range");
    return std::string(words[2]);
  }
  const auto value = arithmetic(inner);
  if (!value) return bad_expression(inner, "expected arithmetic");
  return text_of(*value);
}

Result<std::string> Variables::expand(std::string_view text, const Instant& instant, unsigned depth) const {
  if (depth > kMaxNesting) return bad_expression(text, "nested too deeply");
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$') {
      out += text[at++];
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '{') {
      const std::size_t close = closing_brace(text, at + 1);
      if (close == std::string_view::npos) return bad_expression(text, "a brace is not closed");
      auto inner = expand(text.substr(at + 2, close - at - 2), instant, depth + 1);
      if (!inner) return inner;
      auto value = call(*inner, instant);
      if (!value) return value;
      out += *value;
      at = close + 1;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && is_name_character(text[end])) ++end;
    const auto known = values_.find(text.substr(at + 1, end - at - 1));
    if (known == values_.end()) return bad_expression(text.substr(at, end - at), "no such variable");
    out += known->second;
    at = end;
    if (out.size() > 100'000) return bad_expression(text, "too long");
  }
  return out;
}

Result<std::string> Variables::evaluate(std::string_view text, const Instant& instant) const {
  auto expanded = expand(text, instant, 0);
  if (!expanded) return expanded;
  if (const auto value = arithmetic(*expanded)) return text_of(*value);
  return expanded;
}

Result<double> Variables::evaluate_number(std::string_view text, const Instant& instant) const {
  auto value = evaluate(text, instant);
  if (!value) return value.error();
  const auto number = number_of(trim(*value));
  if (!number) return bad_expression(text, "expected a number");
  return *number;
}

}  // namespace weir::scenario
