// What a response from an authoritative server means, and which of its records may be believed.
//
// Pure: response, question and the zone cut that was asked go in, a scrubbed meaning comes out. Only records at or
// below the zone cut are kept, glue only for the name servers of the referral; everything else is as if it had not
// been sent (RFC 5452 section 6, CVE-2025-11411).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "resolver/base/limits.h"
#include "resolver/cache/delegation.h"
#include "resolver/cache/rrset_cache.h"
#include "resolver/engine/scrub_rules.h"
#include "zones/dns/message.h"

namespace weir {

enum class Sections : std::uint8_t { minimal, whole };  // of the answers to clients

// What a server is to us: an authority speaks for its zone, a forwarder for whatever it has resolved.
enum class ServerRole : std::uint8_t {
  authority,
  recursive,  // named as name server, answers from a cache: taken for an authority where nobody else is left
  forwarder
};

struct AskedQuestion {
  Name name;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  Name zone_cut;  // whose server was asked
  Sections sections = Sections::minimal;
  ServerRole role = ServerRole::authority;
  ScrubRules rules = {};
  // Forward and stub zones below the cut: an alias may lead there, but what is there only their own servers say.
  std::vector<Name> elsewhere = {};
};

enum class ResponseMeaning : std::uint8_t {
  answer,          // `rrsets` hold what was asked for, at the end of `chain`
  alias,           // the chain leads out of what this server may answer: ask for chain_end()
  nodata,          // of chain_end()
  empty,           // NODATA with nothing that says so; another server may know more
  nxdomain,        // of chain_end()
  referral,        // to `referral`
  yxdomain,        // a DNAME made the name too long (RFC 6672 section 2.2)
  lame,            // does not serve the zone: REFUSED, NOTAUTH, upward referral
  recursive,       // not an authority's answer but some cache's
  server_failure,  // SERVFAIL, or any other RCODE that says nothing
  edns_refused,    // FORMERR, NOTIMP, BADVERS: may be the OPT record's fault
  malformed
};

// One alias of the chain. A DNAME comes with the CNAME that we synthesised from it, never the server's own.
struct ChainLink {
  Name owner;
  Name target;
  SignedRrset alias;  // CNAME as received, or DNAME
  std::optional<Rrset> synthesised;
};

struct ClassifiedResponse {
  ResponseMeaning meaning = ResponseMeaning::malformed;
  Rcode rcode = Rcode::noerror;
  Credibility credibility = Credibility::unauthoritative;
  std::vector<ChainLink> chain;
  std::vector<SignedRrset> rrsets;  // more than one for ANY only
  // Of a denial: SOA, and NSEC, NSEC3 and RRSIGs where they came; without SOA also NS, and for whole answers the
  // addresses of the additional section.
  std::vector<Rrset> authority;
  std::uint32_t negative_ttl = 0;  // RFC 2308 section 5; 0 without SOA: not to be cached
  std::vector<Rrset> proofs;       // beside data: NSEC, NSEC3 and their RRSIGs of the authority section
  std::optional<Delegation> referral;
  std::optional<SignedRrset> referral_ds;  // its absence is proven by what `proofs` holds, or by nothing
  std::uint32_t referral_ttl = 0;
  std::vector<Limit> limits_reached;  // where the message held more than is looked at

  const Name& chain_end(const AskedQuestion& asked) const { return chain.empty() ? asked.name : chain.back().target; }
};

ClassifiedResponse classify_response(const Message& message, const AskedQuestion& asked);

// An RRset of the message with its signatures, and owned by `owner` as we spell it: 0x20 made the server's spelling
// random. Signatures prove themselves, so it does not matter in which section a server put them.
SignedRrset signed_in(const Message& message, const Rrset& rrset, const Name& owner);

// The CNAME that a DNAME stands for at `name` strictly below its owner; nothing when it would be too long.
std::optional<Rrset> synthesise_cname(const Rrset& dname, const Name& name);

// Whether an upstream query may go where a record says: not to nobody or a group, nor to ourselves by default.
bool is_askable(const IpAddress& address, const ScrubRules& rules = {});

// Addresses of A and AAAA records, those that are not askable left out, each once. False where there were more than
// addresses_per_name_server.
bool append_addresses(std::vector<IpAddress>& out, const Rrset& rrset, const ScrubRules& rules);

// The name servers of an NS RRset with the addresses that `additional` holds for them, bounded; `limits_reached` gets
// the bounds that left something out.
Delegation make_delegation(const Rrset& ns, const std::vector<Rrset>& additional, const Name& glue_from,
                           const ScrubRules& rules, std::vector<Limit>& limits_reached);

}  // namespace weir
