// A DNS message as it is on the wire, record by record with its own TTL: what a scenario compares, before any resolver
// has made RRsets of it. Takes any octets and says how far they could be read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/scenario/record_text.h"
#include "zones/dns/message.h"

namespace weir::scenario {

struct EdnsOption {
  std::uint16_t code = 0;
  std::vector<std::uint8_t> data;
};

struct RawOpt {
  std::uint16_t udp_payload_size = 0;
  std::uint8_t extended_rcode = 0;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  std::vector<EdnsOption> options;
};

struct RawMessage {
  bool whole = false;  // all of it could be read; else what stands before the fault
  std::uint16_t id = 0;
  Opcode opcode = Opcode::query;
  MessageFlags flags;
  Rcode rcode = Rcode::noerror;                                 // with EDNS's upper bits
  std::vector<Record> question, answer, authority, additional;  // without OPT
  std::optional<RawOpt> opt;
};

RawMessage read_raw_message(std::span<const std::uint8_t> message);

std::string to_text(const MessageFlags& flags);  // "QR RD RA"
// Header, EDNS and sections, a line each, indented by two spaces.
std::string to_text(const RawMessage& message);

}  // namespace weir::scenario
