// Making the live database's state the generation in force, and what is kept of older ones.
#include <algorithm>
#include <set>

#include "zones/store/checkpoint.h"
#include "zones/store/policy_store.h"

namespace weir::store {
namespace {

constexpr auto kHourlyFor = std::chrono::hours(24);
constexpr std::uint64_t kFewChanges = 100;

std::filesystem::path with_suffix(std::filesystem::path path, const char* suffix) {
  path += suffix;
  return path;
}

}  // namespace

std::string PolicyStoreImpl::fingerprint_now() const {
  std::vector<ListSum> sums;
  for (const ListDefinition& list : policies_.lists) {
    if (list.id == kOverlays) continue;  // they come and go with the clock
    // Among them are a node's own name and where it gets its lists: two that filter alike may differ there.
    if (list.id == kProtectedNames) continue;
    const ListState state = state_of(list.id);
    sums.push_back({list.name, state.rules, state.sum});
  }
  return make_fingerprint(policies_, std::move(sums));
}

// Writes down what is about to be published; from here on open() finishes it.
Result<void> PolicyStoreImpl::announce(StoreState& state, const GenerationInfo& info) {
  state.number = info.number;
  state.names_epoch = info.record.names_epoch;
  AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
  // A number that was announced before and came to nothing was never in force at that time.
  if (const auto earlier = info_of({info.number})) {
    write.erase(Family::timeline, published_at_key(earlier->record.published_at_ns, info.number));
  } else if (earlier.error().code != ErrorCode::not_found) {
    return earlier.error();
  }
  write.put(Family::timeline, generation_key(info.number), encode(info.record));
  write.put(Family::timeline, published_at_key(info.record.published_at_ns, info.number), {});
  write.put(Family::meta, kStateKey, encode(state));
  return write.commit();
}

// `prepared`: a finished directory, not yet under its number. The name of what is in force is the only thing that is
// synced here: what was announced is in the live database, of which the rest can be made again.
Result<void> PolicyStoreImpl::put_in_force(const GenerationInfo& info, const std::filesystem::path& prepared) {
  if (auto described = describe_checkpoint(prepared, info); !described) return described;
  const std::filesystem::path target = generation_path(store_, {info.number});
  std::error_code fault;
  std::filesystem::remove_all(target, fault);  // of a publish that was cut short after its rename
  std::filesystem::rename(prepared, target, fault);
  if (fault) return system_error(fault.value(), target.string());
  if (auto replaced = replace_file(current_file_path(store_), std::to_string(info.number) + "\n"); !replaced)
    return replaced;
  published_ = {info.number};
  return {};
}

Result<void> PolicyStoreImpl::publish_live(const GenerationInfo& info) {
  const std::filesystem::path prepared = with_suffix(generation_path(store_, {info.number}), ".tmp");
  std::error_code fault;
  std::filesystem::remove_all(prepared, fault);
  const std::uint64_t log_bytes = unpublished_changes_ > kFewChanges ? kLogBytesBehindImports : kLogBytesForFlush;
  if (auto made = make_checkpoint(*database_, prepared, log_bytes); !made) return made;
  const unsigned places = places_to_search();
  auto done = put_in_force(info, prepared);
  if (!done) std::filesystem::remove_all(prepared, fault);
  if (!done) return done;
  places_in_force_ = places;
  unpublished_changes_ = 0;
  return {};
}

Result<GenerationNumber> PolicyStoreImpl::publish(const std::string& reason, Now now) {
  const bool changed = state_.rules_changed || state_.policies_changed;
  if (!changed && published_.value != 0) {
    if (!unpublished_) return published_;
    // An import that changed no rule: on the disk, and no later failure takes it back.
    AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
    write.put(Family::meta, kStateKey, encode(state_));
    if (auto written = write.commit(); !written) return written.error();
    unpublished_ = false;
    first_revocable_import_ = state_.next_import;
    return published_;
  }
  const std::uint64_t epoch = state_.names_epoch + (state_.rules_changed || published_.value == 0 ? 1 : 0);
  const GenerationInfo info{published_.value + 1, {to_ns(now.wall), epoch, fingerprint_now(), reason}};
  StoreState announced = state_;
  announced.rules_changed = false;
  announced.policies_changed = false;
  announced.pending = Pending::publish;
  if (auto written = announce(announced, info); !written) return written.error();
  // If it fails now, state_ still says that there is something to publish, and every later step writes that down.
  announced_ = announced;
  if (auto done = publish_live(info); !done) return done.error();
  announced.pending = Pending::nothing;
  state_ = announced;
  announced_.reset();
  unpublished_ = false;
  first_revocable_import_ = state_.next_import;
  pinned_in_force_ = state_.pinned;
  defined_in_force_ = state_.defined_at;
  thin_out(now.wall);
  return published_;
}

Result<GenerationInfo> PolicyStoreImpl::info_of(GenerationNumber number) {
  const auto value = database_->get(Family::timeline, generation_key(number.value));
  if (!value) {
    if (value.error().code != ErrorCode::not_found) return value.error();
    return Error{ErrorCode::not_found, "there is no generation " + std::to_string(number.value)};
  }
  auto record = decode_published(*value);
  if (!record) return corrupt("timeline");
  return GenerationInfo{number.value, std::move(*record)};
}

Result<void> PolicyStoreImpl::check_checkpoint(GenerationNumber number) const {
  const auto path = checkpoint_path(number);
  const auto info = read_generation_info(path);
  if (!info) return info.error();
  return info->files.empty() ? Result<void>() : check_files(path, info->files);
}

// After a power failure the generation in force may be there by half, or not at all.
Result<void> PolicyStoreImpl::repair(Now now) {
  if (state_.number < published_.value) {
    return Error{ErrorCode::corrupt, policy_path(store_).string() + ": the live database is older than generation " +
                                         std::to_string(published_.value) + ", which is in force"};
  }
  if (state_.pending == Pending::rollback) {
    if (auto done = finish_rollback(); !done) return done;
  }
  const auto whole = published_.value == 0 || is_candidate_ ? Result<void>() : check_checkpoint(published_);
  if (state_.pending == Pending::publish && (state_.number != published_.value || !whole)) {
    // Nothing was written since it was announced: the live database holds exactly that generation.
    auto info = info_of({state_.number});
    if (!info) return info.error();
    if (auto done = publish_live(*info); !done) return done;
  } else if (!whole) {
    state_.pending = Pending::nothing;
    state_.rules_changed = true;
    if (auto done = publish("generation " + std::to_string(published_.value) + " was damaged", now); !done)
      return done.error();
  }
  if (!whole) mended_ = whole.error().message;
  state_.pending = Pending::nothing;
  return {};
}

Result<std::vector<PublishedGeneration>> PolicyStoreImpl::generations() const {
  // From its file, since published_ belongs to the writer's thread.
  const auto current = Generation::read_current_number(store_);
  if (!current && current.error().code != ErrorCode::not_found) return current.error();
  std::vector<PublishedGeneration> all;
  const std::string prefix = "g";
  const auto iterator = database_->iterate(Family::timeline);
  for (iterator->Seek(prefix); iterator->Valid() && view(iterator->key()).starts_with(prefix); iterator->Next()) {
    ByteReader key(view(iterator->key()).substr(1));
    const GenerationNumber number{key.u64()};
    auto record = decode_published(view(iterator->value()));
    if (!key.ok() || !record) return corrupt("timeline");
    if (!current || number > *current) continue;  // announced only
    PublishedGeneration generation;
    generation.number = number;
    generation.names_epoch = {record->names_epoch};
    generation.published_at = from_ns(record->published_at_ns);
    generation.fingerprint = std::move(record->fingerprint);
    generation.reason = std::move(record->reason);
    const auto path = checkpoint_path(number);
    std::error_code fault;
    generation.on_disk = std::filesystem::is_directory(path, fault);
    if (generation.on_disk) generation.size_bytes = exclusive_bytes(path);
    all.push_back(std::move(generation));
  }
  if (!iterator->status().ok()) return to_error(iterator->status(), "timeline");
  std::reverse(all.begin(), all.end());
  return all;
}

// Keeps the newest checkpoints and the last one of each hour of the past day. Whatever cannot be removed stays for
// the next time: a publish does not fail for it.
void PolicyStoreImpl::thin_out(WallTime now) {
  std::error_code fault;
  std::set<std::int64_t> hours;
  unsigned kept = 0;
  for (const GenerationNumber number : list_checkpoints(store_)) {
    if (number.value == published_.value || kept < options_.keep_generations) {
      ++kept;
      continue;
    }
    const auto info = info_of(number);
    if (info) {
      const WallTime at = from_ns(info->record.published_at_ns);
      const auto hour = std::chrono::duration_cast<std::chrono::hours>(at.time_since_epoch()).count();
      if (at + kHourlyFor > now && hours.insert(hour).second) continue;
    }
    // Renamed first: a directory under its number is always whole.
    const auto path = checkpoint_path(number);
    const auto doomed = with_suffix(path, ".del");
    std::filesystem::rename(path, doomed, fault);
    if (!fault) std::filesystem::remove_all(doomed, fault);
  }
}

}  // namespace weir::store
