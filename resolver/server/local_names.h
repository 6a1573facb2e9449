// What is answered here, by the administrator's local zones and records or because the name is special (RFC 6303,
// 6761): which of them has the word, the chain of local aliases, the reply.
//
// Nothing here allocates but local_alias_of(). Any thread; it is as constant as what it was made of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "resolver/wire/query.h"
#include "zones/local_data.h"
#include "zones/store/generation.h"

namespace weir {

enum class LocalAuthor : std::uint8_t {
  administrator,  // weir.toml: nothing blocks what he answers himself
  standard        // a name that is special by default
};

struct LocalMatch {
  LocalFinding finding;
  LocalAuthor author = LocalAuthor::administrator;
  bool answers() const { return finding.outcome != LocalFinding::Outcome::none; }
};

class LocalNames {
 public:
  // `special` outlives it; nullptr: no name is special.
  explicit LocalNames(const LocalData* special) : special_(special) {}

  // The longest zone that holds the name has the word, the administrator's where both are equally long. Valid as long
  // as the generation.
  LocalMatch match(const Generation& generation, std::span<const std::uint8_t> name, RecordType type) const;

 private:
  LocalMatch match_zones(const Generation& generation, std::span<const std::uint8_t> name, RecordType type) const;

  const LocalData* special_;
};

// Where a local alias leads out of the local zones.
struct LocalAlias {
  std::vector<Rrset> links;  // the CNAMEs on the way, with the owners that they have for this question
  Name target;
};
std::optional<LocalAlias> local_alias_of(const LocalNames& names, const Generation& generation, const Query& query);

struct LocalReply {
  std::size_t size = 0;  // in `out`; 0: none is sent
  // An alias leads out of the local zones to this name, which has to be resolved. Empty: it does not. Valid until the
  // next call; as long as the generation.
  std::span<const std::uint8_t> resolve;
};
using TargetBuffer = std::array<std::uint8_t, kMaxNameSize>;  // for a target that the question decides

// `first`: what match() said of the question; it answers. `dns64`: an AAAA may be made of local A; nullptr: not.
// Answers have AA (RFC 6303 section 3); a chain that has no end is SERVFAIL, one that grows too long YXDOMAIN (RFC 6672
// section 2.2).
LocalReply write_local_answer(std::span<std::uint8_t> out, const Query& query, const LocalNames& names,
                              const Generation& generation, const LocalMatch& first, const Dns64* dns64,
                              TargetBuffer& target);

}  // namespace weir
