// What secure zones have proven not to exist, kept to answer questions that nobody asked yet (RFC 8198).
//
// Only records whose signatures held go in. An answer is made only where they prove it without opt-out; the proof goes
// through the same code as one that came from a server. Any number of threads: sharded by zone, one mutex a shard (off
// the packet path). Bounded in records; a shard that is full forgets its zones, the one used least recently first.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/base/budget.h"
#include "resolver/cache/rrset_cache.h"
#include "resolver/dnssec/nsec3.h"

namespace weir {

class DenialCache {
 public:
  explicit DenialCache(std::size_t max_records = 200'000);

  // `records`: NSEC or NSEC3 with the RRSIGs that held, their TTLs as far as those allow, NSEC3 with no more iterations
  // than whoever checked them accepts; `soa` of the zone likewise. `wildcard`: one of the zone's that was found to
  // exist, for which the records prove that it may answer.
  void put(const Name& zone, const std::vector<SignedRrset>& records, const std::optional<SignedRrset>& soa,
           SteadyTime now, const std::optional<Name>& wildcard = std::nullopt);

  struct Synthesised {
    enum class Kind : std::uint8_t { nodata, nxdomain, wildcard } kind = Kind::nodata;
    std::vector<Rrset> authority;  // SOA (not for a wildcard), NSEC or NSEC3, and their RRSIGs
    std::uint32_t ttl_seconds = 0;
    Name zone;
    Name wildcard;  // the name whose records answer; it exists, but may lack the type
  };
  // Hashes are paid for from `budget`, and are not begun where little of it is left: the answer itself may need them.
  std::optional<Synthesised> find(const Name& name, RecordType type, SteadyTime now, Budget& budget);

  void clear();
  void erase(const Name& zone);
  std::size_t size() const;  // records

 private:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kMaxWildcards = 16;

  struct Record {
    SignedRrset data;
    SteadyTime expires;
  };
  struct CanonicalOrder {
    bool operator()(const Name& a, const Name& b) const { return a.canonical_compare(b) < 0; }
  };
  struct Zone {
    Name apex;
    std::map<Name, Record, CanonicalOrder> nsec;  // by owner
    std::map<Nsec3Hash, Record> nsec3;            // by hash, all of the parameters below
    std::uint16_t iterations = 0;
    std::vector<std::uint8_t> salt;
    std::optional<Record> soa;
    std::vector<Name> wildcards;  // that exist, at most kMaxWildcards; whether one still does its records tell

    std::size_t size() const { return nsec.size() + nsec3.size(); }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Zone> zones;  // most recently used first
    std::unordered_map<Name, std::list<Zone>::iterator> index;
    std::size_t records = 0;
  };
  using Proofs = std::vector<const Record*>;

  Shard& shard(const Name& zone) { return shards_[zone.hash() >> 28 & (kShards - 1)]; }
  static void put_nsec3(Zone& zone, const SignedRrset& record, SteadyTime expires);
  static std::optional<Synthesised> find_in(const Zone& zone, const Name& name, RecordType type, SteadyTime now,
                                            Budget& budget);
  static Proofs nsec_proofs(const Zone& zone, const Name& name, SteadyTime now, Name& wildcard);
  static Proofs nsec3_proofs(const Zone& zone, const Name& name, SteadyTime now, Name& wildcard, Budget& budget);

  const std::size_t max_of_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace weir
