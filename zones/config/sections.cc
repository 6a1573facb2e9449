#include "zones/config/sections.h"

#include <algorithm>

#include "zones/base/text.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// A key whose value lands where `access` points, and whose default is what a fresh section holds there.
template <class Section, class Kind, class Access>
Key<Section> key(std::string_view name, const Kind& kind, Access access, std::string_view meaning,
                 Section fresh = Section{}) {
  Key<Section> out{name, meaning, kind.expected(), kind.show(access(fresh)), Need::optional, {}};
  out.read = [kind, access](const ConfigValue& in, std::string_view label, Section& section, Faults& faults) {
    typename Kind::Value value{};
    if (kind.read(in, value, label, faults)) access(section) = std::move(value);
  };
  return out;
}

template <class Section>
Key<Section> required(Key<Section> key) {
  key.need = Need::required;
  key.default_value.clear();
  return key;
}

Parsed<std::uint64_t> size(std::uint64_t min, std::uint64_t max) {
  const std::string range = show_size(min) + " to " + show_size(max);
  return {"a size such as \"64MiB\", " + range,
          [min, max](std::string_view text, const Faults&) -> Result<std::uint64_t> {
            auto bytes = parse_size_bytes(text);
            if (!bytes) return Error{ErrorCode::invalid, {}};  // what is expected says it all
            if (*bytes < min || *bytes > max) return Error{ErrorCode::invalid, quote(text) + " is out of this range"};
            return bytes;
          },
          [](const std::uint64_t& bytes) { return show_size(bytes); }};
}

Parsed<milliseconds> duration(milliseconds min, milliseconds max) {
  const std::string range = show_duration(min.count()) + " to " + show_duration(max.count());
  return {"a duration such as \"30s\" or \"24h\", " + range,
          [min, max](std::string_view text, const Faults&) -> Result<milliseconds> {
            auto time = parse_duration(text);
            if (!time) return Error{ErrorCode::invalid, {}};
            if (*time < min || *time > max) return Error{ErrorCode::invalid, quote(text) + " is out of this range"};
            return time;
          },
          [](const milliseconds& time) { return show_duration(time.count()); }};
}

Parsed<Endpoint> endpoint(std::uint16_t default_port) {
  return {"an address with or without a port, such as \"192.0.2.1\" or \"[2001:db8::1]:5353\"",
          [default_port](std::string_view text, const Faults&) { return Endpoint::parse(text, default_port); },
          [](const Endpoint& value) { return value.to_text(); }};
}

Parsed<Prefix> prefix() {
  return {"an address or a prefix such as \"192.0.2.0/24\"",
          [](std::string_view text, const Faults&) { return Prefix::parse(text); },
          [](const Prefix& value) {
            const bool whole = value.length == value.address.bits();
            return whole ? value.address.to_text() : value.to_text();
          }};
}

Parsed<IpAddress> address() {
  return {"an address such as \"192.0.2.1\" or \"2001:db8::1\"",
          [](std::string_view text, const Faults&) { return IpAddress::parse(text); },
          [](const IpAddress& value) { return value.to_text(); }};
}

// Relative to the file that names it, so that a daemon's working directory means nothing.
Parsed<fs::path> path(std::string_view what) {
  return {std::string(what),
          [](std::string_view text, const Faults& faults) -> Result<fs::path> {
            if (text.empty() || text.find('\0') != std::string_view::npos || text.size() > 4000)
              return Error{ErrorCode::invalid, "this cannot be a path"};
            return (faults.folder() / fs::path(text)).lexically_normal();
          },
          [](const fs::path& value) { return value.string(); }};
}

Result<std::string> parse_source(std::string_view text, const Faults& faults) {
  const auto colon = text.find("://");
  if (colon != std::string_view::npos) {
    const std::string scheme = to_lower_ascii(text.substr(0, colon));
    if (scheme != "http" && scheme != "https" && scheme != "file")
      return Error{ErrorCode::invalid, "'" + scheme + "://' is neither https, http nor file"};
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; }))
      return Error{ErrorCode::invalid, "a URL has no spaces or control characters"};
    if (text.size() == colon + 3 || text.size() > 4000) return Error{ErrorCode::invalid, "this is no whole URL"};
    if (scheme != "file") return std::string(text);
    text.remove_prefix(colon + 3);
    if (text[0] != '/') return Error{ErrorCode::invalid, "a file URL has no host: file:///path"};
  }
  if (text.empty() || text.find('\0') != std::string_view::npos || text.size() > 4000)
    return Error{ErrorCode::invalid, "this cannot be a path"};
  return (faults.folder() / fs::path(text)).lexically_normal().string();
}

Parsed<std::string> source() {
  return {"an https or http URL, or a file", parse_source, [](const std::string& value) { return value; }};
}

Parsed<std::string> config_name() {
  return {"a name of 1 to 64 letters, digits, '.', '_', '-'",
          [](std::string_view text, const Faults&) -> Result<std::string> {
            if (auto good = check_config_name(text); !good) return good.error();
            return std::string(text);
          },
          [](const std::string& value) { return value; }};
}

Parsed<std::string> text(std::size_t max) {
  return {"a string of at most " + std::to_string(max) + " octets",
          [max](std::string_view value, const Faults&) -> Result<std::string> {
            if (value.size() > max) return Error{ErrorCode::invalid, "it has " + std::to_string(value.size())};
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

Parsed<std::string> hexadecimal(std::size_t digits) {
  return {"nothing or " + std::to_string(digits) + " hexadecimal digits",
          [digits](std::string_view value, const Faults&) -> Result<std::string> {
            const bool good = value.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos &&
                              (value.empty() || value.size() == digits);
            if (!good) return Error{ErrorCode::invalid, {}};
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

Parsed<std::string> dns_name(std::string_view what, Result<Name> (*parse)(std::string_view)) {
  return {std::string(what),
          [parse](std::string_view value, const Faults&) -> Result<std::string> {
            if (auto name = parse(value); !name) return name.error();
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

Parsed<Name> domain_name() {
  return {"a domain name", [](std::string_view text, const Faults&) { return Name::parse(text); },
          [](const Name& value) { return value.to_text(); }};
}

// As people write it for other resolvers too: the port behind '@', or behind ':'. 0 where there is none.
Result<Endpoint> parse_server(std::string_view text, const Faults&) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return Endpoint::parse(text, 0);
  std::string host(text.substr(0, at));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto address = IpAddress::parse(host);
  if (!address) return address.error();
  auto port = Endpoint::parse("0.0.0.0:" + std::string(text.substr(at + 1)), 0);
  if (!port || port->port == 0) return Error{ErrorCode::invalid, "the port behind '@' is a number from 1 to 65535"};
  return Endpoint{*address, port->port};
}

Parsed<Endpoint> server() {
  return {"an address with or without a port, such as \"192.0.2.1\", \"192.0.2.1@5353\" or \"[2001:db8::1]:5353\"",
          parse_server,
          [](const Endpoint& value) { return value.port == 0 ? value.address.to_text() : value.to_text(); }};
}

// A point in time, as a string or as TOML's own.
struct Time {
  using Value = WallTime;
  std::string expected() const { return "a time such as 2026-12-01T00:00:00Z"; }
  std::string show(WallTime value) const { return format_time(value); }
  bool read(const ConfigValue& in, WallTime& out, std::string_view label, Faults& faults) const {
    const bool good_type = in.type == ConfigValue::Type::string || in.type == ConfigValue::Type::time;
    const auto parsed = good_type ? parse_time(in.text) : Result<WallTime>(Error{ErrorCode::invalid, {}});
    if (parsed) {
      out = *parsed;
    } else {
      faults.wrong(in, label, expected());
    }
    return parsed.has_value();
  }
};

Parsed<std::string> reason() {
  return {"a string that says why, of at most 500 octets",
          [](std::string_view value, const Faults&) -> Result<std::string> {
            if (trim(value).empty()) return Error{ErrorCode::invalid, "it says nothing"};
            if (value.size() > 500) return Error{ErrorCode::invalid, "it has " + std::to_string(value.size())};
            return std::string(trim(value));
          },
          [](const std::string& value) { return value; }};
}

Choice<Privacy> privacy() {
  return {{{"full", Privacy::full},
           {"prefix", Privacy::prefix},
           {"pseudonym", Privacy::pseudonym},
           {"none", Privacy::none}}};
}

constexpr milliseconds kSecond{1000};
constexpr milliseconds kDay{86400000};
constexpr std::size_t kMaxRecordsPerKey = 100'000;

}  // namespace

ResolverConfig default_resolver() {
  ResolverConfig out;
  for (const char* listen : {"127.0.0.1:53", "[::1]:53"}) out.listen.push_back(*Endpoint::parse(listen, 53));
  for (const char* client :
       {"127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"}) {
    out.allow_clients.push_back(*Prefix::parse(client));
  }
  return out;
}

Result<Name> parse_contact(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return Name::parse(text);
  auto domain = Name::parse(text.substr(at + 1));
  if (!domain) return domain;
  const auto name = at == 0 || at > 63 ? std::nullopt : domain->child(text.substr(0, at));
  if (!name) return Error{ErrorCode::invalid, quote(text) + " does not fit into a domain name"};
  return *name;
}

const Keys<ResolverConfig>& resolver_keys() {
  using C = ResolverConfig;
  static const Keys<C> keys = {
      key<C>(
          "listen", ArrayOf<Parsed<Endpoint>>{endpoint(53), 1, 64}, [](C& c) -> auto& { return c.listen; },
          "addresses that answer, over UDP and TCP", default_resolver()),
      key<C>(
          "workers", Whole<unsigned>{0, 256}, [](C& c) -> auto& { return c.workers; },
          "threads that answer; 0: one a core"),
      key<C>(
          "allow_clients", ArrayOf<Parsed<Prefix>>{prefix(), 1}, [](C& c) -> auto& { return c.allow_clients; },
          "who may ask; everybody else is refused", default_resolver()),
      key<C>(
          "root_hints", path("a file of root hints"), [](C& c) -> auto& { return c.root_hints; },
          "names and addresses of the root servers, as a zone file; without this key: built in"),
      key<C>(
          "validate", Flag{}, [](C& c) -> auto& { return c.validate; },
          "check signatures (DNSSEC): an answer that is not what its zone signed is SERVFAIL"),
      key<C>(
          "trust_anchors", ArrayOf<Parsed<fs::path>>{path("a file of DS or DNSKEY records"), 0, 16},
          [](C& c) -> auto& { return c.trust_anchors; },
          "files of trust anchors (DS or DNSKEY records); instead of the root's keys, which are built in"),
      key<C>(
          "state", path("a folder"), [](C& c) -> auto& { return c.state; },
          "what weir-resolver keeps for its next start: the keys that trust anchors have rolled to, negative ones"),
      key<C>(
          "recheck_negative_anchors", duration(milliseconds(0), kDay),
          [](C& c) -> auto& { return c.recheck_negative_anchors; },
          "how often it is tried whether a negative trust anchor that was commanded is still needed; \"0s\": never"),
      key<C>(
          "cache", size(1ULL << 20, 1ULL << 40), [](C& c) -> auto& { return c.cache_bytes; },
          "memory for answers and RRsets together; where answers are validated up to a quarter more, for keys and "
          "denials"),
      key<C>(
          "store_cache", size(1ULL << 20, 1ULL << 40), [](C& c) -> auto& { return c.store_cache_bytes; },
          "memory for blocks of the policy store"),
      key<C>(
          "outgoing", ArrayOf<Parsed<IpAddress>>{address(), 0, 64}, [](C& c) -> auto& { return c.outgoing; },
          "addresses that queries to other servers leave from; empty: any"),
      key<C>(
          "ipv6_upstream", Flag{}, [](C& c) -> auto& { return c.ipv6_upstream; }, "ask other servers over IPv6 too"),
      key<C>(
          "upstream_port", Whole<std::uint16_t>{1, 65535}, [](C& c) -> auto& { return c.upstream_port; },
          "port of other servers; for tests and closed networks"),
      key<C>(
          "spin", Flag{}, [](C& c) -> auto& { return c.spin; },
          "poll instead of sleep: half the latency, a whole core a worker"),
      key<C>(
          "name", dns_name("a domain name", &Name::parse), [](C& c) -> auto& { return c.name; },
          "our own name: MNAME of the SOA in block answers"),
      key<C>(
          "contact", dns_name("a mail address such as \"hostmaster@example.org\"", &parse_contact),
          [](C& c) -> auto& { return c.contact; }, "whom to ask about a block: RNAME of the same SOA"),
  };
  return keys;
}

const Keys<CacheConfig>& cache_keys() {
  using C = CacheConfig;
  static const Keys<C> keys = {
      key<C>(
          "serve_stale", Flag{}, [](C& c) -> auto& { return c.serve_stale; },
          "answer with what has expired where nothing newer can be had in time (RFC 8767); never past a block"),
      key<C>(
          "stale_for", duration(kSecond, 7 * kDay), [](C& c) -> auto& { return c.stale_for; },
          "how long after its TTL an answer may stand in"),
      key<C>(
          "stale_wait", duration(milliseconds(0), 5 * kSecond), [](C& c) -> auto& { return c.stale_wait; },
          "how long a client waits for a new answer before it gets the old one"),
      key<C>(
          "stale_ttl", duration(kSecond, 300 * kSecond), [](C& c) -> auto& { return c.stale_ttl; },
          "TTL of an old answer, unless its own was shorter"),
      key<C>(
          "stale_recheck", duration(kSecond, 300 * kSecond), [](C& c) -> auto& { return c.stale_recheck; },
          "after a failure the old answer is given at once for so long, and nobody is asked"),
      key<C>(
          "min_ttl", duration(milliseconds(0), 3600 * kSecond), [](C& c) -> auto& { return c.min_ttl; },
          "what servers say is kept at least so long, if its signatures allow; 0s: as they say"),
      key<C>(
          "max_ttl", duration(kSecond, kDay), [](C& c) -> auto& { return c.max_ttl; },
          "and at most so long; it holds over min_ttl"),
      key<C>(
          "min_negative_ttl", duration(milliseconds(0), 3600 * kSecond),
          [](C& c) -> auto& { return c.min_negative_ttl; }, "what servers deny is remembered at least so long"),
      key<C>(
          "max_negative_ttl", duration(kSecond, 10800 * kSecond), [](C& c) -> auto& { return c.max_negative_ttl; },
          "and at most so long; it holds over min_negative_ttl"),
      key<C>(
          "prefetch", Flag{}, [](C& c) -> auto& { return c.prefetch; },
          "ask again for answers that are in use, in the last tenth of their TTL"),
  };
  return keys;
}

const Keys<AnswerConfig>& answer_keys() {
  using C = AnswerConfig;
  static const Keys<C> keys = {
      key<C>(
          "cookies", Flag{}, [](C& c) -> auto& { return c.cookies; },
          "answer DNS cookies (RFC 7873), which show that a client was reached at its address"),
      key<C>(
          "require_cookies", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.require_cookies; },
          "clients that are answered over UDP only with a good cookie"),
      key<C>(
          "cookie_secret", hexadecimal(32), [](C& c) -> auto& { return c.cookie_secret; },
          "of several servers behind one address (RFC 9018); empty: our own, a new one each day"),
      key<C>(
          "any_over_udp", Flag{}, [](C& c) -> auto& { return c.any_over_udp; },
          "answer ANY over UDP too; else it is told to come by TCP (RFC 8482)"),
      key<C>(
          "version", text(255), [](C& c) -> auto& { return c.version; },
          "version.bind and version.server in class CH; empty: refused"),
      key<C>(
          "identity", text(255), [](C& c) -> auto& { return c.identity; },
          "hostname.bind and id.server in class CH; empty: refused"),
  };
  return keys;
}

const Keys<RunConfig>& run_keys() {
  using C = RunConfig;
  static const Keys<C> keys = {
      key<C>(
          "path", path("a folder"), [](C& c) -> auto& { return c.path; },
          "sockets, decision rings and locks of the running programs"),
  };
  return keys;
}

const Keys<StoreConfig>& store_keys() {
  using C = StoreConfig;
  static const Keys<C> keys = {
      key<C>(
          "path", path("a folder"), [](C& c) -> auto& { return c.path; },
          "the policy store and the decision log; the sidecar alone writes there"),
      key<C>(
          "keep_generations", Whole<unsigned>{1, 10000}, [](C& c) -> auto& { return c.keep_generations; },
          "published versions kept on disk for a rollback, and one an hour for a day"),
  };
  return keys;
}

const Keys<FetchConfig>& fetch_keys() {
  using C = FetchConfig;
  static const Keys<C> keys = {
      key<C>(
          "max_bytes", size(1ULL << 10, 1ULL << 40), [](C& c) -> auto& { return c.max_bytes; },
          "largest list as it is sent"),
      key<C>(
          "max_decoded_bytes", size(1ULL << 10, 1ULL << 40), [](C& c) -> auto& { return c.max_decoded_bytes; },
          "largest list as it is unpacked"),
      key<C>(
          "max_ratio", Whole<unsigned>{1, 100000}, [](C& c) -> auto& { return c.max_ratio; },
          "most octets that one octet may unpack to"),
      key<C>(
          "timeout", duration(milliseconds(100), kDay), [](C& c) -> auto& { return c.timeout; },
          "time for the whole of one fetch"),
      key<C>(
          "max_redirects", Whole<unsigned>{0, 50}, [](C& c) -> auto& { return c.max_redirects; },
          "redirects that one fetch follows"),
      key<C>(
          "allow_private", ArrayOf<Parsed<std::string>>{text(255)}, [](C& c) -> auto& { return c.allow_private; },
          "hosts that may have private addresses; others may not, however they are redirected"),
      key<C>(
          "ca_file", path("a file of certificates"), [](C& c) -> auto& { return c.ca_file; },
          "certificates (PEM) of authorities that https is trusted of beside the system's"),
  };
  return keys;
}

const Keys<ListConfig>& list_keys() {
  using C = ListConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.definition.name; }, "what the list is called")),
      required(key<C>(
          "source", source(), [](C& c) -> auto& { return c.source; },
          "https or http URL, or a file (relative to the file that names it)")),
      key<C>(
          "kind",
          Choice<ListKind>{
              {{"block", ListKind::block},
               {"allow", ListKind::allow},
               {"address", ListKind::address},
               {"rpz", ListKind::rpz, "is not read by this version of weir yet; block, allow and address lists are"}}},
          [](C& c) -> auto& { return c.definition.kind; },
          "what its entries do: block names, allow names, block answers that hold an address"),
      key<C>(
          "match",
          Choice<NameMatch>{
              {{"auto", NameMatch::automatic}, {"exact", NameMatch::exact}, {"subtree", NameMatch::subtree}}},
          [](C& c) -> auto& { return c.match; },
          "what a bare name means: itself, or itself and all below; auto: what the publisher's header says, else "
          "exact"),
      key<C>(
          "dialect",
          Choice<std::string>{{{"auto", "auto"},
                               {"hosts", "hosts"},
                               {"domains", "domains"},
                               {"adblock", "adblock"},
                               {"dnsmasq", "dnsmasq"},
                               {"unbound", "unbound"},
                               {"addresses", "addresses"}}},
          [](C& c) -> auto& { return c.dialect; }, "how its lines are written; auto: detected line by line"),
      key<C>(
          "every", duration(kSecond, 365 * kDay), [](C& c) -> auto& { return c.every; }, "how often it is fetched"),
      key<C>(
          "policies", ArrayOf<Parsed<std::string>>{config_name(), 0, 1000}, [](C& c) -> auto& { return c.policies; },
          "policies that it belongs to, as if they named it"),
      key<C>(
          "rank", Whole<int>{kMinListRank, kMaxListRank}, [](C& c) -> auto& { return c.definition.rank; },
          "lower is asked first, the first rank with a match decides; kind allow: 3 by default"),
      key<C>(
          "mode", Choice<ListMode>{{{"enforce", ListMode::enforce}, {"observe", ListMode::observe}}},
          [](C& c) -> auto& { return c.definition.mode; }, "observe: matches are logged, not enforced"),
      key<C>(
          "exceptions", Choice<ExceptionScope>{{{"own", ExceptionScope::own}, {"rank", ExceptionScope::rank}}},
          [](C& c) -> auto& { return c.definition.exceptions; },
          "what its @@ lines open: its own blocks, or those of its whole rank"),
      key<C>(
          "order", Choice<Order>{{{"adblock", Order::adblock}, {"specific", Order::specific}}},
          [](C& c) -> auto& { return c.definition.order; },
          "inside its rank: allow beats block, or the most specific rule wins"),
      key<C>(
          "rewrites", Flag{}, [](C& c) -> auto& { return c.definition.rewrites; },
          "its addresses and targets are trusted as answers"),
      key<C>(
          "actions", Choice<bool>{{{"policy", false}, {"own", true}}},
          [](C& c) -> auto& { return c.definition.own_actions; },
          "how a match is answered: as the policy blocks, or as the list itself says"),
      key<C>(
          "basis",
          Choice<Basis>{
              {{"operator", Basis::operator_choice}, {"legal", Basis::legal}, {"requested", Basis::requested}}},
          [](C& c) -> auto& { return c.definition.basis; },
          "why it is there; gives EDE 15 Blocked, 16 Censored, 17 Filtered (RFC 8914)"),
      key<C>(
          "category", text(64), [](C& c) -> auto& { return c.definition.category; },
          "a word of yours, shown in explanations"),
  };
  return keys;
}

namespace {

// The two addresses of `block_address` land in the block answer by their family.
Key<PolicyConfig> block_address_key() {
  const ArrayOf<Parsed<IpAddress>> kind{address(), 1, 2};
  Key<PolicyConfig> out{"block_address",
                        "what a blocked A and AAAA answer with where block = \"address\"",
                        kind.expected() + ", at most one of each family",
                        "[]",
                        Need::optional,
                        {}};
  out.read = [kind](const ConfigValue& in, std::string_view label, PolicyConfig& config, Faults& faults) {
    std::vector<IpAddress> addresses;
    if (!kind.read(in, addresses, label, faults)) return;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      auto& slot = addresses[i].family == AddressFamily::ipv4 ? config.policy.block.ipv4 : config.policy.block.ipv6;
      if (slot) faults.add(in.items[i].position, std::string(label) + ": two addresses of one family");
      slot = addresses[i];
    }
  };
  return out;
}

}  // namespace

const Keys<PolicyConfig>& policy_keys() {
  using C = PolicyConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.policy.name; },
          "what the policy is called; \"default\" is for every client that no group names")),
      key<C>(
          "lists", ArrayOf<Parsed<std::string>>{config_name()}, [](C& c) -> auto& { return c.lists; },
          "lists that apply; lists may also name the policy themselves"),
      key<C>(
          "block",
          Choice<BlockMode>{{{"null", BlockMode::null},
                             {"address", BlockMode::address},
                             {"nodata", BlockMode::nodata},
                             {"nxdomain", BlockMode::nxdomain},
                             {"refused", BlockMode::refused},
                             {"cname", BlockMode::cname,
                              "is not supported by this version of weir yet; with block = \"address\" and "
                              "block_address a page of yours can be shown"}}},
          [](C& c) -> auto& { return c.policy.block.mode; },
          "how a blocked name is answered: 0.0.0.0 and ::, block_address, no data, NXDOMAIN, REFUSED"),
      block_address_key(),
      key<C>(
          "ttl", Whole<std::uint32_t>{1, 3600}, [](C& c) -> auto& { return c.policy.block.ttl_seconds; },
          "seconds that a block answer may be kept"),
      key<C>(
          "default", Choice<DefaultAction>{{{"allow", DefaultAction::allow}, {"deny", DefaultAction::deny}}},
          [](C& c) -> auto& { return c.policy.default_action; }, "what happens to a name that no rule matches"),
      key<C>(
          "strict_chain", Flag{}, [](C& c) -> auto& { return c.policy.strict_chain; },
          "block lists also apply to the aliases and addresses of an allowed name"),
      key<C>(
          "ede_text", Choice<EdeText>{{{"off", EdeText::off}, {"list", EdeText::list}, {"rule", EdeText::rule}}},
          [](C& c) -> auto& { return c.policy.ede_text; },
          "words beside the Extended DNS Error: none, the list, or list, name and generation"),
      key<C>(
          "until_loaded", Choice<UntilLoaded>{{{"resolve", UntilLoaded::resolve}, {"refuse", UntilLoaded::refuse}}},
          [](C& c) -> auto& { return c.policy.until_loaded; },
          "what clients get before its lists were loaded for the first time"),
      key<C>(
          "privacy", privacy(), [](C& c) -> auto& { return c.policy.privacy; },
          "what the log keeps of a client: address, /24 or /56, a pseudonym, nothing; as [log] privacy where absent"),
      key<C>(
          "log_all", Flag{}, [](C& c) -> auto& { return c.policy.log_all; },
          "log every query, not only decisions; as [log] all where absent"),
  };
  return keys;
}

const Keys<GroupConfig>& group_keys() {
  using C = GroupConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.name; },
          "what the group is called; \"default\" is every client that no other group names")),
      key<C>(
          "clients", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.clients; },
          "addresses and prefixes; the most specific one of all groups wins"),
      key<C>(
          "policy", config_name(), [](C& c) -> auto& { return c.policy; }, "the policy that holds for them"),
  };
  return keys;
}

const Keys<ForwardConfig>& forward_keys() {
  using C = ForwardConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "the zone: this name and all below it; \".\" is everything")),
      key<C>(
          "kind", Choice<C::Kind>{{{"forward", C::Kind::forward}, {"stub", C::Kind::stub}}},
          [](C& c) -> auto& { return c.kind; },
          "forward: the servers are resolvers and get the whole question; stub: they serve the zone"),
      required(key<C>(
          "servers", ArrayOf<Parsed<Endpoint>>{server(), 1, 64}, [](C& c) -> auto& { return c.servers; },
          "who is asked; without a port: [resolver] upstream_port")),
      key<C>(
          "fallback", Choice<C::Fallback>{{{"none", C::Fallback::none}, {"recursion", C::Fallback::recursion}}},
          [](C& c) -> auto& { return c.fallback; },
          "where none of them answers: recursion resolves from the root, none is SERVFAIL"),
  };
  return keys;
}

namespace {

// Texts alone: what they say is read once all keys of the section are known (local.cc). Ten thousand and more are
// common, so none is compared with all others here.
template <class Section>
Key<Section> records_key() {
  static const std::string kExpected =
      "an array of at most 100000 records such as \"router.home.example. 3600 IN A 192.0.2.1\"";
  Key<Section> out{"records",      "records in zone-file text; names are whole names, TTL and class may be left out",
                   kExpected,      "[]",
                   Need::optional, {}};
  out.read = [](const ConfigValue& in, std::string_view label, Section& section, Faults& faults) {
    if (in.type != ConfigValue::Type::array || in.items.size() > kMaxRecordsPerKey)
      return faults.wrong(in, label, kExpected);
    std::vector<std::string> texts;
    for (const ConfigValue& item : in.items) {
      if (item.type != ConfigValue::Type::string) return faults.wrong(item, label, "a string for each record");
      texts.push_back(item.text);
    }
    section.records = std::move(texts);
  };
  return out;
}

template <class Section>
Key<Section> record_ttl_key() {
  return key<Section>(
      "ttl", Whole<std::uint32_t>{0, 604800}, [](Section& c) -> auto& { return c.ttl; },
      "seconds that records without a TTL may be kept");
}

template <class Section>
Key<Section> pointer_key() {
  return key<Section>(
      "ptr", Flag{}, [](Section& c) -> auto& { return c.ptr; },
      "each A and AAAA also gives its address a PTR, unless there is one already");
}

Choice<LocalZoneType> local_zone_type() {
  Choice<LocalZoneType> out;
  for (const auto type : {LocalZoneType::fixed, LocalZoneType::transparent, LocalZoneType::type_transparent,
                          LocalZoneType::redirect, LocalZoneType::no_a, LocalZoneType::no_aaaa, LocalZoneType::nodata,
                          LocalZoneType::refuse, LocalZoneType::drop, LocalZoneType::resolve}) {
    out.words.push_back({to_text(type), type});
  }
  return out;
}

}  // namespace

const Keys<LocalConfig>& local_keys() {
  using C = LocalConfig;
  static const Keys<C> keys = {
      records_key<C>(),
      record_ttl_key<C>(),
      pointer_key<C>(),
      key<C>(
          "special_names", Flag{}, [](C& c) -> auto& { return c.special_names; },
          "answer localhost, invalid, test, onion, home.arpa, private reverse zones and the like here (RFC 6303, "
          "6761)"),
  };
  return keys;
}

const Keys<NegativeTrustAnchorConfig>& negative_trust_anchor_keys() {
  using C = NegativeTrustAnchorConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "nothing at this name or below it is validated (RFC 7646)")),
      required(key<C>(
          "reason", reason(), [](C& c) -> auto& { return c.reason; }, "why; shown by 'weir anchors'")),
      required(key<C>(
          "until", Time{}, [](C& c) -> auto& { return c.until; },
          "when it ends, at most a week from now; it is ignored from then on")),
  };
  return keys;
}

const Keys<LocalZoneConfig>& local_zone_keys() {
  using C = LocalZoneConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "the zone: this name and all below it, as far as no longer zone holds them")),
      key<C>(
          "type", local_zone_type(), [](C& c) -> auto& { return c.type; },
          "what its records do not answer: static: NXDOMAIN, NODATA; transparent: names without records are resolved; "
          "typetransparent: everything is resolved; redirect: its own records are those of all names below; no_a, "
          "no_aaaa: that type is NODATA, the rest is resolved; nodata, refuse, drop: as they say; resolve: as if it "
          "were not special"),
      records_key<C>(),
      record_ttl_key<C>(),
      pointer_key<C>(),
  };
  return keys;
}

namespace {

// RFC 6052 section 2.2: its lengths, and bits 64 to 71 of the addresses are zero.
Parsed<Prefix> pref64() {
  return {"an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits such as \"64:ff9b::/96\"",
          [](std::string_view text, const Faults&) -> Result<Prefix> {
            auto prefix = Prefix::parse(text);
            if (!prefix) return prefix;
            if (prefix->address.family != AddressFamily::ipv6 || !is_pref64_length(prefix->length))
              return Error{ErrorCode::invalid, quote(text) + " is none"};
            if (prefix->address.octets[8] != 0)
              return Error{ErrorCode::invalid,
                           "bits 64 to 71 of " + quote(text) + " are not zero (RFC 6052 section 2.2)"};
            return prefix;
          },
          [](const Prefix& value) { return value.to_text(); }};
}

}  // namespace

const Keys<Dns64Config>& dns64_keys() {
  using C = Dns64Config;
  static const Keys<C> keys = {
      key<C>(
          "on", Flag{}, [](C& c) -> auto& { return c.on; },
          "names without AAAA get AAAA that stand for their A behind a NAT64 (RFC 6147)"),
      key<C>(
          "prefix", pref64(), [](C& c) -> auto& { return c.dns64.prefix; },
          "the prefix that the NAT64 translates; the well-known one stands for global addresses only"),
      key<C>(
          "clients", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.dns64.clients; },
          "who is given such answers; empty: everybody"),
      key<C>(
          "exclude", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.dns64.exclude; },
          "AAAA in these prefixes count as none"),
      key<C>(
          "exclude_ipv4", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.dns64.exclude_ipv4; },
          "A in these prefixes are not translated"),
  };
  return keys;
}

const Keys<LogConfig>& log_keys() {
  using C = LogConfig;
  static const Keys<C> keys = {
      key<C>(
          "privacy", privacy(), [](C& c) -> auto& { return c.privacy; },
          "what the log keeps of a client: address, /24 or /56, a pseudonym, nothing; a policy may say otherwise"),
      key<C>(
          "keep", duration(60 * kSecond, 3650 * kDay), [](C& c) -> auto& { return c.keep; },
          "how long decisions are kept"),
      key<C>(
          "size", size(1ULL << 20, 1ULL << 50), [](C& c) -> auto& { return c.size_bytes; },
          "disk that decisions may take; the oldest go first"),
      key<C>(
          "all", Flag{}, [](C& c) -> auto& { return c.all; }, "log every query, not only decisions"),
  };
  return keys;
}

}  // namespace weir::config
