#include "tools/cli/missing_rows.h"

#include <ostream>
#include <string>

#include "zones/base/text.h"

namespace weir::cli {

void say_missing(Command& command, const boost::json::value& answer) {
  for (const auto& each : array_at(answer, "missing")) {
    const std::string rows = text_at(each, "rows");
    command.err() << "weir: " << (rows.empty() ? "nobody knows how many" : rows) << " decisions from "
                  << text_at(each, "from") << " to " << text_at(each, "to")
                  << " are missing: " << escape_for_display(text_at(each, "why")) << "\n";
  }
}

}  // namespace weir::cli
