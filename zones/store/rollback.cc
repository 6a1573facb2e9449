// Going back: a whole generation, or the contents of one list.
#include <algorithm>
#include <set>

#include "zones/store/interval_pass.h"
#include "zones/store/past_generation.h"
#include "zones/store/policy_store.h"

namespace weir::store {

Result<GenerationNumber> PolicyStoreImpl::rollback_generation(GenerationNumber to, const std::string& reason, Now now) {
  if (to > published_) return Error{ErrorCode::not_found, "there is no generation " + std::to_string(to.value)};
  auto old = info_of(to);
  if (!old) return old.error();
  const GenerationInfo info{published_.value + 1,
                            {to_ns(now.wall), state_.names_epoch + 1, old->record.fingerprint, reason}};
  StoreState announced = state_;
  announced.pending = Pending::rollback;
  announced.rollback_to = to.value;
  if (state_.pinned.empty()) announced.defined_at = published_.value;
  if (auto written = announce(announced, info); !written) return written.error();
  state_ = announced;
  announced_ = announced;
  if (auto done = finish_rollback(); !done) return done.error();
  thin_out(now.wall);
  return published_;
}

// Timed exceptions are not rolled back: somebody began or ended them for reasons of their own. Whether a generation had
// those of now, so that its checkpoint can come into force as it is.
Result<bool> PolicyStoreImpl::had_exceptions_of_now(std::uint64_t generation) const {
  auto policies = past_policies({generation});
  if (!policies) return policies.error();
  bool same = policies->pauses == policies_.pauses;
  const auto read = for_each_rule(*database_, kOverlays, [&](const RuleHistory& rule) {
    const Interval* then = rule.at(generation);
    same = same && (then == nullptr) == (rule.open == nullptr) && (then == nullptr || then->first == rule.open->first);
    return same;
  });
  if (!read) return read.error();
  return same;
}

// Both halves, from wherever they were cut short. Where exceptions have begun or ended since, the live database goes
// first, and what is put in force is made of it: neither may come back or end for a moment only.
Result<void> PolicyStoreImpl::finish_rollback() {
  auto info = info_of({state_.number});
  if (!info) return info.error();
  const auto old_checkpoint = checkpoint_path({state_.rollback_to});
  std::error_code fault;
  const auto same_exceptions = had_exceptions_of_now(state_.rollback_to);
  if (!same_exceptions) return same_exceptions.error();
  const bool rebuilt =
      published_.value != info->number && (!*same_exceptions || !check_checkpoint({state_.rollback_to}));
  if (published_.value != info->number && !rebuilt) {
    std::filesystem::path prepared = checkpoint_path({info->number});
    prepared += ".tmp";
    std::filesystem::remove_all(prepared, fault);
    if (auto linked = link_directory(old_checkpoint, prepared); !linked) return linked;
    if (auto done = put_in_force(*info, prepared); !done) return done;
  }
  if (auto done = bring_live_to(state_.rollback_to, info->number, Exceptions::kept); !done) return done;
  if (rebuilt) {
    if (auto done = publish_live(*info); !done) return done;
  }
  auto pinned = why_pinned(policies_, info->number);
  if (!pinned) return pinned.error();
  StoreState state = state_;
  state.pending = Pending::nothing;
  state.pinned = std::move(*pinned);
  if (state.pinned.empty()) state.defined_at = 0;
  // The sums say whether the intervals gave what the checkpoint holds; if not, the next publish tells the truth.
  state.rules_changed = fingerprint_now() != info->record.fingerprint;
  state.policies_changed = false;
  AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
  write.put(Family::meta, kStateKey, encode(state));
  if (auto written = write.commit(); !written) return written;
  state_ = state;
  announced_.reset();
  unpublished_ = state.rules_changed;
  first_revocable_import_ = state_.next_import;
  pinned_in_force_ = state_.pinned;
  defined_in_force_ = state_.defined_at;
  return {};
}

// What differs from the definitions of the files is pinned; pauses, the SOA that a zone came with and the hours of
// schedules, which are renewed by the month, are no definitions.
Result<std::string> PolicyStoreImpl::why_pinned(const PolicySet& policies, std::uint64_t effective) const {
  const std::string differs = "files differ from generation " + std::to_string(effective);
  if (state_.defined_at == 0) return differs;  // pinned by a weir that did not write it down
  const auto defined = policies_at(*database_, {state_.defined_at});
  if (!defined) return defined.error();
  const bool same = defined->canonical_text() == policies.canonical_text() && defined->mname == policies.mname &&
                    defined->rname == policies.rname;
  return same ? std::string() : differs;
}

// Every list that has rules now or had some then, and the definitions. Each list is one step; a step that was done
// already changes nothing.
Result<void> PolicyStoreImpl::bring_live_to(std::uint64_t generation, std::uint64_t effective, Exceptions exceptions) {
  std::set<ListId> lists;
  for (const auto& [list, state] : list_states_) lists.insert(list);
  if (exceptions == Exceptions::kept) lists.erase(kOverlays);
  for (const ListId list : lists) {
    auto imports = history(list);
    if (!imports) return imports.error();
    bool loaded = false;
    for (const ImportRecord& import : *imports) loaded = loaded || import.first_generation.value <= generation;
    ChangeSet changes(policy_path(store_));
    if (auto found = past_changes(*database_, list, generation, effective, changes); !found) return found;
    const auto done = commit_changes({.list = list, .import = {}, .note = {}, .effective = effective, .loaded = loaded},
                                     changes, state_.next_payload);
    if (!done) return done.error();
  }
  auto policies = policies_at(*database_, {generation});
  if (!policies) return policies.error();
  policies->last_pause = std::max(policies->last_pause, policies_.last_pause);  // ids are never reused
  if (exceptions == Exceptions::kept) policies->pauses = policies_.pauses;
  if (*policies != policies_) {
    AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
    write.put(Family::policies, policies_key(effective), policies->to_json());
    if (auto written = write.commit(); !written) return written;
    policies_ = std::move(*policies);
  }
  return {};
}

// An import that some generation showed, with the one that did: one that changed nothing published none of its own.
Result<ImportRecord> PolicyStoreImpl::find_published(ListId list, ImportId import) const {
  auto imports = history(list);
  if (!imports) return imports.error();
  const auto wanted = std::find_if(imports->begin(), imports->end(),
                                   [import](const ImportRecord& record) { return record.import == import; });
  if (wanted == imports->end()) {
    return Error{ErrorCode::not_found, "the list has no import " + std::to_string(import.value)};
  }
  const auto changes_same = [&](const ImportRecord& record) {
    return record.first_generation == wanted->first_generation && record.outcome.added + record.outcome.removed > 0;
  };
  // Newest first.
  if (std::none_of(wanted, imports->end(), changes_same)) {
    ImportRecord found = *wanted;
    if (found.first_generation.value > 0) --found.first_generation.value;
    return found;
  }
  if (std::any_of(imports->begin(), wanted, changes_same)) {
    return Error{ErrorCode::not_found, "import " + std::to_string(import.value) +
                                           " was never published: a later one replaced it in the same generation"};
  }
  return std::move(*wanted);
}

Result<PolicySet> PolicyStoreImpl::past_policies(GenerationNumber at) const {
  return policies_at(*database_, at);
}

Result<std::vector<SourcedRule>> PolicyStoreImpl::past_rules_of(ListId list, GenerationNumber at,
                                                                std::size_t limit) const {
  std::vector<SourcedRule> rules;
  Result<void> failed;
  const auto done = for_each_rule(*database_, list, [&](const RuleHistory& rule) {
    const Interval* then = rule.at(at.value);
    if (then == nullptr) return true;
    auto known = make_sourced(*database_, rule.key, *then);
    if (!known) {
      failed = known.error();
      return false;
    }
    rules.push_back(std::move(*known));
    return rules.size() < limit;
  });
  if (!done) return done.error();
  if (!failed) return failed.error();
  return rules;
}

Result<void> PolicyStoreImpl::visit(ListId list, const std::function<bool(const SourcedRule&)>& each) const {
  Result<void> failed;
  const auto done = for_each_rule(*database_, list, [&](const RuleHistory& rule) {
    if (rule.open == nullptr) return true;
    auto known = make_sourced(*database_, rule.key, *rule.open);
    if (known) return each(*known);
    failed = known.error();
    return false;
  });
  return done ? failed : done;
}

Result<void> PolicyStoreImpl::compare(ListId list, ImportId from, ImportId to,
                                      const std::function<bool(Change, const SourcedRule&)>& each) const {
  const auto before = find_published(list, from);
  if (!before) return before.error();
  const auto after = find_published(list, to);
  if (!after) return after.error();
  Result<void> failed;
  const auto done = for_each_rule(*database_, list, [&](const RuleHistory& rule) {
    const Interval* was = rule.at(before->first_generation.value);
    const Interval* is = rule.at(after->first_generation.value);
    if ((was == nullptr) == (is == nullptr)) return true;
    auto known = make_sourced(*database_, rule.key, was != nullptr ? *was : *is);
    if (known) return each(is != nullptr ? Change::added : Change::removed, *known);
    failed = known.error();
    return false;
  });
  return done ? failed : done;
}

Result<GenerationNumber> PolicyStoreImpl::rollback_list(ListId list, ImportId import, const std::string& who, Now now) {
  if (policies_.find_list(list) == nullptr) {
    return Error{ErrorCode::not_found, "no list with the number " + std::to_string(list.value) + " is defined"};
  }
  const auto wanted = find_published(list, import);
  if (!wanted) return wanted.error();
  Provenance provenance = wanted->provenance;
  provenance.who = who;
  provenance.fetched_at = now.wall;  // of this import; the note names the one whose time counts for the bytes
  const std::string note = "rollback to import " + std::to_string(import.value);
  const std::uint64_t effective = published_.value + 1;
  ChangeSet changes(policy_path(store_));
  const auto found = past_changes(*database_, list, wanted->first_generation.value, effective, changes);
  if (!found) return found.error();
  if (changes.size() == 0 && state_of(list).loaded) return published_;  // an import that no generation would show
  const auto done =
      commit_changes({list, {state_.next_import}, &provenance, note, effective, true}, changes, state_.next_payload);
  if (!done) return done.error();
  const ListDefinition* definition = policies_.find_list(list);
  return publish("list " + definition->name + ": " + note, now);
}

}  // namespace weir::store
