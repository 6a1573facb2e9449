// SEMANTICS section 2, row by row: a line, how the list is read -> its bucket and its rules.
#include <gtest/gtest.h>

#include "tests/zones/lists/reading.h"
#include "zones/base/text.h"

namespace weir::dialects_test {
namespace {

using test::Row;

ListOptions of_kind(ListKind kind) {
  ListOptions options;
  options.kind = kind;
  return options;
}
ListOptions matching(NameMatch match) {
  ListOptions options;
  options.match = match;
  return options;
}
ListOptions declared(const char* dialect) {
  ListOptions options;
  options.dialect = dialect;
  return options;
}
ListOptions trusted() {
  ListOptions options;
  options.rewrites = true;
  return options;
}
ListOptions with_private_addresses() {
  ListOptions options = of_kind(ListKind::address);
  options.private_addresses = true;
  return options;
}
ListOptions with_own_actions() {
  ListOptions options;
  options.own_actions = true;
  return options;
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.line);
    // The header keeps a list of one comment from being "empty"; the line asked is the second.
    const test::Reading reading = test::read_text("! a list\n" + std::string(row.line) + "\n", row.options);
    std::string found;
    for (std::size_t i = 0; i < kBucketCount; ++i) {
      const std::uint64_t expected_comments = i == static_cast<std::size_t>(Bucket::comment) ? 1 : 0;
      if (reading.summary.buckets[i] > expected_comments) found += std::string(to_text(static_cast<Bucket>(i)));
    }
    EXPECT_EQ(found, to_text(row.bucket));
    EXPECT_EQ(reading.rules, row.rules);
    EXPECT_EQ(reading.summary.lines, 2U);
    EXPECT_EQ(reading.buckets(), 2U);
    EXPECT_EQ(reading.refusal.empty(), !row.rules.empty() || row.bucket == Bucket::comment ||
                                           row.bucket == Bucket::header || row.bucket == Bucket::blank)
        << reading.refusal;
  }
}

// SEMANTICS 2 hosts: block, **exact**, each name; null and loopback addresses count as "block"
// SEMANTICS 2 hosts: block, exact; an *answer* only if the list is marked `rewrites = true`
// SEMANTICS 1.6: A declared dialect makes other dialects' lines errors.
TEST(Lists, HostsLines) {
  check({
      {"0.0.0.0 ads.example", Bucket::rule, {"block exact ads.example"}},
      {"127.0.0.1\tads.example", Bucket::rule, {"block exact ads.example"}},
      {":: ads.example", Bucket::rule, {"block exact ads.example"}},
      {"::1 ADS.Example.", Bucket::rule, {"block exact ads.example"}},
      {"0.0.0.0 a.example b.example", Bucket::rule, {"block exact a.example", "block exact b.example"}},
      {"0.0.0.0 a.example bad..example b.example", Bucket::rule, {"block exact a.example", "block exact b.example"}},
      {"0.0.0.0 a.example # why", Bucket::rule, {"block exact a.example"}},
      {"0.0.0.0 a.example#why", Bucket::rule, {"block exact a.example"}},
      {"0.0.0.0 a.example ## why", Bucket::rule, {"block exact a.example"}},
      {"192.0.2.1 a.example", Bucket::rule, {"block exact a.example"}},
      {"192.0.2.1 a.example", Bucket::rule, {"address exact a.example = 192.0.2.1"}, trusted()},
      {"0.0.0.0 a.example", Bucket::rule, {"block exact a.example"}, trusted()},
      {"127.0.0.1 a.example", Bucket::rule, {"block exact a.example"}, trusted()},
      {"0.0.0.0 a.example", Bucket::rule, {"allow exact a.example"}, of_kind(ListKind::allow)},
      {"0.0.0.0 a.example", Bucket::rule, {"block exact a.example"}, matching(NameMatch::subtree)},
      {"127.0.0.1 localhost", Bucket::local_name, {}},
      {"fe80::1%lo0 localhost", Bucket::local_name, {}},
      {"ff02::2 ip6-allrouters", Bucket::local_name, {}},
      {"0.0.0.0 0.0.0.0", Bucket::local_name, {}},
      {"0.0.0.0 localhost a.example", Bucket::rule, {"block exact a.example"}},
      {"0.0.0.0 bad..example", Bucket::invalid_name, {}},
      {"0.0.0.0 192.0.2.7", Bucket::invalid_name, {}},
      {"0.0.0.0 a.example", Bucket::wrong_dialect, {}, declared("adblock")},
  });
}

// SEMANTICS 1.4: Ignore, with own counter *local name*
TEST(Lists, NamesOfTheMachineItself) {
  for (const char* name :
       {"localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback", "ip6-localnet",
        "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters", "ip6-allhosts", "LocalHost.", "0.0.0.0", "::"}) {
    check({{"127.0.0.1 " + std::string(name), Bucket::local_name, {}}});
  }
  check({{"127.0.0.1 localhost.example", Bucket::rule, {"block exact localhost.example"}},
         {"127.0.0.1 ip6-allhosts.example", Bucket::rule, {"block exact ip6-allhosts.example"}}});
}

// SEMANTICS 1.2: in hosts, domains, IP, dnsmasq and unbound dialects also an inline ` #` (a `#` preceded by white
// space, *and* a `#` directly after a complete name
TEST(Lists, InlineComments) {
  check({
      {"0.0.0.0 a.example # b.example", Bucket::rule, {"block exact a.example"}},
      {"0.0.0.0 a.example\t#b.example", Bucket::rule, {"block exact a.example"}},
      {"0.0.0.0 a.example#b.example", Bucket::rule, {"block exact a.example"}},
      {"a.example # b.example", Bucket::rule, {"block exact a.example"}},
      {"a.example#b.example", Bucket::rule, {"block exact a.example"}},
      {"a.example.#b", Bucket::rule, {"block exact a.example"}},
      {"*.a.example #b", Bucket::rule, {"block below a.example"}, matching(NameMatch::exact)},
      {"192.0.2.1 # b", Bucket::rule, {"block address 192.0.2.1/32"}, of_kind(ListKind::address)},
      {"192.0.2.1#b", Bucket::rule, {"block address 192.0.2.1/32"}, of_kind(ListKind::address)},
      {"address=/a.example/# # b", Bucket::rule, {"block subtree a.example"}},
      {"local=/a.example/ # b", Bucket::rule, {"block subtree a.example"}},
      {"local-zone: \"a.example\" static # b", Bucket::rule, {"block subtree a.example"}},
      {"local-data: \"a.example A 0.0.0.0\" # b", Bucket::rule, {"block exact a.example"}},
  });
}

// SEMANTICS 1.3: Names: lower-case; strip one trailing dot
// SEMANTICS 1.3: Unicode → A-labels by UTS 46, non-transitional
// SEMANTICS 1.3: accept `_`, digits, hyphens anywhere in a label
// SEMANTICS 1.3: label ≤ 63, name ≤ 255 octets in wire form.
// SEMANTICS 1.2: Comments: a line starting with `#`, `!`, `;` or `//`; `[Adblock …]`-style headers
// SEMANTICS 2 wildcard: per list: `below` (adblock and RPZ meaning) or `subtree`
// SEMANTICS 2 adblock: all mean allow
// SEMANTICS 2 other: skip as *URL with a path* or invalid
TEST(Lists, PlainNamesAndWildcards) {
  const std::string label63(63, 'a');
  const std::string label64(64, 'a');
  const std::string four = label63 + '.' + label63 + '.' + label63 + '.';
  check({
      {"a.example", Bucket::rule, {"block exact a.example"}},
      {"a.example.", Bucket::rule, {"block exact a.example"}},
      {"  A.EXAMPLE\t", Bucket::rule, {"block exact a.example"}},
      {"a.example # why", Bucket::rule, {"block exact a.example"}},
      {"a.example#why", Bucket::rule, {"block exact a.example"}},
      {"a.example", Bucket::rule, {"block subtree a.example"}, matching(NameMatch::subtree)},
      {"a.example", Bucket::rule, {"block exact a.example"}, matching(NameMatch::exact)},
      {"a.example", Bucket::rule, {"allow exact a.example"}, of_kind(ListKind::allow)},
      {"@@||a.example^", Bucket::rule, {"allow subtree a.example"}, of_kind(ListKind::allow)},
      {"||a.example^", Bucket::rule, {"allow subtree a.example"}, of_kind(ListKind::allow)},
      {"*.a.example", Bucket::rule, {"block below a.example"}, matching(NameMatch::exact)},
      {"*.a.example", Bucket::rule, {"block subtree a.example"}},  // all of the list has this form
      {"_dmarc.-a-.1.example", Bucket::rule, {"block exact _dmarc.-a-.1.example"}},
      {"b\xC3\xBC"
       "cher.example",
       Bucket::rule,
       {"block exact xn--bcher-kva.example"}},
      {"fa\xC3\x9F.example", Bucket::rule, {"block exact xn--fa-hia.example"}},
      {"a\xE3\x80\x82"
       "example",
       Bucket::rule,
       {"block exact a.example"}},
      {"com", Bucket::rule, {"block exact com"}},
      {label63 + ".example", Bucket::rule, {"block exact " + label63 + ".example"}},
      {label64 + ".example", Bucket::invalid_name, {}},
      {four + std::string(61, 'b'), Bucket::rule, {"block exact " + four + std::string(61, 'b')}},
      {four + std::string(62, 'b'), Bucket::invalid_name, {}},
      {"https://a.example/path", Bucket::url_path, {}},
      {"a.example/path", Bucket::url_path, {}},
      {"a..example", Bucket::invalid_name, {}},
      {"*.", Bucket::invalid_name, {}},
      {".", Bucket::invalid_name, {}},
      {"a.example b.example", Bucket::invalid_name, {}},
      {"a.exam\xE2\x80\xAE"
       "ple",
       Bucket::invalid_text,
       {}},
      {"a.exam\xFFple", Bucket::invalid_text, {}},
      {"local", Bucket::local_name, {}},
      {"broadcasthost", Bucket::local_name, {}},
      {"# a.example", Bucket::comment, {}},
      {"; a.example", Bucket::comment, {}},
      {"// a.example", Bucket::comment, {}},
      {"[Adblock Plus 2.0]", Bucket::header, {}},
      {"   ", Bucket::blank, {}},
      {"bad.example CNAME .", Bucket::unsupported_rpz, {}},
      {"$TTL 60", Bucket::unsupported_rpz, {}},
  });
}

// SEMANTICS 2 other: later: host extraction for URL feeds, only when the path is `/`
TEST(Lists, UrlsOfWholeHosts) {
  check({
      {"http://a.example/", Bucket::rule, {"block exact a.example"}},
      {"https://a.example/", Bucket::rule, {"block exact a.example"}},
      {"HTTPS://A.Example./", Bucket::rule, {"block exact a.example"}},
      {"https://a.example", Bucket::rule, {"block exact a.example"}},  // no path is the same path
      {"http://a.example:80/", Bucket::rule, {"block exact a.example"}},
      {"https://a.example:443/ # why", Bucket::rule, {"block exact a.example"}},
      {"https://b\xC3\xBC"
       "cher.example/",
       Bucket::rule,
       {"block exact xn--bcher-kva.example"}},
      {"https://a.example/", Bucket::rule, {"block subtree a.example"}, matching(NameMatch::subtree)},
      {"https://a.example/", Bucket::rule, {"allow exact a.example"}, of_kind(ListKind::allow)},
      {"https://a.example/", Bucket::rule, {"block exact a.example"}, declared("domains")},
      {"https://a.example/", Bucket::wrong_dialect, {}, declared("hosts")},
      {"https://a.example/x", Bucket::url_path, {}},
      {"https://a.example//", Bucket::url_path, {}},
      {"https://a.example/?", Bucket::url_path, {}},
      {"https://a.example?x", Bucket::url_path, {}},
      {"https://a.example/#x", Bucket::url_path, {}},
      {"https://a.example:8443/", Bucket::url_path, {}},  // another service of the same host
      {"http://a.example:443/", Bucket::url_path, {}},
      {"https://a.example@b.example/", Bucket::url_path, {}},
      {"https://[2001:db8::1]/", Bucket::url_path, {}},
      {"https://*.a.example/", Bucket::url_path, {}},
      {"ftp://a.example/", Bucket::url_path, {}},
      {"a.example/", Bucket::url_path, {}},
      {"https:///", Bucket::url_path, {}},
      {"https://192.0.2.1/", Bucket::invalid_name, {}},
      {"https://a..example/", Bucket::invalid_name, {}},
      {"https://localhost/", Bucket::local_name, {}},
  });
}

// SEMANTICS 2 adblock: `||name^`, `||name`, `||name^|`
// SEMANTICS 2 adblock: `||*.name^`
// SEMANTICS 2 adblock: `|name^`, `|name|`
// SEMANTICS 2 adblock: allow, scoped by default to **this list's own blocks**
// SEMANTICS 2 adblock: lifts the rule above plain ones **within its rank** only
// SEMANTICS 2 adblock: QTYPE set, including `TYPE65` spelling
// SEMANTICS 2 adblock: the rule does not match those subtrees
// SEMANTICS 2 adblock: no effect, rule kept
// SEMANTICS 2 adblock: skip, reason *browser-only modifier*
// SEMANTICS 2 adblock: skip, reason *unknown modifier*
// SEMANTICS 1.2: In adblock dialect a `#` is part of cosmetic syntax (`##`, `#@#`, `#?#`, `#$#`, `#%#`): skip with
// reason *cosmetic*
// SEMANTICS 2 adblock: never drop the modifier and keep the rule
// SEMANTICS 2 adblock: local rules only; in a subscribed list skip, reason *client modifier*
TEST(Lists, AdblockLines) {
  check({
      {"||a.example^", Bucket::rule, {"block subtree a.example"}},
      {"||a.example", Bucket::rule, {"block subtree a.example"}},
      {"||a.example^|", Bucket::rule, {"block subtree a.example"}},
      {"||*.a.example^", Bucket::rule, {"block below a.example"}},
      {"|a.example^", Bucket::rule, {"block exact a.example"}},
      {"|a.example|", Bucket::rule, {"block exact a.example"}},
      {"@@||a.example^", Bucket::rule, {"exception subtree a.example"}},
      {"@@|a.example^", Bucket::rule, {"exception exact a.example"}},
      {"||a.example^$important", Bucket::rule, {"block important subtree a.example"}},
      {"@@||a.example^$important", Bucket::rule, {"exception important subtree a.example"}},
      {"||a.example^$dnstype=AAAA|A", Bucket::rule, {"block subtree a.example 1 28"}},
      {"||a.example^$dnstype=A|A", Bucket::rule, {"block subtree a.example 1"}},
      {"||a.example^$dnstype=~CNAME", Bucket::rule, {"block subtree a.example ~5"}},
      {"||a.example^$dnstype=TYPE65", Bucket::rule, {"block subtree a.example 65"}},
      {"||a.example^$dnstype=A|~AAAA", Bucket::unknown_modifier, {}},
      {"||a.example^$dnstype=NOSUCH", Bucket::unknown_modifier, {}},
      {"||a.example^$dnstype", Bucket::unknown_modifier, {}},
      {"||example^$denyallow=a.example|b.example", Bucket::rule, {"block subtree example not a.example not b.example"}},
      {"||a.example^$all", Bucket::rule, {"block subtree a.example"}},
      {"||a.example^$document,important", Bucket::rule, {"block important subtree a.example"}},
      {"||a.example^$doc", Bucket::rule, {"block subtree a.example"}},
      {"||a.example^$third-party", Bucket::browser_modifier, {}},
      {"||a.example^$~third-party", Bucket::browser_modifier, {}},
      {"||a.example^$popup,important", Bucket::browser_modifier, {}},
      {"||a.example^$domain=b.example", Bucket::browser_modifier, {}},
      {"||a.example^$script,image", Bucket::browser_modifier, {}},
      {"||a.example^$removeparam=x", Bucket::browser_modifier, {}},
      {"||a.example^$nosuch", Bucket::unknown_modifier, {}},
      {"||a.example^$~important", Bucket::unknown_modifier, {}},
      {"||a.example^$client=192.0.2.1", Bucket::client_modifier, {}},
      {"||a.example^$ctag=user_child", Bucket::client_modifier, {}},
      {"||a.example^$badfilter", Bucket::duplicate, {}},
      {"||a.example^$dnsrewrite=192.0.2.1", Bucket::untrusted_rewrite, {}},
      {"||a.example^$dnsrewrite=192.0.2.1", Bucket::rule, {"address subtree a.example = 192.0.2.1"}, trusted()},
      {"||a.example^$dnsrewrite=b.example", Bucket::rule, {"cname subtree a.example = b.example"}, trusted()},
      {"||a.example^$dnsrewrite=NXDOMAIN;;", Bucket::rule, {"nxdomain subtree a.example"}, trusted()},
      {"||a.example^$dnsrewrite=REFUSED", Bucket::rule, {"refused subtree a.example"}, trusted()},
      {"||a.example^$dnsrewrite=NOERROR;;", Bucket::rule, {"nodata subtree a.example"}, trusted()},
      {"||a.example^$dnsrewrite=NOERROR;A;192.0.2.1",
       Bucket::rule,
       {"address subtree a.example = 192.0.2.1"},
       trusted()},
      {"||a.example^$dnsrewrite=NOERROR;AAAA;192.0.2.1", Bucket::unsupported_pattern, {}, trusted()},
      {"||a.example^$dnsrewrite=NOERROR;CNAME;b.example",
       Bucket::rule,
       {"cname subtree a.example = b.example"},
       trusted()},
      {"a.example##.banner", Bucket::cosmetic, {}},
      {"a.example#@#.banner", Bucket::cosmetic, {}},
      {"a.example#?#.banner", Bucket::cosmetic, {}},
      {"a.example#$#body { color: red }", Bucket::cosmetic, {}},
      {"a.example#%#var x", Bucket::cosmetic, {}},
      {"||a.example/path^", Bucket::url_path, {}},
      {"|https://a.example/x", Bucket::url_path, {}},
      {"||a.example:8080^", Bucket::url_path, {}},
      {"||192.0.2.1^", Bucket::invalid_name, {}},
      {"||^", Bucket::invalid_name, {}},
  });
}

// SEMANTICS 2 adblock: local rules, or lists with `rewrites = true`; short form, `RCODE;TYPE;VALUE` form, and the
// exception form without a value
TEST(Lists, RewritesOfAdblockLists) {
  const std::string rewrite = "||a.example^$dnsrewrite=";
  check({
      {rewrite + "NOERROR;TXT;hello world",
       Bucket::rule,
       {"answer subtree a.example = TXT 30 0b68656c6c6f20776f726c64"},
       trusted()},
      {rewrite + "NOERROR;TXT;\"a\" \"b\"", Bucket::rule, {"answer subtree a.example = TXT 30 01610162"}, trusted()},
      {rewrite + "NOERROR;TXT;a\\,b,important",
       Bucket::rule,
       {"answer important subtree a.example = TXT 30 03612c62"},
       trusted()},
      {rewrite + "NOERROR;MX;10 mx.example",
       Bucket::rule,
       {"answer subtree a.example = MX 30 000a026d78076578616d706c6500"},
       trusted()},
      {rewrite + "NOERROR;PTR;b.example.",
       Bucket::rule,
       {"answer subtree a.example = PTR 30 0162076578616d706c6500"},
       trusted()},
      {rewrite + "NOERROR;SRV;1 2 443 b.example",
       Bucket::rule,
       {"answer subtree a.example = SRV 30 0001000201bb0162076578616d706c6500"},
       trusted()},
      {rewrite + "NOERROR;HTTPS;1 . alpn=h2",
       Bucket::rule,
       {"answer subtree a.example = HTTPS 30 0001000001000302"
        "6832"},
       trusted()},
      {rewrite + "NOERROR;SVCB;0 b.example",
       Bucket::rule,
       {"answer subtree a.example = SVCB 30 00000162076578616d706c6500"},
       trusted()},
      {rewrite + "NOERROR;MX;mx.example", Bucket::unsupported_pattern, {}, trusted()},
      {rewrite + "NOERROR;NOSUCH;x", Bucket::unsupported_pattern, {}, trusted()},
      {rewrite + "SERVFAIL;;", Bucket::unsupported_pattern, {}, trusted()},
      {rewrite + "NXDOMAIN;A;192.0.2.1", Bucket::unsupported_pattern, {}, trusted()},
      {rewrite, Bucket::unsupported_pattern, {}, trusted()},
      {"||a.example^$dnsrewrite", Bucket::unsupported_pattern, {}, trusted()},
      {"||a.example^$dnsrewrite=192.0.2.1,dnstype=A",
       Bucket::rule,
       {"address subtree a.example 1 = 192.0.2.1"},
       trusted()},
      {"||a*b.example^$dnsrewrite=NXDOMAIN",
       Bucket::rule,
       {"nxdomain glob a*b.example at example", "nxdomain glob *.a*b.example at example"},
       trusted()},
      {"@@||a.example^$dnsrewrite", Bucket::rule, {"exception from answer subtree a.example"}, trusted()},
      {"@@||a.example^$dnsrewrite=192.0.2.1",
       Bucket::rule,
       {"exception from address subtree a.example = 192.0.2.1"},
       trusted()},
      {"@@||a.example^$dnsrewrite=NXDOMAIN;;", Bucket::rule, {"exception from nxdomain subtree a.example"}, trusted()},
      {"@@||a.example^$dnsrewrite", Bucket::untrusted_rewrite, {}},
  });
}

// SEMANTICS 2 adblock: local rules only; in a subscribed list skip, reason *client modifier*
TEST(Lists, OwnRulesMayNameClients) {
  LineOptions own;
  own.local = true;
  const struct {
    std::string line;
    Bucket bucket;
    std::string conditions;
  } rows[] = {
      {"||a.example^$client=192.0.2.1", Bucket::rule, "192.0.2.1/32"},
      {"||a.example^$client=192.0.2.0/24|2001:db8::/32", Bucket::rule, "192.0.2.0/24 2001:db8::/32"},
      {"||a.example^$client='192.0.2.1'", Bucket::rule, "192.0.2.1/32"},
      {"||a.example^$client=kids|guests", Bucket::rule, "guests kids"},
      {"||a.example^$ctag=kids", Bucket::rule, "kids"},
      {"||a.example^$client=192.0.2.1,ctag=kids", Bucket::rule, "192.0.2.1/32 kids"},
      {"||a.example^$client=192.0.2.1|kids", Bucket::unknown_modifier, ""},
      {"||a.example^$client=~192.0.2.1", Bucket::unknown_modifier, ""},
      {"||a.example^$client=192.0.2.1/24", Bucket::unknown_modifier, ""},
      {"||a.example^$client=", Bucket::unknown_modifier, ""},
      {"||a.example^$client", Bucket::unknown_modifier, ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.line);
    Line line;
    parse_adblock_line(row.line, own, line);
    EXPECT_EQ(line.bucket, row.bucket) << line.reason;
    std::string found;
    for (const Rule& rule : line.rules) {
      for (const Prefix& prefix : rule.detail.conditions.clients) found += prefix.to_text() + " ";
      for (const std::string& group : rule.detail.conditions.groups) found += group + " ";
    }
    EXPECT_EQ(found, row.conditions.empty() ? "" : row.conditions + " ");
  }
}

// SEMANTICS 2 wildcard: glob over the whole name; `*` crosses labels as in adblock syntax
// SEMANTICS 2 wildcard: compile to the regex bucket, indexed by its longest literal label suffix so that it is not
// tried on every query
TEST(Lists, GlobsOfWildcardLists) {
  check({
      {"*ads.example", Bucket::rule, {"block glob *ads.example at example"}},
      {"a*b.example", Bucket::rule, {"block glob a*b.example at example"}},
      {"A*B.Example.", Bucket::rule, {"block glob a*b.example at example"}},
      {"*.a*b.c.example", Bucket::rule, {"block glob *.a*b.c.example at c.example"}},
      {"a.*.example # why", Bucket::rule, {"block glob a.*.example at example"}},
      {"ads.*", Bucket::rule, {"block glob ads.* at ."}},
      {"a**b.example", Bucket::rule, {"block glob a*b.example at example"}},
      {"a*b.example", Bucket::rule, {"block glob a*b.example at example"}, matching(NameMatch::subtree)},
      {"a*b.example", Bucket::rule, {"allow glob a*b.example at example"}, of_kind(ListKind::allow)},
      {"a*b.b\xC3\xBC"
       "cher.example",
       Bucket::rule,
       {"block glob a*b.xn--bcher-kva.example at xn--bcher-kva.example"}},
      {"b*\xC3\xBC.example", Bucket::unsupported_pattern, {}},
      {"*", Bucket::unsupported_pattern, {}},
      {"*.*", Bucket::unsupported_pattern, {}},
      {"a*b..example", Bucket::invalid_name, {}},
      {"a*b!.example", Bucket::invalid_name, {}},
      {"a*b c.example", Bucket::invalid_name, {}},
      {"a*b/c.example", Bucket::url_path, {}},
      {std::string(64, 'a') + ".*.example", Bucket::invalid_name, {}},
      {std::string(255, '*') + "a.example", Bucket::invalid_name, {}},
  });
}

// SEMANTICS 2 adblock: `name^`, bare pattern with `*`
TEST(Lists, GlobsOfAdblockLists) {
  check({
      {"a.example^", Bucket::rule, {"block glob *a.example at example"}},
      {"@@a.example^", Bucket::rule, {"exception glob *a.example at example"}},
      {"a.example|", Bucket::rule, {"block glob *a.example at example"}},
      {".a.example^", Bucket::rule, {"block below a.example"}},
      {"*.a.example^", Bucket::rule, {"block below a.example"}},
      {"||a*b.example^", Bucket::rule, {"block glob a*b.example at example", "block glob *.a*b.example at example"}},
      {"||a*b.example", Bucket::rule, {"block glob a*b.example at example", "block glob *.a*b.example at example"}},
      {"||*b.example^", Bucket::rule, {"block glob *b.example at example"}},
      {"||*.a*b.example^", Bucket::rule, {"block glob *.a*b.example at example"}},
      {"|a*b.example^", Bucket::rule, {"block glob a*b.example at example"}},
      {"|a*b.example|", Bucket::rule, {"block glob a*b.example at example"}},
      {"a*b.example^$important", Bucket::rule, {"block important glob *a*b.example at example"}},
      {"a*b.example$important", Bucket::rule, {"block important glob *a*b.example at example"}},
      {"ad*track$important", Bucket::rule, {"block important glob *ad*track* at ."}},
      {"||ads.*^", Bucket::rule, {"block glob ads.* at .", "block glob *.ads.* at ."}},
      {"a*b.example", Bucket::rule, {"block glob *a*b.example at example"}, declared("adblock")},
      {"*$denyallow=com|net", Bucket::rule, {"block glob * at . not com not net"}},
      {"*$dnstype=HTTPS", Bucket::rule, {"block glob * at . 65"}},
      {"*$important", Bucket::unsupported_pattern, {}},
      {"||*^", Bucket::unsupported_pattern, {}},
      {"||a^b*.example^", Bucket::unsupported_pattern, {}},
      {"||a*b.example/x^", Bucket::url_path, {}},
      {"||a*b.example^$script", Bucket::browser_modifier, {}},
      {"||a*b..example^", Bucket::invalid_name, {}},
  });
}

// SEMANTICS 2 regex: searched in the whole A-label name without the dot
// SEMANTICS 2 regex: linear-time engine only
// SEMANTICS 2 regex: cap pattern count and program size
TEST(Lists, RegularExpressions) {
  const std::string longest(1024, 'a');
  check({
      {"/ads[0-9]+/", Bucket::rule, {"block regex ads[0-9]+ at ."}},
      {"@@/ads/", Bucket::rule, {"exception regex ads at ."}},
      {"/ads/", Bucket::rule, {"allow regex ads at ."}, of_kind(ListKind::allow)},
      {"/^ads[0-9]+\\.example\\.org$/", Bucket::rule, {"block regex ^ads[0-9]+\\.example\\.org$ at example.org"}},
      {"/(a+)+$/$important", Bucket::rule, {"block important regex (a+)+$ at ."}},
      {"/ads/$dnstype=A,important", Bucket::rule, {"block important regex ads at . 1"}},
      {"/a{2,3}$|b/", Bucket::rule, {"block regex a{2,3}$|b at ."}},
      {"/" + longest + "/", Bucket::rule, {"block regex " + longest + " at ."}},
      {"/" + longest + "a/", Bucket::unsupported_pattern, {}},
      {"/((a{1,30}){1,30}b){3}/", Bucket::unsupported_pattern, {}},
      {"/ads(/", Bucket::unsupported_pattern, {}},
      {"/a++/", Bucket::unsupported_pattern, {}},
      {"/(a)\\1/", Bucket::unsupported_pattern, {}},
      {"/.*/", Bucket::unsupported_pattern, {}},
      {"/^/", Bucket::unsupported_pattern, {}},
      {"/.*/$dnstype=HTTPS", Bucket::rule, {"block regex .* at . 65"}},
      {"/ads/$popup", Bucket::browser_modifier, {}},
  });
}

// SEMANTICS 2 regex: refuse back-references and look-around with a clear message
TEST(Lists, WhatARegularExpressionIsRefusedFor) {
  const struct {
    std::string line;
    unsigned column;
    std::string reason;  // its beginning
  } rows[] = {
      {"/(ads)[0-9]\\1/", 12, "a back-reference '\\1' in a regular expression"},
      {"/(?P<x>a)\\k<x>/", 10, "a back-reference '\\k'"},
      {"/ads(?!good)/", 5, "a look-ahead '(?!'"},
      {"/ads(?=bad)/", 5, "a look-ahead '(?='"},
      {"@@/(?<=x)ads/", 4, "a look-behind '(?<='"},
      {"/(?<!x)ads/", 2, "a look-behind '(?<!'"},
      {"/[(?=]x(?>ads)/", 8, "an atomic group '(?>'"},
      {"/ads[a/", 5, "not a regular expression: missing ]"},
      {"/" + std::string(1025, 'a') + "/", 1026, "a regular expression of 1025 octets: at most 1024"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.line.substr(0, 60));
    const test::Reading reading = test::read_text("a.example\n" + row.line + "\n");
    const auto& samples = reading.summary.samples[static_cast<std::size_t>(Bucket::unsupported_pattern)];
    ASSERT_EQ(samples.size(), 1U);
    EXPECT_TRUE(samples[0].reason.starts_with(escape_for_display(row.reason))) << samples[0].reason;
    EXPECT_EQ(samples[0].column, row.column);
    EXPECT_EQ(samples[0].line, 2U);
  }
}

// SEMANTICS 2 dnsmasq: block, subtree, each name
// SEMANTICS 2 dnsmasq: allow; rewrite if trusted
// SEMANTICS 2 dnsmasq: skip, reason *not a filter directive*
TEST(Lists, DnsmasqLines) {
  check({
      {"address=/a.example/#", Bucket::rule, {"block subtree a.example"}},
      {"address=/a.example/0.0.0.0", Bucket::rule, {"block subtree a.example"}},
      {"address=/a.example/::", Bucket::rule, {"block subtree a.example"}},
      {"address=/a.example/", Bucket::rule, {"block subtree a.example"}},
      {"address=/a.example/b.example/#", Bucket::rule, {"block subtree a.example", "block subtree b.example"}},
      {"address=/a.example/b..example/#", Bucket::rule, {"block subtree a.example"}},
      {"address=/b..example/a.example/#", Bucket::rule, {"block subtree a.example"}},
      {"local=/a.example/", Bucket::rule, {"block subtree a.example"}},
      {"server=/a.example/", Bucket::rule, {"block subtree a.example"}},
      {"server=/a.example/ # why", Bucket::rule, {"block subtree a.example"}},
      {"server=/a.example/#", Bucket::rule, {"exception subtree a.example"}},
      {"server=/a.example/192.0.2.1", Bucket::rule, {"exception subtree a.example"}},
      {"server=/a.example/", Bucket::rule, {"allow subtree a.example"}, of_kind(ListKind::allow)},
      {"address=/a.example/192.0.2.1", Bucket::untrusted_rewrite, {}},
      {"address=/a.example/192.0.2.1", Bucket::rule, {"address subtree a.example = 192.0.2.1"}, trusted()},
      {"address=/*.a.example/#", Bucket::rule, {"block below a.example"}},
      {"address=/*a.example/#", Bucket::rule, {"block glob *a.example at example"}},
      {"server=/*a.example/#", Bucket::rule, {"exception glob *a.example at example"}},
      {"address=/a*b.example/#", Bucket::unsupported_pattern, {}},
      {"address=/*/#", Bucket::unsupported_pattern, {}},
      {"address=/#/0.0.0.0", Bucket::invalid_name, {}},
      {"address=/a.example/nonsense", Bucket::invalid_address, {}},
      {"address=//#", Bucket::invalid_name, {}},
      {"cache-size=1000", Bucket::not_a_filter_directive, {}},
      {"server=192.0.2.1", Bucket::not_a_filter_directive, {}},
      {"bogus-priv", Bucket::not_a_filter_directive, {}},
  });
}

// SEMANTICS 2 unbound: by T: `always_nxdomain`, `static` without data → NXDOMAIN; `always_null` → null; `always_nodata`
// → NODATA; `always_refuse`, `refuse` → REFUSED; `always_deny`, `deny`, `inform_deny` → drop SEMANTICS 2 unbound:
// `transparent`, `typetransparent`, `always_transparent`, `inform` → allow SEMANTICS 2 unbound: exact block (null)
// SEMANTICS 2 unbound: subtree; the action from the list is kept only if the list says `actions = "own"`, else the
// policy's block answer applies
TEST(Lists, UnboundLines) {
  const auto own = with_own_actions();
  const std::string zone = "local-zone: \"a.example\" ";
  check({
      {zone + "always_nxdomain", Bucket::rule, {"block subtree a.example"}},
      {zone + "always_nxdomain", Bucket::rule, {"nxdomain subtree a.example"}, own},
      {zone + "static", Bucket::rule, {"nxdomain subtree a.example"}, own},
      {zone + "always_null", Bucket::rule, {"null subtree a.example"}, own},
      {zone + "always_nodata", Bucket::rule, {"nodata subtree a.example"}, own},
      {zone + "always_refuse", Bucket::rule, {"refused subtree a.example"}, own},
      {zone + "refuse", Bucket::rule, {"refused subtree a.example"}, own},
      {zone + "always_deny", Bucket::rule, {"drop subtree a.example"}, own},
      {zone + "deny", Bucket::rule, {"drop subtree a.example"}, own},
      {zone + "inform_deny", Bucket::rule, {"drop subtree a.example"}, own},
      {zone + "redirect", Bucket::rule, {"block subtree a.example"}, own},
      {zone + "transparent", Bucket::rule, {"exception subtree a.example"}},
      {zone + "typetransparent", Bucket::rule, {"exception subtree a.example"}},
      {zone + "always_transparent", Bucket::rule, {"exception subtree a.example"}},
      {zone + "inform", Bucket::rule, {"exception subtree a.example"}},
      {zone + "always_nxdomain", Bucket::rule, {"allow subtree a.example"}, of_kind(ListKind::allow)},
      {"local-zone: a.example. static # why", Bucket::rule, {"block subtree a.example"}},
      {zone + "nosuch", Bucket::unsupported_pattern, {}},
      {"local-data: \"a.example A 0.0.0.0\"", Bucket::rule, {"block exact a.example"}},
      {"local-data: \"a.example. 60 IN AAAA ::\"", Bucket::rule, {"null exact a.example"}, own},
      {"local-data: \"a.example A 192.0.2.1\"", Bucket::untrusted_rewrite, {}},
      {"local-data: \"a.example A 192.0.2.1\"", Bucket::rule, {"address exact a.example = 192.0.2.1"}, trusted()},
      {"local-data: \"a.example TXT x\"", Bucket::untrusted_rewrite, {}},
      {"local-data: 'a.example 60 IN TXT \"x y\"'",
       Bucket::rule,
       {"answer exact a.example = TXT 30 03782079"},
       trusted()},
      {"local-data: \"a.example MX 10\"", Bucket::unsupported_pattern, {}, trusted()},
      {"local-data: \"a.example NOSUCH x\"", Bucket::unsupported_pattern, {}},
      {"local-data: \"a.example A nonsense\"", Bucket::invalid_address, {}},
      {"local-zone: \"a..example\" static", Bucket::invalid_name, {}},
      {"server:", Bucket::not_a_filter_directive, {}},
      {"do-ip6: no", Bucket::not_a_filter_directive, {}},
  });
}

// SEMANTICS 2 IP lists: response-address rule
// SEMANTICS 2 IP lists: ranges become prefixes; private and loopback space needs a flag
TEST(Lists, AddressLines) {
  const auto address = of_kind(ListKind::address);
  check({
      {"192.0.2.1", Bucket::rule, {"block address 192.0.2.1/32"}, address},
      {"192.0.2.0/24", Bucket::rule, {"block address 192.0.2.0/24"}, address},
      {"2001:db8::/32", Bucket::rule, {"block address 2001:db8::/32"}, address},
      {"192.0.2.1 # why", Bucket::rule, {"block address 192.0.2.1/32"}, address},
      {"192.0.2.0/24 ; SBL1", Bucket::rule, {"block address 192.0.2.0/24"}, address},
      {"192.0.2.0-192.0.2.255", Bucket::rule, {"block address 192.0.2.0/24"}, address},
      {"192.0.2.1 - 192.0.2.4",
       Bucket::rule,
       {"block address 192.0.2.1/32", "block address 192.0.2.2/31", "block address 192.0.2.4/32"},
       address},
      {"2001:db8::1-2001:db8::2",
       Bucket::rule,
       {"block address 2001:db8::1/128", "block address 2001:db8::2/128"},
       address},
      {"192.0.2.9-192.0.2.1", Bucket::invalid_address, {}, address},
      {"192.0.2.1/24", Bucket::invalid_address, {}, address},
      {"192.0.2.1/33", Bucket::invalid_address, {}, address},
      {"10.1.2.3", Bucket::invalid_address, {}, address},
      {"127.0.0.1", Bucket::invalid_address, {}, address},
      {"0.0.0.0/0", Bucket::invalid_address, {}, address},
      {"10.1.2.3", Bucket::rule, {"block address 10.1.2.3/32"}, with_private_addresses()},
      {"127.0.0.0/8", Bucket::rule, {"block address 127.0.0.0/8"}, with_private_addresses()},
      {"0.0.0.0/0", Bucket::rule, {"block address 0.0.0.0/0"}, with_private_addresses()},
      {"::/0", Bucket::invalid_address, {}, address},
      {"a.example", Bucket::invalid_address, {}, address},
      {"192.0.2.1", Bucket::invalid_name, {}},
  });
}

}  // namespace
}  // namespace weir::dialects_test
