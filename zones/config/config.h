// weir.toml: one struct a section, defaults beside the fields, all sections in one read.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"
#include "zones/dns/tsig.h"
#include "zones/local_zone.h"
#include "zones/policy.h"

namespace weir {

struct ResolverConfig {
  std::vector<Endpoint> listen;                      // ["127.0.0.1:53", "[::1]:53"]
  unsigned workers = 0;                              // 0: one a core
  std::vector<Prefix> allow_clients;                 // loopback and private networks
  std::filesystem::path root_hints;                  // empty: the built-in ones
  bool validate = true;                              // DNSSEC
  std::vector<std::filesystem::path> trust_anchors;  // empty: the built-in ones
  std::filesystem::path state = "/var/lib/weir-resolver";
  std::chrono::milliseconds recheck_negative_anchors{300000};  // 0: never
  std::uint64_t cache_bytes = 64ULL << 20;                     // cache = "64MiB": answers and RRsets together
  std::uint64_t store_cache_bytes = 16ULL << 20;               // store_cache = "16MiB": blocks of the policy store
  std::vector<IpAddress> outgoing;                             // addresses that queries leave from; empty: any
  bool ipv6_upstream = true;
  std::uint16_t upstream_port = 53;            // for tests and closed networks
  bool spin = false;                           // poll instead of sleep: half the latency, triple the CPU
  std::string name = "weir.invalid";           // MNAME of block answers
  std::string contact = "hostmaster.invalid";  // their RNAME: "hostmaster.example.org" or "hostmaster@example.org"
};

// [resolution]: what is asked of other servers, and what of their answers is believed and passed on. The defaults are
// what weir advises.
struct ResolutionConfig {
  bool minimise_names = true;                // RFC 9156
  RecordType minimise_with = RecordType::a;  // or NS
  bool hide_type = false;                    // QTYPE is asked for only where the name is known to exist
  bool randomise_case = true;                // 0x20
  bool cookies = true;                       // RFC 7873, towards servers
  bool minimal_answers = true;               // without the sections that nobody asked for
  enum class AliasTargets : std::uint8_t { taken, data_taken, asked } alias_targets = AliasTargets::taken;
  bool unsigned_dnames = true;               // cached ones answer for names below them
  bool verify_glue = false;                  // addresses from outside of the zone are asked for first
  bool foreign_glue = false;                 // and are used at all
  bool loopback_servers = false;             // name servers on loopback may be asked
  bool name_servers_beside_denials = false;  // passed on as the authority sent them
  bool unasked_name_servers = false;         // the NS that a zone names beside an answer
  bool any_additional = false;               // other types than addresses, beside whole answers
  unsigned max_name_servers = 0;             // NS records of one RRset that are kept; 0: all
  bool refer_without_recursion = false;      // RD=0: a referral instead of REFUSED
  bool every_algorithm = false;              // a good signature by each that a zone names
};

// [cache]: how long answers are kept, and what happens at the end of that time.
struct CacheConfig {
  bool serve_stale = true;                         // RFC 8767
  std::chrono::milliseconds stale_for{86400000};   // after its TTL an answer may stand in so long
  std::chrono::milliseconds stale_wait{1800};      // what a client waits before it gets one
  std::chrono::milliseconds stale_ttl{30000};      // its TTL then
  std::chrono::milliseconds stale_recheck{30000};  // after a failure nobody is asked again for so long
  // TTLs of what servers say, and of what they deny; the upper bounds are at most those of resolver/base/limits.h.
  std::chrono::milliseconds min_ttl{0}, max_ttl{86400000};
  std::chrono::milliseconds min_negative_ttl{0}, max_negative_ttl{10800000};
  bool prefetch = true;  // what is in use is asked for again before it expires
};

struct AnswerConfig {                   // [answers]
  bool cookies = true;                  // RFC 7873
  std::vector<Prefix> require_cookies;  // who is answered over UDP only with one
  std::string cookie_secret;            // 32 hexadecimal digits; empty: drawn at the start, another one each day
  bool any_over_udp = false;            // else ANY is for TCP (RFC 8482)
  std::string version, identity;        // in class CH; empty: nobody is told
  unsigned max_waiting = 20000;         // queries that wait for other servers at once, of each worker
  StructuredErrors structured_errors;
  enum class WhenFull : std::uint8_t { servfail, drop } when_full = WhenFull::servfail;
};

struct RunConfig {
  std::filesystem::path path = "/run/weir";  // rings, sockets, locks
};

struct StoreConfig {
  std::filesystem::path path = "/var/lib/weir";
  unsigned keep_generations = 10;
};

struct FetchConfig {                      // [fetch]
  std::uint64_t max_bytes = 64ULL << 20;  // on the wire
  std::uint64_t max_decoded_bytes = 256ULL << 20;
  unsigned max_ratio = 100;
  std::chrono::milliseconds timeout{60000};  // the whole of one fetch
  unsigned max_redirects = 5;
  std::vector<std::string> allow_private;  // hosts that may have private addresses
  std::filesystem::path ca_file;           // certificates trusted beside the system's; empty: none
};

// What holds a new version of a list back until somebody approves it. Percentages are of the version in force.
enum class Reaction : std::uint8_t { hold, warn, allow };
struct ListGuards {
  unsigned max_shrink = 20;
  unsigned max_growth = 100;
  unsigned min_overlap = 50;  // rules of both versions, of all rules of either
  Reaction public_suffixes = Reaction::hold;
  Reaction protected_names = Reaction::hold;
  unsigned in_use = 10;  // answers from the cache that make a name one that this network uses; 0: never held for it
};

struct ListConfig {           // [[list]]
  ListDefinition definition;  // its id is not set here
  // URL, or the absolute path of a file; of a zone that is transferred what it is called:
  // axfr://192.0.2.1:53/rpz.example
  std::string source;
  std::optional<Name> zone;         // a response policy zone that is taken from its primaries
  std::vector<Endpoint> primaries;  // they are asked in this order
  std::optional<Name> tsig_key;     // a [[tsig_key]]
  bool tls = false;                 // the primaries are asked over TLS (RFC 9103), on port 853 where 53 is not meant
  std::string tls_name;             // their certificate is for it; empty: for their address
  std::filesystem::path tls_ca;     // who signed it; empty: the system's authorities
  NameMatch match = NameMatch::automatic;
  std::string dialect = "auto";
  bool private_addresses = false;  // prefixes in private and loopback space are taken
  std::chrono::milliseconds every{86400000};
  std::vector<std::string> policies;  // it belongs to these as if they named it: a drop-in is self-contained
  ListGuards guards = {};
  std::string key;    // minisign public key that its bytes must be signed with; empty: not asked for
  std::string where;  // file:line, for messages

  std::filesystem::path file() const;  // of `where`
};

// A secret that a primary and we share (RFC 8945). Tools read it when they need it (tools/support/tsig_keys.h): it is
// nothing for the resolver.
struct TsigKeyConfig {  // [[tsig_key]]
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
  std::string secret;                 // base64; or
  std::filesystem::path secret_file;  // a file that holds it
  std::string where;                  // file:line

  std::filesystem::path file() const;  // of `where`
};

struct TransferConfig {          // [transfer]
  std::vector<Endpoint> listen;  // where primaries may say that a zone changed (RFC 1996), and [[serve]] is asked for
  std::vector<Endpoint> listen_tls;       // where [[serve]] is asked for over TLS (RFC 9103)
  std::filesystem::path certificate;      // chain, PEM
  std::filesystem::path certificate_key;  // of it, PEM
};

struct ApiConfig {                                                    // [api]: HTTP API and console
  std::vector<Endpoint> listen{{IpAddress::ipv4(0x7F000001), 8053}};  // empty: off
  std::filesystem::path tls_certificate;                              // chain, PEM; for whatever is not loopback
  std::filesystem::path tls_key;                                      // of it, PEM
  std::vector<std::string> hosts;                                     // names, in lower case, that it may be asked by
};

// What we filter by, as a response policy zone for other resolvers: by transfer from [transfer] listen.
struct ServeConfig {             // [[serve]]
  Name name;                     // of the zone
  std::string list;              // its rules; or
  std::string policy;            // what it makes of all rules
  std::optional<Name> tsig_key;  // a [[tsig_key]]; with `allow` both must fit, one of them is there
  std::vector<Prefix> allow;     // who may have it; empty: whoever has the key
  std::vector<Endpoint> notify;  // who is told of a change
  std::string where = {};        // file:line
};

struct PolicyConfig {              // [[policy]]
  Policy policy;                   // its lists are not set here
  std::vector<std::string> lists;  // by name
  std::string timezone = "UTC";    // of the schedules of its groups
  std::string where;               // file:line; empty for the default policy that no file names
};

struct GroupConfig {  // [[group]]
  std::string name;
  std::vector<Prefix> clients;
  std::string policy = "default";
  bool self_service = false;  // its clients may see their own decisions ([self_service])
  std::string where = {};     // file:line
};

// Lists that hold for some groups at some hours only.
struct ScheduleConfig {  // [[schedule]]
  std::string name;
  std::vector<std::string> groups;
  std::vector<std::string> lists;
  WeeklyHours hours{.timezone = {}};  // empty: that of the group's policy
  bool within = true;
  std::string where = {};  // file:line
};

// Names at and below `name` are asked of these servers.
struct ForwardConfig {  // [[forward]]
  Name name;
  enum class Kind : std::uint8_t {
    forward,  // recursive servers: the whole question goes there
    stub      // authoritative ones: resolution begins there
  } kind = Kind::forward;
  std::vector<Endpoint> servers;                                                     // port 0: [resolver] upstream_port
  enum class Fallback : std::uint8_t { none, recursion } fallback = Fallback::none;  // where none of them answers
  std::string where = {};                                                            // file:line

  bool operator==(const ForwardConfig&) const = default;
};

// Nothing at `name` or below it is validated until then (RFC 7646).
struct NegativeTrustAnchorConfig {  // [[negative_trust_anchor]]
  Name name;
  std::string reason;
  WallTime until;
  std::string where;  // file:line
};

struct LogConfig {
  Privacy privacy = Privacy::prefix;
  std::chrono::milliseconds keep{30LL * 86400000};
  // Of one class of decisions; 0: as `keep`. Those of rebinding protection and of an upstream's blocks are blocked.
  std::chrono::milliseconds keep_blocked{0}, keep_observed{0}, keep_allowed{0}, keep_resolved{0};
  std::uint64_t size_bytes = 2ULL << 30;
  bool all = false;              // every query, not only decisions
  unsigned smallest_group = 10;  // clients that a figure is about at least, before an analyst sees it; 1: all
};

// Where decisions go beside the log, each in the order in which it came and once.
struct SinkConfig {  // [[sink]]
  std::string name;
  enum class Kind : std::uint8_t { dnstap, clickhouse, json, syslog } kind = Kind::json;
  // dnstap: "unix:/run/tap.sock", or a file; clickhouse: a URL; json: a file or named pipe; syslog: "", or a socket
  std::string to;
  std::string database = "weir";             // clickhouse
  std::string user = "default";              // clickhouse
  std::filesystem::path password_file;       // clickhouse
  std::uint64_t spool_bytes = 256ULL << 20;  // disk for what waits while the sink is slow or gone
  std::string where = {};                    // file:line
};

// The page for those who are filtered: their own decisions, why, and a way to say that one is wrong.
struct SelfServiceConfig {                    // [self_service]
  std::vector<Endpoint> listen;               // plain HTTP, for clients; empty: off
  std::chrono::milliseconds minutes{600000};  // how far back it looks
  std::string contact;                        // whom to ask, as the page shows it
};

struct LocalConfig {                   // [local]
  std::vector<std::string> records;    // "router.home.example. 3600 IN A 192.0.2.1"
  std::uint32_t ttl = 3600;            // of records that have none
  bool ptr = false;                    // a PTR for the address of each A and AAAA
  bool special_names = true;           // names that never leave a resolver are answered here
  std::vector<Name> domains;           // private addresses belong there; local and forward zones are among them
  std::vector<ResourceRecord> parsed;  // `records`, read
};

struct LocalZoneConfig {  // [[local_zone]]
  Name name;
  LocalZoneType type = LocalZoneType::transparent;
  std::vector<std::string> records;
  std::uint32_t ttl = 3600;
  bool ptr = false;
  std::vector<std::string> groups;     // who has it; empty: everybody
  std::vector<ResourceRecord> parsed;  // `records`, read
  std::string where;                   // file:line
};

struct Dns64Config {  // [dns64]
  bool on = false;
  Dns64 dns64;
};

struct Config {
  ResolverConfig resolver;
  ResolutionConfig resolution;
  CacheConfig cache;
  AnswerConfig answers;
  RunConfig run;
  StoreConfig store;
  FetchConfig fetch;
  TransferConfig transfer;
  ApiConfig api;
  std::vector<TsigKeyConfig> tsig_keys;
  std::vector<ServeConfig> served;
  std::vector<ListConfig> lists;
  std::vector<PolicyConfig> policies;  // a policy "default" is added where the file has none
  std::vector<GroupConfig> groups;
  std::vector<ScheduleConfig> schedules;
  std::vector<ForwardConfig> forwards;
  std::vector<NegativeTrustAnchorConfig> negative_trust_anchors;
  LocalConfig local;
  Dns64Config dns64;
  std::vector<LocalZoneConfig> local_zones;
  LogConfig log;
  std::vector<SinkConfig> sinks;
  SelfServiceConfig self_service;
  std::vector<std::filesystem::path> files;  // what was read: the file and its drop-ins

  // `file` and `weir.d/*.toml` beside it, in the order of their names. Errors hold every fault found, one a line:
  // "weir.toml:12:3: unknown key 'lisen' in [resolver]; did you mean 'listen'?". A missing file is not_found.
  static Result<Config> load(const std::filesystem::path& file);
  // [run] path alone, for who must find the daemons although load() failed: of the first of these files that can be
  // parsed and has a good one, else the default.
  static std::filesystem::path load_run_path(const std::filesystem::path& file);
  // All defaults, no file: what an absent key means.
  static Config defaults();
  // Lists, policies and groups as the store takes them. The lists have provisional ids from
  // kFirstDefinedList upwards, in the order of the files: they tie policies to lists within this set
  // only, the store gives the real ones by name. The group "default" has the policy that a [[group]] of
  // that name gives it, else the policy "default". Schedules have no edges yet: those are worked out for a moment.
  PolicySet compile() const;
};

// One key of weir.toml as documentation shows it (`weir check --keys`); made from the table that reads it.
struct ConfigKey {
  std::string section;        // "resolver", "list"
  bool repeated = false;      // [[list]] rather than [list]
  std::string key;            // "every"
  std::string expected;       // "a duration such as \"24h\", 1s to 365d"
  std::string default_value;  // as TOML; empty where the key is required
  std::string meaning;
};
std::vector<ConfigKey> config_keys();

// What a list, a policy or a group may be called: 1 to 64 letters, digits, '.', '_', '-', beginning with a
// letter or a digit (it becomes part of a file name). The error says so.
Result<void> check_config_name(std::string_view name);

inline constexpr std::uint64_t kMaxConfigFileBytes = 10'000'000;
inline constexpr int kMinListRank = 3;  // below are overlays, the administrator's rules, protected names
inline constexpr int kMaxListRank = 1000;

}  // namespace weir
