// Schedules and pauses as JSON, for policy_json.cc.
#pragma once

#include <boost/json.hpp>

#include <vector>

#include "zones/policy.h"

namespace weir {

// What is stored names lists by id and has the edges; what the fingerprint hashes names lists and groups by their names
// and has neither edges nor pauses.
boost::json::array describe_schedules(const PolicySet& set, bool for_fingerprint);
boost::json::array describe_pauses(const std::vector<Pause>& pauses);
// They throw on anything else than what describe made.
std::vector<Schedule> parse_schedules(const boost::json::value& value);
std::vector<Pause> parse_pauses(const boost::json::value& value);

}  // namespace weir
