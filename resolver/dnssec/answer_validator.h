// Whether an answer is what its zones signed: each RRset of it, and each proof that something is not there (RFC 4035
// section 5, RFC 5155 section 8).
//
// Sans-I/O: run() ends, or names a DS or DNSKEY that has to be fetched first; give() it and run() again. Nothing is
// checked twice. All that it checks is paid for from the resolution's one budget.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "resolver/base/security.h"
#include "resolver/dnssec/chain_of_trust.h"

namespace weir {

// One RRset of an answer.
struct AnswerPiece {
  // Of a secure RRset that a wildcard made: the wildcard, the zone that signed it, and what proves that it may.
  std::optional<Name> wildcard = {};
  Name zone = {};
  std::vector<SignedRrset> proofs = {};
  SignedRrset data;                    // where its security is not `indeterminate`, that was found out before
  Name zone_cut;                       // of the zone whose servers gave it
  std::optional<Name> redirects = {};  // of a DNAME: the name below it that it answers for
};

// "There is no such name", or no such type at it.
struct DenialPiece {
  Name name;
  RecordType type = RecordType::a;
  NegativeKind kind = NegativeKind::nodata;
  std::vector<Rrset> authority;  // SOA, NSEC, NSEC3 and their RRSIGs
  std::uint32_t ttl_seconds = 0;
  Name zone_cut;
  Security security = Security::indeterminate;
  // Of a secure denial: what was checked, and the zone that signed it.
  Name zone = {};
  std::vector<SignedRrset> proofs = {};
  std::optional<SignedRrset> soa = {};
};

struct Validated {
  Security security = Security::indeterminate;  // the worst of all pieces
  std::optional<EdeCode> ede;                   // of bogus; of insecure where it says more
  std::string why;                              // of bogus
  std::optional<Name> blamed;                   // of bogus: the zone whose servers gave what is bogus
  std::optional<Name> broken;                   // where that is a DS or DNSKEY: its owner
  // What of it: DS, DNSKEY. settled: others found that out before, and asked whoever could be asked.
  enum class Blame : std::uint8_t { answer, delegation, keys, settled } blame = Blame::answer;
  bool limit_reached = false;  // the budget ended first: nothing is known
};

class AnswerValidator {
 public:
  AnswerValidator(const TrustRules& rules, ZoneTrustCache& cache, ChainOfTrust::KnowsDs knows_ds = {})
      : chain_(rules, cache, std::move(knows_ds)) {}

  // The chain's links first, in order; then what stands at its end. Pieces come back with their security and with TTLs
  // that no signature outlives.
  std::vector<AnswerPiece> pieces;
  std::optional<DenialPiece> denial;

  std::variant<Validated, TrustQuestion> run(Now now, Budget& budget);
  std::vector<Name> bogus_zones() const { return chain_.bogus_zones(); }
  void keep_bogus() { chain_.keep_bogus(); }  // they stay so for a while, whoever asks
  void give(const TrustQuestion& question, TrustRecords records) { chain_.give(question, std::move(records)); }

 private:
  // What came of one piece; nothing: it is good or insecure, go on.
  using PieceOutcome = std::variant<Security, Validated, TrustQuestion>;
  PieceOutcome validate(AnswerPiece& piece, Now now, Budget& budget);
  PieceOutcome validate_data(AnswerPiece& piece, Now now, Budget& budget);
  // The keys of the zone that claims to have signed `what`; else what that means for it.
  std::variant<std::shared_ptr<const ZoneKeys>, PieceOutcome> keys_of(const Name& signer, const std::string& what,
                                                                      Now now, Budget& budget);
  PieceOutcome validate_unsigned(const Name& name, const Name& zone_cut, EdeCode missing, Now now, Budget& budget);
  PieceOutcome validate_wildcard(AnswerPiece& piece, const Name& closest_encloser, const ZoneKeys& keys, Now now,
                                 Budget& budget);
  PieceOutcome validate(DenialPiece& piece, Now now, Budget& budget);
  // `records` of it, by the keys of `signer`.
  PieceOutcome validate_proof(DenialPiece& piece, const std::vector<SignedRrset>& records, const Name& signer, Now now,
                              Budget& budget);
  // The denial records that came with the answer, for a DS that somebody asks for; true where they settled it.
  std::variant<bool, TrustQuestion> settle_with_proofs(const TrustQuestion& question, Now now, Budget& budget);
  // Leaves of a denial's authority section what was checked, and of what came beside it what is secure itself: AD
  // speaks of all of it (RFC 4035 section 3.2.3).
  void keep_checked(DenialPiece& piece, Now now, Budget& budget);
  // Drops what came beside a secure RRset and is not secure itself.
  void clean(std::vector<Rrset>& beside, Now now, Budget& budget);
  // A verdict from the cache comes without its remark.
  void recall_remark(const Name& name, const Name& zone_cut, const std::vector<Rrset>& proofs, Now now);
  PieceOutcome of_proof(Proof proof, const std::string& what);

  ChainOfTrust chain_;
  std::optional<EdeCode> remark_;  // of an insecure piece
  // Names whose DS the answer's own denial records were asked for; whether they settled one, so that the client needs
  // them too.
  std::vector<Name> tried_;
  bool proofs_settle_ = false;
};

}  // namespace weir
