// list.update with "dry_run": what an update would do. list.diff: what two imports have apart.
#include <algorithm>
#include <utility>

#include "tools/sidecar/foresight.h"
#include "tools/sidecar/guards.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::size_t kSamples = 20;
constexpr std::size_t kChangesALine = 1000;  // of the full set, which comes as progress lines

json::object describe(const SourcedRule& rule) {
  json::object out;
  put_name(out, "pattern", describe_pattern(rule.rule));
  out["action"] = to_text(rule.rule.action);
  if (rule.line > 0) out["line"] = rule.line;
  return out;
}

Result<json::array> samples_of(const PreparedImport& prepared, Change change) {
  json::array samples;
  const auto read = prepared.for_each(change, [&](const SourcedRule& rule) {
    samples.push_back(describe(rule));
    return samples.size() < kSamples;
  });
  if (!read) return read.error();
  return samples;
}

// Rules that come or go on their way to whoever asked, as progress lines.
class ChangeSender {
 public:
  explicit ChangeSender(Responder& responder) : responder_(responder) {}

  // False: nobody is there any more.
  bool add(Change change, const SourcedRule& rule) {
    json::array& batch = change == Change::added ? added_ : removed_;
    batch.push_back(describe(rule));
    return batch.size() < kChangesALine || flush();
  }
  bool flush() {
    json::object line;
    if (!added_.empty()) line["added"] = std::exchange(added_, {});
    if (!removed_.empty()) line["removed"] = std::exchange(removed_, {});
    return line.empty() || responder_.progress(encode_progress(line));
  }

 private:
  Responder& responder_;
  json::array added_;
  json::array removed_;
};

Error has_left() {
  return {ErrorCode::unavailable, "the asker has left"};
}

Result<void> send_changes(Responder& responder, const PreparedImport& prepared) {
  ChangeSender sender(responder);
  bool there = true;
  for (const Change change : {Change::removed, Change::added}) {
    const auto read =
        prepared.for_each(change, [&](const SourcedRule& rule) { return there = sender.add(change, rule); });
    if (!read) return read;
  }
  if (!there || !sender.flush()) return has_left();
  return {};
}

Result<json::object> look_ahead(Call& call, const ListUpdater::Preview& preview, WallTime since, bool full) {
  json::object out{{"name", preview.list.definition.name},
                   {"changed", preview.changed},
                   {"lines", preview.reading.lines},
                   {"buckets", parsed_or(preview.reading.buckets, json::object{})},
                   {"notes", parsed_or(preview.reading.notes, json::array{})}};
  if (!preview.changed) {
    out["rolled_back"] = describe_rolled_back(call.services, preview.list.definition.name);
    return out;
  }
  const PreparedImport& prepared = *preview.prepared;
  out["rules_before"] = prepared.rules_before();
  out["rules"] = prepared.rules_after();
  out["added"] = prepared.added();
  out["removed"] = prepared.removed();
  out["unchanged"] = prepared.unchanged();
  auto added = samples_of(prepared, Change::added);
  if (!added) return added.error();
  auto removed = samples_of(prepared, Change::removed);
  if (!removed) return removed.error();
  out["added_samples"] = std::move(*added);
  out["removed_samples"] = std::move(*removed);
  if (full) {
    if (auto sent = send_changes(call.responder, prepared); !sent) return sent.error();
  }
  const auto before = call.services.generations.current();
  if (!before) return before.error();
  const auto after = Generation::open(preview.candidate->checkpoint(), StoreCache::make(kCandidateCacheBytes));
  if (!after) return after.error();
  auto foreseen = foresee({**before, **after, *preview.candidate, call.services.log, call.services.resolver, since,
                           read_clocks().wall, [&] { return call.responder.is_gone(); }});
  if (!foreseen) return foreseen.error();
  std::vector<GuardFinding> findings = preview.findings;
  if (preview.list.guards.in_use > 0 && prepared.rules_before() > 0) {
    for (GuardFinding& finding : judge_use(preview.list, foreseen->at("cache").as_object())) {
      findings.push_back(std::move(finding));
    }
  }
  out["would_be_held"] = any_holds(findings);
  out["guards"] = to_json(findings);
  for (auto& [key, value] : *foreseen) out[key] = std::move(value);
  return out;
}

}  // namespace

VerbResult preview_update(Call& call, const std::string& name, const UpdateProgress& progress) {
  const WallTime now = read_clocks().wall;
  const auto since = call.arguments.time("since", now);
  const bool full = call.arguments.flag("full");
  if (!call.arguments.ok()) return call.arguments.error();
  json::object out;
  const auto done =
      call.services.updater.preview(name, progress, [&](const ListUpdater::Preview& preview) -> Result<void> {
        auto looked = look_ahead(call, preview, since.value_or(now - kForesightLooksBack), full);
        if (!looked) return looked.error();
        out = std::move(*looked);
        return {};
      });
  if (!done) return done.error();
  return out;
}

VerbResult compare_imports(Call& call) {
  const std::string name = call.arguments.required("name");
  const std::uint64_t from = call.arguments.number("from", 0);
  const std::uint64_t to = call.arguments.number("to", 0);
  const bool full = call.arguments.flag("full");
  if (!call.arguments.ok()) return call.arguments.error();
  if (from == 0 || to == 0) {
    return Error{ErrorCode::invalid, "\"from\" and \"to\" must be numbers of imports (weir list history)"};
  }
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  const ListDefinition* list = (*current)->policies().find_list(name);
  if (list == nullptr) return Error{ErrorCode::not_found, "no list \"" + escape_for_display(name) + "\""};
  ChangeSender sender(call.responder);
  json::array samples[2];
  std::uint64_t counts[2] = {0, 0};
  bool there = true;
  const auto compared = call.services.writer.records().compare(list->id, ImportId{from}, ImportId{to},
                                                               [&](Change change, const SourcedRule& rule) {
                                                                 const auto which = static_cast<std::size_t>(change);
                                                                 if (++counts[which] <= kSamples)
                                                                   samples[which].push_back(describe(rule));
                                                                 if (full) there = sender.add(change, rule);
                                                                 return there;
                                                               });
  if (!compared) return compared.error();
  if (!there || !sender.flush()) return has_left();
  const auto added = static_cast<std::size_t>(Change::added);
  const auto removed = static_cast<std::size_t>(Change::removed);
  return json::object{{"name", name},
                      {"from", from},
                      {"to", to},
                      {"added", counts[added]},
                      {"removed", counts[removed]},
                      {"added_samples", std::move(samples[added])},
                      {"removed_samples", std::move(samples[removed])}};
}

}  // namespace weir::sidecar
