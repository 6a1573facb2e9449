"""The disk of the store is full for a while: queries are answered and filtered as ever, and the decision log, once there
is room again, holds all that the rings held and says how many decisions they could not hold."""

import itertools
import os
import time
from pathlib import Path

from tests.e2e.case import BULK, NULL, Case
from tests.support import clients, dns
from tests.support.small_internet import CLIENT

DISK = "64m"
RATE = 40_000
BATCH = 60_000
BATCHES_AT_MOST = 20  # a ring of 8 MiB takes some 100,000 blocks; each worker has one
AGAIN_SECONDS = 1  # systemd starts what has ended after RestartSec


class LogOnAFullDiskTest(Case):
    LISTS = {"trackers.adblock": "||tracker.example^\n"}
    START = False
    BODY = """
[log]
size = "8MiB"

[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"

[[policy]]
name = "default"
lists = ["trackers"]
"""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.limit_store(DISK)

    def fill(self) -> Path:
        file = self.weir.store / "something else"
        with open(file, "wb", buffering=0) as out:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        out.write(os.urandom(size))
                except OSError:
                    pass
        return file

    def keep_up(self) -> int:
        """As systemd does. 1 where a new process was started."""
        if self.weir.sidecar.running():
            return 0
        self.assertEqual(self.weir.sidecar.process.returncode, 6, self.weir.sidecar.output()[-2000:])
        self.weir.sidecar.launch()
        return 1

    def test_queries_go_on_and_the_log_says_what_it_missed(self) -> None:
        self.weir.start()
        self.weir.done("list", "update", "trackers")
        self.weir.until("before.tracker.example", NULL, source=CLIENT)
        filler = self.fill()
        numbers = itertools.count()
        starts = asked = 0
        for _ in range(BATCHES_AT_MOST):
            names = [f"n{next(numbers)}.tracker.example A" for _ in range(BATCH)]
            report = clients.dnsperf(self.weir.server, names, rate=RATE, source=CLIENT)
            asked += BATCH
            self.assertEqual((report.lost, report.rcodes), (0, {"NOERROR": BATCH}), report.text)
            starts += self.keep_up()
            if self.weir.figure("weir_decision_drops_total") > 0:
                break
        self.shows(("during.tracker.example", "A", NULL), ("during.bulk.test", "A", BULK), source=CLIENT)
        self.assertIn("No space left", self.weir.sidecar.log.read_text(errors="replace"))
        filler.unlink()
        deadline = time.monotonic() + 60
        while True:
            starts += self.keep_up()
            ran = self.weir.command("status", "--json")
            log = ran.json["log"] if ran.status == 0 else {"rows": 0, "dropped": 0}
            if (log["rows"], log["dropped"]) == (self.weir.figure("weir_decisions_total"),
                                                 self.weir.figure("weir_decision_drops_total")):
                break
            self.assertLess(time.monotonic(), deadline, f"{ran}{self.weir.sidecar.output()[-2000:]}")
            time.sleep(AGAIN_SECONDS)
        self.assertGreater(log["dropped"], 0)
        self.weir.until("after.tracker.example", NULL, source=CLIENT)
        dns.wait_until(lambda: self.weir.done("log", "search", "--name", "after.tracker.example", "--json").json["rows"], 15,
                       "what came later is in the log")
        verified = self.weir.done("log", "verify", "--json").json
        self.assertTrue(verified["whole"])
        for answer in (verified, self.weir.done("log", "top", "--json").json,
                       self.weir.done("log", "sql", "SELECT count(*) FROM decisions", "--json").json):
            self.assertEqual(sum(each["rows"] for each in answer["missing"]), log["dropped"], answer["missing"])
        print(f"    {asked} asked and answered, {log['rows']} in the log, {log['dropped']} said to be missing, {starts} starts")
