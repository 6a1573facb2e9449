// What an answer about the log says of decisions that it lacks.
#pragma once

#include <boost/json/fwd.hpp>

#include "tools/cli/command.h"

namespace weir::cli {

// A line of standard error for each of them.
void say_missing(Command& command, const boost::json::value& answer);

}  // namespace weir::cli
