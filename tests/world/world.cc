#include "tests/world/world.h"

#include <algorithm>

#include "tests/world/authority.h"
#include "tests/world/keys.h"
#include "tests/world/poison.h"

namespace weir::world {
namespace {

constexpr std::size_t kLargestUdp = 1232;
constexpr std::uint16_t kResponse = 0x8000, kAuthoritative = 0x0400, kTruncated = 0x0200, kDesired = 0x0100;

struct Reply {
  std::uint16_t flags = kResponse;
  bool with_opt = true;
  AuthorityAnswer sections;
};

std::uint16_t write_section(Writer& writer, const std::vector<Rrset>& section) {
  std::size_t count = 0;
  for (const Rrset& rrset : section) {
    rrset.write(writer, rrset.ttl_seconds);
    count += rrset.size();
  }
  return static_cast<std::uint16_t>(count);
}

void write_opt(Writer& writer, Rcode rcode, bool dnssec_ok) {
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(RecordType::opt));
  writer.u16(kLargestUdp);
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(rcode) >> 4));
  writer.u8(0);
  writer.u16(dnssec_ok ? 0x8000 : 0);
  writer.u16(0);
}

}  // namespace

struct World::Asked {
  Message message;
  UpstreamTransport transport = UpstreamTransport::udp;
  Time time{0};
  bool edns = false;
  bool dnssec = false;

  const Name& name() const { return message.start.qname; }
  RecordType type() const { return message.start.qtype; }
  std::size_t room() const {
    if (transport == UpstreamTransport::tcp) return 65'535;
    if (!edns) return 512;
    return std::clamp<std::size_t>(message.edns->udp_payload_size, 512, kLargestUdp);
  }

  Octets write(const Reply& reply) const {
    Octets out(room());
    const auto written = [&](bool whole) -> std::optional<std::size_t> {
      Writer writer(out);
      writer.u16(message.start.id);
      writer.u16(static_cast<std::uint16_t>(reply.flags | (message.start.flags.recursion_desired ? kDesired : 0) |
                                            (whole ? 0 : kTruncated) |
                                            (static_cast<unsigned>(reply.sections.rcode) & 15)));
      writer.u16(1);
      writer.u16(0);
      writer.u16(0);
      writer.u16(0);
      writer.name(message.start.qname);
      writer.u16(static_cast<std::uint16_t>(message.start.qtype));
      writer.u16(static_cast<std::uint16_t>(message.start.qclass));
      unsigned additional = 0;
      if (whole) {
        writer.patch_u16(6, write_section(writer, reply.sections.answer));
        writer.patch_u16(8, write_section(writer, reply.sections.authority));
        additional = write_section(writer, reply.sections.additional);
      }
      if (reply.with_opt && edns) {
        write_opt(writer, reply.sections.rcode, dnssec);
        ++additional;
      }
      writer.patch_u16(10, static_cast<std::uint16_t>(additional));
      return writer.ok() ? std::optional(writer.size()) : std::nullopt;
    };
    auto size = (reply.flags & kTruncated) != 0 ? written(false) : written(true);
    if (!size) size = written(false);
    out.resize(size.value_or(0));
    return out;
  }
};

World::World(WorldPlan plan) : plan_(std::make_shared<const WorldPlan>(std::move(plan))) {
  for (unsigned server = 0; server < plan_->servers.size(); ++server) {
    for (const IpAddress& address : plan_->servers[server].addresses) servers_.emplace(address, server);
  }
  for (unsigned zone = 0; zone < plan_->zones.size(); ++zone) moments_.push_back(moments_of(*plan_, zone));
  asked_count_.resize(plan_->servers.size() + 1);
}

std::vector<IpAddress> World::addresses() const {
  std::vector<IpAddress> out{plan_->forger};
  for (const auto& [address, server] : servers_) out.push_back(address);
  return out;
}

std::vector<RootServer> World::root_hints() const {
  std::vector<RootServer> out;
  for (const unsigned host : plan_->zones.front().hosts) {
    out.push_back({plan_->hosts[host].name, plan_->servers[plan_->hosts[host].server].addresses});
  }
  return out;
}

Octets World::anchor_ds() const {
  return ds_rdata(plan_->zones.front(), plan_->zones.front().key);
}

std::string World::anchor_line() const {
  const Octets ds = anchor_ds();
  std::string out = ". 3600 IN DS " + std::to_string(ds[0] << 8 | ds[1]) + " " + std::to_string(ds[2]) + " 2 ";
  for (std::size_t i = 4; i < ds.size(); ++i) {
    out += "0123456789ABCDEF"[ds[i] >> 4];
    out += "0123456789ABCDEF"[ds[i] & 15];
  }
  return out;
}

const ZoneData& World::zone_at(unsigned zone, Time time) const {
  const auto& moments = moments_[zone];
  const Time since = *std::prev(std::ranges::upper_bound(moments, std::max(time, Time(0))));
  auto& place = data_[{zone, since}];
  if (!place) place = std::make_unique<ZoneData>(*plan_, zone, since);
  return *place;
}

std::optional<unsigned> World::zone_for(unsigned server, const Asked& asked) const {
  std::optional<unsigned> best, parent;
  for (const unsigned zone : plan_->servers[server].zones) {
    const Name& apex = plan_->zones[zone].apex;
    if (!asked.name().is_at_or_below(apex) || !serves_at(*plan_, server, zone, asked.time)) continue;
    const bool above_ds = asked.type() == RecordType::ds && asked.name() != apex;
    if (!best || apex.label_count() > plan_->zones[*best].apex.label_count()) best = zone;
    if (above_ds && (!parent || apex.label_count() > plan_->zones[*parent].apex.label_count())) parent = zone;
  }
  return asked.type() == RecordType::ds && parent ? parent : best;
}

// FORMERR and the like to a query with EDNS; `understood`: whether the answer may hold OPT and DNSSEC records.
std::optional<Octets> World::answer_edns(const Faults& faults, const Asked& asked, bool& understood) {
  if (!asked.edns) return std::nullopt;
  Reply reply;
  reply.with_opt = false;
  switch (faults.edns) {
    case EdnsManner::understood:
      return std::nullopt;
    case EdnsManner::ignored:
      understood = false;
      return std::nullopt;
    case EdnsManner::formerr:
      reply.sections.rcode = Rcode::formerr;
      return asked.write(reply);
    case EdnsManner::notimp:
      reply.sections.rcode = Rcode::notimp;
      return asked.write(reply);
    case EdnsManner::badvers:
      reply.with_opt = true;
      reply.sections.rcode = Rcode::badvers;
      return asked.write(reply);
    case EdnsManner::dropped:
      return Octets();
  }
  return std::nullopt;
}

// Empty octets: silence. Nothing: it answers.
std::optional<Octets> World::misbehave(const Faults& faults, const Asked& asked) {
  if (faults.manner == Manner::honest || asked.time < faults.from || asked.time >= faults.until) return std::nullopt;
  Reply reply;
  const auto refer = [&](const Name& owner) {
    reply.sections.authoritative = false;
    Rrset ns = forged(owner, RecordType::ns);
    ns.set_packed({}, 0);
    ns.add(wire_of(plan_->hosts.front().name));
    reply.sections.authority.push_back(ns);
    return asked.write(reply);
  };
  switch (faults.manner) {
    case Manner::honest:
      return std::nullopt;
    case Manner::silent:
      return Octets();
    case Manner::refused:
      reply.sections.rcode = Rcode::refused;
      return asked.write(reply);
    case Manner::servfail:
      reply.sections.rcode = Rcode::servfail;
      return asked.write(reply);
    case Manner::upward_referral:
      return refer(Name());
    case Manner::self_referral:
      break;
  }
  Name deepest;
  for (const ZonePlan& zone : plan_->zones) {
    const bool deeper = zone.apex.label_count() > deepest.label_count();
    if (deeper && asked.name().is_at_or_below(zone.apex)) deepest = zone.apex;
  }
  return refer(deepest);
}

Octets World::forge(const Asked& asked) const {
  Reply reply;
  reply.flags |= kAuthoritative;
  reply.sections.answer.push_back(forged(asked.name(), asked.type()));
  return asked.write(reply);
}

namespace {

void leave_out_signatures(std::vector<Rrset>& section) {
  std::erase_if(section, [](const Rrset& rrset) {
    return rrset.type == RecordType::rrsig || rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3;
  });
}

// The wildcard's records in place of the name's own, as one who replays what he once saw.
std::optional<AuthorityAnswer> replay_wildcard(const ZoneData& zone, const Name& name, RecordType type) {
  if (!name.is_at_or_below(zone.apex()) || name == zone.apex() || zone.cut_above(name)) return std::nullopt;
  const Name encloser = name.parent();
  const Rrset* star = zone.find(*encloser.child("*"), type);
  if (star == nullptr || !zone.exists(name) || name.first_label() == "*") return std::nullopt;
  AuthorityAnswer out;
  out.answer = {expanded(*star, name), expanded(zone.signatures_of(*star), name)};
  return out;
}

}  // namespace

std::optional<Octets> World::respond(unsigned server, const Asked& asked, Random& random) {
  const Faults& faults = plan_->servers[server].faults;
  const bool is_known = asked.type() < static_cast<RecordType>(255) || asked.type() == RecordType::caa;
  if (faults.drops_unknown_types &&
      (!is_known || asked.type() == RecordType::https || asked.type() == RecordType::svcb))
    return Octets();
  if (const auto bad = misbehave(faults, asked)) return bad;
  bool understood = asked.edns;
  if (const auto refused = answer_edns(faults, asked, understood)) return refused;
  Reply reply;
  reply.with_opt = understood;
  const auto zone = zone_for(server, asked);
  if (!zone || asked.message.start.qclass != RecordClass::in) {
    reply.sections.rcode = Rcode::refused;
    return asked.write(reply);
  }
  const ZoneData& data = zone_at(*zone, asked.time);
  std::optional<AuthorityAnswer> replayed;
  if (faults.replays_wildcards && asked.dnssec && standing_of(*plan_, *zone) == Standing::secure) {
    replayed = replay_wildcard(data, asked.name(), asked.type());
  }
  reply.sections = replayed ? *replayed : answer_from(data, asked.name(), asked.type(), asked.dnssec && understood);
  if (reply.sections.authoritative) reply.flags |= kAuthoritative;
  if (faults.no_signatures) {
    leave_out_signatures(reply.sections.answer);
    leave_out_signatures(reply.sections.authority);
    leave_out_signatures(reply.sections.additional);
  }
  if (faults.denies_minimised && reply.sections.empty_name) reply.sections.rcode = Rcode::nxdomain;
  if (faults.poisons_glue || faults.poisons_authority || faults.poisons_answer) {
    poison(*plan_, server, reply.sections, random);
  }
  const bool truncates = asked.transport == UpstreamTransport::udp ? faults.truncates : faults.truncates_tcp;
  if (truncates) reply.flags |= kTruncated;
  return asked.write(reply);
}

std::vector<Delivery> World::deliver(const ServerPlan& server, const Asked& asked, Octets octets,
                                     Random& random) const {
  std::vector<Delivery> out;
  const Faults& faults = server.faults;
  const auto jitter = static_cast<std::uint64_t>(faults.jitter.count()) + 1;
  Time delay = faults.round_trip + Time(static_cast<std::int64_t>(random.next() % jitter));
  if (asked.transport == UpstreamTransport::tcp) delay += faults.round_trip;  // the handshake
  for (unsigned i = 0; i < faults.forgeries && asked.transport == UpstreamTransport::udp; ++i) {
    Octets fake = forge(asked);
    if (i % 2 == 0 || fake.size() < 14) {
      fake[0] = static_cast<std::uint8_t>(random.next());
      fake[1] = static_cast<std::uint8_t>(fake[1] + 1);
    } else {
      fake[13] ^= 3;  // another name
    }
    out.push_back({delay / 2, std::move(fake), true});
  }
  if (faults.folds_case) {
    for (std::size_t at = 12; at < octets.size() && octets[at] != 0;) {
      for (std::size_t i = 1; i <= octets[at] && at + i < octets.size(); ++i) octets[at + i] = fold(octets[at + i]);
      at += octets[at] + 1U;
    }
  }
  out.push_back({delay, octets});
  if (random.chance(faults.duplicate_percent)) out.push_back({delay * 3 / 2, std::move(octets)});
  return out;
}

std::vector<Delivery> World::answer(const IpAddress& address, UpstreamTransport transport,
                                    std::span<const std::uint8_t> query, Time time) {
  ++counters_.queries;
  const auto message = read_message(query);
  if (!message || !message->start.has_question) return {};
  Asked asked{*message, transport, time, message->edns.has_value(),
              message->edns.has_value() && message->edns->dnssec_ok};
  if (address == plan_->forger) return {{std::chrono::milliseconds(5), forge(asked)}};
  const auto found = servers_.find(address);
  if (found == servers_.end()) return {};
  const unsigned index = found->second;
  const ServerPlan& server = plan_->servers[index];
  Random random(plan_->seed * 0x9E3779B97F4A7C15U + index * 1'000'003U + asked_count_[index]++);
  const Faults sound{.round_trip = server.faults.round_trip, .jitter = server.faults.jitter};
  if (!(server.faults == sound)) ++counters_.faults;
  if (transport == UpstreamTransport::tcp && server.faults.closes_tcp) return {{server.faults.round_trip, {}}};
  if (transport == UpstreamTransport::udp && random.chance(server.faults.loss_percent)) return {};
  auto octets = respond(index, asked, random);
  if (!octets || octets->empty()) return {};
  return deliver(server, asked, *std::move(octets), random);
}

}  // namespace weir::world
