// What a request says in its path, query or body, as the arguments of a verb: only what the route's table has, each of
// its kind.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/http/message.h"
#include "tools/http/routes.h"
#include "zones/base/result.h"

namespace weir::http {

// A JSON object as text. Errors: invalid; values are not repeated in it, for a token may stand in the wrong place.
Result<std::string> read_arguments(const FoundRoute& found, const Target& target, const Request& request);

}  // namespace weir::http
