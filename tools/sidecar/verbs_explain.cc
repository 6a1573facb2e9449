// explain: by the policy alone, for any number of names at any time; or, with "follow", one name by what the running
// resolver would answer.
#include <algorithm>

#include "tools/sidecar/explain.h"
#include "tools/sidecar/followed.h"
#include "tools/sidecar/rule_text.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr const char* kAllowClients = "resolver.allow_clients";

// A client that may not ask at all is answered with REFUSED before anybody looks at a rule (resolver/server/access.h).
// The resolver reads who may at its start alone: until the next one the files, which are known here, say what will be.
void put_refused_client(const Services& services, const ExplainRequest& request, json::object& out) {
  if (!request.client) return;
  const auto config = services.config();
  const IpAddress client = request.client->unmapped();
  const auto& allowed = config->resolver.allow_clients;
  const bool may_ask =
      std::any_of(allowed.begin(), allowed.end(), [&](const Prefix& prefix) { return prefix.contains(client); });
  const auto state = services.resolver.status();
  const bool waits = state && std::find(state->needs_restart.begin(), state->needs_restart.end(), kAllowClients) !=
                                  state->needs_restart.end();
  if (may_ask && !waits) return;
  const json::object about{{"client", request.client->to_text()}, {"setting", "[resolver] allow_clients"}};
  if (!may_ask) out["refused_client"] = about;
  if (waits) out["access_from_restart"] = about;
}

// Nothing is known of a moment before the first generation, and saying when that was helps.
Error before_the_first(const PolicyRecords& records, WallTime moment, const Error& otherwise) {
  const auto generations = records.generations();
  if (!generations || generations->empty()) return otherwise;
  return {ErrorCode::not_found, "at " + format_time(moment) +
                                    " nothing was filtered here yet: the first generation is of " +
                                    format_time(generations->back().published_at)};
}

VerbResult follow(Call& call, const ExplainRequest& request, WallTime now) {
  if (request.names.size() != 1) return Error{ErrorCode::invalid, "one name at a time can be followed"};
  if (IpAddress::parse(request.names[0]))
    return Error{ErrorCode::invalid, "an address is no question that could be followed: give a name"};
  const auto name = parse_typed_name(request.names[0]);
  if (!name) return name.error();
  json::object asked{{"name", name->to_text()}, {"type", to_text(request.type)}};
  if (request.client) asked["client"] = request.client->to_text();
  if (!request.group.empty()) asked["group"] = request.group;
  const auto answered = call.services.resolver.explain(asked);
  if (!answered) return answered.error();
  const auto generation = call.services.generations.current();
  if (!generation) return generation.error();
  auto out = describe_followed(**generation, *answered, request, now);
  if (out) put_refused_client(call.services, request, *out);
  return out;
}

}  // namespace

VerbResult explain_names(Call& call) {
  ExplainRequest request;
  request.names = call.arguments.texts("names");
  request.group = call.arguments.text("group");
  const std::string client = call.arguments.text("client");
  const std::string type = call.arguments.text("type");
  const bool follows = call.arguments.flag("follow");
  const WallTime now = read_clocks().wall;
  const auto moment = call.arguments.time("at", now);
  if (!call.arguments.ok()) return call.arguments.error();
  if (!client.empty()) {
    const auto address = IpAddress::parse(client);
    if (!address) return address.error();
    request.client = *address;
  }
  if (!type.empty()) {
    const auto parsed = parse_record_type(type);
    if (!parsed) return Error{ErrorCode::invalid, "unknown type \"" + escape_for_display(type) + "\""};
    request.type = *parsed;
  }
  if (follows && moment)
    return Error{ErrorCode::invalid, "what was answered then cannot be followed, only what is now"};
  if (follows) return follow(call, request, now);
  if (!moment) {
    const auto generation = call.services.generations.current();
    if (!generation) return generation.error();
    auto out = explain(**generation, request, now);
    if (out) put_refused_client(call.services, request, *out);
    return out;
  }
  const PolicyRecords& records = call.services.writer.records();
  const auto rules = records.rules_at(*moment);
  if (!rules) {
    return rules.error().code == ErrorCode::not_found ? before_the_first(records, *moment, rules.error())
                                                      : rules.error();
  }
  auto out = explain(**rules, request, *moment);
  if (out) out->emplace("at", format_time(*moment));
  return out;
}

}  // namespace weir::sidecar
