// A decision as a dnstap message: a client's response with the policy that was applied to it.
//
// The decision log keeps the question and what was decided, not the answer's records: both DNS messages have a header
// and the question alone, the response's with the RCODE that a blocked client saw. `query_address` is the client as the
// privacy level keeps it (a prefix's first address; absent for pseudonyms and where none is kept); the policy's rule is
// "list: pattern", its value the name or address that matched; `extra` is the row as the JSON sinks have it.
#pragma once

#include <string>

#include "tools/sinks/writer.h"

namespace weir::sinks {

std::string encode_dnstap(const Row& row, const std::string& identity);

}  // namespace weir::sinks
