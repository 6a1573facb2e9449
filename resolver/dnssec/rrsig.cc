#include "resolver/dnssec/rrsig.h"

#include <algorithm>

#include "zones/dns/reader.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kFixedRrsigSize = 18;

std::uint32_t serial_of(WallTime time) {
  return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
}

// RFC 1982 section 3.2. The one pair that it leaves undefined, 2^31 apart, comes out as "before" both ways, which
// makes a signature invalid.
bool is_before(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) < 0;
}

class Appender {
 public:
  explicit Appender(std::vector<std::uint8_t>& out) : out_(out) {}
  void octets(Octets octets) { out_.insert(out_.end(), octets.begin(), octets.end()); }
  void u16(std::size_t value) {
    out_.push_back(static_cast<std::uint8_t>(value >> 8));
    out_.push_back(static_cast<std::uint8_t>(value));
  }

 private:
  std::vector<std::uint8_t>& out_;
};

Name canonical_owner(const Name& owner, unsigned labels) {
  if (labels >= signed_labels(owner)) return owner.folded();
  // Fits: at least one label of one octet was taken away for the "*".
  return owner.suffix(labels).folded().child("*").value_or(owner);
}

bool is_canonically_less(Octets a, Octets b) {  // RFC 4034 section 6.3
  return std::ranges::lexicographical_compare(a, b);
}

}  // namespace

std::optional<Rrsig> parse_rrsig(Octets rdata) {
  Reader reader(rdata);
  Rrsig out;
  out.type_covered = static_cast<RecordType>(reader.u16());
  out.algorithm = static_cast<DnssecAlgorithm>(reader.u8());
  out.labels = reader.u8();
  out.original_ttl_seconds = reader.u32();
  out.expiration = reader.u32();
  out.inception = reader.u32();
  out.key_tag = reader.u16();
  out.signer = reader.name();
  // A compression pointer would be followed by the reader; stored RDATA has none, and then the sizes agree.
  if (!reader.ok() || reader.position() != kFixedRrsigSize + out.signer.size()) return std::nullopt;
  out.fixed_part = rdata.first(kFixedRrsigSize);
  out.signature = rdata.subspan(reader.position());
  return out;
}

SignatureTime time_of(const Rrsig& rrsig, WallTime now, std::chrono::seconds skew) {
  if (is_before(rrsig.expiration, rrsig.inception)) return SignatureTime::expired;
  if (is_before(serial_of(now + skew), rrsig.inception)) return SignatureTime::not_yet_valid;
  if (is_before(rrsig.expiration, serial_of(now - skew))) return SignatureTime::expired;
  return SignatureTime::valid;
}

std::uint32_t seconds_left(const Rrsig& rrsig, WallTime now) {
  return is_before(rrsig.expiration, serial_of(now)) ? 0 : rrsig.expiration - serial_of(now);
}

unsigned signed_labels(const Name& owner) {
  return owner.label_count() - (owner.first_label() == "*" ? 1 : 0);
}

std::vector<std::uint8_t> signed_data(const Rrset& rrset, const Rrsig& rrsig) {
  // The records lie packed; where their names are to be folded this happens in a copy, all at once.
  Rrset folded;
  const Rrset* records = &rrset;
  if (has_folded_names(rrset.type)) {
    std::vector<std::uint8_t> packed(rrset.packed().begin(), rrset.packed().end());
    for (std::size_t at = 0; at < packed.size();) {
      const std::size_t size = static_cast<std::size_t>(packed[at]) << 8 | packed[at + 1];
      fold_rdata_names(rrset.type, std::span(packed).subspan(at + 2, size));
      at += 2 + size;
    }
    folded.set_packed(packed, rrset.size());
    records = &folded;
  }
  std::vector<Octets> sorted;
  sorted.reserve(records->size());
  for (const auto rdata : records->records()) sorted.push_back(rdata);
  std::ranges::sort(sorted, is_canonically_less);
  const auto same = [](Octets a, Octets b) { return std::ranges::equal(a, b); };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());

  const Name owner = canonical_owner(rrset.owner, rrsig.labels);
  std::vector<std::uint8_t> out;
  out.reserve(kFixedRrsigSize + rrsig.signer.size() + records->packed().size() + sorted.size() * (owner.size() + 8));
  Appender append(out);
  append.octets(rrsig.fixed_part);
  append.octets(rrsig.signer.folded().wire());
  for (const Octets rdata : sorted) {
    append.octets(owner.wire());
    append.u16(static_cast<std::uint16_t>(rrset.type));
    append.u16(static_cast<std::uint16_t>(rrset.record_class));
    append.octets(rrsig.fixed_part.subspan(4, 4));  // the original TTL
    append.u16(rdata.size());
    append.octets(rdata);
  }
  return out;
}

}  // namespace weir
