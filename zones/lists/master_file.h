// Records out of the text of a zone (RFC 1035 section 5), a line at a time and fast: a response policy zone has
// millions of lines `name CNAME .`.
//
// $ORIGIN, $TTL, parentheses, quotes, comments, the owner of the record before, TTLs in BIND's units. $INCLUDE and
// $GENERATE are refused. Class IN only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/lists/rpz.h"

namespace weir {

class MasterFile {
 public:
  // Takes the comment off and turns parentheses into spaces; the result may be `line` itself or `joined`, to which it
  // is appended. `depth`: how many parentheses are open, before and after.
  static std::string_view without_comment(std::string_view line, std::string& joined, unsigned& depth);

  enum class Got : std::uint8_t { record, directive, fault };
  // One entry without comment, parentheses and line ends, not blank. A fault has ended `line` in its bucket, column
  // included; `record()` is then not to be used.
  Got read(std::string_view entry, Line& line);
  const ZoneRecord& record() const { return record_; }

 private:
  bool read_directive(std::string_view entry, Line& line);
  bool read_name(std::string_view text, Name& name, std::string_view& why) const;
  bool read_data(std::string_view text, std::size_t column, Line& line);
  bool read_fields(std::string_view layout, std::string_view text, std::size_t column, Line& line);

  Name origin_;
  Name owner_;
  bool has_owner_ = false;
  std::uint32_t default_ttl_ = 300;  // of a record that has none, where neither $TTL nor a record before it says
  std::vector<std::uint8_t> rdata_;
  ZoneRecord record_;
};

}  // namespace weir
