// What a list was last called: ids are never reused, so this is right for any generation but for what was renamed.
#pragma once

#include <string>

namespace weir::log {

struct KnownList {
  std::string name;
  std::string category;
  bool operator==(const KnownList&) const = default;
};

}  // namespace weir::log
