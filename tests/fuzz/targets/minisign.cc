// minisign's keys and signatures: whatever they hold, nothing is taken as signed that was not.
#include "tools/sidecar/minisign.h"

#include <fstream>

#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch_folder.h"

namespace weir::fuzz {
namespace {

// minisign 0.11 made it, over "hello\n"; once more over the whole file, with the second comment, in the corpus.
constexpr std::string_view kKey = "RWTdan+GHV5H9l2qQeLEExXKrukOj76IM+EfubxZgFSfW+1dZBWsLM6A";
constexpr std::string_view kSigned = "hello\n";
constexpr std::string_view kComments[] = {"timestamp:1795654602\tfile:f\thashed", "timestamp:1795654602\tfile:f"};
constexpr std::string_view kSignature =
    "untrusted comment: signature from minisign secret key\n"
    "RUTdan+GHV5H9lwTmiwutxdBaGOCHAltma7rDcw1DBLPS1UiE3jCWTZ+Flpe2piLkPL5uwXkmVXyLj0R4d6BM6ZLLuICN5rckwo=\n"
    "trusted comment: timestamp:1795654602\tfile:f\thashed\n"
    "wNB53gZtJUJGELDxV2Ym2wfqugM4NxgKij6eRNludBlpjoNCrNDb8WVMmXdBmugNPW45n+mUPPHBOEWPwoNEBA==\n";

}  // namespace

// First octet: whose octets the input's are (1: the key, 2: the signature, 4: the file), each a block, in this order.
WEIR_FUZZ_TARGET(minisign) {
  Input in(input);
  const std::uint8_t whose = in.u8();
  const auto take = [&](std::uint8_t bit, std::string_view known) {
    return std::string((whose & bit) != 0 ? text_of(in.block()) : known);
  };
  const std::string key = take(1, kKey);
  const std::string signature = take(2, kSignature);
  const std::string content = take(4, kSigned);

  static const test::ScratchFolder folder;
  const std::string file = folder / "signed";
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  const auto verified = sidecar::verify_minisign(file, signature, key);
  if (!verified) {
    require(verified.error().code == ErrorCode::invalid && !verified.error().message.empty(), "a refusal without why");
    return;
  }
  if ((whose & 1) != 0 && (whose & 2) != 0) return;  // a key of whoever made the input may have signed it
  require(content == kSigned, "other octets than those that were signed");
  require(*verified == kComments[0] || *verified == kComments[1], "another comment than the one that was signed");
}

}  // namespace weir::fuzz
