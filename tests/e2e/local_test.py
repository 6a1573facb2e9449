"""Local zones and records, and names that are special: as dig and kdig see them, through reloads, good and bad."""

import json
import re

from tests.e2e.case import NULL, Case
from tests.support import clients, control, dns
from tests.support.small_internet import CLIENT_IPV6, RESOLVER_IPV6

ROUTER = "router.home.arpa"


def local(*records: str, ptr: bool = False) -> str:
    return f"[local]\nrecords = {json.dumps(list(records))}\nptr = {json.dumps(ptr)}\n"


FILTERED = """
[[list]]
name = "ads"
source = "{lists}/ads.domains"
match = "subtree"

[[policy]]
name = "default"
lists = ["ads"]
"""


class LocalTest(Case):
    LISTS = {"ads.domains": "ads.example\nblocked.home.arpa\n"}
    BODY = FILTERED + local(f"{ROUTER}. 900 IN A 192.168.1.1", f"{ROUTER} AAAA fd00::1", "*.apps.home.arpa A 192.168.1.9",
                         "shop.home.arpa 60 CNAME www.shop.example", "mine.ads.example A 192.168.1.3",
                         "blocked.home.arpa A 192.168.1.4", ptr=True) + """
[[local_zone]]
name = "corp.example"
type = "static"
records = ["corp.example 300 SOA ns.corp.example hostmaster.corp.example 1 2 3 4 60", "www.corp.example A 10.9.8.7"]

[[local_zone]]
name = "news.example"
type = "no_aaaa"

[[local_zone]]
name = "pages.shop.example"
type = "redirect"
records = ["pages.shop.example A 10.9.8.6"]
"""

    def each(self, name: str, type: str = "A"):
        """What dig over UDP, dig over TCP and kdig see."""
        return [clients.dig(self.weir.server, name, type), clients.dig(self.weir.server, name, type, "+tcp", "+dnssec"),
                clients.kdig(self.weir.server, name, type)]

    def test_records(self):
        for name, type, status, answer in [
            (ROUTER, "A", "NOERROR", [(f"{ROUTER}.", "A", "192.168.1.1")]),
            (ROUTER, "AAAA", "NOERROR", [(f"{ROUTER}.", "AAAA", "fd00::1")]),
            (ROUTER, "MX", "NOERROR", []),
            ("x.y.apps.home.arpa", "A", "NOERROR", [("x.y.apps.home.arpa.", "A", "192.168.1.9")]),
            ("1.1.168.192.in-addr.arpa", "PTR", "NOERROR", [("1.1.168.192.in-addr.arpa.", "PTR", f"{ROUTER}.")]),
            ("2.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN", []),
            ("www.corp.example", "A", "NOERROR", [("www.corp.example.", "A", "10.9.8.7")]),
            ("no.corp.example", "A", "NXDOMAIN", []),
            ("any.pages.shop.example", "A", "NOERROR", [("any.pages.shop.example.", "A", "10.9.8.6")]),
            # An administrator's own record is nobody's to block.
            ("mine.ads.example", "A", "NOERROR", [("mine.ads.example.", "A", "192.168.1.3")]),
            ("blocked.home.arpa", "A", "NOERROR", [("blocked.home.arpa.", "A", "192.168.1.4")]),
            ("www.news.example", "AAAA", "NOERROR", []),
        ]:
            for seen in self.each(name, type):
                with self.subTest(name=name, type=type):
                    self.assertEqual((seen.status, seen.answer), (status, answer), seen.text)
                    self.assertEqual(seen.flags & {"aa", "ad"}, {"aa"}, seen.text)
                    self.assertEqual(seen.ede, [], seen.text)
        self.shows(("other.ads.example", "A", NULL))
        # A denial has the SOA that the zone has, for as long as its MINIMUM says (RFC 2308 section 5).
        soa = self.weir.ask("no.corp.example").soa()
        self.assertEqual((soa.name, soa.ttl), ("corp.example.", 60))

    def test_an_alias_leads_to_the_internet(self):
        for seen in self.each("shop.home.arpa"):
            self.assertEqual(seen.status, "NOERROR")
            self.assertIn(("shop.home.arpa.", "CNAME", "www.shop.example."), seen.answer)
            self.assertIn(("www.shop.example.", "A", "192.0.2.11"), seen.answer)
            self.assertNotIn("aa", seen.flags)

    def test_what_no_record_answers_is_resolved(self):
        self.shows(("www.news.example", "CNAME", ["news.example."]), ("www.shop.example", "AAAA", ["2001:db8:10::11"]))

    def test_explain_says_so(self):
        for name, type, outcome, answer, author, zone, losers in [
            ("mine.ads.example", "A", "local", "records", "administrator", "mine.ads.example", ["ads"]),
            ("other.ads.example", "A", "blocked", None, None, None, []),
            ("no.corp.example", "A", "local", "nxdomain", "administrator", "corp.example", []),
            ("www.news.example", "AAAA", "local", "nodata", "administrator", "news.example", []),
            ("www.news.example", "A", "none", None, None, None, []),
            ("x.onion", "A", "local", "nxdomain", "standard", "onion", []),
            ("1.0.0.10.in-addr.arpa", "PTR", "local", "nxdomain", "standard", "10.in-addr.arpa", []),
        ]:
            with self.subTest(name=name, type=type):
                told = self.weir.command("explain", "--json", "--type", type, name).json["results"][0]
                self.assertEqual(told["outcome"], outcome, told)
                local = told.get("local", {})
                self.assertEqual((local.get("answer"), local.get("author"), local.get("zone")), (answer, author, zone), told)
                self.assertEqual([rule["list"] for rule in told["losers"]], losers, told)
        text = self.weir.done("explain", "x.onion").out
        self.assertIn("x.onion is answered here: onion is special (RFC 7686 section 2), nxdomain", text)

    def test_special_names(self):
        for name, type, status in [("localhost", "A", "NOERROR"), ("x.invalid", "A", "NXDOMAIN"), ("x.onion", "A", "NXDOMAIN"),
                                   ("x.local", "AAAA", "NXDOMAIN"), ("nas.home.arpa", "A", "NXDOMAIN"),
                                   ("_dns.resolver.arpa", "SVCB", "NOERROR"), ("1.0.0.10.in-addr.arpa", "PTR", "NXDOMAIN"),
                                   ("1.0.0.127.in-addr.arpa", "PTR", "NOERROR")]:
            for seen in self.each(name, type):
                with self.subTest(name=name):
                    self.assertEqual(seen.status, status, seen.text)
                    self.assertIn("aa", seen.flags)
        figures = control.request(self.weir.run_folder / "resolver.sock", "metrics")["text"]
        self.assertGreater(int(re.search(r"^weir_local_answers_total (\d+)", figures, re.MULTILINE)[1]), 0)

    def test_a_reload_takes_what_is_good_and_nothing_else(self):
        body = self.weir.body
        self.addCleanup(lambda: (self.weir.write_config(body), self.weir.done("reload")))
        bad = body.replace("192.168.1.1", "192.168.1.256", 1)
        self.weir.write_config(bad)
        line = self.weir.config.read_text()[:self.weir.config.read_text().index("192.168.1.256")].count("\n") + 1
        for command in ("check", "reload"):
            ran = self.weir.command(command)
            self.assertEqual(ran.status, 3, ran)
            self.assertRegex(ran.err, rf"weir\.toml:{line}:12: .*router\.home\.arpa.*: expected a record such as ")
        self.shows((ROUTER, "A", ["192.168.1.1"]))
        self.weir.write_config(body.replace("192.168.1.1", "192.168.1.2", 1))
        self.weir.done("reload")
        self.shows((ROUTER, "A", ["192.168.1.2"]), ("2.1.168.192.in-addr.arpa", "PTR", [f"{ROUTER}."]),
                   ("1.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN"))
        self.weir.write_config(FILTERED.format(lists=self.lists) + "[local]\nspecial_names = false\n")
        self.weir.done("reload")
        self.shows((ROUTER, "A", "NXDOMAIN"), ("www.pages.shop.example", "A", ["192.0.2.80"]),
                   ("mine.ads.example", "A", NULL))
        self.assertNotIn("aa", clients.dig(self.weir.server, "x.invalid").flags)


class Dns64Test(Case):
    BODY = """
[dns64]
on = true
prefix = "2001:db8:64::/96"
clients = ["10.53.0.0/16"]
"""

    def test_addresses_behind_a_nat64(self):
        for _ in range(2):  # resolved, then cached
            for seen in [clients.dig(self.weir.server, "v4.shop.example", "AAAA"),
                         clients.kdig(self.weir.server, "v4.shop.example", "AAAA")]:
                self.assertEqual(seen.answer, [("v4.shop.example.", "AAAA", "2001:db8:64::c000:20d")], seen.text)
                self.assertNotIn("ad", seen.flags)
            # Who is not among the clients, and who checks for himself, gets what the zone says.
            self.assertEqual(dns.ask((RESOLVER_IPV6, 53), "v4.shop.example", "AAAA", source=CLIENT_IPV6).answer, [])
            self.assertEqual(self.weir.ask("v4.shop.example", "AAAA", do=True, cd=True).answer, [])
        self.shows(("www.shop.example", "AAAA", ["2001:db8:10::11"]), ("v4.moved.example", "AAAA", ["2001:db8:64::c000:20d"]),
                   ("nothing.shop.example", "AAAA", "NXDOMAIN"),
                   ("ipv4only.arpa", "AAAA", ["2001:db8:64::c000:aa", "2001:db8:64::c000:ab"]))
        pointer = clients.dig(self.weir.server, "1.0.0.0.0.0.f.7." + "0." * 12 + "4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR")
        self.assertEqual(pointer.data("CNAME"), ["1.0.0.127.in-addr.arpa."], pointer.text)
        self.assertEqual(pointer.data("PTR"), ["localhost."], pointer.text)

    def test_a_blocked_address_stays_blocked(self):
        self.shows(("suspect.shop.example", "AAAA", ["2001:db8:64::cb00:7142"]))
        self.weir.done("rule", "add", "203.0.113.0/24")
        self.addCleanup(lambda: self.weir.done("rule", "remove", "203.0.113.0/24"))
        self.shows(("suspect.shop.example", "AAAA", ["::"]))
