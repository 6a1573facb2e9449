"""Trust anchors that roll (RFC 5011) and negative ones (RFC 7646), over restarts and months.

The wall clock of the daemon is another one at each start; the root's keys and signatures are made for the time.
"""

import os
import subprocess
import time
from pathlib import Path

from tests.e2e.case import Case
from tests.support import dns
from tests.support.daemons import RESOLVER
from tests.support.rolling_root import DAY, RollingRoot
from tests.support.signed_internet import SignedInternet

REFUSED, USAGE, NOT_FOUND = 3, 2, 3  # exit statuses

root: RollingRoot


def setUpModule() -> None:
    global root
    root = RollingRoot(Path(os.environ["WEIR_E2E_FOLDER"]) / "rolling")
    root.__enter__()


def tearDownModule() -> None:
    root.__exit__()


class Anchors(Case):
    @classmethod
    def hints(cls) -> Path:
        return root.hints

    @classmethod
    def anchors(cls) -> dict:
        return cls.weir.done("--json", "anchors").json

    @classmethod
    def keys(cls) -> dict[int, str]:
        zone, = cls.anchors()["zones"]
        return {key["tag"]: key["state"] for key in zone["keys"]}

    def restart(self, day: int = 0) -> None:
        self.weir.resolver.stop()
        self.weir.resolver.clock = f"+{day}d" if day else ""
        self.weir.resolver.start()

    def metric(self, name: str) -> int:
        return int(float(next(line for line in self.weir.metrics().splitlines()
                              if line.startswith(name + " ")).split()[-1]))


class RollTest(Anchors):
    START = False

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return root.anchor("A")

    def until(self, states: dict[str, str]) -> None:
        wanted = {root.tag(key): state for key, state in states.items()}
        dns.wait_until(lambda: self.keys() == wanted, 20, f"keys are {wanted}, not {self.keys}")

    def test_a_root_that_rolls(self):
        """The anchor of the configuration is not in the root any more at the end, and everything still validates."""
        root.publish(0, "A")
        self.weir.start()
        self.until({"A": "valid"})
        self.assertTrue(self.weir.ask("www.test", do=True).authentic)

        root.publish(20, "A", waiting="B")
        self.restart(20)
        self.until({"A": "valid", "B": "add-pend"})
        # Signed by the new key alone, too early: nobody believes it.
        root.publish(35, "B", waiting="A")
        self.restart(35)
        dns.wait_until(lambda: self.anchors()["zones"][0]["error"], 20, "a look that failed")
        self.until({"A": "valid", "B": "add-pend"})
        self.assertEqual(self.weir.ask("www.test").rcode, "SERVFAIL")

        root.publish(51, "A", waiting="B")
        self.restart(51)
        self.until({"A": "valid", "B": "valid"})
        self.assertEqual(self.metric('weir_trust_anchors{state="valid"}'), 2)
        root.publish(60, "B", revoked="A")
        self.restart(60)
        self.until({"A": "revoked", "B": "valid"})
        root.publish(95, "B")
        self.restart(95)
        self.until({"A": "removed", "B": "valid"})
        self.assertTrue(self.weir.ask("www.test", do=True).authentic)
        # The state is what makes it so: who has none begins with what is configured, which is no more.
        state = self.weir.state / "trust_anchors"
        text = state.read_text()
        self.weir.resolver.stop()
        state.unlink()
        self.weir.resolver.start()
        self.assertEqual(self.weir.ask("www.test").rcode, "SERVFAIL")

        # A state that cannot be read is told of, with its line and column, and set aside.
        self.weir.resolver.stop()
        line = text.splitlines().index(next(each for each in text.splitlines() if each.startswith("key"))) + 1
        state.write_text(text.replace("key valid", "key good"))
        self.weir.resolver.start()
        self.assertRegex(self.weir.resolver.output(), rf"{state}:\d+:5: expected add-pend, valid, .* not 'good'")
        self.assertGreaterEqual(line, 1)
        self.assertIn("key good", (self.weir.state / "trust_anchors.bad").read_text())


class NegativeTest(Anchors):
    RESOLVER_KEYS = 'recheck_negative_anchors = "0s"'

    @classmethod
    def setUpClass(cls) -> None:
        root.publish(0, "A")
        super().setUpClass()
        # The first look at the root's keys takes the place of what is configured. A test that restarts the servers
        # while it is under way would make it fail, and the next one is an hour later.
        dns.wait_until(lambda: set(cls.keys().values()) == {"valid"}, 20, "the root was looked at")

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return root.anchor("A")

    def tearDown(self) -> None:
        for anchor in self.anchors()["negative"]:
            if anchor["source"] == "command":
                self.weir.done("anchors", "nta", "remove", anchor["name"])
        root.mend()

    def check(self, rcode: str, authentic: bool = False) -> None:
        answer = self.weir.ask("www.test", do=True)
        self.assertEqual((answer.rcode, answer.authentic), (rcode, authentic), str(answer))

    def test_added_shown_kept_and_removed(self):
        root.damage()
        self.weir.done("cache", "flush", ".")
        self.check("SERVFAIL")
        said = self.weir.done("anchors", "nta", "add", "test", "--for", "2h", "--reason", "they know").out
        self.assertIn("test and all below it is not validated until ", said)
        self.check("NOERROR")
        shown, = self.anchors()["negative"]
        self.assertEqual((shown["name"], shown["reason"], shown["source"]), ("test", "they know", "command"))
        text = self.weir.done("anchors").out
        for word in ("zone .", "valid", "they know", "command"):
            self.assertIn(word, text)
        self.assertEqual(self.metric("weir_negative_trust_anchors"), 1)

        self.restart()
        self.check("NOERROR")
        self.assertEqual([each["name"] for each in self.anchors()["negative"]], ["test"])
        self.weir.done("anchors", "nta", "remove", "test")
        self.check("SERVFAIL")
        self.restart()
        self.check("SERVFAIL")

    def test_ends_by_itself_also_while_nobody_runs(self):
        root.damage()
        self.weir.done("anchors", "nta", "add", "test", "--for", "3s", "--reason", "for a moment")
        self.check("NOERROR")
        dns.wait_until(lambda: self.weir.ask("www.test").rcode == "SERVFAIL", 20, "it has ended")
        self.assertEqual(self.anchors()["negative"], [])
        self.weir.done("anchors", "nta", "add", "test", "--for", "1d", "--reason", "for a day")
        self.restart(2)
        self.assertEqual(self.anchors()["negative"], [])
        self.check("SERVFAIL")
        self.restart()

    def test_refused(self):
        for arguments, status in [(("add", "test"), USAGE), (("add", "test", "--reason", " "), USAGE),
                                  (("add", "test", "--for", "8d", "--reason", "r"), REFUSED),
                                  (("add", "a..b", "--reason", "r"), REFUSED), (("remove", "test"), NOT_FOUND)]:
            ran = self.weir.command("anchors", "nta", *arguments)
            self.assertEqual(ran.status, status, f"{arguments}: {ran}")
        self.assertEqual(self.anchors()["negative"], [])

    def test_configured(self):
        root.damage()
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        section = f'[[negative_trust_anchor]]\nname = "test"\nreason = "as configured"\nuntil = {until}\n'
        self.addCleanup(lambda: (self.weir.write_config(""), self.weir.done("reload")))
        self.weir.write_config(section)
        self.weir.done("reload")
        self.check("NOERROR")
        shown, = self.anchors()["negative"]
        self.assertRegex(shown["source"], r"weir.toml:\d+$")
        self.assertEqual(self.weir.command("anchors", "nta", "remove", "test").status, REFUSED)

        for faulty, words in [(section.replace('reason = "as configured"\n', ""), "needs the key 'reason'"),
                              (section.replace(until, "2036-01-01T00:00:00Z"), "for a week at most")]:
            self.weir.write_config(faulty)
            ran = self.weir.command("reload")
            self.assertEqual(ran.status, REFUSED, str(ran))
            self.assertIn(words, ran.err)
            self.assertRegex(ran.err, r"weir\.toml:\d+")
            self.check("NOERROR")  # as before
        # One that has ended must not keep the daemon from starting.
        self.weir.write_config(section.replace(until, "2020-01-01T00:00:00Z"))
        self.restart()
        self.check("SERVFAIL")


class RecheckTest(Anchors):
    RESOLVER_KEYS = 'recheck_negative_anchors = "1s"'

    @classmethod
    def setUpClass(cls) -> None:
        root.publish(0, "A")
        super().setUpClass()

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return root.anchor("A")

    def test_goes_when_it_is_not_needed_any_more(self):
        root.damage()
        self.weir.done("anchors", "nta", "add", "test", "--for", "1d", "--reason", "until mended")
        self.assertEqual(self.weir.ask("www.test").rcode, "NOERROR")
        self.assertEqual(len(self.anchors()["negative"]), 1)
        root.mend()
        dns.wait_until(lambda: not self.anchors()["negative"], 20, "it is taken away")
        self.assertTrue(self.weir.ask("www.test", do=True).authentic)
