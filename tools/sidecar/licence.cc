#include "tools/sidecar/licence.h"

#include <algorithm>
#include <fstream>

#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

// What stands behind the signs of a comment in any of the dialects; empty: the line is none.
std::string_view comment_of(std::string_view line) {
  line = trim(line);
  const std::size_t signs = std::min(line.find_first_not_of("#!;/"), line.size());
  if (signs == 0 || (line.front() == '/' && signs < 2)) return {};
  return trim(line.substr(signs));
}

// What the line says behind one of the words that licences are named by.
std::string_view value_in(std::string_view comment) {
  // Longer ones first. With what must follow them, so that "# licenses of others" names none.
  static constexpr std::string_view kWords[] = {
      "spdx-license-identifier", "licensed under", "licenced under", "license", "licence", "licensing"};
  const std::string lower = to_lower_ascii(comment.substr(0, 64));
  for (const std::string_view word : kWords) {
    if (!lower.starts_with(word)) continue;
    const std::string_view rest = trim(comment.substr(word.size()));
    if (rest.starts_with(':') || rest.starts_with('=')) return trim(rest.substr(1));
    return word.ends_with("under") ? trim(rest) : std::string_view();
  }
  return {};
}

std::string cut(std::string_view value) {
  if (value.size() <= kLicenceBytes) return escape_for_display(value);
  std::size_t end = kLicenceBytes;
  while (end > kLicenceBytes - 4 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U) --end;  // in a character
  return escape_for_display(value.substr(0, end)) + "...";
}

}  // namespace

std::string licence_in(std::string_view header) {
  header = header.substr(0, kLicenceHeaderBytes);
  for (std::size_t line = 0; line < kLicenceHeaderLines && !header.empty(); ++line) {
    const std::size_t end = std::min(header.find('\n'), header.size());
    if (const std::string_view value = value_in(comment_of(header.substr(0, end))); !value.empty()) return cut(value);
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return {};
}

std::string licence_of(const std::filesystem::path& list) {
  std::ifstream in(list, std::ios::binary);
  std::string header(kLicenceHeaderBytes, '\0');
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(in.gcount()));
  return licence_in(header);
}

}  // namespace weir::sidecar
