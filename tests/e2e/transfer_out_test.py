"""What we filter by as a response policy zone: to Unbound, BIND, PowerDNS Recursor and Knot, and what changes of it."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from tests.e2e.case import BULK, PARKED, Case
from tests.support import dns, namespace, secondaries
from tests.support.primaries import SECRET

OURS, UNBOUND, BIND, POWERDNS, KNOT, STRANGER = (f"10.78.0.{host}" for host in (53, 1, 2, 3, 4, 9))
KEY = "out.key"
LIST = """\
! A list with what a policy zone can say, and what it cannot.
||ads.example^
@@||good.ads.example^
||tracker.example^$dnstype=AAAA
/metrics[0-9]+/
||one.bulk.test^
|exact.bulk.test^
"""


class TransferOutTest(Case):
    ADDRESSES = (OURS, UNBOUND, BIND, POWERDNS, KNOT, STRANGER)

    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(*cls.ADDRESSES)
        root = Path(os.environ["WEIR_E2E_FOLDER"])
        secret = root / f"{cls.__name__}.key"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        cls.LISTS = {"ads.adblock": LIST}
        cls.BODY = f"""
[transfer]
listen = ["{OURS}"]

[[tsig_key]]
name = "{KEY}"
secret_file = "{secret}"

[[list]]
name = "ads"
source = "{{lists}}/ads.adblock"

[[policy]]
name = "default"
lists = ["ads"]
block = "nodata"

[[serve]]
name = "policy.filter"
policy = "default"
tsig_key = "{KEY}"
notify = ["{BIND}", "{KNOT}"]

[[serve]]
name = "list.filter"
list = "ads"
allow = ["{UNBOUND}", "{OURS}"]
notify = ["{UNBOUND}"]
"""
        super().setUpClass()
        folder = root / f"{cls.__name__}-secondaries"
        knot = secondaries.KnotSecondary(folder / "knot", KNOT, "policy.filter", OURS, KEY)
        cls.addClassCleanup(knot.stop)
        knot.start()
        cls.knot = knot
        cls.resolvers = {}
        for name, peer in {
                "unbound": secondaries.unbound(folder / "unbound", UNBOUND, cls.hints(), "list.filter", OURS),
                "bind": secondaries.bind(folder / "bind", BIND, cls.hints(), "policy.filter", OURS, KEY),
                "powerdns": secondaries.PowerDns(folder / "powerdns", POWERDNS, cls.hints(), "policy.filter", OURS, KEY)
        }.items():
            peer.__enter__()
            cls.addClassCleanup(peer.__exit__, None, None, None)
            cls.resolvers[name] = peer.server

    def becomes(self, server: tuple[str, int], name: str, expected: list[str] | str, seconds: float = 30) -> None:
        """Data of type A, or an RCODE."""
        seen = []

        def right() -> bool:
            answer = dns.ask(server, name, source=OURS, timeout=5)
            seen[:] = [str(answer)]
            return answer.rcode == expected if isinstance(expected, str) else (answer.rcode, answer.data("A")) == (
                "NOERROR", expected)

        try:
            dns.wait_until(right, seconds, f"{name} of {server[0]} becomes {expected}")
        except TimeoutError as error:
            raise AssertionError(f"{error}: {seen}\n{self.weir.sidecar.output()[-2000:]}") from None

    def counts(self, zone: str) -> dict:
        shown = self.weir.done("zone", "show", "--json").json
        return next(one for one in shown["zones"] if one["name"] == zone)

    def test_1_each_takes_the_whole_zone(self) -> None:
        for name, server in self.resolvers.items():
            blocked = "NXDOMAIN" if name == "unbound" else []  # a list by itself denies, the policy says NODATA
            with self.subTest(resolver=name):
                self.becomes(server, "ads.example", blocked)
                for below in ("x.ads.example", "one.bulk.test", "exact.bulk.test", "a.one.bulk.test"):
                    self.becomes(server, below, blocked, 1)
                self.becomes(server, "good.ads.example", PARKED, 1)
                self.becomes(server, "x.exact.bulk.test", BULK, 1)
                self.becomes(server, "tracker.example", PARKED, 1)
        answer = dns.ask((KNOT, 53), "ads.example.policy.filter", "CNAME", source=OURS)
        self.assertEqual(answer.data("CNAME"), ["*."])

    def test_2_what_it_cannot_say_is_counted(self) -> None:
        for zone in ("policy.filter", "list.filter"):
            unsaid = self.counts(zone)["unsaid"]
            self.assertEqual((unsaid["patterns"], unsaid["conditions"]), (1, 1), zone)
        told = self.weir.done("zone", "show").out
        self.assertIn("not as it is: 1 rules globs and regular expressions", told)
        self.assertIn("rules that a policy zone cannot say", self.weir.sidecar.output())
        self.weir.done("allow", "ads.example", "--for", "5m", "--reason", "test")
        self.weir.done("pause", "--for", "5m", "--reason", "test", "--client", "192.0.2.250")
        try:
            self.assertEqual([self.counts(zone)["unsaid"]["exceptions"] for zone in ("policy.filter", "list.filter")], [2, 0])
        finally:
            for overlay in self.weir.done("overlay", "show", "--json").json["overlays"]:
                self.weir.done("overlay", "end", str(overlay["id"]), "--reason", "test")

    def test_3_a_rule_is_followed_by_notify_and_ixfr(self) -> None:
        before = self.counts("policy.filter")["transfers"]
        begun = time.monotonic()
        self.weir.done("rule", "add", "two.bulk.test")
        took = {}
        for name in ("bind", "powerdns"):
            self.becomes(self.resolvers[name], "two.bulk.test", [])
            self.becomes(self.resolvers[name], "x.two.bulk.test", [], 1)
            took[name] = time.monotonic() - begun
        dns.wait_until(lambda: dns.ask((KNOT, 53), "two.bulk.test.policy.filter", "CNAME", source=OURS).data("CNAME"), 30,
                       "Knot has the rule")
        took["knot"] = time.monotonic() - begun
        print("    " + ", ".join(f"{name} follows a rule {seconds:.2f} s after it was asked for"
                                 for name, seconds in took.items()))
        after = self.counts("policy.filter")["transfers"]
        self.assertGreaterEqual(after["incremental"] - before["incremental"], 3, after)
        self.assertEqual(after["whole"], before["whole"], after)
        notified = {one["address"]: one for one in self.counts("policy.filter")["notified"]}
        for address in (f"{BIND}:53", f"{KNOT}:53"):
            self.assertEqual(notified[address]["answered"], notified[address]["told"], notified)
        self.weir.done("rule", "remove", "two.bulk.test")
        for name in ("bind", "powerdns"):
            self.becomes(self.resolvers[name], "two.bulk.test", BULK)

    def test_4_a_list_is_followed_too(self) -> None:
        self.write_list("ads.adblock", LIST + "||three.bulk.test^\n")
        begun = time.monotonic()
        self.weir.done("list", "update", "ads")
        self.becomes(self.resolvers["unbound"], "three.bulk.test", "NXDOMAIN")
        print(f"    unbound follows a list {time.monotonic() - begun:.2f} s after its update was asked for")
        self.becomes(self.resolvers["bind"], "three.bulk.test", [])
        self.assertGreaterEqual(self.counts("list.filter")["transfers"]["incremental"], 1)

    def test_5_changes_lead_where_the_whole_zone_is(self) -> None:
        dice = random.Random(5)
        names = [f"{label}.{parent}" for label in "abcdef" for parent in ("bulk.test", "a.bulk.test", "x.b.bulk.test")]
        there: set[str] = set()
        for _ in range(25):
            name = dice.choice(names)
            pattern = f"@@||{name}^" if dice.random() < 0.3 else dice.choice(("||{}^", "|{}^", "||*.{}^")).format(name)
            there ^= {pattern}
            self.write_list("ads.adblock", LIST + "".join(f"{line}\n" for line in sorted(there)))
            self.weir.done("list", "update", "ads")
        serial = self.counts("policy.filter")["serial"]
        dns.wait_until(lambda: f" {serial} " in dns.ask((KNOT, 53), "policy.filter", "SOA", source=OURS).answer[0].data,
                       30, f"Knot has serial {serial}")
        whole = secondaries.transfer(OURS, "policy.filter", key=f"hmac-sha256:{KEY}:{SECRET}", source=STRANGER)
        self.assertGreater(len(secondaries.contents(whole)), 8, whole)
        followed = secondaries.transfer(KNOT, "policy.filter", source=STRANGER)
        self.assertEqual(secondaries.contents(followed), secondaries.contents(whole))
        self.assertGreaterEqual(self.knot.output().count("IXFR"), 1)

    def test_6_who_may_not_have_it_gets_nothing(self) -> None:
        before = self.counts("policy.filter")["transfers"]["refused"]
        self.assertEqual(secondaries.rcode_of(OURS, "policy.filter", STRANGER), "REFUSED")
        wrong = secondaries.transfer(OURS, "policy.filter", key=f"hmac-sha256:{KEY}:d3Jvbmctd3Jvbmctd3Jvbmc=",
                                     source=STRANGER)
        self.assertEqual(secondaries.contents(wrong), [], wrong)
        told = secondaries.transfer(OURS, "policy.filter", "+all", key=f"hmac-sha256:{KEY}:d3Jvbmctd3Jvbmctd3Jvbmc=",
                                    source=STRANGER)
        self.assertIn("BADSIG", told.stdout + told.stderr, "RFC 8945 section 5.3.2: a TSIG says what is wrong")
        self.assertEqual(secondaries.rcode_of(OURS, "list.filter", STRANGER), "REFUSED")
        self.assertEqual(secondaries.rcode_of(OURS, "no.filter", STRANGER), "REFUSED")
        shown = self.counts("policy.filter")["transfers"]
        self.assertEqual(shown["refused"], before + 3)
        self.assertIn(f"{STRANGER}: TSIG key {KEY}: BADSIG", shown["last_refusal"])
        self.assertNotIn(SECRET, self.weir.sidecar.output())
