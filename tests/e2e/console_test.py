"""The console in a real browser (Chromium) against the real daemons; tests/console/drive.mjs does what a user does.

WEIR_CONSOLE_MODULES: where the suite `console` has installed tests/console/package.json. Screenshots of every page, light
and dark, at desk and phone width, stay in build/console-screenshots.
"""

import json
import os
import re
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from tests.e2e.case import NULL, Case
from tests.support import dns
from tests.support.daemons import ROOT
from tests.support.http_api import Client
from tests.support.small_internet import CLIENT, KID

PORT = 8053
DRIVER = ROOT / "tests" / "console" / "drive.mjs"
SECONDS = 120  # of one scenario

MISSING = [name for name in ("chromium", "node") if not shutil.which(name)]
if not MISSING and not os.environ.get("WEIR_CONSOLE_MODULES"):
    MISSING.append("WEIR_CONSOLE_MODULES (tests/run console sets it)")


def hosts(*names: str) -> str:
    return "".join(f"0.0.0.0 {name}\n" for name in names)


@unittest.skipIf(MISSING, f"not there: {', '.join(MISSING)}")
class ConsoleTest(Case):
    LISTS = {"ads.hosts": "# a comment\n" + hosts("ads.example", "a.ads.example", "b.ads.example", "r1.bulk.test", "r2.bulk.test"),
             "trackers.adblock": "||collect.metrics.test^\n||xn--bcher-kva.example^\nno rule of any kind at all\n",
             "held.domains": "".join(f"h{i}.bulk.test\n" for i in range(40)),
             "seen.domains": "video.news.example\n", "good.domains": "nothing.example\n", "fresh.domains": "old.example\n"}
    BODY = f"""
[api]
listen = ["127.0.0.1:{PORT}"]

[[list]]
name = "ads"
source = "{{lists}}/ads.hosts"
category = "advertising"

[[list]]
name = "trackers"
source = "{{lists}}/trackers.adblock"

[[list]]
name = "held"
source = "{{lists}}/held.domains"

[[list]]
name = "seen"
source = "{{lists}}/seen.domains"
mode = "observe"

[[list]]
name = "good"
source = "{{lists}}/good.domains"
kind = "allow"

[[list]]
name = "fresh"
source = "{{lists}}/fresh.domains"

[[policy]]
name = "default"
lists = ["ads", "trackers", "held", "seen", "good", "fresh"]

[[policy]]
name = "strict"
lists = ["ads", "trackers", "held"]
privacy = "full"
safe_search = ["google"]
block = "nxdomain"

[[group]]
name = "kids"
clients = ["{KID}"]
policy = "strict"

[[schedule]]
name = "homework"
groups = ["kids"]
lists = ["trackers"]
days = ["mon", "tue", "wed", "thu", "fri"]
from = "14:00"
to = "18:00"
"""

    rules = 0

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        token = lambda name, role: cls.weir.done("token", "add", name, "--role", role).out.strip()
        cls.given = {"url": f"http://127.0.0.1:{PORT}", "admin": token("alice", "admin"), "analyst": token("bob", "analyst"),
                     "removed": token("carol", "admin"), "chromium": shutil.which("chromium"),
                     "modules": os.environ["WEIR_CONSOLE_MODULES"],
                     "screenshots": str(ROOT / "build" / "console-screenshots")}
        cls.weir.done("token", "remove", "carol")
        cls.client = Client("127.0.0.1", PORT, cls.given["admin"])
        # A moment before the list `good` lets a name through, and behind the first generation: they are told to the second.
        cls.await_second()
        cls.given["before"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        cls.await_second()
        cls.write_list("good.domains", "b.ads.example\n")
        cls.weir.updated("good")
        for name, source in (("ads.example", CLIENT), ("ads.example", KID), ("ads.example", CLIENT), ("a.ads.example", KID),
                             ("b.ads.example", CLIENT), ("stats.news.example", CLIENT), ("video.news.example", CLIENT),
                             ("h1.bulk.test", KID), ("r2.bulk.test", CLIENT), ("www.shop.example", CLIENT)):
            cls.weir.ask(name, source=source)
        cls.weir.done("rule", "add", "own.example", "--reason", "asked for")
        # Most of it is gone: a guard holds that.
        cls.write_list("held.domains", "".join(f"h{i}.bulk.test\n" for i in range(10)))
        held = cls.weir.command("list", "update", "held")
        assert held.status == 3, held
        cls.weir.control("generation.load")
        cls.counted()

    @classmethod
    def counted(cls) -> dict:
        """The totals when they are those of the resolver: nobody asks it anything meanwhile."""
        cls.rules += 1
        cls.weir.done("rule", "add", f"generation{cls.rules}.example")  # behind it workers write what they have counted

        def agree():
            metrics = cls.client.get("/metrics").body.decode()
            figure = lambda name: sum(int(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\d+)$", metrics, re.M))
            found = cls.client.get("/log/totals", since="24h", step=1800).json
            return found if (found["queries"], found["blocked"]) == \
                (figure("weir_queries_total"), figure("weir_blocked_total")) else None
        return dns.wait_until(agree, 20, "the totals are those of the resolver", every=0.1)

    @staticmethod
    def await_second() -> None:
        begun = int(time.time())
        dns.wait_until(lambda: int(time.time()) > begun, 5, "the next second")

    def drive(self, scenario: str, **more) -> None:
        ran = subprocess.run(["node", str(DRIVER), scenario], capture_output=True, text=True, timeout=SECONDS,
                             stdin=subprocess.DEVNULL, env={**os.environ, "WEIR_CONSOLE": json.dumps({**self.given, **more})})
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_every_page_in_light_and_dark_on_desk_and_phone(self):
        self.drive("every_page_in_light_and_dark_on_desk_and_phone")
        self.assertGreaterEqual(len(list(Path(self.given["screenshots"]).glob("*.png"))), 44)

    def test_signing_in(self):
        self.drive("signing_in")

    def test_what_an_analyst_is_not_offered(self):
        self.drive("what_an_analyst_is_not_offered")

    def test_searching_keeps_its_filter_in_the_address(self):
        self.drive("searching_keeps_its_filter_in_the_address")

    def test_why_now_then_and_as_the_resolver_answers(self):
        self.drive("why_now_then_and_as_the_resolver_answers")

    def test_a_name_is_let_through_for_a_while_and_back(self):
        self.drive("a_name_is_let_through_for_a_while_and_back")
        self.shows(("r1.bulk.test", "A", NULL))

    def test_x_a_held_version_is_approved_and_rolled_back(self):
        """Behind those that want it held."""
        self.drive("a_held_version_is_approved_and_rolled_back")

    def test_own_rules_come_and_go(self):
        self.drive("own_rules_come_and_go")

    def test_hostile_names_are_text(self):
        evil = b"<img src=x onerror=alert(1)>"
        message = dns.query("x", id=1)[:12] + bytes([len(evil)]) + evil + dns.wire_name("collect.metrics.test") + b"\0\1\0\1"
        dns.send_udp(self.weir.server, message[:10] + b"\0\0" + message[12:], source=CLIENT)
        dns.wait_until(lambda: "onerror" in self.weir.done("log", "search", "--list", "trackers").out, 15, "the row", every=0.1)
        self.drive("hostile_names_are_text")

    def test_the_keyboard_reaches_everything(self):
        self.drive("the_keyboard_reaches_everything")

    def test_the_overview_shows_what_was_counted(self):
        before = self.counted()
        for name in ("ads.example", "ads.example", "h1.bulk.test", "www.shop.example"):
            self.weir.ask(name, source=KID)
        totals = self.counted()
        self.assertEqual((totals["queries"] - before["queries"], totals["blocked"] - before["blocked"]), (4, 3))
        self.drive("the_overview_shows_what_was_counted", totals=totals)

    def test_bars_of_totals(self):
        self.drive("bars_of_totals")

    def test_a_list_is_updated_by_keyboard(self):
        self.write_list("fresh.domains", "one.example\ntwo.example\nthree.example\n")
        self.drive("a_list_is_updated_by_keyboard")

    def test_decisions_come_in_as_they_are_made(self):
        with subprocess.Popen(["node", str(DRIVER), "decisions_come_in_as_they_are_made"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "WEIR_CONSOLE": json.dumps(self.given)}) as driver:
            said = driver.stdout.readline()
            self.weir.done("rule", "add", "live.ads.example")
            began = time.monotonic()
            while driver.poll() is None and time.monotonic() - began < SECONDS:
                self.weir.ask("live.ads.example", source=CLIENT)
                try:
                    driver.wait(0.3)
                except subprocess.TimeoutExpired:
                    pass
            driver.kill()
            said += driver.stdout.read()
        self.assertEqual(driver.returncode, 0, said)
