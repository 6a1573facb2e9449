#include "resolver/engine/response_classifier.h"

#include <algorithm>

#include "resolver/base/limits.h"
#include "zones/dns/reader.h"

namespace weir {
namespace {

constexpr std::size_t kMaxProofs = 16;  // RRsets; a wildcard's proof and its signatures are two to six

const Rrset* find_rrset(const std::vector<Rrset>& section, const Name& owner, RecordType type,
                        RecordType covered = RecordType{}) {
  const auto found = std::ranges::find_if(section, [&](const Rrset& rrset) {
    return rrset.type == type && rrset.type_covered == covered && rrset.record_class == RecordClass::in &&
           rrset.owner == owner;
  });
  return found == section.end() ? nullptr : &*found;
}

// With its signatures, and owned by `owner` as we spell it: 0x20 made the server's spelling random.
// Signatures prove themselves, so it does not matter in which section a server put them.
SignedRrset with_signatures(const Message& message, const Rrset& rrset, const Name& owner) {
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
  out.rrset.owner = owner;
  return out;
}

const Rrset* find_dname_above(const Message& message, const Name& name, const Name& zone_cut) {
  const auto found = std::ranges::find_if(message.answer, [&](const Rrset& rrset) {
    return rrset.type == RecordType::dname && rrset.record_class == RecordClass::in && name != rrset.owner &&
           name.is_at_or_below(rrset.owner) && rrset.owner.is_at_or_below(zone_cut);
  });
  return found == message.answer.end() ? nullptr : &*found;
}

// Follows the aliases inside this message as far as the server may speak for them. Returns false where the chain
// cannot go on because a DNAME's target is too long.
bool follow_chain(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  while (out.chain.size() <= limit_of(Limit::aliases)) {
    const Name name = out.chain_end(asked);
    if (!name.is_at_or_below(asked.zone_cut)) return true;
    const Rrset* dname = find_dname_above(message, name, asked.zone_cut);
    // ANY is answered by a CNAME itself (RFC 1034 section 3.6.2); below a DNAME nothing else is (RFC 6672 section 2.4).
    const bool any = asked.type == RecordType::any;
    if (dname == nullptr && (any || find_rrset(message.answer, name, asked.type) != nullptr)) return true;
    if (dname != nullptr) {
      auto synthesised = synthesise_cname(*dname, name);
      SignedRrset alias = with_signatures(message, *dname, name.suffix(dname->owner.label_count()));
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
      ChainLink link{name, *target, with_signatures(message, *cname, name), std::nullopt};
      if (cname->size() > 1) {  // two CNAMEs at one name are an error of the zone; the first counts
        Rrset first = link.alias.rrset;
        first.set_packed({}, 0);
        first.add(*cname->records().begin());
        link.alias.rrset = std::move(first);
      }
      out.chain.push_back(std::move(link));
    } else {
      return true;
    }
  }
  return true;
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
    if (proof && rrset.owner.is_at_or_below(asked.zone_cut) && out.authority.size() < 20) {
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
    if (type != RecordType::nsec && type != RecordType::nsec3) continue;
    if (rrset.owner.is_at_or_below(asked.zone_cut) && out.proofs.size() < kMaxProofs) out.proofs.push_back(rrset);
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

// The zone's own NS, and addresses of names in the zone, for those who want whole answers.
void take_whole_sections(const Message& message, const AskedQuestion& asked, SignedRrset& data) {
  const auto add = [](std::vector<Rrset>& to, const SignedRrset& found) {
    if (to.size() >= kMaxProofs) return;
    to.push_back(found.rrset);
    if (!found.signatures.empty()) to.push_back(found.signatures);
  };
  for (const Rrset& rrset : message.authority) {
    if (rrset.type != RecordType::ns || !rrset.owner.is_at_or_below(asked.zone_cut)) continue;
    if (data.rrset.owner.is_at_or_below(rrset.owner)) {
      add(data.authority, with_signatures(message, rrset, rrset.owner));
    }
  }
  for (const Rrset& rrset : message.additional) {
    const bool address = rrset.type == RecordType::a || rrset.type == RecordType::aaaa;
    if (address && rrset.owner.is_at_or_below(asked.zone_cut)) {
      add(data.additional, with_signatures(message, rrset, rrset.owner));
    }
  }
}

// Whether the server may speak for the chain's end: not outside its zone, and not for the zone's own DS, which is its
// parent's (RFC 4035 section 3.1.4.1), though it will say that there is none.
bool speaks_for(const Name& name, const AskedQuestion& asked) {
  const bool parents =
      asked.type == RecordType::ds && name == asked.zone_cut && !name.is_root() && asked.role == ServerRole::authority;
  return name.is_at_or_below(asked.zone_cut) && !parents;
}

bool collect_answer(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  const Name& name = out.chain_end(asked);
  if (!speaks_for(name, asked)) return false;
  for (const Rrset& rrset : message.answer) {
    if (rrset.owner != name || rrset.record_class != RecordClass::in) continue;
    const bool wanted = asked.type == RecordType::any ? rrset.type != RecordType::rrsig : rrset.type == asked.type;
    if (wanted) out.rrsets.push_back(with_signatures(message, rrset, name));
  }
  return !out.rrsets.empty();
}

ResponseMeaning meaning_without_data(const Message& message, const AskedQuestion& asked, ClassifiedResponse& out) {
  const Name name = out.chain_end(asked);
  const bool inside = speaks_for(name, asked);
  const bool has_soa = inside && take_negative_authority(message, name, asked, out);
  if (message.rcode == Rcode::nxdomain) {
    // The RCODE speaks of the last name of the chain; only a server that may speak for that name is believed.
    if (!out.chain.empty() && !has_soa) return ResponseMeaning::alias;
    const bool proven = !has_soa && take_proofs_for_soa(out);
    if (!message.start.flags.authoritative && !has_soa && !proven) return ResponseMeaning::server_failure;
    return ResponseMeaning::nxdomain;
  }
  if (has_soa) return ResponseMeaning::nodata;
  if (!out.chain.empty()) return ResponseMeaning::alias;
  if (asked.role == ServerRole::forwarder) return ResponseMeaning::nodata;  // without SOA: not to be cached
  if (const Rrset* ns = find_referral(message, asked)) {
    out.referral = make_delegation(*ns, message.additional, asked.zone_cut, out.limits_reached);
    out.referral_ttl = ns->ttl_seconds;
    if (const Rrset* ds = find_rrset(message.authority, ns->owner, RecordType::ds)) {
      out.referral_ds = with_signatures(message, *ds, ns->owner);
    }
    return ResponseMeaning::referral;
  }
  const bool authoritative = message.start.flags.authoritative;
  const bool names_servers =
      std::ranges::any_of(message.authority, [](const Rrset& rrset) { return rrset.type == RecordType::ns; });
  if (take_proofs_for_soa(out)) return ResponseMeaning::nodata;
  if (authoritative) return ResponseMeaning::nodata;  // without SOA: true, but not to be cached (RFC 2308 section 5)
  return names_servers || message.start.flags.recursion_available ? ResponseMeaning::lame
                                                                  : ResponseMeaning::server_failure;
}

}  // namespace

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
  if (collect_answer(message, asked, out)) {
    for (SignedRrset& data : out.rrsets) {
      data.proofs = out.proofs;
      if (asked.sections == Sections::whole) take_whole_sections(message, asked, data);
    }
    out.meaning = ResponseMeaning::answer;
    return out;
  }
  out.meaning = meaning_without_data(message, asked, out);
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

bool is_askable(const IpAddress& given) {
  const IpAddress address = given.unmapped();
  if (address.is_unspecified() || address.is_loopback()) return false;
  if (address.family == AddressFamily::ipv4) return address.octets[0] != 0 && address.octets[0] < 224;
  return address.octets[0] != 0xFF;
}

bool append_addresses(std::vector<IpAddress>& out, const Rrset& rrset) {
  if (rrset.type != RecordType::a && rrset.type != RecordType::aaaa) return true;
  for (const auto rdata : rrset.records()) {
    const IpAddress address = IpAddress::from_octets(rdata);
    if (!is_askable(address) || std::ranges::find(out, address) != out.end()) continue;
    if (out.size() >= limit_of(Limit::addresses_per_name_server)) return false;
    out.push_back(address);
  }
  return true;
}

Delegation make_delegation(const Rrset& ns, const std::vector<Rrset>& additional, const Name& glue_from,
                           std::vector<Limit>& limits_reached) {
  Delegation out;
  out.zone_cut = ns.owner;
  for (const auto rdata : ns.records()) {
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
          server.name.is_at_or_below(glue_from) && !append_addresses(server.addresses, rrset)) {
        limits_reached.push_back(Limit::addresses_per_name_server);
      }
    }
    out.servers.push_back(std::move(server));
  }
  return out;
}

}  // namespace weir
