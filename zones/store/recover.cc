// What a step leaves behind that failed in a process which goes on: repair() in publish.cc is for one that did not.
#include "zones/store/policy_store.h"

namespace weir::store {

// The file `current` may name a generation although putting it in force ended in an error: then it is in force.
Result<void> PolicyStoreImpl::look_what_is_in_force() {
  if (!announced_) return {};
  const auto current = Generation::read_current_number(store_);
  if (!current && current.error().code != ErrorCode::not_found) return current.error();
  if (!current || current->value != announced_->number) return {};
  if (auto synced = sync_directory(policy_path(store_)); !synced) return synced;
  const bool is_rollback = announced_->pending == Pending::rollback;
  published_ = *current;
  state_ = *announced_;
  if (!is_rollback) {
    state_.pending = Pending::nothing;
    unpublished_ = false;
  }
  announced_.reset();
  return {};
}

Result<void> PolicyStoreImpl::recover() {
  if (database_->has_stopped_writing()) {
    return Error{ErrorCode::corrupt,
                 live_path(store_).string() +
                     ": the database does not write any more after an error of the disk; it must be "
                     "opened anew"};
  }
  if (auto looked = look_what_is_in_force(); !looked) return looked;
  if (state_.pending == Pending::rollback && published_.value == state_.number) return finish_rollback();
  if ((unpublished_ || state_.pending == Pending::rollback) && published_.value != 0) return take_back();
  return {};
}

// The live database as it was at the last publish, and no word of what was tried since.
Result<void> PolicyStoreImpl::take_back() {
  const std::uint64_t effective = published_.value + 1;
  if (auto done = bring_live_to(published_.value, effective, Exceptions::as_then); !done) return done;
  AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
  for (const auto& [list, list_state] : list_states_) {
    const auto imports = history(list);
    if (!imports) return imports.error();
    for (const ImportRecord& import : *imports) {
      if (import.first_generation.value >= effective && import.import.value >= first_revocable_import_)
        write.erase(Family::lists, import_key(list, import.import));
    }
  }
  StoreState state = state_;
  state.number = published_.value;
  state.pending = Pending::nothing;
  state.rules_changed = false;
  state.policies_changed = false;
  state.pinned = pinned_in_force_;
  state.defined_at = defined_in_force_;
  write.put(Family::meta, kStateKey, encode(state));
  if (auto written = write.commit(); !written) return written;
  state_ = state;
  announced_.reset();
  unpublished_ = false;
  return {};
}

}  // namespace weir::store
