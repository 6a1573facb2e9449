// The named steps of a lookup. Each holds only what is valid while it lasts; steps.cc's neighbours carry them out:
//
//   FindZoneCut -> AskServers <-> AwaitAddresses
//        ^             |   \________ (referral: AskServers of the zone below)
//        |             v
//        +------- FollowAlias          any of them -> Finished, the client's own lookup by way of Validate
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "resolver/dnssec/answer_validator.h"
#include "resolver/engine/exchanges.h"
#include "resolver/engine/response_classifier.h"

namespace weir {

// The caches are asked for an answer, else for the deepest known delegation.
struct FindZoneCut {};

// One address of the zone's servers, and what was learnt about it during this step.
struct Candidate {
  ServerAddress address;
  unsigned tries = 0;
  unsigned bad_cookies = 0;  // times that it wanted another cookie
  // empty: it said that there is no data, and nothing to show for it.
  enum class Use : std::uint8_t { open, recursive, empty, given_up } use = Use::open;
  UpstreamTransport transport = UpstreamTransport::udp;
  EdnsUse edns = EdnsUse::with_opt;
};

// The zone's servers are asked, one after the other, for the whole question or for less of its name (RFC 9156).
struct AskServers {
  Delegation zone;
  ServerRole role = ServerRole::authority;
  Name ask_name;
  RecordType ask_type = RecordType::a;
  enum class Asking : std::uint8_t { minimised, whole } asking = Asking::minimised;
  std::vector<Candidate> candidates;
  std::vector<Name> without_addresses;  // name servers that nobody has looked up yet
  bool doubts_glue = false;             // its addresses failed: what the name servers' own zones say is asked
  bool trusts_child = false;            // those failed too: name servers that only the zone itself names are asked
  bool trusts_any_glue = false;         // those as well: old glue of the name servers' own delegations is tried
  std::vector<IpAddress> sibling_glue;  // not verified; with it the last are tried
  ForwardZone::Caching caching = ForwardZone::Caching::on;
  std::vector<ExchangeId> outstanding;
  unsigned minimised_timeouts = 0;
  unsigned dead_probes = 0;
  unsigned network_errors = 0;
  std::optional<Name> denied_ancestor;  // a minimised name that got NXDOMAIN; the whole name is asked to be sure
};

// No address of the zone's servers is left: a lookup above this one on the stack fetches one server's.
struct AwaitAddresses {
  AskServers resume;
  Name server_name;
  RecordType type = RecordType::a;
};

struct FollowAlias {
  ChainLink link;
  Name zone_cut;
  bool is_the_answer = false;  // the CNAME that a DNAME stands for was asked for
};

struct Finished {
  Rcode rcode = Rcode::servfail;
  std::vector<SignedRrset> rrsets;
  std::vector<Rrset> authority;
  Name zone_cut;
  std::uint32_t ttl_seconds = 0;
  std::optional<EdeCode> ede;
  std::string ede_text;
  enum class Cause : std::uint8_t { resolved, failed, bogus, cached_failure } cause = Cause::resolved;
  Security security = Security::indeterminate;
  SteadyTime since{};                  // when its TTLs were right: it came, or a cache gave it
  std::optional<NegativeKind> denied;  // an answer without data may also be an alias that was asked for
  bool is_referral = false;            // `rrsets` hold the NS of the closest zone that the caches know
  bool inferred = false;               // from what its zone has proven of names around it (RFC 8198)
  bool is_alias = false;               // of a trust lookup: `rrsets` hold the CNAME that stood in the way
};

// The answer is there; is it what its zones signed? Lookups above this one on the stack fetch the DS and DNSKEY that
// the validator lacks.
struct Validate {
  Finished outcome;
  std::shared_ptr<const TrustRules> rules;  // those of its beginning, until its end
  std::unique_ptr<AnswerValidator> validator;
  std::optional<TrustQuestion> awaited;
};

using Step = std::variant<FindZoneCut, AskServers, AwaitAddresses, FollowAlias, Validate, Finished>;

std::string_view name_of(const Step& step);

}  // namespace weir
