#include "tools/migrate/input.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "zones/base/text.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadBlock = 64 * 1024;
constexpr std::size_t kMaxJsonDepth = 64;

struct FreeArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};

// "a/b" of "./a/b"; nothing where the path leads out of the archive.
std::optional<std::string> safe_path(std::string path) {
  while (path.starts_with("./")) path.erase(0, 2);
  if (path.empty() || path.starts_with('/') || path.find('\\') != std::string::npos) return std::nullopt;
  if (path.find('\0') != std::string::npos || path.size() > 1000) return std::nullopt;
  for (const auto& part : fs::path(path)) {
    if (part == "..") return std::nullopt;
  }
  return path;
}

Result<std::string> read_entry(archive* handle, const std::string& shown) {
  std::string bytes;
  std::vector<char> block(kReadBlock);
  for (;;) {
    const la_ssize_t got = archive_read_data(handle, block.data(), block.size());
    if (got == 0) return bytes;
    if (got < 0) {
      const char* why = archive_error_string(handle);
      return Error{ErrorCode::invalid,
                   shown + ": damaged: " + escape_for_display(why != nullptr ? why : "it cannot be unpacked")};
    }
    bytes.append(block.data(), static_cast<std::size_t>(got));
    if (bytes.size() > kMaxEntryBytes) {
      return Error{ErrorCode::too_large, shown + ": more than " + std::to_string(kMaxEntryBytes >> 20) +
                                             " MiB unpacked, which is more than such a file ever has"};
    }
  }
}

}  // namespace

Result<std::string> read_whole_file(const fs::path& file, std::uint64_t max_bytes) {
  const std::string shown = escape_for_display(file.string());
  std::error_code code;
  const auto status = fs::status(file, code);
  if (!fs::exists(status)) {
    if (code && code != std::errc::no_such_file_or_directory && code != std::errc::not_a_directory)
      return Error{code == std::errc::permission_denied ? ErrorCode::permission : ErrorCode::io,
                   shown + ": " + code.message()};
    return Error{ErrorCode::not_found, shown + ": there is no such file"};
  }
  if (!fs::is_regular_file(status)) return Error{ErrorCode::invalid, shown + ": a file was expected"};
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{errno == EACCES ? ErrorCode::permission : ErrorCode::io, shown + ": " + std::strerror(errno)};
  std::string text;
  std::vector<char> block(kReadBlock);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > max_bytes) {
      return Error{ErrorCode::too_large,
                   shown + ": larger than " + std::to_string(max_bytes >> 20) + " MiB, the most that is read"};
    }
  }
  if (in.bad()) return Error{ErrorCode::io, shown + ": it cannot be read"};
  return text;
}

Result<std::string> read_text_file(const fs::path& file, std::uint64_t max_bytes) {
  auto text = read_whole_file(file, max_bytes);
  if (!text || text->find('\0') == std::string::npos) return text;
  const Position at = position_of(*text, text->find('\0'));
  return fault_at(file.filename().string(), at.line, at.column, "a text was expected, this has NUL octets");
}

Magic magic_of(std::string_view bytes) {
  if (bytes.starts_with("\x1f\x8b")) return Magic::gzip;
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return Magic::zip;
  if (bytes.starts_with(std::string_view("SQLite format 3\0", 16))) return Magic::sqlite;
  return Magic::text;
}

Result<Archive> read_archive(const std::string& bytes, std::string_view shown_name) {
  const std::string shown = escape_for_display(shown_name);
  const std::unique_ptr<archive, FreeArchive> handle(archive_read_new());
  if (handle == nullptr) return Error{ErrorCode::io, "no memory for an archive"};
  archive_read_support_filter_gzip(handle.get());
  archive_read_support_format_tar(handle.get());
  archive_read_support_format_zip(handle.get());
  const auto failed = [&] {
    const char* why = archive_error_string(handle.get());
    return Error{ErrorCode::invalid, shown + ": a tar.gz or zip archive was expected: " +
                                         escape_for_display(why != nullptr ? why : "this is none")};
  };
  if (archive_read_open_memory(handle.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) return failed();
  Archive out;
  std::uint64_t total = 0;
  for (std::size_t count = 0;; ++count) {
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(handle.get(), &entry);
    if (outcome == ARCHIVE_EOF) break;
    if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) return failed();
    if (count == kMaxEntries)
      return Error{ErrorCode::too_large, shown + ": more than " + std::to_string(kMaxEntries) + " entries"};
    const char* named = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) == AE_IFDIR) continue;
    const std::string whole = shown + ": " + escape_for_display(named != nullptr ? named : "an entry without a name");
    auto path = named != nullptr ? safe_path(named) : std::nullopt;
    if (!path) return Error{ErrorCode::invalid, whole + ": a path that leads out of the archive: it is not read"};
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) continue;
    auto text = read_entry(handle.get(), whole);
    if (!text) return text.error();
    total += text->size();
    if (total > kMaxInputBytes)
      return Error{ErrorCode::too_large,
                   shown + ": more than " + std::to_string(kMaxInputBytes >> 20) + " MiB unpacked"};
    if (!out.emplace(*path, std::move(*text)).second)
      return Error{ErrorCode::invalid, whole + ": it is there twice; which one is meant?"};
  }
  if (out.empty()) return Error{ErrorCode::invalid, shown + ": an archive without files"};
  return out;
}

Error fault_at(std::string_view file, std::uint64_t line, std::uint64_t column, std::string_view why) {
  return {ErrorCode::invalid, escape_for_display(file) + ':' + std::to_string(line) + ':' + std::to_string(column) +
                                  ": " + escape_for_display(why)};
}

Position position_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto newline = before.rfind('\n');
  return {static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          newline == std::string_view::npos ? before.size() + 1 : before.size() - newline};
}

Result<boost::json::value> parse_json(std::string_view text, std::string_view shown_name) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code code;
  const std::size_t read = parser.write_some(text.data(), text.size(), code);
  if (!code && !parser.done()) {
    const Position end = position_of(text, text.size());
    return fault_at(shown_name, end.line, end.column, "JSON was expected to go on here: the file ends too early");
  }
  const auto rest = text.find_first_not_of(" \t\r\n", std::min(read, text.size()));
  if (code || rest != std::string_view::npos) {
    const Position at = position_of(text, code ? read : rest);
    return fault_at(shown_name, at.line, at.column,
                    code ? "not JSON: " + code.message() : "not JSON: something behind its end");
  }
  return parser.release();
}

std::vector<Position> element_positions(std::string_view text) {
  std::vector<Position> out;
  Position at;
  int depth = 0;
  bool in_string = false;
  bool expects = false;  // an element of the outermost array begins with what comes next
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!in_string && expects && !space && c != ']') {
      out.push_back(at);
      expects = false;
    }
    if (in_string) {
      if (c == '\\') {
        ++i;
        ++at.column;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      expects = ++depth == 1 && c == '[';
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 1) {
      expects = true;
    }
    ++at.column;
    if (c == '\n') at = {at.line + 1, 1};
  }
  return out;
}

Position key_position(std::string_view text, std::string_view key) {
  const auto at = text.find('"' + std::string(key) + '"');
  return at == std::string_view::npos ? Position{0, 0} : position_of(text, at);
}

std::vector<TextLine> lines_of(std::string_view text) {
  std::vector<TextLine> out;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::uint64_t number = 1; !text.empty() && number <= kMaxRows; ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back({line, number});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace weir::migrate
