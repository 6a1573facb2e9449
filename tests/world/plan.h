// What a generated world consists of: zones, the hosts that are named as their servers, and the servers behind those,
// with what is wrong with each. Plain values: the generator fills them, the shrinker takes from them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "resolver/engine/engine.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir::world {

using Octets = std::vector<std::uint8_t>;
using Time = std::chrono::microseconds;  // since the world began
inline constexpr Time kForever = Time::max();

// An RRset that the zone holds from `from` until just before `until`.
struct PlannedRrset {
  Name owner;
  RecordType type = RecordType::a;
  std::uint32_t ttl = 0;
  std::vector<Octets> rdata;
  Time from{0};
  Time until = kForever;
};

enum class Denial : std::uint8_t { nsec, nsec3, nsec3_opt_out };
enum class Algorithm : std::uint8_t { rsasha256 = 8, ecdsap256sha256 = 13, ed25519 = 15 };

// What is wrong with a zone whichever of its servers is asked. All but the last three make its data bogus.
enum class Flaw : std::uint8_t {
  none,
  wrong_ds,           // the parent's DS belongs to another key
  no_signatures,      // DS, but nothing is signed
  broken_signatures,  // every signature but the DNSKEY's is wrong
  expired,
  not_yet_valid,
  no_denials,           // denies without proof, and expands wildcards without: what exists is good
  unknown_algorithm,    // of the DS: insecure (RFC 4035 section 5.2)
  too_many_iterations,  // of NSEC3: denials are insecure (RFC 9276)
  unreachable           // its name servers' names lie in itself and have no glue
};

enum class Glue : std::uint8_t {
  complete,
  partly,  // one address is missing
  sibling  // also for hosts in other zones below the parent
};

struct Move {
  Time at{};
  std::vector<unsigned> hosts;  // the name servers from then on
};

struct ZonePlan {
  Name apex;
  int parent = -1;  // its place in WorldPlan::zones; -1: the root
  bool removed = false;

  bool is_signed = false;
  bool has_ds = false;  // without: insecure, or an island
  Denial denial = Denial::nsec;
  std::uint16_t iterations = 0;
  Octets salt;
  Algorithm algorithm = Algorithm::ecdsap256sha256;
  unsigned key = 0;              // of the pool
  std::optional<Time> key_roll;  // double signatures from then, the DS follows, then the old key goes (RFC 6781)
  Flaw flaw = Flaw::none;

  std::vector<unsigned> hosts;  // its name servers, in WorldPlan::hosts
  Glue glue = Glue::complete;
  std::uint32_t ns_ttl = 3600;
  std::uint32_t soa_ttl = 3600;
  std::uint32_t negative_ttl = 300;
  std::optional<Move> move;
  Time delegated_until = kForever;  // then the parent knows it no more; its servers go on

  std::vector<PlannedRrset> records;  // besides SOA, NS, DNSKEY, DS, the chain of denial, and hosts' addresses
};

struct HostPlan {
  Name name;
  unsigned zone = 0;  // that its name lies in
  unsigned server = 0;
  std::uint32_t ttl = 3600;
};

enum class EdnsManner : std::uint8_t { understood, ignored, formerr, notimp, badvers, dropped };
enum class Manner : std::uint8_t { honest, silent, refused, servfail, upward_referral, self_referral };

struct Faults {
  Time round_trip = std::chrono::milliseconds(20);
  Time jitter{0};
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  EdnsManner edns = EdnsManner::understood;
  bool folds_case = false;
  bool truncates = false;      // every answer over UDP
  bool truncates_tcp = false;  // over TCP as well
  bool closes_tcp = false;
  bool denies_minimised = false;  // NXDOMAIN for empty non-terminals
  bool drops_unknown_types = false;
  bool no_signatures = false;      // DNSSEC records are left out
  bool replays_wildcards = false;  // answers existing names from the wildcard beside them, without a proof
  bool poisons_glue = false;       // addresses for every name server of a referral that is not its to give
  bool poisons_authority = false;  // NS of zones above, and of others
  bool poisons_answer = false;     // records of other zones in the answer section
  unsigned forgeries = 0;          // packets with a wrong ID, or a wrong question, before the answer
  Manner manner = Manner::honest;  // between `from` and `until`, else honest
  Time from{0};
  Time until = kForever;
  bool operator==(const Faults&) const = default;
};

struct ServerPlan {
  std::vector<IpAddress> addresses;
  std::vector<unsigned> zones;  // that it serves; those that moved away it gives up
  Faults faults;
};

struct WorldPlan {
  std::uint64_t seed = 0;
  WallTime wall_start{};
  Time horizon = std::chrono::minutes(10);  // changes happen before it, questions until shortly after it
  std::vector<ZonePlan> zones;              // the root first, parents before children
  std::vector<HostPlan> hosts;
  std::vector<ServerPlan> servers;
  IpAddress forger;  // answers every question with forged data; only poison leads to it
  std::vector<Question> questions;
};

struct WorldOptions {
  WallTime wall_start{std::chrono::seconds(1'800'000'000)};  // of time 0; signatures are valid around it
  unsigned zones_min = 4, zones_max = 14;
  bool faults = true;
  bool changes = true;
  bool ipv6 = true;
};

WorldPlan generate(std::uint64_t seed, const WorldOptions& options);

// Faults that let no question fail: late, doubled, forged or poisoned answers, folded case, truncation.
bool is_harmless(const Faults& faults);

std::string describe(const WorldPlan& plan);  // for people: a line a zone, a server, a record that changes

// The name servers that the zone has then, and whether `server` answers for it.
const std::vector<unsigned>& hosts_at(const ZonePlan& zone, Time time);
bool serves_at(const WorldPlan& plan, unsigned server, unsigned zone, Time time);

// What validation from the root's anchor makes of what the zone holds. Denials of a zone with Flaw::no_denials are
// bogus, those of one with too many iterations insecure, whatever this says.
enum class Standing : std::uint8_t { bogus, insecure, secure };
Standing standing_of(const WorldPlan& plan, unsigned zone);

// The key roll's moments: new key signs as well; the DS changes; the old key is gone.
struct RollMoments {
  Time both{}, ds{}, done{};
};
RollMoments roll_moments(const ZonePlan& zone);

// When the zone's contents change, in order; 0 first.
std::vector<Time> moments_of(const WorldPlan& plan, unsigned zone);

}  // namespace weir::world
