#include "tests/world/plan.h"

#include <algorithm>

namespace weir::world {
namespace {

using std::chrono::seconds;

constexpr seconds kKeyTtl{3600};  // of DNSKEY and DS in every zone
constexpr seconds kLongestLife{86'400};

std::string text_of(Time time) {
  if (time == kForever) return "for ever";
  return std::to_string(std::chrono::duration_cast<seconds>(time).count()) + " s";
}

const char* name_of(Flaw flaw) {
  static constexpr const char* kNames[] = {"",
                                           "wrong DS",
                                           "no signatures",
                                           "broken signatures",
                                           "expired",
                                           "not yet valid",
                                           "denials unproven",
                                           "unknown algorithm",
                                           "too many iterations",
                                           "unreachable"};
  return kNames[static_cast<std::size_t>(flaw)];
}

std::string describe(const ZonePlan& zone, const WorldPlan& plan) {
  std::string out = "zone " + zone.apex.to_text() + ":";
  if (zone.is_signed) {
    static constexpr const char* kDenials[] = {" NSEC", " NSEC3", " NSEC3 opt-out"};
    out += std::string(" signed") + kDenials[static_cast<std::size_t>(zone.denial)] + ", algorithm " +
           std::to_string(static_cast<unsigned>(zone.algorithm)) + (zone.has_ds || zone.parent < 0 ? "" : ", island");
  }
  if (zone.flaw != Flaw::none) out += std::string(" FLAW ") + name_of(zone.flaw);
  for (const unsigned host : zone.hosts) {
    out += " " + plan.hosts[host].name.to_text() + "=#" + std::to_string(plan.hosts[host].server);
  }
  out += " ns_ttl " + std::to_string(zone.ns_ttl) + " negative " +
         std::to_string(std::min(zone.soa_ttl, zone.negative_ttl));
  if (zone.glue == Glue::partly) out += ", one glue missing";
  if (zone.glue == Glue::sibling) out += ", sibling glue";
  if (zone.move) {
    out += ", moves at " + text_of(zone.move->at) + " to";
    for (const unsigned host : zone.move->hosts) {
      out += " " + plan.hosts[host].name.to_text() + "=#" + std::to_string(plan.hosts[host].server);
    }
  }
  if (zone.delegated_until != kForever) out += ", no longer delegated at " + text_of(zone.delegated_until);
  if (zone.key_roll) out += ", rolls its key at " + text_of(*zone.key_roll);
  out += "\n";
  for (const PlannedRrset& record : zone.records) {
    out += "  " + record.owner.to_text() + " " + std::to_string(record.ttl) + " " + to_text(record.type);
    if (record.type == RecordType::cname || record.type == RecordType::dname) {
      const auto target = Name::from_wire(record.rdata.front());
      out += " " + (target ? target->to_text() : std::string("?"));
    }
    if (record.from != Time(0)) out += ", from " + text_of(record.from);
    if (record.until != kForever) out += ", until " + text_of(record.until);
    out += "\n";
  }
  return out;
}

std::string describe(const Faults& faults) {
  std::string out;
  const auto say = [&](bool is, const std::string& what) {
    if (is) out += (out.empty() ? "" : ", ") + what;
  };
  static constexpr const char* kEdns[] = {"",        "ignores EDNS", "FORMERR to EDNS", "NOTIMP to EDNS",
                                          "BADVERS", "drops EDNS"};
  static constexpr const char* kManners[] = {"",         "silent",          "REFUSED",
                                             "SERVFAIL", "upward referral", "referral to itself"};
  say(faults.loss_percent > 0, "loses " + std::to_string(faults.loss_percent) + " %");
  say(faults.duplicate_percent > 0, "duplicates");
  say(faults.edns != EdnsManner::understood, kEdns[static_cast<std::size_t>(faults.edns)]);
  say(faults.folds_case, "folds case");
  say(faults.truncates, "truncates");
  say(faults.truncates_tcp, "truncates TCP");
  say(faults.closes_tcp, "closes TCP");
  say(faults.denies_minimised, "NXDOMAIN for empty non-terminals");
  say(faults.drops_unknown_types, "drops unknown types");
  say(faults.no_signatures, "leaves signatures out");
  say(faults.replays_wildcards, "replays wildcards");
  say(faults.poisons_glue, "poisons glue");
  say(faults.poisons_authority, "poisons authority");
  say(faults.poisons_answer, "poisons answer");
  say(faults.forgeries > 0, std::to_string(faults.forgeries) + " forgeries first");
  say(faults.manner != Manner::honest, std::string(kManners[static_cast<std::size_t>(faults.manner)]) + " from " +
                                           text_of(faults.from) + " until " + text_of(faults.until));
  return out.empty() ? "sound" : out;
}

}  // namespace

const std::vector<unsigned>& hosts_at(const ZonePlan& zone, Time time) {
  return zone.move && zone.move->at <= time ? zone.move->hosts : zone.hosts;
}

namespace {

bool is_listed(const WorldPlan& plan, unsigned server, unsigned zone) {
  const auto& zones = plan.servers[server].zones;
  return std::ranges::find(zones, zone) != zones.end();
}

}  // namespace

bool serves_at(const WorldPlan& plan, unsigned server, unsigned zone, Time time) {
  const ZonePlan& at = plan.zones[zone];
  if (at.removed || !is_listed(plan, server, zone)) return false;
  if (at.move && at.move->at <= time) {
    const auto serves = [&](unsigned host) { return plan.hosts[host].server == server; };
    if (!std::ranges::any_of(at.move->hosts, serves)) return false;
  }
  // Who holds the zone above as well gives up what is no longer delegated: from there it would be true.
  bool undelegated = false;
  for (int up = static_cast<int>(zone); up >= 0; up = plan.zones[static_cast<unsigned>(up)].parent) {
    if (undelegated && is_listed(plan, server, static_cast<unsigned>(up))) return false;
    undelegated = undelegated || plan.zones[static_cast<unsigned>(up)].delegated_until <= time;
  }
  return true;
}

Standing standing_of(const WorldPlan& plan, unsigned zone) {
  const ZonePlan& at = plan.zones[zone];
  Standing above = Standing::secure;
  if (at.parent >= 0) {
    above = standing_of(plan, static_cast<unsigned>(at.parent));
    if (above != Standing::secure) return above;
    // Without a proof that there is no DS, what is unsigned is bogus.
    if (!at.has_ds && plan.zones[static_cast<unsigned>(at.parent)].flaw == Flaw::no_denials) return Standing::bogus;
    if (!at.has_ds || at.flaw == Flaw::unknown_algorithm) return Standing::insecure;
  }
  switch (at.flaw) {
    case Flaw::none:
    case Flaw::no_denials:
    case Flaw::too_many_iterations:
    case Flaw::unreachable:
    case Flaw::unknown_algorithm:
      return at.is_signed ? Standing::secure : Standing::insecure;
    default:
      return Standing::bogus;
  }
}

RollMoments roll_moments(const ZonePlan& zone) {
  RollMoments out;
  out.both = *zone.key_roll;
  out.ds = out.both + kKeyTtl + seconds(60);
  // What was signed by the old key alone may be in a cache that long, and be validated only then.
  out.done = out.ds + kLongestLife + seconds(60);
  return out;
}

std::vector<Time> moments_of(const WorldPlan& plan, unsigned zone) {
  std::vector<Time> out{Time(0)};
  const auto add = [&](Time time) {
    if (time != kForever && time > Time(0)) out.push_back(time);
  };
  for (const PlannedRrset& record : plan.zones[zone].records) {
    add(record.from);
    add(record.until);
  }
  const auto add_zone = [&](const ZonePlan& of) {
    if (of.move) add(of.move->at);
    if (!of.key_roll) return;
    add(roll_moments(of).both);
    add(roll_moments(of).ds);
    add(roll_moments(of).done);
  };
  add_zone(plan.zones[zone]);
  for (const ZonePlan& child : plan.zones) {
    if (child.parent != static_cast<int>(zone) || child.removed) continue;
    add_zone(child);
    add(child.delegated_until);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string describe(const WorldPlan& plan) {
  std::string out = "world " + std::to_string(plan.seed) + ", changes until " + text_of(plan.horizon) + "\n";
  for (const ZonePlan& zone : plan.zones) {
    if (!zone.removed) out += describe(zone, plan);
  }
  for (unsigned server = 0; server < plan.servers.size(); ++server) {
    out += "server #" + std::to_string(server);
    for (const IpAddress& address : plan.servers[server].addresses) out += " " + address.to_text();
    out += ": " + describe(plan.servers[server].faults) + "\n";
  }
  return out;
}

}  // namespace weir::world
