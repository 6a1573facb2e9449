#include "tools/sidecar/followed.h"

#include <boost/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/sidecar/shown_name.h"
#include "zones/base/text.h"
#include "zones/link/match_json.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

std::vector<Match> matches_of(const json::value& list) {
  std::vector<Match> out;
  for (const auto& each : list.as_array()) {
    const auto match = match_from_json(each);
    out.push_back(match.value_or(Match{}));
  }
  return out;
}

// A part of the answer with what matched it. Throws where the reply is not what it should be.
class Part {
 public:
  Part(const RulesInForce& rules, const json::object& part, const std::vector<Match>& of_client,
       const IpAddress& client)
      : rules_(rules), json_(part), matches_(matches_of(part.at("matches"))), own_(matches_.size()) {
    matches_.insert(matches_.end(), of_client.begin(), of_client.end());
    subject_.client = client;
    if (const auto name = Name::parse(std::string_view(part.at("name").as_string()))) subject_.name = *name;
    if (const json::value* address = part.if_contains("address")) {
      const auto parsed = IpAddress::parse(std::string_view(address->as_string()));
      if (parsed) subject_.address = *parsed;
    }
  }

  json::value rule(const json::value& index, GenerationNumber at, Provenances& provenances) const {
    const auto number = index.to_number<std::int64_t>();
    if (number < 0 || number >= static_cast<std::int64_t>(matches_.size())) return nullptr;
    return describe_rule(rules_, subject_, matches_[static_cast<std::size_t>(number)], at, provenances);
  }

  // What a list in observe mode would have done with it.
  json::value observed(GenerationNumber at, Provenances& provenances) const {
    for (const auto& look : json_.at("looks").as_array()) {
      if (json::value found = rule(look.as_object().at("observed"), at, provenances); !found.is_null()) return found;
    }
    return nullptr;
  }

  json::object place() const {
    json::object out{{"part", json_.at("part")}};
    put_name(out, "name", std::string_view(json_.at("name").as_string()));
    if (const json::value* address = json_.if_contains("address")) out["address"] = *address;
    return out;
  }

  json::object describe(const Policy& policy, GenerationNumber at, Provenances& provenances) const {
    json::array shown;
    for (std::size_t i = 0; i < own_; ++i) {
      if (policy.has_list(matches_[i].list_id()))
        shown.push_back(describe_rule(rules_, subject_, matches_[i], at, provenances));
    }
    json::array looks;
    for (const auto& look : json_.at("looks").as_array()) {
      const json::object& seen = look.as_object();
      looks.push_back(json::object{{"outcome", seen.at("outcome")},
                                   {"winner", rule(seen.at("winner"), at, provenances)},
                                   {"ranks_before", seen.at("ranks_before")},
                                   {"lists_cleared", seen.at("lists_cleared")},
                                   {"only_rpz", seen.at("only_rpz")}});
    }
    json::object out = place();
    out["rules"] = std::move(shown);
    out["rules_left_out"] = json_.at("matches_left_out");
    out["looks"] = std::move(looks);
    return out;
  }

 private:
  const RulesInForce& rules_;
  const json::object& json_;
  std::vector<Match> matches_;  // the part's own, then the client's
  std::size_t own_;
  RuleSubject subject_;
};

json::value describe_pause(const PolicySet& policies, const json::value& id) {
  if (id.is_null()) return nullptr;
  const auto number = id.to_number<std::uint64_t>();
  const auto found = std::ranges::find_if(policies.pauses, [&](const Pause& pause) { return pause.id == number; });
  if (found == policies.pauses.end()) return nullptr;
  return json::object{{"id", "p" + std::to_string(found->id)},
                      {"author", found->author},
                      {"reason", found->reason},
                      {"from", format_time(found->from)},
                      {"until", format_time(found->until)}};
}

// Who won, over whom, and on which part of the answer.
void describe_decision(json::object& out, const PolicySet& policies, const json::object& decision,
                       const std::vector<Part>& parts, GenerationNumber at, Provenances& provenances) {
  for (const char* key : {"mode", "provisional", "overruled", "rebinding"}) out[key] = decision.at(key);
  const auto part_at = [&](const char* key) -> const Part* {
    const auto index = decision.at(key).to_number<std::int64_t>();
    return index >= 0 && index < static_cast<std::int64_t>(parts.size()) ? &parts[static_cast<std::size_t>(index)]
                                                                         : nullptr;
  };
  const Part* decisive = part_at("part");
  const bool blocked = out.at("outcome").as_string() == "blocked";
  const bool rebinding = decision.at("rebinding").as_bool();
  out["decided_by"] = decisive == nullptr ? json::value(nullptr) : json::value(decisive->place());
  out["winner"] = decisive == nullptr ? json::value(nullptr) : decisive->rule(decision.at("winner"), at, provenances);
  out["default_deny"] = blocked && !rebinding && out.at("winner").is_null();
  if (decision.at("would_deny").as_bool()) out["would_deny"] = true;
  json::array losers;
  const Part* judged = decisive != nullptr ? decisive : parts.empty() ? nullptr : &parts.front();
  for (const auto& index : decision.at("losers").as_array()) {
    if (judged != nullptr) losers.push_back(judged->rule(index, at, provenances));
  }
  out["losers"] = std::move(losers);
  if (const Part* watched = part_at("observed_part")) {
    json::object observed = watched->place();
    observed["rule"] = watched->observed(at, provenances);
    out["observed"] = std::move(observed);
  }
  if (json::value pause = describe_pause(policies, decision.at("pause")); !pause.is_null())
    out["pause"] = std::move(pause);
  if (!decision.at("until").is_null()) out["until"] = decision.at("until");
}

Result<json::object> describe(const RulesInForce& rules, const json::object& reply) {
  const PolicySet& policies = rules.policies();
  const GenerationNumber at{reply.at("generation").to_number<std::uint64_t>()};
  json::object out;
  for (const char* key :
       {"generation", "name", "type", "group", "policy", "outcome", "answer", "resolved", "parts_left_out"}) {
    out[key] = reply.at(key);
  }
  put_name(out, "name", std::string_view(reply.at("name").as_string()));
  const auto group = policies.find_group(std::string_view(reply.at("group").as_string()));
  const Policy& policy = policies.policies[policies.groups[group.value_or(0)].policy];
  const auto client = IpAddress::parse(std::string_view(reply.at("client").as_string()));
  const std::vector<Match> of_client = matches_of(reply.at("client_matches"));
  std::vector<Part> parts;
  for (const auto& part : reply.at("parts").as_array())
    parts.emplace_back(rules, part.as_object(), of_client, client.value_or(IpAddress{}));
  Provenances provenances(rules);
  describe_decision(out, policies, reply.at("decision").as_object(), parts, at, provenances);
  json::array shown;
  for (const Part& part : parts) shown.push_back(part.describe(policy, at, provenances));
  out["parts"] = std::move(shown);
  return out;
}

}  // namespace

Result<json::object> describe_followed(const RulesInForce& rules, const json::object& reply,
                                       const ExplainRequest& request, WallTime now) {
  try {
    if (reply.at("outcome").as_string() != "local") return describe(rules, reply);
    auto plain = explain(rules, request, now);
    if (!plain) return plain.error();
    json::object out = plain->at("results").as_array().at(0).as_object();
    out["generation"] = plain->at("generation");
    out["type"] = reply.at("type");
    return out;
  } catch (const std::exception& error) {  // Boost.JSON's, for what is not there
    return Error{ErrorCode::corrupt, std::string("the resolver's answer makes no sense: ") + error.what()};
  }
}

}  // namespace weir::sidecar
