// Files that an administrator writes: trust anchors and root hints. Any text is read, or is an error with its place.
#include <fstream>

#include "resolver/dnssec/trust_anchors.h"
#include "resolver/engine/engine.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch_folder.h"

namespace weir::fuzz {

WEIR_FUZZ_TARGET(hints_and_anchors) {
  const auto anchors = TrustAnchors::parse(text_of(input), "anchors");
  if (anchors) {
    require(!anchors->all().empty(), "no anchor, and no error");
    for (const TrustAnchor& anchor : anchors->all()) {
      require(!anchor.ds.empty() || !anchor.dnskeys.empty(), "an anchor that nothing stands for");
    }
  } else {
    require(anchors.error().message.starts_with("anchors:"), "an error without its place");
  }

  static const test::ScratchFolder folder;
  const std::string file = folder / "hints";
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text_of(input);
  const auto hints = read_root_hints(file);
  if (!hints) {
    require(hints.error().message.starts_with(file + ":"), "an error without its place");
    return;
  }
  require(!hints->empty(), "no root server, and no error");
  for (const RootServer& server : *hints) require(!server.addresses.empty(), "a root server without address");
}

}  // namespace weir::fuzz
