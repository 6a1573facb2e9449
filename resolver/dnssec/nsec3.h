// One NSEC3 record (RFC 5155 section 3), the hash of its owner names, and what computing them may cost.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "resolver/base/budget.h"
#include "resolver/dnssec/type_bitmap.h"
#include "zones/dns/name.h"
#include "zones/dns/rrset.h"

namespace weir {

using Nsec3Hash = std::array<std::uint8_t, 20>;  // SHA-1, the one algorithm there is

inline constexpr std::uint16_t kMaxNsec3Iterations = 50;  // more make a zone insecure (RFC 9276 section 3.2)

// Points into the RDATA that it was made from, which must outlive it.
struct Nsec3 {
  Nsec3Hash owner{};
  Nsec3Hash next{};
  bool opt_out = false;
  std::uint16_t iterations = 0;
  std::span<const std::uint8_t> salt;
  TypeBitmap types;

  bool matches(const Nsec3Hash& hash) const { return owner == hash; }
  // Between owner and next; the last one wraps, and one alone covers all but itself.
  bool covers(const Nsec3Hash& hash) const;
};

// Nothing where it is malformed, of an unknown hash algorithm, with unknown flags (RFC 5155 sections 8.1, 8.2), or
// where `owner` is not a hash directly below `zone`, its signer.
std::optional<Nsec3> parse_nsec3(const Name& owner, std::span<const std::uint8_t> rdata, const Name& zone);

// Whether one of its records has more iterations than that: it proves nothing (RFC 9276 section 3.2).
bool has_more_iterations(const Rrset& nsec3, std::uint16_t max);

// RFC 5155 section 5. Costs iterations + 1 times nsec3_hash_cost(salt) compressions of SHA-1: check kMaxNsec3Iterations
// before.
Nsec3Hash nsec3_hash(const Name& name, std::uint16_t iterations, std::span<const std::uint8_t> salt);

// Compressions of SHA-1 each iteration takes, what a hash spends of Limit::nsec3_hashes: 1 for a salt of up to 35
// octets, 5 for one of 255.
unsigned nsec3_hash_cost(std::span<const std::uint8_t> salt);

// The hashes of one zone's names, each computed once. Every one that is computed spends the budget.
class Nsec3Hasher {
 public:
  // `salt` must outlive it, as must `budget`.
  Nsec3Hasher(std::uint16_t iterations, std::span<const std::uint8_t> salt, Budget& budget)
      : iterations_(iterations), salt_(salt), budget_(&budget) {}

  std::optional<Nsec3Hash> hash(const Name& name);  // nothing: the budget is spent

 private:
  std::uint16_t iterations_;
  std::span<const std::uint8_t> salt_;
  Budget* budget_;
  std::vector<std::pair<Name, Nsec3Hash>> known_;
};

}  // namespace weir
