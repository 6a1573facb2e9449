// list.update, list.show, list.history, list.rollback.
#include <algorithm>
#include <mutex>

#include "tools/sidecar/fetch.h"
#include "tools/sidecar/list_age.h"
#include "tools/sidecar/list_versions.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kProgressEvery{100};

std::string_view state_text(const Services& services, const std::string& name, const ListState& state,
                            const Generation* generation) {
  if (services.updater.is_updating(name)) return "updating";
  if (!state.held.sha256.empty()) return "held";
  if (generation != nullptr) {
    const ListDefinition* list = generation->policies().find_list(name);
    const auto& never = generation->never_loaded();
    if (list == nullptr) return "not in force";
    if (std::find(never.begin(), never.end(), list->id) != never.end()) {
      return state.last_error.empty() ? "never_loaded" : "failed";
    }
  }
  return state.last_error.empty() ? "ok" : "failed";
}

const ListConfig* find_configured(const Config& config, const std::string& name) {
  const auto found = std::find_if(config.lists.begin(), config.lists.end(),
                                  [&](const ListConfig& list) { return list.definition.name == name; });
  return found == config.lists.end() ? nullptr : &*found;
}

// Also the reserved ones, such as that of local rules.
Result<ListId> find_id(const PolicySet& policies, const std::string& name) {
  const ListDefinition* list = policies.find_list(name);
  if (list == nullptr) return Error{ErrorCode::not_found, "no list \"" + escape_for_display(name) + "\""};
  return list->id;
}

// The generation that showed it. One that changed nothing published none of its own, so that in force showed it; but a
// first one makes the list a loaded one.
std::uint64_t generation_of(const ImportRecord& record, bool is_first) {
  const bool is_own = is_first || record.outcome.added + record.outcome.removed > 0;
  return record.first_generation.value - (is_own || record.first_generation.value == 0 ? 0 : 1);
}

json::object describe(const ImportRecord& record, bool is_first) {
  json::object out{{"import", record.import.value},
                   {"generation", generation_of(record, is_first)},
                   {"time", format_time(record.provenance.fetched_at)},
                   {"source", shown_source(record.provenance.source)},
                   {"sha256", record.provenance.sha256},
                   {"signer", record.provenance.signer},
                   {"size_bytes", record.provenance.size_bytes},
                   {"rules", record.outcome.rules},
                   {"added", record.outcome.added},
                   {"removed", record.outcome.removed},
                   {"who", escape_for_display(record.provenance.who)},
                   {"note", record.note}};
  return out;
}

}  // namespace

json::value describe_rolled_back(const Services& services, const std::string& list) {
  const auto generation = services.generations.current();
  const ListDefinition* known = generation ? (*generation)->policies().find_list(list) : nullptr;
  if (known == nullptr) return nullptr;
  const auto found = find_rolled_back(services.writer.records(), known->id, services.states.get(list).contents);
  if (!found || !*found) return nullptr;
  const RolledBack& rolled_back = **found;
  return json::object{{"import", rolled_back.in_force.value},
                      {"newest", rolled_back.newest.value},
                      {"since", format_time(rolled_back.since)},
                      {"how", escape_for_display(rolled_back.how)}};
}

json::object describe_list(const Services& services, const ListConfig& list, const Generation* generation) {
  const std::string& name = list.definition.name;
  const ListState state = services.states.get(name);
  const ListDefinition* known = generation != nullptr ? generation->policies().find_list(name) : nullptr;
  json::value rolled_back = describe_rolled_back(services, name);
  const json::value imported = rolled_back.is_object() ? rolled_back.at("since") : time_or_null(state.imported_s);
  const ListAge age = age_of(state, list.every, read_clocks().wall);
  return {{"name", name},
          {"id", known != nullptr ? known->id.value : 0},
          {"kind", to_text(list.definition.kind)},
          {"rules", generation != nullptr && known == nullptr ? 0 : state.rules},  // a roll-back may be before the list
          {"last_import", imported},
          {"rolled_back", std::move(rolled_back)},
          {"last_check", time_or_null(state.checked_s)},
          {"last_load", time_or_null(state.loaded_s)},
          {"age_seconds", age.age ? json::value(age.age->count()) : json::value(nullptr)},
          {"stale", age.is_stale},
          {"every", std::to_string(std::chrono::duration_cast<std::chrono::seconds>(list.every).count()) + "s"},
          {"licence", state.licence},
          {"last_error", state.last_error},
          {"next_fetch", time_or_null(state.next_fetch_s)},
          {"state", state_text(services, name, state, generation)}};
}

Result<void> refresh_counts(PolicyStore& store, ListStates& states) {
  for (const ListDefinition& list : store.policies().lists) {
    if (list.id < kFirstDefinedList) continue;
    const auto rules = store.rule_count(list.id);
    if (!rules) return rules.error();
    ListState state = states.get(list.name);
    if (state.rules == *rules) continue;
    state.rules = *rules;
    if (auto saved = states.put(list.name, state); !saved) return saved;
  }
  return {};
}

namespace {

// An update goes on when its client leaves: half of it would be worth nothing.
UpdateProgress progress_to(Responder& responder) {
  return [&responder, last = std::chrono::steady_clock::time_point{}, last_phase = std::string()](
             std::string_view phase, std::uint64_t done, std::uint64_t total) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (phase == last_phase && now - last < kProgressEvery) return;
    last = now;
    last_phase = phase;
    responder.progress(encode_progress(json::object{{"phase", phase}, {"done", done}, {"total", total}}));
  };
}

VerbResult describe_update(const Services& services, const std::string& name, const Result<UpdateReport>& report) {
  if (!report) return report.error();
  json::object out = {{"name", name},
                      {"lines", report->reading.lines},
                      {"rules", report->outcome.rules},
                      {"added", report->outcome.added},
                      {"removed", report->outcome.removed},
                      {"unchanged", report->outcome.unchanged},
                      {"import", report->outcome.import.value},
                      {"generation", report->generation.value},
                      {"buckets", parsed_or(report->reading.buckets, json::object{})},
                      {"notes", parsed_or(report->reading.notes, json::array{})},
                      {"changed", report->changed},
                      {"in_force", report->resolver_told || !report->changed}};
  if (!report->changed) out["rolled_back"] = describe_rolled_back(services, name);
  return out;
}

}  // namespace

VerbResult update_list(Call& call) {
  const std::string name = call.arguments.required("name");
  const bool dry_run = call.arguments.flag("dry_run");
  if (!call.arguments.ok()) return call.arguments.error();
  const UpdateProgress progress = progress_to(call.responder);
  if (dry_run) return preview_update(call, name, progress);
  return describe_update(call.services, name, call.services.updater.update(name, call.who, progress));
}

VerbResult approve_list(Call& call) {
  const std::string name = call.arguments.required("name");
  const std::string why = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  return describe_update(call.services, name,
                         call.services.updater.approve(name, call.who, why, progress_to(call.responder)));
}

VerbResult show_lists(Call& call) {
  const Services& services = call.services;
  const std::string name = call.arguments.text("name");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto config = services.config();
  if (!name.empty() && find_configured(*config, name) == nullptr) {
    return Error{ErrorCode::not_found, "no list \"" + escape_for_display(name) + "\" in the configuration"};
  }
  const auto generation = services.generations.current();
  json::array lists;
  for (const ListConfig& list : config->lists) {
    if (!name.empty() && list.definition.name != name) continue;
    json::object shown = describe_list(services, list, generation ? generation->get() : nullptr);
    shown["source"] = shown_source(list.source);
    shown["rank"] = list.definition.rank;
    shown["mode"] = list.definition.mode == ListMode::observe ? "observe" : "enforce";
    shown["category"] = list.definition.category;
    shown["where"] = list.where;
    const ListState state = services.states.get(list.definition.name);
    shown["lines"] = state.lines;
    shown["sha256"] = state.sha256;
    shown["buckets"] = parsed_or(state.buckets, json::object{});
    shown["notes"] = parsed_or(state.notes, json::array{});
    if (!state.held.sha256.empty()) {
      shown["held"] = {{"since", time_or_null(state.held.since_s)},
                       {"sha256", state.held.sha256},
                       {"why", parsed_or(state.held.why, json::array{})}};
    }
    lists.push_back(std::move(shown));
  }
  for (json::value& shown : lists) {
    const ListDefinition* known =
        generation ? (*generation)->policies().find_list(shown.at("name").as_string()) : nullptr;
    const auto history = known != nullptr ? services.writer.records().history(known->id)
                                          : Result<std::vector<ImportRecord>>(std::vector<ImportRecord>());
    if (!history) return history.error();
    shown.as_object()["history"] = history->size();
  }
  return json::object{{"lists", std::move(lists)}};
}

VerbResult show_history(Call& call) {
  const std::string name = call.arguments.required("name");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto generation = call.services.generations.current();
  if (!generation) return generation.error();
  const auto id = find_id((*generation)->policies(), name);
  if (!id) return id.error();
  const auto history = call.services.writer.records().history(*id);
  if (!history) return history.error();
  json::array imports;
  for (const ImportRecord& record : *history) imports.push_back(describe(record, &record == &history->back()));
  return json::object{{"name", name}, {"imports", std::move(imports)}};
}

VerbResult rollback_list(Call& call) {
  const std::string name = call.arguments.required("name");
  const std::uint64_t import = call.arguments.number("import", 0);
  if (!call.arguments.ok()) return call.arguments.error();
  if (import == 0) return Error{ErrorCode::invalid, "\"import\" must be the number of an import (weir list history)"};
  bool changed = true;
  const auto number =
      call.services.writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& store) -> Result<GenerationNumber> {
        const auto id = find_id(store.policies(), name);
        if (!id) return id.error();
        const GenerationNumber before = store.published();
        auto done = store.rollback_list(*id, ImportId{import}, call.who, read_clocks());
        changed = done && *done != before;
        if (!done || !changed) return done;
        if (auto recorded = record(call, "list rollback", name, {{"to_import", import}}, *done); !recorded) {
          return recorded.error();
        }
        if (auto counted = refresh_counts(store, call.services.states); !counted) return counted.error();
        return done;
      });
  if (!number) return number.error();
  json::object out{{"name", name},
                   {"generation", number->value},
                   {"changed", changed},
                   {"rolled_back", describe_rolled_back(call.services, name)}};
  tell_resolver(call.services, out);
  return out;
}

}  // namespace weir::sidecar
