// A match as the programs tell each other of it in JSON: numbers of the store, of which the sidecar knows what they
// mean.
#pragma once

#include <boost/json/fwd.hpp>

#include <optional>

#include "zones/match.h"

namespace weir {

// [list, detail, kind, action, labels, flags]
boost::json::array match_to_json(const Match& match);
// Nothing where that is no match.
std::optional<Match> match_from_json(const boost::json::value& value);

}  // namespace weir
