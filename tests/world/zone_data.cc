#include "tests/world/zone_data.h"

#include <algorithm>

#include "tests/world/keys.h"

namespace weir::world {
namespace {

constexpr std::int64_t kDay = 86'400;

std::uint32_t seconds_of(WallTime time, std::int64_t offset) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count() +
                                    offset);
}

Octets address_rdata(const IpAddress& address) {
  const auto octets = address.bytes();
  return {octets.begin(), octets.end()};
}

Octets type_bitmap(std::vector<RecordType> types) {  // RFC 4034 section 4.1.2
  std::ranges::sort(types);
  Octets out;
  for (std::size_t i = 0; i < types.size();) {
    const unsigned window = static_cast<unsigned>(types[i]) >> 8;
    Octets bits;
    for (; i < types.size() && static_cast<unsigned>(types[i]) >> 8 == window; ++i) {
      const unsigned low = static_cast<unsigned>(types[i]) & 255;
      bits.resize(std::max<std::size_t>(bits.size(), low / 8 + 1));
      bits[low / 8] = static_cast<std::uint8_t>(bits[low / 8] | 0x80U >> low % 8);
    }
    out.push_back(static_cast<std::uint8_t>(window));
    out.push_back(static_cast<std::uint8_t>(bits.size()));
    out.insert(out.end(), bits.begin(), bits.end());
  }
  return out;
}

std::string base32hex(const Octets& hash) {
  std::string out;
  for (std::size_t bit = 0; bit < hash.size() * 8; bit += 5) {
    unsigned value = 0;
    for (std::size_t at = bit; at < bit + 5; ++at) value = value << 1 | (hash[at / 8] >> (7 - at % 8) & 1U);
    out += "0123456789abcdefghijklmnopqrstuv"[value];
  }
  return out;
}

}  // namespace

void put_number(Octets& out, std::uint64_t value, unsigned octets) {
  for (unsigned i = octets; i > 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
}

Octets wire_of(const Name& name) {
  const Name folded = name.folded();
  return {folded.wire().begin(), folded.wire().end()};
}

Octets ds_rdata(const ZonePlan& zone, unsigned key) {
  if (zone.flaw == Flaw::wrong_ds) ++key;
  Octets digested = wire_of(zone.apex);
  const Octets& dnskey = dnskey_rdata(zone.algorithm, key);
  digested.insert(digested.end(), dnskey.begin(), dnskey.end());
  if (zone.flaw == Flaw::wrong_ds) digested.push_back(0);  // RSA has one key
  Octets out;
  put_number(out, dnskey_tag(zone.algorithm, key), 2);
  out.push_back(zone.flaw == Flaw::unknown_algorithm ? 250 : static_cast<std::uint8_t>(zone.algorithm));
  out.push_back(2);
  const Octets digest = sha256(digested);
  out.insert(out.end(), digest.begin(), digest.end());
  return out;
}

ZoneData::ZoneData(const WorldPlan& world, unsigned zone, Time at)
    : plan_(&world.zones[zone]), wall_start_(world.wall_start) {
  put_apex(world, zone, at);
  for (const PlannedRrset& record : plan_->records) {
    if (record.from <= at && at < record.until) put(record.owner, record.type, record.ttl, record.rdata);
  }
  for (const HostPlan& host : world.hosts) {
    if (host.zone != zone) continue;
    for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
      std::vector<Octets> addresses;
      for (const IpAddress& address : world.servers[host.server].addresses) {
        if (address.family == (type == RecordType::a ? AddressFamily::ipv4 : AddressFamily::ipv6)) {
          addresses.push_back(address_rdata(address));
        }
      }
      if (!addresses.empty()) put(host.name, type, host.ttl, addresses);
    }
  }
  for (unsigned child = 0; child < world.zones.size(); ++child) {
    const ZonePlan& plan = world.zones[child];
    if (plan.parent == static_cast<int>(zone) && !plan.removed && at < plan.delegated_until) {
      put_delegation(world, child, at);
    }
  }
  index();
  if (is_signed()) uses_nsec3() ? make_nsec3() : make_nsec();
}

std::uint32_t ZoneData::negative_ttl() const {
  return std::min(plan_->soa_ttl, plan_->negative_ttl);
}

void ZoneData::put(const Name& owner, RecordType type, std::uint32_t ttl, const std::vector<Octets>& rdata) {
  Rrset& rrset = nodes_[owner][type];
  rrset.owner = owner;
  rrset.type = type;
  rrset.ttl_seconds = ttl;
  for (const Octets& octets : rdata) rrset.add(octets);
}

void ZoneData::put_apex(const WorldPlan& world, unsigned zone, Time at) {
  const std::vector<Time> moments = moments_of(world, zone);
  const auto serial = std::ranges::upper_bound(moments, at) - moments.begin();
  Octets soa{2, 'n', 's'};
  const Octets apex = wire_of(plan_->apex);
  soa.insert(soa.end(), apex.begin(), apex.end());
  const Octets mailbox{4, 'r', 'o', 'o', 't'};
  soa.insert(soa.end(), mailbox.begin(), mailbox.end());
  soa.insert(soa.end(), apex.begin(), apex.end());
  for (const std::uint64_t number : {static_cast<std::uint64_t>(serial), std::uint64_t{3600}, std::uint64_t{600},
                                     std::uint64_t{86'400}, std::uint64_t{plan_->negative_ttl}}) {
    put_number(soa, number, 4);
  }
  put(plan_->apex, RecordType::soa, plan_->soa_ttl, {soa});
  const bool moved = plan_->move && plan_->move->at <= at;
  std::vector<Octets> names;
  for (const unsigned host : moved ? plan_->move->hosts : plan_->hosts)
    names.push_back(wire_of(world.hosts[host].name));
  put(plan_->apex, RecordType::ns, plan_->ns_ttl, names);
  if (!is_signed()) return;
  keys_ = {plan_->key};
  if (plan_->key_roll) {
    const RollMoments roll = roll_moments(*plan_);
    if (at >= roll.both) keys_.push_back(plan_->key + 1);
    if (at >= roll.done) keys_.erase(keys_.begin());
  }
  std::vector<Octets> dnskeys;
  for (const unsigned key : keys_) dnskeys.push_back(dnskey_rdata(plan_->algorithm, key));
  put(plan_->apex, RecordType::dnskey, 3600, dnskeys);
  if (!uses_nsec3()) return;
  Octets parameters{1, 0};
  put_number(parameters, plan_->iterations, 2);
  parameters.push_back(static_cast<std::uint8_t>(plan_->salt.size()));
  parameters.insert(parameters.end(), plan_->salt.begin(), plan_->salt.end());
  put(plan_->apex, RecordType::nsec3param, 0, {parameters});
}

void ZoneData::put_delegation(const WorldPlan& world, unsigned child, Time at) {
  const ZonePlan& plan = world.zones[child];
  cuts_.insert(plan.apex);
  std::vector<Octets> names;
  const bool moved = plan.move && plan.move->at <= at;
  bool left_out = plan.glue != Glue::partly;
  for (const unsigned index : moved ? plan.move->hosts : plan.hosts) {
    const HostPlan& host = world.hosts[index];
    names.push_back(wire_of(host.name));
    if (!host.name.is_at_or_below(plan_->apex) || plan.flaw == Flaw::unreachable) continue;
    const bool below = host.name.is_at_or_below(plan.apex);
    const bool own = host.zone == static_cast<unsigned>(plan.parent);
    if (!below && !own && plan.glue != Glue::sibling) continue;
    if (std::exchange(left_out, true) == false && names.size() < (moved ? plan.move->hosts : plan.hosts).size()) {
      continue;
    }
    for (const IpAddress& address : world.servers[host.server].addresses) {
      const RecordType type = address.family == AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa;
      Rrset& rrset = glue_[host.name][type];
      rrset.owner = host.name;
      rrset.type = type;
      rrset.ttl_seconds = host.ttl;
      rrset.add(address_rdata(address));
    }
  }
  put(plan.apex, RecordType::ns, plan.ns_ttl, names);
  if (!plan.has_ds) return;
  const bool rolled = plan.key_roll && at >= roll_moments(plan).ds;
  put(plan.apex, RecordType::ds, 3600, {ds_rdata(plan, plan.key + (rolled ? 1 : 0))});
}

void ZoneData::index() {
  for (const auto& [owner, types] : nodes_) {
    for (unsigned labels = apex().label_count(); labels <= owner.label_count(); ++labels) {
      names_.insert(owner.suffix(labels));
    }
  }
}

const Rrset* ZoneData::find(const Name& owner, RecordType type) const {
  const auto node = nodes_.find(owner);
  if (node == nodes_.end()) return nullptr;
  const auto found = node->second.find(type);
  return found == node->second.end() ? nullptr : &found->second;
}

std::vector<const Rrset*> ZoneData::all_at(const Name& owner) const {
  std::vector<const Rrset*> out;
  const auto node = nodes_.find(owner);
  if (node == nodes_.end()) return out;
  for (const auto& [type, rrset] : node->second) out.push_back(&rrset);
  return out;
}

std::optional<Name> ZoneData::cut_above(const Name& name) const {
  for (unsigned labels = apex().label_count() + 1; labels <= name.label_count(); ++labels) {
    Name at = name.suffix(labels);
    if (cuts_.contains(at)) return at;
  }
  return std::nullopt;
}

Name ZoneData::closest_encloser(const Name& name) const {
  for (unsigned labels = name.label_count(); labels > apex().label_count(); --labels) {
    if (names_.contains(name.suffix(labels))) return name.suffix(labels);
  }
  return apex();
}

std::vector<Rrset> ZoneData::glue_of(const Name& cut) const {
  std::vector<Rrset> out;
  const Rrset* ns = find(cut, RecordType::ns);
  if (ns == nullptr) return out;
  for (const auto rdata : ns->records()) {
    const auto glue = glue_.find(*rdata_name(rdata));
    if (glue == glue_.end()) continue;
    for (const auto& [type, rrset] : glue->second) out.push_back(rrset);
  }
  return out;
}

// RFC 4034 sections 3.1.8 and 6; all names in RDATA are in lower case as they are planned.
Octets ZoneData::rrsig_rdata(const Rrset& rrset, unsigned key) const {
  Octets out;
  put_number(out, static_cast<std::uint64_t>(rrset.type), 2);
  out.push_back(static_cast<std::uint8_t>(plan_->algorithm));
  const bool wildcard = rrset.owner.first_label() == "*";
  out.push_back(static_cast<std::uint8_t>(rrset.owner.label_count() - (wildcard ? 1 : 0)));
  put_number(out, rrset.ttl_seconds, 4);
  std::int64_t inception = -kDay;
  std::int64_t expiration = 30 * kDay;
  if (plan_->flaw == Flaw::expired) inception = -20 * kDay, expiration = -10 * kDay;
  if (plan_->flaw == Flaw::not_yet_valid) inception = 100 * kDay, expiration = 200 * kDay;
  put_number(out, seconds_of(wall_start_, expiration), 4);
  put_number(out, seconds_of(wall_start_, inception), 4);
  put_number(out, dnskey_tag(plan_->algorithm, key), 2);
  const Octets signer = wire_of(apex());
  out.insert(out.end(), signer.begin(), signer.end());
  Octets data = out;
  std::vector<Octets> records;
  for (const auto rdata : rrset.records()) records.emplace_back(rdata.begin(), rdata.end());
  std::ranges::sort(records);
  const Octets owner = wire_of(rrset.owner);
  for (const Octets& rdata : records) {
    data.insert(data.end(), owner.begin(), owner.end());
    put_number(data, static_cast<std::uint64_t>(rrset.type), 2);
    put_number(data, 1, 2);
    put_number(data, rrset.ttl_seconds, 4);
    put_number(data, rdata.size(), 2);
    data.insert(data.end(), rdata.begin(), rdata.end());
  }
  Octets signature = raw_signature(plan_->algorithm, key, data);
  if (plan_->flaw == Flaw::broken_signatures && rrset.type != RecordType::dnskey) signature.back() ^= 1;
  out.insert(out.end(), signature.begin(), signature.end());
  return out;
}

const Rrset& ZoneData::signatures_of(const Rrset& rrset) const {
  Rrset& out = signatures_[{wire_of(rrset.owner), rrset.type}];
  if (!out.empty()) return out;
  out.owner = rrset.owner;
  out.type = RecordType::rrsig;
  out.type_covered = rrset.type;
  out.ttl_seconds = rrset.ttl_seconds;
  for (const unsigned key : keys_) out.add(rrsig_rdata(rrset, key));
  return out;
}

std::vector<RecordType> ZoneData::types_at(const Name& name) const {
  std::vector<RecordType> out;
  const auto node = nodes_.find(name);
  if (node == nodes_.end()) return out;
  for (const auto& [type, rrset] : node->second) out.push_back(type);
  return out;
}

void ZoneData::make_nsec() {
  for (auto at = nodes_.begin(); at != nodes_.end(); ++at) {
    const auto next = std::next(at) == nodes_.end() ? nodes_.begin() : std::next(at);
    std::vector<RecordType> types = types_at(at->first);
    types.push_back(RecordType::rrsig);
    types.push_back(RecordType::nsec);
    Octets rdata = wire_of(next->first);
    const Octets bitmap = type_bitmap(types);
    rdata.insert(rdata.end(), bitmap.begin(), bitmap.end());
    Rrset& nsec = nsec_[at->first];
    nsec.owner = at->first;
    nsec.type = RecordType::nsec;
    nsec.ttl_seconds = negative_ttl();
    nsec.add(rdata);
  }
}

Octets ZoneData::hash(const Name& name) const {  // RFC 5155 section 5
  Octets out = wire_of(name);
  for (unsigned i = 0; i <= plan_->iterations; ++i) {
    out.insert(out.end(), plan_->salt.begin(), plan_->salt.end());
    out = sha1(out);
  }
  return out;
}

bool ZoneData::opted_out(const Name& name) const {
  return plan_->denial == Denial::nsec3_opt_out && cuts_.contains(name) && find(name, RecordType::ds) == nullptr;
}

void ZoneData::make_nsec3() {
  std::map<Octets, Name> hashes;
  for (const Name& name : names_) {
    if (!opted_out(name)) hashes.emplace(hash(name), name);
  }
  for (auto at = hashes.begin(); at != hashes.end(); ++at) {
    const auto next = std::next(at) == hashes.end() ? hashes.begin() : std::next(at);
    Octets rdata{1, static_cast<std::uint8_t>(plan_->denial == Denial::nsec3_opt_out ? 1 : 0)};
    put_number(rdata, plan_->iterations, 2);
    rdata.push_back(static_cast<std::uint8_t>(plan_->salt.size()));
    rdata.insert(rdata.end(), plan_->salt.begin(), plan_->salt.end());
    rdata.push_back(static_cast<std::uint8_t>(next->first.size()));
    rdata.insert(rdata.end(), next->first.begin(), next->first.end());
    std::vector<RecordType> types = types_at(at->second);
    const bool unsigned_cut = cuts_.contains(at->second) && find(at->second, RecordType::ds) == nullptr;
    if (!types.empty() && !unsigned_cut) types.push_back(RecordType::rrsig);
    const Octets bitmap = type_bitmap(types);
    rdata.insert(rdata.end(), bitmap.begin(), bitmap.end());
    Rrset& nsec3 = nsec3_[at->first];
    nsec3.owner = *apex().child(base32hex(at->first));
    nsec3.type = RecordType::nsec3;
    nsec3.ttl_seconds = negative_ttl();
    nsec3.add(rdata);
  }
}

const Rrset* ZoneData::denial_at(const Name& name) const {
  if (uses_nsec3()) {
    const auto found = nsec3_.find(hash(name));
    return found == nsec3_.end() ? nullptr : &found->second;
  }
  const auto found = nsec_.find(name);
  return found == nsec_.end() ? nullptr : &found->second;
}

const Rrset* ZoneData::denial_over(const Name& name) const {
  if (uses_nsec3()) {
    auto at = nsec3_.upper_bound(hash(name));
    if (at == nsec3_.begin()) at = nsec3_.end();
    return at == nsec3_.begin() ? nullptr : &std::prev(at)->second;
  }
  auto at = nsec_.upper_bound(name);
  if (at == nsec_.begin()) at = nsec_.end();
  return at == nsec_.begin() ? nullptr : &std::prev(at)->second;
}

}  // namespace weir::world
