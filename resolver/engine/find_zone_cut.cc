// FindZoneCut: what the caches know of the name, else the deepest delegation to go on from.
#include <algorithm>

#include "resolver/dnssec/denial_cache.h"
#include "resolver/engine/resolution.h"
#include "resolver/engine/server_selection.h"

namespace weir {
namespace {

// Somebody who does not check, or whose servers are other ones, may have put it there since this was asked anew.
bool is_doubtful(Security security, const Name& zone_cut, const Lookup& lookup, const Resolution& resolution) {
  return security == Security::indeterminate && lookup.purpose != Purpose::addresses && resolution.doubts(zone_cut);
}

// The name whose zone is asked: a DS is the parent's (RFC 4035 section 3.1.4.1).
Name asked_of(const Lookup& lookup) {
  return lookup.type == RecordType::ds && !lookup.name.is_root() ? lookup.name.parent() : lookup.name;
}

// Whether it is from above the zone where the trust in what is looked up begins, and insecure there: that neither
// denies nor redirects in an island of trust.
bool is_above_the_anchor(const Name& owner, Security security, const Lookup& lookup, const Context& context) {
  if (context.options.trust == nullptr || security != Security::insecure) return false;
  const TrustAnchor* anchor = context.options.trust->anchor_of(asked_of(lookup), context.now.wall);
  return anchor != nullptr && !owner.is_at_or_below(anchor->zone);
}

// Whether servers above a forward or stub zone said it: they do not know what its own servers have (RFC 9499 section 6,
// split DNS).
bool is_from_above(const ForwardZone* forward, const Name& zone_cut) {
  return forward != nullptr && !zone_cut.is_at_or_below(forward->name);
}

enum class Judged : std::uint8_t { not_necessarily, found_good };

std::optional<Step> alias_from_cache(const Lookup& lookup, const Resolution& resolution, const Context& context,
                                     Judged judged, const ForwardZone* forward) {
  const SteadyTime now = context.now.steady;
  const auto is_usable = [&](const CachedRrset& alias) {
    const Security security = alias.data.security;
    if (judged == Judged::found_good && security < Security::insecure) return false;
    if (is_from_above(forward, alias.zone_cut)) return false;
    return !is_doubtful(security, alias.zone_cut, lookup, resolution);
  };
  if (lookup.type != RecordType::cname) {
    auto cname =
        context.rrsets.find(lookup.name, RecordType::cname, Credibility::unauthoritative, resolution.signatures(), now);
    if (cname && !cname->data.rrset.empty() && is_usable(*cname)) {
      if (auto target = rdata_name(*cname->data.rrset.records().begin())) {
        return FollowAlias{{lookup.name, *target, std::move(cname->data), std::nullopt}, cname->zone_cut};
      }
    }
  }
  for (unsigned labels = lookup.name.label_count(); labels-- > 0;) {
    const Name owner = lookup.name.suffix(labels);
    auto dname =
        context.rrsets.find(owner, RecordType::dname, Credibility::unauthoritative, resolution.signatures(), now);
    if (!dname || !is_usable(*dname)) continue;
    if (is_above_the_anchor(owner, dname->data.security, lookup, context)) continue;
    if (!context.options.scrub.unsigned_dname_from_cache && dname->data.security != Security::secure) continue;
    auto synthesised = synthesise_cname(dname->data.rrset, lookup.name);
    if (!synthesised) continue;  // too long: let the authority say YXDOMAIN
    const Name target = *rdata_name(*synthesised->records().begin());
    FollowAlias link{{lookup.name, target, std::move(dname->data), std::move(synthesised)}, dname->zone_cut};
    link.is_the_answer = lookup.type == RecordType::cname;
    return link;
  }
  return std::nullopt;
}

bool is_about_validation(std::optional<EdeCode> ede) {
  return ede && *ede >= EdeCode::unsupported_dnskey_algorithm && *ede <= EdeCode::nsec_missing &&
         *ede != EdeCode::stale_answer && *ede != EdeCode::forged_answer;
}

Finished inferred(Finished finished) {
  finished.inferred = true;
  return finished;
}

// What secure zones have proven answers names that nobody asked for yet (RFC 8198).
std::optional<Step> synthesise(const Lookup& lookup, Resolution& resolution, const Context& context,
                               const ForwardZone* forward) {
  if (context.options.denials == nullptr || !resolution.validates(lookup, context)) return std::nullopt;
  if (context.options.trust->anchor_of(lookup.name, context.now.wall) == nullptr) return std::nullopt;
  const SteadyTime now = context.now.steady;
  auto found = context.options.denials->find(lookup.name, lookup.type, now, resolution.budget());
  if (!found || is_from_above(forward, found->zone)) return std::nullopt;
  using Kind = DenialCache::Synthesised::Kind;
  if (found->kind != Kind::wildcard) {
    const auto kind = found->kind == Kind::nxdomain ? NegativeKind::nxdomain : NegativeKind::nodata;
    return inferred(negative(kind, std::move(found->authority), found->ttl_seconds, found->zone, Security::secure));
  }
  const auto at_wildcard = [&](RecordType type) -> std::optional<SignedRrset> {
    auto known = context.rrsets.find(found->wildcard, type, Credibility::authoritative_answer, Signatures::needed, now);
    if (!known || known->data.security != Security::secure || known->data.rrset.empty()) return std::nullopt;
    SignedRrset data = std::move(known->data);
    data.rrset.owner = lookup.name;
    data.signatures.owner = lookup.name;
    data.rrset.ttl_seconds = std::min(data.rrset.ttl_seconds, found->ttl_seconds);
    data.proofs = found->authority;
    return data;
  };
  if (auto data = at_wildcard(lookup.type)) return inferred(positive({std::move(*data)}, found->zone));
  if (auto alias = at_wildcard(RecordType::cname)) {
    auto target = rdata_name(*alias->rrset.records().begin());
    if (target) return FollowAlias{{lookup.name, std::move(*target), std::move(*alias), std::nullopt}, found->zone};
  }
  return std::nullopt;
}

Finished failed_before(CachedFailure failed) {
  Finished out = failure(is_about_validation(failed.ede) ? *failed.ede : EdeCode::cached_error, std::move(failed.text));
  out.cause = Finished::Cause::cached_failure;
  if (is_about_validation(failed.ede)) out.security = Security::bogus;
  out.ttl_seconds = failed.ttl_seconds;
  return out;
}

std::optional<Step> answer_from_cache(const Lookup& lookup, Resolution& resolution, const Context& context,
                                      const ForwardZone* forward) {
  const SteadyTime now = context.now.steady;
  if (lookup.type == RecordType::any || lookup.record_class != RecordClass::in) return std::nullopt;  // RFC 8482
  auto failed = context.rrsets.find_failure(lookup.name, lookup.type, now);
  // What is fetched before it expires is fetched although it is known; what failed a moment ago is left alone.
  const bool refreshes = resolution.origin().kind == OriginKind::prefetch && lookup.purpose == Purpose::answer;
  if (refreshes && !failed) return std::nullopt;
  // Behind aliases it is the question that failed.
  const Question& question = resolution.question();
  if (!failed && lookup.purpose == Purpose::answer && !lookup.chain.empty())
    failed = context.rrsets.find_failure(question.name, question.type, now);
  const bool wanting = failed && is_about_validation(failed->ede);
  // Found wanting a moment ago: what nobody has validated since is not checked again.
  const bool is_bogus = wanting && resolution.validates(lookup, context);
  auto found =
      context.rrsets.find(lookup.name, lookup.type, Credibility::unauthoritative, resolution.signatures(), now);
  if (found && is_doubtful(found->data.security, found->zone_cut, lookup, resolution)) found.reset();
  if (found && is_from_above(forward, found->zone_cut)) found.reset();
  if (found && !(is_bogus && found->data.security == Security::indeterminate)) {
    return positive({std::move(found->data)}, found->zone_cut);
  }
  auto denied = context.rrsets.find_negative(lookup.name, lookup.type, resolution.signatures(), now);
  // What a referral said of a DS is for the chain of trust; a client's answer needs the SOA too (RFC 2308 section 5).
  if (denied && is_bogus && denied->security == Security::indeterminate) denied.reset();
  if (denied && is_doubtful(denied->security, denied->zone_cut, lookup, resolution)) denied.reset();
  const Rrset* soa = denied ? find_soa(denied->authority) : nullptr;
  if (soa != nullptr && is_above_the_anchor(soa->owner, denied->security, lookup, context)) denied.reset();
  if (denied && is_from_above(forward, denied->zone_cut)) denied.reset();
  if (denied && (lookup.purpose != Purpose::answer || soa != nullptr)) {
    return negative(denied->kind, std::move(denied->authority), denied->ttl_seconds, denied->zone_cut,
                    denied->security);
  }
  // The caches know the beginning of the alias chain, which the filter judges; what failed behind it is left alone.
  const Judged judged = is_bogus ? Judged::found_good : Judged::not_necessarily;
  if (auto alias = alias_from_cache(lookup, resolution, context, judged, forward)) return alias;
  if (!is_bogus) {
    if (auto synthesised = synthesise(lookup, resolution, context, forward)) return synthesised;
  }
  // Who checks for himself gets what was found wanting (RFC 4035 section 3.2.2).
  if (failed && (is_bogus || !wanting)) return failed_before(std::move(*failed));
  return std::nullopt;
}

// The NS of the deepest zone that the caches know for the name, with the addresses that they know for those.
std::optional<Step> referral_from_cache(const Lookup& lookup, const Resolution& resolution, const Context& context) {
  const auto find = [&](const Name& name, RecordType type) {
    return context.rrsets.find(name, type, Credibility::glue, resolution.signatures(), context.now.steady);
  };
  for (unsigned labels = lookup.name.label_count() + 1; labels-- > 0;) {
    auto ns = find(lookup.name.suffix(labels), RecordType::ns);
    if (!ns || ns->data.rrset.empty()) continue;
    ns->data.authority.clear();
    ns->data.additional.clear();
    for (const auto rdata : ns->data.rrset.records()) {
      const auto server = rdata_name(rdata);
      if (!server) continue;
      for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
        auto address = find(*server, type);
        if (!address || address->data.rrset.empty()) continue;
        ns->data.additional.push_back(std::move(address->data.rrset));
        if (!address->data.signatures.empty()) ns->data.additional.push_back(std::move(address->data.signatures));
      }
    }
    ns->data.security = Security::indeterminate;  // its addresses are looked at too
    Finished referral = positive({std::move(ns->data)}, ns->zone_cut);
    referral.is_referral = true;
    return referral;
  }
  return std::nullopt;
}

Delegation root_from_hints(const EngineOptions& options) {
  Delegation root;
  for (const RootServer& server : options.root_hints) root.servers.push_back({server.name, server.addresses});
  return root;
}

void add_cached_addresses(std::vector<IpAddress>& out, const Name& server, Credibility at_least,
                          const Context& context) {
  for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
    if (const auto found = context.rrsets.find(server, type, at_least, Signatures::not_needed, context.now.steady)) {
      append_addresses(out, found->data.rrset, context.options.scrub);
    }
  }
}

// Each of its servers' names is being looked up already, so that nobody can tell an address of it: the zone above may
// have glue.
bool waits_for_itself(const Delegation& zone, const Lookup& lookup, const Resolution& resolution,
                      const Context& context) {
  return std::ranges::all_of(zone.servers, [&](const NameServer& server) {
    std::vector<IpAddress> addresses = server.addresses;
    if (addresses.empty()) add_cached_addresses(addresses, server.name, Credibility::glue, context);
    return addresses.empty() && resolution.depends_on(server.name, lookup.type);
  });
}

// False where the zone has as many as may be.
bool add_candidate(AskServers& step, const ServerAddress& server, Context& context) {
  const bool ipv4 = server.address.family == AddressFamily::ipv4;
  if (!(ipv4 ? context.options.use_ipv4 : context.options.use_ipv6)) return true;
  if (server.port == 0 && std::ranges::find(context.options.own_addresses, server.address.unmapped()) !=
                              context.options.own_addresses.end())
    return true;
  const bool known =
      std::ranges::any_of(step.candidates, [&](const Candidate& candidate) { return candidate.address == server; });
  if (known) return true;
  if (step.candidates.size() >= limit_of(Limit::addresses_per_zone)) {
    context.counters.limits.reach(Limit::addresses_per_zone);
    return false;
  }
  step.candidates.push_back({.address = server});
  return true;
}

}  // namespace

void add_candidates(AskServers& step, const std::vector<IpAddress>& addresses, Context& context) {
  for (const IpAddress& address : addresses) {
    if (!add_candidate(step, address, context)) return;
  }
}

AskServers ask_zone(Delegation zone, Context& context) {
  AskServers step;
  step.zone = std::move(zone);
  step.ask_name = step.zone.zone_cut;
  for (const NameServer& server : step.zone.servers) {
    std::vector<IpAddress> addresses = server.addresses;
    Credibility at_least = Credibility::glue;
    if (context.options.verify_sibling_glue && !server.name.is_at_or_below(step.zone.zone_cut)) {
      step.sibling_glue.insert(step.sibling_glue.end(), addresses.begin(), addresses.end());
      addresses.clear();
      at_least = Credibility::unauthoritative;
    }
    if (addresses.empty()) add_cached_addresses(addresses, server.name, at_least, context);
    add_candidates(step, addresses, context);
    const bool any = std::ranges::any_of(addresses, [&](const IpAddress& address) {
      return address.family == AddressFamily::ipv4 ? context.options.use_ipv4 : context.options.use_ipv6;
    });
    if (!any) step.without_addresses.push_back(server.name);
  }
  // In random order, so that no name server is always the first to be looked up.
  for (std::size_t left = step.without_addresses.size(); left > 1; --left) {
    std::swap(step.without_addresses[left - 1],
              step.without_addresses[random_below(context.options.random, static_cast<std::uint32_t>(left))]);
  }
  return step;
}

namespace {

// Where no delegation is known the hints are all there is.
AskServers ask_zone_or_root(std::optional<Delegation> zone, Context& context) {
  return ask_zone(zone ? std::move(*zone) : root_from_hints(context.options), context);
}

AskServers ask_forward_zone(const ForwardZone& forward, Context& context) {
  if (forward.counters != nullptr) forward.counters->asked.fetch_add(1, std::memory_order_relaxed);
  AskServers step;
  step.zone.zone_cut = step.ask_name = forward.name;
  for (const ServerAddress& server : forward.servers) add_candidate(step, server, context);
  if (forward.kind == ForwardZone::Kind::forward) step.role = ServerRole::forwarder;
  return step;
}

}  // namespace

AskServers ask_parent_of(const Name& zone_cut, Context& context) {
  return ask_zone_or_root(context.rrsets.closest_delegation(zone_cut.parent(), context.now.steady), context);
}

const ForwardZone* forward_zone_of(const Lookup& lookup, const Context& context) {
  const Name name = asked_of(lookup);
  const ForwardZone* closest = nullptr;
  for (const ForwardZone& zone : context.options.forward_zones) {
    if (!name.is_at_or_below(zone.name)) continue;
    if (closest == nullptr || zone.name.label_count() > closest->name.label_count()) closest = &zone;
  }
  return closest;
}

std::optional<Step> advance(FindZoneCut&, Lookup& lookup, Resolution& resolution, Context& context) {
  const ForwardZone* forward = lookup.without_forwarders ? nullptr : forward_zone_of(lookup, context);
  const auto caching = forward == nullptr ? ForwardZone::Caching::on : forward->caching;
  if (caching == ForwardZone::Caching::off) {
    lookup.uncached = true;
  } else if (auto known = answer_from_cache(lookup, resolution, context, forward)) {
    return known;
  }
  // What a referral's validation lacks is fetched.
  const bool refers = context.options.refer_without_recursion;
  if (resolution.origin().cache_only && !(refers && lookup.purpose != Purpose::answer)) {
    if (refers) {
      if (auto referral = referral_from_cache(lookup, resolution, context)) return referral;
    }
    Finished unknown = failure(EdeCode::not_authoritative, "recursion was not asked for");
    unknown.rcode = Rcode::refused;
    unknown.cause = Finished::Cause::cached_failure;  // nothing to remember
    return unknown;
  }
  // DS stands on the parent's side of the cut (RFC 4035 section 3.1.4.1).
  const bool above = lookup.type == RecordType::ds && !lookup.name.is_root();
  const bool refreshes = lookup.purpose == Purpose::answer;
  const std::chrono::seconds leeway(refreshes ? resolution.origin().leeway_seconds : 0);
  auto zone =
      context.rrsets.closest_delegation(above ? lookup.name.parent() : lookup.name, context.now.steady + leeway);
  while (lookup.purpose == Purpose::addresses && zone && !zone->zone_cut.is_root() &&
         waits_for_itself(*zone, lookup, resolution, context)) {
    zone = context.rrsets.closest_delegation(zone->zone_cut.parent(), context.now.steady);
  }
  if (forward != nullptr) {
    const bool known_below =
        forward->kind == ForwardZone::Kind::stub && zone && zone->zone_cut.label_count() > forward->name.label_count();
    if (!known_below) {
      AskServers step = ask_forward_zone(*forward, context);
      // Asked with a client's CD a forwarder gives what it would keep from others, and nobody here tells it apart: it
      // is kept under the answer's own key alone, which has CD in it.
      const bool unchecked =
          step.role == ServerRole::forwarder && resolution.origin().checking_disabled && !context.options.trust;
      step.caching = unchecked ? ForwardZone::Caching::off : caching;
      return step;
    }
  }
  return ask_zone_or_root(std::move(zone), context);
}

}  // namespace weir
