// The lists of a reply, one a row: `weir status` and `weir list show` show the same.
#pragma once

#include <boost/json.hpp>

#include <string>

#include "tools/cli/command.h"
#include "tools/support/table.h"

namespace weir::cli {

Table table_of_lists(const boost::json::value& reply);

// Which older version a roll-back left in force, and how the newest comes back; "" where that is in force. `reply`: of
// a list, with its name.
std::string about_rolled_back(const boost::json::value& reply);
// The same of every list of a reply, a line each.
void tell_rolled_back(Command& command, const boost::json::value& reply);

}  // namespace weir::cli
