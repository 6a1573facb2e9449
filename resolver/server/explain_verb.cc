#include "resolver/server/explain_verb.h"

#include <boost/json.hpp>

#include <algorithm>
#include <memory>
#include <utility>

#include "resolver/engine/tracing.h"
#include "resolver/filter/decision_trace.h"
#include "resolver/filter/filter.h"
#include "resolver/filter/part_context.h"
#include "resolver/server/access.h"
#include "resolver/server/control_arguments.h"
#include "resolver/server/dns64_answer.h"
#include "resolver/server/local_answer.h"
#include "resolver/server/policy_stage.h"
#include "resolver/server/record_lines.h"
#include "resolver/server/shown_aliases.h"
#include "zones/link/match_json.h"

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::size_t kLargestAnswer = 65535;

std::string_view text_of(AnswerPart part) {
  switch (part) {
    case AnswerPart::qname:
      return "qname";
    case AnswerPart::alias:
      return "alias";
    case AnswerPart::address:
      return "address";
    case AnswerPart::ns_name:
      return "ns_name";
    case AnswerPart::ns_address:
      return "ns_address";
  }
  return "";
}

json::object describe(const Verdict& verdict, const PolicySet& policies) {
  json::array losers;
  for (unsigned i = 0; i < verdict.loser_count; ++i) losers.emplace_back(verdict.losers[i]);
  json::object out{{"outcome", to_text(verdict.outcome)},
                   {"action", to_text(verdict.action)},
                   {"winner", verdict.winner},
                   {"losers", std::move(losers)},
                   {"observed", verdict.observed_winner},
                   {"would_deny", verdict.would_deny},
                   {"pause", nullptr},
                   {"until", nullptr}};
  if (verdict.pause != kNoRule) out["pause"] = policies.pauses[static_cast<std::size_t>(verdict.pause)].id;
  if (verdict.until) out["until"] = format_time(*verdict.until);
  return out;
}

json::object describe(const DecisionTrace::Look& look, const PolicySet& policies) {
  json::object out = describe(look.verdict, policies);
  out["ranks_before"] = nullptr;
  if (look.ranks_before != DecideContext::kAllRanks) out["ranks_before"] = look.ranks_before;
  out["lists_cleared"] = look.lists_cleared;
  out["only_rpz"] = look.only_rpz;
  return out;
}

// How many of a part's matches are told: the first ones, and as far as `verdict` names them.
void count_in(const Verdict& verdict, std::size_t& told) {
  const auto name = [&](int index) { told = std::max(told, static_cast<std::size_t>(index + 1)); };
  name(verdict.winner);
  name(verdict.observed_winner);
  for (unsigned i = 0; i < verdict.loser_count; ++i) name(verdict.losers[i]);
}

json::object describe(const PartMatches& part, const DecisionTrace& trace, const PolicySet& policies) {
  json::array looks;
  std::size_t told = kMaxExplainedMatches;
  for (const DecisionTrace::Look& look : trace.looks) {
    if (look.part != &part) continue;
    looks.push_back(describe(look, policies));
    count_in(look.verdict, told);
  }
  const auto& all = part.matches.matches;
  // Indices behind a part's own matches are the client's, so then all of them are told.
  if (told > all.size()) told = all.size();
  json::array matches;
  for (std::size_t i = 0; i < told; ++i) matches.push_back(match_to_json(all[i]));
  json::object out{{"part", text_of(part.part)},
                   {"name", part.name.to_text()},
                   {"matches", std::move(matches)},
                   {"matches_left_out", all.size() - told},
                   {"looks", std::move(looks)}};
  if (is_address(part.part)) out["address"] = part.address.to_text();
  return out;
}

// One question on its way. Lives as long as something is awaited for it.
class Explanation : public std::enable_shared_from_this<Explanation> {
 public:
  Explanation(const ExplainSources& sources, std::shared_ptr<const Generation> generation, const Question& question,
              std::uint32_t group, const IpAddress& client, ControlDone done)
      : sources_(sources),
        generation_(std::move(generation)),
        group_(group),
        client_(client),
        done_(std::move(done)),
        names_(sources_.special_names),
        question_(as_asked(question.type), question.name) {
    generation_->match_client(client_, client_matches_);
  }

  // In the order of PacketPath.
  void begin() {
    const Name name = query().name();
    const LocalMatch local = names_.match(*generation_, group_, name.wire(), query().type);
    if (local.answers() && local.author == LocalAuthor::administrator) return begin_locally();
    start_parts();
    const FilterVerdict verdict = decide_question(parts_, asker(), query().type);
    const bool is_final = verdict.blocked() && (!verdict.provisional || local.answers());
    if (is_final) return conclude(verdict, nullptr);
    if (local.answers()) return conclude_locally();
    provisional_ = verdict.provisional;
    resolve(name, query().type, [self = shared_from_this()](const ResolutionResult& result) { self->found(result); });
  }

 private:
  static Query as_asked(RecordType type) {
    Query out;
    out.type = type;
    out.recursion_desired = true;
    return out;
  }
  const Query& query() const { return question_.query(); }
  const PolicySet& policies() const { return generation_->policies(); }
  const Dns64* dns64() const { return policies().dns64 ? &*policies().dns64 : nullptr; }

  Asker asker() {
    const Policy& policy = policies().policies[policies().groups[group_].policy];
    return {.generation = *generation_,
            .group = group_,
            .client = client_,
            .now = sources_.clock().wall,
            .client_matches = client_matches_.empty() ? nullptr : &client_matches_,
            .response_rank = first_response_rank(*generation_, policy),
            .trace = &trace_};
  }

  void resolve(const Name& name, RecordType type, std::function<void(const ResolutionResult&)> done) {
    Origin origin;
    origin.prefix = fairness_prefix(client_);
    sources_.resolve({name, type, RecordClass::in}, origin, std::move(done));
  }

  void start_parts() {
    trace_.looks.clear();
    parts_.clear();
    add_part(AnswerPart::qname, query().name());
    // Of the administrator's own name no list has a say, but of where it leads.
    if (alias_) {
      parts_[0].matches.clear();
      add_part(AnswerPart::alias, alias_->target);
    }
  }
  void add_part(AnswerPart part, const Name& name) {
    parts_.push_back({.part = part, .name = name, .address = {}, .matches = {}});
    generation_->match(ReversedName(name), parts_.back().matches);
  }

  void begin_locally() {
    alias_ = local_alias_of(names_, *generation_, group_, query());
    if (!alias_) return conclude_locally();
    start_parts();
    const FilterVerdict verdict = decide_local_answer(parts_, asker(), query().type);
    if (verdict.blocked()) return conclude(verdict, nullptr);
    resolve(alias_->target, query().type,
            [self = shared_from_this()](const ResolutionResult& result) { self->found(result); });
  }

  void found(const ResolutionResult& result) {
    const bool may_be_translated = is_translated(dns64(), query(), client_);
    if (!may_be_translated) return decide_on(result);
    if (!wants_ipv4(result, *dns64())) return decide_on(without_excluded(result, *dns64()));
    resolve(result.question.name, RecordType::a,
            [self = shared_from_this(), result](const ResolutionResult& ipv4) { self->found_ipv4(result, ipv4); });
  }

  // RFC 6147: what AAAA answers are made of.
  void found_ipv4(const ResolutionResult& aaaa, const ResolutionResult& a) {
    const ResolutionResult without = without_excluded(aaaa, *dns64());
    const auto made = translated_answer(aaaa, a, *dns64());
    if (!made) return decide_on(without);
    const FilterVerdict verdict = decide(*made);
    if (stays_untranslated(*dns64(), parts_, verdict)) return decide_on(without);
    conclude(verdict, &*made);
  }

  void decide_on(const ResolutionResult& result) { conclude(decide(result), &result); }

  FilterVerdict decide(const ResolutionResult& result) {
    start_parts();
    match_answer(result, *generation_, parts_, KeptParts::all);
    if (asks_for_servers())
      match_name_servers(result, *generation_, sources_.rrsets, sources_.clock().steady, parts_, KeptParts::all);
    const Asker who = asker();
    return alias_ ? decide_local_answer(parts_, who, query().type) : decide_answer(parts_, who, query().type);
  }

  // Whether a list of this policy has rules on them; what other policies' lists say of servers changes nothing here.
  bool asks_for_servers() const {
    const Policy& policy = policies().policies[policies().groups[group_].policy];
    return std::ranges::any_of(policies().lists, [&](const ListDefinition& list) {
      return policy.has_list(list.id) && generation_->triggers(list.id).name_server;
    });
  }

  void conclude_locally() {
    json::object out = head();
    out["outcome"] = "local";
    done_(json::value(std::move(out)));
  }

  void conclude(const FilterVerdict& verdict, const ResolutionResult* result) {
    json::object out = head();
    const bool failed = result != nullptr && result->rcode == Rcode::servfail && !verdict.blocked();
    out["outcome"] = failed ? "failed" : to_text(verdict.verdict.outcome);
    json::array parts;
    for (const PartMatches& part : parts_) {
      if (parts.size() == kMaxExplainedParts) break;
      parts.push_back(describe(part, trace_, policies()));
    }
    out["parts_left_out"] = parts_.size() - parts.size();
    out["parts"] = std::move(parts);
    json::array of_client;
    for (const Match& match : client_matches_.matches) of_client.push_back(match_to_json(match));
    out["client_matches"] = std::move(of_client);
    out["decision"] = describe_decision(verdict);
    out["answer"] = verdict.blocked() ? describe_block(verdict) : describe_answer(*result);
    out["resolved"] = result == nullptr ? json::value(nullptr) : json::value(describe_resolved(*result));
    done_(json::value(std::move(out)));
  }

  json::object head() const {
    const Group& group = policies().groups[group_];
    return {{"generation", generation_->number().value},
            {"name", query().name().to_text()},
            {"type", to_text(query().type)},
            {"group", group.name},
            {"policy", policies().policies[group.policy].name},
            {"client", client_.to_text()}};
  }

  json::object describe_decision(const FilterVerdict& verdict) {
    json::object out = describe(verdict.verdict, policies());
    const BlockAnswer& block = policies().policies[policies().groups[group_].policy].block;
    const bool as_policy_says = verdict.verdict.action == Action::block;
    out["part"] = verdict.winner != nullptr || verdict.rebinding ? verdict.part : -1;
    out["provisional"] = provisional_;
    out["overruled"] = verdict.overruled;
    out["rebinding"] = verdict.rebinding;
    out["observed_part"] = verdict.observed == nullptr ? -1 : verdict.observed_part;
    out["mode"] = !verdict.blocked() ? std::string_view()
                  : as_policy_says   ? to_text(block.mode)
                                     : to_text(verdict.verdict.action);
    if (verdict.until) out["until"] = format_time(*verdict.until);
    return out;
  }

  json::object describe_block(const FilterVerdict& verdict) {
    json::object out{{"dropped", false}, {"truncated", false}, {"decides_again", false}};
    Asker who = asker();
    who.trace = nullptr;
    const bool shown = shows_aliases(verdict, parts_, who);
    const bool again = shown || who.policy().aliases == AliasAnswers::shown;
    auto target = substitution_of(verdict, query(), who);
    if (shown) target = parts_[static_cast<std::size_t>(verdict.part)].name;
    if (target) {
      out["target"] = target->to_text();
      out["decides_again"] = again;
      return out;
    }
    std::vector<std::uint8_t> message(kLargestAnswer);
    message.resize(write_block_answer(message, query(), who, parts_, verdict));
    out["dropped"] = message.empty();
    if (message.empty()) return out;
    const auto answer = read_block_answer(message);
    out["truncated"] = !answer;
    if (answer) {
      out["rcode"] = to_text(answer->rcode);
      out["records"] = json::value_from(record_lines(answer->answer));
    }
    return out;
  }

  json::object describe_answer(const ResolutionResult& result) const {
    const ResolutionResult whole = alias_ ? behind_alias(result, query(), *alias_) : result;
    return {{"dropped", false},
            {"truncated", false},
            {"decides_again", false},
            {"rcode", to_text(whole.rcode)},
            {"records", json::value_from(record_lines(whole.answer))}};
  }

  static json::object describe_resolved(const ResolutionResult& result) {
    json::object out{{"rcode", to_text(result.rcode)},
                     {"security", to_text(result.security)},
                     {"records", json::value_from(record_lines(result.answer))},
                     {"upstream_packets", result.upstream_packets}};
    if (result.ede)
      out["ede"] =
          json::object{{"code", static_cast<unsigned>(*result.ede)}, {"text", escape_for_display(result.ede_text)}};
    return out;
  }

  const ExplainSources sources_;
  const std::shared_ptr<const Generation> generation_;
  const std::uint32_t group_;
  const IpAddress client_;
  const ControlDone done_;
  const LocalNames names_;
  const AliasQuestion question_;
  MatchSet client_matches_;
  AnswerMatches parts_;
  DecisionTrace trace_;
  bool provisional_ = false;
  std::optional<LocalAlias> alias_;  // the administrator's own, that the question is
};

void explain(const ExplainSources& sources, const json::object& in, const ControlDone& done) {
  ControlArguments arguments(in, "explain");
  arguments.knows({"name", "type", "client", "group"});
  const Question question{arguments.name("name"), arguments.type("type"), RecordClass::in};
  const std::string client_text = in.contains("client") ? arguments.text("client") : std::string();
  const std::string group_name = in.contains("group") ? arguments.text("group") : std::string();
  IpAddress client;
  if (!client_text.empty()) {
    const auto parsed = IpAddress::parse(client_text);
    if (!parsed) arguments.fail("\"client\": " + parsed.error().message);
    if (parsed) client = *parsed;
  }
  if (arguments.error()) return done(*arguments.error());
  auto generation = sources.generations.current();
  if (!generation) return done(Error{ErrorCode::unavailable, "no generation is in force"});
  const PolicySet& policies = generation->policies();
  std::uint32_t group = client_text.empty() ? 0 : policies.group_of(client);
  if (!group_name.empty()) {
    const auto found = policies.find_group(group_name);
    if (!found) return done(Error{ErrorCode::not_found, "no group \"" + escape_for_display(group_name) + "\""});
    group = *found;
    if (client_text.empty() && !policies.groups[group].clients.empty())
      client = policies.groups[group].clients[0].address;
  }
  const Policy& policy = policies.policies[policies.groups[group].policy];
  if (awaits_lists(*generation, policy)) {
    return done(Error{ErrorCode::invalid, "policy \"" + escape_for_display(policy.name) +
                                              "\" answers nobody before its lists are loaded: each question gets "
                                              "SERVFAIL (until_loaded = \"refuse\")"});
  }
  std::make_shared<Explanation>(sources, std::move(generation), question, group, client, done)->begin();
}

}  // namespace

void add_explain_verb(ControlHandlers& handlers, const ExplainSources& sources) {
  handlers.verbs["explain"] = [sources](const json::object& in, const ControlDone& done) {
    explain(sources, in, done);
  };
}

}  // namespace weir
