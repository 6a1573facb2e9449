// The worker's side of the filter: the matches of a question, the verdict carried out, the decision logged.
//
// One worker's; one thread. Nothing here allocates once its vectors have grown.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "resolver/cache/match_cache.h"
#include "resolver/filter/filter.h"
#include "resolver/server/decision_sink.h"
#include "resolver/server/mailbox.h"
#include "resolver/server/metrics.h"
#include "resolver/server/referring_names.h"
#include "resolver/server/what_if.h"
#include "zones/store/local_names.h"

namespace weir {

// What a group's policy says, worked out once a generation.
struct GroupState {
  bool default_deny = false;     // a name without a rule is refused, or would be
  bool notes_referring = false;  // what a client was allowed before is logged with what it is refused
  bool not_ready = false;        // until_loaded = "refuse", and one of its lists was never loaded
  bool log_all = false;
  bool compared = false;        // a what-if runs beside its policy
  bool always_decides = false;  // also where no rule matches: there is more to do than to log
  int response_rank = DecideContext::kAllRanks;
  Privacy privacy = Privacy::prefix;
};

// By which of the functions in filter.h a query was decided.
enum class DecidedOn : std::uint8_t { question, answer, local_answer };

// Whether a policy lets nobody ask before its lists were loaded (until_loaded = "refuse"), and one of them never was.
bool awaits_lists(const Generation& generation, const Policy& policy);

class PolicyStage {
 public:
  // `special_names` and `referring` outlive it; nullptr: none.
  PolicyStage(std::size_t match_cache_bytes, DecisionSink& sink, WorkerMetrics& metrics,
              const LocalData* special_names = nullptr, ReferringNames* referring = nullptr);

  // `generation` (nullptr: none) stays valid until the next call.
  void set_generation(const Generation* generation, WallTime now);
  const Generation* generation() const { return generation_; }
  const GroupState& group(std::uint32_t index) const { return groups_[index]; }
  // Valid until the next call: what rules say of the client's address is looked up here.
  Asker asker(std::uint32_t group, const IpAddress& client, Transport transport, WallTime now);

  const Dns64* dns64() const {  // nullptr: nobody gets translated addresses
    return generation_ != nullptr && generation_->policies().dns64 ? &*generation_->policies().dns64 : nullptr;
  }
  const LocalNames& local_names() const { return local_names_; }
  // The parts of an answer whose QNAME is the administrator's local alias: QNAME, of which no list has a say, and the
  // name outside that it leads to. Valid as those below.
  AnswerMatches& match_local_target(const Query& query, std::span<const std::uint8_t> target);

  void prefetch_matches(const Query& query) const { cache_.prefetch(query.qname_hash); }
  void prefetch_match_entry(const Query& query) const { cache_.prefetch_entry(query.qname_hash); }
  // Look-ups in the store so far: what a turn of the loop is bounded by, since each may read and unpack blocks.
  std::uint64_t store_lookups() const { return store_lookups_; }

  // The matches of QNAME alone, from the match cache or the store. Valid until the next call of any of these.
  AnswerMatches& match_question(const Query& query);
  // What a cache entry holds; nothing where the octets are malformed. Empty octets: QNAME without a match.
  AnswerMatches* stored_matches(const Query& query, std::span<const std::uint8_t> octets);
  // Looked up again from the stored answer, because its names epoch is another one; nothing where it is malformed, or
  // where rules speak of servers, which a stored answer does not name.
  AnswerMatches* rematch(const Query& query, std::span<const std::uint8_t> wire);

  // What becomes of a client: a size: the reply is in `out` (0: none is sent). A substitution: that is to be resolved
  // for it. Neither: it gets the answer.
  struct Carried {
    std::optional<std::size_t> reply;
    std::shared_ptr<const Substitution> substitution;
  };
  // `latency`: since the query came; zero for what is answered within its batch, where reading the clock would cost
  // more than the answer. Logs what is to be logged.
  Carried carry_out(const FilterVerdict& verdict, const AnswerMatches& parts, const Query& query, const Asker& asker,
                    std::chrono::microseconds latency, std::span<std::uint8_t> out);

  // Logs a query on which no rule had a say, where its policy logs all.
  void log_resolved(const Query& query, const Asker& asker, std::chrono::microseconds latency) {
    if (groups_[asker.group].log_all) {
      describe_resolved(decision_, query, asker);
      log(asker, latency);
    }
  }

  // Another policy beside that of each group of its plan, from now on; nullptr: none any more. Returns what was counted
  // until now, nullptr where nothing was.
  std::shared_ptr<WhatIfCounts> exchange_what_if(std::shared_ptr<WhatIfCounts> counts);
  // Every query that a policy decided on, once: what the other one would have said.
  void compare(const FilterVerdict& verdict, const AnswerMatches& parts, const Query& query, const Asker& asker,
               DecidedOn decided_on) {
    if (groups_[asker.group].compared) [[unlikely]]
      compare_policies(verdict, parts, query, asker, decided_on);
  }

 private:
  void log(const Asker& asker, std::chrono::microseconds latency);  // decision_
  void mark_compared_groups();
  void compare_policies(const FilterVerdict& verdict, const AnswerMatches& parts, const Query& query,
                        const Asker& asker, DecidedOn decided_on);

  // Vectors by size, so that their elements keep what they have allocated.
  AnswerMatches& parts_of(std::size_t count);
  void match_name(std::span<const std::uint8_t> name, std::uint64_t hash, MatchSet& out);

  MatchCache cache_;
  LocalNames local_names_;
  DecisionSink& sink_;
  WorkerMetrics& metrics_;
  const Generation* generation_ = nullptr;
  std::vector<GroupState> groups_;
  bool denies_from_memory_ = false;
  std::shared_ptr<WhatIfCounts> what_if_;
  const Policy* what_if_policy_ = nullptr;  // of generation_; nullptr: it has none of that name
  // Asker::response_rank of that policy, or of the candidate's by group.
  std::vector<int> what_if_response_ranks_;
  bool has_client_rules_ = false;
  MatchSet client_matches_;
  std::array<AnswerMatches, 5> parts_;
  AnswerMatches rematched_;
  std::uint64_t store_lookups_ = 0;
  Decision decision_;
  ReferringNames* referring_;
};

}  // namespace weir
