#include "zones/policy.h"

#include <algorithm>

#include "zones/cancelled_rules.h"

namespace weir {
namespace {

ListDefinition reserved(ListId id, std::string name, int rank, ListKind kind) {
  ListDefinition list;
  list.id = id;
  list.name = std::move(name);
  list.kind = kind;
  list.rank = rank;
  list.order = Order::specific;
  list.exceptions = ExceptionScope::rank;
  list.own_actions = true;
  list.rewrites = true;
  return list;
}

}  // namespace

bool is_safe_search(ListId list) {
  return list >= kFirstSafeSearch && list.value - kFirstSafeSearch.value < kSafeSearchServices.size();
}

bool Policy::has_list(ListId list) const {
  if (list >= kFirstDefinedList) return std::binary_search(lists.begin(), lists.end(), list);
  if (list == kCanaryNames) return canary_names;
  if (list == kCancelledRules) return false;
  if (is_safe_search(list)) return (safe_search >> (list.value - kFirstSafeSearch.value) & 1U) != 0;
  return true;
}

PolicySet PolicySet::with_defaults() {
  PolicySet set;
  set.lists.push_back(reserved(kLocalRules, "local", kRankLocal, ListKind::block));
  set.lists.push_back(reserved(kOverlays, "overlays", kRankOverlays, ListKind::block));
  set.lists.push_back(reserved(kProtectedNames, "protected", kRankProtected, ListKind::allow));
  set.lists.push_back(reserved(kCanaryNames, "canary-names", kRankBlock, ListKind::block));
  for (std::uint32_t i = 0; i < kSafeSearchServices.size(); ++i) {
    const std::string name = "safe-search-" + std::string(kSafeSearchServices[i]);
    set.lists.push_back(reserved({kFirstSafeSearch.value + i}, name, kRankBlock, ListKind::block));
  }
  set.lists.push_back(reserved(kCancelledRules, "badfilter", kRankLocal, ListKind::block));
  Policy policy;
  policy.name = "default";
  set.policies.push_back(policy);
  Group group;
  group.name = "default";
  set.groups.push_back(group);
  set.mname = *Name::parse("weir.invalid");
  set.rname = *Name::parse("hostmaster.invalid");
  return set;
}

const ListDefinition* PolicySet::find_list(ListId list) const {
  const auto found =
      std::lower_bound(lists.begin(), lists.end(), list, [](const ListDefinition& a, ListId id) { return a.id < id; });
  return found != lists.end() && found->id == list ? &*found : nullptr;
}

const ListDefinition* PolicySet::find_list(std::string_view name) const {
  const auto found =
      std::find_if(lists.begin(), lists.end(), [&](const ListDefinition& list) { return list.name == name; });
  return found != lists.end() ? &*found : nullptr;
}

std::uint32_t PolicySet::group_of(const IpAddress& client) const {
  const IpAddress plain = client.unmapped();
  std::uint32_t best = 0;
  int best_length = -1;
  for (std::uint32_t i = 0; i < groups.size(); ++i) {
    for (const Prefix& prefix : groups[i].clients) {
      if (static_cast<int>(prefix.length) > best_length && prefix.contains(plain)) {
        best = i;
        best_length = prefix.length;
      }
    }
  }
  return best;
}

std::optional<std::uint32_t> PolicySet::find_group(std::string_view name) const {
  for (std::uint32_t i = 0; i < groups.size(); ++i) {
    if (groups[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace weir
