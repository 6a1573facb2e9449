#include "tests/world/poison.h"

#include <algorithm>

namespace weir::world {
namespace {

Rrset address_of(const Name& owner, const IpAddress& address) {
  Rrset out;
  out.owner = owner;
  out.type = address.family == AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa;
  out.ttl_seconds = 86'400;
  out.add(address.bytes());
  return out;
}

// Whether the server may say something about the name: then it would be no lie that anybody could see.
bool is_its_own(const WorldPlan& plan, unsigned server, const Name& name) {
  return std::ranges::any_of(plan.servers[server].zones,
                             [&](unsigned zone) { return name.is_at_or_below(plan.zones[zone].apex); });
}

std::optional<Name> victim(const WorldPlan& plan, unsigned server, Random& random) {
  for (int tries = 0; tries < 8; ++tries) {
    const ZonePlan& zone = random.pick(plan.zones);
    if (zone.apex.is_root() || is_its_own(plan, server, zone.apex)) continue;
    if (zone.records.empty() || random.chance(30)) return zone.apex;
    return random.pick(zone.records).owner;
  }
  return std::nullopt;
}

}  // namespace

Rrset forged(const Name& owner, RecordType type) {
  Rrset out;
  out.owner = owner;
  out.type = type;
  out.ttl_seconds = 86'400;
  if (type == RecordType::a) {
    out.add(std::vector<std::uint8_t>{203, 0, 113, 66});
  } else if (type == RecordType::aaaa) {
    out.add(std::vector<std::uint8_t>{0x20, 1, 0xD, 0xB8, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66});
  } else if (type == RecordType::ns || type == RecordType::cname || type == RecordType::ptr) {
    out.add(wire_of(*Name::parse("ns.forged.example")));
  } else {
    out.add(std::vector<std::uint8_t>{6, 'f', 'o', 'r', 'g', 'e', 'd'});
  }
  return out;
}

void poison(const WorldPlan& plan, unsigned server, AuthorityAnswer& answer, Random& random) {
  const Faults& faults = plan.servers[server].faults;
  if (faults.poisons_glue) {
    std::vector<Rrset> lies;
    for (const Rrset& rrset : answer.authority) {
      if (rrset.type != RecordType::ns) continue;
      for (const auto rdata : rrset.records()) {
        const Name host = *rdata_name(rdata);
        if (!is_its_own(plan, server, host)) lies.push_back(address_of(host, plan.forger));
      }
    }
    if (const auto name = victim(plan, server, random)) {
      lies.push_back(address_of(name->child("ns0").value_or(*name), plan.forger));
    }
    answer.additional.insert(answer.additional.end(), lies.begin(), lies.end());
  }
  if (faults.poisons_authority) {
    if (auto name = victim(plan, server, random)) {
      if (random.chance(50)) name = name->suffix(1);
      if (!is_its_own(plan, server, *name)) {
        const Name host = *Name::parse("ns.forged.example");
        answer.authority.push_back(forged(*name, RecordType::ns));
        answer.additional.push_back(address_of(host, plan.forger));
      }
    }
  }
  if (!faults.poisons_answer || answer.referral) return;
  if (!answer.answer.empty()) {
    const Rrset& last = answer.answer.back();
    const Rrset& link =
        last.type == RecordType::rrsig && answer.answer.size() > 1 ? answer.answer[answer.answer.size() - 2] : last;
    const auto target = link.type == RecordType::cname ? rdata_name(*link.records().begin()) : std::nullopt;
    if (target && !is_its_own(plan, server, *target)) answer.answer.push_back(forged(*target, RecordType::a));
  }
  if (const auto name = victim(plan, server, random)) answer.answer.push_back(forged(*name, RecordType::a));
}

}  // namespace weir::world
