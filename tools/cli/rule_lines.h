// Rules as explanations show them.
#pragma once

#include <boost/json/fwd.hpp>

#include <string>

#include "tools/cli/command.h"

namespace weir::cli {

// "list ads, line 812: ads.example and everything below it -> block (rank 4)"
std::string describe_rule(const boost::json::value& rule);
// That line behind `lead`, and below it the import that the rule came with.
void tell_rule(Command& command, const std::string& lead, const boost::json::value& rule);
// Where the client that was asked about may not ask at all: the rules are then what holds for others of its group.
std::string about_refused_client(const boost::json::value& reply);

}  // namespace weir::cli
