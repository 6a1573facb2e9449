// The lists of a reply, one a row: `weir status` and `weir list show` show the same.
#pragma once

#include <boost/json.hpp>

#include <string>

#include "tools/cli/command.h"
#include "tools/support/table.h"

namespace weir::cli {

Table table_of_lists(const boost::json::value& reply);

// "90s", "3h", "12d": of the list's age; empty: it never loaded.
std::string show_age(const boost::json::value& list);

// Which older version a roll-back left in force, and how the newest comes back; "" where that is in force. `reply`: of
// a list, with its name.
std::string about_rolled_back(const boost::json::value& reply);
// That a list has not loaded for three of its intervals, and why; "" where it has.
std::string about_stale(const boost::json::value& list);
// Both of every list of a reply, a line each.
void tell_of_lists(Command& command, const boost::json::value& reply);

}  // namespace weir::cli
