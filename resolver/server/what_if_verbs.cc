#include "resolver/server/what_if_verbs.h"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include "resolver/server/control_arguments.h"
#include "zones/base/text.h"

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::size_t kSamplesWhereNotSaid = 20;

std::string name_of_list(const PolicySet* policies, ListId list) {
  if (list == kWhatIfDefault) return "default deny";
  if (list == kWhatIfRebinding) return "rebinding protection";
  if (list == kWhatIfOtherLists) return "other lists";
  const ListDefinition* found = policies == nullptr ? nullptr : policies->find_list(list);
  return found != nullptr ? found->name : "list " + std::to_string(list.value);
}

const Policy* find_policy(const PolicySet& policies, const std::string& name) {
  const auto found = std::ranges::find(policies.policies, name, &Policy::name);
  return found == policies.policies.end() ? nullptr : &*found;
}

json::object describe_turn(const WhatIfReport& report, WhatIfTurn turn, const PolicySet* policies, std::size_t limit) {
  std::unordered_set<std::uint64_t> distinct;
  std::vector<const WhatIfName*> named;
  for (const auto& [key, name] : report.names()) {
    if (name.turn != turn) continue;
    distinct.insert(name.name_hash);
    if (name.named) named.push_back(&name);
  }
  const auto more = [](const WhatIfName* a, const WhatIfName* b) {
    return a->queries != b->queries ? a->queries > b->queries : a->name.canonical_compare(b->name) < 0;
  };
  const std::size_t shown = std::min(limit, named.size());
  std::partial_sort(named.begin(), named.begin() + static_cast<std::ptrdiff_t>(shown), named.end(), more);
  json::array samples;
  for (std::size_t i = 0; i < shown; ++i) {
    samples.push_back(json::object{{"name", named[i]->name.folded().to_text()},
                                   {"list", name_of_list(policies, named[i]->list)},
                                   {"queries", named[i]->queries}});
  }
  const auto at = static_cast<std::size_t>(turn);
  return {{"queries", report.tally().turned[at]},
          {"names", distinct.size()},
          {"all_names", report.tally().beyond[at] == 0},
          {"samples", std::move(samples)}};
}

json::array describe_lists(const WhatIfReport& report, const PolicySet* policies) {
  std::vector<std::pair<std::uint32_t, WhatIfListTally>> rows(report.lists().begin(), report.lists().end());
  std::ranges::sort(rows, [](const auto& a, const auto& b) {
    const std::uint64_t turned_a = a.second.newly_blocked + a.second.newly_allowed;
    const std::uint64_t turned_b = b.second.newly_blocked + b.second.newly_allowed;
    return turned_a != turned_b ? turned_a > turned_b : a.first < b.first;
  });
  json::array out;
  for (const auto& [list, tally] : rows) {
    out.push_back(json::object{{"list", name_of_list(policies, ListId{list})},
                               {"blocks_now", tally.blocks_now},
                               {"would_block", tally.would_block},
                               {"newly_blocked", tally.newly_blocked},
                               {"newly_allowed", tally.newly_allowed}});
  }
  return out;
}

Result<void> check(const WhatIfPlan& plan, const PolicySet& policies) {
  for (const std::string& group : plan.groups) {
    if (!policies.find_group(group))
      return Error{ErrorCode::not_found, "no group \"" + escape_for_display(group) + "\""};
  }
  if (plan.candidate != nullptr) {
    if (*plan.candidate == policies)
      return Error{ErrorCode::invalid, "these policies are in force already: nothing would be otherwise"};
    return {};
  }
  const Policy* policy = find_policy(policies, plan.policy);
  if (policy == nullptr) return Error{ErrorCode::not_found, "no policy \"" + escape_for_display(plan.policy) + "\""};
  const bool differs = std::ranges::any_of(policies.groups, [&](const Group& group) {
    return plan.concerns(group.name) && &policies.policies[group.policy] != policy;
  });
  if (!differs)
    return Error{ErrorCode::invalid, "policy \"" + escape_for_display(plan.policy) +
                                         "\" is in force there already: nothing would be otherwise"};
  return {};
}

}  // namespace

struct WhatIf::Run {
  std::shared_ptr<const WhatIfPlan> plan;
  std::string author;
  std::string reason;
  WallTime started;
  WallTime until;
  SteadyTime ends;
  SteadyTime collected;
  std::optional<WallTime> ended;  // nothing: it runs
  std::string end_reason;
  WhatIfReport report;
  // What workers have handed back; each does so when it comes round.
  struct Returned {
    std::mutex mutex;
    std::vector<std::shared_ptr<WhatIfCounts>> counts;
  };
  std::shared_ptr<Returned> returned = std::make_shared<Returned>();
};

WhatIf::WhatIf(Environment environment) : environment_(std::move(environment)) {}
WhatIf::~WhatIf() = default;

Result<void> WhatIf::collect(Next next) {
  const auto fresh = std::make_shared<std::vector<std::shared_ptr<WhatIfCounts>>>();
  for (unsigned i = 0; next == Next::go_on && i < environment_.workers; ++i)
    fresh->push_back(std::make_shared<WhatIfCounts>(run_->plan));
  const auto given = std::make_shared<std::atomic<std::size_t>>(0);
  const auto told =
      environment_.on_all_workers([fresh, given, returned = run_->returned](Resolutions& resolutions, Now) {
        std::shared_ptr<WhatIfCounts> following;
        if (!fresh->empty()) following = (*fresh)[given->fetch_add(1)];
        auto counted = resolutions.policy_stage().exchange_what_if(std::move(following));
        if (counted == nullptr) return;
        const std::lock_guard lock(returned->mutex);
        returned->counts.push_back(std::move(counted));
      });
  std::vector<std::shared_ptr<WhatIfCounts>> counts;
  {
    const std::lock_guard lock(run_->returned->mutex);
    counts.swap(run_->returned->counts);
  }
  for (const auto& each : counts) run_->report.add(*each);
  run_->collected = environment_.clock().steady;
  return told;
}

void WhatIf::end(const std::string& why, Now now) {
  run_->ended = now.wall;
  run_->end_reason = why;
  // A worker that does not come round in time hands its counts back later: show() finds them.
  (void)collect(Next::end);
}

Result<json::value> WhatIf::start(const json::object& in) {
  ControlArguments arguments(in, "what_if.start");
  arguments.knows({"policy", "policies", "groups", "seconds", "author", "reason"});
  auto plan = std::make_shared<WhatIfPlan>();
  if (in.contains("policies")) {
    auto candidate = PolicySet::from_json(arguments.text("policies"));
    if (!candidate) arguments.fail("\"policies\": " + candidate.error().message);
    if (candidate) plan->candidate = std::make_shared<const PolicySet>(std::move(*candidate));
    if (in.contains("policy")) arguments.fail("a policy or policies, not both");
  } else {
    plan->policy = arguments.text("policy");
  }
  plan->groups = arguments.texts("groups");
  const std::int64_t seconds = arguments.number("seconds");
  const std::string author = in.contains("author") ? arguments.text("author") : std::string();
  const std::string reason = in.contains("reason") ? arguments.text("reason") : std::string();
  if (seconds <= 0 || seconds > std::chrono::seconds(kLongestWhatIf).count())
    arguments.fail("for how long? From a second to 7 days");
  if (arguments.error()) return *arguments.error();
  if (run_ != nullptr && !run_->ended) {
    return Error{ErrorCode::invalid, "a what-if with policy \"" + escape_for_display(run_->plan->policy) +
                                         "\" runs until " + format_time(run_->until) + "; 'weir what-if stop' ends it"};
  }
  const auto generation = environment_.generations.current();
  if (generation == nullptr) return Error{ErrorCode::unavailable, "no generation is in force"};
  if (auto good = check(*plan, generation->policies()); !good) return good.error();
  const Now now = environment_.clock();
  run_ = std::make_unique<Run>();
  run_->plan = std::move(plan);
  run_->author = author;
  run_->reason = reason;
  run_->started = now.wall;
  run_->until = now.wall + std::chrono::seconds(seconds);
  run_->ends = now.steady + std::chrono::seconds(seconds);
  (void)collect(Next::go_on);  // a worker that does not come round in time begins when it does
  return json::value(describe(0));
}

Result<json::value> WhatIf::stop(const json::object& in) {
  ControlArguments arguments(in, "what_if.stop");
  arguments.knows({});
  if (arguments.error()) return *arguments.error();
  if (run_ == nullptr || run_->ended) return Error{ErrorCode::not_found, "no what-if runs"};
  end("stopped", environment_.clock());
  return json::value(describe(kSamplesWhereNotSaid));
}

Result<json::value> WhatIf::show(const json::object& in) {
  ControlArguments arguments(in, "what_if.show");
  arguments.knows({"names"});
  const std::int64_t names =
      in.contains("names") ? arguments.number("names") : static_cast<std::int64_t>(kSamplesWhereNotSaid);
  if (names < 0) arguments.fail("\"names\" must be how many");
  if (arguments.error()) return *arguments.error();
  if (run_ != nullptr) {
    if (const auto told = collect(run_->ended ? Next::end : Next::go_on); !told) return told.error();
  }
  return json::value(describe(std::min(static_cast<std::size_t>(names), kMaxWhatIfSamples)));
}

void WhatIf::tick(Now now) {
  if (run_ == nullptr || run_->ended) return;
  if (now.steady >= run_->ends) return end("its time was over", now);
  const auto generation = environment_.generations.current();
  const bool by_name = run_->plan->candidate == nullptr;
  if (by_name && generation != nullptr && find_policy(generation->policies(), run_->plan->policy) == nullptr)
    return end("generation " + std::to_string(generation->number().value) + " has no such policy", now);
  if (now.steady - run_->collected >= kWhatIfCollectedEvery) (void)collect(Next::go_on);
}

json::object WhatIf::describe(std::size_t names) const {
  json::object out{{"state", "none"}, {"resolver_started", format_time(environment_.started)}};
  if (run_ == nullptr) return out;
  const auto generation = environment_.generations.current();
  // Of a list that is gone meanwhile a candidate may know the name.
  const PolicySet* policies = generation == nullptr ? run_->plan->candidate.get() : &generation->policies();
  const WhatIfTally& tally = run_->report.tally();
  out["state"] = run_->ended ? "ended" : "running";
  out["policy"] = run_->plan->policy;
  out["candidate"] = run_->plan->candidate != nullptr;
  out["groups"] = json::value_from(run_->plan->groups);
  out["author"] = run_->author;
  out["reason"] = run_->reason;
  out["started"] = format_time(run_->started);
  out["until"] = format_time(run_->until);
  out["ended"] = run_->ended ? json::value(format_time(*run_->ended)) : json::value(nullptr);
  out["end_reason"] = run_->end_reason;
  out["queries"] = tally.queries;
  out["blocked_now"] = tally.blocked_now;
  out["would_be_blocked"] = tally.would_be_blocked;
  out["newly_blocked"] = describe_turn(run_->report, WhatIfTurn::newly_blocked, policies, names);
  json::object allowed = describe_turn(run_->report, WhatIfTurn::newly_allowed, policies, names);
  allowed["by_name_alone"] = tally.allowed_by_name_alone;
  out["newly_allowed"] = std::move(allowed);
  out["lists"] = describe_lists(run_->report, policies);
  return out;
}

void add_what_if_verbs(ControlHandlers& handlers, WhatIf& what_if) {
  handlers.verbs["what_if.start"] = [&what_if](const json::object& in, const ControlDone& done) {
    done(what_if.start(in));
  };
  handlers.verbs["what_if.show"] = [&what_if](const json::object& in, const ControlDone& done) {
    done(what_if.show(in));
  };
  handlers.verbs["what_if.stop"] = [&what_if](const json::object& in, const ControlDone& done) {
    done(what_if.stop(in));
  };
}

}  // namespace weir
