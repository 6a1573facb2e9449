// Local zones and records as the packet path asks them: a tree over labels, made once, never changed.
//
// Any number of threads may read. A look-up follows the name from its rightmost label and ends where the tree does:
// one probe for nearly every name of the Internet; nothing is allocated. The longest zone that holds the name decides.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "zones/dns/rrset.h"
#include "zones/local_zone.h"

namespace weir {

// Where the labels of an uncompressed name begin, leftmost first.
struct LabelStarts {
  explicit LabelStarts(std::span<const std::uint8_t> name);

  std::array<std::uint8_t, kMaxLabels + 1> at;  // at[count] is the root's
  unsigned count = 0;
};

struct LocalFinding {
  enum class Outcome : std::uint8_t {
    none,  // no zone holds the name, or the zone leaves this question to be resolved
    records,
    alias,  // a CNAME, and another type was asked for
    nodata,
    nxdomain,
    refused,
    dropped
  };
  Outcome outcome = Outcome::none;
  bool in_zone = false;      // some zone holds the name, whatever it says
  unsigned zone_labels = 0;  // of that zone's name
  bool substitutes = false;  // alias in a redirect zone to "*.target": the `*` stands for the whole name asked for
  bool points_to_ipv4 =
      false;  // alias of a translated address's PTR name to that of the IPv4 address (RFC 6147 section 5.3)
  const Rrset* rrset = nullptr;  // records, alias; its owner may be a wildcard or the redirect zone's name
  const Rrset* soa = nullptr;    // of the zone, for nodata and nxdomain; null where it has none
};

class LocalData {
 public:
  explicit LocalData(std::span<const LocalZone> zones);

  // `name` is uncompressed, in any case, and `labels` are its own. A DS belongs to the parent's side of a cut (RFC 4035
  // section 3.1.4.1), so a zone has no word on its own.
  LocalFinding find(std::span<const std::uint8_t> name, const LabelStarts& labels, RecordType type) const;
  LocalFinding find(const Name& name, RecordType type) const {
    return find(name.wire(), LabelStarts(name.wire()), type);
  }

  std::size_t zones() const { return zones_; }
  std::size_t records() const { return records_; }

 private:
  static constexpr std::uint32_t kNone = 0;  // as a child: the root is nobody's

  struct Node {
    std::uint32_t parent = 0;
    std::uint32_t label = 0;  // in labels_: length octet and folded text
    std::uint32_t wildcard = kNone;
    std::uint32_t first_rrset = 0;
    std::uint32_t rrset_count = 0;
    bool is_apex = false;
    bool exists = false;                              // it or a name below it, of the same zone, has records
    LocalZoneType type = LocalZoneType::transparent;  // of the zone whose apex this is
  };

  std::uint64_t slot_of(std::uint32_t parent, std::span<const std::uint8_t> label) const;
  std::uint32_t child(std::uint32_t parent, std::span<const std::uint8_t> label) const;
  std::uint32_t add_node(const Name& name);
  void grow_slots();
  void mark_existing(std::uint32_t node);
  const Rrset* rrset_of(const Node& node, RecordType type) const;
  void answer_from(const Node& node, RecordType type, LocalFinding& out) const;
  void deny(const Node& apex, RecordType type, bool name_exists, bool has_records, LocalFinding& out) const;

  std::vector<Node> nodes_;           // [0]: the root
  std::vector<std::uint32_t> slots_;  // open addressing: node by parent and label; kNone: empty
  std::vector<std::uint8_t> labels_;
  std::vector<Rrset> rrsets_;  // node by node
  std::size_t zones_ = 0;
  std::size_t records_ = 0;
};

}  // namespace weir
