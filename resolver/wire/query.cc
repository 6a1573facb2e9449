#include "resolver/wire/query.h"

#include <algorithm>

namespace weir {
namespace {

// A query carries an OPT and perhaps a transaction signature; more is nobody we know, and walking
// them costs time that the sender chooses.
constexpr unsigned kMaxAdditionalRecords = 4;
// CVE-2026-41292: thousands of empty options cost a peer its answer time. Unbound's bound is 100 as well.
constexpr unsigned kMaxEdnsOptions = 100;
constexpr std::size_t kMinUdpPayload = 512;  // RFC 6891 section 6.2.3: smaller values count as 512

std::uint16_t number_at(std::span<const std::uint8_t> message, std::size_t at) {
  return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
}

struct NameExtent {
  std::size_t size = 0;     // octets; 0 where the name is compressed, too long or cut off
  std::uint8_t labels = 0;  // the root not counted
};

// The uncompressed name at `at`.
NameExtent name_at(std::span<const std::uint8_t> message, std::size_t at) {
  const std::size_t start = at;
  const std::size_t end = std::min(message.size(), start + kMaxNameSize);
  for (std::uint8_t labels = 0; at < end; ++labels) {
    const std::uint8_t length = message[at];
    if (length > 63) return {};  // pointers too: a QNAME has nothing before it to point to
    at += length + 1U;
    if (length == 0) return at <= end ? NameExtent{at - start, labels} : NameExtent{};
  }
  return {};
}

// RFC 7873 section 5.2.2; the first counts where there are several.
bool read_cookie(Query& query, std::span<const std::uint8_t> option) {
  if (!is_cookie_size(option.size())) return false;
  if (query.cookie.empty()) query.cookie = option;
  return true;
}

// The options of an OPT must fill its RDATA exactly.
bool read_options(Query& query, std::span<const std::uint8_t> rdata) {
  std::size_t at = 0;
  for (unsigned count = 0; at < rdata.size(); ++count) {
    if (count == kMaxEdnsOptions || rdata.size() - at < 4) return false;
    const std::size_t size = number_at(rdata, at + 2);
    if (rdata.size() - at - 4 < size) return false;
    const auto option = rdata.subspan(at + 4, size);
    const std::uint16_t code = number_at(rdata, at);
    if (code == kOptionCookie && !read_cookie(query, option)) return false;
    if (code == kOptionKeepalive && size != 0) query.keepalive_with_timeout = true;
    at += 4 + size;
  }
  return true;
}

// Reads the additional records from `at` to the end of the message.
std::optional<QueryFault> read_additional(Query& query, std::size_t at, unsigned count) {
  const auto message = query.message;
  bool signed_query = false;
  for (unsigned i = 0; i < count; ++i) {
    const std::size_t owner = name_at(message, at).size;
    if (owner == 0 || message.size() - at - owner < 10) return QueryFault::formerr;
    const std::size_t fixed = at + owner;
    const auto type = static_cast<RecordType>(number_at(message, fixed));
    const std::size_t length = number_at(message, fixed + 8);
    const std::size_t rdata = fixed + 10;
    if (message.size() - rdata < length) return QueryFault::formerr;
    if (type == RecordType::opt) {
      // RFC 6891 section 6.1.1: at most one, owned by the root.
      if (query.has_edns || owner != 1 || !read_options(query, message.subspan(rdata, length)))
        return QueryFault::formerr;
      query.has_edns = true;
      query.options = message.subspan(rdata, length);
      query.udp_payload_size = static_cast<std::uint16_t>(
          std::clamp<std::size_t>(number_at(message, fixed + 2), kMinUdpPayload, kServerUdpPayload));
      query.edns_version = message[fixed + 5];
      query.dnssec_ok = (message[fixed + 6] & 0x80) != 0;
    }
    const bool signature = type == RecordType::tsig || type == RecordType::sig;
    // No query needs another record, and what is not looked into must not be taken: its RDATA may be anything.
    if (type != RecordType::opt && !signature) return QueryFault::formerr;
    signed_query |= signature;
    at = rdata + length;
  }
  if (at != message.size()) return QueryFault::formerr;
  if (query.edns_version != 0) return QueryFault::badvers;
  // No key is shared with a client, so no signature can be checked and none is tried (CVE-2024-1975).
  if (signed_query) return QueryFault::refused;
  return std::nullopt;
}

QueryFault read_without_question(Query& query) {
  const auto message = query.message;
  if (number_at(message, 6) != 0 || number_at(message, 8) != 0 || number_at(message, 10) != 1)
    return QueryFault::formerr;
  if (const auto fault = read_additional(query, kHeaderSize, 1)) return *fault;
  return query.cookie.empty() ? QueryFault::formerr : QueryFault::no_question;
}

// Meta types and QTYPEs of RFC 6895 section 3.1 that a resolver has no answer for. ANY has one (RFC 8482).
std::optional<QueryFault> check_type(RecordType type) {
  switch (type) {
    case RecordType::opt:
      return QueryFault::formerr;
    case RecordType::tkey:
    case RecordType::tsig:
    case RecordType::ixfr:
    case RecordType::axfr:
    case RecordType::mailb:
    case RecordType::maila:
      return QueryFault::refused;
    default:
      return static_cast<std::uint16_t>(type) == 0 ? std::optional(QueryFault::formerr) : std::nullopt;
  }
}

}  // namespace

bool has_empty_option(const Query& query, std::uint16_t code) {
  const auto options = query.options;
  for (std::size_t at = 0; options.size() - at >= 4;) {
    const std::size_t size = number_at(options, at + 2);
    if (number_at(options, at) == code) return size == 0;
    if (options.size() - at - 4 < size) return false;
    at += 4 + size;
  }
  return false;
}

ParsedQuery parse_query(std::span<const std::uint8_t> message) {
  ParsedQuery parsed;
  Query& query = parsed.query;
  query.message = message;
  const auto fault = [&](QueryFault what) -> ParsedQuery& {
    parsed.fault = what;
    return parsed;
  };
  if (message.size() < kHeaderSize) return fault(QueryFault::drop);
  query.id = number_at(message, 0);
  if ((message[2] & 0x80) != 0) return fault(QueryFault::drop);
  query.recursion_desired = (message[2] & 0x01) != 0;
  query.authentic_data = (message[3] & 0x20) != 0;
  query.checking_disabled = (message[3] & 0x10) != 0;
  // An unknown opcode says how to read the rest, so nothing after the header is looked at.
  if ((message[2] & 0x78) != 0) return fault(QueryFault::notimp);
  const unsigned questions = number_at(message, 4);
  if (questions == 0) return fault(read_without_question(query));
  if (questions != 1) return fault(QueryFault::formerr);

  const NameExtent name = name_at(message, kHeaderSize);
  const std::size_t after_name = kHeaderSize + name.size;
  if (name.size == 0 || message.size() - after_name < 4) return fault(QueryFault::formerr);
  query.qname = message.subspan(kHeaderSize, name.size);
  query.qname_labels = name.labels;
  query.type = static_cast<RecordType>(number_at(message, after_name));
  query.record_class = static_cast<RecordClass>(number_at(message, after_name + 2));
  query.any_class = query.record_class == RecordClass::any;
  if (query.any_class) query.record_class = RecordClass::in;
  query.qname_hash = hash_wire_name(query.qname);

  const auto type_fault = check_type(query.type);
  if (type_fault) return fault(*type_fault);  // before the counts: an IXFR has an SOA in AUTHORITY
  if (number_at(message, 6) != 0 || number_at(message, 8) != 0) return fault(QueryFault::formerr);
  const unsigned additional = number_at(message, 10);
  if (additional > kMaxAdditionalRecords) return fault(QueryFault::formerr);
  const auto additional_fault = read_additional(query, after_name + 4, additional);
  if (additional_fault) return fault(*additional_fault);
  if (query.record_class != RecordClass::in) return fault(QueryFault::other_class);
  return parsed;
}

}  // namespace weir
