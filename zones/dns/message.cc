#include "zones/dns/message.h"

#include <algorithm>

#include "zones/dns/edns.h"
#include "zones/dns/reader.h"

namespace weir {
namespace {

Error malformed(const char* what) {
  return {ErrorCode::invalid, std::string("malformed DNS message: ") + what};
}

Error beyond(const char* what) {
  return {ErrorCode::too_large, std::string("DNS message refused: more than the allowed ") + what};
}

struct RecordHead {
  Name owner;
  RecordType type{};
  std::uint16_t record_class = 0;
  std::uint32_t ttl = 0;
  std::uint16_t length = 0;
};

RecordHead read_record_head(Reader& reader) {
  RecordHead head;
  head.owner = reader.name();
  head.type = static_cast<RecordType>(reader.u16());
  head.record_class = reader.u16();
  head.ttl = reader.u32();
  head.length = reader.u16();
  return head;
}

// OPT (RFC 6891): class is the payload size, TTL the upper RCODE bits, version and flags.
bool read_edns(Reader& reader, const RecordHead& head, Message& message) {
  if (message.edns || !head.owner.is_root()) return false;
  MessageEdns edns;
  edns.udp_payload_size = head.record_class;
  edns.version = static_cast<std::uint8_t>(head.ttl >> 16);
  edns.dnssec_ok = (head.ttl & 0x8000) != 0;
  message.rcode = static_cast<Rcode>((head.ttl >> 24) << 4 | message.start.rcode_low);
  const std::size_t end = reader.position() + head.length;
  for (std::size_t options = 0; reader.ok() && reader.position() < end; ++options) {
    if (options == kMaxEdnsOptions) return false;
    const std::uint16_t code = reader.u16();
    const std::uint16_t length = reader.u16();
    if (reader.position() + length > end) return false;
    const auto content = reader.octets(length);
    const bool is_cookie = code == kOptionCookie && is_cookie_size(content.size());
    if (is_cookie && edns.cookie.empty()) edns.cookie.assign(content.begin(), content.end());
    Reader option(content);
    if (code == kOptionExtendedError && length >= 2 && !edns.ede) edns.ede = static_cast<EdeCode>(option.u16());
  }
  message.edns = std::move(edns);
  return reader.ok() && reader.position() == end;
}

// The hash is compared first: a message of 200 owners and 1000 records costs 200,000 comparisons of a number at most.
struct SectionBuilder {
  std::vector<Rrset>& rrsets;
  std::vector<std::uint64_t> hashes;

  Rrset* place(const RecordHead& head, RecordType covered, std::size_t& total) {
    const std::uint64_t hash =
        head.owner.hash() ^ (static_cast<std::uint64_t>(head.type) << 16 | static_cast<std::uint64_t>(covered));
    for (std::size_t i = rrsets.size(); i-- > 0;) {  // from the end: records of one RRset usually stand together
      const Rrset& known = rrsets[i];
      if (hashes[i] == hash && known.type == head.type && known.type_covered == covered &&
          static_cast<std::uint16_t>(known.record_class) == head.record_class && known.owner == head.owner) {
        return &rrsets[i];
      }
    }
    if (++total > kMaxRrsetsPerMessage) return nullptr;
    Rrset rrset;
    rrset.owner = head.owner;
    rrset.type = head.type;
    rrset.record_class = static_cast<RecordClass>(head.record_class);
    rrset.ttl_seconds = head.ttl;
    rrset.type_covered = covered;
    rrsets.push_back(std::move(rrset));
    hashes.push_back(hash);
    return &rrsets.back();
  }
};

}  // namespace

std::optional<MessageStart> read_message_start(std::span<const std::uint8_t> message) {
  Reader reader(message);
  MessageStart start;
  start.id = reader.u16();
  const std::uint16_t flags = reader.u16();
  start.flags.response = (flags & 0x8000) != 0;
  start.opcode = static_cast<Opcode>(flags >> 11 & 0x0F);
  start.flags.authoritative = (flags & 0x0400) != 0;
  start.flags.truncated = (flags & 0x0200) != 0;
  start.flags.recursion_desired = (flags & 0x0100) != 0;
  start.flags.recursion_available = (flags & 0x0080) != 0;
  start.flags.authentic_data = (flags & 0x0020) != 0;
  start.flags.checking_disabled = (flags & 0x0010) != 0;
  start.rcode_low = flags & 0x0F;
  const std::uint16_t questions = reader.u16();
  reader.skip(6);
  if (questions > 1) return std::nullopt;
  if (questions == 1) {
    start.has_question = true;
    start.qname = reader.name();
    start.qtype = static_cast<RecordType>(reader.u16());
    start.qclass = static_cast<RecordClass>(reader.u16());
  }
  if (!reader.ok()) return std::nullopt;
  start.question_end = reader.position();
  return start;
}

Result<Message> read_message(std::span<const std::uint8_t> octets) {
  auto start = read_message_start(octets);
  if (!start) return malformed("header or question");
  Message message;
  message.start = std::move(*start);
  message.rcode = static_cast<Rcode>(message.start.rcode_low);
  Reader reader(octets);
  reader.seek(6);
  const std::size_t counts[3] = {reader.u16(), reader.u16(), reader.u16()};
  if (counts[0] + counts[1] + counts[2] > kMaxRecordsPerMessage) return beyond("records");
  reader.seek(message.start.question_end);
  std::size_t rrsets = 0;
  std::vector<Rrset>* const sections[3] = {&message.answer, &message.authority, &message.additional};
  for (int section = 0; section < 3; ++section) {
    SectionBuilder builder{*sections[section], {}};
    for (std::size_t i = 0; i < counts[section]; ++i) {
      RecordHead head = read_record_head(reader);
      if (!reader.ok()) return malformed("record");
      if (head.type == RecordType::opt) {
        if (section != 2 || !read_edns(reader, head, message)) return malformed("OPT record");
        continue;
      }
      if (head.ttl > 0x7FFFFFFF) head.ttl = 0;  // RFC 2181 section 8
      const auto rdata = read_rdata(reader, head.type, head.length);
      if (!reader.ok()) return malformed("RDATA");
      const RecordType covered =
          head.type == RecordType::rrsig ? static_cast<RecordType>(rdata[0] << 8 | rdata[1]) : RecordType{};
      Rrset* rrset = builder.place(head, covered, rrsets);
      if (rrset == nullptr) return beyond("RRsets");
      if (rrset->size() == kMaxRecordsPerRrset) return beyond("records in one RRset");
      rrset->ttl_seconds = std::min(rrset->ttl_seconds, head.ttl);
      rrset->add(rdata);
    }
  }
  return message;
}

}  // namespace weir
