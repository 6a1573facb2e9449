// The whole validator over answers of a small signed world that somebody has tampered with: records changed, dropped,
// replayed from elsewhere, the chain's DS and DNSKEY too. What comes out as secure must be what the zones hold.
//
// Input: which world, which question, then edits: what to do, and to which record.
#include <memory>

#include "resolver/dnssec/answer_validator.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/messages.h"
#include "tests/resolver/dnssec/signed_world.h"

namespace weir::fuzz {
namespace {

constexpr unsigned kMaxEdits = 16;

const char* const kNames[] = {
    "www.example",          "example",        "none.example",       "alias.example",       "x.ent.example",
    "ent.example",          "wild.example",   "a.wild.example",     "there.wild.example",  "b.there.wild.example",
    "*.wild.example",       "secure.example", "www.secure.example", "none.secure.example", "insecure.example",
    "www.insecure.example", "broken.example", "www.broken.example", "dsa.example",         "org",
};
constexpr RecordType kTypes[] = {RecordType::a,    RecordType::txt, RecordType::cname, RecordType::ds,
                                 RecordType::nsec, RecordType::ns,  RecordType::soa,   RecordType::dnskey,
                                 RecordType::aaaa, RecordType::any, RecordType::nsec3, RecordType::dname};

struct World : SignedWorld {
  explicit World(DenialBy denial) {
    const Signing signing{.denial = denial, .algorithm = DnssecAlgorithm::ed25519};
    const SignedZone& secure = add("secure.example",
                                   "secure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
                                   "www.secure.example. 3600 A 192.0.2.2\n",
                                   signing);
    add("insecure.example",
        "insecure.example. 3600 SOA ns. h. 1 2 3 4 300\n"
        "www.insecure.example. 3600 A 192.0.2.4\n",
        signing);
    trust(add("example",
              "example. 300 SOA ns. h. 1 2 3 4 300\n"
              "secure.example. 3600 NS ns.secure.example.\n" +
                  secure.ds_line() +
                  "broken.example. 3600 NS ns.broken.example.\n"
                  "broken.example. 3600 DS 1 13 2 00\n"
                  "dsa.example. 3600 NS ns.dsa.example.\n"
                  "dsa.example. 3600 DS 1 3 2 00\n"
                  "insecure.example. 3600 NS ns.insecure.example.\n"
                  "www.example. 3600 A 192.0.2.1\n"
                  "www.example. 3600 A 192.0.2.9\n"
                  "alias.example. 3600 CNAME www.example.\n"
                  "x.ent.example. 3600 A 192.0.2.1\n"
                  "*.wild.example. 3600 A 192.0.2.7\n"
                  "there.wild.example. 3600 TXT here\n",
              signing));
  }

  // Whether some zone of this world could answer.
  bool knows(const Name& owner, RecordType type) const {
    return owner.is_at_or_below(name("example")) && !(type == RecordType::ds && owner == name("example"));
  }
  // The zone whose data is at `owner`; nothing where no signed zone's is.
  const SignedZone* home_of(const Name& owner, RecordType type) const {
    const SignedZone* at = nullptr;
    for (const SignedZone& zone : zones) {
      const bool parent = type == RecordType::ds && owner == zone.apex();
      if (!owner.is_at_or_below(zone.apex()) || parent) continue;
      if (at == nullptr || zone.apex().label_count() > at->apex().label_count()) at = &zone;
    }
    return at == nullptr || at->apex() == name("insecure.example") ? nullptr : at;
  }
  // The wildcard that `owner`, which does not exist, is expanded from.
  static std::optional<Name> wildcard_of(const SignedZone& zone, const Name& owner) {
    if (zone.exists(owner)) return std::nullopt;
    Name encloser = owner;
    while (!zone.exists(encloser)) encloser = encloser.parent();
    const auto wildcard = encloser.child("*");
    return wildcard && zone.exists(*wildcard) ? wildcard : std::nullopt;
  }
  const SignedRrset* truth(const Name& owner, RecordType type) const {
    const SignedZone* zone = home_of(owner, type);
    if (zone == nullptr) return nullptr;
    if (const SignedRrset* found = zone->find(owner, type)) return found;
    const auto wildcard = wildcard_of(*zone, owner);
    return wildcard ? zone->find(*wildcard, type) : nullptr;
  }
};

World& world_of(unsigned number) {
  static const std::unique_ptr<World> all[] = {std::make_unique<World>(DenialBy::nsec),
                                               std::make_unique<World>(DenialBy::nsec3),
                                               std::make_unique<World>(DenialBy::nsec3_opt_out)};
  return *all[number % std::size(all)];
}

// What an honest server says, and then what became of it.
struct Said {
  Name name;
  RecordType type{};
  std::vector<SignedRrset> pieces;
  std::optional<NegativeKind> denied;
  std::vector<Rrset> authority;

  Said(const World& world, const Name& qname, RecordType qtype) : name(qname), type(qtype) {
    const SignedRrset* found = world.truth(name, type);
    const SignedZone* zone = world.home_of(name, type);
    if (found == nullptr) found = world.truth(name, RecordType::cname);
    if (found != nullptr) {
      SignedRrset data = *found;
      if (data.rrset.owner != name) {
        for (const SignedRrset& proof : zone->proofs(name)) {
          data.proofs.push_back(proof.rrset);
          data.proofs.push_back(proof.signatures);
        }
      }
      data.rrset.owner = data.signatures.owner = name;
      pieces.push_back(std::move(data));
    } else if (zone != nullptr) {
      denied = zone->exists(name) || World::wildcard_of(*zone, name) ? NegativeKind::nodata : NegativeKind::nxdomain;
      authority = zone->denial(name.to_text());
    }
  }

  std::vector<Rrset*> records() {
    std::vector<Rrset*> out;
    for (SignedRrset& piece : pieces) {
      out.push_back(&piece.rrset);
      out.push_back(&piece.signatures);
      for (Rrset& proof : piece.proofs) out.push_back(&proof);
    }
    for (Rrset& rrset : authority) out.push_back(&rrset);
    return out;
  }
};

void change_rdata(Rrset& rrset, Input& input) {
  const unsigned which = input.u8();
  const unsigned offset = input.u16();
  const std::uint8_t value = input.u8();
  std::vector<std::vector<std::uint8_t>> records;
  for (const auto rdata : rrset.records()) records.emplace_back(rdata.begin(), rdata.end());
  if (records.empty()) return;
  auto& changed = records[which % records.size()];
  if (changed.empty() || value == 0) {
    changed.resize(offset % (changed.size() + 3));
  } else {
    changed[offset % changed.size()] ^= value;
  }
  rrset.set_packed({}, 0);
  for (const auto& rdata : records) rrset.add(rdata);
}

Rrset replayed(const World& world, Input& input) {
  const SignedZone& zone = world.zones[input.u8() % world.zones.size()];
  const auto all = zone.all();
  return all[input.u8() % all.size()];
}

void lie_about_trust(World& world, Input& input) {
  const Name owner = name(kNames[input.u8() % std::size(kNames)]);
  const RecordType type = (input.u8() & 1) == 0 ? RecordType::ds : RecordType::dnskey;
  const Name other = name(kNames[input.u8() % std::size(kNames)]);
  const RecordType other_type = (input.u8() & 1) == 0 ? RecordType::ds : RecordType::dnskey;
  TrustRecords lie = world.knows(other, other_type) ? world.honest({other, other_type}) : TrustRecords();
  if ((input.u8() & 1) != 0) change_rdata(lie.records.rrset, input);
  if ((input.u8() & 1) != 0) lie.kind = static_cast<TrustRecords::Kind>(input.u8() % 5);
  world.instead[owner.to_text() + " " + to_text(type)] = std::move(lie);
}

void edit(Said& said, World& world, Input& input) {
  const unsigned what = input.u8() % 10;
  const auto records = said.records();
  if (what == 8) return lie_about_trust(world, input);
  if (what == 7) {  // the same records as an answer to something else
    said.name = name(kNames[input.u8() % std::size(kNames)]);
    said.type = kTypes[input.u8() % std::size(kTypes)];
    if (said.denied) said.denied = (input.u8() & 1) == 0 ? NegativeKind::nodata : NegativeKind::nxdomain;
    return;
  }
  if (what == 6) {
    if (!said.pieces.empty()) {
      said.pieces[input.u8() % said.pieces.size()].proofs.push_back(replayed(world, input));
    } else {
      said.authority.push_back(replayed(world, input));
    }
    return;
  }
  if (records.empty()) return;
  Rrset& rrset = *records[input.u8() % records.size()];
  switch (what) {
    case 0:
      return change_rdata(rrset, input);
    case 1:
      return rrset.set_packed({}, 0);
    case 2:
      rrset.owner = name(kNames[input.u8() % std::size(kNames)]);
      return;
    case 3:
      rrset.type = kTypes[input.u8() % std::size(kTypes)];
      return;
    case 4:
      rrset = replayed(world, input);
      return;
    case 5:
      rrset.ttl_seconds = input.u16();
      return;
    default: {  // more of the same
      const Rrset other = replayed(world, input);
      for (const auto rdata : other.records()) rrset.add(rdata);
    }
  }
}

void check_piece(const World& world, const SignedRrset& piece) {
  if (piece.security != Security::secure) return;
  const SignedRrset* truth = world.truth(piece.rrset.owner, piece.rrset.type);
  require(truth != nullptr, "secure data that is not there");
  require(canonical_rdata(piece.rrset) == canonical_rdata(truth->rrset), "secure data that is not what the zone holds");
  require(piece.rrset.ttl_seconds <= truth->rrset.ttl_seconds, "secure data that outlives what was signed");
}

void check_denial(const World& world, const DenialPiece& denial) {
  if (denial.security != Security::secure) return;
  const SignedZone* zone = world.home_of(denial.name, denial.type);
  require(zone != nullptr, "securely denied in a zone that signs nothing");
  const bool wildcard = World::wildcard_of(*zone, denial.name).has_value();
  if (denial.kind == NegativeKind::nxdomain) {
    require(!zone->exists(denial.name) && !wildcard, "a name that exists was securely denied");
  } else {
    require(world.truth(denial.name, denial.type) == nullptr, "data that is there was securely denied");
    require(world.truth(denial.name, RecordType::cname) == nullptr, "an alias was securely passed over");
  }
}

}  // namespace

WEIR_FUZZ_TARGET(signed_answer) {
  Input script(input);
  World& world = world_of(script.u8());
  world.cache.clear();
  world.instead.clear();
  world.asked.clear();
  const Name qname = name(kNames[script.u8() % std::size(kNames)]);
  Said said(world, qname, kTypes[script.u8() % std::size(kTypes)]);
  for (unsigned edits = 0; edits < kMaxEdits && !script.empty(); ++edits) edit(said, world, script);

  AnswerValidator validator(world.rules, world.cache);
  const Name zone_cut = name("example");
  for (SignedRrset& piece : said.pieces) {
    if (piece.rrset.empty()) return;  // no reader makes one
    validator.pieces.push_back({.data = std::move(piece), .zone_cut = zone_cut});
  }
  std::erase_if(said.authority, [](const Rrset& rrset) { return rrset.empty(); });
  if (said.denied) {
    validator.denial = DenialPiece{.name = said.name,
                                   .type = said.type,
                                   .kind = *said.denied,
                                   .authority = said.authority,
                                   .ttl_seconds = 300,
                                   .zone_cut = zone_cut};
  }
  Budget budget{SteadyTime{}};
  for (unsigned questions = 0;; ++questions) {
    require(questions <= limit_of(Limit::trust_questions), "a validation that does not end");
    const auto outcome = validator.run(world.now, budget);
    const auto* question = std::get_if<TrustQuestion>(&outcome);
    if (question == nullptr) break;
    require(world.knows(question->name, question->type), "asked above the trust anchor");
    validator.give(*question, world.answer(*question));
  }
  for (const AnswerPiece& piece : validator.pieces) check_piece(world, piece.data);
  if (validator.denial) check_denial(world, *validator.denial);
}

}  // namespace weir::fuzz
