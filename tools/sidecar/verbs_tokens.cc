// token.add, token.remove, token.show: who may use the HTTP API. None of them can be asked over it: a token that was
// stolen makes no others.
#include "tools/http/tokens.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLongestTokenSeconds = 3650ULL * 86400;

Error no_tokens() {
  return {ErrorCode::unavailable, "this sidecar keeps no tokens"};
}

json::object describe(const http::Token& token, WallTime now) {
  return {{"name", token.name},
          {"role", to_text(token.role)},
          {"created", format_time(token.created)},
          {"until", token.until ? json::value(format_time(*token.until)) : json::value(nullptr)},
          {"ended", token.has_ended(now)},
          {"last_used", token.last_used}};
}

}  // namespace

VerbResult add_token(Call& call) {
  if (call.services.tokens == nullptr) return no_tokens();
  http::Tokens& tokens = *call.services.tokens;
  const std::string name = call.arguments.required("name");
  const std::string role_text = call.arguments.required("role");
  const std::uint64_t seconds = call.arguments.number("seconds", 0);
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto role = http::parse_role(role_text);
  if (!role) return Error{ErrorCode::invalid, "a token has the role \"admin\" or \"analyst\""};
  if (seconds > kLongestTokenSeconds) return Error{ErrorCode::invalid, "for how long? At most 3650 days"};
  const WallTime now = read_clocks().wall;
  std::optional<WallTime> until;
  if (seconds > 0) until = now + std::chrono::seconds(seconds);
  const auto text = tokens.add(name, *role, until, now);
  if (!text) return text.error();
  json::object details{{"role", to_text(*role)}};
  if (until) details["until"] = format_time(*until);
  if (const auto recorded = record_in_turn(call, "token add", name, std::move(details)); !recorded) {
    static_cast<void>(tokens.remove(name).has_value());  // nobody would know of it
    return recorded.error();
  }
  json::object out{{"name", name}, {"role", to_text(*role)}, {"token", *text}};
  out["until"] = until ? json::value(format_time(*until)) : json::value(nullptr);
  return out;
}

VerbResult remove_token(Call& call) {
  if (call.services.tokens == nullptr) return no_tokens();
  const std::string name = call.arguments.required("name");
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  // What cannot be recorded is taken back all the same: to keep a token that somebody wants gone helps only a thief.
  const auto gone = call.services.tokens->remove(name);
  if (!gone) return gone.error();
  if (const auto recorded = record_in_turn(call, "token remove", name, {{"role", to_text(gone->role)}}); !recorded)
    return recorded.error();
  return json::object{{"removed", describe(*gone, read_clocks().wall)}};
}

VerbResult show_tokens(Call& call) {
  if (call.services.tokens == nullptr) return no_tokens();
  if (!call.arguments.ok()) return call.arguments.error();
  const WallTime now = read_clocks().wall;
  json::array shown;
  for (const http::Token& token : call.services.tokens->all()) shown.push_back(describe(token, now));
  json::object out{{"tokens", std::move(shown)}};
  if (const std::string fault = call.services.tokens->fault(); !fault.empty()) out["fault"] = fault;
  return out;
}

}  // namespace weir::sidecar
