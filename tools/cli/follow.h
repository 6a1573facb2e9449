// weir explain --follow: an answer with everything that was judged on the way to it.
#pragma once

#include <boost/json.hpp>

#include "tools/cli/command.h"

namespace weir::cli {

// `arguments`: of the sidecar's verb explain, for one name.
ExitCode follow(Command& command, boost::json::object arguments);

}  // namespace weir::cli
