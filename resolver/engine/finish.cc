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
  // "Invalid Data" is an authoritative server's word (RFC 8914 section 4.25).
  if (trouble.invalid > 0) return failure(EdeCode::other, "no usable answer from the servers of " + zone);
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

// What a part that was right at `since` has left now.
class Aged {
 public:
  Aged(SteadyTime since, SteadyTime now)
      : since_(since),
        seconds_(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now - since).count())) {}

  std::uint32_t ttl(std::uint32_t ttl_then) const { return ttl_then - std::min(ttl_then, seconds_); }
  Rrset rrset(Rrset rrset_then) const {
    rrset_then.ttl_seconds = ttl(rrset_then.ttl_seconds);
    return rrset_then;
  }
  SteadyTime expires(std::uint32_t ttl_then) const { return since_ + std::chrono::seconds(ttl_then); }

 private:
  SteadyTime since_;
  std::uint32_t seconds_;
};

bool is_failure(Rcode rcode) {
  return rcode == Rcode::servfail || rcode == Rcode::refused;
}

}  // namespace

ResolutionResult Resolution::result(SteadyTime now) const {
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
  const Aged end(finished.since, now);
  std::uint32_t ttl = end.ttl(finished.ttl_seconds);
  if (!is_failure(finished.rcode)) out.expires = end.expires(finished.ttl_seconds);
  const auto add_beside = [&](std::vector<Rrset>& section, const std::vector<Rrset>& from, const Aged& aged) {
    for (const Rrset& rrset : from) {
      if (rrset.type == RecordType::rrsig && !with_signatures) continue;
      const auto same = [&](const Rrset& known) {
        return known.type == rrset.type && known.type_covered == rrset.type_covered && known.owner == rrset.owner;
      };
      if (std::ranges::none_of(out.answer, same) && std::ranges::none_of(section, same))
        section.push_back(aged.rrset(rrset));
    }
  };
  const auto add = [&](const SignedRrset& data, const Aged& aged) {
    ttl = std::min(ttl, aged.ttl(data.rrset.ttl_seconds));
    out.expires = std::min(out.expires, aged.expires(data.rrset.ttl_seconds));
    // One DNAME may serve several links.
    if (std::ranges::any_of(out.answer, [&](const Rrset& known) {
          return known.type == data.rrset.type && known.owner == data.rrset.owner && known.type == RecordType::dname;
        })) {
      return;
    }
    out.answer.push_back(aged.rrset(data.rrset));
    if (!with_signatures) return;
    if (!data.signatures.empty()) out.answer.push_back(aged.rrset(data.signatures));
    add_beside(out.authority, data.proofs, aged);
  };
  for (std::size_t i = 0; i < lookup.chain.size(); ++i) {
    const ChainLink& link = lookup.chain[i];
    out.aliases.push_back({link.owner, link.target, link.alias.rrset.type, lookup.chain_zone_cuts[i]});
    if (is_failure(finished.rcode)) continue;  // a failure's chain is told, not answered with
    const Aged aged(lookup.chain_since[i], now);
    add(link.alias, aged);
    if (link.synthesised) add({*link.synthesised, {}}, aged);
  }
  if (is_failure(finished.rcode)) out.answer.clear();
  for (const SignedRrset& data : finished.rrsets) {
    if (!finished.is_referral) {
      add(data, end);
      continue;
    }
    add_beside(out.authority, {data.rrset}, end);
    if (!data.signatures.empty()) add_beside(out.authority, {data.signatures}, end);
  }
  for (const SignedRrset& data : finished.rrsets) {
    add_beside(out.authority, data.authority, end);
    add_beside(out.additional, data.additional, end);
  }
  for (const Rrset& rrset : finished.authority) {
    const RecordType type = rrset.type == RecordType::rrsig ? rrset.type_covered : rrset.type;
    if ((type == RecordType::nsec || type == RecordType::nsec3) && !with_signatures) continue;
    const bool address = type == RecordType::a || type == RecordType::aaaa;
    add_beside(address ? out.additional : out.authority, {rrset}, end);
  }
  // Nobody signs that a name would be too long.
  if (out.rcode == Rcode::yxdomain) out.security = worse(out.security, Security::insecure);
  out.zone_cut = finished.zone_cut;
  out.inferred = finished.inferred && out.upstream_packets == 0;
  out.ttl = std::chrono::seconds(ttl);
  if (lookup.uncached || finished.is_referral) {
    out.ttl = std::chrono::seconds(0);
    out.expires = std::min(out.expires, now);
  }
  return out;
}

}  // namespace weir
