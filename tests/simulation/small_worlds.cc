#include "tests/simulation/small_worlds.h"

#include <array>

#include "tests/world/zone_data.h"

namespace weir::simulation {
namespace {

using world::Denial;
using world::Faults;
using world::ZonePlan;

constexpr std::array kApexes{"", "com", "example.com", "deep.example.com"};
constexpr unsigned kDepth = 3;

// How a zone is signed, of each zone below the root.
enum class Signing : std::uint8_t { none, island, nsec, nsec3, opt_out };
constexpr unsigned kSignings = 5;
constexpr unsigned kTrees = kSignings * kSignings * kSignings;

// Alias chains: length, and whether each link leads to the next zone or stays.
constexpr unsigned kChains = 9;  // none; 1 to 4 links within a zone; 1 to 4 links from zone to zone

using Set = void (*)(Faults&);
struct NamedFault {
  const char* name;
  Set set;
};
constexpr std::array kFaults{
    NamedFault{"sound", [](Faults&) {}},
    NamedFault{"duplicates", [](Faults& faults) { faults.duplicate_percent = 100; }},
    NamedFault{"loses half", [](Faults& faults) { faults.loss_percent = 50; }},
    NamedFault{"folds case", [](Faults& faults) { faults.folds_case = true; }},
    NamedFault{"truncates", [](Faults& faults) { faults.truncates = true; }},
    NamedFault{"truncates TCP", [](Faults& faults) { faults.truncates = faults.truncates_tcp = true; }},
    NamedFault{"truncates, closes TCP", [](Faults& faults) { faults.truncates = faults.closes_tcp = true; }},
    NamedFault{"ignores EDNS", [](Faults& faults) { faults.edns = world::EdnsManner::ignored; }},
    NamedFault{"FORMERR to EDNS", [](Faults& faults) { faults.edns = world::EdnsManner::formerr; }},
    NamedFault{"NOTIMP to EDNS", [](Faults& faults) { faults.edns = world::EdnsManner::notimp; }},
    NamedFault{"BADVERS", [](Faults& faults) { faults.edns = world::EdnsManner::badvers; }},
    NamedFault{"drops EDNS", [](Faults& faults) { faults.edns = world::EdnsManner::dropped; }},
    NamedFault{"denies minimised names", [](Faults& faults) { faults.denies_minimised = true; }},
    NamedFault{"drops unknown types", [](Faults& faults) { faults.drops_unknown_types = true; }},
    NamedFault{"leaves signatures out", [](Faults& faults) { faults.no_signatures = true; }},
    NamedFault{"replays wildcards", [](Faults& faults) { faults.replays_wildcards = true; }},
    NamedFault{"poisons glue", [](Faults& faults) { faults.poisons_glue = true; }},
    NamedFault{"poisons authority", [](Faults& faults) { faults.poisons_authority = true; }},
    NamedFault{"poisons answer", [](Faults& faults) { faults.poisons_answer = true; }},
    NamedFault{"forgeries", [](Faults& faults) { faults.forgeries = 3; }},
    NamedFault{"silent", [](Faults& faults) { faults.manner = world::Manner::silent; }},
    NamedFault{"REFUSED", [](Faults& faults) { faults.manner = world::Manner::refused; }},
    NamedFault{"SERVFAIL", [](Faults& faults) { faults.manner = world::Manner::servfail; }},
    NamedFault{"upward referral", [](Faults& faults) { faults.manner = world::Manner::upward_referral; }},
    NamedFault{"referral to itself", [](Faults& faults) { faults.manner = world::Manner::self_referral; }},
};

// First all trees with all chains, then the faults at one of two servers, and at the only one, of each kind of zone.
constexpr std::uint64_t kChained = std::uint64_t{kTrees} * kChains;
constexpr std::uint64_t kFaulty = std::uint64_t{kSignings} * kFaults.size() * 2;

struct Shape {
  std::array<Signing, kDepth + 1> signing{};
  unsigned chain = 0;
  unsigned fault = 0;
  bool has_sound_server = true;
};

Shape shape_of(std::uint64_t number) {
  Shape out;
  if (number < kChained) {
    auto tree = static_cast<unsigned>(number / kChains);
    out.chain = static_cast<unsigned>(number % kChains);
    for (unsigned depth = 1; depth <= kDepth; ++depth) {
      out.signing[depth] = static_cast<Signing>(tree % kSignings);
      tree /= kSignings;
    }
    return out;
  }
  number -= kChained;
  const auto signing = static_cast<Signing>(number % kSignings);
  out.signing = {Signing::nsec, Signing::nsec, signing, signing};
  out.fault = static_cast<unsigned>(number / kSignings % kFaults.size());
  out.has_sound_server = number / kSignings / kFaults.size() == 0;
  return out;
}

void sign(ZonePlan& zone, Signing signing, unsigned depth) {
  zone.key = depth * 2;
  zone.is_signed = depth == 0 || signing != Signing::none;
  zone.has_ds = depth > 0 && signing >= Signing::nsec;
  zone.denial = signing == Signing::nsec3     ? Denial::nsec3
                : signing == Signing::opt_out ? Denial::nsec3_opt_out
                                              : Denial::nsec;
}

void add(ZonePlan& zone, const std::string& label, RecordType type, world::Octets rdata) {
  const Name owner = *Name::parse(label + (zone.apex.is_root() ? "" : "." + zone.apex.to_text()));
  zone.records.push_back({owner, type, 300, {std::move(rdata)}});
}

void add_records(ZonePlan& zone, std::uint8_t depth) {
  add(zone, "www", RecordType::a, {192, 0, 2, depth});
  add(zone, "a.b", RecordType::a, {192, 0, 2, static_cast<std::uint8_t>(10 + depth)});
  add(zone, "*.w", RecordType::a, {192, 0, 2, static_cast<std::uint8_t>(20 + depth)});
  add(zone, "there.w", RecordType::a, {192, 0, 2, static_cast<std::uint8_t>(30 + depth)});
  add(zone, "odd", static_cast<RecordType>(65'280), {1, 2, 3});
}

void add_chain(world::WorldPlan& plan, unsigned chain) {
  if (chain == 0) return;
  const bool across = chain > 4;
  const unsigned length = across ? chain - 4 : chain;
  Name target = *Name::parse("www.deep.example.com");
  for (unsigned i = length; i > 0; --i) {
    ZonePlan& zone = plan.zones[across ? 1 + i % kDepth : kDepth];
    add(zone, "link" + std::to_string(i), RecordType::cname, world::wire_of(target));
    target = zone.records.back().owner;
  }
  plan.questions.push_back({target, RecordType::a, RecordClass::in});
  plan.questions.push_back({target, RecordType::mx, RecordClass::in});
}

unsigned add_server(world::WorldPlan& plan, unsigned zone) {
  const auto number = static_cast<std::uint32_t>(plan.servers.size() + 1);
  plan.servers.push_back({{IpAddress::ipv4(10U << 24 | 54U << 16 | number)}, {zone}, {}});
  ZonePlan& of = plan.zones[zone];
  const std::string label = "ns" + std::to_string(number);
  const Name host = *Name::parse(of.apex.is_root() ? label : label + "." + of.apex.to_text());
  plan.hosts.push_back({host, zone, number - 1, 3600});
  of.hosts.push_back(static_cast<unsigned>(plan.hosts.size() - 1));
  return number - 1;
}

}  // namespace

std::uint64_t SmallWorlds::count() const {
  return kChained + kFaulty;
}

std::string SmallWorlds::name(std::uint64_t number) const {
  const Shape shape = shape_of(number);
  static constexpr const char* kNames[] = {"unsigned", "island", "NSEC", "NSEC3", "opt-out"};
  std::string out = "small world " + std::to_string(number) + ":";
  for (unsigned depth = 1; depth <= kDepth; ++depth) {
    out += std::string(" ") + kNames[static_cast<std::size_t>(shape.signing[depth])];
  }
  if (shape.chain > 0) out += ", chain " + std::to_string(shape.chain);
  if (number >= kChained) out += std::string(", ") + kFaults[shape.fault].name;
  return out + (shape.has_sound_server ? "" : ", no other server");
}

world::WorldPlan SmallWorlds::plan(std::uint64_t number) const {
  const Shape shape = shape_of(number);
  world::WorldPlan out;
  out.seed = number;
  out.wall_start = world::WorldOptions().wall_start;
  out.forger = *IpAddress::parse("10.53.255.66");
  for (unsigned depth = 0; depth <= kDepth; ++depth) {
    ZonePlan zone;
    zone.parent = static_cast<int>(depth) - 1;
    zone.apex = *Name::parse(kApexes[depth][0] == 0 ? "." : kApexes[depth]);
    sign(zone, shape.signing[depth], depth);
    if (depth > 0) add_records(zone, static_cast<std::uint8_t>(depth));
    out.zones.push_back(std::move(zone));
    const unsigned server = add_server(out, depth);
    if (depth < 2) continue;
    kFaults[shape.fault].set(out.servers[server].faults);
    if (shape.has_sound_server) add_server(out, depth);
  }
  add_chain(out, shape.chain);
  for (unsigned depth = 1; depth <= kDepth; ++depth) {
    const Name& apex = out.zones[depth].apex;
    for (const char* label : {"www", "gone", "b", "x.w", "there.w", "y.there.w"}) {
      out.questions.push_back(
          {*Name::parse(std::string(label) + "." + apex.to_text()), RecordType::a, RecordClass::in});
    }
    out.questions.push_back({*apex.child("odd"), static_cast<RecordType>(65'280), RecordClass::in});
    out.questions.push_back({*apex.child("www"), RecordType::mx, RecordClass::in});
    out.questions.push_back({apex, RecordType::ds, RecordClass::in});
    out.questions.push_back({apex, RecordType::ns, RecordClass::in});
  }
  return out;
}

Schedule ask_everything(const world::WorldPlan& plan) {
  Schedule out;
  Time at{0};
  for (int round = 0; round < 2; ++round) {
    for (const Question& question : plan.questions) {
      ClientQuery query;
      query.at = at += std::chrono::milliseconds(round == 0 ? 400 : 9000);
      query.question = question;
      query.number = out.queries.size();
      query.dnssec_ok = query.number % 3 == 1;
      query.checking_disabled = query.number % 7 == 2;
      query.authentic_data = query.number % 2 == 0;
      query.repeats = query.number % 5 == 0 ? 1 : 0;
      out.queries.push_back(std::move(query));
    }
  }
  return out;
}

}  // namespace weir::simulation
