#include "resolver/cache/answer_matches.h"

#include <cstring>

namespace weir {
namespace {

// One part: kind, address family (0: none), shared labels, name size, match count (2), list count (2), then
// name, address (16), matches, lists.
constexpr std::size_t kPartHeader = 8;

void append(std::vector<std::uint8_t>& out, const void* data, std::size_t size) {
  const auto* octets = static_cast<const std::uint8_t*>(data);
  out.insert(out.end(), octets, octets + size);
}

// Bounded steps over the octets of this process's own encoding.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> octets) : rest_(octets) {}
  const std::uint8_t* take(std::size_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return nullptr;
    const std::uint8_t* at = rest_.data();
    rest_ = rest_.subspan(size);
    return at;
  }
  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace

void encode_matches(const AnswerMatches& parts, std::vector<std::uint8_t>& out) {
  out.clear();
  out.push_back(static_cast<std::uint8_t>(parts.size()));
  for (const PartMatches& part : parts) {
    const auto matches = static_cast<std::uint16_t>(part.matches.matches.size());
    const auto lists = static_cast<std::uint16_t>(part.matches.lists_below.size());
    const bool has_address = is_address(part.part);
    const std::uint8_t header[kPartHeader] = {
        static_cast<std::uint8_t>(part.part),
        has_address ? static_cast<std::uint8_t>(part.address.family) : std::uint8_t{0},
        part.matches.shared_suffix_labels,
        static_cast<std::uint8_t>(part.name.size()),
        static_cast<std::uint8_t>(matches),
        static_cast<std::uint8_t>(matches >> 8),
        static_cast<std::uint8_t>(lists),
        static_cast<std::uint8_t>(lists >> 8)};
    append(out, header, sizeof header);
    append(out, part.name.wire().data(), part.name.size());
    if (has_address) append(out, part.address.octets.data(), part.address.octets.size());
    append(out, part.matches.matches.data(), matches * sizeof(Match));
    append(out, part.matches.lists_below.data(), lists * sizeof(std::uint32_t));
  }
}

std::size_t count_parts(std::span<const std::uint8_t> octets) {
  return octets.empty() ? 0 : octets[0];
}

bool decode_matches(std::span<const std::uint8_t> octets, AnswerMatches& out) {
  const std::size_t parts = count_parts(octets);
  if (parts == 0) return false;
  Cursor cursor(octets.subspan(1));
  out.resize(parts);
  for (PartMatches& part : out) {
    const std::uint8_t* header = cursor.take(kPartHeader);
    if (header == nullptr) return false;
    part.part = static_cast<AnswerPart>(header[0]);
    part.matches.shared_suffix_labels = header[2];
    const std::size_t matches = header[4] | static_cast<std::size_t>(header[5]) << 8;
    const std::size_t lists = header[6] | static_cast<std::size_t>(header[7]) << 8;
    const std::uint8_t* name = cursor.take(header[3]);
    if (name == nullptr) return false;
    auto read = Name::from_wire({name, header[3]});
    if (!read) return false;
    part.name = std::move(*read);
    part.address = {};
    if (header[1] != 0) {
      const std::uint8_t* address = cursor.take(16);
      if (address == nullptr) return false;
      part.address.family = static_cast<AddressFamily>(header[1]);
      std::memcpy(part.address.octets.data(), address, 16);
    }
    const std::uint8_t* match_octets = cursor.take(matches * sizeof(Match));
    const std::uint8_t* list_octets = cursor.take(lists * sizeof(std::uint32_t));
    if (!cursor.ok()) return false;
    part.matches.matches.resize(matches);
    if (matches > 0) std::memcpy(part.matches.matches.data(), match_octets, matches * sizeof(Match));
    part.matches.lists_below.resize(lists);
    if (lists > 0) std::memcpy(part.matches.lists_below.data(), list_octets, lists * sizeof(std::uint32_t));
  }
  return cursor.empty();
}

}  // namespace weir
