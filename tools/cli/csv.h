// Cells of comma-separated values.
#pragma once

#include <string>

namespace weir::cli {

// RFC 4180; what a spreadsheet would take for a formula gets an apostrophe before it.
std::string csv_cell(std::string text);

}  // namespace weir::cli
