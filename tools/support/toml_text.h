// Values as TOML, for files that people read afterwards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

std::string toml_string(std::string_view text);
std::string toml_array(const std::vector<std::string>& texts);

}  // namespace weir
