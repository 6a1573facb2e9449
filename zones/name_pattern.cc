#include "zones/name_pattern.h"

#include <re2/re2.h>

#include <algorithm>

namespace weir {
namespace {

bool is_label_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// The whole labels at the end of `tail`, which may begin in the middle of one.
Name whole_labels(std::string_view tail) {
  const auto dot = tail.find('.');
  if (dot == std::string_view::npos || dot + 1 == tail.size()) return {};
  const auto name = Name::parse(tail.substr(dot + 1));
  return name ? name->folded() : Name();
}

// Where the bracket expression that opens at `at` ends (the octet behind `]`); npos where that is not clear.
std::size_t end_of_class(std::string_view text, std::size_t at) {
  ++at;
  if (at < text.size() && text[at] == '^') ++at;
  if (at < text.size() && text[at] == ']') ++at;  // the first one stands for itself
  while (at < text.size()) {
    if (text[at] == ']') return at + 1;
    if (text[at] == '\\') {
      at += 2;
    } else if (text.substr(at, 2) == "[:") {
      const auto close = text.find(":]", at + 2);
      if (close == std::string_view::npos) return close;
      at = close + 2;
    } else {
      ++at;
    }
  }
  return std::string_view::npos;
}

// Where the group that opens at `at` ends (the octet behind its `)`); npos where that is not clear.
std::size_t end_of_group(std::string_view text, std::size_t at) {
  unsigned depth = 0;
  while (at < text.size()) {
    switch (text[at]) {
      case '\\':
        at += 2;
        continue;
      case '[':
        at = end_of_class(text, at);
        if (at == std::string_view::npos) return at;
        continue;
      case '(':
        ++depth;
        break;
      case ')':
        if (--depth == 0) return at + 1;
        break;
      default:
        break;
    }
    ++at;
  }
  return std::string_view::npos;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // the last `*` and where what it stands for ends
  std::size_t covered = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      covered = n;
    } else if (p < pattern.size() &&
               fold(static_cast<std::uint8_t>(pattern[p])) == static_cast<std::uint8_t>(name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++covered;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::unique_ptr<re2::RE2> compile_name_regex(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(false);
  options.set_never_capture(true);
  options.set_max_mem(kMaxRegexMemory);
  return std::make_unique<re2::RE2>(re2::StringPiece(expression.data(), expression.size()), options);
}

bool regex_matches(const re2::RE2& regex, std::string_view name) {
  return regex.ok() && re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), regex);
}

Name glob_suffix(std::string_view pattern) {
  const auto star = pattern.rfind('*');
  return whole_labels(star == std::string_view::npos ? pattern : pattern.substr(star + 1));
}

// Reads forward and keeps the literal text since the last thing that is not literal. What a quantifier, an
// alternative or a flag might change empties it; the first label of what is left may be half of one and is dropped.
Name regex_suffix(std::string_view expression) {
  if (expression.find("\\Q") != std::string_view::npos) return {};  // a quoted run, where `$` stands for itself
  std::string tail;
  std::size_t at = 0;
  while (at < expression.size()) {
    const char c = expression[at];
    if (c == '\\') {
      const char escaped = at + 1 < expression.size() ? expression[at + 1] : '\0';
      if (escaped == '.' || escaped == '-' || escaped == '_') {
        tail += escaped;
      } else {
        tail.clear();
      }
      at += 2;
    } else if (c == '[') {
      const std::size_t end = end_of_class(expression, at);
      if (end == std::string_view::npos) return {};
      if (expression.substr(at, end - at) == "[.]") {
        tail += '.';
      } else {
        tail.clear();
      }
      at = end;
    } else if (c == '(') {
      at = end_of_group(expression, at);
      if (at == std::string_view::npos) return {};
      tail.clear();
    } else if (c == '|' || c == ')') {
      return {};
    } else if (c == '$' && at + 1 == expression.size()) {
      return whole_labels(tail);
    } else {
      if (is_label_octet(c)) {
        tail += c;
      } else {
        tail.clear();
      }
      ++at;
    }
  }
  return {};
}

}  // namespace weir
