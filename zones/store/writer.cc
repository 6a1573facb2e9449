#include "zones/store/writer.h"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "zones/base/text.h"
#include "zones/store/past_generation.h"
#include "zones/store/policy_store.h"
#include "zones/store/store_cache.h"

namespace weir {
namespace store {
namespace {

// More changes than this are ingested as tables instead of passing through the log and the memtables.
constexpr std::size_t kLargeChange = 20'000;
// Reading a name in passing costs a fraction of asking the database for one.
constexpr std::uint64_t kNamesReadForOneAsked = 20;

// One writer a store. Errors: busy (with the process id of who holds it), not_found, permission, io.
Result<LockFile> lock_store(const std::filesystem::path& file) {
  return LockFile::acquire(file, 0644, [&file](const LockFile::Refusal& why) -> Error {
    if (why.error != EWOULDBLOCK) return system_error(why.error, file.string());
    return {ErrorCode::busy, file.string() + ": another weir-sidecar writes this store" +
                                 (why.holder.empty() ? std::string() : " (process " + why.holder + ")")};
  });
}

}  // namespace

Result<std::unique_ptr<PolicyStore>> PolicyStoreImpl::open(const std::filesystem::path& path,
                                                           const WriterOptions& options, Now now, Role role) {
  std::unique_ptr<PolicyStoreImpl> store(new PolicyStoreImpl());
  store->is_candidate_ = role == Role::candidate;
  store->store_ = path;
  store->options_ = options;
  for (const auto& folder : {generations_path(path), present_rules_path(path, {}).parent_path()}) {
    if (auto made = make_directories(folder); !made) return made.error();
  }
  auto lock = lock_store(policy_path(path) / "LOCK");
  if (!lock) return lock.error();
  store->lock_ = std::move(*lock);
  store->remove_leftovers();
  auto database = Database::open_writer(live_path(path), StoreCacheImpl(options.block_cache_bytes).cache);
  if (!database) return database.error();
  store->database_ = std::move(*database);
  if (auto loaded = store->load_state(); !loaded) return loaded.error();
  if (auto loaded = store->load_counts(); !loaded) return loaded.error();
  if (auto repaired = store->repair(now); !repaired) return repaired.error();
  return std::unique_ptr<PolicyStore>(std::move(store));
}

void PolicyStoreImpl::remove_leftovers() {
  std::error_code fault;
  std::vector<std::filesystem::path> leftovers{policy_path(store_) / "scratch", policy_path(store_) / "candidates"};
  for (const auto& folder : {generations_path(store_), present_rules_path(store_, {}).parent_path()}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, fault)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".tmp" || extension == ".del") leftovers.push_back(entry.path());
    }
  }
  for (const auto& path : leftovers) std::filesystem::remove_all(path, fault);
}

Result<void> PolicyStoreImpl::load_state() {
  std::string value;
  auto found = database_->find(Family::meta, kFormatKey, value);
  if (!found) return found.error();
  if (!*found) {  // a new store
    AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
    std::string version;
    put_u32(version, kFormatVersion);
    write.put(Family::meta, kFormatKey, version);
    policies_ = PolicySet::with_defaults();
    state_.policies_changed = true;
    write.put(Family::policies, policies_key(1), policies_.to_json());
    write.put(Family::meta, kStateKey, encode(state_));
    return write.commit();
  }
  ByteReader version(value);
  if (const std::uint32_t format = version.u32(); format != kFormatVersion) {
    return Error{ErrorCode::incompatible, live_path(store_).string() + ": written in format " + std::to_string(format) +
                                              ", this weir reads format " + std::to_string(kFormatVersion)};
  }
  found = database_->find(Family::meta, kStateKey, value);
  if (!found) return found.error();
  const auto state = decode_state(value);
  if (!*found || !state) return corrupt(live_path(store_).string());
  state_ = *state;
  first_revocable_import_ = state_.next_import;
  pinned_in_force_ = state_.pinned;
  defined_in_force_ = state_.defined_at;

  const auto newest = database_->iterate(Family::policies);
  newest->SeekToLast();
  if (!newest->status().ok()) return to_error(newest->status(), live_path(store_).string());
  if (!newest->Valid()) return corrupt(live_path(store_).string());
  auto policies = PolicySet::from_json(view(newest->value()));
  if (!policies) return Error{ErrorCode::corrupt, live_path(store_).string() + ": " + policies.error().message};
  policies_ = std::move(*policies);

  const auto current = Generation::read_current_number(store_);
  if (current) {
    published_ = *current;
  } else if (current.error().code != ErrorCode::not_found) {
    return current.error();
  }
  return {};
}

Result<void> PolicyStoreImpl::load_counts() {
  const std::string prefix = "s";
  const auto states = database_->iterate(Family::lists);
  for (states->Seek(prefix); states->Valid() && view(states->key()).starts_with(prefix); states->Next()) {
    ByteReader key(view(states->key()).substr(1));
    const ListId list{key.u32()};
    const auto state = decode_list_state(view(states->value()));
    if (!key.ok() || !state) return corrupt("lists");
    list_states_[list] = *state;
  }
  if (!states->status().ok()) return to_error(states->status(), "lists");
  std::string value;
  for (const RuleSpace space : {RuleSpace::name, RuleSpace::address, RuleSpace::ns_address, RuleSpace::client}) {
    const auto found = database_->find(Family::payload, counts_key(space), value);
    if (!found) return found.error();
    if (!*found) continue;
    if (space == RuleSpace::name) {
      auto labels = decode_label_counts(value);
      if (!labels) return corrupt("payload");
      counts_.labels = std::move(*labels);
    } else {
      auto lengths = decode_lengths(value);
      if (!lengths) return corrupt("payload");
      counts_.of(space) = std::move(*lengths);
    }
  }
  return {};
}

ListState PolicyStoreImpl::state_of(ListId list) const {
  const auto found = list_states_.find(list);
  return found == list_states_.end() ? ListState() : found->second;
}

Result<PolicySet> PolicyStoreImpl::define(const PolicySet& wanted) {
  PolicySet defined = wanted;
  defined.pauses = policies_.pauses;
  defined.last_pause = policies_.last_pause;
  StoreState state = state_;
  AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
  std::unordered_map<std::uint32_t, ListId> ids;  // as the configuration numbers them -> for ever
  const PolicySet reserved = PolicySet::with_defaults();
  for (ListDefinition& list : defined.lists) {
    const std::uint32_t wanted_id = list.id.value;
    if (const ListDefinition* own = reserved.find_list(list.name)) {
      list.id = own->id;
    } else {
      std::string value;
      const auto known = database_->find(Family::lists, list_name_key(list.name), value);
      if (!known) return known.error();
      list.id = ListId{*known ? ByteReader(value).u32() : state.next_list++};
      if (!*known) {
        std::string id;
        put_u32(id, list.id.value);
        write.put(Family::lists, list_name_key(list.name), id);
      }
    }
    if (const ListDefinition* before = policies_.find_list(list.id)) list.soa = before->soa;
    if (!ids.emplace(wanted_id, list.id).second) {
      return Error{ErrorCode::invalid, "list '" + escape_for_display(list.name) + "': two lists have one number"};
    }
  }
  const auto by_id = [](const ListDefinition& a, const ListDefinition& b) { return a.id < b.id; };
  std::sort(defined.lists.begin(), defined.lists.end(), by_id);
  for (std::size_t i = 1; i < defined.lists.size(); ++i) {
    if (defined.lists[i - 1].id != defined.lists[i].id) continue;
    return Error{ErrorCode::invalid, "list '" + escape_for_display(defined.lists[i].name) + "' is defined twice"};
  }
  for (const ListDefinition& list : reserved.lists) {
    if (defined.find_list(list.id) == nullptr) {
      defined.lists.insert(std::lower_bound(defined.lists.begin(), defined.lists.end(), list, by_id), list);
    }
  }
  for (Policy& policy : defined.policies) {
    for (ListId& list : policy.lists) {
      const auto id = ids.find(list.value);
      if (id == ids.end()) {
        return Error{ErrorCode::invalid, "policy '" + escape_for_display(policy.name) + "' names an unknown list"};
      }
      list = id->second;
    }
    std::sort(policy.lists.begin(), policy.lists.end());
  }

  for (Schedule& schedule : defined.schedules) {
    for (ListId& list : schedule.lists) {
      const auto id = ids.find(list.value);
      if (id == ids.end()) {
        return Error{ErrorCode::invalid, "schedule '" + escape_for_display(schedule.name) + "' names an unknown list"};
      }
      list = id->second;
    }
    std::sort(schedule.lists.begin(), schedule.lists.end());
  }

  // Rules of lists that are gone go first: if this is cut short, the next define() goes on with it.
  for (const auto& [list, list_state] : std::map<ListId, ListState>(list_states_)) {
    if (defined.find_list(list) != nullptr || (list_state.rules == 0 && !list_state.loaded)) continue;
    RuleSorter nothing(policy_path(store_));
    const auto removed =
        write_list({.list = list, .import = {}, .note = {}, .effective = published_.value + 1}, nothing, {});
    if (!removed) return removed.error();
    std::error_code ignored;
    std::filesystem::remove(present_rules_path(store_, list), ignored);
  }
  state.rules_changed = state_.rules_changed;
  state.policies_changed = state_.policies_changed;
  state.pinned.clear();
  state.defined_at = 0;
  const bool differs = defined != policies_;
  if (differs) {
    write.put(Family::policies, policies_key(published_.value + 1), defined.to_json());
    state.policies_changed = true;
  }
  if (differs || state != state_) {
    write.put(Family::meta, kStateKey, encode(state));
    if (auto written = write.commit(AtomicWrite::Sync::with_the_next); !written) return written.error();
    unpublished_ = true;
  }
  state_ = state;
  policies_ = defined;
  return defined;
}

Result<ImportOutcome> PolicyStoreImpl::import(ListId list, const RuleStream& rules, const Provenance& provenance,
                                              const std::function<void(std::uint64_t)>& progress, Now) {
  if (policies_.find_list(list) == nullptr) {
    return Error{ErrorCode::not_found, "no list with the number " + std::to_string(list.value) + " is defined"};
  }
  auto prepared = prepare(list, rules, progress);
  if (!prepared) return prepared.error();
  return import(**prepared, provenance);
}

Result<ImportOutcome> PolicyStoreImpl::write_list(const ListStep& step, RuleCursor& wanted,
                                                  const std::function<void(std::uint64_t)>& progress) {
  ChangeSet changes(policy_path(store_));
  const auto compared = diff(*database_, step.list, wanted, progress, changes);
  if (!compared) return compared.error();
  return commit_changes(step, changes, state_.next_payload);
}

Result<ImportOutcome> PolicyStoreImpl::commit_changes(const ListStep& step, const ChangeSet& changes,
                                                      std::uint64_t next_payload) {
  StoreState state = state_;
  state.next_payload = next_payload;
  KeyCounts counts = counts_;
  ListState list = state_of(step.list);
  AtomicWrite write(*database_, policy_path(store_) / "scratch",
                    changes.size() > kLargeChange ? AtomicWrite::Size::large : AtomicWrite::Size::small);
  if (changes.size() > 0) {
    const std::uint64_t names = std::accumulate(counts.labels.begin(), counts.labels.end(), std::uint64_t{0});
    if (!known_.is_read() && changes.size() > kLargeChange && names / kNamesReadForOneAsked < changes.size()) {
      if (auto read = known_.read(*database_); !read) return read.error();
    }
    const auto written =
        write_changes(*database_, step.list, changes, step.effective, policy_path(store_), known_, counts, list, write);
    if (!written) return written.error();
    state.rules_changed = true;
  }
  ImportOutcome outcome{step.import, list.rules, changes.added(), changes.removed(), changes.unchanged()};
  if (step.import.value != 0) {
    state.next_import = std::max(state.next_import, step.import.value + 1);
    ImportRecord record{step.import, step.list, {step.effective}, outcome, *step.provenance, step.note};
    write.put(Family::lists, import_key(step.list, step.import), to_json(record));
    if (changes.added() > 0) list.next_serial = std::max(list.next_serial, changes.last_line() + 1);
  }
  if (list.loaded != step.loaded) state.policies_changed = true;
  list.loaded = step.loaded;
  write.put(Family::lists, list_state_key(step.list), encode(list));
  write.put(Family::meta, kStateKey, encode(state));
  if (auto committed = write.commit(AtomicWrite::Sync::with_the_next); !committed) return committed.error();
  unpublished_ = true;
  unpublished_changes_ += changes.size();
  state_ = state;
  counts_ = std::move(counts);
  list_states_[step.list] = list;
  return outcome;
}

Result<ImportOutcome> PolicyStoreImpl::change_rules(ListId list, std::span<const Rule> gone, std::span<const Rule> come,
                                                    const Provenance& provenance) {
  if (policies_.find_list(list) == nullptr) {
    return Error{ErrorCode::not_found, "no list with the number " + std::to_string(list.value) + " is defined"};
  }
  const auto stream = [](std::span<const Rule> rules, std::uint64_t line) -> RuleStream {
    return [rules, line, at = std::size_t{0}]() mutable -> Result<std::optional<SourcedRule>> {
      if (at == rules.size()) return std::optional<SourcedRule>();
      const std::size_t index = at++;
      return std::optional<SourcedRule>({rules[index], line + index});
    };
  };
  const std::uint64_t line = state_of(list).next_serial;
  auto prepared = prepare_changes(list, stream(gone, line), stream(come, line));
  if (!prepared) return prepared.error();
  return import(**prepared, provenance);
}

Result<void> PolicyStoreImpl::add_rule(ListId list, const Rule& rule, const Provenance& provenance, Now) {
  const auto done = change_rules(list, {}, {&rule, 1}, provenance);
  return done ? Result<void>() : done.error();
}

Result<bool> PolicyStoreImpl::remove_rule(ListId list, const Rule& rule, const Provenance& provenance, Now) {
  const auto removed = change_rules(list, {&rule, 1}, {}, provenance);
  if (removed) return true;
  if (removed.error().code == ErrorCode::not_found && policies_.find_list(list) != nullptr) return false;
  return removed.error();
}

Result<void> PolicyStoreImpl::write_policies(PolicySet changed) {
  StoreState state = state_;
  state.policies_changed = true;
  AtomicWrite write(*database_, {}, AtomicWrite::Size::small);
  write.put(Family::policies, policies_key(published_.value + 1), changed.to_json());
  write.put(Family::meta, kStateKey, encode(state));
  if (auto written = write.commit(AtomicWrite::Sync::with_the_next); !written) return written;
  unpublished_ = true;
  state_ = state;
  policies_ = std::move(changed);
  return {};
}

Result<std::uint64_t> PolicyStoreImpl::add_pause(const Pause& pause) {
  PolicySet changed = policies_;
  changed.pauses.push_back(pause);
  changed.pauses.back().id = ++changed.last_pause;
  if (auto written = write_policies(std::move(changed)); !written) return written.error();
  return policies_.last_pause;
}

Result<bool> PolicyStoreImpl::remove_pause(std::uint64_t id) {
  PolicySet changed = policies_;
  if (std::erase_if(changed.pauses, [id](const Pause& pause) { return pause.id == id; }) == 0) return false;
  if (auto written = write_policies(std::move(changed)); !written) return written.error();
  return true;
}

Result<void> PolicyStoreImpl::set_zone_soa(ListId list, const ResourceRecord& soa) {
  PolicySet changed = policies_;
  const auto at = std::find_if(changed.lists.begin(), changed.lists.end(),
                               [&](const ListDefinition& definition) { return definition.id == list; });
  if (at == changed.lists.end())
    return Error{ErrorCode::not_found, "no list with the number " + std::to_string(list.value) + " is defined"};
  if (at->soa == soa) return {};
  at->soa = soa;
  return write_policies(std::move(changed));
}

Result<std::vector<SourcedRule>> PolicyStoreImpl::rules_of(ListId list, std::size_t limit) const {
  std::vector<SourcedRule> rules;
  PastRules cursor(*database_, list, UINT64_MAX);
  WantedRule found;
  while (rules.size() < limit && cursor.next(found)) {
    auto known = make_sourced(*database_, found.key, {0, 0, found.import, found.line, found.detail});
    if (!known) return known.error();
    rules.push_back(std::move(*known));
  }
  if (auto status = cursor.status(); !status) return status.error();
  return rules;
}

Result<std::vector<ImportRecord>> PolicyStoreImpl::history(ListId list) const {
  std::vector<ImportRecord> records;
  const std::string prefix = import_prefix(list);
  const auto iterator = database_->iterate(Family::lists);
  for (iterator->Seek(prefix); iterator->Valid() && view(iterator->key()).starts_with(prefix); iterator->Next()) {
    auto record = import_record_from_json(view(iterator->value()));
    if (!record) return record.error();
    records.push_back(std::move(*record));
  }
  if (!iterator->status().ok()) return to_error(iterator->status(), "lists");
  std::reverse(records.begin(), records.end());
  return records;
}

Result<std::shared_ptr<const RulesInForce>> PolicyStoreImpl::rules_at(WallTime time) const {
  const auto number = generation_at(*database_, time);
  if (!number) return number.error();
  return PastGeneration::open(*database_, *number);
}

Result<std::uint64_t> PolicyStoreImpl::rule_count(ListId list) {
  return state_of(list).rules;
}

}  // namespace store

Result<std::unique_ptr<PolicyStore>> PolicyStore::open(const std::filesystem::path& store, const WriterOptions& options,
                                                       Now now) {
  return store::PolicyStoreImpl::open(store, options, now);
}

}  // namespace weir
