// Names in replies: as they are, and beside it as people read them.
#pragma once

#include <boost/json.hpp>

#include <string>
#include <string_view>

#include "zones/lists/unicode_form.h"

namespace weir::sidecar {

// Sets the member `key` to a name or a pattern, and `key`_unicode to what it reads as, where that differs.
inline void put_name(boost::json::object& out, std::string_view key, std::string_view text) {
  out[key] = text;
  if (const auto unicode = unicode_form(text)) out[std::string(key) + "_unicode"] = *unicode;
}

}  // namespace weir::sidecar
