#include "resolver/dnssec/denial_cache.h"

#include <algorithm>

#include "resolver/base/limits.h"
#include "resolver/dnssec/denial.h"

namespace weir {
namespace {

using std::chrono::seconds;

// What a synthesis may leave of the budget for hashes at least: a validation that follows needs some.
constexpr std::uint64_t kHashesKept = 100;

std::uint32_t seconds_left(SteadyTime expires, SteadyTime now) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, std::chrono::floor<seconds>(expires - now).count()));
}

template <class Map, class Key>
auto at_or_before(const Map& records, const Key& key) -> const typename Map::mapped_type* {
  if (records.empty()) return nullptr;
  auto at = records.upper_bound(key);
  if (at == records.begin()) at = records.end();  // hashes wrap: the last one covers what lies before the first
  return &std::prev(at)->second;
}

Name wildcard_below(const Name& closest_encloser) {
  return closest_encloser.child("*").value_or(closest_encloser);
}

}  // namespace

DenialCache::DenialCache(std::size_t max_records) : max_of_shard_(std::max<std::size_t>(64, max_records / kShards)) {}

void DenialCache::put(const Name& zone, const std::vector<SignedRrset>& records, const std::optional<SignedRrset>& soa,
                      SteadyTime now, const std::optional<Name>& wildcard) {
  Shard& shard = this->shard(zone);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.index.find(zone);
  if (known == shard.index.end()) {
    shard.zones.push_front({});
    shard.zones.front().apex = zone;
    shard.index.emplace(zone, shard.zones.begin());
  } else {
    shard.zones.splice(shard.zones.begin(), shard.zones, known->second);
  }
  Zone& entry = shard.zones.front();
  const std::size_t before = entry.size();
  const auto expiry = [&](const SignedRrset& record) {
    return now + seconds(std::min<std::uint64_t>(record.rrset.ttl_seconds, limit_of(Limit::negative_ttl_s)));
  };
  for (const SignedRrset& record : records) {
    const SteadyTime expires = expiry(record);
    if (expires <= now) continue;
    if (record.rrset.type == RecordType::nsec) {
      entry.nsec.insert_or_assign(record.rrset.owner, Record{record, expires});
    } else if (record.rrset.type == RecordType::nsec3) {
      put_nsec3(entry, record, expires);
    }
  }
  if (soa) entry.soa = Record{*soa, expiry(*soa)};
  if (wildcard && std::ranges::find(entry.wildcards, *wildcard) == entry.wildcards.end()) {
    if (entry.wildcards.size() == kMaxWildcards) entry.wildcards.erase(entry.wildcards.begin());
    entry.wildcards.push_back(*wildcard);
  }
  shard.records += entry.size();
  shard.records -= before;
  if (entry.size() == 0) {  // the bound counts records: zones without any would pile up
    shard.index.erase(zone);
    shard.zones.pop_front();
    return;
  }
  while (shard.records > max_of_shard_ && !shard.zones.empty()) {
    shard.records -= shard.zones.back().size();
    shard.index.erase(shard.zones.back().apex);
    shard.zones.pop_back();
  }
}

void DenialCache::put_nsec3(Zone& zone, const SignedRrset& record, SteadyTime expires) {
  if (record.rrset.size() != 1) return;
  const auto nsec3 = parse_nsec3(record.rrset.owner, *record.rrset.records().begin(), zone.apex);
  if (!nsec3) return;
  if (nsec3->iterations != zone.iterations || !std::ranges::equal(nsec3->salt, zone.salt)) {
    zone.nsec3.clear();  // the zone was signed anew: the old hashes say nothing beside the new ones
    zone.iterations = nsec3->iterations;
    zone.salt.assign(nsec3->salt.begin(), nsec3->salt.end());
  }
  zone.nsec3.insert_or_assign(nsec3->owner, Record{record, expires});
}

std::optional<DenialCache::Synthesised> DenialCache::find(const Name& name, RecordType type, SteadyTime now,
                                                          Budget& budget) {
  for (unsigned labels = name.label_count() + 1; labels-- > 0;) {
    const Name zone = name.suffix(labels);
    if (type == RecordType::ds && zone == name) continue;  // the parent's side of a cut speaks for DS
    Shard& shard = this->shard(zone);
    const std::lock_guard lock(shard.mutex);
    const auto known = shard.index.find(zone);
    if (known == shard.index.end()) continue;
    shard.zones.splice(shard.zones.begin(), shard.zones, known->second);
    return find_in(*known->second, name, type, now, budget);
  }
  return std::nullopt;
}

DenialCache::Proofs DenialCache::nsec_proofs(const Zone& zone, const Name& name, SteadyTime now, Name& wildcard) {
  const Record* record = at_or_before(zone.nsec, name);
  if (record == nullptr || record->expires <= now) return {};
  const auto nsec = parse_nsec(record->data.rrset, zone.apex);
  if (!nsec) return {};
  if (nsec->owner == name || !nsec->covers(name)) return {record};
  wildcard = wildcard_below(nsec->closest_encloser(name));
  const Record* beside = at_or_before(zone.nsec, wildcard);
  if (beside == nullptr || beside == record || beside->expires <= now) return {record};
  return {record, beside};
}

DenialCache::Proofs DenialCache::nsec3_proofs(const Zone& zone, const Name& name, SteadyTime now, Name& wildcard,
                                              Budget& budget) {
  const unsigned cost = nsec3_hash_cost(zone.salt);
  Proofs proofs;
  const auto add = [&](const Record* record) {
    if (record != nullptr && record->expires > now && std::ranges::find(proofs, record) == proofs.end()) {
      proofs.push_back(record);
    }
  };
  const auto hash = [&](const Name& of) -> std::optional<Nsec3Hash> {
    if (!budget.spend(Limit::nsec3_hashes, cost)) return std::nullopt;
    return nsec3_hash(of, zone.iterations, zone.salt);
  };
  // From the name upwards to the first that has a record: the closest encloser (RFC 5155 section 8.3).
  std::optional<Nsec3Hash> next_closer;
  for (unsigned labels = name.label_count() + 1; labels-- > zone.apex.label_count();) {
    if (budget.left(Limit::nsec3_hashes) < kHashesKept) return {};
    const auto hashed = hash(name.suffix(labels));
    if (!hashed) return {};
    const auto exact = zone.nsec3.find(*hashed);
    if (exact == zone.nsec3.end()) {
      // A wildcard below it proves that it exists, as in the answer that the wildcard gave (RFC 5155 section 8.8).
      const Name star = wildcard_below(name.suffix(labels));
      if (next_closer && std::ranges::find(zone.wildcards, star) != zone.wildcards.end()) {
        add(at_or_before(zone.nsec3, *next_closer));
        wildcard = star;
        return proofs;
      }
      next_closer = hashed;
      continue;
    }
    add(&exact->second);
    if (!next_closer) return proofs;  // the name itself
    // A cut or a DNAME: what lies below is another's, also where a wildcard is known there (RFC 6840 section 4.1).
    const Rrset& at_encloser = exact->second.data.rrset;
    const auto encloser = parse_nsec3(at_encloser.owner, *at_encloser.records().begin(), zone.apex);
    if (!encloser || !denies_names_below(encloser->types)) return {};
    add(at_or_before(zone.nsec3, *next_closer));
    wildcard = wildcard_below(name.suffix(labels));
    const auto star = hash(wildcard);
    if (star) add(at_or_before(zone.nsec3, *star));
    return proofs;
  }
  return {};
}

std::optional<DenialCache::Synthesised> DenialCache::find_in(const Zone& zone, const Name& name, RecordType type,
                                                             SteadyTime now, Budget& budget) {
  Name wildcard;
  Proofs proofs = nsec_proofs(zone, name, now, wildcard);
  if (proofs.empty() && !zone.nsec3.empty()) proofs = nsec3_proofs(zone, name, now, wildcard, budget);
  if (proofs.empty()) return std::nullopt;
  Denial denial(zone.apex, budget, zone.iterations);
  for (const Record* proof : proofs) denial.add(proof->data.rrset);

  Synthesised out;
  out.zone = zone.apex;
  out.wildcard = wildcard;
  if (denial.name_error(name) == Proof::proven) {
    out.kind = Synthesised::Kind::nxdomain;
  } else if (denial.no_data(name, type) == Proof::proven) {
    out.kind = Synthesised::Kind::nodata;
  } else if (!wildcard.is_root() && denial.wildcard_answer(name, wildcard.parent()) == Proof::proven) {
    out.kind = Synthesised::Kind::wildcard;
  } else {
    return std::nullopt;
  }
  SteadyTime expires = now + seconds(limit_of(Limit::negative_ttl_s));
  const auto add = [&](const Record& record) {
    out.authority.push_back(record.data.rrset);
    out.authority.push_back(record.data.signatures);
    expires = std::min(expires, record.expires);
  };
  if (out.kind != Synthesised::Kind::wildcard) {
    if (!zone.soa || zone.soa->expires <= now) return std::nullopt;  // a denial without SOA is of no use downstream
    add(*zone.soa);
  }
  for (const Record* proof : proofs) add(*proof);
  out.ttl_seconds = seconds_left(expires, now);
  for (Rrset& rrset : out.authority) rrset.ttl_seconds = std::min(rrset.ttl_seconds, out.ttl_seconds);
  return out;
}

void DenialCache::clear() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.index.clear();
    shard.zones.clear();
    shard.records = 0;
  }
}

void DenialCache::erase(const Name& zone) {
  Shard& shard = this->shard(zone);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.index.find(zone);
  if (known == shard.index.end()) return;
  shard.records -= known->second->size();
  shard.zones.erase(known->second);
  shard.index.erase(known);
}

std::size_t DenialCache::size() const {
  std::size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.records;
  }
  return count;
}

}  // namespace weir
