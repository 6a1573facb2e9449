#include "zones/dns/rrset.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

// The shape of RDATA that holds names: octets, then names, then whatever follows. RFC 3597 section 4 lists the
// types whose names a message may hold compressed; only those of RFC 1035 may be compressed when written. Signatures
// are over folded names, those of NSEC excepted (RFC 6840 section 5.1).
struct RdataShape {
  RecordType type;
  unsigned leading_octets;
  unsigned names;
  enum class Rest : std::uint8_t { none, octets } rest;
  enum class Written : std::uint8_t { plain, compressed } written;
};
using Rest = RdataShape::Rest;
using Written = RdataShape::Written;

constexpr RecordType kA6{38};

constexpr RdataShape kShapes[] = {
    {RecordType::ns, 0, 1, Rest::none, Written::compressed},
    {RecordType{3}, 0, 1, Rest::none, Written::plain},  // MD
    {RecordType{4}, 0, 1, Rest::none, Written::plain},  // MF
    {RecordType::cname, 0, 1, Rest::none, Written::compressed},
    {RecordType::soa, 0, 2, Rest::octets, Written::compressed},
    {RecordType{7}, 0, 1, Rest::none, Written::plain},  // MB
    {RecordType{8}, 0, 1, Rest::none, Written::plain},  // MG
    {RecordType{9}, 0, 1, Rest::none, Written::plain},  // MR
    {RecordType::ptr, 0, 1, Rest::none, Written::compressed},
    {RecordType{14}, 0, 2, Rest::none, Written::plain},  // MINFO
    {RecordType::mx, 2, 1, Rest::none, Written::compressed},
    {RecordType::rp, 0, 2, Rest::none, Written::plain},
    {RecordType::afsdb, 2, 1, Rest::none, Written::plain},
    {RecordType{21}, 2, 1, Rest::none, Written::plain},  // RT
    {RecordType::sig, 18, 1, Rest::octets, Written::plain},
    {RecordType{26}, 2, 2, Rest::none, Written::plain},    // PX
    {RecordType{30}, 0, 1, Rest::octets, Written::plain},  // NXT
    {RecordType::srv, 6, 1, Rest::none, Written::plain},
    {RecordType::kx, 2, 1, Rest::none, Written::plain},
    {RecordType::dname, 0, 1, Rest::none, Written::plain},
    {RecordType::rrsig, 18, 1, Rest::octets, Written::plain},
    {RecordType::nsec, 0, 1, Rest::octets, Written::plain},
};

const RdataShape* shape_of(RecordType type) {
  const auto* found = std::find_if(std::begin(kShapes), std::end(kShapes),
                                   [type](const RdataShape& shape) { return shape.type == type; });
  return found == std::end(kShapes) ? nullptr : found;
}

void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> octets) {
  out.insert(out.end(), octets.begin(), octets.end());
}

// NAPTR (RFC 3403): order, preference, three character-strings, a name.
std::size_t naptr_leading_octets(Reader reader, std::size_t length) {
  const std::size_t start = reader.position();
  reader.skip(4);
  for (int i = 0; i < 3; ++i) reader.skip(reader.u8());
  const std::size_t size = reader.position() - start;
  return reader.ok() && size <= length ? size : length;
}

// A6 (RFC 2874): a prefix length, the address without so many bits, and then a name, if there is a prefix.
std::size_t a6_leading_octets(std::span<const std::uint8_t> rdata) {
  if (rdata.empty() || rdata[0] == 0 || rdata[0] > 128) return rdata.size();
  return 1 + (128U - rdata[0] + 7) / 8;
}

// Octets of the uncompressed name at the beginning of `octets`, 0 where there is none.
std::size_t leading_name_size(std::span<const std::uint8_t> octets) {
  std::size_t at = 0;
  while (at < octets.size() && octets[at] != 0) at += octets[at] + 1U;
  return at < octets.size() ? at + 1 : 0;
}

// Sizes that a type fixes; a record of another size could not be used by anybody.
bool has_wrong_size(RecordType type, std::size_t length) {
  return (type == RecordType::a && length != 4) || (type == RecordType::aaaa && length != 16) ||
         (type == RecordType::rrsig && length < 19) || (type == RecordType::soa && length < 22);
}

}  // namespace

bool Rrset::contains(std::span<const std::uint8_t> rdata) const {
  for (const auto record : records()) {
    if (std::ranges::equal(record, rdata)) return true;
  }
  return false;
}

void Rrset::add(std::span<const std::uint8_t> rdata) {
  if (contains(rdata)) return;
  rdata_.push_back(static_cast<std::uint8_t>(rdata.size() >> 8));
  rdata_.push_back(static_cast<std::uint8_t>(rdata.size()));
  append(rdata_, rdata);
  ++count_;
}

void Rrset::set_packed(std::span<const std::uint8_t> packed, std::size_t count) {
  rdata_.assign(packed.begin(), packed.end());
  count_ = static_cast<std::uint16_t>(count);
}

void Rrset::write(Writer& writer, std::uint32_t ttl) const {
  const RdataShape* shape = shape_of(type);
  const bool compress = shape != nullptr && shape->written == Written::compressed;
  for (const auto rdata : records()) {
    writer.name(owner);
    writer.u16(static_cast<std::uint16_t>(type));
    writer.u16(static_cast<std::uint16_t>(record_class));
    writer.u32(ttl);
    const std::size_t length_at = writer.size();
    writer.u16(static_cast<std::uint16_t>(rdata.size()));
    if (!compress) {
      writer.octets(rdata);
      continue;
    }
    auto rest = rdata.subspan(std::min<std::size_t>(shape->leading_octets, rdata.size()));
    writer.octets(rdata.first(rdata.size() - rest.size()));
    for (unsigned i = 0; i < shape->names; ++i) {
      const std::size_t size = leading_name_size(rest);
      const auto name = Name::from_wire(rest.first(size));
      if (!name) break;
      writer.name(*name);
      rest = rest.subspan(size);
    }
    writer.octets(rest);
    writer.patch_u16(length_at, static_cast<std::uint16_t>(writer.size() - length_at - 2));
  }
}

std::optional<Name> rdata_name(std::span<const std::uint8_t> rdata) {
  return Name::from_wire(rdata);
}

std::vector<std::uint8_t> read_rdata(Reader& reader, RecordType type, std::size_t length) {
  const std::size_t end = reader.position() + length;
  std::vector<std::uint8_t> out;
  if (!reader.ok() || length > reader.remaining()) {
    reader.fail();
    return out;
  }
  RdataShape naptr{RecordType::naptr, 0, 1, Rest::none, Written::plain};
  const RdataShape* shape = shape_of(type);
  if (type == RecordType::naptr) {
    naptr.leading_octets = static_cast<unsigned>(naptr_leading_octets(reader, length));
    shape = &naptr;
  }
  if (shape == nullptr) {
    append(out, reader.octets(length));
    if (has_wrong_size(type, length)) reader.fail();
    return out;
  }
  if (shape->leading_octets > length) {
    reader.fail();
    return out;
  }
  out.reserve(length + 32);
  append(out, reader.octets(shape->leading_octets));
  for (unsigned i = 0; i < shape->names && reader.ok(); ++i) {
    std::uint8_t name[kMaxNameSize];
    append(out, {name, reader.name_into(name)});
    if (reader.position() > end) reader.fail();  // the name ran on past its record
  }
  if (!reader.ok()) return out;
  const std::size_t left = end - reader.position();
  if ((left > 0 && shape->rest == Rest::none) || (type == RecordType::soa && left != 20)) {
    reader.fail();
    return out;
  }
  append(out, reader.octets(left));
  if (has_wrong_size(type, out.size()) || out.size() > 0xFFFF) reader.fail();  // expanding a name can overflow it
  return out;
}

bool has_folded_names(RecordType type) {
  return type == RecordType::naptr || type == kA6 || (type != RecordType::nsec && shape_of(type) != nullptr);
}

void fold_rdata_names(RecordType type, std::span<std::uint8_t> rdata) {
  if (!has_folded_names(type)) return;
  const RdataShape* shape = shape_of(type);
  std::size_t at = shape == nullptr ? 0 : shape->leading_octets;
  if (type == RecordType::naptr) at = naptr_leading_octets(Reader(rdata), rdata.size());
  if (type == kA6) at = a6_leading_octets(rdata);
  for (unsigned i = 0; i < (shape == nullptr ? 1 : shape->names) && at < rdata.size(); ++i) {
    const auto name = rdata.subspan(at).first(leading_name_size(rdata.subspan(at)));
    // A letter's value is no label length (65 and more), so the length octets stay as they are.
    std::ranges::transform(name, name.begin(), fold);
    at += name.size();
  }
}

}  // namespace weir
