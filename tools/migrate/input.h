// Files, archives and documents of other systems, as hostile input: bounded in size and count, nothing of them is ever
// written to disk, and what is wrong is said with file, line and column.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/migrate/migration.h"
#include "zones/base/result.h"

namespace weir::migrate {

// Errors: not_found, permission, io, too_large, invalid (a folder, a device).
Result<std::string> read_whole_file(const std::filesystem::path& file, std::uint64_t max_bytes);

// The same, of a text. Errors (invalid): it has NUL octets, with the place of the first.
Result<std::string> read_text_file(const std::filesystem::path& file, std::uint64_t max_bytes);

enum class Magic : std::uint8_t { text, gzip, zip, sqlite };
Magic magic_of(std::string_view bytes);

// Regular entries of a tar.gz or zip by their path; a leading "./" is taken off. Errors (invalid): an absolute path, a
// `..` in one, an entry that is there twice, a damaged archive; (too_large): more entries or octets than allowed.
using Archive = std::map<std::string, std::string>;
Result<Archive> read_archive(const std::string& bytes, std::string_view shown_name);

// "file:line:column: why", for what an error is about.
Error fault_at(std::string_view file, std::uint64_t line, std::uint64_t column, std::string_view why);
struct Position {
  std::uint64_t line = 1;
  std::uint64_t column = 1;
};
Position position_of(std::string_view text, std::size_t offset);

// JSON with bounded depth. Errors (invalid) say where.
Result<boost::json::value> parse_json(std::string_view text, std::string_view shown_name);
// Where each element of the outermost array begins.
std::vector<Position> element_positions(std::string_view text);
// Where `"key"` stands for the first time; line 0 where it does not.
Position key_position(std::string_view text, std::string_view key);

// The lines of a text with their numbers, without line ends.
struct TextLine {
  std::string_view text;
  std::uint64_t number = 0;
};
std::vector<TextLine> lines_of(std::string_view text);

}  // namespace weir::migrate
