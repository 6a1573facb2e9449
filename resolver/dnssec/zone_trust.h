// What is known of a zone's trust: its validated keys, that it is insecure, or that its chain is broken. Kept for all
// workers, so that a zone's keys are checked and parsed once while its records live.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "resolver/dnssec/public_key.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

enum class TrustState : std::uint8_t {
  secure,
  insecure,  // proven, or there is no trust anchor above it (RFC 4035 section 4.3)
  no_cut,    // proven to be no zone of its own: what lies above decides
  bogus,
  limit  // the budget ended first: nothing is known, and nothing is kept
};

struct ZoneTrust {
  TrustState state = TrustState::bogus;
  std::shared_ptr<const ZoneKeys> keys;  // of secure
  std::optional<EdeCode> ede;            // of bogus, and of insecure where it says more
  std::string why;                       // of bogus: which record of which zone, for people
  std::optional<Name> blamed;            // of bogus: the zone whose servers gave what is bogus; none: found out before
  SteadyTime expires;
  std::optional<Name> broken = {};  // of bogus: the zone whose DS or DNSKEY is to blame, itself or one above it
};

// Any number of threads: sharded by name, one mutex a shard (off the packet path). Bounded; the entry that was used
// least recently goes first.
class ZoneTrustCache {
 public:
  explicit ZoneTrustCache(std::size_t max_zones = 100'000);

  std::optional<ZoneTrust> find(const Name& zone, SteadyTime now);
  void put(const Name& zone, ZoneTrust trust);
  void erase(const Name& zone);
  void erase_subtree(const Name& name);  // and below it
  void clear();                          // trust anchors changed, or a flush asks for it
  std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Entry {
    Name zone;
    ZoneTrust trust;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // most recently used first
    std::unordered_map<Name, std::list<Entry>::iterator> index;
  };
  Shard& shard(const Name& zone) { return shards_[zone.hash() >> 24 & (kShards - 1)]; }

  const std::size_t max_of_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace weir
