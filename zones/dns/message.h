// A whole DNS message read into header, question and sections of RRsets: what upstream servers send.
//
// The packet path does not come through here (resolver/wire reads a client's query in place). Bounded in records,
// RRsets and records an RRset, so that no message costs more than about a millisecond (CVE-2024-1737, CVE-2023-4408).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "zones/base/result.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"
#include "zones/dns/rrset.h"

namespace weir {

inline constexpr std::size_t kMaxRecordsPerRrset = 100;
inline constexpr std::size_t kMaxRrsetsPerMessage = 200;
inline constexpr std::size_t kMaxRecordsPerMessage = 1000;
inline constexpr std::size_t kMaxEdnsOptions = 100;

struct MessageFlags {
  bool response = false;  // QR
  bool authoritative = false;
  bool truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  bool authentic_data = false;
  bool checking_disabled = false;
};

// Header and question: enough to tell what a message belongs to.
struct MessageStart {
  std::uint16_t id = 0;
  Opcode opcode = Opcode::query;
  MessageFlags flags;
  std::uint8_t rcode_low = 0;  // without EDNS's upper eight bits
  bool has_question = false;   // QDCOUNT 1
  Name qname;                  // case as in the message
  RecordType qtype{};
  RecordClass qclass = RecordClass::in;
  std::size_t question_end = 0;  // position after header and question
};

struct MessageEdns {
  std::uint8_t version = 0;
  std::uint16_t udp_payload_size = 512;
  bool dnssec_ok = false;
  std::optional<EdeCode> ede;  // the first Extended DNS Error
  // The first COOKIE (RFC 7873): client cookie, 8 octets, and server cookie, none or 8 to 32; empty where none came
  // of such a size.
  std::vector<std::uint8_t> cookie;
};

struct Message {
  MessageStart start;
  Rcode rcode = Rcode::noerror;  // extended by EDNS
  std::optional<MessageEdns> edns;
  std::vector<Rrset> answer;  // records of one owner, type and class together, in order of appearance
  std::vector<Rrset> authority;
  std::vector<Rrset> additional;  // without OPT
};

// Nothing where even the header is not whole, or the question is malformed, or there is more than one.
std::optional<MessageStart> read_message_start(std::span<const std::uint8_t> message);

// Errors: invalid (malformed), too_large (a bound above).
Result<Message> read_message(std::span<const std::uint8_t> message);

}  // namespace weir
