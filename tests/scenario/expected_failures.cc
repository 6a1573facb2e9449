#include "tests/scenario/expected_failures.h"

#include <fstream>
#include <iterator>

#include "zones/base/text.h"

namespace weir::scenario {

Result<ExpectedFailures> parse_expected_failures(const std::string& text, const std::string& file) {
  ExpectedFailures out;
  unsigned number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trim(std::string_view(text).substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    const std::string where = file + ":" + std::to_string(number) + ": ";
    const std::size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view reason = trim(line.substr(space));
    if (reason.empty()) return Error{ErrorCode::invalid, where + "expected a reason behind the name"};
    if (!out.emplace(line.substr(0, space), reason).second) {
      return Error{ErrorCode::invalid, where + "'" + escape_for_display(line.substr(0, space)) + "' stands here twice"};
    }
  }
  return out;
}

Result<ExpectedFailures> read_expected_failures(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{ErrorCode::not_found, path + ": cannot be read"};
  return parse_expected_failures(std::string(std::istreambuf_iterator<char>(in), {}), path);
}

}  // namespace weir::scenario
