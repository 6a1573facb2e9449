#include "tools/http/target.h"

#include <algorithm>
#include <optional>

#include "zones/base/text.h"

namespace weir::http {
namespace {

int hex_digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus : std::uint8_t { itself, space };

std::optional<std::string> decode_percent(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '+' && plus == Plus::space) {
      out += ' ';
    } else if (c == '%') {
      const auto octet = read_escape(text.substr(i));
      if (!octet) return std::nullopt;
      out += *octet;
      i += 2;
    } else if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
      return std::nullopt;
    } else {
      out += c;
    }
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

Error bad_target(const char* what) {
  return {ErrorCode::invalid, std::string("the target is not good: ") + what};
}

Result<void> split_query(std::string_view text, Target& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (piece.empty()) continue;
    const std::size_t equals = std::min(piece.find('='), piece.size());
    auto name = decode_percent(piece.substr(0, equals), Plus::space);
    auto value = decode_percent(piece.substr(std::min(equals + 1, piece.size())), Plus::space);
    if (!name || !value || name->find('\0') != std::string::npos || value->find('\0') != std::string::npos)
      return bad_target("a parameter is no percent-encoded UTF-8");
    if (out.query.size() == kMaxQueryParameters) return bad_target("it has too many parameters");
    out.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

}  // namespace

std::optional<char> read_escape(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const int high = hex_digit_value(text[1]);
  const int low = hex_digit_value(text[2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

std::string Target::path() const {
  if (segments.empty()) return "/";
  std::string out;
  for (const std::string& segment : segments) out += '/' + segment;
  return out;
}

Result<Target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/') return bad_target("expected a path that begins with '/'");
  if (text.find('#') != std::string_view::npos) return bad_target("a fragment is the browser's own");
  Target out;
  const std::size_t question = std::min(text.find('?'), text.size());
  std::string_view path = text.substr(1, question - 1);
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    auto segment = decode_percent(path.substr(0, end), Plus::itself);
    if (!segment || has_control(*segment)) return bad_target("the path is no percent-encoded UTF-8");
    if (segment->empty() || *segment == "." || *segment == ".." || segment->find_first_of("/\\") != std::string::npos)
      return bad_target("its path has a segment that means another place");
    if (end + 1 == path.size()) return bad_target("its path ends with '/'");
    out.segments.push_back(std::move(*segment));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (auto split = split_query(text.substr(std::min(question + 1, text.size())), out); !split) return split.error();
  return out;
}

}  // namespace weir::http
