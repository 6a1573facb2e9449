// The description of the API that programs read (OpenAPI 3.0), out of the table of routes.
#pragma once

#include <string>

namespace weir::http {

std::string describe_api();  // JSON

}  // namespace weir::http
