#include <algorithm>

#include "tests/world/generator.h"
#include "tests/world/zone_data.h"

namespace weir::world {
namespace {

constexpr auto kUnknown = static_cast<RecordType>(65'280);
const std::vector<RecordType> kTypes{RecordType::a,    RecordType::a,     RecordType::a,     RecordType::aaaa,
                                     RecordType::mx,   RecordType::txt,   RecordType::srv,   RecordType::caa,
                                     RecordType::ptr,  RecordType::hinfo, RecordType::naptr, RecordType::https,
                                     RecordType::svcb, RecordType::tlsa,  RecordType::sshfp, kUnknown};

void put_text(Octets& out, const std::string& text) {
  out.push_back(static_cast<std::uint8_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

void put(Octets& out, const Octets& more) {
  out.insert(out.end(), more.begin(), more.end());
}

}  // namespace

std::uint32_t Generator::ttl() {
  return random_.pick({0U, 1U, 5U, 30U, 60U, 60U, 300U, 300U, 3600U, 3600U, 86'400U, 172'800U, 604'800U});
}

Octets Generator::rdata_of(RecordType type) {
  Octets out;
  const std::uint64_t number = random_.next();
  switch (type) {
    case RecordType::a:
      return {192, 0, 2, static_cast<std::uint8_t>(number % 250 + 1)};
    case RecordType::aaaa:
      out = {0x20, 0x01, 0x0D, 0xB8};
      put_number(out, 0, 4);
      put_number(out, number, 8);
      return out;
    case RecordType::mx:
      put_number(out, number % 100, 2);
      put(out, wire_of(any_target()));
      return out;
    case RecordType::srv:
      put_number(out, number, 6);
      put(out, wire_of(any_target()));
      return out;
    case RecordType::ptr:
      return wire_of(any_target());
    case RecordType::caa:
      out = {0};
      put_text(out, "issue");
      put(out, {'c', 'a', static_cast<std::uint8_t>('a' + number % 26)});
      return out;
    case RecordType::hinfo:
      put_text(out, "cpu" + std::to_string(number % 100));
      put_text(out, "os");
      return out;
    case RecordType::naptr:
      put_number(out, number, 4);
      put_text(out, "u");
      put_text(out, "E2U+sip");
      put_text(out, "");
      put(out, wire_of(any_target()));
      return out;
    case RecordType::https:
    case RecordType::svcb:
      put_number(out, number % 20 + 1, 2);
      put(out, wire_of(any_target()));
      put(out, {0, 1, 0, 3, 2, 'h', '2'});  // alpn=h2
      return out;
    case RecordType::tlsa:
      out = {3, 1, 1};
      put_number(out, number, 8);
      return out;
    case RecordType::sshfp:
      out = {4, 2};
      put_number(out, number, 8);
      return out;
    case RecordType::txt:
      put_text(out, "text " + std::to_string(number));
      if (random_.chance(8)) {  // so that the answer does not fit into a datagram
        for (int i = 0; i < 8; ++i) put_text(out, std::string(200, static_cast<char>('a' + i)));
      }
      return out;
    default:
      put_number(out, number, 8);
      return out;
  }
}

bool Generator::is_free(unsigned zone, const Name& owner) const {
  const auto is_child = [&](const ZonePlan& other) {
    return other.parent == static_cast<int>(zone) &&
           (owner.is_at_or_below(other.apex) || other.apex.is_at_or_below(owner));
  };
  const auto collides = [&](const PlannedRrset& record) {
    return record.owner == owner || (record.type == RecordType::dname && owner.is_at_or_below(record.owner));
  };
  return std::ranges::none_of(plan_.zones, is_child) && std::ranges::none_of(plan_.zones[zone].records, collides) &&
         std::ranges::none_of(plan_.hosts, [&](const HostPlan& host) { return host.name.is_at_or_below(owner); });
}

PlannedRrset* Generator::add(unsigned zone, const Name& owner, RecordType type, std::vector<Octets> rdata) {
  if (rdata.empty()) {
    for (unsigned i = random_.between(1, type == RecordType::a ? 3 : 2); i > 0; --i) rdata.push_back(rdata_of(type));
  }
  plan_.zones[zone].records.push_back({owner, type, ttl(), std::move(rdata)});
  return &plan_.zones[zone].records.back();
}

// A name that is there, mostly; in any zone.
Name Generator::any_target() {
  const ZonePlan& zone = random_.pick(plan_.zones);
  if (!zone.records.empty() && random_.chance(80)) return random_.pick(zone.records).owner;
  return zone.apex.child(random_.pick<const char*>({"www", "mail", "gone", "host1", "x.w"})).value_or(zone.apex);
}

void Generator::make_records() {
  for (unsigned zone = 0; zone < plan_.zones.size(); ++zone) add_names(zone);
  for (unsigned zone = 1; zone < plan_.zones.size(); ++zone) add_wildcards(zone);
  for (unsigned zone = 1; zone < plan_.zones.size(); ++zone) add_aliases(zone);
  add_chain();
  if (!options_.changes) return;
  for (unsigned zone = 1; zone < plan_.zones.size(); ++zone) change_records(zone);
}

void Generator::add_names(unsigned zone) {
  const Name apex = plan_.zones[zone].apex;
  if (zone == 0) {
    add(0, *apex.child("loose"), RecordType::txt);
    return;
  }
  if (random_.chance(60)) add(zone, apex, random_.pick({RecordType::a, RecordType::mx, RecordType::txt}));
  for (const char* label : {"www", "mail", "host1", "host2", "_tcp"}) {
    const Name owner = *apex.child(label);
    if (!random_.chance(60) || !is_free(zone, owner)) continue;
    const RecordType first = random_.pick(kTypes);
    add(zone, owner, first);
    const RecordType second = random_.pick(kTypes);
    if (second != first && random_.chance(50)) add(zone, owner, second);
  }
  if (random_.chance(50)) {  // empty non-terminals: b and a.b exist without records
    const Name deep = *apex.child("b")->child("a")->child("deep");
    if (is_free(zone, *apex.child("b"))) add(zone, deep, RecordType::a);
  }
}

void Generator::add_wildcards(unsigned zone) {
  const Name apex = plan_.zones[zone].apex;
  const Name owner = *apex.child("w");
  if (random_.chance(50) && is_free(zone, owner)) {
    const Name star = *owner.child("*");
    if (random_.chance(25)) {
      const Name target = any_target();
      add(zone, star, RecordType::cname, {wire_of(target)});
    } else {
      add(zone, star, RecordType::a);
      if (random_.chance(30)) add(zone, star, RecordType::txt);
    }
    if (random_.chance(60)) add(zone, *owner.child("there"), random_.pick({RecordType::a, RecordType::txt}));
    if (random_.chance(30)) add(zone, *owner.child("under")->child("deeper"), RecordType::a);
  }
  if (random_.chance(15) && is_free(zone, *apex.child("*"))) add(zone, *apex.child("*"), RecordType::a);
}

void Generator::add_aliases(unsigned zone) {
  const Name apex = plan_.zones[zone].apex;
  for (const char* label : {"alias1", "alias2", "alias3"}) {
    const Name owner = *apex.child(label);
    if (!random_.chance(40) || !is_free(zone, owner)) continue;
    const Name target = any_target();
    if (target != owner) add(zone, owner, RecordType::cname, {wire_of(target)});
  }
  const Name tree = *apex.child("tree");
  if (random_.chance(25) && is_free(zone, tree)) {
    const Name target = random_.pick(plan_.zones).apex;
    if (!target.is_root() && !target.is_at_or_below(tree)) add(zone, tree, RecordType::dname, {wire_of(target)});
  }
  const Name one = *apex.child("loop1");
  const Name two = *apex.child("loop2");
  if (random_.chance(12) && is_free(zone, one)) {
    add(zone, one, RecordType::cname, {wire_of(two)});
    add(zone, two, RecordType::cname, {wire_of(random_.chance(50) ? one : two)});
  }
}

// One long chain through many zones.
void Generator::add_chain() {
  if (!random_.chance(40)) return;
  const unsigned length = random_.between(3, 13);
  Name target = any_target();
  for (unsigned i = length; i > 0; --i) {
    const unsigned zone = random_.between(1, static_cast<unsigned>(plan_.zones.size() - 1));
    const Name owner = *plan_.zones[zone].apex.child("chain" + std::to_string(i));
    if (!is_free(zone, owner)) continue;
    add(zone, owner, RecordType::cname, {wire_of(target)});
    target = owner;
  }
}

void Generator::change_records(unsigned zone) {
  auto& records = plan_.zones[zone].records;
  const std::size_t count = records.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (records[i].type == RecordType::dname || !random_.chance(14)) continue;
    const unsigned kind = random_.below(3);
    const Time at = moment();
    if (kind == 0) {
      records[i].from = at;
      continue;
    }
    records[i].until = at;
    if (kind == 1) continue;
    PlannedRrset next = records[i];
    next.from = at;
    next.until = kForever;
    next.rdata = {next.type == RecordType::cname ? wire_of(any_target()) : rdata_of(next.type)};
    if (next.type == RecordType::cname && next.rdata.front() == wire_of(next.owner)) continue;
    records.push_back(std::move(next));
  }
}

void Generator::ask(const Name& name, RecordType type) {
  const Question question{name, type, RecordClass::in};
  if (std::ranges::find(plan_.questions, question) == plan_.questions.end()) plan_.questions.push_back(question);
}

void Generator::make_questions() {
  for (unsigned zone = 0; zone < plan_.zones.size(); ++zone) {
    const ZonePlan& at = plan_.zones[zone];
    for (const PlannedRrset& record : at.records) {
      if (record.type == RecordType::dname) {
        ask(*record.owner.child("www"), RecordType::a);
        ask(record.owner, random_.pick({RecordType::dname, RecordType::a}));
      } else if (record.owner.first_label() == "*") {
        for (const char* label : {"x", "y", "under", "there"}) {
          if (random_.chance(60))
            ask(*record.owner.parent().child(label),
                random_.pick(std::vector{record.type, RecordType::a, RecordType::mx}));
        }
        ask(*record.owner.parent().child("long")->child("er"), record.type);
      } else {
        ask(record.owner, record.type == RecordType::cname && random_.chance(85) ? RecordType::a : record.type);
        if (random_.chance(25)) ask(record.owner, random_.pick(kTypes));
        if (random_.chance(10)) ask(*record.owner.child("below"), RecordType::a);
      }
    }
    ask(at.apex, random_.pick({RecordType::ns, RecordType::soa, RecordType::dnskey, RecordType::ds, RecordType::mx}));
    ask(*at.apex.child("nope" + std::to_string(random_.below(3))), random_.pick({RecordType::a, RecordType::txt}));
    if (random_.chance(30)) ask(*at.apex.child("b"), RecordType::a);
    if (random_.chance(20)) ask(*at.apex.child("b")->child("nope"), RecordType::a);
    if (random_.chance(20)) ask(at.apex, RecordType::any);
  }
  for (const HostPlan& host : plan_.hosts) {
    if (random_.chance(25)) ask(host.name, random_.pick({RecordType::a, RecordType::aaaa}));
  }
  for (std::size_t i = plan_.questions.size(); i > 1; --i) {
    std::swap(plan_.questions[i - 1], plan_.questions[random_.below(static_cast<unsigned>(i))]);
  }
}

}  // namespace weir::world
