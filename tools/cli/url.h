// URLs where a name is wanted: people paste them from browsers and lists.
#pragma once

#include <optional>
#include <string_view>

#include "zones/base/result.h"

namespace weir::cli {

// Nothing where `text` is no URL; else why it is refused, with the host to give instead where it has one.
std::optional<Error> refuse_url(std::string_view text);

}  // namespace weir::cli
