// What a scenario's configuration lines mean, as one plain struct. Where a file is silent the defaults are Unbound's,
// for which the files were written, not weir's.
//
// Nothing is ignored silently: a key that no row of the table in settings.cc names comes back in `unknown`, a value
// that cannot be read is an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/record_text.h"
#include "tests/scenario/scenario_file.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"

namespace weir::scenario {

// A stub-zone or forward-zone block.
struct UpstreamZone {
  unsigned line = 0;
  Name name = {};
  std::vector<IpAddress> addresses = {};  // stub-addr, forward-addr
  std::vector<Name> hosts = {};           // stub-host, forward-host
  bool prime = false;
  bool first = false;  // fall back to recursion
  bool no_cache = false;
};

struct AccessRule {
  Prefix clients;
  std::string action = {};  // allow, deny, refuse, allow_snoop, allow_cookie, ...
};

struct LocalZone {
  Name name = {};
  std::string type = {};  // static, redirect, nodefault, ...
};

// `rpz:`
struct PolicyZone {
  unsigned line = 0;
  std::string name = {};
  std::string content = {};  // of the file that zonefile: names
  std::vector<IpAddress> primaries = {};
  std::vector<std::string> tags = {};
  std::string action_override = {};
  std::string cname_override = {};
  bool signal_nxdomain_ra = false;
  bool safe_nxdomain = false;  // our own scenarios' line: Unbound answers as the zone says
};

struct View {
  unsigned line = 0;
  std::string name = {};
  bool first = false;
  std::vector<LocalZone> local_zones = {};
  std::vector<std::string> local_data = {};
  std::vector<std::vector<std::string>> response_ip = {};
};

struct ScenarioSettings {
  // Whose private habits a file takes for granted: what a resolver asks though the protocol leaves it open. Deckard's
  // files name the root outside of any block.
  enum class Dialect : std::uint8_t { unbound, deckard } dialect = Dialect::unbound;

  // Where resolution begins.
  std::vector<IpAddress> root_addresses;
  std::optional<Name> root_server_name;  // Deckard's stub-name
  std::string root_hints;                // contents of the files that root-hints: names
  bool root_is_primed = false;
  std::vector<UpstreamZone> stub_zones, forward_zones;  // a forwarder for everything is one for the root
  bool use_ipv4 = true, use_ipv6 = true;
  std::vector<std::string> do_not_query_addresses;
  bool do_not_query_localhost = true;

  // DNSSEC.
  std::vector<std::string> trust_anchors;  // DS or DNSKEY in zone-file syntax
  std::vector<Name> domain_insecure;
  std::optional<std::chrono::seconds> validation_time;  // since 1970
  bool ignore_signature_dates = false;                  // val-override-date: -1
  bool sha1_supported = false;                          // fake-sha1
  bool trust_anchor_signaling = true;
  bool root_key_sentinel = true;
  bool aggressive_nsec = true;
  bool harden_dnssec_stripped = true;
  bool harden_algo_downgrade = false;
  std::uint32_t nsec3_iterations = 150;  // our own scenarios' line

  // Resolution.
  bool qname_minimisation = true;
  bool qname_minimisation_strict = false;
  bool fetches_ahead = true;  // target-fetch-policy other than all zeros
  bool harden_glue = true;
  bool harden_unverified_glue = false;
  bool harden_below_nxdomain = true;
  bool harden_referral_path = false;
  bool harden_unknown_additional = false;
  bool scrub_promiscuous = true;
  bool ask_for_alias_targets = true;  // our own scenarios' line: Unbound always does, and Knot for denials
  std::optional<std::uint32_t> scrub_ns;
  std::optional<std::uint32_t> max_query_restarts, max_global_quota, outbound_msg_retry, val_max_restart;

  std::optional<std::uint32_t> discard_timeout_ms;  // a client's query is dropped when it is older
  std::optional<std::uint32_t> queries_per_thread;

  // The cache.
  std::uint32_t cache_min_ttl = 0, cache_max_ttl = 86'400;
  std::uint32_t cache_min_negative_ttl = 0, cache_max_negative_ttl = 3600;
  bool prefetch = false, prefetch_key = false;
  bool serve_expired = false;
  std::uint32_t serve_expired_ttl = 86'400, serve_expired_reply_ttl = 30, serve_expired_client_timeout_ms = 1800;
  bool serve_expired_ttl_reset = false;

  // Answers.
  bool minimal_responses = true;
  bool rrset_roundrobin = true;
  bool ede = false, ede_serve_expired = false;
  std::string identity, version;
  bool hide_identity = false, hide_version = false;
  bool answer_cookie = false;
  std::string cookie_secret;
  bool tcp_keepalive = false;
  std::uint32_t tcp_keepalive_timeout_ms = 120'000;

  // Stages.
  bool has_validator = true;
  bool has_response_rules = false;  // respip
  bool has_dns64 = false;
  std::optional<Prefix> dns64_prefix;
  bool dns64_blocked_untranslated = true;  // our own scenarios' line: Unbound filters the A before it translates
  bool dns64_private_addresses = true;     // our own scenarios' line: Unbound knows no RFC 6052 section 3.1
  bool do_nat64 = false;
  std::optional<Prefix> nat64_prefix;

  // Who may ask, and policy.
  std::vector<AccessRule> access;
  std::vector<LocalZone> local_zones;
  std::vector<std::string> local_data;  // in zone-file syntax
  std::vector<std::string> private_addresses, private_domains;
  std::vector<PolicyZone> policy_zones;
  std::vector<View> views;
  // Lines of this kind as their words: access-control-tag, local-zone-tag, response-ip, ...
  struct PolicyLine {
    std::string key;
    std::vector<std::string> words;
  };
  std::vector<PolicyLine> policy_lines;
  std::vector<std::string> features;  // Deckard's: "min_ttl=300", what no setting above could take

  // "file:line: key: value" of keys that nobody knows here.
  std::vector<std::string> unknown;

  // Where the clock of the scenario begins.
  WallTime wall_start() const;
};

// Errors: invalid, with file:line: a value that cannot be read.
Result<ScenarioSettings> read_settings(const Scenario& scenario);

// What the resolver under test can do of policy; each makes scenarios applicable.
struct PolicyFeatures {
  bool rpz = false, response_ip = false, tags = false, views = false, private_address = false;
};

// Nothing where the scenario concerns this resolver; else why not: by configuration lines, never by hand.
std::optional<std::string> not_applicable(const ScenarioSettings& settings, const PolicyFeatures& features);

}  // namespace weir::scenario
