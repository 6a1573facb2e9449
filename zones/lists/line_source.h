// Lines of a file, one after the other, without ever holding more than one block and one line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir {

// A file for reading, and no directory. Errors: not_found, permission, io, invalid.
Result<Descriptor> open_list_file(const std::filesystem::path& file);
Error list_file_error(const std::filesystem::path& file, int code);  // of an errno

// Valid UTF-8 without control characters but tab.
bool is_line_text(std::string_view text);

class LineSource {
 public:
  LineSource(Descriptor file, std::size_t max_line_size);

  enum class Got : std::uint8_t { line, overlong, end, failed };
  // `line` is valid until the next call. LF, CRLF and CR end a line; a last line needs no end.
  Got next(std::string_view& line);
  std::uint64_t bytes() const { return bytes_; }
  int fault() const { return fault_; }  // errno, after `failed`

 private:
  bool fill();

  Descriptor file_;
  std::size_t max_line_size_;
  std::vector<char> block_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  bool skip_line_feed_ = false;
  std::string held_;  // a line that crosses blocks
  std::uint64_t bytes_ = 0;
  int fault_ = 0;
};

}  // namespace weir
