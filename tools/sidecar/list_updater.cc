#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include "tools/sidecar/built_in_rules.h"
#include "tools/sidecar/digest.h"
#include "tools/sidecar/fetch.h"
#include "tools/sidecar/licence.h"
#include "tools/sidecar/list_attempt.h"
#include "tools/sidecar/minisign.h"
#include "tools/sidecar/recall.h"
#include "tools/sidecar/schedule.h"
#include "zones/base/text.h"
#include "zones/lists/rpz.h"
#include "zones/store/files.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

Now clocks_now() {
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

// What the source has is what is in force.
void note_load(ListState& state, const std::filesystem::path& good_copy, std::int64_t now_s) {
  state.loaded_s = now_s;
  state.licence = licence_of(good_copy);
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

// A zone that is older than the one before is taken all the same: its publisher may have begun anew.
std::string with_serial(const std::string& notes, const std::string& before, std::optional<std::uint32_t> now) {
  std::uint32_t known = 0;
  const auto [end, fault] = std::from_chars(before.data(), before.data() + before.size(), known);
  if (before.empty() || fault != std::errc() || !now || !serial_went_back(known, *now)) return notes;
  json::error_code error;
  json::value parsed = json::parse(notes, error);
  if (error || !parsed.is_array()) return notes;
  parsed.get_array().emplace_back("the zone's serial number went backwards, from " + before + " to " +
                                  std::to_string(*now));
  return json::serialize(parsed);
}

}  // namespace

std::filesystem::path in_fetch(const std::filesystem::path& store, const std::string& list, const char* suffix) {
  return store / "fetch" / (list + suffix);
}

std::string with_warnings(const std::string& notes, const std::vector<GuardFinding>& findings) {
  json::error_code error;
  json::value parsed = json::parse(notes, error);
  if (error || !parsed.is_array()) return notes;
  for (const GuardFinding& finding : findings) {
    if (finding.holds) continue;
    std::string text = finding.text;
    for (std::size_t i = 0; i < finding.samples.size() && i < 3; ++i)
      text += (i == 0 ? ": " : ", ") + finding.samples[i];
    if (finding.samples.size() > 3) text += ", ...";
    parsed.get_array().emplace_back(text);
  }
  return json::serialize(parsed);
}

ListUpdater::ListUpdater(ConfigSource config, WriterThread& writer, Generations& generations, ListStates& states,
                         ResolverLink& resolver, AuditLog& audit, const std::atomic<bool>& stop)
    : config_(std::move(config)),
      writer_(writer),
      generations_(generations),
      states_(states),
      resolver_(resolver),
      audit_(audit),
      stop_(stop) {}

std::filesystem::path ListUpdater::fresh_copy(const std::filesystem::path& store, const std::string& list) {
  return in_fetch(store, list, ".new");
}

std::filesystem::path ListUpdater::good_copy(const std::filesystem::path& store, const std::string& list) {
  return in_fetch(store, list, ".good");
}

std::filesystem::path ListUpdater::held_copy(const std::filesystem::path& store, const std::string& list) {
  return in_fetch(store, list, ".held");
}

bool ListUpdater::is_updating(const std::string& list) const {
  const std::lock_guard lock(mutex_);
  return updating_.contains(list);
}

template <class T>
Result<T> ListUpdater::claim(const std::string& name,
                             const std::function<Result<T>(const Config&, const ListConfig&)>& work) {
  const std::shared_ptr<const Config> config = config_();
  const ListConfig* list = find_list(*config, name);
  if (list == nullptr) {
    return Error{ErrorCode::not_found, "no list \"" + escape_for_display(name) + "\" in the configuration"};
  }
  const Claim claim(mutex_, updating_, name);
  if (!claim.taken()) return Error{ErrorCode::busy, "list " + name + " is being updated at this moment"};
  return work(*config, *list);
}

Result<UpdateReport> ListUpdater::update(const std::string& name, const std::string& who,
                                         const UpdateProgress& progress) {
  return claim<UpdateReport>(name, [&](const Config& config, const ListConfig& list) {
    ListState state = states_.get(name);
    if (state.tried != list.source) state.failures = 0;
    state.tried = list.source;
    if (state.first_tried_s == 0) state.first_tried_s = to_seconds(clocks_now().wall);
    // The schedule only hurries to do what somebody has asked for.
    const bool is_first = state.import.value == 0 && who == kSchedule && !state.defined_by.empty();
    const std::string asker = is_first ? state.defined_by : who;
    Attempt attempt{config, list, asker, state, progress};
    auto report = fetch_and_import(attempt);
    const std::int64_t now_s = to_seconds(clocks_now().wall);
    const std::uint64_t chance = std::random_device{}();
    state.last_error = report ? std::string() : report.error().message;
    if (report) note_load(state, good_copy(config.store.path, name), now_s);
    if (report || attempt.held) {  // the source gave what it has: it is asked again in time
      state.failures = 0;
      state.checked_s = now_s;
      const auto every = zone_interval(list.every, list.zone ? state.refresh_s : 0);
      state.next_fetch_s = now_s + next_after_success(every, chance).count();
    } else {
      ++state.failures;
      const auto every = zone_interval(list.every, list.zone ? state.retry_s : 0);
      state.next_fetch_s = now_s + next_after_failure(every, state.failures, chance).count();
      // A policy that stands is better than none: what a zone expires from is its primary's confidence, not ours.
      if (list.zone && state.expire_s > 0 && state.checked_s > 0 && now_s - state.checked_s > state.expire_s) {
        state.last_error += "; the zone's own time to expire (" + std::to_string(state.expire_s) + " s) is over";
      }
    }
    if (!report) spdlog::warn("list {}: {}; the previous version stays in force", name, state.last_error);
    if (const auto saved = states_.put(name, state); !saved) spdlog::error("{}", saved.error().message);
    ::malloc_trim(0);  // small blocks between what was freed: of every list that was ever large
    return report;
  });
}

Result<ListUpdater::Version> ListUpdater::fetch_version(const Attempt& attempt) const {
  if (attempt.list.zone) return transfer_version(attempt, serial_here(attempt));
  const ListState& state = attempt.state;
  const std::filesystem::path good = good_copy(attempt.config.store.path, attempt.name());
  const std::filesystem::path fresh = fresh_copy(attempt.config.store.path, attempt.name());
  std::error_code ignored;
  FetchRequest request{attempt.list.source, {}, {}, fresh};
  const bool have_copy =
      state.source == attempt.list.source && !state.sha256.empty() && std::filesystem::exists(good, ignored);
  if (have_copy) {
    request.etag = state.etag;
    request.last_modified = state.last_modified;
  }
  const auto fetched = fetch(
      request, attempt.config.fetch,
      [&](std::uint64_t done, std::uint64_t total) { attempt.report("fetch", done, total); }, stop_);
  if (!fetched) {
    // What may not be fetched is a bad source. The asker may ask, which is all that `permission` means to them.
    Error error = fetched.error();
    if (error.code == ErrorCode::permission) error.code = ErrorCode::invalid;
    return error;
  }
  if (fetched->not_modified) return Version{good, state.sha256, fetched->etag, fetched->last_modified, {}, true};
  return Version{fresh, fetched->sha256, fetched->etag, fetched->last_modified, {}, false};
}

// Who signed these bytes; "" where the list asks for no signature. Nothing of it is kept but that.
Result<std::string> ListUpdater::check_signature(const Attempt& attempt, const Version& version) const {
  if (attempt.list.key.empty()) return std::string();
  const std::filesystem::path output = in_fetch(attempt.config.store.path, attempt.name(), ".minisig");
  FetchConfig limits = attempt.config.fetch;
  limits.max_bytes = std::min(limits.max_bytes, kMaxSignatureFile);
  limits.max_decoded_bytes = std::min(limits.max_decoded_bytes, kMaxSignatureFile);
  const std::string source = signature_source(attempt.list.source);
  const auto fetched = fetch({source, {}, {}, output}, limits, {}, stop_);
  if (!fetched) {
    Error error = fetched.error();
    if (error.code == ErrorCode::permission) error.code = ErrorCode::invalid;
    error.message = "the list must be signed, and its signature cannot be had: " + error.message;
    return error;
  }
  auto text = store::read_small_file(output);
  std::error_code ignored;
  std::filesystem::remove(output, ignored);
  if (!text) return text.error();
  auto comment = verify_minisign(version.bytes, *text, attempt.list.key);
  if (!comment) return Error{comment.error().code, shown_source(source) + ": " + comment.error().message};
  return attempt.list.key + " (" + escape_for_display(*comment) + ")";
}

// The same bytes, read in the same way. What the store in force says counts more than what is remembered: the store
// may be another one by now.
bool ListUpdater::is_in_force(const Attempt& attempt, const Version& version) const {
  const ListState& state = attempt.state;
  std::error_code ignored;
  if (state.import.value == 0 || state.source != attempt.list.source || state.sha256 != version.sha256 ||
      state.reading != reading_of(attempt.list) ||
      !std::filesystem::exists(good_copy(attempt.config.store.path, attempt.name()), ignored)) {
    return false;
  }
  const auto current = generations_.current();
  if (!current) return false;
  const ListDefinition* known = (*current)->policies().find_list(attempt.name());
  const auto& never = (*current)->never_loaded();
  return known != nullptr && std::find(never.begin(), never.end(), known->id) == never.end();
}

UpdateReport ListUpdater::unchanged(const Attempt& attempt) const {
  const ListState& state = attempt.state;
  UpdateReport report;
  report.outcome = {state.import, state.rules, 0, 0, state.rules};
  report.reading = {state.lines, state.buckets, state.notes, {}, nullptr};
  if (const auto current = generations_.current()) report.generation = (*current)->number();
  return report;
}

Result<UpdateReport> ListUpdater::fetch_and_import(Attempt& attempt) {
  ListState& state = attempt.state;
  std::error_code ignored;
  auto version = fetch_version(attempt);
  if (!version) return version.error();
  if (version->changes) {
    auto report = take_in_changes(attempt, *version);
    if (!report) return report.error();
    if (*report) {
      drop_held(attempt);
      return std::move(**report);
    }
    version = write_zone(attempt, std::move(*version));
    if (!version) return version.error();
  }
  if (is_in_force(attempt, *version)) {
    if (!version->is_good_copy) std::filesystem::remove(version->bytes, ignored);
    state.etag = version->etag;
    state.last_modified = version->last_modified;
    drop_held(attempt);
    return unchanged(attempt);
  }
  // What is remembered for the next conditional fetch belongs to bytes that were accepted.
  const auto refused = [&](const Error& error) {
    if (!version->is_good_copy) std::filesystem::remove(version->bytes, ignored);
    state.etag.clear();
    state.last_modified.clear();
    return error;
  };
  auto signer = check_signature(attempt, *version);
  if (!signer) return refused(signer.error());
  version->signer = std::move(*signer);
  auto memory = take_memory(attempt, version->bytes);
  if (!memory) return refused(memory.error());
  auto checked = check(attempt, version->bytes);
  if (!checked) return refused(checked.error());
  auto prepared = prepare(attempt, *checked);
  if (!prepared) return refused(prepared.error());
  auto findings = judge(attempt.list, **prepared, tables(attempt.config));
  if (!findings) return refused(findings.error());
  for (GuardFinding& finding : judge_names_in_use(attempt, **prepared)) findings->push_back(std::move(finding));
  memory->give_back();
  if (any_holds(*findings)) return hold(attempt, *version, *findings);
  checked->notes = with_warnings(checked->notes, *findings);
  auto report =
      take_in(attempt, *version, std::move(*checked), **prepared, {attempt.who, "import", attempt.name(), {}, {}});
  if (!report) return refused(report.error());
  drop_held(attempt);
  return report;
}

// Its number in the policy in force.
Result<ListId> ListUpdater::id_of(const Attempt& attempt) const {
  const auto current = generations_.current();
  if (!current) return current.error();
  const ListDefinition* definition = (*current)->policies().find_list(attempt.name());
  if (definition == nullptr) {
    const std::string pinned = writer_.pinned();
    return Error{ErrorCode::not_found, "list " + attempt.name() + " is not in the policy in force (" +
                                           (pinned.empty() ? "reload first" : pinned) + ")"};
  }
  return definition->id;
}

Result<MemoryGate::Share> ListUpdater::take_memory(const Attempt& attempt, const std::filesystem::path& bytes) {
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(bytes, ignored);
  return memory_.take(memory_of_reading(ignored ? 0 : size, attempt.state.rules), stop_);
}

// Reads all of it, beside what the list has.
Result<ListReading> ListUpdater::check(const Attempt& attempt, const std::filesystem::path& bytes) const {
  const auto id = id_of(attempt);
  if (!id) return id.error();
  return check_list(attempt.list, bytes, writer_.records().start_reading(*id),
                    [&](std::uint64_t done, std::uint64_t total) { attempt.report("parse", done, total); });
}

Result<std::unique_ptr<PreparedImport>> ListUpdater::prepare(const Attempt& attempt, ListReading& reading) const {
  const auto id = id_of(attempt);
  if (!id) return id.error();
  return prepare_list(writer_.records(), *id, reading, [&](std::uint64_t done) { attempt.report("import", done, 0); });
}

GuardTables ListUpdater::tables(const Config& config) {
  std::shared_ptr<const std::vector<PublicSuffix>> suffixes;
  {
    const std::lock_guard lock(mutex_);
    if (!suffixes_) {
      auto read = read_public_suffixes(kPublicSuffixFile);
      if (!read) spdlog::warn("no guard for public suffixes: {}", read.error().message);
      suffixes_ =
          std::make_shared<const std::vector<PublicSuffix>>(read ? std::move(*read) : std::vector<PublicSuffix>());
    }
    suffixes = suffixes_;
  }
  return {std::move(suffixes), protected_names_of(config)};
}

Result<std::unique_ptr<Candidate>> ListUpdater::make_candidate(PreparedImport& prepared) const {
  return writer_.records().make_candidate(
      [&](PolicyStore& copy) -> Result<void> {
        const auto imported = copy.import(prepared, {});
        if (!imported) return imported.error();
        return {};
      },
      clocks_now());
}

// A first version is what somebody has just asked for. Where the resolver cannot be asked nothing is held for it: it
// has no cache then, or cannot be reached by those whose names would be blocked.
std::vector<GuardFinding> ListUpdater::judge_names_in_use(const Attempt& attempt, PreparedImport& prepared) const {
  if (prepared.rules_before() == 0 || prepared.added() + prepared.removed() == 0 || attempt.list.guards.in_use == 0) {
    return {};
  }
  if (!resolver_.generation_in_force()) return {};
  const auto candidate = make_candidate(prepared);
  if (!candidate) {
    spdlog::warn("list {}: what it would block of the names in use is not known: {}", attempt.name(),
                 candidate.error().message);
    return {};
  }
  const auto compared = resolver_.compare_cache(**candidate);
  if (!compared) {
    if (compared.error().code != ErrorCode::unavailable) {
      spdlog::warn("list {}: what it would block of the names in use is not known: {}", attempt.name(),
                   compared.error().message);
    }
    return {};
  }
  return judge_use(attempt.list, *compared);
}

Error ListUpdater::hold(Attempt& attempt, const Version& version, const std::vector<GuardFinding>& findings) {
  HeldVersion& held = attempt.state.held;
  std::error_code fault;
  const std::filesystem::path bytes = held_copy(attempt.config.store.path, attempt.name());
  // Read in another way, the bytes of the last import may be another list.
  if (version.is_good_copy) {
    std::filesystem::copy_file(version.bytes, bytes, std::filesystem::copy_options::overwrite_existing, fault);
  } else {
    std::filesystem::rename(version.bytes, bytes, fault);
  }
  if (fault) {
    drop_held(attempt);
    return {ErrorCode::io, bytes.string() + ": the version that a guard holds cannot be kept: " + fault.message()};
  }
  const std::string reasons = reasons_of(findings);
  if (held.sha256 != version.sha256) {
    const AuditEntry entry{attempt.who, "hold", attempt.name(), reasons, {{"sha256", version.sha256}}};
    // In its turn: between a publish and its record this one would name a generation that has none yet.
    const auto recorded =
        writer_.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& store) -> Result<GenerationNumber> {
          if (auto done = audit_.append(entry, store.published(), clocks_now().wall); !done) return done.error();
          return store.published();
        });
    if (!recorded) {
      held.sha256 = version.sha256;  // so that its bytes go too
      drop_held(attempt);
      return recorded.error();
    }
    held.sha256 = version.sha256;
    held.since_s = to_seconds(clocks_now().wall);
  }
  held.source = attempt.list.source;
  held.reading = reading_of(attempt.list);
  held.etag = version.etag;
  held.last_modified = version.last_modified;
  held.signer = version.signer;
  held.why = json::serialize(to_json(findings));
  attempt.held = true;
  return {ErrorCode::invalid, "the new version is held: " + reasons + "; 'weir list show " + attempt.name() +
                                  "' says more, 'weir list approve " + attempt.name() + "' lets it through"};
}

void ListUpdater::drop_held(Attempt& attempt) const {
  if (attempt.state.held.sha256.empty()) return;
  attempt.state.held = {};
  std::error_code ignored;
  std::filesystem::remove(held_copy(attempt.config.store.path, attempt.name()), ignored);
}

Result<UpdateReport> ListUpdater::approve(const std::string& name, const std::string& who, const std::string& why,
                                          const UpdateProgress& progress) {
  return claim<UpdateReport>(name, [&](const Config& config, const ListConfig& list) -> Result<UpdateReport> {
    ListState state = states_.get(name);
    if (state.held.sha256.empty()) {
      return Error{ErrorCode::not_found, "no version of list " + name + " is held"};
    }
    const HeldVersion held = state.held;
    if (held.source.empty()) {
      return Error{ErrorCode::invalid,
                   "an older weir held this version and did not note where it came from: 'weir list "
                   "update " +
                       name + "' fetches it again, then approve it"};
    }
    if (held.source != list.source || held.reading != reading_of(list)) {
      return Error{ErrorCode::invalid,
                   "the list is defined otherwise (source, key, dialect, ...) than it was when this "
                   "version was held: update the list again"};
    }
    Attempt attempt{config, list, who, state, progress};
    const Version version{
        held_copy(config.store.path, name), held.sha256, held.etag, held.last_modified, held.signer, false};
    const auto sha256 = sha256_of_file(version.bytes);
    if (!sha256) return sha256.error();
    if (*sha256 != held.sha256) {
      return Error{ErrorCode::corrupt, version.bytes.string() + ": these are not the bytes that were held (SHA-256 " +
                                           *sha256 + "): update the list again"};
    }
    auto memory = take_memory(attempt, version.bytes);
    if (!memory) return memory.error();
    auto checked = check(attempt, version.bytes);
    if (!checked) return checked.error();
    auto prepared = prepare(attempt, *checked);
    if (!prepared) return prepared.error();
    memory->give_back();
    auto report = take_in(attempt, version, std::move(*checked), **prepared, {who, "approve", name, why, {}});
    if (!report) return report;
    state.held = {};
    state.last_error.clear();
    note_load(state, good_copy(config.store.path, name), to_seconds(clocks_now().wall));
    if (const auto saved = states_.put(name, state); !saved) spdlog::error("{}", saved.error().message);
    return report;
  });
}

Result<UpdateReport> ListUpdater::take_in(Attempt& attempt, const Version& version, ListReading reading,
                                          PreparedImport& prepared, const AuditEntry& entry) {
  const std::string& name = attempt.name();
  ListState& state = attempt.state;
  std::error_code ignored;
  Provenance provenance;
  provenance.counts_json = reading.counts;
  provenance.source = attempt.list.source;
  provenance.sha256 = version.sha256;
  provenance.etag = version.etag;
  provenance.signer = version.signer;
  provenance.who = attempt.who;
  provenance.fetched_at = clocks_now().wall;
  provenance.size_bytes = version.changes ? version.size_bytes : std::filesystem::file_size(version.bytes, ignored);

  UpdateReport report;
  report.changed = true;
  std::string contents;
  const auto imported = writer_.run<ImportOutcome>(Urgency::later, [&](PolicyStore& store) -> Result<ImportOutcome> {
    const auto result = store.import(prepared, provenance);
    if (!result) return result.error();
    if (attempt.list.definition.adds_soa && reading.soa) {
      if (auto kept = store.set_zone_soa(prepared.list(), *reading.soa); !kept) return kept.error();
    }
    attempt.report("publish", 0, 1);
    const auto number = store.publish("import " + name, clocks_now());
    if (!number) return number.error();
    report.generation = *number;
    auto holds = store.contents(prepared.list());
    if (!holds) return holds.error();
    contents = std::move(*holds);
    AuditEntry record = entry;
    record.details = {{"import", result->import.value},
                      {"sha256", version.sha256},
                      {"rules", result->rules},
                      {"added", result->added},
                      {"removed", result->removed}};
    if (auto recorded = audit_.append(record, *number, clocks_now().wall); !recorded) return recorded.error();
    attempt.report("publish", 1, 1);
    return result;
  });
  if (!imported) {
    // Perhaps in force all the same: then its record is what failed.
    if (const auto current = generations_.current()) {
      auto recalled = recall_source(writer_.records(), (*current)->number(), prepared.list(), name,
                                    attempt.config.store.path, states_);
      if (!recalled) spdlog::error("{}", recalled.error().message);
    }
    if (const ListState recalled = states_.get(name); recalled.import != state.import) state = recalled;
    return imported.error();
  }
  report.outcome = *imported;
  report.reading = std::move(reading);
  if (!version.is_good_copy && !version.changes) {
    const std::filesystem::path good = good_copy(attempt.config.store.path, name);
    std::error_code fault;
    std::filesystem::rename(version.bytes, good, fault);
    if (fault) std::filesystem::remove(good, ignored);  // the earlier bytes must not stand for these
  }
  state.source = attempt.list.source;
  state.reading = reading_of(attempt.list);
  state.sha256 = version.sha256;
  state.etag = version.etag;
  state.last_modified = version.last_modified;
  state.import = imported->import;
  state.contents = std::move(contents);
  state.rules = imported->rules;
  state.lines = report.reading.lines;
  state.buckets = report.reading.buckets;
  report.reading.notes = with_serial(report.reading.notes, state.serial, report.reading.serial);
  state.serial = report.reading.serial ? std::to_string(*report.reading.serial) : std::string();
  state.notes = report.reading.notes;
  state.imported_s = to_seconds(provenance.fetched_at);

  const auto told = resolver_.load_generation();
  report.resolver_told = told.has_value();
  spdlog::info("list {}: {} rules, {} added, {} removed, generation {}{}", name, report.outcome.rules,
               report.outcome.added, report.outcome.removed, report.generation.value,
               told ? "" : "; " + told.error().message);
  return report;
}

Result<void> ListUpdater::preview(const std::string& name, const UpdateProgress& progress,
                                  const std::function<Result<void>(const Preview&)>& look) {
  return claim<void>(name, [&](const Config& config, const ListConfig& list) -> Result<void> {
    static const std::string nobody;
    ListState state = states_.get(name);
    Attempt attempt{config, list, nobody, state, progress};
    auto version = fetch_version(attempt);
    if (version && version->changes) version = write_zone(attempt, std::move(*version));
    if (!version) return version.error();
    // Whatever happens, what was fetched goes again.
    const auto leave = [&](Result<void> result) {
      std::error_code ignored;
      if (!version->is_good_copy) std::filesystem::remove(version->bytes, ignored);
      return result;
    };
    if (is_in_force(attempt, *version)) {
      const ListReading reading = unchanged(attempt).reading;
      return leave(look({list, false, reading, nullptr, nullptr, {}}));
    }
    if (const auto signer = check_signature(attempt, *version); !signer) return leave(signer.error());
    const auto memory = take_memory(attempt, version->bytes);
    if (!memory) return leave(memory.error());
    auto checked = check(attempt, version->bytes);
    if (!checked) return leave(checked.error());
    auto prepared = prepare(attempt, *checked);
    if (!prepared) return leave(prepared.error());
    auto findings = judge(list, **prepared, tables(config));
    if (!findings) return leave(findings.error());
    const auto candidate = make_candidate(**prepared);
    if (!candidate) return leave(candidate.error());
    return leave(look({list, true, *checked, prepared->get(), candidate->get(), std::move(*findings)}));
  });
}

}  // namespace weir::sidecar
