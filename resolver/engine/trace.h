// What one resolution does, step by step, for whoever asked to see it (weir resolve --trace).
//
// The engine holds a pointer that is null for everybody else: then a step costs a comparison.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

struct TrustRules;  // resolver/dnssec/chain_of_trust.h

enum class TraceKind : std::uint8_t {
  cached,      // the caches answered
  zone_cut,    // whom to ask is known: the closest delegation, the hints, or a forward zone
  asked,       // a query left
  answered,    // a message came
  unanswered,  // none, or none that counts
  referral,    // the servers named those of a zone below
  alias,
  addresses,  // a name server's are looked up
  trust,      // a DS or DNSKEY is looked up
  validated,  // what validation says of it, and why
  finished    // the look-up, as `text` says
};
std::string_view to_text(TraceKind kind);

struct TraceEvent {
  TraceKind kind = TraceKind::finished;
  SteadyTime at;
  unsigned depth = 0;  // 0: the question's own look-up; above it those that it depends on
  Name name;           // what the look-up is for
  RecordType type = RecordType::a;
  std::optional<Endpoint> server = {};
  bool tcp = false;
  std::optional<std::chrono::microseconds> rtt = {};
  std::string text;  // for people; names in it are escaped as master files do
};

// Written by the engine's thread while the resolution runs; read when it has ended.
class ResolutionTrace {
 public:
  void add(TraceEvent event);  // those past the limit are counted only
  const std::vector<TraceEvent>& events() const { return events_; }
  std::size_t dropped() const { return dropped_; }

 private:
  std::vector<TraceEvent> events_;
  std::size_t dropped_ = 0;
};

// Of a resolution that is not a client's but somebody's who looks closely. It is shared with nobody.
struct Examination {
  std::shared_ptr<ResolutionTrace> trace = {};  // null: nobody looks
  // With caches of its own, empty at its start: from the hints down, as if nothing were known.
  bool fresh = false;
  // In the place of the engine's own, where `fresh`; null: the engine's.
  std::shared_ptr<const TrustRules> rules = {};
};

}  // namespace weir
