#include "tools/http/routes.h"

#include <algorithm>

namespace weir::http {
namespace {

using enum ParameterKind;
using enum AnswerKind;
constexpr auto kNeeded = Needed::yes;

const Parameter kListName{"name", text, "the list, as the configuration names it", kNeeded};
const Parameter kReason{"reason", text, "why; stands in the audit log"};
const Parameter kWhy{"reason", text, "why; stands in explanations and in the audit log", kNeeded};
const Parameter kSince{"since", time, "from this moment on: 2026-07-06T00:40:32Z, or how long ago: 2h"};
const Parameter kUntil{"until", time, "up to this moment"};
const Parameter kCursor{"cursor", text, "where an earlier answer ended: its \"next\""};
const Parameter kLookFor{"seconds", number,
                         "how long to look at most, 10 by default; what was found until then is told"};
const Parameter kSource{"source", text,
                        "clickhouse, or clickhouse:NAME of a sink: what lies there is asked, for administrators alone"};
const Parameter kSeconds{"seconds", number, "how long it holds, at most 366 days", kNeeded};
const Parameter kForClients{"clients", texts, "for these addresses and prefixes alone"};
const Parameter kForGroups{"groups", texts, "for these groups alone"};

std::vector<Parameter> log_filter(std::vector<Parameter> more) {
  std::vector<Parameter> out = {
      {"name", text, "this name and all below it"},
      {"text", text, "a part of the name"},
      {"client", text, "an address, a prefix, or a pseudonym as it is shown"},
      {"list", text, "decided by this list"},
      {"group", text, "of clients of this group"},
      {"type", text, "the type that was asked for: A, AAAA, HTTPS"},
      {"class", text,
       "blocked, would_block, allowed_over_block, resolved, rebinding, blocked_upstream; of rows: counters, dropped"}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

std::vector<Parameter> rule(bool with_answer) {
  std::vector<Parameter> out = {
      {"pattern", text, "a name, *.name, glob, /regular expression/, address, prefix, or a line of an adblock list",
       kNeeded},
      {"kind", text, "exact, subtree, below; absent: as the pattern says"},
      {"action", text, "block, allow, nxdomain, nodata, refused, drop, null, address, cname; absent: block"},
      kReason,
      {"clients", texts, "of these addresses and prefixes alone"},
      {"groups", texts, "of these groups alone"},
      {"types", texts, "of these QTYPEs alone"}};
  if (with_answer) {
    out.push_back({"important", flag, "comes before rules that are not"});
    out.push_back({"addresses", texts, "answered with, by action address"});
    out.push_back({"target", text, "answered with, by action cname"});
    out.push_back({"answers", texts, "records answered with"});
  }
  return out;
}

std::vector<Route> make_routes() {
  constexpr Role kAll = Role::none;
  constexpr Role kLook = Role::analyst;
  constexpr Role kAct = Role::admin;
  return {
      {"GET", "/api/v1/openapi.json", "", kAll, openapi, "This description", "an OpenAPI 3.0 document"},
      {"GET", "/api/v1/session", "", kLook, session, "Whose token this is", "name, role, until, version"},
      {"GET", "/api/v1/status", "status", kLook, result, "The sidecar, the generation in force, every list",
       "version, generation, lists, overlays, resolver, log"},
      {"POST",
       "/api/v1/reload",
       "reload",
       kAct,
       result,
       "Read the configuration again",
       "generation, lists_added, lists_removed, needs_restart",
       {kReason}},
      {"GET", "/api/v1/metrics", "metrics", kLook, figures, "Figures of resolver and sidecar",
       "text as Prometheus reads it"},

      {"GET", "/api/v1/lists", "list.show", kLook, result, "All lists",
       "lists, each with source, state, buckets, held version"},
      {"GET", "/api/v1/lists/{name}", "list.show", kLook, result, "One list", "lists, with one element", {kListName}},
      {"GET",
       "/api/v1/lists/{name}/history",
       "list.history",
       kLook,
       result,
       "Its imports, the newest first",
       "imports",
       {kListName}},
      {"GET",
       "/api/v1/lists/{name}/diff",
       "list.diff",
       kLook,
       result,
       "What two imports have apart",
       "added, removed, samples of both",
       {kListName, {"from", number, "an import", kNeeded}, {"to", number, "another import", kNeeded}}},
      {"GET",
       "/api/v1/lists/{name}/report",
       "list.report",
       kLook,
       result,
       "What it is worth, by the decision log",
       "hits, unique, shared, undone, rules_hit",
       {kListName, kSince}},
      {"POST",
       "/api/v1/lists/{name}/update",
       "list.update",
       kAct,
       progress,
       "Fetch and import it now",
       "lines, rules, added, removed, changed, generation",
       {kListName, {"dry_run", flag, "only say what would happen"}, kSince}},
      {"POST",
       "/api/v1/lists/{name}/approve",
       "list.approve",
       kAct,
       progress,
       "Take the version that a guard holds",
       "lines, rules, added, removed, generation",
       {kListName, kReason}},
      {"POST",
       "/api/v1/lists/{name}/rollback",
       "list.rollback",
       kAct,
       result,
       "Bring an earlier import in force",
       "generation, changed",
       {kListName, {"import", number, "as the history names it", kNeeded}, kReason}},

      {"GET", "/api/v1/rules", "rule.show", kLook, result, "The administrator's own rules", "rules"},
      {"POST", "/api/v1/rules", "rule.add", kAct, result, "Add a rule", "generation, changed, warnings", rule(true)},
      {"DELETE", "/api/v1/rules", "rule.remove", kAct, result, "Remove a rule", "generation, changed, removed",
       rule(false)},

      {"GET", "/api/v1/overlays", "overlay.show", kLook, result, "Exceptions that hold now", "overlays"},
      {"POST",
       "/api/v1/overlays/allow",
       "overlay.allow",
       kAct,
       result,
       "Let a name through for a while",
       "overlay, in_force",
       {{"name", text, "with everything below it", kNeeded},
        kSeconds,
        kWhy,
        {"exact", flag, "the name alone"},
        kForClients,
        kForGroups}},
      {"POST",
       "/api/v1/overlays/pause",
       "overlay.pause",
       kAct,
       result,
       "Let filtering rest for a while",
       "overlay, in_force",
       {kSeconds, kWhy, kForClients, kForGroups}},
      {"DELETE",
       "/api/v1/overlays/{id}",
       "overlay.end",
       kAct,
       result,
       "End one before its time",
       "overlay, in_force",
       {{"id", text, "a12 or p3, as they are shown", kNeeded}, kReason}},

      {"GET", "/api/v1/requests", "request.list", kAct, result, "What filtered people have said to be wrong",
       "requests, the newest first, each with its decision and trace"},
      {"POST",
       "/api/v1/requests/{id}/accept",
       "request.accept",
       kAct,
       result,
       "Let the name through, for a while or by a rule",
       "request, overlay, in_force",
       {{"id", text, "r7, as they are shown", kNeeded},
        {"seconds", number, "as an exception for so long; or"},
        {"rule", flag, "as a rule of the administrator's"},
        {"scope", text, "for whom: group (default), client, everybody"},
        kReason}},
      {"POST",
       "/api/v1/requests/{id}/refuse",
       "request.refuse",
       kAct,
       result,
       "Leave everything as it is",
       "request",
       {{"id", text, "r7, as they are shown", kNeeded}, kReason}},

      {"GET",
       "/api/v1/explain",
       "explain",
       kLook,
       result,
       "Why a name is answered as it is",
       "generation, results: outcome, winner, losers",
       {{"name", texts, "a name or an address; may be repeated", kNeeded, "names"},
        {"client", text, "as this client asks"},
        {"group", text, "or as a client of this group"},
        {"type", text, "QTYPE; A by default"},
        {"at", time, "as it was at this moment"},
        {"follow", flag, "one name, as the running resolver answers it"}}},

      {"GET", "/api/v1/generations", "generation.show", kLook, result, "Published versions, the newest first",
       "generations, current"},
      {"GET", "/api/v1/generations/fingerprint", "generation.fingerprint", kLook, result,
       "What two nodes that filter alike have in common", "fingerprint, generation"},
      {"POST",
       "/api/v1/generations/{number}/rollback",
       "generation.rollback",
       kAct,
       result,
       "Bring an earlier one in force",
       "generation, pinned, exceptions_go_on, exceptions_stay_ended",
       {{"number", number, "of the generation", kNeeded}, kReason}},

      {"GET", "/api/v1/policies", "policy.show", kLook, result, "Policies, groups and schedules in force",
       "policies, groups, schedules"},
      {"GET", "/api/v1/zones", "zone.show", kLook, result, "Response policy zones that are served to others", "zones"},
      {"GET", "/api/v1/sinks", "sink.show", kLook, result, "Where decisions go beside the log",
       "sinks, each with up, fault, failing_since, sent, waiting, spool_bytes, dropped, failures"},
      {"GET",
       "/api/v1/sinks/{name}",
       "sink.show",
       kLook,
       result,
       "One sink",
       "sinks, with one element",
       {{"name", text, "the sink, as the configuration names it", kNeeded}}},
      {"GET",
       "/api/v1/audit",
       "audit.show",
       kLook,
       result,
       "The newest changes, the oldest of them first",
       "records, complete",
       {kSince, {"limit", number, "how many of the newest; 1000 by default"}}},
      {"GET", "/api/v1/audit/verify", "audit.verify", kLook, result, "Whether the chain of records is whole",
       "whole, records, head, faults"},

      {"GET",
       "/api/v1/what-if",
       "what_if.show",
       kAct,  // it counts queries, not clients: nobody knows of how many these are
       result,
       "What another policy would have done so far",
       "counts, newly_blocked, newly_allowed",
       {{"names", number, "how many samples of each; 20 by default"}}},
      {"POST",
       "/api/v1/what-if",
       "what_if.start",
       kAct,
       result,
       "Count what another policy would do",
       "policy, until",
       {{"policy", text, "one that is defined"},
        {"files", flag, "or what the configuration's files say now"},
        kForGroups,
        {"seconds", number, "for how long"},
        kReason}},
      {"DELETE", "/api/v1/what-if", "what_if.stop", kAct, result, "End it", "the last counts", {kReason}},

      {"GET", "/api/v1/log/search", "log.search", kLook, result, "Decisions, the newest that fit, the oldest first",
       "rows, complete, next, missing, note",
       log_filter(
           {kSince, kUntil, kCursor, kLookFor, kSource, {"limit", number, "how many of the newest; 100 by default"}})},
      {"GET", "/api/v1/log/top", "log.top", kLook, result, "What comes most often",
       "rows, decisions, keys, hidden, complete",
       log_filter({kSince,
                   kUntil,
                   kLookFor,
                   kSource,
                   {"by", text, "name, domain, client, list, category, group, class or type", kNeeded},
                   {"limit", number, "how many; 10 by default"},
                   {"min_clients", number, "what fewer clients met is hidden"}})},
      {"GET", "/api/v1/log/timeline", "log.timeline", kLook, result, "Numbers of decisions over time",
       "rows, step_seconds, complete",
       log_filter({kSince,
                   kUntil,
                   kLookFor,
                   kSource,
                   {"step", number, "seconds of each number: whole minutes; 3600 by default"},
                   {"by", text, "list, category, group or class: a number for each"}})},
      {"GET",
       "/api/v1/log/totals",
       "log.totals",
       kLook,
       result,
       "Numbers of all queries over time",
       "rows, queries, blocked, cached, failed, step_seconds, from, complete, missing",
       {kSince,
        kUntil,
        {"step", number, "seconds of each number: whole minutes; 3600 by default"},
        {"by", text, "group: numbers for each; for administrators"}}},
      {"GET", "/api/v1/log/export", "log.export", kLook, stream, "Decisions, the oldest first", "JSON lines",
       log_filter({kSince, kUntil, kCursor, kLookFor, {"limit", number, "how many at most"}})},
      {"POST",
       "/api/v1/log/sql",
       "log.sql",
       kAct,
       result,
       "A statement of SQL over the log",
       "columns, rows, complete, read_back_to, missing; without a statement: tables",
       {{"statement", text, "one SELECT"},
        kLookFor,
        kSource,
        {"limit", number, "how many rows at most; 1000 by default"}}},
      {"GET", "/api/v1/log/verify", "log.verify", kAct, result, "Read the whole log", "blocks, rows, whole, missing"},
      {"GET",
       "/api/v1/log/privacy-check",
       "log.privacy_check",
       kAct,
       result,
       "Try to find out who is in the log",
       "words, levels, known_answer, keys, groups_of_one, complete",
       {kSince, kUntil, {"seconds", number, "how long to try at most, 60 by default"}}},
      {"POST",
       "/api/v1/log/forget",
       "log.forget",
       kAct,
       result,
       "Make the log forget a client, or a day's clients",
       "rows, blocks, keys, damaged, note",
       {{"client", text, "an address, a prefix, or a pseudonym as it is shown"},
        {"day", text, "2026-07-06: of this day (UTC) alone; without a client: all of the day's"},
        kReason}},
      {"GET", "/api/v1/log/tail", "log.tail", kLook, stream, "Decisions as they are made",
       "JSON lines; empty ones say that there is nothing new", log_filter({})},
  };
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> out;
  path.remove_prefix(1);
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

bool fits(const Route& route, const Target& target, FoundRoute& found) {
  const auto parts = split_path(route.path);
  if (parts.size() != target.segments.size()) return false;
  found.values.clear();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].starts_with('{')) {
      found.values.emplace_back(parts[i].substr(1, parts[i].size() - 2), target.segments[i]);
    } else if (parts[i] != target.segments[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

const std::vector<Route>& routes() {
  static const std::vector<Route> all = make_routes();
  return all;
}

FoundRoute find_route(std::string_view method, const Target& target) {
  FoundRoute out;
  for (const Route& route : routes()) {
    FoundRoute found;
    if (!fits(route, target, found)) continue;
    if (route.method == method) {
      found.route = &route;
      return found;
    }
    if (std::find(out.methods.begin(), out.methods.end(), route.method) == out.methods.end())
      out.methods.push_back(route.method);
  }
  return out;
}

bool is_in_path(const Route& route, const Parameter& parameter) {
  return route.path.find("{" + std::string(parameter.name) + "}") != std::string_view::npos;
}

}  // namespace weir::http
