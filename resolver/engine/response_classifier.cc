#include "resolver/engine/response_classifier.h"

#include <algorithm>

#include "resolver/base/limits.h"
#include "resolver/dnssec/chain_of_trust.h"
#include "zones/dns/reader.h"

namespace weir {
namespace {

// Whether one more may be taken; that it may not is told once.
bool has_room(std::size_t taken, Limit limit, std::vector<Limit>& reached) {
  if (taken < limit_of(limit)) return true;
  if (std::ranges::find(reached, limit) == reached.end()) reached.push_back(limit);
  return false;
}

const Rrset* find_rrset(const std::vector<Rrset>& section, const Name& owner, RecordType type,
                        RecordType covered = RecordType{}) {
  const auto found = std::ranges::find_if(section, [&](const Rrset& rrset) {
    return rrset.type == type && rrset.type_covered == covered && rrset.record_class == RecordClass::in &&
           rrset.owner == owner;
  });
  return found == section.end() ? nullptr : &*found;
}

// The first `most` of its records.
void bound_records(Rrset& rrset, std::size_t most) {
  if (rrset.size() <= most) return;
  Rrset kept = rrset;
  kept.set_packed({}, 0);
  for (const auto rdata : rrset.records()) {
    if (kept.size() == most) break;
    kept.add(rdata);
  }
  rrset = std::move(kept);
}

const Rrset* find_dname_above(const Message& message, const Name& name, const Name& zone_cut) {
  const auto found = std::ranges::find_if(message.answer, [&](const Rrset& rrset) {
    return rrset.type == RecordType::dname && rrset.record_class == RecordClass::in && name != rrset.owner &&
           name.is_at_or_below(rrset.owner) && rrset.owner.is_at_or_below(zone_cut);
  });
  return found == message.answer.end() ? nullptr : &*found;
}

// Whether an alias has led to where other servers are to be asked; a DS is asked of the zone above.
bool lies_elsewhere(const Name& name, const AskedQuestion& asked) {
  if (asked.elsewhere.empty() || name == asked.name) return false;
  const Name at = asked.type == RecordType::ds && !name.is_root() ? name.parent() : name;
  return std::ranges::any_of(asked.elsewhere, [&](const Name& zone) { return at.is_at_or_below(zone); });
}

// Follows the aliases inside this message as far as the server may speak for them. Returns false where the chain
// cannot go on because a DNAME's target is too long.
bool follow_chain(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  while (out.chain.size() <= limit_of(Limit::aliases)) {
    const Name name = out.chain_end(asked);
    if (!name.is_at_or_below(asked.zone_cut) || lies_elsewhere(name, asked)) return true;
    const Rrset* dname = find_dname_above(message, name, asked.zone_cut);
    // ANY is answered by a CNAME itself (RFC 1034 section 3.6.2); below a DNAME nothing else is (RFC 6672 section 2.4).
    const bool any = asked.type == RecordType::any;
    if (dname == nullptr && (any || find_rrset(message.answer, name, asked.type) != nullptr)) return true;
    if (dname != nullptr) {
      auto synthesised = synthesise_cname(*dname, name);
      SignedRrset alias = signed_in(message, *dname, name.suffix(dname->owner.label_count()));
      if (!synthesised) {
        out.chain.push_back({name, name, std::move(alias), std::nullopt});
        return false;
      }
      const Name target = *rdata_name(*synthesised->records().begin());
      out.chain.push_back({name, target, std::move(alias), std::move(synthesised)});
      if (asked.type == RecordType::cname) return true;  // the CNAME that it stands for is the answer
    } else if (const Rrset* cname = find_rrset(message.answer, name, RecordType::cname)) {
      const auto target = rdata_name(*cname->records().begin());
      if (!target) return true;
      ChainLink link{name, *target, signed_in(message, *cname, name), std::nullopt};
      bound_records(link.alias.rrset, 1);  // two CNAMEs at one name are an error of the zone; the first counts
      out.chain.push_back(std::move(link));
    } else {
      return true;
    }
    if (asked.rules.alias_targets == ScrubRules::AliasTargets::asked) return true;
  }
  return true;
}

// An NSEC that leads out of the zone denies what is none of its signer's business (RFC 4034 section 4.1.1).
bool reaches_out(const Rrset& rrset, const Name& zone_cut) {
  if (rrset.type != RecordType::nsec) return false;
  for (const auto rdata : rrset.records()) {
    Reader reader(rdata);
    const Name next = reader.name();
    if (!reader.ok() || !next.is_at_or_below(zone_cut)) return true;
  }
  return false;
}

bool is_soa_for(const Rrset& rrset, const Name& name, const Name& zone_cut) {
  return rrset.type == RecordType::soa && name.is_at_or_below(rrset.owner) && rrset.owner.is_at_or_below(zone_cut);
}

// SOA first, then denial records with their signatures. The negative TTL is the lesser of the SOA's TTL and MINIMUM.
bool take_negative_authority(const Message& message, const Name& name, const AskedQuestion& asked,
                             ClassifiedResponse& out) {
  const auto soa = std::ranges::find_if(message.authority,
                                        [&](const Rrset& rrset) { return is_soa_for(rrset, name, asked.zone_cut); });
  if (soa == message.authority.end()) return false;
  const auto rdata = *soa->records().begin();
  Reader reader(rdata.last(4));
  out.negative_ttl = static_cast<std::uint32_t>(
      std::min<std::uint64_t>({soa->ttl_seconds, reader.u32(), limit_of(Limit::negative_ttl_s)}));
  out.authority.push_back(*soa);
  out.authority.back().ttl_seconds = out.negative_ttl;
  for (const Rrset& rrset : message.authority) {
    const bool proof = rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3 ||
                       (rrset.type == RecordType::rrsig && rrset.type_covered != RecordType::ns);
    if (!proof || reaches_out(rrset, asked.zone_cut)) continue;
    if (rrset.owner.is_at_or_below(asked.zone_cut) &&
        has_room(out.authority.size(), Limit::denial_rrsets, out.limits_reached)) {
      out.authority.push_back(rrset);
      out.authority.back().ttl_seconds = std::min(rrset.ttl_seconds, out.negative_ttl);
    }
  }
  return true;
}

// NSEC and NSEC3 with their signatures: what a wildcard's expansion, or a referral without DS, needs.
void take_proofs(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  for (const Rrset& rrset : message.authority) {
    const RecordType type = rrset.type == RecordType::rrsig ? rrset.type_covered : rrset.type;
    if ((type != RecordType::nsec && type != RecordType::nsec3) || reaches_out(rrset, asked.zone_cut)) continue;
    if (rrset.owner.is_at_or_below(asked.zone_cut) &&
        has_room(out.proofs.size(), Limit::wildcard_proofs, out.limits_reached)) {
      out.proofs.push_back(rrset);
    }
  }
}

// A denial without SOA that brings its proof: the proof's TTL is the denial's (RFC 9077 section 3). Whoever validates
// will see whether it holds; nobody else loses anything by it.
bool take_proofs_for_soa(ClassifiedResponse& out) {
  if (out.proofs.empty()) return false;
  out.authority = out.proofs;
  out.negative_ttl = static_cast<std::uint32_t>(limit_of(Limit::negative_ttl_s));
  for (const Rrset& proof : out.proofs) out.negative_ttl = std::min(out.negative_ttl, proof.ttl_seconds);
  return true;
}

const Rrset* find_referral(const Message& message, const AskedQuestion& asked) {
  const Rrset* deepest = nullptr;
  for (const Rrset& rrset : message.authority) {
    if (rrset.type != RecordType::ns || rrset.record_class != RecordClass::in) continue;
    if (rrset.owner == asked.zone_cut || !rrset.owner.is_at_or_below(asked.zone_cut)) continue;
    if (!asked.name.is_at_or_below(rrset.owner)) continue;
    if (asked.type == RecordType::ds && asked.name == rrset.owner) continue;  // the parent itself must answer for DS
    if (deepest == nullptr || rrset.owner.label_count() > deepest->owner.label_count()) deepest = &rrset;
  }
  return deepest;
}

// The name in RDATA that additional records are for (RFC 1035 section 3.3, RFC 2782, RFC 3403 section 4.1).
std::optional<Name> mentioned_name(RecordType type, std::span<const std::uint8_t> rdata) {
  Reader reader(rdata);
  switch (type) {
    case RecordType::ns:
      break;
    case RecordType::mx:
      reader.skip(2);
      break;
    case RecordType::srv:
      reader.skip(6);
      break;
    case RecordType::naptr:
      reader.skip(4);
      for (int text = 0; text < 3; ++text) reader.skip(reader.u8());
      break;
    default:
      return std::nullopt;
  }
  Name name = reader.name();
  if (!reader.ok()) return std::nullopt;
  return name;
}

bool mentions(const Rrset& rrset, const Name& name) {
  for (const auto rdata : rrset.records()) {
    if (const auto mentioned = mentioned_name(rrset.type, rdata); mentioned && *mentioned == name) return true;
  }
  return false;
}

// What else a response may say to a client, scrubbed: the zone's own NS, and what the additional section holds for
// names that answer and authority section mention.
class Beside {
 public:
  Beside(const Message& message, const AskedQuestion& asked) : message_(message), asked_(asked) {}

  // Those of a zone below are told unasked: they say why the server has no data.
  void add_name_servers(const Name& name, std::vector<Rrset>& to) const {
    for (const Rrset& rrset : message_.authority) {
      if (rrset.type != RecordType::ns || !rrset.owner.is_at_or_below(asked_.zone_cut)) continue;
      if (!asked_.rules.unasked_name_servers && rrset.owner == asked_.zone_cut) continue;
      if (name.is_at_or_below(rrset.owner)) add(rrset, to);
    }
  }

  void add_zone_name_servers(std::vector<Rrset>& to) const {
    for (const Rrset& rrset : message_.authority) {
      if (rrset.type == RecordType::ns && rrset.owner == asked_.zone_cut) add(rrset, to);
    }
  }

  // Of names that `about` and `authority` mention.
  void add_additional(const Rrset* about, const std::vector<Rrset>& authority, std::vector<Rrset>& to) const {
    for (const Rrset& rrset : message_.additional) {
      const bool address = rrset.type == RecordType::a || rrset.type == RecordType::aaaa;
      if (!(address || asked_.rules.any_additional_type) || rrset.type == RecordType::rrsig) continue;
      if (rrset.record_class != RecordClass::in || !rrset.owner.is_at_or_below(asked_.zone_cut)) continue;
      const bool mentioned =
          (about != nullptr && mentions(*about, rrset.owner)) ||
          std::ranges::any_of(authority, [&](const Rrset& known) { return mentions(known, rrset.owner); });
      if (mentioned) add(rrset, to);
    }
  }

 private:
  void add(const Rrset& rrset, std::vector<Rrset>& to) const {
    if (to.size() >= limit_of(Limit::wildcard_proofs) + limit_of(Limit::denial_rrsets) ||
        find_rrset(to, rrset.owner, rrset.type) != nullptr)
      return;
    SignedRrset found = signed_in(message_, rrset, rrset.owner);
    if (rrset.type == RecordType::ns) bound_records(found.rrset, asked_.rules.ns_records);
    to.push_back(std::move(found.rrset));
    if (!found.signatures.empty()) to.push_back(std::move(found.signatures));
  }

  const Message& message_;
  const AskedQuestion& asked_;
};

// Minimal answers have the rest of the message in three cases: who asks for name servers wants to reach them, ANY asks
// for everything, and beside the proof that a wildcard needs nobody counts octets.
void take_beside(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  const bool whole = asked.sections == Sections::whole || asked.type == RecordType::any || !out.proofs.empty();
  if (!whole && asked.type != RecordType::ns) return;
  const Beside beside(message, asked);
  SignedRrset& first = out.rrsets.front();  // with one RRset of several is enough
  for (const SignedRrset& data : out.rrsets) {
    if (whole) beside.add_name_servers(data.rrset.owner, first.authority);
    beside.add_additional(&data.rrset, first.authority, first.additional);
  }
}

// Whether the server may speak for the chain's end: not outside its zone or in one of others, and not for the zone's
// own DS, which is its parent's (RFC 4035 section 3.1.4.1), though it will say that there is none.
bool speaks_for(const Name& name, const AskedQuestion& asked) {
  const bool parents =
      asked.type == RecordType::ds && name == asked.zone_cut && !name.is_root() && asked.role == ServerRole::authority;
  return name.is_at_or_below(asked.zone_cut) && !lies_elsewhere(name, asked) && !parents;
}

// The zone itself says that it has no DS: its server does not serve the zone above, or no more.
bool denies_own_ds(const Message& message, const Name& name, const AskedQuestion& asked) {
  return asked.type == RecordType::ds && asked.role == ServerRole::authority && !name.is_root() &&
         find_rrset(message.authority, name, RecordType::soa) != nullptr;
}

bool collect_answer(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  const Name& name = out.chain_end(asked);
  if (!speaks_for(name, asked)) return false;
  for (const Rrset& rrset : message.answer) {
    if (rrset.owner != name || rrset.record_class != RecordClass::in) continue;
    const bool wanted = asked.type == RecordType::any ? rrset.type != RecordType::rrsig : rrset.type == asked.type;
    if (!wanted || reaches_out(rrset, asked.zone_cut)) continue;
    if (!has_room(out.rrsets.size(), Limit::rrsets_of_any, out.limits_reached)) break;
    out.rrsets.push_back(signed_in(message, rrset, name));
    if (rrset.type == RecordType::ns) bound_records(out.rrsets.back().rrset, asked.rules.ns_records);
  }
  return !out.rrsets.empty();
}

ResponseMeaning meaning_without_data(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  const Name name = out.chain_end(asked);
  const bool inside = speaks_for(name, asked);
  if (inside && denies_own_ds(message, name, asked))
    return out.chain.empty() ? ResponseMeaning::lame : ResponseMeaning::alias;
  const bool has_soa = inside && take_negative_authority(message, name, asked, out);
  if (message.rcode == Rcode::nxdomain) {
    // The RCODE speaks of the last name of the chain; only a server that may speak for that name is believed.
    if (!out.chain.empty() && !has_soa) return ResponseMeaning::alias;
    const bool proven = !has_soa && take_proofs_for_soa(out);
    // A forwarder may leave the SOA out, as dnsmasq does for its own names: then nothing of it is cached.
    const bool believed = message.start.flags.authoritative || asked.role == ServerRole::forwarder;
    if (!believed && !has_soa && !proven) return ResponseMeaning::server_failure;
    return ResponseMeaning::nxdomain;
  }
  if (has_soa) return ResponseMeaning::nodata;
  if (!out.chain.empty()) return ResponseMeaning::alias;
  const Rrset* referral = asked.role == ServerRole::forwarder ? nullptr : find_referral(message, asked);
  // Whoever refers upwards, and nowhere else, does not serve the zone, also with AA.
  const bool upward = std::ranges::any_of(message.authority, [&](const Rrset& rrset) {
    return rrset.type == RecordType::ns && rrset.owner != asked.zone_cut && asked.zone_cut.is_at_or_below(rrset.owner);
  });
  if (upward && referral == nullptr) return ResponseMeaning::lame;
  if (asked.role == ServerRole::forwarder) return ResponseMeaning::nodata;  // without SOA: not to be cached
  if (referral != nullptr) {
    out.referral = make_delegation(*referral, message.additional, asked.rules.foreign_glue ? Name() : asked.zone_cut,
                                   asked.rules, out.limits_reached);
    out.referral_ttl = referral->ttl_seconds;
    if (const Rrset* ds = find_rrset(message.authority, referral->owner, RecordType::ds)) {
      out.referral_ds = signed_in(message, *ds, referral->owner);
    }
    return ResponseMeaning::referral;
  }
  const bool authoritative = message.start.flags.authoritative;
  // A cache has no SOA at hand, but knows whose name it is.
  const bool of_zone = find_rrset(message.authority, asked.zone_cut, RecordType::ns) != nullptr;
  if (of_zone && message.start.flags.recursion_available) {
    return asked.role == ServerRole::recursive ? ResponseMeaning::nodata : ResponseMeaning::recursive;
  }
  const bool names_servers =
      std::ranges::any_of(message.authority, [](const Rrset& rrset) { return rrset.type == RecordType::ns; });
  // A referral to the zone itself, by the parent's server which served it once, proves that there is no DS, not no
  // data.
  if ((authoritative || !names_servers) && take_proofs_for_soa(out)) return ResponseMeaning::nodata;
  if (authoritative && message.answer.empty() && message.authority.empty()) return ResponseMeaning::empty;
  if (authoritative) return ResponseMeaning::nodata;  // without SOA: true, but not to be cached (RFC 2308 section 5)
  return names_servers || message.start.flags.recursion_available ? ResponseMeaning::lame
                                                                  : ResponseMeaning::server_failure;
}

}  // namespace

SignedRrset signed_in(const Message& message, const Rrset& rrset, const Name& owner) {
  SignedRrset out;
  out.rrset = rrset;
  for (const auto* section : {&message.answer, &message.authority, &message.additional}) {
    const Rrset* signatures = find_rrset(*section, rrset.owner, RecordType::rrsig, rrset.type);
    if (signatures == nullptr) continue;
    if (out.signatures.empty()) {
      out.signatures = *signatures;
      out.signatures.owner = owner;
    } else {
      for (const auto rdata : signatures->records()) out.signatures.add(rdata);
    }
  }
  bound_records(out.signatures, limit_of(Limit::signatures_per_rrset));
  out.rrset.owner = owner;
  return out;
}

ClassifiedResponse classify_response(const Message& message, const AskedQuestion& asked) {
  ClassifiedResponse out;
  out.rcode = message.rcode;
  switch (message.rcode) {
    case Rcode::noerror:
    case Rcode::nxdomain:
    case Rcode::yxdomain:
      break;
    case Rcode::formerr:
    case Rcode::notimp:
    case Rcode::badvers:
      out.meaning = ResponseMeaning::edns_refused;
      return out;
    case Rcode::refused:
    case Rcode::notauth:
      out.meaning = ResponseMeaning::lame;
      return out;
    default:
      out.meaning = ResponseMeaning::server_failure;
      return out;
  }
  for (const auto* section : {&message.answer, &message.authority, &message.additional}) {
    const bool many = std::ranges::any_of(*section, [](const Rrset& rrset) {
      return rrset.type == RecordType::rrsig && rrset.size() > limit_of(Limit::signatures_per_rrset);
    });
    if (many) out.limits_reached.push_back(Limit::signatures_per_rrset);
  }
  const MessageFlags& flags = message.start.flags;
  if (flags.authoritative) out.credibility = Credibility::authoritative_answer;
  // A recursive server that is named as name server gives what it heard from anybody.
  if (asked.role == ServerRole::authority && !flags.authoritative && flags.recursion_available &&
      (!message.answer.empty() || message.rcode != Rcode::noerror)) {
    out.meaning = ResponseMeaning::recursive;
    return out;
  }
  if (!follow_chain(message, asked, out)) {
    out.meaning = ResponseMeaning::yxdomain;
    return out;
  }
  if (message.rcode == Rcode::yxdomain) {
    out.meaning = ResponseMeaning::server_failure;  // without a DNAME that explains it
    return out;
  }
  take_proofs(message, asked, out);
  for (ChainLink& link : out.chain) link.alias.proofs = out.proofs;
  if (asked.type == RecordType::cname && !out.chain.empty() && out.chain.back().synthesised) {
    out.meaning = ResponseMeaning::answer;
    return out;
  }
  if (asked.rules.alias_targets == ScrubRules::AliasTargets::asked && !out.chain.empty()) {
    out.meaning = ResponseMeaning::alias;
    return out;
  }
  const bool data_only = asked.rules.alias_targets == ScrubRules::AliasTargets::data_taken && !out.chain.empty();
  if (collect_answer(message, asked, out)) {
    for (SignedRrset& data : out.rrsets) data.proofs = out.proofs;
    take_beside(message, asked, out);
    out.meaning = ResponseMeaning::answer;
    return out;
  }
  out.meaning = data_only ? ResponseMeaning::alias : meaning_without_data(message, asked, out);
  const bool denies = out.meaning == ResponseMeaning::nodata || out.meaning == ResponseMeaning::nxdomain;
  if (denies && asked.rules.name_servers_beside_soa && find_soa(out.authority) != nullptr) {
    Beside(message, asked).add_zone_name_servers(out.authority);
  }
  if (denies && find_soa(out.authority) == nullptr) {  // beside a SOA it says nothing more
    const Beside beside(message, asked);
    beside.add_name_servers(out.chain_end(asked), out.authority);
    if (asked.sections == Sections::whole) beside.add_additional(nullptr, std::vector(out.authority), out.authority);
  }
  return out;
}

std::optional<Rrset> synthesise_cname(const Rrset& dname, const Name& name) {
  const auto target = dname.empty() ? std::nullopt : rdata_name(*dname.records().begin());
  if (!target) return std::nullopt;
  const auto replaced = name.replace_suffix(dname.owner, *target);
  if (!replaced) return std::nullopt;
  Rrset cname;
  cname.owner = name;
  cname.type = RecordType::cname;
  cname.ttl_seconds = dname.ttl_seconds;  // RFC 6672 section 3.1
  cname.add(replaced->wire());
  return cname;
}

bool is_askable(const IpAddress& given, const ScrubRules& rules) {
  const IpAddress address = given.unmapped();
  if (address.is_unspecified() || (address.is_loopback() && !rules.loopback_servers)) return false;
  if (address.family == AddressFamily::ipv4) return address.octets[0] != 0 && address.octets[0] < 224;
  return address.octets[0] != 0xFF;
}

bool append_addresses(std::vector<IpAddress>& out, const Rrset& rrset, const ScrubRules& rules) {
  if (rrset.type != RecordType::a && rrset.type != RecordType::aaaa) return true;
  for (const auto rdata : rrset.records()) {
    const IpAddress address = IpAddress::from_octets(rdata);
    if (!is_askable(address, rules) || std::ranges::find(out, address) != out.end()) continue;
    if (out.size() >= limit_of(Limit::addresses_per_name_server)) return false;
    out.push_back(address);
  }
  return true;
}

Delegation make_delegation(const Rrset& ns, const std::vector<Rrset>& additional, const Name& glue_from,
                           const ScrubRules& rules, std::vector<Limit>& limits_reached) {
  Delegation out;
  out.zone_cut = ns.owner;
  for (const auto rdata : ns.records()) {
    if (out.servers.size() >= rules.ns_records) break;
    if (out.servers.size() >= limit_of(Limit::name_servers)) {
      limits_reached.push_back(Limit::name_servers);
      break;
    }
    auto name = rdata_name(rdata);
    if (!name) continue;
    NameServer server{*std::move(name), {}};
    for (const Rrset& rrset : additional) {
      // Glue from below the zone that was asked: its servers may not speak for names elsewhere.
      if (rrset.owner == server.name && rrset.record_class == RecordClass::in &&
          server.name.is_at_or_below(glue_from) && !append_addresses(server.addresses, rrset, rules)) {
        limits_reached.push_back(Limit::addresses_per_name_server);
      }
    }
    out.servers.push_back(std::move(server));
  }
  return out;
}

}  // namespace weir
