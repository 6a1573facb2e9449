// What was learnt from authoritative servers: RRsets, negative answers (RFC 2308), NXDOMAIN cuts (RFC 8020),
// delegations, and failures (RFC 9520). Unfiltered; shared by the workers.
//
// Any number of threads: sharded by name, one mutex a shard (this is off the packet path). Bounded in octets; the
// entry that was used least recently goes first. TTLs are capped here (limits.h: ttl_s, negative_ttl_s) and come back
// as what is left of them. No clock: `now` is an argument.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolver/base/limits.h"
#include "resolver/base/security.h"
#include "resolver/cache/delegation.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"
#include "zones/dns/rrset.h"

namespace weir {

// How far data is to be believed (RFC 2181 section 5.4.1), least first. An entry is not replaced by a less credible
// one while it lives.
enum class Credibility : std::uint8_t {
  glue,                 // additional section of a referral: for reaching name servers only
  authority_section,    // the zone's NS beside its answers: for reaching it only
  unauthoritative,      // answer section without AA
  authoritative_answer  // answer section with AA
};

struct SignedRrset {
  Rrset rrset;
  Rrset signatures;  // its RRSIGs; empty where none came
  // NSEC, NSEC3 and their RRSIGs that came beside it: why a wildcard may stand for its owner.
  std::vector<Rrset> proofs = {};
  // What else the message held, with its RRSIGs: kept only where answers are not minimal.
  std::vector<Rrset> authority = {};
  std::vector<Rrset> additional = {};
  Security security = Security::indeterminate;
};

struct CachedRrset {
  SignedRrset data;  // ttl_seconds: what is left
  Credibility credibility = Credibility::glue;
  Name zone_cut;  // of the zone that gave it
};

enum class NegativeKind : std::uint8_t { nodata, nxdomain };

struct CachedNegative {
  NegativeKind kind = NegativeKind::nodata;
  std::vector<Rrset> authority;  // SOA (and proofs, where DO was set)
  std::uint32_t ttl_seconds = 0;
  Name zone_cut;
  Security security = Security::indeterminate;
};

struct CachedFailure {
  std::optional<EdeCode> ede;
  std::string text;
  std::uint32_t ttl_seconds = 0;
};

// One entry as it is shown.
struct CachedEntry {
  enum class Kind : std::uint8_t { glue, unauthoritative, answer, nodata, nxdomain, delegation, failure };
  Kind kind = Kind::answer;
  Name name;
  RecordType type{};  // of nxdomain and delegation: none
  std::uint32_t ttl_seconds = 0;
  Security security = Security::indeterminate;
  Name zone_cut;                    // of the zone that gave it
  std::optional<SignedRrset> data;  // of glue, unauthoritative and answer
  std::vector<NameServer> servers;  // of delegation
  std::optional<EdeCode> ede;       // of failure
  std::string text;                 // of failure
};
enum class Below : std::uint8_t { left_out, included };

// Whether an entry must have been fetched with DO, so that its signatures are there if the zone has any.
enum class Signatures : std::uint8_t { not_needed, needed };

class RrsetCache {
 public:
  explicit RrsetCache(std::size_t capacity_bytes);
  ~RrsetCache();
  RrsetCache(const RrsetCache&) = delete;
  RrsetCache& operator=(const RrsetCache&) = delete;

  // Data with TTL 0 is not kept. `not_after` clamps the life of glue to its delegation's.
  void put(const SignedRrset& data, Credibility credibility, const Name& zone_cut, Signatures fetched_with,
           SteadyTime now, SteadyTime not_after = SteadyTime::max());
  // The owner of what comes back has the case of `name`.
  std::optional<CachedRrset> find(const Name& name, RecordType type, Credibility at_least, Signatures signatures,
                                  SteadyTime now) const;

  // NXDOMAIN covers every type of `name` and everything below it (RFC 8020).
  void put_negative(const Name& name, RecordType type, NegativeKind kind, const std::vector<Rrset>& authority,
                    std::uint32_t ttl_seconds, const Name& zone_cut, Signatures fetched_with, SteadyTime now,
                    Security security = Security::indeterminate);
  std::optional<CachedNegative> find_negative(const Name& name, RecordType type, Signatures signatures,
                                              SteadyTime now) const;

  void put_delegation(const Delegation& delegation, SteadyTime now);
  // The deepest known zone cut at `name` or above it; nothing where not even the root is known.
  std::optional<Delegation> closest_delegation(const Name& name, SteadyTime now) const;

  // Doubles the time with each failure that follows on the last one, up to `longest_s` (and begins with a quarter of
  // that at most); returns the TTL in seconds.
  std::uint32_t put_failure(const Name& name, RecordType type, std::optional<EdeCode> ede, const std::string& text,
                            SteadyTime now, std::uint64_t longest_s = limit_of(Limit::failure_ttl_max_s));
  std::optional<CachedFailure> find_failure(const Name& name, RecordType type, SteadyTime now) const;
  void forget_failure(const Name& name, RecordType type);

  void clear();
  void erase(const Name& name);                   // everything at this name; names below it stay
  std::uint64_t erase_subtree(const Name& name);  // and below it; returns how many entries. Walks all of them

  // What is known at `name` and, where wanted, below it, in canonical order; at most `most`. Walks all entries.
  std::vector<CachedEntry> list(const Name& name, Below below, SteadyTime now, std::size_t most) const;
  std::size_t size_bytes() const;
  std::size_t entries() const;
  std::size_t capacity_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
