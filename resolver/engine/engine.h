// The resolution engine. Sans-I/O: the caller moves the bytes and the time; the engine decides.
//
//   start    -> a Resolution begins; zero or more exchanges are wanted
//   receive  -> a response (or its failure) for one exchange
//   timeout  -> time has reached next_timeout(); early calls do nothing
// After each of them: take wanted exchanges, take finished results, read next_timeout().
//
// It owns no socket and reads no clock. One thread. Driven by sockets it is the resolver; driven by the
// tests' network it runs in virtual time, and equal inputs (with an equal random source) give equal outputs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resolver/base/limits.h"
#include "resolver/base/security.h"
#include "resolver/cache/server_address.h"
#include "resolver/engine/in_flight.h"
#include "resolver/engine/scrub_rules.h"
#include "resolver/engine/trace.h"
#include "zones/base/ids.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"
#include "zones/dns/rrset.h"

namespace weir {

class RrsetCache;      // resolver/cache/rrset_cache.h: shared by the workers, sharded
class ServerCache;     // resolver/cache/server_cache.h: RTT, capabilities, lameness; shared, sharded
class ZoneTrustCache;  // resolver/dnssec/zone_trust.h: zones' validated keys; shared, sharded
class DenialCache;     // resolver/dnssec/denial_cache.h: what secure zones have denied; shared, sharded
struct TrustRules;     // resolver/dnssec/chain_of_trust.h

struct Question {
  Name name;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  bool operator==(const Question&) const = default;
};

using ResolutionId = Id<struct ResolutionIdTag, std::uint64_t>;
using ExchangeId = Id<struct ExchangeIdTag, std::uint64_t>;

// For whom a resolution runs.
enum class OriginKind : std::uint8_t { client, prefetch, priming, trust_anchor };
struct Origin {
  OriginKind kind = OriginKind::client;
  Prefix prefix;  // of the client, for fairness
  bool checking_disabled = false;
  // RRSIGs and denial records are in the result only then. Upstream DO is set then, and always where answers are
  // validated.
  bool dnssec_ok = false;
  // Of a prefetch: a delegation that ends within this is asked for again too, so that the next question waits for
  // nobody.
  std::uint32_t leeway_seconds = 0;
  bool cache_only = false;  // nobody is asked (RD=0): REFUSED where the caches do not know it
  // Somebody looks at how it goes: it is shared with nobody. Null for everybody else.
  std::shared_ptr<const Examination> examination = {};
};

enum class UpstreamTransport : std::uint8_t { udp, tcp };

// One query that the engine wants carried out. `message` is complete; its ID and 0x20 case are drawn
// by the engine. A UDP exchange leaves from a fresh random port (the caller's job).
struct Exchange {
  ExchangeId id;
  Endpoint server;
  UpstreamTransport transport = UpstreamTransport::udp;
  std::vector<std::uint8_t> message;
};

enum class ExchangeFailure : std::uint8_t { none, network_error, connection_closed, timed_out };

// What came back. Octets that cannot belong to the exchange (wrong ID, question, server) are not an
// answer: receive() ignores them and the exchange stays outstanding (TuDoor).
struct Response {
  ExchangeFailure failure = ExchangeFailure::none;
  std::span<const std::uint8_t> message;
};

// One step of the alias chain, in order: also kept when a later step failed.
struct AliasLink {
  Name owner;
  Name target;
  RecordType type = RecordType::cname;  // CNAME, DNAME
  Name zone_cut;                        // of the zone that gave it
};

struct ResolutionResult {
  ResolutionId id;
  Question question;
  Rcode rcode = Rcode::servfail;
  Security security = Security::indeterminate;
  std::vector<Rrset> answer;      // chain first, then the RRset at its end; DNAMEs with their synthesised CNAMEs
  std::vector<Rrset> authority;   // SOA of a negative answer; with DO also what proves it, or a wildcard
  std::vector<Rrset> additional;  // only where answers are not minimal
  std::vector<AliasLink> aliases;
  Name zone_cut;               // of the last answer
  std::optional<EdeCode> ede;  // why it failed
  std::string ede_text;
  std::chrono::seconds ttl{0};  // how long this may be cached; failures 1 to 300 s (RFC 9520)
  // Not later, whatever `ttl` says: that is rounded, and parts of the answer may be older than the whole.
  SteadyTime expires = SteadyTime::max();
  unsigned upstream_packets = 0;
  bool inferred = false;  // from what its zone has proven of names around it (RFC 8198): made again at any time
};

struct RootServer {
  Name name;
  std::vector<IpAddress> addresses;
};

// Of one forward or stub zone, over all workers.
struct ForwardZoneCounters {
  std::atomic<std::uint64_t> asked{0};       // look-ups that its servers were chosen for
  std::atomic<std::uint64_t> unanswered{0};  // of them: none of the servers gave an answer
};

// Names at and below `name` are asked of these servers instead of what a delegation says.
struct ForwardZone {
  Name name;
  std::vector<ServerAddress> servers;
  enum class Kind : std::uint8_t {
    forward,  // recursive servers: the whole question goes there with RD
    stub      // authoritative ones: resolution begins there
  } kind = Kind::forward;
  enum class Fallback : std::uint8_t { none, recursion } fallback = Fallback::none;  // where none of them answers
  enum class Caching : std::uint8_t { on, off } caching = Caching::on;  // of what they say; off: asked each time
  std::shared_ptr<ForwardZoneCounters> counters = {};                   // null: nobody counts
};

// What TTLs that come from servers are made, on their way into caches and answers. Where a lower bound lies above the
// upper one, the upper one holds. The upper bounds of limits.h hold too.
struct TtlBounds {
  std::uint32_t min_seconds = 0;
  std::uint32_t max_seconds = static_cast<std::uint32_t>(limit_of(Limit::ttl_s));
  std::uint32_t min_negative_seconds = 0;  // of denials (RFC 2308 section 5)
  std::uint32_t max_negative_seconds = static_cast<std::uint32_t>(limit_of(Limit::negative_ttl_s));
};

struct EngineOptions {
  std::vector<RootServer> root_hints;  // built_in_root_hints() where empty
  std::uint16_t upstream_port = 53;
  bool use_ipv6 = true;
  bool use_ipv4 = true;
  bool qname_minimisation = true;
  // Minimised names are asked for this type (RFC 9156 section 2.1); NS is what some resolvers ask.
  RecordType minimised_type = RecordType::a;
  // The whole name too is asked for that type first, and for QTYPE only where it exists below no further zone cut.
  bool hide_qtype = false;
  bool randomise_case = true;  // 0x20
  ScrubRules scrub;
  // A question without RD that the caches cannot answer gets a referral to the closest zone that they know (RFC 1034
  // section 4.3.1), validated like any answer; else REFUSED, so that nobody can look into the caches that way.
  bool refer_without_recursion = false;
  // Glue for names outside of the zone that it leads to is asked for by itself, and used only where that fails.
  bool verify_sibling_glue = false;
  // Answers hold what was asked for, and what denies it. Else also the zone's NS and addresses for names in the answer,
  // as far as the authority sent them.
  bool minimal_responses = true;
  bool cookies = true;  // RFC 7873, towards servers
  std::uint16_t udp_payload_size = 1232;
  TtlBounds ttl;
  std::size_t max_exchanges = 8192;  // outstanding at once; limits.h may allow less
  // Shared with the other workers' engines, which it outlives: equal questions leave the process once. Null: alone.
  InFlight* in_flight = nullptr;
  EngineNumber engine_number{};
  // Ours, where a query to upstream_port would come back to us: never asked, whoever names them (CVE-2026-50251).
  std::vector<IpAddress> own_addresses;
  std::vector<ForwardZone> forward_zones;  // the longest name that fits counts
  // Answers are validated by these rules (RFC 4035 section 5); nothing: they stay indeterminate. The cache outlives the
  // engine and is shared with the other workers' engines.
  std::shared_ptr<const TrustRules> trust;
  ZoneTrustCache* zone_trust = nullptr;
  // Denials and wildcards are synthesised from what secure zones have proven (RFC 8198); null: each is asked for.
  DenialCache* denials = nullptr;
  // Upstream IDs, 0x20 case and the choice of servers come from here and from nowhere else. It must be
  // cryptographic in the daemon (CVE-2025-40780); seeded in tests. 32 random bits a call.
  std::function<std::uint32_t()> random;
};

struct EngineCounters {
  std::uint64_t started = 0, finished = 0, failed = 0, exchanges = 0, retries = 0, tcp_fallbacks = 0,
                ignored_responses = 0, malformed_responses = 0, cookie_misses = 0, rechecked_delegations = 0,
                joined = 0, validations = 0, bogus = 0;
  std::uint64_t broken_invariants = 0;  // resolutions that a mistake of our own ended
  LimitCounts limits;
};

class Engine {
 public:
  // The caches outlive the engine and are shared with the other workers' engines.
  Engine(EngineOptions options, RrsetCache& rrsets, ServerCache& servers);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Equal questions in flight share one resolution's work, but every start() gets its own result, within 5 s
  // (limits.h: resolution_ms). What the caches hold is a result at once, without an exchange.
  ResolutionId start(const Question& question, const Origin& origin, Now now);
  // In force for what is looked up from now on; what is in flight goes on with the servers that it asks.
  void set_forward_zones(std::vector<ForwardZone> zones);
  // The same of what is trusted. Only where EngineOptions::trust was set. The caches hold what was found out by the
  // old rules, and so will what is in flight: their owner clears them.
  void set_trust(std::shared_ptr<const TrustRules> trust);
  void cancel(ResolutionId resolution, Now now);  // nobody waits; others who share the work are unharmed
  void wake(Now now);  // another engine's exchange is over: whoever waited for it looks at what the caches hold now
  void receive(ExchangeId exchange, const Response& response, Now now);
  void timeout(Now now);
  std::optional<SteadyTime> next_timeout() const;

  std::vector<Exchange> take_exchanges();
  // Every exchange that is over, answered or not: close its socket. One that receive() ignored is not among them.
  std::vector<ExchangeId> take_abandoned();
  std::vector<ResolutionResult> take_results();
  // That of what start() has just begun, where nobody had to be asked for it.
  std::optional<ResolutionResult> take_result_of(ResolutionId started);

  const EngineCounters& counters() const;
  std::size_t in_flight() const;  // resolutions that are not finished

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::vector<RootServer> built_in_root_hints();
Result<std::vector<RootServer>> read_root_hints(const std::string& file);  // file:line:column in errors

}  // namespace weir
