// What one client may see, at this moment: the verdict over QNAME, alias chain and addresses
// (SEMANTICS section 5), and the block answer that follows from it (section 4).
//
// Pure functions of their arguments; no clock, no lock, no allocation once the vectors have grown.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "resolver/cache/answer_matches.h"
#include "resolver/engine/engine.h"
#include "resolver/wire/query.h"
#include "zones/link/decision.h"
#include "zones/store/generation.h"
#include "zones/verdict.h"

namespace weir {

struct DecisionTrace;  // resolver/filter/decision_trace.h

// Who asks, under which generation, when.
struct Asker {
  const Generation& generation;
  std::uint32_t group = 0;  // PolicySet::group_of(client)
  IpAddress client;
  WallTime now;
  Transport transport = Transport::udp;
  const MatchSet* client_matches = nullptr;  // what rules say of the client's address; nullptr: there are none
  // The first rank that holds an RPZ zone of this policy with rules on addresses or name servers: what a later rank
  // says of the QNAME is provisional. See first_response_rank().
  int response_rank = DecideContext::kAllRanks;
  bool upstream_blocks = false;     // the answer at hand is a block of the server that was asked
  const Policy* instead = nullptr;  // asked for this group instead of its own policy; nullptr: its own
  // Policies that read the generation's rules instead of its own, and whose `group` is one of; nullptr: its own.
  const PolicySet* candidate = nullptr;
  DecisionTrace* trace = nullptr;  // somebody wants to know why; nullptr for clients

  const Policy& policy() const {
    return instead != nullptr ? *instead : policies().policies[policies().groups[group].policy];
  }
  const PolicySet& policies() const { return candidate != nullptr ? *candidate : generation.policies(); }
};

struct FilterVerdict {
  Verdict verdict;
  int part = -1;                  // index into the AnswerMatches that decided; -1: none, or default deny
  const Match* winner = nullptr;  // into the matches given; nullptr: default deny, rebinding or no rule
  int observed_part = -1;         // the first part on which an observe list would have blocked
  const Match* observed = nullptr;
  bool rebinding = false;         // blocked as a private address of a name that is not local
  bool overruled = false;         // allowed by an earlier zone's PASSTHRU although a later rank blocks a name
  bool provisional = false;       // an RPZ zone of an earlier rank has a say once the answer is known
  std::optional<WallTime> until;  // the next edge in time that may change this
  bool blocked() const { return verdict.outcome == Outcome::blocked; }
};

// Asker::response_rank of a policy, of these policies, over the generation's rules.
int first_response_rank(const Generation& generation, const PolicySet& policies, const Policy& policy);
inline int first_response_rank(const Generation& generation, const Policy& policy) {
  return first_response_rank(generation, generation.policies(), policy);
}

// Whether an address belongs into private networks: private, shared (CGNAT), loopback, link-local, unique local, also
// where it is mapped or embedded into IPv6.
bool is_private_address(const IpAddress& address);

// Before any recursion: the QNAME and the client. `none`, `allowed` and provisional ones mean: go on.
FilterVerdict decide_question(const AnswerMatches& parts, const Asker& asker, RecordType type);

// With the whole answer: QNAME, each alias, each address, first block decides; an allow rule on the QNAME clears
// what lists say of later parts (unless the policy is strict_chain), on a later part that part only. PASSTHRU of an RPZ
// zone ends the evaluation of its rank and those behind it for all parts; addresses and name servers that a zone of an
// earlier rank knows overrule what later ranks said of names.
FilterVerdict decide_answer(const AnswerMatches& parts, const Asker& asker, RecordType type);
// The same where the QNAME is the administrator's own local record: as if a rule allowed it.
FilterVerdict decide_local_answer(const AnswerMatches& parts, const Asker& asker, RecordType type);

// Which parts of an answer are kept: those that AnswerMatches is for, or, for people, also what no rule matches.
enum class KeptParts : std::uint8_t { matched, all };

// Looks up everything in `result` that a rule may match. `out` holds QNAME already looked up as its first element.
void match_answer(const ResolutionResult& result, const Generation& generation, AnswerMatches& out,
                  KeptParts kept = KeptParts::matched);

// Seconds from `now` to an edge in time; nothing where there is none.
std::optional<std::uint32_t> ttl_left(const std::optional<WallTime>& until, WallTime now);
// How long a block answer may be kept.
std::uint32_t block_ttl(const FilterVerdict& verdict, const Asker& asker);

// The name that a blocked question is answered with instead: it is resolved, without policy, behind a CNAME. Nothing:
// write_block_answer() has the whole answer.
std::optional<Name> substitution_of(const FilterVerdict& verdict, const Query& query, const Asker& asker);

// What servers' names and addresses rules speak of: the zone cuts of each link and all above them, as the cache knows
// them. For generations that have such rules.
void match_name_servers(const ResolutionResult& result, const Generation& generation, const RrsetCache& rrsets,
                        SteadyTime now, AnswerMatches& out, KeptParts kept = KeptParts::matched);

// The whole reply for a blocked question: block mode, SOA, TTL, EDE. Returns its size; 0: send nothing (drop).
// `parts` and `verdict` as decided; `max_size`: what the client takes.
std::size_t write_block_answer(std::span<std::uint8_t> out, const Query& query, const Asker& asker,
                               const AnswerMatches& parts, const FilterVerdict& verdict);

// The decision record of a verdict that is to be logged: blocked, would-block, allowed over a block. Returns false
// where there is nothing to log. Client identity, latency and transport are the caller's to fill.
bool describe_decision(Decision& out, const Query& query, const Asker& asker, const AnswerMatches& parts,
                       const FilterVerdict& verdict);
// The same of a query on which no rule had a say.
void describe_resolved(Decision& out, const Query& query, const Asker& asker);

}  // namespace weir
