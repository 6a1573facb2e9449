// Proofs that something does not exist, from NSEC (RFC 4035 section 5.4) and NSEC3 (RFC 5155 section 8).
//
// Pure: records whose signatures hold go in, and for each question comes out what they prove. Both kinds keep the rule
// of RFC 6840 section 4.1: the parent's side of a zone cut, and a DNAME's owner, deny nothing below them, and such a
// zone cut denies of its own types only DS.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "resolver/base/budget.h"
#include "resolver/dnssec/nsec.h"
#include "resolver/dnssec/nsec3.h"
#include "zones/dns/rrset.h"

namespace weir {

enum class Proof : std::uint8_t {
  proven,
  proven_insecure,  // by an NSEC3 with opt-out: an unsigned delegation may be there, AD must not be set (section 9.2)
  not_proven,       // bogus
  limit,            // Limit::nsec3_hashes is spent
  too_many_iterations,  // of NSEC3: treat as insecure, with EdeCode::unsupported_nsec3_iterations (RFC 9276)
};

inline bool is_proven(Proof proof) {
  return proof == Proof::proven || proof == Proof::proven_insecure;
}

class Denial {
 public:
  // `zone` is the signer of all that is added. Hashes spend `budget`, which must outlive this.
  Denial(const Name& zone, Budget& budget, std::uint16_t max_iterations = kMaxNsec3Iterations)
      : zone_(zone), budget_(&budget), max_iterations_(max_iterations) {}

  // A validated RRset that lives longer than this; what is neither NSEC nor NSEC3, or is malformed, is passed over, and
  // so are NSEC3 whose parameters are not those of the first (RFC 5155 section 8.2).
  void add(const Rrset& validated);
  bool empty() const { return nsec_.empty() && nsec3_.empty() && !too_many_iterations_; }

  // NXDOMAIN: neither `qname` exists nor a wildcard it could be expanded from (RFC 5155 section 8.4).
  Proof name_error(const Name& qname);

  // NODATA: `qname` exists (also as an empty non-terminal) or comes from a wildcard, and has neither `qtype` nor CNAME
  // (sections 8.5 to 8.7). For DS, and for what hides below an unsigned delegation, opt-out is enough.
  Proof no_data(const Name& qname, RecordType qtype);

  // An answer was expanded from the wildcard at `closest_encloser` (SignatureCheck): nothing lies closer to `qname`
  // (section 8.8).
  Proof wildcard_answer(const Name& qname, const Name& closest_encloser);

  // `zone_cut` is delegated and has no DS, so that what lies below is insecure (section 8.9). A name that is no zone
  // cut is not_proven, also where no_data proves that it has no DS.
  Proof unsigned_delegation(const Name& zone_cut);

 private:
  // NSEC
  const Nsec* match(const Name& name) const;
  const Nsec* cover(const Name& name) const;  // one that may deny `name`
  bool nsec_name_error(const Name& qname) const;
  bool nsec_no_data(const Name& qname, RecordType qtype) const;

  // NSEC3. Look-ups give nothing where the budget is spent, and null where there is none.
  std::optional<const Nsec3*> match_hash(const Name& name);
  std::optional<const Nsec3*> cover_hash(const Name& name);
  struct Enclosed {  // section 8.3
    Proof proof = Proof::not_proven;
    Name closest_encloser;
    bool opt_out = false;  // of what covers the next closer name
  };
  Enclosed closest_encloser_proof(const Name& qname);
  Proof nsec3_name_error(const Name& qname);
  Proof nsec3_no_data(const Name& qname, RecordType qtype);
  Proof nsec3_wildcard_answer(const Name& qname, const Name& closest_encloser);
  Proof nsec3_unsigned_delegation(const Name& zone_cut);

  Name zone_;
  Budget* budget_;
  std::uint16_t max_iterations_;
  std::vector<Nsec> nsec_;
  std::vector<Nsec3> nsec3_;
  std::optional<Nsec3Hasher> hasher_;
  bool too_many_iterations_ = false;
};

}  // namespace weir
