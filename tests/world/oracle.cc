#include "tests/world/oracle.h"

#include <algorithm>

namespace weir::world {
namespace {

using std::chrono::seconds;

constexpr unsigned kAliases = 11;        // of one answer; more than that may fail
constexpr unsigned kMaxSteps = 300;      // of all alias chains together
constexpr seconds kLongestTtl{86'400};   // what a cache keeps at most
constexpr seconds kLongestFailure{300};  // RFC 9520 section 3.2
constexpr seconds kGrudge{900};          // how long a resolver may avoid a server that failed

Time plus(Time time, Time more) {
  return time == kForever ? kForever : time + more;
}

}  // namespace

enum class FoundKind : std::uint8_t { data, alias, nodata, nxdomain, yxdomain };

struct Oracle::Found {
  FoundKind kind = FoundKind::nodata;
  std::vector<Rrset> rrsets;
  Name target;
  std::uint32_t ttl = 0;
  bool wildcard = false;  // a wildcard took part
  bool any = false;
  bool is_opted_out = false;  // a delegation that has no NSEC3

  bool says_the_same(const Found& other) const {
    const auto same = [](const Rrset& a, const Rrset& b) {
      return a.type == b.type && std::ranges::equal(a.packed(), b.packed());
    };
    return kind == other.kind && wildcard == other.wildcard && is_opted_out == other.is_opted_out &&
           std::ranges::equal(rrsets, other.rrsets, same);
  }
  bool denies() const { return kind == FoundKind::nodata || kind == FoundKind::nxdomain; }
};

bool Expected::answer_possible() const {
  return std::ranges::any_of(outcomes, [](const Outcome& outcome) { return !outcome.bogus; });
}

// Until when some cache may hold a delegation to the zone.
Time Oracle::reachable_until(unsigned zone) const {
  const ZonePlan& plan = world_.plan().zones[zone];
  if (plan.parent < 0) return kForever;
  const Time last_seen = std::min(plan.delegated_until, reachable_until(static_cast<unsigned>(plan.parent)));
  return plus(last_seen, seconds(plan.ns_ttl));
}

bool Oracle::may_be_seen(unsigned zone, std::size_t moment, std::uint32_t ttl, Time time) const {
  const auto& moments = world_.moments(zone);
  if (moments[moment] > time) return false;
  const Time next = moment + 1 < moments.size() ? moments[moment + 1] : kForever;
  const Time last_seen = std::min(next, reachable_until(zone));
  if (moments[moment] > last_seen) return false;
  return last_seen == kForever || time < last_seen + std::min(seconds(ttl), kLongestTtl) + kInFlight;
}

// The zones that may answer: the deepest, and those above it that may have been thought to be it.
std::vector<unsigned> Oracle::candidates(const Question& question, Time time) const {
  std::vector<unsigned> out{0};
  const auto& zones = world_.plan().zones;
  for (unsigned zone = 1; zone < zones.size(); ++zone) {  // parents stand before children
    const ZonePlan& plan = zones[zone];
    if (plan.removed || !question.name.is_at_or_below(plan.apex)) continue;
    if (question.type == RecordType::ds && question.name == plan.apex) continue;
    // It may be known for longer than its parent, whose delegation ended before its own.
    const Time gone = plus(reachable_until(zone), kLongestTtl + kInFlight);
    if (time >= gone) continue;
    if (reachable_until(zone) == kForever) out.clear();
    out.push_back(zone);
  }
  return out;
}

namespace {

struct Node {
  std::optional<Name> owner;  // that answers: the name itself or a wildcard
  bool absent = false;        // the name itself does not exist
};

Node node_of(const ZoneData& data, const Name& name) {
  if (data.exists(name)) return {name, false};
  const Name star = *data.closest_encloser(name).child("*");
  return {data.exists(star) ? std::optional(star) : std::nullopt, true};
}

Rrset owned_by(Rrset rrset, const Name& owner) {
  rrset.owner = owner;
  return rrset;
}

}  // namespace

// At `owner`, which is the name or its wildcard.
static void read_node(const ZoneData& data, const Name& owner, const Question& question, auto& found) {
  found.wildcard = owner != question.name;
  if (question.type == RecordType::any && !data.is_empty(owner)) {
    found.kind = FoundKind::data;
    found.any = true;
    for (const Rrset* rrset : data.all_at(owner)) {
      found.rrsets.push_back(owned_by(*rrset, question.name));
      found.ttl = std::max(found.ttl, rrset->ttl_seconds);
    }
    return;
  }
  if (const Rrset* rrset = data.find(owner, question.type)) {
    found.kind = FoundKind::data;
    found.rrsets = {owned_by(*rrset, question.name)};
    found.ttl = rrset->ttl_seconds;
  } else if (const Rrset* cname = data.find(owner, RecordType::cname)) {
    found.kind = FoundKind::alias;
    found.rrsets = {owned_by(*cname, question.name)};
    found.target = *rdata_name(*cname->records().begin());
    found.ttl = cname->ttl_seconds;
  } else {
    found.kind = FoundKind::nodata;
    found.ttl = data.negative_ttl();
    found.is_opted_out = data.plan().denial == Denial::nsec3_opt_out && data.cut_above(owner) == owner &&
                         data.find(owner, RecordType::ds) == nullptr;
  }
}

static bool read_dname(const ZoneData& data, const Question& question, auto& found) {
  for (unsigned labels = data.apex().label_count(); labels < question.name.label_count(); ++labels) {
    const Rrset* dname = data.find(question.name.suffix(labels), RecordType::dname);
    if (dname == nullptr) continue;
    const auto target = question.name.replace_suffix(dname->owner, *rdata_name(*dname->records().begin()));
    found.rrsets = {*dname};
    found.ttl = dname->ttl_seconds;
    found.kind = target ? FoundKind::alias : FoundKind::yxdomain;
    if (!target) return true;
    found.target = *target;
    Rrset cname = owned_by(Rrset(), question.name);
    cname.type = RecordType::cname;
    cname.ttl_seconds = dname->ttl_seconds;
    cname.add(target->wire());
    found.rrsets.push_back(std::move(cname));
    if (question.type == RecordType::cname) found.kind = FoundKind::data;
    return true;
  }
  return false;
}

static bool is_delegated(const ZoneData& data, const Question& question) {
  const auto cut = data.cut_above(question.name);
  return cut && !(question.type == RecordType::ds && *cut == question.name);
}

std::vector<Oracle::Found> Oracle::found_in(unsigned zone, const Question& question, Time time) const {
  std::vector<Found> out;
  const auto& moments = world_.moments(zone);
  for (std::size_t i = 0; i < moments.size() && moments[i] <= time; ++i) {
    const ZoneData& data = world_.zone_at(zone, moments[i]);
    if (is_delegated(data, question)) continue;
    Found found;
    if (!read_dname(data, question, found)) {
      const Node node = node_of(data, question.name);
      if (node.owner) {
        read_node(data, *node.owner, question, found);
      } else {
        found.kind = FoundKind::nxdomain;
        found.ttl = data.negative_ttl();
      }
    }
    if (may_be_seen(zone, i, found.ttl, time)) out.push_back(std::move(found));
  }
  if (moments.size() > 1) add_mixed(zone, question, time, out);
  // Most moments change something else.
  std::vector<Found> different;
  for (Found& found : out) {
    if (std::ranges::none_of(different, [&](const Found& other) { return other.says_the_same(found); })) {
      different.push_back(std::move(found));
    }
  }
  return different;
}

// That a name does not exist, and what the wildcard holds, may have been learnt at different moments (RFC 8198).
void Oracle::add_mixed(unsigned zone, const Question& question, Time time, std::vector<Found>& out) const {
  const auto& moments = world_.moments(zone);
  for (std::size_t i = 0; i < moments.size(); ++i) {
    if (moments[i] > time) break;
    const ZoneData& names = world_.zone_at(zone, moments[i]);
    if (is_delegated(names, question) || !node_of(names, question.name).absent) continue;
    if (!may_be_seen(zone, i, names.negative_ttl(), time)) continue;
    const Name star = *names.closest_encloser(question.name).child("*");
    for (std::size_t j = 0; j < moments.size(); ++j) {
      if (i == j || moments[j] > time) continue;
      const ZoneData& records = world_.zone_at(zone, moments[j]);
      Found found;
      if (records.exists(star)) {
        read_node(records, star, question, found);
      } else {
        found.kind = FoundKind::nxdomain;
        found.ttl = records.negative_ttl();
      }
      if (may_be_seen(zone, j, found.ttl, time)) out.push_back(std::move(found));
    }
  }
}

void Oracle::judge(unsigned zone, const Found& found, bool so_gone, Outcome& outcome) const {
  const ZonePlan& plan = world_.plan().zones[zone];
  Standing standing = standing_of(world_.plan(), zone);
  const bool keys = found.kind == FoundKind::data && found.rrsets.front().type == RecordType::dnskey;
  if (keys && plan.flaw == Flaw::broken_signatures && plan.has_ds) {  // they alone are well signed
    standing = standing_of(world_.plan(), static_cast<unsigned>(plan.parent));
  }
  const bool proven = found.denies() || found.wildcard;
  if (standing == Standing::bogus || (standing == Standing::secure && proven && plan.flaw == Flaw::no_denials)) {
    // Whose DS is gone may be taken for insecure where the parent opted out.
    outcome.bogus = outcome.bogus || !so_gone;
    outcome.authentic = Authentic::forbidden;
    return;
  }
  Authentic authentic = standing == Standing::secure ? Authentic::required : Authentic::forbidden;
  const bool opt_out = plan.denial == Denial::nsec3_opt_out;
  if (standing == Standing::secure) {
    // Denials of DS are insecure as well: unsigned data, where a server leaves signatures out, may pass (RFC 9276).
    if (plan.flaw == Flaw::too_many_iterations) authentic = proven ? Authentic::forbidden : Authentic::either;
    // RFC 5155 section 9.2: the next closer name may be an unsigned delegation.
    if (opt_out && (found.kind == FoundKind::nxdomain || found.is_opted_out)) authentic = Authentic::forbidden;
    if (opt_out && found.kind == FoundKind::nodata && found.wildcard) authentic = Authentic::forbidden;
    if (opt_out && found.kind != FoundKind::nodata && found.wildcard) authentic = Authentic::either;
    // Servers of a zone that is gone may speak for the zone above, which they serve as well.
    if (found.any || so_gone) authentic = std::max(authentic, Authentic::either);
  }
  outcome.authentic = std::max(outcome.authentic, authentic);
}

static bool is_gone(const WorldPlan& plan, unsigned zone, Time time) {
  const ZonePlan& at = plan.zones[zone];
  return at.delegated_until <= time || (at.parent >= 0 && is_gone(plan, static_cast<unsigned>(at.parent), time));
}

static bool is_loop(const std::vector<Rrset>& chain, const Name& target) {
  return std::ranges::any_of(chain,
                             [&](const Rrset& link) { return link.type == RecordType::cname && link.owner == target; });
}

// What servers say falsely and a resolver cannot know: that an empty non-terminal does not exist, and so nothing below
// it (RFC 8020); or to one who set CD, a wildcard's records in place of a name's own.
void Oracle::add_lies(unsigned zone, const Question& question, Time time, const Outcome& so_far, Expected& out) const {
  const WorldPlan& world = world_.plan();
  const ZonePlan& plan = world.zones[zone];
  std::vector<unsigned> hosts = plan.hosts;
  if (plan.move) hosts.insert(hosts.end(), plan.move->hosts.begin(), plan.move->hosts.end());
  bool denies = false, replays = false;
  for (const unsigned host : hosts) {
    const Faults& faults = world.servers[world.hosts[host].server].faults;
    denies = denies || faults.denies_minimised;
    replays = replays || faults.replays_wildcards;
  }
  const ZoneData& data = world_.zone_at(zone, time);
  const Standing standing = standing_of(world, zone);
  if (replays && standing != Standing::insecure && data.exists(question.name) && question.name != plan.apex) {
    if (const Rrset* star = data.find(*question.name.parent().child("*"), question.type)) {
      Outcome outcome = so_far;
      outcome.answer.push_back(*star);
      outcome.answer.back().owner = question.name;
      outcome.bogus = true;
      out.outcomes.push_back(std::move(outcome));
    }
  }
  for (unsigned labels = plan.apex.label_count() + 1; denies && labels <= question.name.label_count(); ++labels) {
    const Name at = question.name.suffix(labels);
    if (!data.exists(at) || !data.is_empty(at)) continue;
    Outcome outcome = so_far;
    outcome.rcode = Rcode::nxdomain;
    outcome.authentic = Authentic::forbidden;
    // A denial with too many iterations is insecure, whatever it says (RFC 9276 section 3.2).
    outcome.bogus = outcome.bogus || standing == Standing::bogus ||
                    (standing == Standing::secure && plan.flaw != Flaw::too_many_iterations);
    out.outcomes.push_back(std::move(outcome));
    return;
  }
}

void Oracle::follow(const Question& question, Time time, unsigned links, const Outcome& so_far, Expected& out,
                    Zones& zones) const {
  if (links >= kAliases && !out.failure_allowed) {
    out.failure_allowed = true;
    out.why = "a long alias chain";
  }
  if (links > kAliases + 1) return;
  if (++out.steps > kMaxSteps) {
    out.is_open = true;
    return;
  }
  const std::vector<unsigned> speaking = candidates(question, time);
  const bool so_gone = std::ranges::any_of(speaking, [&](unsigned zone) { return is_gone(world_.plan(), zone, time); });
  for (const unsigned zone : speaking) {
    depend(zone, zones);
    add_lies(zone, question, time, so_far, out);
    for (Found& found : found_in(zone, question, time)) {
      Outcome outcome = so_far;
      judge(zone, found, so_gone, outcome);
      if (outcome.bogus && !out.failure_allowed) {
        out.failure_allowed = true;
        out.why = "bogus: " + world_.plan().zones[zone].apex.to_text();
      }
      outcome.answer.insert(outcome.answer.end(), found.rrsets.begin(), found.rrsets.end());
      outcome.any_subset = found.any;
      if (found.kind == FoundKind::alias) {
        if (is_loop(outcome.answer, found.target)) {
          out.failure_allowed = true;
          out.why = "an alias loop";
          continue;
        }
        follow({found.target, question.type, question.record_class}, time, links + 1, outcome, out, zones);
        continue;
      }
      if (found.kind == FoundKind::nxdomain) outcome.rcode = Rcode::nxdomain;
      if (found.kind == FoundKind::yxdomain) outcome.rcode = Rcode::yxdomain;
      out.outcomes.push_back(std::move(outcome));
    }
  }
}

// The zones whose servers have to be found for this one.
void Oracle::depend(unsigned zone, Zones& zones) const {
  if (!zones.insert(zone).second) return;
  const ZonePlan& plan = world_.plan().zones[zone];
  if (plan.parent < 0) return;
  depend(static_cast<unsigned>(plan.parent), zones);
  for (const unsigned host : plan.hosts) depend(world_.plan().hosts[host].zone, zones);
  if (!plan.move) return;
  for (const unsigned host : plan.move->hosts) depend(world_.plan().hosts[host].zone, zones);
}

// Why what lies in the zone may not be found; empty: no reason.
std::string Oracle::trouble_of(unsigned zone, Time time) const {
  const WorldPlan& world = world_.plan();
  const ZonePlan& plan = world.zones[zone];
  const std::string of = plan.apex.to_text();
  if (plan.flaw == Flaw::unreachable) return of + " is unreachable";
  if (plan.delegated_until <= time) return of + " is no longer delegated";
  if (plan.move && plan.move->at <= time && time < plan.move->at + seconds(plan.ns_ttl) + kGrudge) return of + " moved";
  std::vector<unsigned> hosts = plan.hosts;
  if (plan.move) hosts.insert(hosts.end(), plan.move->hosts.begin(), plan.move->hosts.end());
  for (const unsigned host : hosts) {
    const unsigned server = world.hosts[host].server;
    Faults faults = world.servers[server].faults;
    if (time < faults.from || (faults.until != kForever && time > faults.until + kGrudge)) {
      faults.manner = Manner::honest;
      faults.from = Time(0);
      faults.until = kForever;
    }
    if (!is_harmless(faults)) return "server #" + std::to_string(server) + " of " + of;
  }
  return {};
}

Expected Oracle::expected(const Question& question, Time time) const {
  Expected out;
  Zones zones;
  follow(question, time, 0, {}, out, zones);
  if (!out.answer_possible() && !out.failure_allowed) {
    out.failure_allowed = true;
    out.why = "nothing can be right";
  }
  for (const unsigned zone : zones) {
    if (out.failure_allowed) break;
    out.why = trouble_of(zone, time);
    out.failure_allowed = !out.why.empty();
  }
  return out;
}

// What can be seen together can be seen from some change on, or was to be seen before.
bool Oracle::failed_lately(const Question& question, Time time) const {
  const Time since = std::max(Time(0), time - kLongestFailure);
  std::set<Time> times{since};
  for (unsigned zone = 0; zone < world_.plan().zones.size(); ++zone) {
    for (const Time moment : world_.moments(zone)) {
      if (moment > since && moment <= time) times.insert(moment);
    }
  }
  return std::ranges::any_of(times, [&](Time then) {
    Expected out;
    Zones zones;
    follow(question, then, 0, {}, out, zones);
    return out.failure_allowed || !out.answer_possible();
  });
}

Name Oracle::source_of(const Name& name, Time time) const {
  for (const unsigned zone : candidates({name, RecordType::a, RecordClass::in}, time)) {
    const auto& moments = world_.moments(zone);
    for (const Time moment : moments) {
      if (moment > time) break;
      const Node node = node_of(world_.zone_at(zone, moment), name);
      if (node.absent && node.owner) return *node.owner;
    }
  }
  return name;
}

}  // namespace weir::world
