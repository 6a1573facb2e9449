#include "tools/sidecar/explain.h"

#include <boost/json.hpp>

#include <algorithm>

#include "tools/sidecar/fetch.h"
#include "tools/sidecar/rule_text.h"
#include "tools/sidecar/shown_name.h"
#include "zones/base/text.h"
#include "zones/cancelled_rules.h"
#include "zones/special_names.h"
#include "zones/store/local_names.h"
#include "zones/verdict.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// One rule, as what `match` says of it; `source`: where it came from.
json::object describe(const RulesInForce& rules, const std::string& pattern, const Match& match,
                      const Result<RuleSource>& source, Provenances& provenances) {
  json::object out;
  const ListDefinition* list = rules.policies().find_list(match.list_id());
  out["list"] = list != nullptr ? list->name : "list " + std::to_string(match.list);
  put_name(out, "pattern", pattern);
  out["kind"] = to_text(match.kind);
  out["action"] = to_text(list != nullptr ? action_of(match, *list) : match.action);
  out["important"] = match.important();
  if (match.exception()) out["exception"] = true;
  out["import"] = nullptr;
  out["line"] = nullptr;
  out["source"] = "";
  out["imported"] = "";
  if (source) {
    out["import"] = source->import.value;
    out["line"] = source->line;
    if (const ImportRecord* import = provenances.find(match.list_id(), source->import)) {
      out["source"] = shown_source(import->provenance.source);
      out["imported"] = format_time(import->provenance.fetched_at);
      if (!import->provenance.reason.empty()) {
        out["author"] = import->provenance.who;
        out["reason"] = import->provenance.reason;
      }
    }
  }
  out["rank"] = list != nullptr ? list->rank : 0;
  out["mode"] = list != nullptr && list->mode == ListMode::observe ? "observe" : "enforce";
  return out;
}

// The rules of this policy's lists that the administrator has disabled: they are in no match set, what disables them
// is.
json::array disabled_rules(const RulesInForce& rules, const RuleSubject& subject, const Policy& policy,
                           const MatchSet& matches, Provenances& provenances) {
  json::array out;
  for (const Match& match : matches.matches) {
    if (match.list_id() != kCancelledRules) continue;
    Rule rule;
    rule.kind = match.kind;
    rule.name = subject.name.suffix(std::min<unsigned>(match.labels, subject.name.label_count()));
    rule.action = match.action;
    rule.important = match.important();
    rule.exception = match.exception();
    if (match.detail != 0) rule.pattern = rules.pattern({match.detail});
    if (const RuleDetail* detail = match.detail == 0 ? nullptr : rules.detail({match.detail})) rule.detail = *detail;
    for (const ListDefinition& list : rules.policies().lists) {
      if (list.id < kFirstDefinedList || !policy.has_list(list.id)) continue;
      const Rule meant = as_in_list(rule, list.kind);
      const auto source = find_source(rules, list.id, meant, rules.number());
      if (!source) continue;
      Match shown = match;
      shown.list = list.id.value;
      shown.action = meant.action;
      shown.flags = (meant.important ? Match::kImportant : 0) | (meant.exception ? Match::kException : 0);
      json::object described = describe(rules, subject.pattern(rules, match), shown, source, provenances);
      described["by"] = describe_rule(rules, subject, match, rules.number(), provenances);
      out.push_back(std::move(described));
    }
  }
  return out;
}

std::string_view text_of(LocalFinding::Outcome outcome) {
  using Says = LocalFinding::Outcome;
  switch (outcome) {
    case Says::records:
      return "records";
    case Says::alias:
      return "alias";
    case Says::nodata:
      return "nodata";
    case Says::nxdomain:
      return "nxdomain";
    case Says::refused:
      return "refused";
    case Says::dropped:
      return "dropped";
    case Says::none:
      break;
  }
  return "none";
}

// What is answered here and never asked upstream.
json::object describe_local(const Name& name, const LocalMatch& local) {
  const Name zone = name.suffix(std::min<unsigned>(local.finding.zone_labels, name.label_count()));
  json::object out{{"answer", text_of(local.finding.outcome)}};
  put_name(out, "zone", zone.to_text());
  out["author"] = local.author == LocalAuthor::administrator ? "administrator" : "standard";
  const SpecialName* special = local.author == LocalAuthor::standard ? find_special_name(zone) : nullptr;
  if (special != nullptr) out["rfc"] = special->rfc;
  return out;
}

json::object explain_one(const RulesInForce& rules, const std::string& text, const RuleSubject& subject,
                         std::uint32_t group, const IpAddress& client, RecordType type, WallTime now,
                         Provenances& provenances) {
  const PolicySet& policies = rules.policies();
  const Policy& policy = policies.policies[policies.groups[group].policy];
  MatchSet matches;
  if (subject.address) {
    rules.match_address(*subject.address, matches);
  } else {
    rules.match(ReversedName(subject.name), matches);
  }
  MatchSet client_matches;  // what holds for whoever asks, whatever the name
  if (!subject.address) rules.match_client(client, client_matches);
  const DecideContext context{.policies = policies,
                              .group = group,
                              .client = client,
                              .name = subject.name,
                              .type = type,
                              .now = now,
                              .details = rules,
                              .is_qname = !subject.address,
                              .client_matches = &client_matches};
  const Verdict verdict = decide(matches, context);
  static const LocalData special(special_zones());
  const LocalMatch local =
      subject.address ? LocalMatch{} : LocalNames(&special).match(rules, group, subject.name.wire(), type);
  // What the administrator answers himself is nobody's to block; a name that is special by default may be blocked.
  const bool is_local =
      local.answers() && (local.author == LocalAuthor::administrator || verdict.outcome != Outcome::blocked);

  json::object out;
  put_name(out, "name", subject.address ? subject.address->to_text() : subject.name.to_text());
  if (out["name"].as_string() != text) out["asked"] = escape_for_display(text);
  out["group"] = policies.groups[group].name;
  out["policy"] = policy.name;
  out["outcome"] = is_local ? "local" : to_text(verdict.outcome);
  out["action"] = is_local || verdict.outcome == Outcome::none ? "none" : std::string(to_text(verdict.action));
  if (is_local) out["local"] = describe_local(subject.name, local);
  const bool blocked = !is_local && verdict.outcome == Outcome::blocked;
  out["mode"] = !blocked                          ? std::string()
                : verdict.action == Action::block ? std::string(to_text(policy.block.mode))
                                                  : std::string(to_text(verdict.action));
  const auto show = [&](int index) {
    return describe_rule(rules, subject, match_at(matches, context, index), rules.number(), provenances);
  };
  const bool decides = !is_local && verdict.winner != kNoRule;
  out["winner"] = decides ? json::value(show(verdict.winner)) : json::value(nullptr);
  if (blocked && verdict.winner == kNoRule) out["default_deny"] = true;
  if (!is_local && verdict.would_deny) out["would_deny"] = true;
  if (!is_local && verdict.pause != kNoRule) {
    const Pause& pause = policies.pauses[static_cast<std::size_t>(verdict.pause)];
    out["pause"] = {{"id", "p" + std::to_string(pause.id)},
                    {"author", pause.author},
                    {"reason", pause.reason},
                    {"from", format_time(pause.from)},
                    {"until", format_time(pause.until)}};
  }
  if (verdict.until) out["until"] = format_time(*verdict.until);
  json::array losers;
  std::vector<bool> shown(matches.matches.size() + client_matches.matches.size(), false);
  if (is_local && verdict.winner != kNoRule) losers.push_back(show(verdict.winner));
  if (verdict.winner != kNoRule) shown[static_cast<std::size_t>(verdict.winner)] = true;
  for (unsigned i = 0; i < verdict.loser_count; ++i) {
    shown[static_cast<std::size_t>(verdict.losers[i])] = true;
    losers.push_back(show(verdict.losers[i]));
  }
  // A verdict names the first eight; here there is room for the rest of them.
  for (std::size_t i = 0; verdict.loser_count == kMaxLosers && i < shown.size(); ++i) {
    if (!shown[i] && policy.has_list(match_at(matches, context, static_cast<int>(i)).list_id()))
      losers.push_back(show(static_cast<int>(i)));
  }
  out["losers"] = std::move(losers);
  if (json::array disabled = disabled_rules(rules, subject, policy, matches, provenances); !disabled.empty())
    out["disabled"] = std::move(disabled);
  if (verdict.observed_winner != kNoRule) out["observed"] = show(verdict.observed_winner);
  return out;
}

}  // namespace

const ImportRecord* Provenances::find(ListId list, ImportId import) {
  const auto [at, is_new] = known_.try_emplace({list.value, import.value});
  if (is_new) {
    if (auto found = find_import(rules_, list, import)) at->second = std::move(*found);
  }
  return at->second ? &*at->second : nullptr;
}

std::string pattern_text(const RulesInForce* rules, const Match& match, const Name& name) {
  const bool is_glob = match.kind == PatternKind::glob;
  if (rules != nullptr && (is_glob || match.kind == PatternKind::regex)) {
    const std::string text(rules->pattern({match.detail}));
    if (!text.empty()) return is_glob ? text : "/" + text + "/";
  }
  const std::string suffix = name.suffix(std::min<unsigned>(match.labels, name.label_count())).to_text();
  return match.kind == PatternKind::below ? "*." + suffix : suffix;
}

std::string pattern_text(const Match& match, const IpAddress& address) {
  const IpAddress plain = address.unmapped();
  return Prefix::of(plain, std::min<unsigned>(match.labels, plain.bits())).to_text();
}

std::string RuleSubject::pattern(const RulesInForce& rules, const Match& match) const {
  if (match.kind == PatternKind::client) return "client " + pattern_text(match, client);
  return address ? pattern_text(match, *address) : pattern_text(&rules, match, name);
}

json::object describe_rule(const RulesInForce& rules, const RuleSubject& subject, const Match& match,
                           GenerationNumber at, Provenances& provenances) {
  const auto address = subject.matched_address(match);
  return describe(
      rules, subject.pattern(rules, match), match,
      address ? find_source(rules, match, *address, at) : find_source(rules, match, ReversedName(subject.name), at),
      provenances);
}

Result<json::object> explain(const RulesInForce& rules, const ExplainRequest& request, WallTime moment) {
  const std::uint64_t damaged = rules.damaged_reads();
  const PolicySet& policies = rules.policies();
  std::uint32_t group = 0;
  IpAddress client = request.client.value_or(IpAddress{});
  if (!request.group.empty()) {
    const auto found = policies.find_group(request.group);
    if (!found) return Error{ErrorCode::not_found, "no group \"" + escape_for_display(request.group) + "\""};
    group = *found;
    if (!request.client && !policies.groups[group].clients.empty()) client = policies.groups[group].clients[0].address;
  } else if (request.client) {
    group = policies.group_of(*request.client);
  }
  Provenances provenances(rules);
  json::array results;
  results.reserve(request.names.size());
  for (const std::string& text : request.names) {
    RuleSubject subject;
    subject.client = client;
    if (const auto address = IpAddress::parse(text)) {
      subject.address = *address;
    } else {
      auto name = parse_typed_name(text);
      if (!name) return name.error();
      subject.name = std::move(*name);
    }
    results.push_back(explain_one(rules, text, subject, group, client, request.type, moment, provenances));
  }
  if (rules.damaged_reads() != damaged) return Error{ErrorCode::corrupt, "part of the policy store cannot be read"};
  return json::object{{"generation", rules.number().value}, {"results", std::move(results)}};
}

}  // namespace weir::sidecar
