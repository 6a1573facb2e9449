"""What the resolver shows of itself: weir resolve with its trace, weir cache show and flush."""

import os
from pathlib import Path

from tests.e2e.case import Case
from tests.support.signed_internet import FIRST, ROOT, SECOND, TLD, SignedInternet

NO = 1  # exit status

internet: SignedInternet


def setUpModule() -> None:
    global internet
    internet = SignedInternet(Path(os.environ["WEIR_E2E_FOLDER"]) / "looked_at")
    internet.__enter__()


def tearDownModule() -> None:
    internet.__exit__()


class LookTest(Case):
    @classmethod
    def hints(cls) -> Path:
        return internet.hints

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return internet.anchor

    def resolve(self, *arguments: str, status: int = 0) -> dict:
        ran = self.weir.command("--json", "resolve", *arguments)
        self.assertEqual(ran.status, status, str(ran))
        return ran.json

    def forget(self) -> None:
        self.weir.done("cache", "flush", ".")

    def test_trace_from_nothing(self):
        """Each server on the way down, each key, and the verdict."""
        self.forget()
        answer = self.resolve("www.nsec.test", "--trace")
        self.assertEqual((answer["rcode"], answer["security"]), ("NOERROR", "secure"))
        self.assertEqual({line for line in answer["answer"] if " IN A " in line},
                         {"www.nsec.test. 300 IN A 192.0.2.1", "www.nsec.test. 300 IN A 192.0.2.2"})
        trace = answer["trace"]
        asked = [step["server"] for step in trace if step["step"] == "asked" and step["depth"] == 0]
        self.assertEqual([server.rsplit(":", 1)[0] for server in asked[:2]], [ROOT, TLD], trace)
        self.assertIn(asked[2].rsplit(":", 1)[0], (FIRST, SECOND))
        for step in trace:
            if step["step"] == "answered":
                self.assertGreaterEqual(step["rtt_ms"], 0)
                self.assertEqual(step["transport"], "udp")
        referrals = [step["text"] for step in trace if step["step"] == "referral"]
        self.assertEqual([text.split(",")[0] for text in referrals], ["to test", "to nsec.test"])
        keys = {(step["name"], step["type"]) for step in trace if step["depth"] == 1}
        self.assertTrue({(".", "DNSKEY"), ("test", "DNSKEY"), ("nsec.test", "DNSKEY")} <= keys, keys)
        validated = [step["text"] for step in trace if step["step"] == "validated"]
        self.assertEqual(len(validated), 1)
        self.assertTrue(validated[0].startswith("secure; www.nsec.test A secure"), validated)
        self.assertEqual(answer["upstream_packets"], len([step for step in trace if step["step"] == "asked"]))

    def test_caches_are_used_unless_fresh(self):
        self.forget()
        self.assertGreater(self.resolve("www.nsec3.test")["upstream_packets"], 3)
        warm = self.resolve("www.nsec3.test", "A", "--trace")
        self.assertEqual(warm["upstream_packets"], 0)
        self.assertEqual([step["step"] for step in warm["trace"]][0], "cached")
        fresh = self.resolve("www.nsec3.test", "A", "--fresh", "--trace")
        self.assertGreater(fresh["upstream_packets"], 3)
        self.assertEqual((fresh["rcode"], fresh["security"]), ("NOERROR", "secure"))
        self.assertEqual(fresh["trace"][0]["step"], "zone_cut")

    def test_what_is_bogus_and_why(self):
        answer = self.resolve("www.tampered.test", "--trace", status=NO)
        self.assertEqual((answer["rcode"], answer["security"], answer["ede"]["code"]), ("SERVFAIL", "bogus", 6))
        self.assertTrue(any("www.tampered.test A bogus" in step["text"] for step in answer["trace"]), answer["trace"])
        unchecked = self.resolve("www.tampered.test", "--cd")
        self.assertEqual((unchecked["rcode"], unchecked["security"]), ("NOERROR", "indeterminate"))
        text = self.weir.command("resolve", "www.expired.test", "--trace")
        self.assertEqual(text.status, NO, str(text))
        self.assertIn("www.expired.test A: SERVFAIL, bogus", text.out)
        self.assertIn("EDE 7", text.out)
        self.assertIn("validated", text.out)

    def test_words_that_make_no_sense(self):
        for arguments, status in [(("resolve", "a..b"), 3), (("resolve", "a", "NOSUCHTYPE"), 3), (("resolve",), 2),
                                  (("cache", "show", "a..b"), 3), (("cache", "flush", "a..b/subtree"), 3)]:
            ran = self.weir.command(*arguments)
            self.assertEqual(ran.status, status, f"{arguments}: {ran}")

    def shown(self, name: str) -> dict:
        return self.weir.done("--json", "cache", "show", name).json

    def test_cache_show_and_flush(self):
        self.forget()
        self.assertEqual(self.shown(".")["answers"], [])
        for name in ("www.nsec.test", "alias.nsec.test", "www.nsec3.test", "nothing.nsec3.test"):
            self.weir.ask(name)
        self.weir.ask("www.tampered.test")

        www = self.shown("www.nsec.test")
        records = {entry["type"]: entry for entry in www["rrsets"]}
        self.assertEqual((records["A"]["security"], records["A"]["kind"], sorted(records["A"]["data"])),
                         ("secure", "answer", ["192.0.2.1", "192.0.2.2"]))
        self.assertTrue(0 < records["A"]["ttl"] <= 300)
        self.assertEqual([(a["name"], a["type"], a["rcode"], a["security"]) for a in www["answers"]],
                         [("www.nsec.test", "A", "NOERROR", "secure")])
        self.assertEqual(www["delegation"]["zone_cut"], "nsec.test")
        servers = {server["address"]: server for server in www["delegation"]["servers"]}
        self.assertEqual(set(servers), {FIRST, SECOND})
        self.assertTrue(any("rtt_ms" in server for server in servers.values()), servers)

        below = self.shown("nsec.test/subtree")
        self.assertTrue({"www.nsec.test", "alias.nsec.test", "nsec.test"} <= {e["name"] for e in below["rrsets"]})
        self.assertNotIn("www.nsec3.test", {entry["name"] for entry in below["rrsets"]})
        failed = self.shown("www.tampered.test")
        self.assertEqual([e["ede"] for e in failed["rrsets"] if e["kind"] == "failure"], [6])

        self.weir.done("cache", "flush", "www.nsec.test")
        self.assertEqual((self.shown("www.nsec.test")["rrsets"], self.shown("www.nsec.test")["answers"]), ([], []))
        self.assertEqual(len(self.shown("alias.nsec.test")["answers"]), 1)
        self.weir.done("cache", "flush", "nsec.test/subtree")
        self.assertEqual((self.shown("nsec.test/subtree")["rrsets"], self.shown("nsec.test/subtree")["answers"]),
                         ([], []))
        self.assertEqual(len(self.shown("www.nsec3.test")["answers"]), 1)
        self.forget()
        # The trust anchor's own upkeep and priming may have asked for something of the root's since.
        self.assertEqual([e for e in self.shown(".")["rrsets"] if e["name"].endswith("test")], [])
        self.assertEqual(self.shown(".")["answers"], [])
        self.shows(("www.nsec.test", "A", ["192.0.2.1", "192.0.2.2"]))

    def test_what_follows_from_known_denials_is_kept_when_it_is_asked_for_again(self):
        """Random names below a signed wildcard, or of a signed zone that has none, drive nothing out of the cache."""
        self.forget()
        for names, rcode in (("wild.nsec.test", "NOERROR"), ("nsec.test", "NXDOMAIN")):
            self.weir.ask(f"m0.{names}")  # teaches what its zone has between its names
            for number in range(1, 4):
                name = f"m{number}.{names}"
                with self.subTest(name=name):
                    kept = []
                    for _ in range(3):
                        answer = self.weir.ask(name, do=True)
                        self.assertEqual((answer.rcode, answer.authentic), (rcode, True), str(answer))
                        kept.append(len(self.shown(name)["answers"]))
                    self.assertEqual(kept, [0, 1, 1])

    def test_text_for_people(self):
        self.weir.ask("www.nsec.test")
        text = self.weir.done("cache", "show", "www.nsec.test").out
        for word in ("www.nsec.test", "192.0.2.1", "secure", "closest zone cut: nsec.test", FIRST):
            self.assertIn(word, text)
        self.assertIn("nothing is known of", self.weir.done("cache", "show", "never.asked.test").out)
