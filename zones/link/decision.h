// What the resolver says of one decision; what the sidecar logs.
//
// The privacy level is applied before a decision enters the ring: what is not to be kept is never
// written anywhere. So `client` here is already shortened, replaced or empty.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"
#include "zones/match.h"
#include "zones/policy.h"

namespace weir {

// The numbers stand in the ring and in the log: never change or reuse one.
enum class DecisionClass : std::uint8_t {
  blocked = 0,
  would_block = 1,  // an observe list
  allowed_over_block = 2,
  resolved = 3,         // only where the policy logs every query
  rebinding = 4,        // a private address, for a name that is not local
  blocked_upstream = 5  // the server that was asked blocks it: passed on
};

// Which part of the answer decided.
enum class LinkKind : std::uint8_t { qname = 0, alias = 1, address = 2, default_deny = 3, client = 4, name_server = 5 };

enum class Transport : std::uint8_t { udp = 0, tcp = 1 };

struct ClientIdentity {
  Privacy level = Privacy::none;
  IpAddress address;  // full: whole; prefix: masked
  std::uint8_t prefix_length = 0;
  std::uint64_t pseudonym = 0;
};

struct Decision {
  WallTime time;
  DecisionClass decision_class = DecisionClass::blocked;
  LinkKind link = LinkKind::qname;
  Transport transport = Transport::udp;
  Action action = Action::block;
  BlockMode mode = BlockMode::null;  // how it was answered, where blocked
  ClientIdentity client;
  std::uint32_t group = 0;  // index in the generation's PolicySet
  GenerationNumber generation;
  Name qname;
  RecordType qtype = RecordType::a;
  Name link_name;          // the alias that decided; the root otherwise
  IpAddress link_address;  // the address that decided
  Match winner;            // list 0: default deny
  std::array<Match, 8> losers{};
  std::uint8_t loser_count = 0;
  std::uint32_t latency_us = 0;
};

// Written each minute by each worker, so that totals are known without logging queries.
struct CounterRecord {
  WallTime time;
  std::uint32_t group = 0;
  GenerationNumber generation;  // whose PolicySet `group` is an index of; 0: not known
  std::uint64_t queries = 0;
  std::uint64_t blocked = 0;
  std::uint64_t cached = 0;
  std::uint64_t failed = 0;
};

inline constexpr std::size_t kMaxRecordSize = 1024;

// Little-endian, self-contained; at most kMaxRecordSize octets. Returns the size, 0 where it does not fit.
std::size_t encode(const Decision& decision, std::span<std::uint8_t> out);
std::size_t encode(const CounterRecord& counters, std::span<std::uint8_t> out);
enum class RecordKind : std::uint8_t { none = 0, decision = 1, counters = 2 };
RecordKind record_kind(std::span<const std::uint8_t> record);
std::optional<Decision> decode_decision(std::span<const std::uint8_t> record);  // any octets are safe
std::optional<CounterRecord> decode_counters(std::span<const std::uint8_t> record);

// `client` as the level keeps it: /24 and /56 for `prefix`, keyed hash for `pseudonym` (SipHash of the
// address with `key`; without a key the level is none, never full).
ClientIdentity identity_of(const IpAddress& client, Privacy level, std::optional<std::array<std::uint8_t, 16>> key);

}  // namespace weir
