// The version of weir that this program was built from, as CMakeLists.txt has it: "0.1.0".
#pragma once

namespace weir {

const char* version();

}  // namespace weir
