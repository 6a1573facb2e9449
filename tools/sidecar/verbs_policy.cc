// policy.check: what the configuration's files would change of what is filtered, before a reload.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/log/walk.h"
#include "tools/sidecar/built_in_rules.h"
#include "tools/sidecar/foresight.h"
#include "tools/sidecar/linter.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/decision.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// Definitions by name in one set and not, or not alike, in the other.
template <class Definition>
json::object compare(const std::vector<Definition>& before, const std::vector<Definition>& after) {
  std::map<std::string, const Definition*> known;
  for (const Definition& each : before) known[each.name] = &each;
  json::array added;
  json::array changed;
  for (const Definition& each : after) {
    const auto at = known.find(each.name);
    if (at == known.end()) {
      added.emplace_back(each.name);
    } else if (!(*at->second == each)) {
      changed.emplace_back(each.name);
    }
    known.erase(each.name);
  }
  json::array removed;
  for (const auto& [name, each] : known) removed.emplace_back(name);
  return {{"added", std::move(added)}, {"removed", std::move(removed)}, {"changed", std::move(changed)}};
}

// Names that a rule decided on since then, each once.
Result<std::vector<Name>> names_in_use(Call& call, WallTime since) {
  std::set<std::string> seen;
  std::vector<Name> out;
  const auto walked = log::walk_decisions(
      call.services.log, since, [&] { return call.responder.is_gone(); },
      [&](const log::LoggedDecision& logged) {
        Name name = logged.decision.qname.folded();
        if (seen.insert(name.to_text()).second) out.push_back(std::move(name));
        return out.size() < kMaxNamesInUse;
      });
  if (!walked) return walked.error();
  return out;
}

}  // namespace

VerbResult check_policy(Call& call) {
  const WallTime now = read_clocks().wall;
  const WallTime since = call.arguments.time("since", now).value_or(now - kForesightLooksBack);
  if (!call.arguments.ok()) return call.arguments.error();
  const auto config = call.services.load_config();
  if (!config) return config.error();
  const auto before = call.services.generations.current();
  if (!before) return before.error();
  const PolicyRecords& records = call.services.writer.records();
  const Now moment = read_clocks();
  const auto candidate =
      records.make_candidate([&](PolicyStore& copy) { return write_definitions(copy, *config, moment); }, moment);
  if (!candidate) return candidate.error();
  const auto after = Generation::open((*candidate)->checkpoint(), StoreCache::make(kCandidateCacheBytes));
  if (!after) return after.error();
  const PolicySet& was = (*before)->policies();
  const PolicySet& is = (*after)->policies();
  json::object out{{"generation", (*before)->number().value},
                   {"changes", (*before)->fingerprint() != (*after)->fingerprint()},
                   {"fingerprint", (*after)->fingerprint()},
                   {"rules_before", (*before)->rule_count()},
                   {"rules", (*after)->rule_count()},
                   {"lists", compare(was.lists, is.lists)},
                   {"policies", compare(was.policies, is.policies)},
                   {"groups", compare(was.groups, is.groups)}};
  const auto is_gone = [&] { return call.responder.is_gone(); };
  auto foreseen =
      foresee({**before, **after, **candidate, call.services.log, call.services.resolver, since, now, is_gone});
  if (!foreseen) return foreseen.error();
  for (auto& [key, value] : *foreseen) out[key] = std::move(value);
  const auto in_use = names_in_use(call, since);
  if (!in_use) return in_use.error();
  auto report = lint(**after, records, protected_names_of(*config), *in_use, is_gone);
  if (!report) return report.error();
  out["lint"] = to_json(*report);
  return out;
}

}  // namespace weir::sidecar
