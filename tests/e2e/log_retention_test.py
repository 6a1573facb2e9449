"""[log] keep and size, kept by the running sidecar: what is too old or too much goes, what is new stays and is found."""

import json
import os

from tests.e2e.case import NULL, Case
from tests.support import clients, dns
from tests.support.small_internet import CLIENT

RETENTION_SECONDS = 10  # what a reload changes is done at once; else each 30 s (kRetainEvery in tools/sidecar/sidecar.cc)

BODY = """
[log]
{log}

[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"

[[policy]]
name = "default"
lists = ["trackers"]
"""


class RetentionCase(Case):
    LISTS = {"trackers.adblock": "||tracker.example^\n"}
    START = False

    def configure(self, log: str, *, reload: bool) -> None:
        self.weir.write_config(BODY.format(log=log, lists=self.lists))
        if reload:
            self.weir.done("reload")

    def totals(self) -> dict:
        return self.weir.done("status", "--json").json["log"]

    def found(self, *options: str) -> list[str]:
        """The names of the rows that log search finds, the oldest first."""
        out = self.weir.done("log", "search", "--json", *options).out
        values = [json.loads(line) for line in out.splitlines()]
        return [row["name"] for value in values for row in value.get("rows", [value]) if "name" in row]

    def block(self, name: str) -> None:
        """Asks for it until it is blocked, and returns when the log has it."""
        self.weir.until(name, NULL, source=CLIENT)
        dns.wait_until(lambda: self.found("--name", name), 15, f"{name} in the log", every=0.05)


class SizeTest(RetentionCase):
    NAMES = 290_000  # in four large blocks, about a hundred octets a name after compression
    SIZE = 4 << 20
    REWRITTEN = 8 << 20  # what has to be dropped before files are rewritten (kShrinkFrom in tools/log/decision_log.cc)

    def on_disk(self, suffix: str = ".sst") -> int:
        return sum(file.stat().st_size for file in (self.weir.store / "log").iterdir() if file.suffix == suffix)

    @staticmethod
    def incompressible() -> str:
        digits = os.urandom(90).hex()
        return f"{digits[:60]}.{digits[60:120]}.{digits[120:]}.tracker.example"

    def is_enough(self) -> bool:
        try:
            return bool(dns.wait_until(lambda: self.totals()["bytes"] > self.SIZE + 2 * self.REWRITTEN, 10, "sealed",
                                       every=0.2) or True)
        except TimeoutError:
            return False

    def test_the_oldest_blocks_go_and_the_newest_stay(self):
        self.configure('size = "2GiB"', reload=False)
        self.weir.start()
        self.weir.done("list", "update", "trackers")
        self.block("oldest.tracker.example")
        names: list[str] = []
        # A full ring may lose some on a machine with other work: then there are more.
        for count in (self.NAMES, 100_000, 100_000):
            more = [self.incompressible() for _ in range(count)]
            names += more
            clients.dnsperf(self.weir.server, [f"{name} A" for name in more], rate=20_000, source=CLIENT, seconds=240)
            # All that was asked has arrived, or was lost and is counted.
            dns.wait_until(lambda: self.totals()["rows"] + self.totals()["dropped"] > len(names), 60,
                           "all decisions arrived", every=0.2)
            if self.is_enough():
                break
        dns.wait_until(self.is_enough, 30, "large blocks are sealed", every=0.2)
        self.block("newer.tracker.example")  # of `names` any may have found the ring full
        self.block("newest.tracker.example")
        before = self.totals()
        print(f"    {before['dropped']} of {len(names)} decisions found the ring full")
        self.assertEqual(len(self.found("--name", "oldest.tracker.example")), 1)

        self.configure(f'size = "{self.SIZE >> 20}MiB"', reload=True)
        dns.wait_until(lambda: self.totals()["rows"] < before["rows"], RETENTION_SECONDS, "rows are dropped", every=0.2)
        after = self.totals()
        # What waits to become a large block (65,536 rows, or few: that is chance) is never dropped for its size.
        self.assertLessEqual(after["bytes"], self.SIZE + (6 << 20), after)
        self.assertGreater(after["oldest"], before["oldest"])
        self.assertEqual(after["dropped"], before["dropped"], "what retention drops was not lost")
        for name, rows in [("oldest.tracker.example", 0), (names[0], 0), ("newer.tracker.example", 1), ("newest.tracker.example", 1)]:
            with self.subTest(name=name):
                self.assertEqual(len(self.found("--name", name)), rows)
        self.assertEqual(self.found("--limit", "1"), ["newest.tracker.example"])
        dns.wait_until(lambda: self.on_disk() < before["bytes"] - self.REWRITTEN, 15, "the disk is given back", every=0.2)
        print(f"    {before['bytes'] >> 20} MiB kept before, {after['bytes'] >> 20} after, {self.on_disk() >> 20} in files, "
              f"{self.on_disk('.log') >> 20} in the write-ahead log")
        self.block("later.tracker.example")
        # The same log, opened again.
        self.weir.sidecar.stop()
        self.weir.sidecar.start()
        self.assertEqual(self.found("--name", names[0]), [])
        self.assertEqual(self.found("--limit", "2"), ["newest.tracker.example", "later.tracker.example"])
        self.assertLessEqual(self.totals()["rows"], after["rows"] + 1)


class KeepTest(RetentionCase):
    """Rows are written by daemons whose clock is behind; then the clock is the machine's."""

    def restart(self, clock: str) -> None:
        self.weir.stop()
        self.weir.sidecar.clock = self.weir.resolver.clock = clock
        self.weir.start()

    def rows(self) -> list[str]:
        return [name.removesuffix(".tracker.example") for name in self.found("--limit", "1000")]

    def test_what_is_older_than_keep_goes(self):
        self.configure('keep = "36h"', reload=False)
        self.restart("-40h")
        self.weir.done("list", "update", "trackers")
        self.block("at-40.tracker.example")
        self.restart("-30h")
        self.block("at-30.tracker.example")
        self.assertEqual(self.rows(), ["at-40", "at-30"], "both younger than keep, by the clock of that time")

        self.restart("")
        self.block("now.tracker.example")
        self.assertEqual(self.rows(), ["at-30", "now"])

        self.configure('keep = "24h"', reload=True)
        dns.wait_until(lambda: self.rows() != ["at-30", "now"], RETENTION_SECONDS, "a row is dropped", every=0.2)
        self.assertEqual(self.rows(), ["now"])
        self.block("later.tracker.example")
        self.assertEqual(self.rows(), ["now", "later"])
