#include "tools/cli/follow.h"

#include "tools/cli/rule_lines.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

// The sidecar waits fifteen seconds for the resolver.
constexpr std::chrono::seconds kFollowPatience{20};

// "its alias edge7.cdn.test", "the address 192.0.2.1 of www.example", "the name server ns1.hosting.test".
std::string describe_place(const json::value& place) {
  const std::string part = text_at(place, "part");
  const std::string name = name_at(place, "name");
  const std::string address = text_at(place, "address");
  if (part == "alias") return "its alias " + name;
  if (part == "address") return "the address " + address + " of " + name;
  if (part == "ns_name") return "the name server " + name;
  if (part == "ns_address") return "the address " + address + " of the name server " + name;
  return "the name itself";
}

std::string title_of(const json::value& part) {
  const std::string kind = text_at(part, "part");
  const std::string name = name_at(part, "name");
  const std::string address = text_at(part, "address");
  if (kind == "qname") return "question     " + name;
  if (kind == "alias") return "alias        " + name;
  if (kind == "address") return "address      " + address + " of " + name;
  return "name server  " + name + (address.empty() ? "" : ", " + address);
}

// What one look at a part said.
std::string describe_look(const json::value& look, bool has_rules) {
  const std::string outcome = text_at(look, "outcome");
  const json::value* winner = object_at(look, "winner");
  const std::string list = winner == nullptr ? std::string() : " by list " + text_at(*winner, "list");
  std::string out = outcome + list;
  if (outcome == "blocked" && winner == nullptr) out = "blocked by default";
  if (outcome == "none") out = has_rules ? "no rule decides" : "no rule";
  if (outcome == "none" && has_rules && flag_at(look, "lists_cleared"))
    out = "not blocked: what lists say does not count behind an allowed name";
  if (const std::string rank = text_at(look, "ranks_before"); !rank.empty() && has_rules)
    out += std::string(" (asked of ") + (flag_at(look, "only_rpz") ? "zones" : "lists") + " before rank " + rank + ")";
  return out;
}

// What all looks at a part said; `provisional`: it is the QNAME's, and the first was not the last word.
std::string judge(const json::value& part, bool provisional) {
  const json::array& looks = array_at(part, "looks");
  const bool has_rules = !array_at(part, "rules").empty();
  if (looks.empty()) return has_rules ? "not judged: decided before" : "not judged, no rule";
  std::string out;
  std::string last;
  for (const auto& look : looks) {
    std::string said = describe_look(look, has_rules);
    if (provisional && out.empty())
      said += ", provisionally: what zones of an earlier rank say of addresses and name servers comes first";
    if (said == last) continue;
    out += (out.empty() ? "" : "; then ") + said;
    last = std::move(said);
  }
  return out;
}

void tell_parts(Command& command, const json::value& followed) {
  command.say("the way there:");
  for (const auto& part : array_at(followed, "parts")) {
    const bool is_provisional = text_at(part, "part") == "qname" && flag_at(followed, "provisional");
    command.say("  " + title_of(part) + ": " + judge(part, is_provisional));
    for (const auto& rule : array_at(part, "rules")) command.say("    " + describe_rule(rule));
    if (number_at(part, "rules_left_out") > 0) command.say("    and " + text_at(part, "rules_left_out") + " more");
  }
  if (number_at(followed, "parts_left_out") > 0)
    command.say("  and " + text_at(followed, "parts_left_out") + " more parts");
}

std::string headline(const json::value& followed) {
  const std::string outcome = text_at(followed, "outcome");
  const json::value* place = object_at(followed, "decided_by");
  std::string out = name_at(followed, "name") + ' ' + text_at(followed, "type");
  if (outcome == "blocked") {
    out += " is blocked (answered with " + text_at(followed, "mode") + ")";
    if (flag_at(followed, "default_deny")) return out + ": the policy denies what no rule allows";
    if (place != nullptr) out += ", by " + describe_place(*place);
    if (flag_at(followed, "rebinding")) out += ": it is private, and the name is not local";
    return out;
  }
  if (outcome == "failed") return out + " cannot be resolved; no rule blocks it";
  if (const auto* pause = object_at(followed, "pause"))
    return out + " is allowed: filtering is paused until " + text_at(*pause, "until") + " by " +
           text_at(*pause, "author") + ": " + text_at(*pause, "reason");
  if (outcome == "allowed") {
    out += " is allowed by a rule";
    if (place != nullptr) out += " on " + describe_place(*place);
    if (flag_at(followed, "overruled")) out += ", over a block of a later rank";
    return out;
  }
  return out + " is resolved: no rule blocks it";
}

void tell_answer(Command& command, const json::value& followed) {
  if (const auto* answer = object_at(followed, "answer")) {
    const std::string target = text_at(*answer, "target");
    const std::size_t records = array_at(*answer, "records").size();
    if (flag_at(*answer, "dropped")) {
      command.say("answer: none is sent");
    } else if (flag_at(*answer, "truncated")) {
      command.say("answer: truncated; over TCP the real one");
    } else if (!target.empty()) {
      command.say("answer: that of " + target +
                  (flag_at(*answer, "decides_again") ? ", on which the policy has its word again" : ""));
    } else {
      command.say("answer: " + text_at(*answer, "rcode") + ", " + std::to_string(records) +
                  (records == 1 ? " record" : " records"));
    }
    for (const auto& record : array_at(*answer, "records")) {
      if (record.is_string()) command.say("  " + std::string(record.get_string()));
    }
  }
  const json::value* resolved = object_at(followed, "resolved");
  if (resolved == nullptr) return command.say("decided before anybody was asked");
  std::string line = "resolved as " + text_at(*resolved, "rcode") + ", " + text_at(*resolved, "security") + "; " +
                     counted_at(*resolved, "upstream_packets", "upstream packet");
  if (const auto* ede = object_at(*resolved, "ede"))
    line += "; EDE " + text_at(*ede, "code") + ' ' + text_at(*ede, "text");
  command.say(line);
}

void tell_followed(Command& command, const json::value& followed) {
  command.say(headline(followed));
  if (const auto* winner = object_at(followed, "winner")) tell_rule(command, "by    ", *winner);
  for (const auto& loser : array_at(followed, "losers")) {
    if (loser.is_object()) tell_rule(command, "over  ", loser);
  }
  if (const auto* observed = object_at(followed, "observed")) {
    if (const auto* rule = object_at(*observed, "rule"))
      tell_rule(command, "would have been decided, on " + describe_place(*observed) + ", by  ", *rule);
  }
  if (flag_at(followed, "would_deny")) command.say("  no rule allows it: default = \"deny\" would refuse it");
  tell_parts(command, followed);
  tell_answer(command, followed);
  command.say("policy " + text_at(followed, "policy") + ", group " + text_at(followed, "group") + ", generation " +
              text_at(followed, "generation"));
}

}  // namespace

ExitCode follow(Command& command, json::object arguments) {
  arguments["follow"] = true;
  const auto answer = command.try_ask("explain", arguments, {}, kFollowPatience);
  if (!answer) {
    // The sidecar was reached: what is away is the resolver.
    const bool is_away = answer.error.code == ErrorCode::unavailable || answer.error.code == ErrorCode::timed_out;
    return command.fail(answer.error, is_away ? ExitCode::unreachable : answer.failure);
  }
  const std::string outcome = text_at(answer.result, "outcome");
  if (const std::string about = about_refused_client(answer.result); !about.empty()) command.say(about);
  if (command.is_json()) {
    command.print(answer.result);
  } else if (const auto* local = object_at(answer.result, "local")) {
    command.say(name_at(answer.result, "name") + ' ' + text_at(answer.result, "type") + " is answered here: zone " +
                text_at(*local, "zone") + ", " + text_at(*local, "answer"));
  } else {
    tell_followed(command, answer.result);
  }
  return outcome == "blocked" ? ExitCode::answer_is_no : ExitCode::done;
}

}  // namespace weir::cli
