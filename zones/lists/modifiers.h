// The modifiers behind `$` in an adblock-style line: those that mean something in the DNS (SEMANTICS section 2).
#pragma once

#include <string_view>

#include "zones/lists/line.h"

namespace weir {

// Reads `text`, which begins at `column`, into `rule`, whose action says already whether it allows. False: the line has
// ended in a bucket.
bool read_modifiers(std::string_view text, std::size_t column, const LineOptions& options, Rule& rule, Line& line);

}  // namespace weir
