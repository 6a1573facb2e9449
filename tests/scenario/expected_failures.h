// The scenarios that are known to fail, each with the reason: a line is "NAME REASON". NAME is as the suite prints it;
// '#' begins a comment line.
#pragma once

#include <map>
#include <string>

#include "zones/base/result.h"

namespace weir::scenario {

using ExpectedFailures = std::map<std::string, std::string>;  // name -> reason

// Errors: invalid with file:line (a line without reason, a name twice); not_found.
Result<ExpectedFailures> parse_expected_failures(const std::string& text, const std::string& file);
Result<ExpectedFailures> read_expected_failures(const std::string& path);

}  // namespace weir::scenario
