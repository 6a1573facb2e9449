#include "tools/sidecar/list_updater.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>

#include "tools/sidecar/fetch.h"
#include "tools/sidecar/schedule.h"

namespace weir::sidecar {
namespace {

Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

std::int64_t to_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

const ListConfig* find_list(const Config& config, const std::string& name) {
  const auto found = std::find_if(config.lists.begin(), config.lists.end(),
                                  [&](const ListConfig& list) { return list.definition.name == name; });
  return found == config.lists.end() ? nullptr : &*found;
}

// Takes a name out of the set at the end.
class Claim {
 public:
  Claim(std::mutex& mutex, std::set<std::string>& names, std::string name)
      : mutex_(mutex), names_(names), name_(std::move(name)) {
    const std::lock_guard lock(mutex_);
    taken_ = names_.insert(name_).second;
  }
  ~Claim() {
    const std::lock_guard lock(mutex_);
    if (taken_) names_.erase(name_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  bool taken() const { return taken_; }

 private:
  std::mutex& mutex_;
  std::set<std::string>& names_;
  const std::string name_;
  bool taken_ = false;
};

}  // namespace

ListUpdater::ListUpdater(ConfigSource config, WriterThread& writer, Generations& generations, ListStates& states,
                         ResolverLink& resolver, AuditLog& audit, const std::atomic<bool>& stop)
    : config_(std::move(config)),
      writer_(writer),
      generations_(generations),
      states_(states),
      resolver_(resolver),
      audit_(audit),
      stop_(stop) {}

std::filesystem::path ListUpdater::good_copy(const std::filesystem::path& store, const std::string& list) {
  return store / "fetch" / (list + ".good");
}

bool ListUpdater::is_updating(const std::string& list) const {
  const std::lock_guard lock(mutex_);
  return updating_.contains(list);
}

Result<UpdateReport> ListUpdater::update(const std::string& name, const std::string& who,
                                         const UpdateProgress& progress) {
  const std::shared_ptr<const Config> config = config_();
  const ListConfig* list = find_list(*config, name);
  if (list == nullptr) return Error{ErrorCode::not_found, "no list \"" + name + "\" in the configuration"};
  const Claim claim(mutex_, updating_, name);
  if (!claim.taken()) return Error{ErrorCode::busy, "list " + name + " is being updated at this moment"};

  ListState state = states_.get(name);
  if (state.tried != list->source) state.failures = 0;
  state.tried = list->source;
  auto report = fetch_and_import(*config, *list, who, state, progress);
  const std::int64_t now_s = to_seconds(read_clocks().wall);
  const std::uint64_t chance = std::random_device{}();
  if (report) {
    state.failures = 0;
    state.last_error.clear();
    state.checked_s = now_s;
    state.next_fetch_s = now_s + next_after_success(list->every, chance).count();
  } else {
    ++state.failures;
    state.last_error = report.error().message;
    state.next_fetch_s = now_s + next_after_failure(list->every, state.failures, chance).count();
    spdlog::warn("list {}: {}; the previous version stays in force", name, report.error().message);
  }
  if (const auto saved = states_.put(name, state); !saved) spdlog::error("{}", saved.error().message);
  return report;
}

Result<UpdateReport> ListUpdater::fetch_and_import(const Config& config, const ListConfig& list, const std::string& who,
                                                   ListState& state, const UpdateProgress& progress) {
  const std::string& name = list.definition.name;
  const std::filesystem::path good = good_copy(config.store.path, name);
  const std::filesystem::path fresh = config.store.path / "fetch" / (name + ".new");
  std::error_code ignored;

  // What the store in force says counts more than what is remembered: the store may be another one by now.
  bool in_store = false;
  if (const auto current = generations_.current(); current && state.import.value != 0) {
    const ListDefinition* known = (*current)->policies().find_list(name);
    const auto& never = (*current)->never_loaded();
    in_store = known != nullptr && std::find(never.begin(), never.end(), known->id) == never.end();
  }
  FetchRequest request{list.source, {}, {}, fresh};
  const bool have_copy = state.source == list.source && !state.sha256.empty() && std::filesystem::exists(good, ignored);
  if (have_copy) {
    request.etag = state.etag;
    request.last_modified = state.last_modified;
  }
  const auto report_progress = [&](std::string_view phase, std::uint64_t done, std::uint64_t total) {
    if (progress) progress(phase, done, total);
  };
  const auto fetched = fetch(
      request, config.fetch, [&](std::uint64_t done, std::uint64_t total) { report_progress("fetch", done, total); },
      stop_);
  if (!fetched) {
    // What may not be fetched is a bad source. The asker may ask, which is all that `permission` means to them.
    Error error = fetched.error();
    if (error.code == ErrorCode::permission) error.code = ErrorCode::invalid;
    return error;
  }

  const std::string reading = reading_of(list);
  const std::string sha256 = fetched->not_modified ? state.sha256 : fetched->sha256;
  const bool same = have_copy && sha256 == state.sha256;
  state.etag = fetched->etag;
  state.last_modified = fetched->last_modified;
  if (same && in_store && state.reading == reading) {
    std::filesystem::remove(fresh, ignored);
    UpdateReport unchanged;
    unchanged.outcome = {state.import, state.rules, 0, 0, state.rules};
    unchanged.reading = {state.lines, state.buckets, state.notes, {}, nullptr};
    if (const auto current = generations_.current()) unchanged.generation = (*current)->number();
    return unchanged;
  }
  const std::filesystem::path bytes = fetched->not_modified ? good : fresh;

  // What is remembered for the next conditional fetch belongs to bytes that were accepted.
  const auto refused = [&](const Error& error) {
    if (!fetched->not_modified) std::filesystem::remove(fresh, ignored);
    state.etag.clear();
    state.last_modified.clear();
    return error;
  };
  const auto checked =
      check_list(list, bytes, [&](std::uint64_t done, std::uint64_t total) { report_progress("parse", done, total); });
  if (!checked) return refused(checked.error());

  Provenance provenance;
  provenance.counts_json = checked->counts;
  provenance.source = list.source;
  provenance.sha256 = sha256;
  provenance.etag = fetched->etag;
  provenance.who = who;
  provenance.fetched_at = read_clocks().wall;
  provenance.size_bytes = std::filesystem::file_size(bytes, ignored);

  UpdateReport report;
  report.changed = true;
  const auto imported = writer_.run<ImportOutcome>(Urgency::later, [&](PolicyStore& store) -> Result<ImportOutcome> {
    const ListDefinition* definition = store.policies().find_list(name);
    if (definition == nullptr) {
      return Error{ErrorCode::not_found, "list " + name + " is not in the policy in force (" +
                                             (store.pinned().empty() ? "reload first" : store.pinned()) + ")"};
    }
    auto result = import_list(
        store, definition->id, list, bytes, *checked, provenance,
        [&](std::uint64_t done) { report_progress("import", done, 0); }, read_clocks());
    if (!result) return result.error();
    report_progress("publish", 0, 1);
    const auto number = store.publish("import " + name, read_clocks());
    if (!number) return number.error();
    report.generation = *number;
    AuditEntry entry{who, "import", name, {}, {}};
    entry.details = {{"import", result->import.value},
                     {"sha256", sha256},
                     {"rules", result->rules},
                     {"added", result->added},
                     {"removed", result->removed}};
    if (auto recorded = audit_.append(entry, *number, read_clocks().wall); !recorded) return recorded.error();
    report_progress("publish", 1, 1);
    return result;
  });
  if (!imported) return refused(imported.error());
  report.outcome = *imported;
  report.reading = *checked;
  report.reading.rules.reset();
  if (!fetched->not_modified) std::filesystem::rename(fresh, good, ignored);
  state.source = list.source;
  state.reading = reading;
  state.sha256 = sha256;
  state.import = imported->import;
  state.rules = imported->rules;
  state.lines = checked->lines;
  state.buckets = checked->buckets;
  state.notes = checked->notes;
  state.imported_s = to_seconds(provenance.fetched_at);

  const auto told = resolver_.load_generation();
  report.resolver_told = told.has_value();
  spdlog::info("list {}: {} rules, {} added, {} removed, generation {}{}", name, report.outcome.rules,
               report.outcome.added, report.outcome.removed, report.generation.value,
               told ? "" : "; " + told.error().message);
  return report;
}

}  // namespace weir::sidecar
