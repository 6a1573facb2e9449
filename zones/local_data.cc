#include "zones/local_data.h"

#include <algorithm>
#include <map>
#include <utility>

namespace weir {
namespace {

constexpr std::size_t kFirstSlots = 16;

struct TypeName {
  LocalZoneType type;
  std::string_view text;
};
constexpr TypeName kTypeNames[] = {{LocalZoneType::fixed, "static"},
                                   {LocalZoneType::transparent, "transparent"},
                                   {LocalZoneType::type_transparent, "typetransparent"},
                                   {LocalZoneType::redirect, "redirect"},
                                   {LocalZoneType::no_a, "no_a"},
                                   {LocalZoneType::no_aaaa, "no_aaaa"},
                                   {LocalZoneType::nodata, "nodata"},
                                   {LocalZoneType::refuse, "refuse"},
                                   {LocalZoneType::drop, "drop"},
                                   {LocalZoneType::resolve, "resolve"}};

std::span<const std::uint8_t> label_at(std::span<const std::uint8_t> name, std::size_t at) {
  return name.subspan(at, name[at] + 1U);
}

bool equal_folded(std::span<const std::uint8_t> label, const std::uint8_t* folded) {
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (fold(label[i]) != folded[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view to_text(LocalZoneType type) {
  return kTypeNames[static_cast<std::size_t>(type)].text;
}

std::optional<LocalZoneType> parse_local_zone_type(std::string_view text) {
  for (const TypeName& known : kTypeNames) {
    if (known.text == text) return known.type;
  }
  return std::nullopt;
}

LabelStarts::LabelStarts(std::span<const std::uint8_t> name) {
  std::size_t start = 0;
  while (name[start] != 0) {
    at[count++] = static_cast<std::uint8_t>(start);
    start += name[start] + 1U;
  }
  at[count] = static_cast<std::uint8_t>(start);
}

LocalData::LocalData(std::span<const LocalZone> zones) : nodes_(1), slots_(kFirstSlots, kNone) {
  for (const LocalZone& zone : zones) {
    Node& apex = nodes_[add_node(zone.name)];
    apex.is_apex = true;
    apex.type = zone.type;
    ++zones_;
  }
  std::map<std::uint32_t, std::vector<Rrset>> by_node;
  for (const LocalZone& zone : zones) {
    for (const ResourceRecord& record : zone.records) {
      auto& rrsets = by_node[add_node(record.owner)];
      auto at = std::ranges::find(rrsets, record.type, &Rrset::type);
      if (at == rrsets.end()) {
        at = rrsets.insert(rrsets.end(), Rrset());
        at->owner = record.owner;
        at->type = record.type;
        at->ttl_seconds = record.ttl_seconds;
      }
      at->ttl_seconds = std::min(at->ttl_seconds, record.ttl_seconds);
      at->add(record.rdata);
      ++records_;
    }
  }
  for (auto& [node, rrsets] : by_node) {
    nodes_[node].first_rrset = static_cast<std::uint32_t>(rrsets_.size());
    nodes_[node].rrset_count = static_cast<std::uint32_t>(rrsets.size());
    std::ranges::move(rrsets, std::back_inserter(rrsets_));
    mark_existing(node);
  }
}

std::uint64_t LocalData::slot_of(std::uint32_t parent, std::span<const std::uint8_t> label) const {
  std::uint64_t hash = 0xCBF29CE484222325ULL ^ parent;  // FNV-1a
  for (const std::uint8_t octet : label) hash = (hash ^ fold(octet)) * 0x100000001B3ULL;
  return (hash ^ hash >> 32) & (slots_.size() - 1);
}

std::uint32_t LocalData::child(std::uint32_t parent, std::span<const std::uint8_t> label) const {
  for (std::uint64_t slot = slot_of(parent, label);; slot = (slot + 1) & (slots_.size() - 1)) {
    const std::uint32_t node = slots_[slot];
    if (node == kNone) return kNone;
    const Node& known = nodes_[node];
    if (known.parent == parent && labels_[known.label] == label[0] && equal_folded(label, &labels_[known.label]))
      return node;
  }
}

// At most half full, so that the search for what is not there is short.
void LocalData::grow_slots() {
  if (nodes_.size() * 2 < slots_.size()) return;
  slots_.assign(slots_.size() * 2, kNone);
  for (std::uint32_t node = 1; node < nodes_.size(); ++node) {
    const std::uint8_t* label = &labels_[nodes_[node].label];
    std::uint64_t slot = slot_of(nodes_[node].parent, {label, label[0] + 1U});
    while (slots_[slot] != kNone) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = node;
  }
}

std::uint32_t LocalData::add_node(const Name& name) {
  const auto wire = name.wire();
  const LabelStarts starts(wire);
  std::uint32_t node = 0;
  for (unsigned i = starts.count; i-- > 0;) {
    const auto label = label_at(wire, starts.at[i]);
    std::uint32_t next = child(node, label);
    if (next == kNone) {
      next = static_cast<std::uint32_t>(nodes_.size());
      Node fresh;
      fresh.parent = node;
      fresh.label = static_cast<std::uint32_t>(labels_.size());
      for (const std::uint8_t octet : label) labels_.push_back(fold(octet));
      nodes_.push_back(fresh);
      if (label.size() == 2 && label[1] == '*') nodes_[node].wildcard = next;
      std::uint64_t slot = slot_of(node, label);
      while (slots_[slot] != kNone) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = next;
      grow_slots();
    }
    node = next;
  }
  return node;
}

// Of the same zone: what is above an apex belongs to another.
void LocalData::mark_existing(std::uint32_t node) {
  for (;; node = nodes_[node].parent) {
    if (nodes_[node].exists) return;
    nodes_[node].exists = true;
    if (node == 0 || nodes_[node].is_apex) return;
  }
}

const Rrset* LocalData::rrset_of(const Node& node, RecordType type) const {
  const auto rrsets = std::span(rrsets_).subspan(node.first_rrset, node.rrset_count);
  const auto found = std::ranges::find(rrsets, type, &Rrset::type);
  return found == rrsets.end() ? nullptr : &*found;
}

void LocalData::answer_from(const Node& node, RecordType type, LocalFinding& out) const {
  using Outcome = LocalFinding::Outcome;
  // One RRset is an answer to ANY (RFC 8482 section 4.1).
  out.rrset = type == RecordType::any && node.rrset_count > 0 ? &rrsets_[node.first_rrset] : rrset_of(node, type);
  if (out.rrset != nullptr) {
    out.outcome = Outcome::records;
    return;
  }
  out.rrset = rrset_of(node, RecordType::cname);
  if (out.rrset != nullptr) out.outcome = Outcome::alias;
}

void LocalData::deny(const Node& apex, RecordType type, bool name_exists, bool has_records, LocalFinding& out) const {
  using Outcome = LocalFinding::Outcome;
  switch (apex.type) {
    case LocalZoneType::fixed:
    case LocalZoneType::redirect:
      out.outcome = name_exists ? Outcome::nodata : Outcome::nxdomain;
      break;
    case LocalZoneType::transparent:
      if (has_records) out.outcome = Outcome::nodata;
      break;
    case LocalZoneType::no_a:
      if (type == RecordType::a) out.outcome = Outcome::nodata;
      break;
    case LocalZoneType::no_aaaa:
      if (type == RecordType::aaaa) out.outcome = Outcome::nodata;
      break;
    case LocalZoneType::nodata:
      out.outcome = Outcome::nodata;
      break;
    case LocalZoneType::refuse:
      out.outcome = Outcome::refused;
      break;
    case LocalZoneType::drop:
      out.outcome = Outcome::dropped;
      break;
    case LocalZoneType::type_transparent:
    case LocalZoneType::resolve:
      break;
  }
  if (out.outcome == Outcome::nodata || out.outcome == Outcome::nxdomain) out.soa = rrset_of(apex, RecordType::soa);
}

LocalFinding LocalData::find(std::span<const std::uint8_t> name, const LabelStarts& labels, RecordType type) const {
  LocalFinding out;
  const bool parent_side = type == RecordType::ds;
  const Node* apex = nodes_[0].is_apex && !(parent_side && labels.count == 0) ? &nodes_[0] : nullptr;
  const Node* encloser = apex;  // the closest name above that exists (RFC 4592 section 3.3.1)
  std::uint32_t node = 0;
  unsigned depth = 0;
  while (depth < labels.count) {
    const std::uint32_t next = child(node, label_at(name, labels.at[labels.count - 1 - depth]));
    if (next == kNone) break;
    node = next;
    ++depth;
    if (nodes_[node].is_apex && !(parent_side && depth == labels.count)) {
      apex = encloser = &nodes_[node];
      out.zone_labels = depth;
    } else if (nodes_[node].exists && !nodes_[node].is_apex) {
      encloser = &nodes_[node];
    }
  }
  if (apex == nullptr) return out;
  out.in_zone = true;
  const bool whole = depth == labels.count;
  const bool below_cut = whole && nodes_[node].is_apex && &nodes_[node] != apex;  // a DS: the data is the child's
  const Node* here = nullptr;
  if (apex->type == LocalZoneType::redirect) {
    here = apex;
  } else if (whole && nodes_[node].exists && !below_cut) {
    here = &nodes_[node];
  } else if (!below_cut && encloser->exists && encloser->wildcard != kNone) {
    const Node& wildcard = nodes_[encloser->wildcard];
    if (wildcard.exists && !wildcard.is_apex) here = &wildcard;
  }
  // What says where a zone begins is its own name's alone.
  const bool elsewhere = apex->type == LocalZoneType::redirect && labels.count != out.zone_labels &&
                         (type == RecordType::soa || type == RecordType::ns);
  if (here != nullptr && here->rrset_count > 0 && !elsewhere) {
    answer_from(*here, type, out);
    if (out.outcome != LocalFinding::Outcome::none) {
      out.substitutes = out.outcome == LocalFinding::Outcome::alias && apex->type == LocalZoneType::redirect &&
                        (*out.rrset->records().begin())[0] == 1 && (*out.rrset->records().begin())[1] == '*';
      return out;
    }
  }
  deny(*apex, type, below_cut || (here != nullptr && here->exists), here != nullptr && here->rrset_count > 0, out);
  return out;
}

}  // namespace weir
