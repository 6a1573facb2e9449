#include "tools/cli/csv.h"

#include <string_view>

namespace weir::cli {

std::string csv_cell(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) text.insert(0, 1, '\'');
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char each : text) out += each == '"' ? std::string("\"\"") : std::string(1, each);
  return out + "\"";
}

}  // namespace weir::cli
