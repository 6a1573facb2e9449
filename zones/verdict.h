// Which of the rules that match wins under one policy, and who lost (SEMANTICS sections 3 and 4).
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "zones/match.h"
#include "zones/policy.h"

namespace weir {

// Looks up the detail of a rule; a generation is one. Returns nullptr for an id that it does not hold.
class DetailSource {
 public:
  virtual ~DetailSource() = default;
  virtual const RuleDetail* detail(PayloadId id) const = 0;
};

// Who asks for what, and when: everything that conditions are evaluated against.
struct DecideContext {
  const PolicySet& policies;
  std::uint32_t group = 0;  // index into policies.groups
  IpAddress client;
  const Name& name;  // the name or alias that the matches belong to
  RecordType type = RecordType::a;
  WallTime now;
  const DetailSource& details;
  bool is_qname = true;            // default deny asks the QNAME only; aliases and addresses pass without a rule
  bool clear_list_blocks = false;  // an earlier part was allowed by a rule: what defined lists block no longer counts
  const MatchSet* client_matches = nullptr;  // rules on the client's address, which decide together with the QNAME's
  int ranks_before = kAllRanks;              // what comes from here on is decided already (PASSTHRU of an RPZ zone)
  bool only_rpz = false;                     // a block stands, which only RPZ zones can change
  const Policy* instead = nullptr;           // asked for this group instead of its own policy; nullptr: its own

  static constexpr int kAllRanks = std::numeric_limits<int>::max();

  const Policy& policy() const {
    return instead != nullptr ? *instead : policies.policies[policies.groups[group].policy];
  }
};

enum class Outcome : std::uint8_t {
  none,     // no rule: resolve
  allowed,  // by a rule, or by a pause
  blocked   // by a rule, or by default deny (then winner is kNoRule)
};

std::string_view to_text(Outcome outcome);  // "blocked"

inline constexpr int kNoRule = -1;
inline constexpr unsigned kMaxLosers = 8;

struct Verdict {
  Outcome outcome = Outcome::none;
  Action action = Action::allow;         // of the winner; Action::block: as the policy says
  int winner = kNoRule;                  // index: see match_at()
  int rank = DecideContext::kAllRanks;   // of the winner's list
  bool by_rpz = false;                   // the winner's list is an RPZ zone: allowed means PASSTHRU
  std::array<int, kMaxLosers> losers{};  // indices, most relevant first
  std::uint8_t loser_count = 0;
  // NXDOMAIN must become NODATA: the winning rule does not cover its whole subtree for all types,
  // or a list of this policy opens something below it (SEMANTICS section 4).
  bool degrade_nxdomain = false;
  bool nxdomain_as_written = false;  // the winner's list wants its NXDOMAIN never to degrade
  bool would_deny = false;           // by default deny, had the policy not only to learn
  // What the observe lists would have done had they been enforced: kNoRule when nothing else.
  int observed_winner = kNoRule;
  // A block that filtering at rest does not carry out: index into PolicySet::pauses, and `winner` is kNoRule.
  int pause = kNoRule;
  // The next edge in time of a rule that matches, of its list's schedule or of a pause: what is answered now is to live
  // no longer.
  std::optional<WallTime> until;
};

// What stands for a pause where a winning rule is shown.
inline constexpr Match kPauseMatch{.list = kOverlays.value, .kind = PatternKind::client, .action = Action::allow};

// What a match of this list asks for: what the list is overridden with, else what the rule says.
inline Action action_of(const Match& match, const ListDefinition& list) {
  return list.override_action.value_or(match.action);
}

// Indices count the matches of the name or address first, then the client's.
const Match& match_at(const MatchSet& matches, const DecideContext& context, int index);

// Whether a rule with these conditions speaks of this question, now.
bool applies(const Conditions& conditions, const DecideContext& context);

// Pure and allocation-free up to 64 matches; above, n log n in their number, which is bounded by the rules of a list on
// one target (store/write_changes.h), the labels of a name and the lists. `matches` is one match set of one name or one
// address.
Verdict decide(const MatchSet& matches, const DecideContext& context);

}  // namespace weir
