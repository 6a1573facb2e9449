// Match sets of names, in front of the store: by name, or by suffix where one subtree rule decides for everything
// below it, so that a flood of random names under a blocked domain costs no look-up. One worker's; one thread.
//
// Fixed memory, no allocation after the constructor. Entries of another names epoch are not seen. Sets of more
// than kMaxMatches rules, and names longer than kMaxStoredName octets, are not kept: they cost a look-up each time.
#pragma once

#include <cstdint>
#include <span>

#include "zones/base/ids.h"
#include "zones/match.h"

namespace weir {

class MatchCache {
 public:
  // Touched as it fills.
  explicit MatchCache(std::size_t size_bytes);
  ~MatchCache();
  MatchCache(const MatchCache&) = delete;
  MatchCache& operator=(const MatchCache&) = delete;

  // Two steps, so that a batch overlaps its memory latencies: prefetch() for all, prefetch_entry() for all, then
  // find().
  void prefetch(std::uint64_t hash) const;
  void prefetch_entry(std::uint64_t hash) const;
  // `qname`: a wire name of any case, `hash`: hash_wire_name(qname).
  // True: `out` is what Generation::match() of that epoch gives for the name (maybe nothing).
  bool find(std::span<const std::uint8_t> qname, std::uint64_t hash, NamesEpoch epoch, MatchSet& out) const;
  void put(std::span<const std::uint8_t> qname, std::uint64_t hash, NamesEpoch epoch, const MatchSet& matches);

 private:
  static constexpr unsigned kMaxMatches = 4;
  static constexpr unsigned kMaxLists = 11;
  static constexpr std::size_t kMaxStoredName = 62;
  static constexpr unsigned kWays = 8;

  struct Entry;
  struct Set;
  enum class Scope : std::uint8_t { empty, name, below };

  bool find_entry(std::span<const std::uint8_t> name, std::uint64_t hash, Scope scope, NamesEpoch epoch,
                  MatchSet& out) const;

  std::size_t size_;  // octets mapped
  Set* sets_;
  std::uint64_t mask_;
  std::uint64_t shared_lengths_ = 0;  // bit n: a suffix of n labels (n < 64) was ever put
};

}  // namespace weir
