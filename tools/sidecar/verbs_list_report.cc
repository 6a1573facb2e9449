// list.report: what a list is worth, by the decision log: what it blocks (or would block) that nothing else does, what
// others block anyway, what allows undo, and how much of it was ever met.
//
// A name of the log is judged by what the lists hold now, so that a list in observe mode and one that came later are
// told by the same count: as the policies of now would decide were the list enforced, so that ranks and allows count.
// What the log does not have (queries without a decision, unless [log] all) is not in it.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/log/anonymous_cells.h"
#include "tools/log/top.h"
#include "tools/log/walk.h"
#include "tools/sidecar/explain.h"
#include "tools/sidecar/shared_log.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/decision.h"
#include "zones/local_data.h"
#include "zones/verdict.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::chrono::hours kReportedFor{24 * 7};
constexpr std::size_t kMaxNames = 1'000'000;
constexpr std::size_t kMaxClients = 100'000;
constexpr std::size_t kReportedNames = 20;

struct Tally {
  std::uint64_t decisions = 0;
  std::set<std::string> names;
  std::set<std::string> clients;

  json::object to_json() const {
    return {{"decisions", decisions}, {"names", names.size()}, {"clients", clients.size()}};
  }
};

// Everything the log has of one name with one class, for one policy.
struct Met {
  std::uint64_t decisions = 0;
  std::set<std::string> clients;
};
struct Key {
  std::string name;
  DecisionClass decision_class;
  std::string group;
  auto operator<=>(const Key&) const = default;
};
using MetNames = std::map<Key, Met>;

Result<bool> read_log(Call& call, WallTime since, MetNames& met) {
  bool complete = true;
  const auto walked = log::walk_decisions(
      call.services.log, since, [&] { return call.responder.is_gone(); },
      [&](const log::LoggedDecision& logged) {
        const Decision& decision = logged.decision;
        if (decision.link == LinkKind::address || decision.link == LinkKind::default_deny) return true;
        const Name& name = decision.link == LinkKind::alias ? decision.link_name : decision.qname;
        const Key key{name.folded().to_text(), decision.decision_class, logged.group};
        auto at = met.find(key);
        if (at == met.end()) {
          if (met.size() >= kMaxNames) {
            complete = false;
            return true;
          }
          at = met.emplace(key, Met{}).first;
        }
        ++at->second.decisions;
        if (decision.client.level != Privacy::none && at->second.clients.size() < kMaxClients) {
          at->second.clients.insert(log::describe(decision.client));
        }
        return true;
      });
  if (!walked) return walked.error();
  return complete && *walked;
}

// The same for analysts: of names that many clients asked for within an hour. How many they were is not told.
Result<bool> read_shared(Call& call, WallTime since, std::uint32_t smallest_group, MetNames& met) {
  log::AnonymousRequest request;
  request.range.since_ms = since == WallTime::min() ? 0 : log::to_ms(since);
  request.range.is_gone = [&call] { return call.responder.is_gone(); };
  request.smallest_group = smallest_group;
  request.now_ms = log::to_ms(read_clocks().wall);
  const auto end = log::visit_anonymous_hours(
      call.services.log, request, [&](std::int64_t, const std::vector<log::AnonymousCell>& cells) {
        for (const log::AnonymousCell& cell : cells) {
          if (cell.detail == log::AnonymousCell::Detail::name && met.size() < kMaxNames)
            met[{log::name_of(cell), cell.decision_class, cell.group}].decisions += cell.decisions;
        }
        return true;
      });
  if (!end) return end.error();
  return end->complete;
}

class Report {
 public:
  Report(const Generation& generation, const ListDefinition& list, WallTime now)
      : generation_(generation),
        list_(list),
        now_(now),
        enforced_(enforcing(generation.policies(), list.id)),
        local_(zones_of_all(generation.policies())) {}

  void add(const Key& key, const Met& met) {
    const auto name = Name::parse(key.name);
    // By its name; one that is gone is the default's now.
    const std::uint32_t group = generation_.policies().find_group(key.group).value_or(0);
    if (!name || !policy_of(group).has_list(list_.id)) return;
    // What is answered here comes before any list.
    if (local_.find(*name, RecordType::a).outcome != LocalFinding::Outcome::none) return;
    generation_.match(ReversedName(*name), matches_);
    const auto own = std::find_if(matches_.matches.begin(), matches_.matches.end(), [&](const Match& match) {
      return match.list_id() == list_.id && blocks(match.action) && !match.exception();
    });
    if (own == matches_.matches.end()) return;
    patterns_.insert(pattern_text(&generation_, *own, *name) + "/" + std::string(to_text(own->kind)));
    count(all_, key, met);
    if (key.decision_class == DecisionClass::allowed_over_block || is_let_through(*name, group))
      return count(undone_, key, met);
    std::set<std::string> others;
    if (key.decision_class == DecisionClass::blocked) others = others_that_block(group);
    if (others.empty()) {
      count(unique_, key, met);
      samples_[key.name] += met.decisions;
      return;
    }
    count(shared_, key, met);
    for (const std::string& other : others) by_other_[other] += met.decisions;
  }

  json::object to_json(std::uint64_t rules) {
    json::array others;
    for (const auto& [name, decisions] : by_other_) {
      others.push_back(json::object{{"list", name}, {"decisions", decisions}});
    }
    std::vector<std::pair<std::uint64_t, std::string>> most;
    for (const auto& [name, decisions] : samples_) most.emplace_back(decisions, name);
    std::stable_sort(most.begin(), most.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    json::array samples;
    for (const auto& [decisions, name] : most) {
      if (samples.size() >= kReportedNames) break;
      json::object sample{{"decisions", decisions}};
      put_name(sample, "name", name);
      samples.push_back(std::move(sample));
    }
    json::object shared = shared_.to_json();
    shared["lists"] = std::move(others);
    json::object unique = unique_.to_json();
    unique["samples"] = std::move(samples);
    const std::uint64_t met = std::min<std::uint64_t>(patterns_.size(), rules);
    return {{"hits", all_.to_json()},
            {"unique", std::move(unique)},
            {"shared", std::move(shared)},
            {"undone", undone_.to_json()},
            {"rules", rules},
            {"rules_hit", met},
            {"never_hit_percent",
             rules == 0 ? 0.0 : 100.0 * static_cast<double>(rules - met) / static_cast<double>(rules)}};
  }

 private:
  // The policies of now with the list in force, and without pauses.
  static PolicySet enforcing(PolicySet policies, ListId list) {
    for (ListDefinition& each : policies.lists) {
      if (each.id == list) each.mode = ListMode::enforce;
    }
    policies.pauses.clear();
    return policies;
  }
  // What matches_ is of, were the list enforced. A rule that does not hold for an A of anybody is not undone by that.
  bool is_let_through(const Name& name, std::uint32_t group) const {
    const Verdict verdict = decide(matches_, {.policies = enforced_,
                                              .group = group,
                                              .client = {},
                                              .name = name,
                                              .type = RecordType::a,
                                              .now = now_,
                                              .details = generation_});
    return verdict.outcome == Outcome::allowed;
  }
  static std::vector<LocalZone> zones_of_all(const PolicySet& policies) {
    std::vector<LocalZone> zones = policies.local_zones;
    std::erase_if(zones, [](const LocalZone& zone) { return !zone.groups.empty(); });
    return zones;
  }
  static void count(Tally& tally, const Key& key, const Met& met) {
    tally.decisions += met.decisions;
    tally.names.insert(key.name);
    for (const std::string& client : met.clients) {
      if (tally.clients.size() < kMaxClients) tally.clients.insert(client);
    }
  }

  const Policy& policy_of(std::uint32_t group) const {
    const PolicySet& policies = generation_.policies();
    return policies.policies[policies.groups[group].policy];
  }

  // Lists in force for the group, beside this one, that block what matches_ is of.
  std::set<std::string> others_that_block(std::uint32_t group) const {
    std::set<std::string> out;
    const PolicySet& policies = generation_.policies();
    const Policy& policy = policy_of(group);
    for (const Match& match : matches_.matches) {
      if (match.list_id() == list_.id || !blocks(match.action) || match.exception()) continue;
      const ListDefinition* other = policies.find_list(match.list_id());
      if (other == nullptr || other->mode == ListMode::observe || !policy.has_list(other->id)) continue;
      out.insert(other->name);
    }
    return out;
  }

  const Generation& generation_;
  const ListDefinition& list_;
  const WallTime now_;
  const PolicySet enforced_;
  const LocalData local_;  // that everybody has
  MatchSet matches_;
  Tally all_;
  Tally unique_;
  Tally shared_;
  Tally undone_;
  std::map<std::string, std::uint64_t> by_other_;
  std::set<std::string> patterns_;
  std::map<std::string, std::uint64_t> samples_;  // decisions by name
};

}  // namespace

VerbResult report_list(Call& call) {
  const std::string name = call.arguments.required("name");
  const WallTime now = read_clocks().wall;
  const WallTime since = call.arguments.time("since", now).value_or(now - kReportedFor);
  if (!call.arguments.ok()) return call.arguments.error();
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  const ListDefinition* list = (*current)->policies().find_list(name);
  if (list == nullptr) return Error{ErrorCode::not_found, "no list \"" + escape_for_display(name) + "\""};
  MetNames met;
  const std::uint32_t smallest_group = smallest_group_of(call);
  const auto complete = smallest_group > 1 ? read_shared(call, since, smallest_group, met) : read_log(call, since, met);
  if (!complete) return complete.error();
  Report report(**current, *list, now);
  for (const auto& [key, each] : met) report.add(key, each);
  json::object out = report.to_json(call.services.states.get(name).rules);
  const auto history = call.services.writer.records().history(list->id);
  if (!history) return history.error();
  out["name"] = name;
  out["mode"] = list->mode == ListMode::observe ? "observe" : "enforce";
  out["since"] = format_time(since);
  out["complete"] = *complete;
  if (smallest_group > 1) {
    // Rules that few met are not told from those that nobody met.
    out["rules_hit"] = nullptr;
    out["never_hit_percent"] = nullptr;
    put_note_of_sharing(out, call, smallest_group);
  }
  out["bytes"] = history->empty() ? 0 : history->front().provenance.size_bytes;
  return out;
}

}  // namespace weir::sidecar
