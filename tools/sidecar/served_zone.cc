#include "tools/sidecar/served_zone.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "tools/sidecar/policy_record.h"
#include "zones/cancelled_rules.h"
#include "zones/dns/reversed_name.h"
#include "zones/store/targets.h"
#include "zones/verdict.h"

namespace weir::sidecar {
namespace {

constexpr std::uint32_t kRefreshSeconds = 3600;  // NOTIFY comes sooner
constexpr std::uint32_t kRetrySeconds = 600;
constexpr std::uint32_t kExpireSeconds = 30 * 86400;  // a filter that is old is better than none
constexpr std::uint32_t kListTtl = 30;                // of a list's entries, as of block answers by default
// A label that no list has: what is decided for a name below another one is asked with it.
constexpr std::string_view kAnyLabel("\0any\0", 5);

bool canonical_less(const Name& a, const Name& b) {
  return a.canonical_compare(b) < 0;
}

void put_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_wire_name(std::vector<std::uint8_t>& out, const Name& name) {
  out.insert(out.end(), name.wire().begin(), name.wire().end());
}

bool is_pattern(PatternKind kind) {
  return kind == PatternKind::glob || kind == PatternKind::regex;
}

// Definitions as far as a zone depends on them.
PolicySet settled(PolicySet set) {
  set.schedules.clear();  // their lists always hold
  set.pauses.clear();
  set.last_pause = 0;
  return set;
}

}  // namespace

// One policy, of one group, over the rules of one generation.
struct ServedZone::View {
  const RulesInForce* rules = nullptr;
  PolicySet policies;
  std::vector<ListId> lists;  // whose rules count, sorted

  bool has(ListId list) const { return std::binary_search(lists.begin(), lists.end(), list); }
};

Result<ServedZone> ServedZone::make(const ServeConfig& config, std::shared_ptr<const Generation> generation) {
  ServedZone zone(config, std::move(generation));
  if (auto view = zone.view_of(*zone.generation_); !view) return view.error();
  return zone;
}

Result<ServedZone::View> ServedZone::view_of(const RulesInForce& rules) const {
  View view;
  view.rules = &rules;
  view.policies = settled(rules.policies());
  Policy policy;
  if (!config_.list.empty()) {
    const ListDefinition* list = view.policies.find_list(config_.list);
    if (list == nullptr)
      return Error{ErrorCode::not_found,
                   "generation " + std::to_string(rules.number().value) + " has no list " + config_.list};
    policy.name = "default";
    policy.lists = {list->id};
    policy.block.mode = BlockMode::nxdomain;
    policy.block.ttl_seconds = kListTtl;
    view.lists = policy.lists;
    for (ListDefinition& one : view.policies.lists) one.mode = ListMode::enforce;  // also one that only watches
  } else {
    const auto found = std::find_if(view.policies.policies.begin(), view.policies.policies.end(),
                                    [&](const Policy& one) { return one.name == config_.policy; });
    if (found == view.policies.policies.end())
      return Error{ErrorCode::not_found,
                   "generation " + std::to_string(rules.number().value) + " has no policy " + config_.policy};
    policy = *found;
    for (const ListDefinition& list : view.policies.lists) {
      // Timed exceptions are for some clients and some minutes: secondaries know neither.
      if (list.id != kOverlays && policy.has_list(list.id)) view.lists.push_back(list.id);
    }
  }
  view.policies.policies = {policy};
  view.policies.groups = {Group{.name = "default", .clients = {}, .policy = 0}};
  return view;
}

ServedZone::Records ServedZone::decide_name(const View& view, const Name& name) const {
  MatchSet found;
  view.rules->match(ReversedName(name), found);
  std::erase_if(found.matches, [&](const Match& match) {
    if (is_pattern(match.kind) || !view.has(match.list_id())) return true;
    const RuleDetail* detail = match.detail == 0 ? nullptr : view.rules->detail({match.detail});
    return match.detail != 0 && (detail == nullptr || !detail->conditions.empty());
  });
  const Policy& policy = view.policies.policies.front();
  if (found.empty() && policy.default_action == DefaultAction::allow) return {};
  const DecideContext context{.policies = view.policies,
                              .group = 0,
                              .client = {},
                              .name = name,
                              .type = RecordType::a,
                              .now = {},
                              .details = *view.rules};
  const Verdict verdict = decide(found, context);
  Records out;
  for (AnswerData& record : policy_records(verdict, found, context))
    out.push_back({record.type, record.ttl_seconds, std::move(record.rdata)});
  std::sort(out.begin(), out.end());
  return out;
}

ServedZone::Records ServedZone::decide_below(const View& view, const Name& name) const {
  const auto any = name.child(kAnyLabel);
  return any ? decide_name(view, *any) : Records();
}

ServedZone::Records ServedZone::passthru() {
  const auto target = Name::parse("rpz-passthru.").value_or(Name());
  return {{RecordType::cname, kListTtl, {target.wire().begin(), target.wire().end()}}};
}

void ServedZone::records_of(const View& view, const Name& name, Records& itself, Records& below) const {
  itself.clear();
  below = decide_below(view, name);
  if (name.is_root()) return;  // the zone's own name says nothing of others
  itself = decide_name(view, name);
  const Records above = decide_below(view, name.parent());
  if (itself == above && below == above) {
    itself.clear();
    below.clear();
    return;
  }
  // What an exception takes out of a wildcard has to be said.
  if (above.empty()) return;
  if (itself.empty()) itself = passthru();
  if (below.empty()) below = passthru();
}

std::optional<Name> ServedZone::owner_of(const Name& name, bool below) const {
  const auto wild = below ? name.child("*") : std::optional(name);
  auto owner = wild ? wild->replace_suffix(Name(), name_) : std::nullopt;
  if (!owner) ++too_long_;
  return owner;
}

Result<void> ServedZone::send(const std::optional<Name>& owner, const Records& records, const Sink& sink) const {
  if (!owner) return {};
  for (const Record& record : records) {
    if (auto sent = sink({*owner, record.type, record.ttl_seconds, record.rdata}); !sent) return sent;
  }
  return {};
}

// By owner below the zone. Of several rules on one thing the first rank has the word, and an allow in it.
Result<ServedZone::Triggers> ServedZone::triggers_of(const View& view, GenerationNumber at) const {
  struct Chosen {
    int rank = 0;
    bool allow = false;
    bool important = false;
    ListId list;
    Records records;
  };
  std::map<Name, Chosen, bool (*)(const Name&, const Name&)> chosen(canonical_less);
  too_many_ = 0;
  for (const ListId id : view.lists) {
    const ListDefinition* list = view.policies.find_list(id);
    if (list == nullptr || list->mode == ListMode::observe) continue;
    const auto visited = visit_triggers(*generation_, id, at, [&](const Rule& rule) {
      if (!rule.detail.conditions.empty()) return true;
      const auto owner = trigger_owner(rule);
      if (!owner) return true;
      Chosen next{list->rank, !blocks(rule.action), rule.important, id, {}};
      for (AnswerData& record : policy_records(rule, *list, view.policies.policies.front()))
        next.records.push_back({record.type, record.ttl_seconds, std::move(record.rdata)});
      if (chosen.size() >= kMaxTriggersServed && !chosen.contains(*owner)) {
        ++too_many_;
        return true;
      }
      const auto [found, fresh] = chosen.emplace(*owner, next);
      Chosen& have = found->second;
      if (fresh) return true;
      const bool same_data = have.list == id && rule.action == Action::answer && have.rank == next.rank;
      if (same_data) {  // an RRset, a rule a record
        have.records.insert(have.records.end(), next.records.begin(), next.records.end());
      } else if (std::tuple(next.rank, !next.important, !next.allow) <
                 std::tuple(have.rank, !have.important, !have.allow)) {
        have = std::move(next);
      }
      return true;
    });
    if (!visited) return visited.error();
  }
  Triggers out(canonical_less);
  for (auto& [owner, rule] : chosen) {
    std::sort(rule.records.begin(), rule.records.end());
    out.emplace(owner, std::move(rule.records));
  }
  return out;
}

ZoneRecord ServedZone::soa(std::uint32_t serial) {
  const PolicySet& policies = generation_->policies();
  soa_rdata_.clear();
  put_wire_name(soa_rdata_, policies.mname);
  put_wire_name(soa_rdata_, policies.rname);
  for (const std::uint32_t number : {serial, kRefreshSeconds, kRetrySeconds, kExpireSeconds, kListTtl})
    put_u32(soa_rdata_, number);
  return {name_, RecordType::soa, kListTtl, soa_rdata_};
}

Result<void> ServedZone::whole(const Sink& sink) {
  too_long_ = 0;
  const auto view = view_of(*generation_);
  if (!view) return view.error();
  const Name& mname = generation_->policies().mname;
  if (auto sent = sink({name_, RecordType::ns, kListTtl, mname.wire()}); !sent) return sent;
  Result<void> sent;
  Records itself;
  Records below;
  const auto one = [&](const Name& name) {
    records_of(*view, name, itself, below);
    if (!itself.empty()) sent = send(owner_of(name, false), itself, sink);
    if (sent && !below.empty()) sent = send(owner_of(name, true), below, sink);
    return sent.has_value();
  };
  bool root = false;
  const auto visited = visit_names(*generation_, Name(), [&](const Name& name) {
    root = root || name.is_root();
    return one(name);
  });
  if (!visited) return visited;
  if (sent && !root) (void)one(Name());  // what holds where no rule does
  if (!sent) return sent;
  const auto triggers = triggers_of(*view, generation_->number());
  if (!triggers) return triggers.error();
  for (const auto& [owner, records] : *triggers) {
    if (sent = send(owner_of(owner, false), records, sink); !sent) return sent;
  }
  return {};
}

// Names that changed, and those below them, whose decisions depend on what is above. False: too many.
Result<bool> ServedZone::collect_changed(const View& view, GenerationNumber since, std::vector<Name>& changed) const {
  std::vector<Name> tops;
  std::vector<ListId> lists = view.lists;
  lists.push_back(kCancelledRules);  // it decides what of the others counts
  for (const ListId list : lists) {
    const auto visited = visit_changed_names(*generation_, list, since, [&](const Name& name) {
      tops.push_back(name);
      return tops.size() <= kMaxChangedNames;
    });
    if (!visited) return visited.error();
  }
  std::sort(tops.begin(), tops.end(), canonical_less);
  const Name* covering = nullptr;
  for (const Name& top : tops) {
    changed.push_back(top);  // also one that is filed no more
    if (covering != nullptr && top.is_at_or_below(*covering)) continue;
    covering = &top;
    const auto visited = visit_names(*generation_, top, [&](const Name& name) {
      changed.push_back(name);
      return changed.size() <= 2 * kMaxChangedNames;
    });
    if (!visited) return visited.error();
  }
  std::sort(changed.begin(), changed.end(), canonical_less);
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  return changed.size() <= kMaxChangedNames;
}

Result<bool> ServedZone::changes(std::uint32_t since, const Sink& removed, const Sink& added) {
  const GenerationNumber before{since};  // serial numbers wrap after four thousand million publishes
  if (before.value >= generation_->number().value) return false;
  const auto past = open_past(*generation_, before);
  if (!past) return past.error().code == ErrorCode::not_found ? Result<bool>(false) : past.error();
  if (!(settled((*past)->policies()) == settled(generation_->policies()))) return false;
  const auto old_view = view_of(**past);
  const auto new_view = view_of(*generation_);
  if (!old_view || !new_view) return false;
  std::vector<Name> changed;
  const auto few = collect_changed(*new_view, before, changed);
  if (!few || !*few) return few;
  const auto old_triggers = triggers_of(*old_view, before);
  const auto new_triggers = triggers_of(*new_view, generation_->number());
  if (!old_triggers || !new_triggers) return (old_triggers ? new_triggers : old_triggers).error();
  // Twice over the same: all that goes stands before all that comes (RFC 1995 section 4).
  Records old_records[2];
  Records new_records[2];
  for (const bool coming : {false, true}) {
    const Sink& sink = coming ? added : removed;
    const auto differences = [&](const std::optional<Name>& owner, const Records& from, const Records& to) {
      Records only;
      std::set_difference(from.begin(), from.end(), to.begin(), to.end(), std::back_inserter(only));
      return send(owner, only, sink);
    };
    for (const Name& name : changed) {
      records_of(*old_view, name, old_records[0], old_records[1]);
      records_of(*new_view, name, new_records[0], new_records[1]);
      for (const bool below : {false, true}) {
        const Records& from = coming ? new_records[below] : old_records[below];
        const Records& to = coming ? old_records[below] : new_records[below];
        if (from == to) continue;
        if (auto sent = differences(owner_of(name, below), from, to); !sent) return sent.error();
      }
    }
    const Triggers& from = coming ? *new_triggers : *old_triggers;
    const Triggers& to = coming ? *old_triggers : *new_triggers;
    for (const auto& [owner, records] : from) {
      const auto other = to.find(owner);
      if (other != to.end() && other->second == records) continue;
      const Records none;
      if (auto sent = differences(owner_of(owner, false), records, other == to.end() ? none : other->second); !sent) {
        return sent.error();
      }
    }
  }
  return true;
}

Result<Unsaid> ServedZone::unsaid() const {
  const auto view = view_of(*generation_);
  if (!view) return view.error();
  Unsaid out;
  const auto count = [&](const Rule& rule) {
    if (is_pattern(rule.kind)) {
      ++out.patterns;
    } else if (!rule.detail.conditions.empty()) {
      ++out.conditions;
    } else if (rule.action == Action::refused) {
      ++out.refused;
    }
    return true;
  };
  for (const ListId list : view->lists) {
    if (auto visited = visit_peculiar(*generation_, list, count); !visited) return visited.error();
    if (auto visited = visit_triggers(*generation_, list, generation_->number(), count); !visited) {
      return visited.error();
    }
  }
  out.too_long = too_long_;
  out.too_many = too_many_;
  if (config_.list.empty()) {  // a list is what it says
    out.exceptions = generation_->policies().pauses.size();
    const auto visited = visit_peculiar(*generation_, kOverlays, [&](const Rule&) {
      ++out.exceptions;
      return true;
    });
    if (!visited) return visited.error();
  }
  return out;
}

}  // namespace weir::sidecar
