#include "tools/sidecar/foresight.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/log/walk.h"
#include "tools/sidecar/shown_name.h"
#include "zones/base/text.h"
#include "zones/link/decision.h"
#include "zones/verdict.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// What was blocked: a name (or an alias behind it) for a type and a group.
using NameAndType = std::pair<std::pair<std::string, RecordType>, std::string>;

bool is_blocked(const Generation& generation, const Name& name, RecordType type, const std::string& group_name,
                WallTime now, MatchSet& matches) {
  const PolicySet& policies = generation.policies();
  const std::uint32_t group = policies.find_group(group_name).value_or(0);
  const auto& clients = policies.groups[group].clients;
  generation.match(ReversedName(name), matches);
  const IpAddress client = clients.empty() ? IpAddress{} : clients.front().address;
  return decide(matches, {policies, group, client, name, type, now, generation}).outcome == Outcome::blocked;
}

struct GroupLoss {
  std::uint64_t decisions = 0;
  std::vector<std::pair<std::uint64_t, std::string>> names;  // decisions, name
};

json::object to_json(const std::string& group, GroupLoss& loss) {
  std::stable_sort(loss.names.begin(), loss.names.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  json::array samples;
  for (const auto& [decisions, name] : loss.names) {
    if (samples.size() >= kForeseenSamples) break;
    json::object sample{{"decisions", decisions}};
    put_name(sample, "name", name);
    samples.push_back(std::move(sample));
  }
  return {
      {"group", group}, {"decisions", loss.decisions}, {"names", loss.names.size()}, {"samples", std::move(samples)}};
}

Result<json::object> look_into_log(const ForesightSources& sources) {
  std::map<NameAndType, std::uint64_t> blocked;
  std::uint64_t decisions = 0;
  bool complete = true;
  const auto walked =
      log::walk_decisions(sources.log, sources.since, sources.is_gone, [&](const log::LoggedDecision& logged) {
        const Decision& decision = logged.decision;
        if (decision.decision_class != DecisionClass::blocked) return true;
        if (decision.link == LinkKind::address) return true;  // no name says what its addresses will be
        ++decisions;
        const Name& name = decision.link == LinkKind::alias ? decision.link_name : decision.qname;
        const NameAndType subject{{name.folded().to_text(), decision.qtype}, logged.group};
        if (const auto at = blocked.find(subject); at != blocked.end()) {
          ++at->second;
        } else if (blocked.size() < kMaxForeseenNames) {
          blocked.emplace(subject, 1);
        } else {
          complete = false;
        }
        return true;
      });
  if (!walked) return walked.error();
  complete = complete && *walked;

  std::map<std::string, GroupLoss> losses;
  std::uint64_t gone_decisions = 0;
  std::uint64_t gone_names = 0;
  MatchSet matches;
  for (const auto& [subject, count] : blocked) {
    const auto& [text, type] = subject.first;
    const auto name = Name::parse(text);
    if (!name || is_blocked(sources.after, *name, type, subject.second, sources.now, matches) ||
        !is_blocked(sources.before, *name, type, subject.second, sources.now, matches)) {
      continue;
    }
    GroupLoss& loss = losses[subject.second];
    loss.decisions += count;
    loss.names.emplace_back(count, text);
    gone_decisions += count;
    ++gone_names;
  }
  json::array groups;
  for (auto& [group, loss] : losses) groups.push_back(to_json(group, loss));
  return json::object{{"since", format_time(sources.since)},
                      {"complete", complete},
                      {"decisions", decisions},
                      {"names", blocked.size()},
                      {"gone", {{"decisions", gone_decisions}, {"names", gone_names}}},
                      {"groups", std::move(groups)}};
}

}  // namespace

Result<json::object> foresee(const ForesightSources& sources) {
  auto log = look_into_log(sources);
  if (!log) return log.error();
  json::object out{{"log", std::move(*log)}};
  auto compared = sources.resolver.compare_cache(sources.candidate);
  json::object cache;
  if (compared) {
    cache = std::move(*compared);
    cache["reachable"] = true;
  } else {
    cache = {{"reachable", false}, {"error", compared.error().message}};
  }
  out["cache"] = std::move(cache);
  return out;
}

}  // namespace weir::sidecar
