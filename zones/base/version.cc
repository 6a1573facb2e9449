#include "zones/base/version.h"

namespace weir {

const char* version() {
  return WEIR_VERSION;  // given to this file alone, so that another version compiles one file
}

}  // namespace weir
