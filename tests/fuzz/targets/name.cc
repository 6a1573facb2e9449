// Names: the decompressor against a naive one, and what every Name must keep whatever it was made from.
#include "zones/dns/name.h"

#include <optional>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "zones/dns/reader.h"
#include "zones/dns/reversed_name.h"

namespace weir::fuzz {
namespace {

struct Expected {
  std::vector<std::uint8_t> wire;
  std::size_t end = 0;  // where the reader goes on
};

// RFC 1035 section 4.1.4, letter by letter; pointers strictly backwards.
std::optional<Expected> decompress(Octets message, std::size_t at) {
  Expected out;
  std::size_t before = at;  // a pointer must lead in front of the part that it stands in
  for (unsigned pointers = 0;;) {
    if (at >= message.size()) return std::nullopt;
    const std::uint8_t length = message[at];
    if (length >= 0xC0) {
      if (at + 1 >= message.size() || ++pointers > kMaxCompressionPointers) return std::nullopt;
      if (out.end == 0) out.end = at + 2;
      const std::size_t target = static_cast<std::size_t>(length & 0x3F) << 8 | message[at + 1];
      if (target >= before) return std::nullopt;
      before = at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > message.size()) return std::nullopt;
    out.wire.insert(out.wire.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
                    message.begin() + static_cast<std::ptrdiff_t>(at + 1 + length));
    if (out.wire.size() > kMaxNameSize) return std::nullopt;
    at += 1U + length;
    if (length != 0) continue;
    if (out.end == 0) out.end = at;
    return out;
  }
}

void check_name(const Name& name, const Name& other) {
  const auto read_back = Name::parse(name.to_text());
  require(read_back && std::ranges::equal(read_back->wire(), name.wire()), "text of a name");
  require(Name::from_wire(name.wire()) == name, "wire format of a name");
  require(ReversedName::to_name(ReversedName(name).key()) == name, "key of a name");
  require(name.folded() == name && name.folded().hash() == name.hash(), "folding keeps a name");
  require(hash_wire_name(name.wire()) == name.hash(), "the packet path's hash");
  require((name.canonical_compare(other) == 0) == (name == other), "order and equality");
  require((name.canonical_compare(other) < 0) == (other.canonical_compare(name) > 0), "order, both ways round");
  const unsigned common = name.common_labels(other);
  require(name.suffix(common) == other.suffix(common), "common labels");
  require(name.is_at_or_below(other) == (common == other.label_count()), "descent");
  if (!name.is_root()) require(name.parent().child(name.first_label()) == name, "parent and child");
  const Name owner = name.suffix(name.label_count() / 2);
  const auto moved = name.replace_suffix(owner, other);
  if (moved) require(moved->replace_suffix(other, owner) == name, "a suffix replaced, and back");
}

}  // namespace

WEIR_FUZZ_TARGET(name) {
  Name before;
  for (std::size_t at = 0; at < std::min<std::size_t>(input.size(), 64); ++at) {
    Reader reader(input);
    reader.seek(at);
    const Name name = reader.name();
    const auto expected = decompress(input, at);
    require(reader.ok() == expected.has_value(), "a name that only one of two readers takes");
    if (!expected) continue;
    require(std::ranges::equal(name.wire(), expected->wire), "a name that two readers read differently");
    require(reader.position() == expected->end, "where a name ends");
    check_name(name, before);
    before = name;
  }
  if (const auto name = Name::from_wire(input)) check_name(*name, before);
  if (const auto name = Name::parse(text_of(input))) check_name(*name, before);
  (void)ReversedName::to_name(text_of(input));
}

}  // namespace weir::fuzz
