#include "zones/built_in_lists.h"

#include "zones/cancelled_rules.h"
#include "zones/policy.h"

namespace weir {
namespace {

// Time, without which nothing validates; whether certificates are revoked; and the pages by which systems find out that
// they are behind a captive portal (blocked, they show "no internet").
constexpr std::string_view kProtectedExact[] = {
    "time.apple.com", "time.asia.apple.com", "time.euro.apple.com", "time.android.com", "time.cloudflare.com",
    "time.facebook.com", "time.google.com", "time1.google.com", "time2.google.com", "time3.google.com",
    "time4.google.com", "time.nist.gov", "time.windows.com", "ntp.ubuntu.com", "ntp.msn.com", "nts.netnod.se",
    // certificate revocation
    "c.pki.goog", "o.pki.goog", "ocsp.pki.goog", "crl.pki.goog", "crls.pki.goog", "ocsp.apple.com", "ocsp2.apple.com",
    "crl.apple.com", "valid.apple.com", "crl.comodoca.com", "ocsp.comodoca.com", "ocsp.usertrust.com",
    "crl.usertrust.com", "ocsp.sectigo.com", "crl.sectigo.com", "ocsp.digicert.com", "crl3.digicert.com",
    "crl4.digicert.com", "ocsp.entrust.net", "crl.entrust.net", "ocsp.globalsign.com", "ocsp2.globalsign.com",
    "crl.globalsign.com", "ocsp.godaddy.com", "crl.godaddy.com", "ocsp.int-x3.letsencrypt.org",
    "ocsp.rootca1.amazontrust.com", "crl.rootca1.amazontrust.com", "oneocsp.microsoft.com", "ocsp.msocsp.com",
    "crl.microsoft.com", "mscrl.microsoft.com",
    // captive portals
    "captive.apple.com", "clients3.google.com", "connectivitycheck.android.com", "connectivitycheck.gstatic.com",
    "www.msftconnecttest.com", "ipv6.msftconnecttest.com", "www.msftncsi.com", "dns.msftncsi.com",
    "detectportal.firefox.com", "nmcheck.gnome.org", "connectivity-check.ubuntu.com", "networkcheck.kde.org",
    "network-test.debian.org", "ping.archlinux.org", "fedoraproject.org"};
constexpr std::string_view kProtectedSubtrees[] = {"pool.ntp.org", "lencr.org"};

// Where these do not exist Firefox turns its own DoH off, Apple its Private Relay and Chrome its prefetch proxy.
constexpr std::string_view kCanaries[] = {
    "use-application-dns.net", "mask.icloud.com",    "mask-h2.icloud.com",        "mask-canary.icloud.com",
    "mask-t.apple-dns.net",    "mask.apple-dns.net", "tunnelcheck.googlezip.net", "dns-tunnel-check.googlezip.net"};

struct SafeName {
  std::size_t service;  // index into kSafeSearchServices
  std::string_view target;
  std::vector<std::string_view> names;
};

// As the services document it.
const std::vector<SafeName>& safe_names() {
  static const std::vector<SafeName> kNames = {
      {1, "strict.bing.com", {"bing.com", "www.bing.com"}},
      {2, "safe.duckduckgo.com", {"duckduckgo.com", "www.duckduckgo.com", "start.duckduckgo.com"}},
      {3,
       "restrict.youtube.com",
       {"www.youtube.com", "m.youtube.com", "youtubei.googleapis.com", "youtube.googleapis.com",
        "www.youtube-nocookie.com"}},
      {4,
       "restrictmoderate.youtube.com",
       {"www.youtube.com", "m.youtube.com", "youtubei.googleapis.com", "youtube.googleapis.com",
        "www.youtube-nocookie.com"}},
      {5,
       "familysearch.yandex.ru",
       {"ya.ru", "www.ya.ru", "yandex.ru", "www.yandex.ru", "yandex.com", "www.yandex.com", "yandex.by",
        "www.yandex.by", "yandex.kz", "www.yandex.kz"}},
      {6, "safesearch.pixabay.com", {"pixabay.com"}},
      {7, "forcesafe.search.brave.com", {"search.brave.com"}},
      {8, "strict-safe-search.ecosia.org", {"www.ecosia.org"}},
      {9, "safe.startpage.com", {"startpage.com", "www.startpage.com"}},
  };
  return kNames;
}

// Google answers under the names of countries, each with and without "www".
constexpr std::string_view kGoogleCountries[] = {
    "com",    "ad",     "ae",     "al",     "am",     "as",     "at",     "az",     "ba",     "be",     "bf",
    "bg",     "bi",     "bj",     "bs",     "bt",     "by",     "ca",     "cat",    "cd",     "cf",     "cg",
    "ch",     "ci",     "cl",     "cm",     "cn",     "co.ao",  "co.bw",  "co.ck",  "co.cr",  "co.id",  "co.il",
    "co.in",  "co.jp",  "co.ke",  "co.kr",  "co.ls",  "co.ma",  "co.mz",  "co.nz",  "co.th",  "co.tz",  "co.ug",
    "co.uk",  "co.uz",  "co.ve",  "co.vi",  "co.za",  "co.zm",  "co.zw",  "com.af", "com.ag", "com.ai", "com.ar",
    "com.au", "com.bd", "com.bh", "com.bn", "com.bo", "com.br", "com.bz", "com.co", "com.cu", "com.cy", "com.do",
    "com.ec", "com.eg", "com.et", "com.fj", "com.gh", "com.gi", "com.gt", "com.hk", "com.jm", "com.kh", "com.kw",
    "com.lb", "com.ly", "com.mm", "com.mt", "com.mx", "com.my", "com.na", "com.ng", "com.ni", "com.np", "com.om",
    "com.pa", "com.pe", "com.pg", "com.ph", "com.pk", "com.pr", "com.py", "com.qa", "com.sa", "com.sb", "com.sg",
    "com.sl", "com.sv", "com.tj", "com.tr", "com.tw", "com.ua", "com.uy", "com.vc", "com.vn", "cv",     "cz",
    "de",     "dj",     "dk",     "dm",     "dz",     "ee",     "es",     "fi",     "fm",     "fr",     "ga",
    "ge",     "gg",     "gl",     "gm",     "gr",     "gy",     "hn",     "hr",     "ht",     "hu",     "ie",
    "im",     "iq",     "is",     "it",     "je",     "jo",     "kg",     "ki",     "kz",     "la",     "li",
    "lk",     "lt",     "lu",     "lv",     "md",     "me",     "mg",     "mk",     "ml",     "mn",     "mu",
    "mv",     "mw",     "ne",     "nl",     "no",     "nr",     "nu",     "pl",     "pn",     "ps",     "pt",
    "ro",     "rs",     "ru",     "rw",     "sc",     "se",     "sh",     "si",     "sk",     "sm",     "sn",
    "so",     "sr",     "st",     "td",     "tg",     "tl",     "tm",     "tn",     "to",     "tt",     "vu",
    "ws"};

Rule rule_on(std::string_view name, PatternKind kind, Action action) {
  Rule rule;
  rule.kind = kind;
  rule.action = action;
  rule.name = *Name::parse(name);
  return rule;
}

Rule safe_rule(std::string_view name, std::string_view target) {
  Rule rule = rule_on(name, PatternKind::exact, Action::cname);
  rule.detail.target = *Name::parse(target);
  // Mail and the like of the name stay what they are.
  rule.detail.conditions.types = {RecordType::a, RecordType::aaaa, RecordType::cname, RecordType::https};
  return rule;
}

}  // namespace

bool is_built_in(ListId list) {
  return list >= kProtectedNames && list < kCancelledRules;
}

Rule protect(const Name& name) {
  Rule rule;
  rule.kind = PatternKind::exact;
  rule.action = Action::allow;
  rule.name = name;
  return rule;
}

std::vector<Rule> built_in_rules(ListId list) {
  std::vector<Rule> rules;
  if (list == kProtectedNames) {
    for (const auto name : kProtectedExact) rules.push_back(rule_on(name, PatternKind::exact, Action::allow));
    for (const auto name : kProtectedSubtrees) rules.push_back(rule_on(name, PatternKind::subtree, Action::allow));
  } else if (list == kCanaryNames) {
    for (const auto name : kCanaries) rules.push_back(rule_on(name, PatternKind::subtree, Action::nxdomain));
  } else if (is_safe_search(list)) {
    const std::size_t service = list.value - kFirstSafeSearch.value;
    for (const SafeName& safe : safe_names()) {
      if (safe.service != service) continue;
      for (const auto name : safe.names) rules.push_back(safe_rule(name, safe.target));
    }
    if (service == 0) {
      for (const auto country : kGoogleCountries) {
        const std::string domain = "google." + std::string(country);
        rules.push_back(safe_rule(domain, "forcesafesearch.google.com"));
        rules.push_back(safe_rule("www." + domain, "forcesafesearch.google.com"));
      }
    }
  }
  return rules;
}

}  // namespace weir
