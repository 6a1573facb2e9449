// Finished: what a lookup ends with, and what of it the client's result carries.
#include <algorithm>

#include "resolver/engine/resolution.h"

namespace weir {

Finished failure(EdeCode ede, std::string text) {
  Finished out;
  out.cause = Finished::Cause::failed;
  out.ede = ede;
  out.ede_text = std::move(text);
  return out;
}

Finished limit_failure(Limit limit, Context& context) {
  context.counters.limits.reach(limit);
  return failure(EdeCode::other, "limit reached: " + std::string(row_of(limit).name));
}

Finished no_server_left(const AskServers& step, const Lookup& lookup) {
  const std::string zone = step.zone.zone_cut.to_text();
  const Trouble& trouble = lookup.trouble;
  if (trouble.silent > 0) return failure(EdeCode::no_reachable_authority, "no answer from the servers of " + zone);
  if (trouble.network > 0) return failure(EdeCode::network_error, "the servers of " + zone + " cannot be reached");
  if (trouble.invalid > 0) return failure(EdeCode::invalid_data, "no usable answer from the servers of " + zone);
  if (trouble.refused > 0)
    return failure(EdeCode::no_reachable_authority, "the servers of " + zone + " do not serve it");
  return failure(EdeCode::no_reachable_authority, "no server of " + zone + " has an address that can be asked");
}

Finished positive(std::vector<SignedRrset> rrsets, Name zone_cut) {
  Finished out;
  out.rcode = Rcode::noerror;
  std::uint32_t ttl = static_cast<std::uint32_t>(limit_of(Limit::ttl_s));
  out.security = rrsets.empty() ? Security::indeterminate : Security::secure;
  for (SignedRrset& data : rrsets) {
    out.security = worse(out.security, data.security);
    data.rrset.ttl_seconds = std::min(data.rrset.ttl_seconds, ttl);
    ttl = data.rrset.ttl_seconds;
    data.signatures.ttl_seconds = ttl;
  }
  out.ttl_seconds = ttl;
  out.rrsets = std::move(rrsets);
  out.zone_cut = std::move(zone_cut);
  return out;
}

Finished negative(NegativeKind kind, std::vector<Rrset> authority, std::uint32_t ttl, Name zone_cut,
                  Security security) {
  Finished out;
  out.security = security;
  out.denied = kind;
  out.rcode = kind == NegativeKind::nxdomain ? Rcode::nxdomain : Rcode::noerror;
  out.authority = std::move(authority);
  out.ttl_seconds = ttl;
  out.zone_cut = std::move(zone_cut);
  return out;
}

namespace {

bool is_failure(Rcode rcode) {
  return rcode == Rcode::servfail || rcode == Rcode::refused;
}

}  // namespace

ResolutionResult Resolution::result() const {
  const Lookup& lookup = *lookups_.front();
  const Finished& finished = *std::get_if<Finished>(&lookup.step);
  const bool with_signatures = origin_.dnssec_ok;
  ResolutionResult out;
  out.question = question_;
  out.rcode = finished.rcode;
  out.security = finished.security;
  for (const ChainLink& link : lookup.chain) out.security = worse(out.security, link.alias.security);
  out.ede = finished.ede;
  out.ede_text = finished.ede_text;
  out.upstream_packets = static_cast<unsigned>(budget_.spent(Limit::upstream_packets));
  std::uint32_t ttl = finished.ttl_seconds;
  const auto add_beside = [&](std::vector<Rrset>& section, const std::vector<Rrset>& from) {
    for (const Rrset& rrset : from) {
      if (rrset.type == RecordType::rrsig && !with_signatures) continue;
      const auto same = [&](const Rrset& known) {
        return known.type == rrset.type && known.type_covered == rrset.type_covered && known.owner == rrset.owner;
      };
      if (std::ranges::none_of(out.answer, same) && std::ranges::none_of(section, same)) section.push_back(rrset);
    }
  };
  const auto add = [&](const SignedRrset& data, bool counts) {
    if (counts) ttl = std::min(ttl, data.rrset.ttl_seconds);
    // One DNAME may serve several links.
    if (std::ranges::any_of(out.answer, [&](const Rrset& known) {
          return known.type == data.rrset.type && known.owner == data.rrset.owner && known.type == RecordType::dname;
        })) {
      return;
    }
    out.answer.push_back(data.rrset);
    if (!with_signatures) return;
    if (!data.signatures.empty()) out.answer.push_back(data.signatures);
    add_beside(out.authority, data.proofs);
  };
  for (std::size_t i = 0; i < lookup.chain.size(); ++i) {
    const ChainLink& link = lookup.chain[i];
    out.aliases.push_back({link.owner, link.target, link.alias.rrset.type, lookup.chain_zone_cuts[i]});
    if (is_failure(finished.rcode)) continue;  // a failure's chain is told, not answered with
    add(link.alias, true);
    if (link.synthesised) add({*link.synthesised, {}}, true);
  }
  if (is_failure(finished.rcode)) out.answer.clear();
  for (const SignedRrset& data : finished.rrsets) add(data, true);
  for (const SignedRrset& data : finished.rrsets) {
    add_beside(out.authority, data.authority);
    add_beside(out.additional, data.additional);
  }
  for (const Rrset& rrset : finished.authority) {
    if (rrset.type == RecordType::soa || with_signatures) out.authority.push_back(rrset);
  }
  out.zone_cut = finished.zone_cut;
  out.ttl = std::chrono::seconds(ttl);
  return out;
}

}  // namespace weir
