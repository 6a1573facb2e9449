// What-if: another policy beside the one in force, over the queries that pass. Each query that a policy decides on is
// decided a second time, over the same matches, and differences are counted: by list, and by name as far as a bounded
// table goes. Nothing of it changes an answer, nothing is logged, and no client is remembered.
//
// A worker counts into a WhatIfCounts of its own; the control thread takes it away, puts a new one in its place and
// adds what was counted to the report (WhatIfReport).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "resolver/filter/filter.h"
#include "resolver/wire/query.h"

namespace weir {

inline constexpr std::size_t kMaxWhatIfNames = 4096;            // that one worker counts between two collections
inline constexpr std::size_t kMaxWhatIfReportedNames = 20'000;  // that a report holds
inline constexpr std::size_t kMaxWhatIfLists = 256;             // that one worker counts; the others as one

// What is compared: a policy by its name; or all policies and groups of a candidate, which reads the rules in force.
// For the queries of the groups named, as they are now; none: of every group.
struct WhatIfPlan {
  std::string policy;
  std::vector<std::string> groups;
  std::shared_ptr<const PolicySet> candidate = nullptr;  // then `policy` is empty
  bool concerns(const std::string& group) const;
};

enum class WhatIfTurn : std::uint8_t { newly_blocked, newly_allowed };
inline constexpr std::size_t kWhatIfTurns = 2;

// In the place of a list that decides.
inline constexpr ListId kWhatIfDefault{0};               // the policy's default deny
inline constexpr ListId kWhatIfRebinding{0xFFFF'FFFE};   // rebinding protection
inline constexpr ListId kWhatIfOtherLists{0xFFFF'FFFF};  // more lists than are counted apart

struct WhatIfListTally {
  std::uint64_t blocks_now = 0;
  std::uint64_t would_block = 0;
  std::uint64_t newly_blocked = 0;
  std::uint64_t newly_allowed = 0;  // this list blocks them now
};

struct WhatIfTally {
  std::uint64_t queries = 0;
  std::uint64_t blocked_now = 0;
  std::uint64_t would_be_blocked = 0;
  std::array<std::uint64_t, kWhatIfTurns> turned{};  // by WhatIfTurn
  // Of the newly allowed: blocked now before anybody was asked, so what lies behind the name could still be blocked.
  std::uint64_t allowed_by_name_alone = 0;
  std::array<std::uint64_t, kWhatIfTurns> beyond{};  // of those turned: names that found no room
};

// One name with another verdict, by one list.
struct WhatIfName {
  std::uint64_t key = 0;        // of name, turn and list
  std::uint64_t name_hash = 0;  // hash_wire_name
  WhatIfTurn turn = WhatIfTurn::newly_blocked;
  bool named = false;  // false: the group's policy keeps no such name, so it is counted only
  ListId list;         // newly blocked: that would block it; newly allowed: that blocks it now
  std::uint64_t queries = 0;
  Name name;
};

// Whether the name of a query that is answered now may be kept as a sample.
enum class NamesKept : std::uint8_t { no, yes };
// What was known when it was decided.
enum class AnswerKnown : std::uint8_t { no, yes };

// One worker's. One thread. count() does not allocate but for a new name of more than 63 octets.
class WhatIfCounts {
 public:
  explicit WhatIfCounts(std::shared_ptr<const WhatIfPlan> plan);

  const WhatIfPlan& plan() const { return *plan_; }
  void count(const FilterVerdict& now, const FilterVerdict& then, const Query& query, AnswerKnown known,
             NamesKept kept);

  struct ListRow {
    ListId list;
    WhatIfListTally tally;
  };
  const WhatIfTally& tally() const { return tally_; }
  const std::vector<ListRow>& lists() const { return lists_; }
  const std::vector<WhatIfName>& names() const { return names_; }

 private:
  WhatIfListTally& list(ListId id);
  void note_name(const Query& query, WhatIfTurn turn, ListId list, NamesKept kept);

  const std::shared_ptr<const WhatIfPlan> plan_;
  WhatIfTally tally_;
  std::vector<ListRow> lists_;
  std::vector<WhatIfName> names_;
  std::vector<std::uint16_t> slots_;  // open addressing: 1 + index into names_, 0: free
};

// The sum of what all workers counted. One thread.
class WhatIfReport {
 public:
  void add(const WhatIfCounts& counts);

  const WhatIfTally& tally() const { return tally_; }
  const std::unordered_map<std::uint32_t, WhatIfListTally>& lists() const { return lists_; }  // by ListId
  const std::unordered_map<std::uint64_t, WhatIfName>& names() const { return names_; }

 private:
  WhatIfTally tally_;
  std::unordered_map<std::uint32_t, WhatIfListTally> lists_;
  std::unordered_map<std::uint64_t, WhatIfName> names_;  // by key
};

}  // namespace weir
