#include "resolver/server/what_if.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kSlots = 2 * kMaxWhatIfNames;
static_assert((kSlots & (kSlots - 1)) == 0 && kMaxWhatIfNames < 0xFFFF);

// Who blocks.
ListId list_of(const FilterVerdict& verdict) {
  if (verdict.rebinding) return kWhatIfRebinding;
  return verdict.winner == nullptr ? kWhatIfDefault : verdict.winner->list_id();
}

// 64 bits, since the name itself is not always kept.
std::uint64_t key_of(std::uint64_t name, WhatIfTurn turn, ListId list) {
  std::uint64_t key =
      name ^ (std::uint64_t{list.value} << 1 | static_cast<std::uint64_t>(turn)) * 0x9E37'79B9'7F4A'7C15;
  key ^= key >> 32;
  return key * 0xD6E8'FEB8'6659'FD93;
}

void add_to(WhatIfListTally& sum, const WhatIfListTally& more) {
  sum.blocks_now += more.blocks_now;
  sum.would_block += more.would_block;
  sum.newly_blocked += more.newly_blocked;
  sum.newly_allowed += more.newly_allowed;
}

}  // namespace

bool WhatIfPlan::concerns(const std::string& group) const {
  return groups.empty() || std::find(groups.begin(), groups.end(), group) != groups.end();
}

WhatIfCounts::WhatIfCounts(std::shared_ptr<const WhatIfPlan> plan) : plan_(std::move(plan)), slots_(kSlots) {
  lists_.reserve(kMaxWhatIfLists + 1);
  names_.reserve(kMaxWhatIfNames);
}

void WhatIfCounts::count(const FilterVerdict& now, const FilterVerdict& then, const Query& query, AnswerKnown known,
                         NamesKept kept) {
  ++tally_.queries;
  if (now.blocked()) {
    ++tally_.blocked_now;
    ++list(list_of(now)).blocks_now;
  }
  if (then.blocked()) {
    ++tally_.would_be_blocked;
    ++list(list_of(then)).would_block;
  }
  if (now.blocked() == then.blocked()) return;
  const WhatIfTurn turn = then.blocked() ? WhatIfTurn::newly_blocked : WhatIfTurn::newly_allowed;
  const ListId decisive = list_of(then.blocked() ? then : now);
  ++tally_.turned[static_cast<std::size_t>(turn)];
  WhatIfListTally& row = list(decisive);
  if (turn == WhatIfTurn::newly_blocked) {
    ++row.newly_blocked;
  } else {
    ++row.newly_allowed;
    if (known == AnswerKnown::no) ++tally_.allowed_by_name_alone;
    kept = NamesKept::yes;  // it is blocked now: the decision log has it
  }
  note_name(query, turn, decisive, kept);
}

WhatIfListTally& WhatIfCounts::list(ListId id) {
  const auto find = [&](ListId wanted) {
    return std::find_if(lists_.begin(), lists_.end(), [&](const ListRow& row) { return row.list == wanted; });
  };
  auto found = find(id);
  if (found != lists_.end()) return found->tally;
  if (lists_.size() < kMaxWhatIfLists) return lists_.emplace_back(ListRow{id, {}}).tally;
  found = find(kWhatIfOtherLists);
  return found != lists_.end() ? found->tally : lists_.emplace_back(ListRow{kWhatIfOtherLists, {}}).tally;
}

void WhatIfCounts::note_name(const Query& query, WhatIfTurn turn, ListId list, NamesKept kept) {
  const std::uint64_t key = key_of(query.qname_hash, turn, list);
  std::size_t slot = key & (kSlots - 1);  // half of them at most are in use, so there is a free one
  for (; slots_[slot] != 0; slot = (slot + 1) & (kSlots - 1)) {
    WhatIfName& known = names_[slots_[slot] - 1U];
    if (known.key != key) continue;
    ++known.queries;
    if (known.named || kept == NamesKept::no) return;
    known.named = true;  // of a group that keeps it
    known.name = query.name();
    return;
  }
  if (names_.size() == kMaxWhatIfNames) {
    ++tally_.beyond[static_cast<std::size_t>(turn)];
    return;
  }
  WhatIfName& entry = names_.emplace_back();
  entry.key = key;
  entry.name_hash = query.qname_hash;
  entry.turn = turn;
  entry.list = list;
  entry.queries = 1;
  entry.named = kept == NamesKept::yes;
  if (entry.named) entry.name = query.name();
  slots_[slot] = static_cast<std::uint16_t>(names_.size());
}

void WhatIfReport::add(const WhatIfCounts& counts) {
  const WhatIfTally& more = counts.tally();
  tally_.queries += more.queries;
  tally_.blocked_now += more.blocked_now;
  tally_.would_be_blocked += more.would_be_blocked;
  tally_.allowed_by_name_alone += more.allowed_by_name_alone;
  for (std::size_t i = 0; i < kWhatIfTurns; ++i) {
    tally_.turned[i] += more.turned[i];
    tally_.beyond[i] += more.beyond[i];
  }
  for (const WhatIfCounts::ListRow& row : counts.lists()) add_to(lists_[row.list.value], row.tally);
  for (const WhatIfName& each : counts.names()) {
    const auto known = names_.find(each.key);
    if (known == names_.end()) {
      if (names_.size() < kMaxWhatIfReportedNames) {
        names_.emplace(each.key, each);
      } else {
        tally_.beyond[static_cast<std::size_t>(each.turn)] += each.queries;
      }
      continue;
    }
    known->second.queries += each.queries;
    if (!known->second.named && each.named) {
      known->second.named = true;
      known->second.name = each.name;
    }
  }
}

}  // namespace weir
