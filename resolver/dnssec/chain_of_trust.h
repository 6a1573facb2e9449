// The walk from a trust anchor to a zone: DS after DS, DNSKEY after DNSKEY (RFC 4035 section 5).
//
// Sans-I/O: what it lacks it names, the caller fetches that and gives it back, and the walk goes on where it was. Each
// record is checked once; what is learnt of a zone goes into the ZoneTrustCache for everybody, that it is bogus only
// when nobody is left who could say otherwise.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "resolver/cache/rrset_cache.h"
#include "resolver/dnssec/denial.h"
#include "resolver/dnssec/trust_anchors.h"
#include "resolver/dnssec/verify.h"
#include "resolver/dnssec/zone_trust.h"

namespace weir {

// What the administrator says of trust. Swapped as a whole, never changed under a reader.
struct TrustRules {
  TrustAnchors anchors;
  NegativeTrustAnchors negative_anchors;
  AlgorithmTable algorithms = supported_algorithms();
  std::chrono::seconds clock_skew{0};
  std::uint16_t max_nsec3_iterations = kMaxNsec3Iterations;
  // A good signature by each algorithm that DS or trust anchors of a zone name is asked for, not by one (RFC 6840
  // section 5.11 advises against it: zones that roll their algorithm may become bogus).
  bool every_algorithm = false;
  // A zone whose DNSKEY nobody gives is taken for unsigned, not for bogus: whoever can keep the keys away switches its
  // validation off.
  bool missing_keys_are_insecure = false;

  // Where the trust in what lies at `name` begins; null where it is insecure: there is no anchor above it, or a
  // negative one switches it off (a trust anchor below a negative one is meant).
  const TrustAnchor* anchor_of(const Name& name, WallTime now) const;
};

// A record of the chain that has to be fetched: DS from the parent's servers, DNSKEY from the zone's own.
struct TrustQuestion {
  Name name;
  RecordType type = RecordType::ds;
  bool operator==(const TrustQuestion&) const = default;
};

// What came of fetching it.
struct TrustRecords {
  enum class Kind : std::uint8_t { records, alias, no_data, no_name, failed } kind = Kind::failed;
  SignedRrset records;           // of `records`; of `alias` the CNAME
  std::vector<Rrset> authority;  // of a denial: SOA, NSEC, NSEC3 and their RRSIGs
  Name zone_cut;                 // of the zone that said it
  std::optional<EdeCode> ede;    // of a failure
};

// The NSEC and NSEC3 RRsets of an authority section, or its SOA, with the RRSIGs for each.
std::vector<SignedRrset> denial_records(const std::vector<Rrset>& authority);
// `rrset` with the RRSIGs of its section that cover it.
SignedRrset with_signatures(const Rrset& rrset, const std::vector<Rrset>& section);
const Rrset* find_soa(const std::vector<Rrset>& authority);  // null where there is none
std::optional<SignedRrset> soa_record(const std::vector<Rrset>& authority);

// The zone that claims to have signed: of the first RRSIG whose signer is at `owner` or above it, but not above
// `anchor`, the zone where the trust in it begins. What lies above that vouches for nothing below: it may be insecure,
// so that anybody could sign in its name.
std::optional<Name> signer_of(const Rrset& signatures, const Name& owner, const Name& anchor);
// Of those that claim to have signed denial records the deepest zone that may deny `type` at `name`; a DS is not its
// own zone's to deny.
std::optional<Name> denier_of(const std::vector<SignedRrset>& records, const Name& name, RecordType type);

class ChainOfTrust {
 public:
  // Whether fetching the DS of a zone, or that it has none, costs nobody a packet.
  using KnowsDs = std::function<bool(const Name& zone, SteadyTime now)>;
  // All outlive it. Without `knows_ds` nothing is taken to be at hand.
  ChainOfTrust(const TrustRules& rules, ZoneTrustCache& cache, KnowsDs knows_ds = {})
      : rules_(&rules), cache_(&cache), knows_ds_(std::move(knows_ds)) {}

  const TrustAnchor* anchor_of(const Name& name, Now now) const { return rules_->anchor_of(name, now.wall); }

  using Outcome = std::variant<ZoneTrust, TrustQuestion>;
  // The trust in `zone`, which claims to have signed something.
  Outcome zone(const Name& zone, Now now, Budget& budget);
  // The trust in unsigned data at `name`, which servers of `zone_cut` gave: insecure where some zone between them and
  // `name` is; secure where none is, so that signatures are missing.
  Outcome unsigned_at(const Name& name, const Name& zone_cut, Now now, Budget& budget);

  // The insecure zone that unsigned data at `name` lies in, as far as that is known without asking anybody.
  std::optional<ZoneTrust> known_insecure(const Name& name, const Name& zone_cut, Now now) const;

  // Whether denial records that came with an answer prove that `zone` has no DS, so that nobody has to be asked.
  // Nothing: they do not.
  std::optional<Outcome> take_denial(const Name& zone, const std::vector<SignedRrset>& records, Now now,
                                     Budget& budget);

  std::vector<Name> bogus_zones() const;  // found out by this walk
  void keep_bogus();                      // for everybody
  // The answer to a question that an Outcome asked.
  void give(const TrustQuestion& question, TrustRecords records);

  CheckContext check_context(Now now, Budget& budget) const {
    return {rules_->algorithms, now.wall, budget, rules_->clock_skew};
  }
  std::uint16_t max_nsec3_iterations() const { return rules_->max_nsec3_iterations; }
  Denial make_denial(const Name& zone, Budget& budget) const { return {zone, budget, rules_->max_nsec3_iterations}; }
  // Checks the denial records and adds them to `denial`; `zone` is secure and signed them. Nothing: all are good.
  static std::optional<SignatureCheck> check_denial(const std::vector<SignedRrset>& records, const ZoneKeys& keys,
                                                    const CheckContext& context, Denial& denial,
                                                    std::vector<SignedRrset>& checked);

 private:
  // A DS RRset that was found good, and until when; or what follows from there being none.
  struct DsKnown {
    Rrset ds;
    std::uint32_t ttl_seconds = 0;
  };
  using DsOutcome = std::variant<DsKnown, ZoneTrust, TrustQuestion>;
  // `anchor`: the zone above where the trust in it begins.
  DsOutcome ds_of(const Name& zone, const Name& anchor, Now now, Budget& budget);
  // What a zone above settles, as far as no packet is needed for it: below an insecure zone nobody has to be asked.
  std::optional<DsOutcome> settled_above(const Name& zone, const Name& anchor, Now now, Budget& budget);
  // The keys of the zone above that signed (`signer`) what was found of the DS; else what follows.
  using ParentOutcome = std::variant<std::shared_ptr<const ZoneKeys>, DsOutcome>;
  ParentOutcome keys_above(const Name& zone, const std::optional<Name>& signer, const TrustRecords& found,
                           EdeCode missing, Now now, Budget& budget);
  DsOutcome ds_from_records(const Name& zone, const Name& anchor, const TrustRecords& found, Now now, Budget& budget);
  DsOutcome ds_from_denial(const Name& zone, const Name& anchor, const TrustRecords& found, Now now, Budget& budget);
  // What denial records of the zone above, whose keys these are, say of a DS of `zone`; nothing, and `why`, where they
  // prove nothing. Its DsOutcome is a ZoneTrust.
  std::optional<DsOutcome> settle_denial(const Name& zone, const std::vector<SignedRrset>& records,
                                         const ZoneKeys& keys, TrustRecords::Kind kind, Now now, Budget& budget,
                                         EdeCode& why) const;
  Outcome keys_of_zone(const Name& zone, const Rrset& ds, const Rrset& trusted, std::uint32_t ttl, Now now,
                       Budget& budget);
  ZoneTrust remember(const Name& zone, ZoneTrust trust);

  const TrustRules* rules_;
  ZoneTrustCache* cache_;
  KnowsDs knows_ds_;
  std::unordered_map<Name, TrustRecords> ds_, dnskeys_;  // as fetched for this walk
  std::unordered_map<Name, DsKnown> good_ds_;
  std::unordered_map<Name, ZoneTrust> known_;  // also where the cache has let go of it meanwhile
};

}  // namespace weir
