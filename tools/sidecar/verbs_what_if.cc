// what_if.start, what_if.show, what_if.stop: another policy beside the one in force, over the queries that pass. The
// resolver counts; here its verbs are passed on, and who began and ended one is recorded.
#include "tools/sidecar/built_in_rules.h"
#include "tools/sidecar/foresight.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxPolicies = kMaxControlLine / 2;  // quoted once more in the request

// Also how the names of samples read.
VerbResult ask(Call& call, const std::string& verb, const json::object& arguments) {
  auto answered = call.services.resolver.what_if(verb, arguments);
  if (!answered) return answered;
  for (const char* turn : {"newly_blocked", "newly_allowed"}) {
    json::value* found = answered->if_contains(turn);
    json::value* samples =
        found == nullptr || !found->is_object() ? nullptr : found->get_object().if_contains("samples");
    if (samples == nullptr || !samples->is_array()) continue;
    for (auto& sample : samples->get_array()) {
      if (!sample.is_object()) continue;
      const json::value* name = sample.get_object().if_contains("name");
      if (name == nullptr || !name->is_string()) continue;
      const std::string text(name->get_string());
      put_name(sample.get_object(), "name", text);
    }
  }
  return answered;
}

// The policies that a reload would bring, for the resolver to judge by: they read the rules in force. Into `waiting`
// the lists of theirs that were never loaded, of which they cannot say anything yet.
Result<std::string> policies_of_files(Call& call, json::array& waiting) {
  const auto config = call.services.load_config();
  if (!config) return config.error();
  const Now moment = read_clocks();
  const auto candidate = call.services.writer.records().make_candidate(
      [&](PolicyStore& copy) { return write_definitions(copy, *config, moment); }, moment);
  if (!candidate) return candidate.error();
  const auto after = Generation::open((*candidate)->checkpoint(), StoreCache::make(kCandidateCacheBytes));
  if (!after) return after.error();
  for (const ListId list : (*after)->never_loaded()) {
    if (const ListDefinition* known = (*after)->policies().find_list(list)) waiting.emplace_back(known->name);
  }
  std::string out = (*after)->policies().to_json();
  if (out.size() > kMaxPolicies)
    return Error{ErrorCode::too_large, "these policies are too large to be handed to the resolver"};
  return out;
}

}  // namespace

VerbResult start_what_if(Call& call) {
  const bool by_files = call.arguments.flag("files");
  const std::string policy = by_files ? std::string() : call.arguments.required("policy");
  const std::vector<std::string> groups = call.arguments.texts("groups");
  const std::uint64_t seconds = call.arguments.number("seconds", 0);
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  json::object asked{{"groups", json::value_from(groups)}, {"seconds", seconds}};
  asked["author"] = call.who;
  asked["reason"] = reason;
  json::array waiting;
  if (by_files) {
    auto policies = policies_of_files(call, waiting);
    if (!policies) return policies.error();
    asked["policies"] = std::move(*policies);
  } else {
    asked["policy"] = policy;
  }
  auto begun = ask(call, "what_if.start", asked);
  if (!begun) return begun;
  const auto recorded = record_in_turn(
      call, "what-if start", policy, {{"files", by_files}, {"groups", json::value_from(groups)}, {"seconds", seconds}});
  if (!recorded) {
    static_cast<void>(call.services.resolver.what_if("what_if.stop", {}).has_value());  // nobody would know of it
    return recorded.error();
  }
  (*begun)["never_loaded"] = std::move(waiting);
  return begun;
}

VerbResult show_what_if(Call& call) {
  const std::uint64_t names = call.arguments.number("names", 20);
  if (!call.arguments.ok()) return call.arguments.error();
  return ask(call, "what_if.show", {{"names", names}});
}

VerbResult stop_what_if(Call& call) {
  if (!call.arguments.ok()) return call.arguments.error();
  auto ended = ask(call, "what_if.stop", {});
  if (!ended) return ended;
  const json::value* policy = ended->if_contains("policy");
  const std::string subject = policy != nullptr && policy->is_string() ? std::string(policy->get_string()) : "";
  if (const auto recorded = record_in_turn(call, "what-if stop", subject, {}); !recorded) return recorded.error();
  return ended;
}

}  // namespace weir::sidecar
