// request.list, request.accept, request.refuse: what filtered people have said to be wrong.
#include "tools/sidecar/requests.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

json::object describe_request(const FiledRequest& request) {
  json::object out{{"id", request.id()}, {"state", request.state}, {"filed", time_or_null(request.filed_s)}};
  put_name(out, "name", request.name);
  out["client"] = request.client;
  out["group"] = request.group;
  out["remark"] = escape_for_display(request.remark);
  out["decision"] = parsed_or(request.decision, json::object{});
  out["trace"] = parsed_or(request.trace, nullptr);
  out["answered"] = time_or_null(request.answered_s);
  out["answered_by"] = request.answered_by;
  out["answer"] = request.answer;
  out["outcome"] = request.outcome;
  return out;
}

Result<FiledRequest> find_open(const Services& services, const std::string& id) {
  const auto found = services.requests->find(id);
  if (!found) return Error{ErrorCode::not_found, "no request \"" + escape_for_display(id) + "\" ('weir request list')"};
  if (found->state != "open")
    return Error{ErrorCode::exists, "request " + found->id() + " is " + found->state + " already"};
  return *found;
}

// For whom it is to hold.
Result<void> put_scope(json::object& arguments, const FiledRequest& request, const std::string& scope) {
  if (scope == "everybody") return {};
  if (scope.empty() || scope == "group") {
    arguments["groups"] = json::array{json::string(request.group)};
    return {};
  }
  if (scope != "client") return Error{ErrorCode::invalid, "\"scope\" is group, client or everybody"};
  if (!IpAddress::parse(request.client)) {
    return Error{ErrorCode::invalid, "request " + request.id() +
                                         " is by a pseudonym: for its client alone nothing can be "
                                         "said; \"scope\" may be group"};
  }
  arguments["clients"] = json::array{json::string(request.client)};
  return {};
}

}  // namespace

VerbResult list_requests(Call& call) {
  if (!call.arguments.ok()) return call.arguments.error();
  json::array shown;
  if (call.services.requests != nullptr) {
    for (const FiledRequest& request : call.services.requests->all()) shown.push_back(describe_request(request));
  }
  return json::object{{"requests", std::move(shown)}};
}

// By the verbs that an administrator would use, with their records: what is in force afterwards looks the same.
VerbResult accept_request(Call& call) {
  const std::string id = call.arguments.required("id");
  const std::uint64_t seconds = call.arguments.number("seconds", 0);
  const bool as_rule = call.arguments.flag("rule");
  const std::string scope = call.arguments.text("scope");
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  if (as_rule == (seconds != 0))
    return Error{ErrorCode::invalid, "\"seconds\" makes it an exception for so long, \"rule\" a rule: one of them"};
  const auto request = find_open(call.services, id);
  if (!request) return request.error();
  json::object arguments{{"reason", "request " + request->id() + (reason.empty() ? "" : ": " + reason)}};
  if (auto put = put_scope(arguments, *request, scope); !put) return put.error();
  arguments[as_rule ? "pattern" : "name"] = request->name;
  if (as_rule) {
    arguments["action"] = "allow";
  } else {
    arguments["seconds"] = seconds;
  }
  const auto reply = decode_reply(handle(
      call.services, {as_rule ? "rule.add" : "overlay.allow", json::serialize(arguments), call.who}, call.responder));
  if (!reply) return reply.error();
  if (reply->kind != ControlReply::Kind::result) return reply->error;
  const json::value made = parsed_or(reply->body, json::object{});
  std::string outcome = "rule " + request->name;
  if (!as_rule) {
    const json::value* overlay = made.is_object() ? made.get_object().if_contains("overlay") : nullptr;
    if (overlay != nullptr && overlay->is_object() && overlay->get_object().contains("id"))
      outcome = "exception " + std::string(overlay->at("id").as_string()) + " until " +
                std::string(overlay->at("until").as_string());
  }
  const auto answered = call.services.requests->answer(id, "accepted", call.who, reason, outcome, read_clocks().wall);
  if (!answered) return answered.error();
  json::object out{{"request", describe_request(*answered)}};
  if (made.is_object()) {
    for (const char* key : {"in_force", "resolver_error", "overlay", "generation"}) {
      if (const json::value* value = made.get_object().if_contains(key)) out[key] = *value;
    }
  }
  return out;
}

VerbResult refuse_request(Call& call) {
  const std::string id = call.arguments.required("id");
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto request = find_open(call.services, id);
  if (!request) return request.error();
  if (auto done = record_in_turn(call, "request refuse", request->name, {{"request", request->id()}}); !done)
    return done.error();
  const auto answered = call.services.requests->answer(id, "refused", call.who, reason, {}, read_clocks().wall);
  if (!answered) return answered.error();
  return json::object{{"request", describe_request(*answered)}};
}

}  // namespace weir::sidecar
