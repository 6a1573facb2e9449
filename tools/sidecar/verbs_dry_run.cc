// list.update with "dry_run": what an update would do.
#include <algorithm>

#include "tools/sidecar/foresight.h"
#include "tools/sidecar/guards.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::size_t kSamples = 20;
constexpr std::size_t kChangesALine = 1000;  // of the full set, which comes as progress lines
constexpr std::size_t kCandidateCacheBytes = 16 << 20;
constexpr std::chrono::hours kLookBack{24 * 7};

json::object describe(const SourcedRule& rule) {
  json::object out{{"pattern", describe_pattern(rule.rule)}, {"action", to_text(rule.rule.action)}};
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

// Every rule that comes or goes, to whoever asked.
Result<void> send_changes(Responder& responder, const PreparedImport& prepared) {
  for (const Change change : {Change::removed, Change::added}) {
    json::array batch;
    bool there = true;
    const auto send = [&] {
      there = responder.progress(
          encode_progress(json::object{{change == Change::added ? "added" : "removed", std::move(batch)}}));
      batch = json::array();
    };
    const auto read = prepared.for_each(change, [&](const SourcedRule& rule) {
      batch.push_back(describe(rule));
      if (batch.size() >= kChangesALine) send();
      return there;
    });
    if (!read) return read;
    if (!batch.empty() && there) send();
    if (!there) return Error{ErrorCode::unavailable, "the asker has left"};
  }
  return {};
}

Result<json::object> look_ahead(Call& call, const ListUpdater::Preview& preview, WallTime since, bool full) {
  json::object out{{"name", preview.list.definition.name},
                   {"changed", preview.changed},
                   {"lines", preview.reading.lines},
                   {"buckets", parsed_or(preview.reading.buckets, json::object{})},
                   {"notes", parsed_or(preview.reading.notes, json::array{})}};
  if (!preview.changed) return out;
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
        auto looked = look_ahead(call, preview, since.value_or(now - kLookBack), full);
        if (!looked) return looked.error();
        out = std::move(*looked);
        return {};
      });
  if (!done) return done.error();
  return out;
}

}  // namespace weir::sidecar
