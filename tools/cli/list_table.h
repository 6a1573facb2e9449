// The lists of a reply, one a row: `weir status` and `weir list show` show the same.
#pragma once

#include <boost/json.hpp>

#include "tools/support/table.h"

namespace weir::cli {

Table table_of_lists(const boost::json::value& reply);

}  // namespace weir::cli
