// FindZoneCut: what the caches know of the name, else the deepest delegation to go on from.
#include <algorithm>

#include "resolver/dnssec/denial_cache.h"
#include "resolver/engine/resolution.h"
#include "resolver/engine/server_selection.h"

namespace weir {
namespace {

std::optional<Step> alias_from_cache(const Lookup& lookup, const Resolution& resolution, const Context& context) {
  const SteadyTime now = context.now.steady;
  if (lookup.type != RecordType::cname) {
    auto cname =
        context.rrsets.find(lookup.name, RecordType::cname, Credibility::unauthoritative, resolution.signatures(), now);
    if (cname && !cname->data.rrset.empty()) {
      if (auto target = rdata_name(*cname->data.rrset.records().begin())) {
        return FollowAlias{{lookup.name, *target, std::move(cname->data), std::nullopt}, cname->zone_cut};
      }
    }
  }
  for (unsigned labels = lookup.name.label_count(); labels-- > 0;) {
    const Name owner = lookup.name.suffix(labels);
    auto dname =
        context.rrsets.find(owner, RecordType::dname, Credibility::unauthoritative, resolution.signatures(), now);
    if (!dname) continue;
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

bool has_soa(const std::vector<Rrset>& authority) {
  return std::ranges::find(authority, RecordType::soa, &Rrset::type) != authority.end();
}

// What secure zones have proven answers names that nobody asked for yet (RFC 8198).
std::optional<Step> synthesise(const Lookup& lookup, Resolution& resolution, const Context& context) {
  if (context.options.denials == nullptr || !resolution.validates(lookup, context)) return std::nullopt;
  if (context.options.trust->anchor_of(lookup.name, context.now.wall) == nullptr) return std::nullopt;
  const SteadyTime now = context.now.steady;
  auto found = context.options.denials->find(lookup.name, lookup.type, now, resolution.budget());
  if (!found) return std::nullopt;
  using Kind = DenialCache::Synthesised::Kind;
  if (found->kind != Kind::wildcard) {
    const auto kind = found->kind == Kind::nxdomain ? NegativeKind::nxdomain : NegativeKind::nodata;
    return negative(kind, std::move(found->authority), found->ttl_seconds, found->zone, Security::secure);
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
  if (auto data = at_wildcard(lookup.type)) return positive({std::move(*data)}, found->zone);
  if (auto alias = at_wildcard(RecordType::cname)) {
    auto target = rdata_name(*alias->rrset.records().begin());
    if (target) return FollowAlias{{lookup.name, std::move(*target), std::move(*alias), std::nullopt}, found->zone};
  }
  return std::nullopt;
}

std::optional<Step> answer_from_cache(const Lookup& lookup, Resolution& resolution, const Context& context) {
  const SteadyTime now = context.now.steady;
  if (lookup.type == RecordType::any || lookup.record_class != RecordClass::in) return std::nullopt;  // RFC 8482
  auto failed = context.rrsets.find_failure(lookup.name, lookup.type, now);
  // What is fetched before it expires is fetched although it is known; what failed a moment ago is left alone.
  const bool refreshes = resolution.origin().kind == OriginKind::prefetch && lookup.purpose == Purpose::answer;
  if (refreshes && !failed) return std::nullopt;
  const bool wanting = failed && is_about_validation(failed->ede);
  // Found wanting a moment ago: what nobody has validated since is not checked again.
  const bool is_bogus = wanting && resolution.validates(lookup, context);
  auto found =
      context.rrsets.find(lookup.name, lookup.type, Credibility::unauthoritative, resolution.signatures(), now);
  if (found && !(is_bogus && found->data.security == Security::indeterminate)) {
    return positive({std::move(found->data)}, found->zone_cut);
  }
  auto denied = context.rrsets.find_negative(lookup.name, lookup.type, resolution.signatures(), now);
  // What a referral said of a DS is for the chain of trust; a client's answer needs the SOA too (RFC 2308 section 5).
  if (denied && is_bogus && denied->security == Security::indeterminate) denied.reset();
  if (denied && (lookup.purpose != Purpose::answer || has_soa(denied->authority))) {
    return negative(denied->kind, std::move(denied->authority), denied->ttl_seconds, denied->zone_cut,
                    denied->security);
  }
  if (!is_bogus) {
    if (auto alias = alias_from_cache(lookup, resolution, context)) return alias;
    if (auto synthesised = synthesise(lookup, resolution, context)) return synthesised;
  }
  // Who checks for himself gets what was found wanting (RFC 4035 section 3.2.2).
  if (failed && (is_bogus || !wanting)) {
    const EdeCode ede = wanting ? *failed->ede : EdeCode::cached_error;
    Finished out = failure(ede, std::move(failed->text));
    out.cause = Finished::Cause::cached_failure;
    out.ttl_seconds = failed->ttl_seconds;
    return out;
  }
  return std::nullopt;
}

Delegation root_from_hints(const EngineOptions& options) {
  Delegation root;
  for (const RootServer& server : options.root_hints) root.servers.push_back({server.name, server.addresses});
  return root;
}

void add_cached_addresses(std::vector<IpAddress>& out, const Name& server, const Context& context) {
  for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
    if (const auto found =
            context.rrsets.find(server, type, Credibility::glue, Signatures::not_needed, context.now.steady)) {
      append_addresses(out, found->data.rrset);
    }
  }
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
    if (addresses.empty()) add_cached_addresses(addresses, server.name, context);
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

AskServers ask_forward_zone(const ForwardZone& forward, Context& context) {
  if (forward.counters != nullptr) forward.counters->asked.fetch_add(1, std::memory_order_relaxed);
  AskServers step;
  step.zone.zone_cut = step.ask_name = forward.name;
  for (const ServerAddress& server : forward.servers) add_candidate(step, server, context);
  if (forward.kind == ForwardZone::Kind::forward) step.role = ServerRole::forwarder;
  return step;
}

}  // namespace

const ForwardZone* forward_zone_of(const Lookup& lookup, const Context& context) {
  // A DS is the parent's (RFC 4035 section 3.1.4.1).
  const Name name = lookup.type == RecordType::ds && !lookup.name.is_root() ? lookup.name.parent() : lookup.name;
  const ForwardZone* closest = nullptr;
  for (const ForwardZone& zone : context.options.forward_zones) {
    if (!name.is_at_or_below(zone.name)) continue;
    if (closest == nullptr || zone.name.label_count() > closest->name.label_count()) closest = &zone;
  }
  return closest;
}

std::optional<Step> advance(FindZoneCut&, Lookup& lookup, Resolution& resolution, Context& context) {
  if (auto known = answer_from_cache(lookup, resolution, context)) return known;
  if (resolution.origin().cache_only) {
    Finished unknown = failure(EdeCode::not_authoritative, "recursion was not asked for");
    unknown.rcode = Rcode::refused;
    unknown.cause = Finished::Cause::cached_failure;  // nothing to remember
    return unknown;
  }
  // DS stands on the parent's side of the cut (RFC 4035 section 3.1.4.1).
  const bool above = lookup.type == RecordType::ds && !lookup.name.is_root();
  auto zone = context.rrsets.closest_delegation(above ? lookup.name.parent() : lookup.name, context.now.steady);
  if (const ForwardZone* forward = forward_zone_of(lookup, context); forward != nullptr && !lookup.without_forwarders) {
    const bool known_below =
        forward->kind == ForwardZone::Kind::stub && zone && zone->zone_cut.label_count() > forward->name.label_count();
    if (!known_below) {
      return ask_forward_zone(*forward, context);
    }
  }
  return ask_zone(zone ? std::move(*zone) : root_from_hints(context.options), context);
}

}  // namespace weir
