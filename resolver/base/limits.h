// Every bound on what one client resolution may cost, in one table: value, counter, and the attack or RFC that asks
// for it. Documentation and metrics are made from kLimits; the code names a row through Limit.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

// Rows up to `budgeted` are amounts that a Budget runs down over a whole client resolution, its sub-resolutions
// included. The others bound one step, one server or one cache entry.
enum class Limit : std::uint8_t {
  upstream_packets,
  upstream_octets,
  referrals,
  aliases,
  silent_servers,
  failing_servers,
  address_lookups,
  failing_address_lookups,
  minimised_questions,
  signature_checks,
  failed_signature_checks,
  nsec3_hashes,
  trust_questions,
  bogus_retries,
  steps,
  budgeted,  // not a row: the number of rows above

  resolution_ms,
  lookup_depth,
  tries_per_server,
  dead_server_probes,
  wrong_ids,
  minimised_timeouts,
  network_errors,
  rrsets_of_any,
  denial_rrsets,
  wildcard_proofs,
  name_servers,
  addresses_per_name_server,
  addresses_per_zone,
  signatures_per_rrset,
  exchanges_in_flight,
  exchanges_per_server,
  exchanges_per_zone,
  exchanges_per_prefix,
  waiters_per_resolution,
  resolutions_in_flight,
  refreshes_in_flight,
  ttl_s,
  negative_ttl_s,
  failure_ttl_min_s,
  failure_ttl_max_s,
  unreachable_ttl_max_s,
  bogus_ttl_s,
  insecure_ttl_min_s,
  lame_s,
  delegation_recheck_s,
  dead_server_min_s,
  dead_server_max_s,
  lame_zones_per_server,
  trace_events,
};

struct LimitRow {
  Limit limit;
  std::string_view name;  // also its counter's: weir_limits_reached_total{limit="<name>"}
  std::uint64_t value;
  std::string_view reason;
};

inline constexpr std::array kLimits{
    LimitRow{Limit::upstream_packets, "upstream_packets", 64,
             "CAMP and other compositions; Unbound and BIND allow 200 (max-global-quota, max-query-count)"},
    LimitRow{Limit::upstream_octets, "upstream_octets", 100'000, "answers that are large on purpose, over TCP"},
    LimitRow{Limit::referrals, "referrals", 30, "endless downward referrals (CVE-2014-8602)"},
    LimitRow{Limit::aliases, "aliases", 11, "endless CNAME and DNAME chains; as Unbound and BIND"},
    LimitRow{Limit::silent_servers, "silent_servers", 6,
             "exchanges without any answer: 50 dead name servers must cost 8 packets at most, referral included"},
    LimitRow{Limit::failing_servers, "failing_servers", 12,
             "REFUSED, SERVFAIL, lame and malformed answers (NRDelegation, CVE-2022-3204)"},
    LimitRow{Limit::address_lookups, "address_lookups", 7, "name servers without glue (NXNSAttack, CAMP)"},
    LimitRow{Limit::failing_address_lookups, "failing_address_lookups", 5,
             "name servers that have no address (NXNSAttack: at most 5 packets reach the victim)"},
    LimitRow{Limit::minimised_questions, "minimised_questions", 7,
             "RFC 9156 section 2.3 asks for at most 10 (MAX_MINIMISE_COUNT) in all; 100 labels cost 10 packets"},
    LimitRow{Limit::signature_checks, "signature_checks", 32,
             "KeyTrap (CVE-2023-50387): keys with one tag times signatures; Knot 32, PowerDNS 30, BIND 16"},
    LimitRow{Limit::failed_signature_checks, "failed_signature_checks", 4,
             "KeyTrap: an honest zone has no signature that fails; BIND gives up after the first"},
    LimitRow{Limit::nsec3_hashes, "nsec3_hashes", 150,
             "closest encloser proofs for names of 100 labels (CVE-2023-50868); a long salt counts more than once"},
    LimitRow{Limit::trust_questions, "trust_questions", 32,
             "DS and DNSKEY that have to be fetched: unsigned data deep in a signed zone costs a DS a label"},
    LimitRow{Limit::bogus_retries, "bogus_retries", 2,
             "what is bogus is asked of other servers before it is believed to be; Unbound 5 (val-max-restart)"},
    LimitRow{Limit::steps, "steps", 2000, "our own mistakes: no resolution turns for ever"},

    LimitRow{Limit::resolution_ms, "resolution_ms", 5000, "clients give up or ask again after 5 s"},
    LimitRow{Limit::lookup_depth, "lookup_depth", 6, "name servers whose names need name servers without glue"},
    LimitRow{Limit::tries_per_server, "tries_per_server", 4, "per address and question; untried addresses go first"},
    LimitRow{Limit::dead_server_probes, "dead_server_probes", 4,
             "per zone cut: servers known dead or lame are asked only when no other is left; of four each gets a try"},
    LimitRow{Limit::wrong_ids, "wrong_ids", 2, "SAD DNS (CVE-2020-25705): after so many near misses ask over TCP"},
    LimitRow{Limit::minimised_timeouts, "minimised_timeouts", 3,
             "servers that drop what they do not know: then the whole QNAME is asked"},
    LimitRow{Limit::network_errors, "network_errors", 2,
             "per zone cut: then the address family is taken for unreachable if the other has servers left"},
    LimitRow{Limit::rrsets_of_any, "rrsets_of_any", 24,
             "of an answer to ANY that are taken: each costs a signature check; RFC 8482 section 4.1 allows a subset"},
    LimitRow{Limit::denial_rrsets, "denial_rrsets", 20,
             "of one denial that are taken, signatures included; padded denials (CVE-2026-11605)"},
    LimitRow{Limit::wildcard_proofs, "wildcard_proofs", 16,
             "RRsets beside a positive answer that are taken for proofs, signatures included: two to six are needed"},
    LimitRow{Limit::name_servers, "name_servers", 20, "of one delegation that are looked at (NXNSAttack)"},
    LimitRow{Limit::addresses_per_name_server, "addresses_per_name_server", 6, "glue floods (CVE-2026-3592)"},
    LimitRow{Limit::addresses_per_zone, "addresses_per_zone", 26, "the root has 26: 13 IPv4 and 13 IPv6"},
    LimitRow{Limit::signatures_per_rrset, "signatures_per_rrset", 8,
             "RRSIGs that are kept and checked (KeyTrap); a zone that rolls key and algorithm has four; as Unbound"},
    LimitRow{Limit::exchanges_in_flight, "exchanges_in_flight", 8192,
             "sockets of one worker; what is over waits, clients' prefixes that have most outstanding last"},
    LimitRow{Limit::exchanges_per_server, "exchanges_per_server", 500,
             "outstanding, of one worker: a server that sits on its answers must not hold all sockets"},
    LimitRow{Limit::exchanges_per_zone, "exchanges_per_zone", 1000,
             "outstanding, of one worker: random names below a victim's zone (water torture)"},
    LimitRow{Limit::exchanges_per_prefix, "exchanges_per_prefix", 4096,
             "outstanding for clients of one /24 or /56: half of the sockets are left to others"},
    LimitRow{Limit::waiters_per_resolution, "waiters_per_resolution", 1000, "equal questions (DNSBomb)"},
    LimitRow{Limit::resolutions_in_flight, "resolutions_in_flight", 20'000, "memory under a random-name flood"},
    LimitRow{Limit::refreshes_in_flight, "refreshes_in_flight", 200,
             "answers fetched before they expire, of one worker: a flood of them must not crowd out the clients"},
    LimitRow{Limit::ttl_s, "ttl_s", 86'400, "RFC 8767 section 4 recommends a cap of days; ghost domains a short one"},
    LimitRow{Limit::negative_ttl_s, "negative_ttl_s", 10'800, "RFC 2308 section 5"},
    LimitRow{Limit::failure_ttl_min_s, "failure_ttl_min_s", 5, "RFC 9520 section 3.2: 1 s at least"},
    LimitRow{Limit::failure_ttl_max_s, "failure_ttl_max_s", 300, "RFC 9520 section 3.2: 5 minutes at most"},
    LimitRow{Limit::unreachable_ttl_max_s, "unreachable_ttl_max_s", 4,
             "RFC 9520 section 3.2, where no server answered: names resolve again 5 s after one has returned"},
    LimitRow{Limit::bogus_ttl_s, "bogus_ttl_s", 30, "a zone that is repaired comes back within seconds; Unbound 60"},
    LimitRow{Limit::insecure_ttl_min_s, "insecure_ttl_min_s", 60,
             "below a zone that denies with TTL 0 each question would ask for a DS; Unbound 60"},
    LimitRow{Limit::lame_s, "lame_s", 900, "a server that does not serve a zone is asked for it again after this"},
    LimitRow{Limit::delegation_recheck_s, "delegation_recheck_s", 30,
             "a zone whose servers all fail may have moved: its parent is asked again, at most once in this time"},
    LimitRow{Limit::dead_server_min_s, "dead_server_min_s", 1,
             "first rest of a silent server between two probes, then doubled"},
    LimitRow{Limit::dead_server_max_s, "dead_server_max_s", 4,
             "longest rest: a server that is asked for is in use again 5 s after its return"},
    LimitRow{Limit::lame_zones_per_server, "lame_zones_per_server", 8, "memory; the oldest is forgotten"},
    LimitRow{Limit::trace_events, "trace_events", 2000, "memory of a trace that somebody asked for; steps end before"},
};

consteval bool limits_are_in_order() {
  std::size_t row = 0;
  for (std::size_t i = 0; row < kLimits.size(); ++i) {
    if (i == static_cast<std::size_t>(Limit::budgeted)) continue;
    if (static_cast<std::size_t>(kLimits[row++].limit) != i) return false;
  }
  return row + 1 == static_cast<std::size_t>(Limit::trace_events) + 1;
}
static_assert(limits_are_in_order(), "kLimits has one row for each Limit, in its order");

constexpr std::size_t row_number_of(Limit limit) {
  const auto index = static_cast<std::size_t>(limit);
  return index > static_cast<std::size_t>(Limit::budgeted) ? index - 1 : index;
}
constexpr const LimitRow& row_of(Limit limit) {
  return kLimits[row_number_of(limit)];
}
constexpr std::uint64_t limit_of(Limit limit) {
  return row_of(limit).value;
}

// How often each limit ended or cut what somebody wanted; in the order of kLimits.
struct LimitCounts {
  std::array<std::uint64_t, kLimits.size()> rows{};

  void reach(Limit limit) { ++rows[row_number_of(limit)]; }
  std::uint64_t of(Limit limit) const { return rows[row_number_of(limit)]; }
};

}  // namespace weir
