#include "resolver/dnssec/trust_anchors.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "zones/base/free_with.h"
#include "zones/base/text.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::chrono::hours kLongestNegativeAnchor{7 * 24};

struct BuiltIn {
  std::uint16_t key_tag;
  std::array<std::uint8_t, 32> digest;  // SHA-256
};
constexpr BuiltIn kRoot[] = {
    // KSK-2017
    {20326, {0xE0, 0x6D, 0x44, 0xB8, 0x0B, 0x8F, 0x1D, 0x39, 0xA9, 0x5C, 0x0B, 0x0D, 0x7C, 0x65, 0xD0, 0x84,
             0x58, 0xE8, 0x80, 0x40, 0x9B, 0xBC, 0x68, 0x34, 0x57, 0x10, 0x42, 0x37, 0xC7, 0xF8, 0xEC, 0x8D}},
    // KSK-2024
    {38696, {0x68, 0x3D, 0x2D, 0x0A, 0xCB, 0x8C, 0x9B, 0x71, 0x2A, 0x19, 0x48, 0xB2, 0x7F, 0x74, 0x12, 0x19,
             0x29, 0x8D, 0x0A, 0x45, 0x0D, 0x61, 0x2C, 0x48, 0x3A, 0xF4, 0x44, 0xA4, 0xC0, 0xFB, 0x2B, 0x16}},
};

using File = std::unique_ptr<std::FILE, FreeWith<std::fclose>>;
using Record = std::unique_ptr<ldns_rr, FreeWith<ldns_rr_free>>;
using Buffer = std::unique_ptr<ldns_buffer, FreeWith<ldns_buffer_free>>;

// The names that ldns keeps between the lines of a file; it replaces them as it reads.
struct ParserNames {
  ParserNames() = default;
  ParserNames(const ParserNames&) = delete;
  ParserNames& operator=(const ParserNames&) = delete;
  ~ParserNames() {
    ldns_rdf_deep_free(origin);
    ldns_rdf_deep_free(previous);
  }
  ldns_rdf* origin = ldns_dname_new_frm_str(".");
  ldns_rdf* previous = nullptr;
};

// A DS that no key could match would break its zone, or switch validation off there, without a word.
std::string_view objection_to_ds(Octets rdata) {
  const auto ds = parse_ds(rdata);
  if (!ds) return "the DS has no digest";
  const AlgorithmTable supported = supported_algorithms();
  if (!supported.supports(ds->algorithm)) return "the DS is for an algorithm that is not supported";
  if (!supported.supports(ds->digest_type)) return "the DS has a digest type that is not supported";
  const std::size_t expected = ds->digest_type == DigestType::sha1     ? 20
                               : ds->digest_type == DigestType::sha256 ? 32
                                                                       : 48;
  return ds->digest.size() == expected ? "" : "the digest is not as long as its type says";
}

// "line:column" of an octet of `text`, both from 1 on.
std::string place_of(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_begin = before.rfind('\n') + 1;  // of the first line 0
  return std::to_string(1 + std::ranges::count(before, '\n')) + ':' + std::to_string(1 + at - line_begin);
}

// Where the next record begins at or after `at`: past white space, empty lines and comments.
std::size_t begin_of_record(std::string_view text, std::size_t at) {
  while (at < text.size() &&
         (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n' || text[at] == ';')) {
    at = text[at] == ';' ? std::min(text.find('\n', at), text.size()) : at + 1;
  }
  return at;
}

// What is wrong with a record as a trust anchor; empty where nothing is.
std::string_view objection(const ldns_rr* record, Octets rdata) {
  const ldns_rr_type type = ldns_rr_get_type(record);
  if (ldns_rr_get_class(record) != LDNS_RR_CLASS_IN) return "a trust anchor is of class IN";
  if (type == LDNS_RR_TYPE_DS) return objection_to_ds(rdata);
  if (type != LDNS_RR_TYPE_DNSKEY) return "a trust anchor is a DS or DNSKEY record";
  const auto key = PublicKey::from_dnskey(rdata);
  if (!key || !key->is_zone_key() || key->protocol() != 3) return "the DNSKEY is no zone key (flag 256, protocol 3)";
  if (key->is_revoked()) return "the DNSKEY is revoked (RFC 5011)";
  if (!key->usable() || !supported_algorithms().supports(key->algorithm()))
    return "the DNSKEY is of an algorithm that is not supported, or broken";
  return "";
}

}  // namespace

TrustAnchors TrustAnchors::built_in_root() {
  TrustAnchors out;
  for (const BuiltIn& key : kRoot) {
    std::vector<std::uint8_t> rdata{static_cast<std::uint8_t>(key.key_tag >> 8), static_cast<std::uint8_t>(key.key_tag),
                                    static_cast<std::uint8_t>(DnssecAlgorithm::rsasha256),
                                    static_cast<std::uint8_t>(DigestType::sha256)};
    rdata.insert(rdata.end(), key.digest.begin(), key.digest.end());
    out.add(Name(), RecordType::ds, rdata);
  }
  return out;
}

Result<TrustAnchors> TrustAnchors::parse(std::string_view text, std::string_view file) {
  TrustAnchors out;
  std::size_t at = 0;  // where what is looked at begins
  const auto invalid = [&](std::string_view what) {
    return Error{ErrorCode::invalid, std::string(file) + ':' + place_of(text, at) + ": " + std::string(what)};
  };
  // For ldns a line ends there: an anchor behind it would be passed over in silence.
  if (const auto nul = text.find('\0'); nul != text.npos) {
    at = nul;
    return invalid("an octet 0; expected text");
  }
  if (trim(text).empty()) return invalid("no trust anchor; expected DS or DNSKEY records");
  std::string copy(text);
  if (!copy.ends_with('\n')) copy += '\n';  // ldns takes a last line without it for an error
  const File input(fmemopen(copy.data(), copy.size(), "r"));
  if (!input) return invalid("cannot be read");
  ParserNames names;
  std::uint32_t ttl = 3600;
  int line = 0;  // ldns counts for itself
  while (std::feof(input.get()) == 0) {
    at = std::min(begin_of_record(copy, static_cast<std::size_t>(std::max(std::ftell(input.get()), 0L))), text.size());
    ldns_rr* raw = nullptr;
    const ldns_status status = ldns_rr_new_frm_fp_l(&raw, input.get(), &ttl, &names.origin, &names.previous, &line);
    const Record record(raw);
    if (status == LDNS_STATUS_SYNTAX_EMPTY || status == LDNS_STATUS_SYNTAX_TTL || status == LDNS_STATUS_SYNTAX_ORIGIN) {
      continue;
    }
    if (status != LDNS_STATUS_OK) {
      return invalid(std::string(ldns_get_errorstr_by_id(status)) + "; expected a DS or DNSKEY record");
    }
    const Buffer buffer(ldns_buffer_new(LDNS_MAX_PACKETLEN));
    if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), record.get()) != LDNS_STATUS_OK) {
      return invalid("cannot be put into wire format");
    }
    const Octets rdata(ldns_buffer_begin(buffer.get()), ldns_buffer_position(buffer.get()));
    if (const auto why = objection(record.get(), rdata); !why.empty()) return invalid(why);
    const ldns_rdf* owner = ldns_rr_owner(record.get());
    const auto zone = Name::from_wire(Octets(ldns_rdf_data(owner), ldns_rdf_size(owner)));
    if (!zone) return invalid("the owner is no domain name");
    out.add(*zone, static_cast<RecordType>(ldns_rr_get_type(record.get())), rdata);
  }
  at = 0;
  if (out.anchors_.empty()) return invalid("no trust anchor; expected DS or DNSKEY records");
  return out;
}

void TrustAnchors::add(const Name& zone, RecordType type, Octets rdata) {
  auto found = std::ranges::find(anchors_, zone, &TrustAnchor::zone);
  if (found == anchors_.end()) {
    TrustAnchor anchor{zone, {}, {}};
    anchor.ds.owner = anchor.dnskeys.owner = zone;
    anchor.ds.type = RecordType::ds;
    anchor.dnskeys.type = RecordType::dnskey;
    found = anchors_.insert(anchors_.end(), std::move(anchor));
  }
  (type == RecordType::ds ? found->ds : found->dnskeys).add(rdata);
}

const TrustAnchor* TrustAnchors::closest(const Name& name) const {
  const TrustAnchor* out = nullptr;
  for (const TrustAnchor& anchor : anchors_) {
    if (!name.is_at_or_below(anchor.zone)) continue;
    if (out == nullptr || anchor.zone.label_count() > out->zone.label_count()) out = &anchor;
  }
  return out;
}

Result<void> NegativeTrustAnchors::add(NegativeTrustAnchor anchor, WallTime now) {
  const std::string where = "negative trust anchor " + anchor.name.to_text();
  if (trim(anchor.reason).empty()) return Error{ErrorCode::invalid, where + " needs a reason (RFC 7646)"};
  if (anchor.expires <= now) return Error{ErrorCode::invalid, where + " ends before it begins"};
  if (anchor.expires > now + kLongestNegativeAnchor) {
    return Error{ErrorCode::invalid, where + " would hold for more than a week (RFC 7646 section 2)"};
  }
  remove(anchor.name);
  anchors_.push_back(std::move(anchor));
  return {};
}

bool NegativeTrustAnchors::remove(const Name& name) {
  return std::erase_if(anchors_, [&](const NegativeTrustAnchor& anchor) { return anchor.name == name; }) > 0;
}

const NegativeTrustAnchor* NegativeTrustAnchors::closest(const Name& name, WallTime now) const {
  const NegativeTrustAnchor* out = nullptr;
  for (const NegativeTrustAnchor& anchor : anchors_) {
    if (anchor.expires <= now || !name.is_at_or_below(anchor.name)) continue;
    if (out == nullptr || anchor.name.label_count() > out->name.label_count()) out = &anchor;
  }
  return out;
}

}  // namespace weir
