// Names as people read them: U-labels in place of A-labels, for showing beside the name and for nothing else (SEMANTICS
// section 1.3).
//
// A U-label is what another may be mistaken for, so it is shown only where UTS 46 leads back to the very A-label and
// none of it plays tricks on who reads it: letters, digits and marks alone (no control and no format characters), of
// scripts that are written together (UTS 39, "highly restrictive"), none that a terminal reorders (right to left).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

// `text`, a name, a pattern or a line with names in it, with each A-label that may be shown as its U-label. Nothing
// where there is none.
std::optional<std::string> unicode_form(std::string_view text);

// "xn--bcher-kva.example (bücher.example)"; `text` as it is where there is nothing to say beside it.
std::string with_unicode(std::string_view text);

}  // namespace weir
