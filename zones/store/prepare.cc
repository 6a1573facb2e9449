// A version of a list before it is written: compared with the list as it is, and candidates made with it.

#include "zones/base/hex.h"
#include "zones/dns/reversed_name.h"
#include "zones/store/checkpoint.h"
#include "zones/store/policy_store.h"

namespace weir {
namespace store {
namespace {

constexpr std::string_view kChangedMeanwhile = "the list was changed while its new version was read: update it again";

class PreparedImportImpl final : public PreparedImport {
 public:
  PreparedImportImpl(const Database& database, ListId list, ListState before, std::filesystem::path scratch)
      : database_(database), list_(list), before_(before), changes_(std::move(scratch)) {}
  ~PreparedImportImpl() override {
    std::error_code ignored;
    if (!present_file_.empty()) std::filesystem::remove(present_file_, ignored);
  }

  ListId list() const override { return list_; }
  std::uint64_t added() const override { return changes_.added(); }
  std::uint64_t removed() const override { return changes_.removed(); }
  std::uint64_t unchanged() const override { return changes_.unchanged(); }

  // `present_file`: for what the list has then; empty: not wanted.
  Result<void> read(RuleSorter& wanted, const std::filesystem::path& present_file,
                    const std::function<void(std::uint64_t)>& progress) {
    PresentRules* const present = wanted.present();
    PresentRulesDraft draft;
    if (present == nullptr) {
      auto read = diff(database_, list_, wanted, progress, changes_, present_file.empty() ? nullptr : &draft);
      if (!read) return read;
    } else {
      if (!present->is_of(before_)) return Error{ErrorCode::busy, std::string(kChangedMeanwhile)};
      if (auto read = diff(database_, list_, *present, wanted, progress, changes_); !read) return read;
      if (changes_.size() > 0) draft = present->next();
    }
    if (present_file.empty() || (present != nullptr && changes_.size() == 0)) return {};
    ListState after = before_;
    after.rules = changes_.unchanged() + changes_.added();
    add(after.sum, changes_.sum_added());
    subtract(after.sum, changes_.sum_removed());
    present_file_ = present_file;
    (void)draft.write(present_file, after);
    return {};
  }
  // It is in the list: the file is about that state.
  void keep_present_rules(const std::filesystem::path& as) {
    if (present_file_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove(as, ignored);  // a rename onto a file that is there waits for the disk
    std::filesystem::rename(present_file_, as, ignored);
    present_file_.clear();
  }
  Result<void> read_changes(RuleSorter& gone, RuleSorter& come) {
    return difference(database_, list_, before_.rules, gone, come, changes_);
  }

  Result<void> for_each(Change change, const std::function<bool(const SourcedRule&)>& each) const override {
    ChangeReader reader(changes_);
    RuleChange changed;
    while (reader.next(changed)) {
      if (changed.added != (change == Change::added)) continue;
      auto rule = decode(changed);
      if (!rule) return rule.error();
      if (!each(*rule)) return {};
    }
    return reader.status();
  }

  Result<void> find(Change change, const Name& name,
                    const std::function<void(const SourcedRule&)>& each) const override {
    std::string prefix(1, static_cast<char>(RuleSpace::name));
    prefix.append(ReversedName(name).key()).push_back('\0');
    ChangeReader reader(changes_, prefix);
    RuleChange changed;
    while (reader.next(changed) && changed.key.starts_with(prefix)) {
      if (changed.added != (change == Change::added)) continue;
      auto rule = decode(changed);
      if (!rule) return rule.error();
      each(*rule);
    }
    return reader.status();
  }

  const ListState& before() const { return before_; }
  // The changes with the numbers of this moment. `next_payload` rises with each detail that is new.
  Result<const ChangeSet*> settle(ImportId import, std::uint64_t effective, std::uint64_t& next_payload) {
    if (next_payload + changes_.payloads() > UINT32_MAX) {
      return Error{ErrorCode::too_large, "no ids are left for rules with conditions"};
    }
    changes_.set_stamp({effective, import.value, next_payload});
    next_payload += changes_.payloads();
    return &changes_;
  }

 private:
  Result<SourcedRule> decode(const RuleChange& change) const {
    if (change.payload.empty()) return make_sourced(database_, change.key, change.interval);
    const auto key = decode_rule_key(change.key);
    const auto payload = decode_payload(change.payload);
    auto rule = key && payload ? make_rule(*key, &*payload) : std::nullopt;
    if (!rule) return corrupt("sources");
    return SourcedRule{std::move(*rule), change.interval.line, {change.interval.import}};
  }

  const Database& database_;
  const ListId list_;
  const ListState before_;
  ChangeSet changes_;
  std::filesystem::path present_file_;
};

Result<void> sort(const RuleStream& rules, RuleSorter& into) {
  for (;;) {
    const auto rule = rules();
    if (!rule) return rule.error();
    if (!rule->has_value()) return into.sort();
    if (auto added = into.add(**rule); !added) return added;
  }
}

}  // namespace

Result<SourcedRule> make_sourced(const Database& database, std::string_view rule_key, const Interval& interval) {
  const auto key = decode_rule_key(rule_key);
  if (!key) return corrupt("sources");
  std::optional<Payload> payload;
  if (key->has_payload()) {
    const auto value = database.get(Family::payload, payload_key(interval.detail));
    if (!value) return value.error();
    payload = decode_payload(*value);
  }
  auto rule = make_rule(*key, payload ? &*payload : nullptr);
  if (!rule) return corrupt("sources");
  return SourcedRule{std::move(*rule), interval.line, {interval.import}};
}

Result<ListState> PolicyStoreImpl::read_list_state(ListId list) const {
  std::string value;
  const auto found = database_->find(Family::lists, list_state_key(list), value);
  if (!found) return found.error();
  if (!*found) return ListState();
  const auto state = decode_list_state(value);
  if (!state) return corrupt("lists");
  return *state;
}

// Of the members it touches the database and the store's path alone: any thread may call it.
Result<std::unique_ptr<PreparedImport>> PolicyStoreImpl::prepare(
    ListId list, RuleSorter& rules, const std::function<void(std::uint64_t)>& progress) const {
  const auto before = read_list_state(list);
  if (!before) return before.error();
  auto prepared = std::make_unique<PreparedImportImpl>(*database_, list, *before, policy_path(store_));
  const std::filesystem::path present = is_candidate_ ? std::filesystem::path() : present_rules_path(store_, list);
  std::filesystem::path file = present;
  if (!file.empty()) file += "." + std::to_string(next_present_file_++) + ".tmp";
  if (auto read = prepared->read(rules, file, progress); !read) {
    std::error_code ignored;
    if (rules.present() != nullptr && read.error().code == ErrorCode::busy) std::filesystem::remove(present, ignored);
    return read.error();
  }
  return std::unique_ptr<PreparedImport>(std::move(prepared));
}

std::shared_ptr<RuleSorter> PolicyStoreImpl::start_reading(ListId list) const {
  const auto state = read_list_state(list);
  return std::make_shared<RuleSorter>(policy_path(store_), kSortMemoryBytes,
                                      state ? PresentRules::read(present_rules_path(store_, list), *state) : nullptr);
}

Result<std::unique_ptr<PreparedImport>> PolicyStoreImpl::prepare(
    ListId list, const RuleStream& rules, const std::function<void(std::uint64_t)>& progress) const {
  RuleSorter sorter(policy_path(store_));
  if (auto sorted = sort(rules, sorter); !sorted) return sorted.error();
  return prepare(list, sorter, progress);
}

Result<std::unique_ptr<PreparedImport>> PolicyStoreImpl::prepare_changes(ListId list, const RuleStream& gone,
                                                                         const RuleStream& come) const {
  const auto before = read_list_state(list);
  if (!before) return before.error();
  RuleSorter goes(policy_path(store_));
  RuleSorter comes(policy_path(store_));
  if (auto sorted = sort(gone, goes); !sorted) return sorted.error();
  if (auto sorted = sort(come, comes); !sorted) return sorted.error();
  auto prepared = std::make_unique<PreparedImportImpl>(*database_, list, *before, policy_path(store_));
  if (auto read = prepared->read_changes(goes, comes); !read) return read.error();
  return std::unique_ptr<PreparedImport>(std::move(prepared));
}

Result<std::string> PolicyStoreImpl::contents(ListId list) const {
  const auto state = read_list_state(list);
  if (!state) return state.error();
  std::string octets;
  for (const std::uint64_t lane : state->sum) put_u64(octets, lane);
  return std::to_string(state->rules) + "-" +
         to_hex({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
}

Result<ImportOutcome> PolicyStoreImpl::import(PreparedImport& import, const Provenance& provenance) {
  auto& prepared = static_cast<PreparedImportImpl&>(import);
  const ListId list = prepared.list();
  if (policies_.find_list(list) == nullptr) {
    return Error{ErrorCode::not_found, "no list with the number " + std::to_string(list.value) + " is defined"};
  }
  const ListState now = state_of(list);
  if (now.changes != prepared.before().changes) {
    return Error{ErrorCode::busy, std::string(kChangedMeanwhile)};
  }
  const ImportId id{state_.next_import};
  std::uint64_t next_payload = state_.next_payload;
  const auto changes = prepared.settle(id, published_.value + 1, next_payload);
  if (!changes) return changes.error();
  auto outcome = commit_changes({list, id, &provenance, {}, published_.value + 1, true}, **changes, next_payload);
  if (outcome && !is_candidate_) prepared.keep_present_rules(present_rules_path(store_, list));
  return outcome;
}

// Likewise. A step of the writer that is half done in the copy is finished there as after a crash.
Result<std::unique_ptr<Candidate>> PolicyStoreImpl::make_candidate(
    const std::function<Result<void>(PolicyStore&)>& change, Now now) const {
  const std::uint64_t id = next_candidate_++;
  const std::filesystem::path root = candidate_path(store_, id);
  auto candidate = std::make_unique<Candidate>(root, id);
  if (auto made = make_directories(policy_path(root)); !made) return made.error();
  // What is in force here, so that numbers and epochs go on from it.
  const auto in_force = Generation::read_current_number(store_);
  if (in_force) {
    if (auto written = replace_file(current_file_path(root), std::to_string(in_force->value) + "\n"); !written) {
      return written.error();
    }
  } else if (in_force.error().code != ErrorCode::not_found) {
    return in_force.error();
  }
  if (auto made = make_checkpoint(*database_, live_path(root)); !made) return made.error();
  auto copy = open(root, options_, now, Role::candidate);
  if (!copy) return copy.error();
  auto& changed = static_cast<PolicyStoreImpl&>(**copy);
  if (auto done = change(changed); !done) return done.error();
  changed.state_.policies_changed = true;  // a candidate that changes nothing is one too
  const auto number = changed.publish("candidate", now);
  if (!number) return number.error();
  candidate->set_checkpoint(*number, generation_path(root, *number));
  return candidate;
}

}  // namespace store

Candidate::~Candidate() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

}  // namespace weir
