// The keys of [resolver], [resolution], [cache] and [answers].
#include "zones/config/kinds.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

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

const Keys<ResolutionConfig>& resolution_keys() {
  using C = ResolutionConfig;
  static const Keys<C> keys = {
      key<C>(
          "minimise_names", Flag{}, [](C& c) -> auto& { return c.minimise_names; },
          "tell each server no more of a name than it needs to know (RFC 9156)"),
      key<C>(
          "minimise_with", Choice<RecordType>{{{"A", RecordType::a}, {"NS", RecordType::ns}}},
          [](C& c) -> auto& { return c.minimise_with; }, "the type that shortened names are asked for"),
      key<C>(
          "hide_type", Flag{}, [](C& c) -> auto& { return c.hide_type; },
          "ask for the type of a question only once its name is known to exist: a query more"),
      key<C>(
          "randomise_case", Flag{}, [](C& c) -> auto& { return c.randomise_case; },
          "draw the case of each letter that is asked, so that an answer is harder to forge"),
      key<C>(
          "cookies", Flag{}, [](C& c) -> auto& { return c.cookies; },
          "send DNS cookies (RFC 7873), which show that an answer comes from who was asked"),
      key<C>(
          "minimal_answers", Flag{}, [](C& c) -> auto& { return c.minimal_answers; },
          "leave out what nobody asked for: name servers, and addresses beside answers"),
      key<C>(
          "alias_targets",
          Choice<C::AliasTargets>{{{"taken", C::AliasTargets::taken},
                                   {"data taken", C::AliasTargets::data_taken},
                                   {"asked", C::AliasTargets::asked}}},
          [](C& c) -> auto& { return c.alias_targets; },
          "what an answer holds behind its aliases: taken where its server may speak for it, or but for denials, or "
          "always asked for again"),
      key<C>(
          "unsigned_dnames", Flag{}, [](C& c) -> auto& { return c.unsigned_dnames; },
          "a cached DNAME answers for names below it also where no signature vouches for it"),
      key<C>(
          "verify_glue", Flag{}, [](C& c) -> auto& { return c.verify_glue; },
          "name servers' addresses from outside of their zone are asked for before they are used"),
      key<C>(
          "foreign_glue", Flag{}, [](C& c) -> auto& { return c.foreign_glue; },
          "use addresses for name servers outside of the zone that was asked: any zone could then move any other's "
          "servers. For closed networks"),
      key<C>(
          "loopback_servers", Flag{}, [](C& c) -> auto& { return c.loopback_servers; },
          "ask name servers on loopback addresses, which any zone may name. For tests and closed networks"),
      key<C>(
          "name_servers_beside_denials", Flag{}, [](C& c) -> auto& { return c.name_servers_beside_denials; },
          "pass on the zone's name servers beside a denial too"),
      key<C>(
          "unasked_name_servers", Flag{}, [](C& c) -> auto& { return c.unasked_name_servers; },
          "believe the name servers that a zone names beside an answer, where they differ from its parent's"),
      key<C>(
          "any_additional", Flag{}, [](C& c) -> auto& { return c.any_additional; },
          "pass on records of other types than addresses beside an answer; where minimal_answers = false"),
      key<C>(
          "max_name_servers", Whole<unsigned>{0, 65535}, [](C& c) -> auto& { return c.max_name_servers; },
          "NS records that are kept of one RRset; 0: all"),
      key<C>(
          "refer_without_recursion", Flag{}, [](C& c) -> auto& { return c.refer_without_recursion; },
          "questions without RD get a referral to the closest zone in the cache; else they are refused"),
      key<C>(
          "every_algorithm", Flag{}, [](C& c) -> auto& { return c.every_algorithm; },
          "want a good signature by each algorithm that a zone names; RFC 6840 section 5.11 advises against it"),
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

namespace {

// Nothing else is shown by clients (draft-ietf-dnsop-structured-dns-error section 4).
Parsed<std::string> contact_uri() {
  return {"a URI such as \"mailto:dns@example.org\" or \"tel:+123\"",
          [](std::string_view value, const Faults&) -> Result<std::string> {
            if ((!value.starts_with("mailto:") && !value.starts_with("tel:")) || value.size() > 100)
              return Error{ErrorCode::invalid, "only mailto: and tel: of at most 100 octets"};
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

}  // namespace

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
      key<C>(
          "structured_errors", Whole<std::uint16_t>{0, 65535},
          [](C& c) -> auto& { return c.structured_errors.option_code; },
          "code of the EDNS option by which clients ask for block reasons in JSON; 0: nobody is told"),
      key<C>(
          "error_contacts", ArrayOf<Parsed<std::string>>{contact_uri(), 0, 8},
          [](C& c) -> auto& { return c.structured_errors.contacts; }, "whom they may ask"),
      key<C>(
          "error_organisation", text(100), [](C& c) -> auto& { return c.structured_errors.organisation; },
          "who blocks"),
      key<C>(
          "error_language", text(35), [](C& c) -> auto& { return c.structured_errors.language; },
          "tag of the language of organisation and justifications, e.g. \"en\"; without it they are not told"),
      key<C>(
          "max_waiting", Whole<unsigned>{1, 20000}, [](C& c) -> auto& { return c.max_waiting; },
          "queries that may wait for other servers at once, of each worker"),
      key<C>(
          "when_full", Choice<C::WhenFull>{{{"servfail", C::WhenFull::servfail}, {"drop", C::WhenFull::drop}}},
          [](C& c) -> auto& { return c.when_full; },
          "what one more of them gets: SERVFAIL, so that the client asks elsewhere at once, or nothing"),
  };
  return keys;
}

}  // namespace weir::config
