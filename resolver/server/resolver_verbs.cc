#include "resolver/server/resolver_verbs.h"

#include <boost/json.hpp>

#include "resolver/dnssec/ds.h"
#include "resolver/engine/tracing.h"
#include "resolver/server/control_arguments.h"
#include "resolver/server/record_lines.h"
#include "zones/base/text.h"

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostShown = 500;  // entries; a reply is one line of at most 4 MiB

double in_milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::microseconds>(time).count()) / 1000;
}

// --- resolve -------------------------------------------------------------------------------------------------------

json::array to_json(const ResolutionTrace& trace, SteadyTime begun) {
  json::array out;
  for (const TraceEvent& event : trace.events()) {
    json::object step{{"at_ms", in_milliseconds(event.at - begun)},
                      {"depth", event.depth},
                      {"name", event.name.to_text()},
                      {"type", to_text(event.type)},
                      {"step", to_text(event.kind)}};
    if (event.server) {
      step["server"] = event.server->to_text();
      step["transport"] = event.tcp ? "tcp" : "udp";
    }
    if (event.rtt) step["rtt_ms"] = in_milliseconds(*event.rtt);
    step["text"] = event.text;
    out.push_back(std::move(step));
  }
  return out;
}

json::value to_json(const ResolutionResult& result, const ResolutionTrace* trace, Now begun, Now ended) {
  json::object out{{"name", result.question.name.to_text()},
                   {"type", to_text(result.question.type)},
                   {"rcode", to_text(result.rcode)},
                   {"security", to_text(result.security)},
                   {"ttl", result.ttl.count()},
                   {"zone_cut", result.zone_cut.to_text()},
                   {"answer", json::value_from(record_lines(result.answer))},
                   {"authority", json::value_from(record_lines(result.authority))},
                   {"upstream_packets", result.upstream_packets},
                   {"elapsed_ms", in_milliseconds(ended.steady - begun.steady)}};
  if (result.ede) {
    out["ede"] =
        json::object{{"code", static_cast<unsigned>(*result.ede)}, {"text", escape_for_display(result.ede_text)}};
  }
  if (trace != nullptr) {
    out["trace"] = to_json(*trace, begun.steady);
    out["trace_dropped"] = trace->dropped();
  }
  return out;
}

void resolve(const ResolverVerbs& verbs, const json::object& in, const ControlDone& done) {
  ControlArguments arguments(in, "resolve");
  arguments.knows({"name", "type", "trace", "fresh", "checking_disabled"});
  const Question question{arguments.name("name"), arguments.type("type"), RecordClass::in};
  const auto examination = std::make_shared<Examination>();
  if (arguments.flag("trace")) examination->trace = std::make_shared<ResolutionTrace>();
  examination->fresh = arguments.flag("fresh");
  Origin origin;
  origin.checking_disabled = arguments.flag("checking_disabled");
  origin.dnssec_ok = true;
  origin.examination = examination;
  if (arguments.error()) return done(*arguments.error());
  verbs.resolve(question, origin, [done, examination, begun = verbs.clock(), clock = verbs.clock](const auto& result) {
    done(to_json(result, examination->trace.get(), begun, clock()));
  });
}

// --- cache.show ----------------------------------------------------------------------------------------------------

std::string_view kind_of(const CachedEntry& entry) {
  using Kind = CachedEntry::Kind;
  switch (entry.kind) {
    case Kind::glue:
      return "glue";
    case Kind::unauthoritative:
      return "unauthoritative";
    case Kind::answer:
      return "answer";
    case Kind::nodata:
      return "nodata";
    case Kind::nxdomain:
      return "nxdomain";
    case Kind::delegation:
      return "delegation";
    case Kind::failure:
      return "failure";
  }
  return "";
}

json::object to_json(const CachedEntry& entry) {
  const bool has_type = entry.kind != CachedEntry::Kind::delegation && entry.kind != CachedEntry::Kind::nxdomain;
  json::object out{{"name", entry.name.to_text()},
                   {"type", has_type ? to_text(entry.type) : std::string()},
                   {"ttl", entry.ttl_seconds},
                   {"kind", kind_of(entry)}};
  if (entry.data || entry.kind == CachedEntry::Kind::nodata || entry.kind == CachedEntry::Kind::nxdomain) {
    out["security"] = to_text(entry.security);
    out["zone_cut"] = entry.zone_cut.to_text();
  }
  json::array data;
  if (entry.data) {
    for (const std::string& text : rdata_texts(entry.data->rrset)) data.emplace_back(text);
    out["signatures"] = entry.data->signatures.size();
  }
  for (const NameServer& server : entry.servers) data.emplace_back(server.name.to_text());
  out["data"] = std::move(data);
  if (entry.ede) out["ede"] = static_cast<unsigned>(*entry.ede);
  if (!entry.text.empty()) out["text"] = escape_for_display(entry.text);
  return out;
}

json::object server_json(const Name& name, const ServerAddress& address, const ServerStatus& status) {
  json::object out{{"name", name.to_text()}, {"address", address.address.to_text()}};
  if (status.known) out["rtt_ms"] = in_milliseconds(status.srtt);
  std::string state;
  const auto add = [&](bool is_so, const char* word) {
    if (is_so) state += (state.empty() ? "" : ", ") + std::string(word);
  };
  add(status.dead, "silent");
  add(status.lame, "lame");
  add(status.without_edns, "no EDNS");
  add(status.folds_case, "no 0x20");
  out["state"] = !state.empty() ? state : status.known ? "good" : "not asked yet";
  return out;
}

json::value delegation_json(const ResolverVerbs& verbs, const Name& name, Now now) {
  const auto known = verbs.rrsets.closest_delegation(name, now.steady);
  if (!known) return nullptr;
  json::array servers;
  for (const NameServer& server : known->servers) {
    std::vector<IpAddress> addresses = server.addresses;
    for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
      if (!server.addresses.empty()) break;
      const auto found = verbs.rrsets.find(server.name, type, Credibility::glue, Signatures::not_needed, now.steady);
      if (!found) continue;
      for (const auto rdata : found->data.rrset.records()) {
        if (rdata.size() == 4 || rdata.size() == 16) addresses.push_back(IpAddress::from_octets(rdata));
      }
    }
    if (addresses.empty()) {
      servers.push_back(json::object{{"name", server.name.to_text()}, {"state", "no address known"}});
    }
    for (const IpAddress& address : addresses) {
      servers.push_back(server_json(server.name, address, verbs.servers.find(address, known->zone_cut, now.steady)));
    }
  }
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(known->expires - now.steady).count();
  return json::object{{"zone_cut", known->zone_cut.to_text()}, {"ttl", left}, {"servers", std::move(servers)}};
}

Result<json::value> show_cache(const ResolverVerbs& verbs, const json::object& in) {
  ControlArguments arguments(in, "cache.show");
  arguments.knows({"name", "subtree"});
  const Name name = arguments.name("name");
  const bool subtree = arguments.flag("subtree");
  if (arguments.error()) return *arguments.error();
  const Now now = verbs.clock();
  json::array rrsets;
  const auto entries = verbs.rrsets.list(name, subtree ? Below::included : Below::left_out, now.steady, kMostShown + 1);
  for (const CachedEntry& entry : entries) {
    if (rrsets.size() < kMostShown) rrsets.push_back(to_json(entry));
  }
  json::array answers;
  const CacheSeconds seconds = to_cache_seconds(now.steady);
  const auto listed = verbs.answers.list(name, subtree, kMostShown + 1);
  for (const AnswerCache::Listed& answer : listed) {
    if (answer.expires <= seconds || answers.size() >= kMostShown) continue;
    std::string flags = answer.dnssec_ok ? "DO" : "";
    if (answer.checking_disabled) flags += flags.empty() ? "CD" : " CD";
    answers.push_back(json::object{{"name", answer.name.to_text()},
                                   {"type", to_text(answer.type)},
                                   {"ttl", answer.expires - seconds},
                                   {"rcode", to_text(answer.rcode)},
                                   {"security", to_text(static_cast<Security>(answer.security))},
                                   {"flags", flags}});
  }
  const bool cut = entries.size() > kMostShown || listed.size() > kMostShown;
  return json::value(json::object{{"name", name.to_text()},
                                  {"rrsets", std::move(rrsets)},
                                  {"answers", std::move(answers)},
                                  {"delegation", delegation_json(verbs, name, now)},
                                  {"cut", cut}});
}

// --- anchors -------------------------------------------------------------------------------------------------------

json::value time_json(const std::optional<WallTime>& time) {
  return time ? json::value(format_time(*time)) : json::value(nullptr);
}

json::array keys_json(const TrustUpkeep::ZoneView& zone) {
  json::array out;
  const auto add = [&](std::uint16_t tag, unsigned algorithm, std::string_view state, bool trusted) -> json::object& {
    out.push_back(json::object{{"tag", tag}, {"algorithm", algorithm}, {"state", state}, {"trusted", trusted}});
    return out.back().get_object();
  };
  for (const AnchorKey& key : zone.roll->keys()) {
    const bool trusted = key.state == AnchorState::valid || key.state == AnchorState::missing;
    json::object& shown_key = add(key.tag(), key.dnskey.size() > 3 ? key.dnskey[3] : 0, to_text(key.state), trusted);
    shown_key["since"] = format_time(key.since);
    shown_key["until"] = time_json(key.until);
  }
  if (zone.roll->followed()) return out;
  for (const auto rdata : zone.configured.ds.records()) {
    if (const auto ds = parse_ds(rdata))
      add(ds->key_tag, static_cast<unsigned>(ds->algorithm), "configured (DS)", true);
  }
  for (const auto rdata : zone.configured.dnskeys.records())
    add(key_tag(rdata), rdata.size() > 3 ? rdata[3] : 0, "configured", true);
  return out;
}

json::value show_anchors(const ResolverVerbs& verbs) {
  json::object out{{"validates", verbs.trust != nullptr}};
  json::array zones;
  json::array negative;
  if (verbs.trust != nullptr) {
    for (const TrustUpkeep::ZoneView& zone : verbs.trust->zones()) {
      const bool looked = zone.roll->next_look() != WallTime{};
      zones.push_back(json::object{{"zone", zone.zone.to_text()},
                                   {"source", verbs.trust->source()},
                                   {"keys", keys_json(zone)},
                                   {"last_good_look", time_json(zone.roll->last_good_look())},
                                   {"next_look", looked ? time_json(zone.roll->next_look()) : json::value(nullptr)},
                                   {"error", escape_for_display(zone.error)}});
    }
    for (const TrustUpkeep::NegativeView& each : verbs.trust->negative(verbs.clock().wall)) {
      negative.push_back(json::object{{"name", each.anchor.name.to_text()},
                                      {"until", format_time(each.anchor.expires)},
                                      {"reason", escape_for_display(each.anchor.reason)},
                                      {"source", each.source}});
    }
    out["state_error"] = verbs.trust->state_error();
  }
  out["zones"] = std::move(zones);
  out["negative"] = std::move(negative);
  return out;
}

Error nothing_is_validated() {
  return {ErrorCode::invalid, "validation is off ([resolver] validate = false): there is nothing to switch off"};
}

constexpr std::size_t kMaxReason = 500;

Result<json::value> add_negative(const ResolverVerbs& verbs, const json::object& in) {
  ControlArguments arguments(in, "anchors.negative.add");
  arguments.knows({"name", "seconds", "reason", "who"});
  const Name name = arguments.name("name");
  const std::int64_t seconds = arguments.number("seconds");
  const std::string reason = arguments.text("reason");
  if (reason.size() > kMaxReason) arguments.fail("\"reason\" has at most 500 octets");
  if (seconds <= 0 || seconds > std::int64_t{366} * 86400) arguments.fail("\"seconds\" must be a time, at most a week");
  if (arguments.error()) return *arguments.error();
  if (verbs.trust == nullptr) return nothing_is_validated();
  const auto added =
      verbs.trust->add_negative(name, std::chrono::seconds(seconds), reason, "the control socket", verbs.clock());
  if (!added) return added.error();
  return json::value(json::object{{"name", added->name.to_text()}, {"until", format_time(added->expires)}});
}

Result<json::value> remove_negative(const ResolverVerbs& verbs, const json::object& in) {
  ControlArguments arguments(in, "anchors.negative.remove");
  arguments.knows({"name"});
  const Name name = arguments.name("name");
  if (arguments.error()) return *arguments.error();
  if (verbs.trust == nullptr) return nothing_is_validated();
  if (const auto removed = verbs.trust->remove_negative(name, "the control socket", verbs.clock()); !removed)
    return removed.error();
  return json::value(json::object{{"name", name.to_text()}});
}

}  // namespace

void add_resolver_verbs(ControlHandlers& handlers, const ResolverVerbs& verbs) {
  handlers.verbs["resolve"] = [verbs](const json::object& in, const ControlDone& done) { resolve(verbs, in, done); };
  handlers.verbs["cache.show"] = [verbs](const json::object& in, const ControlDone& done) {
    done(show_cache(verbs, in));
  };
  handlers.verbs["anchors.show"] = [verbs](const json::object&, const ControlDone& done) { done(show_anchors(verbs)); };
  handlers.verbs["anchors.negative.add"] = [verbs](const json::object& in, const ControlDone& done) {
    done(add_negative(verbs, in));
  };
  handlers.verbs["anchors.negative.remove"] = [verbs](const json::object& in, const ControlDone& done) {
    done(remove_negative(verbs, in));
  };
}

}  // namespace weir
