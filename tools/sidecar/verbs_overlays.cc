// overlay.allow, overlay.pause, overlay.end, overlay.show.
#include <algorithm>

#include "tools/sidecar/overlays.h"
#include "tools/sidecar/rule_text.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/lists/name_text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// For whom, how long, why.
Result<Overlay> read_request(Call& call, Overlay::Kind kind, Now now) {
  Overlay overlay;
  overlay.kind = kind;
  overlay.author = call.who;
  overlay.reason = call.arguments.text("reason");
  overlay.groups = call.arguments.texts("groups");
  const std::vector<std::string> clients = call.arguments.texts("clients");
  const std::uint64_t seconds = call.arguments.number("seconds", 0);
  if (!call.arguments.ok()) return call.arguments.error();
  if (seconds == 0 || seconds > static_cast<std::uint64_t>(kLongestOverlay.count())) {
    return Error{ErrorCode::invalid, "for how long? From a second to 366 days"};
  }
  overlay.until = now.wall + std::chrono::seconds(seconds);
  for (const std::string& text : clients) {
    const auto prefix = Prefix::parse(text);
    if (!prefix) return prefix.error();
    overlay.clients.push_back(*prefix);
  }
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  if (auto good = check_groups(overlay.groups, (*current)->policies()); !good) return good.error();
  return overlay;
}

VerbResult begin(Call& call, Overlay overlay, Now now) {
  const auto begun = call.services.overlays.begin(std::move(overlay), now);
  if (!begun) return begun.error();
  json::object out{{"overlay", describe_overlay(*begun, now.wall)}};
  tell_resolver(call.services, out);
  return out;
}

}  // namespace

json::object describe_overlay(const Overlay& overlay, WallTime now) {
  json::array clients;
  for (const Prefix& prefix : overlay.clients) clients.push_back(json::string(prefix.to_text()));
  json::object out{{"id", overlay.id()},
                   {"kind", overlay.kind == Overlay::Kind::allow ? "allow" : "pause"},
                   {"subject", overlay.subject()},
                   {"clients", std::move(clients)},
                   {"groups", json::value_from(overlay.groups)},
                   {"author", overlay.author},
                   {"reason", overlay.reason},
                   {"from", format_time(overlay.from)},
                   {"until", format_time(overlay.until)},
                   {"seconds_left",
                    std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(overlay.until - now).count(), 0)}};
  if (overlay.kind == Overlay::Kind::allow) put_name(out, "name", overlay.rule.name.to_text());
  return out;
}

VerbResult allow_name(Call& call) {
  const Now now = read_clocks();
  RuleText text;
  text.pattern = call.arguments.required("name");
  text.kind = call.arguments.flag("exact") ? "exact" : "";
  text.action = "allow";
  auto overlay = read_request(call, Overlay::Kind::allow, now);
  if (!overlay) return overlay.error();
  auto rules = parse_rules(text);
  if (!rules) return rules.error();
  if (rules->size() != 1) return Error{ErrorCode::invalid, "which name? A line that says several things is none"};
  overlay->rule = std::move(rules->front());
  // An answer may lead to any name; nobody means one that no host has, such as a name with a port.
  if (const auto octets = overlay->rule.name.to_text();
      std::any_of(octets.begin(), octets.end(), [](char c) { return c != '.' && !is_label_octet(c); })) {
    return Error{ErrorCode::invalid, "'" + escape_for_display(text.pattern) + "': a character that no host name has"};
  }
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  if (auto good = check_new_rule(overlay->rule, (*current)->policies()); !good) return good.error();
  return begin(call, std::move(*overlay), now);
}

VerbResult pause_filtering(Call& call) {
  const Now now = read_clocks();
  auto overlay = read_request(call, Overlay::Kind::pause, now);
  if (!overlay) return overlay.error();
  return begin(call, std::move(*overlay), now);
}

VerbResult end_overlay(Call& call) {
  const Now now = read_clocks();
  const std::string id = call.arguments.required("id");
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto ended = call.services.overlays.end(id, call.who, reason, now);
  if (!ended) return ended.error();
  json::object out{{"overlay", describe_overlay(*ended, now.wall)}};
  tell_resolver(call.services, out);
  return out;
}

VerbResult show_overlays(Call& call) {
  const WallTime now = read_clocks().wall;
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  const auto all = call.services.overlays.all((*current)->policies());
  if (!all) return all.error();
  json::array shown;
  for (const Overlay& overlay : *all) {
    if (overlay.until > now) shown.push_back(describe_overlay(overlay, now));
  }
  return json::object{{"overlays", std::move(shown)}};
}

}  // namespace weir::sidecar
