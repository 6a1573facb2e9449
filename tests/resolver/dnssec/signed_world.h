// Signed zones from the root down, and who answers a walk's questions for DS and DNSKEY: honestly, or as a test says.
#pragma once

#include <deque>

#include "resolver/dnssec/chain_of_trust.h"
#include "tests/resolver/dnssec/signed_zone.h"

namespace weir {

struct SignedWorld {
  std::deque<SignedZone> zones;
  TrustRules rules;
  ZoneTrustCache cache;
  std::map<std::string, TrustRecords> instead;  // "example DS": the answer that this question gets
  std::vector<std::string> asked;
  Now now{SteadyTime{}, seconds_since_1970(1500)};

  SignedZone& add(const std::string& apex, const std::string& records, Signing signing = {}) {
    return zones.emplace_back(apex, records, std::move(signing));
  }
  void trust(const SignedZone& zone) {
    const TrustAnchor anchor = zone.anchor();
    rules.anchors.add(anchor.zone, RecordType::ds, *anchor.ds.records().begin());
  }
  void distrust(const std::string& below, std::chrono::seconds lifetime = std::chrono::seconds(1000)) {
    ASSERT_TRUE(rules.negative_anchors.add({name(below), now.wall + lifetime, "it is broken"}, now.wall));
  }
  void pass(std::chrono::seconds time) {
    now.steady += time;
    now.wall += time;
  }
  const SignedZone& zone(const std::string& apex) const {
    return *std::ranges::find(zones, name(apex), &SignedZone::apex);
  }

  TrustRecords honest(const TrustQuestion& question) const {
    const SignedZone* at = nullptr;
    for (const SignedZone& zone : zones) {
      if (!question.name.is_at_or_below(zone.apex())) continue;
      if (question.type == RecordType::ds && question.name == zone.apex()) continue;
      if (at == nullptr || zone.apex().label_count() > at->apex().label_count()) at = &zone;
    }
    TrustRecords out;
    out.zone_cut = at->apex();
    const SignedRrset* alias = at->find(question.name, RecordType::cname);
    if (const SignedRrset* found = at->find(question.name, question.type)) {
      out.kind = TrustRecords::Kind::records;
      out.records = *found;
    } else if (alias != nullptr) {
      out.kind = TrustRecords::Kind::alias;
      out.records = *alias;
    } else {
      out.kind = at->exists(question.name) ? TrustRecords::Kind::no_data : TrustRecords::Kind::no_name;
      out.authority = at->denial(question.name.to_text());
    }
    return out;
  }
  TrustRecords honest(const std::string& owner, RecordType type) const { return honest({name(owner), type}); }
  TrustRecords answer(const TrustQuestion& question) {
    asked.push_back(question.name.to_text() + " " + to_text(question.type));
    const auto other = instead.find(asked.back());
    return other == instead.end() ? honest(question) : other->second;
  }

  // `step`: run() of a validator, zone() or unsigned_at() of a chain. What it ends with.
  template <class Asker, class Step>
  auto ask_on(Asker& asker, const Step& step) {
    while (true) {
      auto found = step();
      const auto* question = std::get_if<TrustQuestion>(&found);
      if (question == nullptr) return *std::get_if<0>(&found);
      if (asked.size() > 100) {
        ADD_FAILURE() << "it asks without end";
        return std::decay_t<decltype(*std::get_if<0>(&found))>{};
      }
      asker.give(*question, answer(*question));
    }
  }
  ZoneTrust zone_trust(ChainOfTrust& chain, const std::string& zone, Budget& budget) {
    return ask_on(chain, [&] { return chain.zone(name(zone), now, budget); });
  }
  ZoneTrust zone_trust(const std::string& zone) {
    ChainOfTrust chain(rules, cache);
    Budget budget{SteadyTime{}};
    ZoneTrust found = zone_trust(chain, zone, budget);
    chain.keep_bogus();  // nobody in this world could say otherwise
    return found;
  }
};

}  // namespace weir
