#include "tests/world/authority.h"

#include <algorithm>

namespace weir::world {
namespace {

constexpr int kMaxLinks = 16;

class Answering {
 public:
  Answering(const ZoneData& zone, RecordType type, bool dnssec) : zone_(zone), type_(type), dnssec_(dnssec) {}

  AuthorityAnswer run(Name name) {
    for (int links = 0; links < kMaxLinks; ++links) {
      const auto next = step(name, links);
      if (!next || !next->is_at_or_below(zone_.apex())) break;
      name = *next;
    }
    return std::move(out_);
  }

 private:
  bool adds_dnssec() const { return dnssec_ && zone_.is_signed(); }

  // `source` is the wildcard's RRset where `rrset` was made from one.
  void add(std::vector<Rrset>& section, const Rrset& rrset, const Rrset& source) {
    section.push_back(rrset);
    if (adds_dnssec()) section.push_back(expanded(zone_.signatures_of(source), rrset.owner));
  }
  void add(std::vector<Rrset>& section, const Rrset& rrset) { add(section, rrset, rrset); }

  void prove(const Rrset* denial) {
    if (denial == nullptr || !adds_dnssec() || zone_.plan().flaw == Flaw::no_denials) return;
    const auto same = [&](const Rrset& other) { return other.type == denial->type && other.owner == denial->owner; };
    if (std::ranges::none_of(out_.authority, same)) add(out_.authority, *denial);
  }
  Name next_closer(const Name& name, const Name& encloser) const { return name.suffix(encloser.label_count() + 1); }
  // With opt-out not every name has an NSEC3: the closest one that has.
  Name provable_encloser(const Name& name) const {
    Name at = name;
    while (zone_.denial_at(at) == nullptr && at != zone_.apex()) at = at.parent();
    return at;
  }
  void prove_absent(const Name& name) {
    if (!zone_.uses_nsec3()) return prove(zone_.denial_over(name));
    const Name encloser = provable_encloser(name);
    prove(zone_.denial_at(encloser));
    if (encloser != name) prove(zone_.denial_over(next_closer(name, encloser)));
  }
  void prove_no_type(const Name& name) {
    if (zone_.denial_at(name) != nullptr) return prove(zone_.denial_at(name));
    prove_absent(name);  // an empty non-terminal has no NSEC, an opted-out delegation no NSEC3
  }
  void add_soa() {
    Rrset soa = *zone_.find(zone_.apex(), RecordType::soa);
    const Rrset source = soa;
    soa.ttl_seconds = zone_.negative_ttl();  // RFC 2308 section 3
    add(out_.authority, soa, source);
    if (adds_dnssec()) out_.authority.back().ttl_seconds = soa.ttl_seconds;
  }

  void refer(const Name& cut) {
    out_.authoritative = false;
    out_.referral = true;
    out_.authority.push_back(*zone_.find(cut, RecordType::ns));
    if (const Rrset* ds = zone_.find(cut, RecordType::ds); ds != nullptr && adds_dnssec()) {
      add(out_.authority, *ds);
    } else {
      prove_no_type(cut);
    }
    out_.additional = zone_.glue_of(cut);
  }

  // The name to go on with; nothing at the chain's end.
  std::optional<Name> step(const Name& name, int links) {
    const auto cut = zone_.cut_above(name);
    if (cut && !(type_ == RecordType::ds && *cut == name)) {
      if (links == 0) refer(*cut);
      return std::nullopt;
    }
    for (unsigned labels = zone_.apex().label_count(); labels < name.label_count(); ++labels) {
      const Rrset* dname = zone_.find(name.suffix(labels), RecordType::dname);
      if (dname != nullptr) return substitute(name, *dname);
    }
    if (zone_.exists(name)) return at_name(name, name);
    const Name encloser = zone_.closest_encloser(name);
    const Name star = *encloser.child("*");
    if (zone_.exists(star)) return at_name(name, star);
    out_.rcode = Rcode::nxdomain;
    add_soa();
    prove_absent(name);
    if (zone_.uses_nsec3()) {
      prove(zone_.denial_over(*provable_encloser(name).child("*")));
    } else {
      prove(zone_.denial_over(star));
    }
    return std::nullopt;
  }

  std::optional<Name> substitute(const Name& name, const Rrset& dname) {
    add(out_.answer, dname);
    const auto target = name.replace_suffix(dname.owner, *rdata_name(*dname.records().begin()));
    if (!target) {
      out_.rcode = Rcode::yxdomain;
      return std::nullopt;
    }
    Rrset cname;
    cname.owner = name;
    cname.type = RecordType::cname;
    cname.ttl_seconds = dname.ttl_seconds;
    cname.add(target->wire());
    out_.answer.push_back(cname);
    return type_ == RecordType::cname ? std::nullopt : std::optional(*target);
  }

  // `source`: the node that answers for `name`, itself or a wildcard.
  std::optional<Name> at_name(const Name& name, const Name& source) {
    const bool wildcard = source != name;
    const auto prove_expansion = [&] {
      if (!wildcard) return;
      if (zone_.uses_nsec3()) {
        prove(zone_.denial_over(next_closer(name, source.parent())));
      } else {
        prove(zone_.denial_over(name));
      }
    };
    if (type_ == RecordType::any && !zone_.is_empty(source)) {
      for (const Rrset* rrset : zone_.all_at(source)) add(out_.answer, expanded(*rrset, name), *rrset);
      prove_expansion();
      return std::nullopt;
    }
    if (const Rrset* found = zone_.find(source, type_)) {
      add(out_.answer, expanded(*found, name), *found);
      prove_expansion();
      if (type_ == RecordType::ns) add_addresses(*found);
      return std::nullopt;
    }
    if (const Rrset* cname = zone_.find(source, RecordType::cname)) {
      add(out_.answer, expanded(*cname, name), *cname);
      prove_expansion();
      return rdata_name(*cname->records().begin());
    }
    out_.empty_name = zone_.is_empty(source);
    add_soa();
    if (wildcard) {
      prove_absent(name);
      prove(zone_.denial_at(source));
    } else {
      prove_no_type(name);
    }
    return std::nullopt;
  }

  void add_addresses(const Rrset& ns) {
    for (const auto rdata : ns.records()) {
      for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
        const Rrset* address = zone_.find(*rdata_name(rdata), type);
        if (address != nullptr) add(out_.additional, *address);
      }
    }
  }

  const ZoneData& zone_;
  RecordType type_;
  bool dnssec_;
  AuthorityAnswer out_;
};

}  // namespace

Rrset expanded(Rrset rrset, const Name& owner) {
  rrset.owner = owner;
  return rrset;
}

AuthorityAnswer answer_from(const ZoneData& zone, const Name& qname, RecordType type, bool dnssec) {
  return Answering(zone, type, dnssec).run(qname);
}

}  // namespace weir::world
