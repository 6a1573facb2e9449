"""Response policy zones by zone transfer: from Knot, BIND and NSD, and from a primary that misbehaves."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.e2e.case import BULK, Case
from tests.support import namespace
from tests.support.primaries import SECRET, BindPrimary, FakePrimary, KnotPrimary, NsdPrimary, Primary

KNOT, BIND, NSD, STRANGER, FAKE, ADDED, OURS = (f"10.77.0.{host}" for host in (1, 2, 3, 8, 9, 10, 53))
REAL = {KnotPrimary: KNOT, BindPrimary: BIND, NsdPrimary: NSD}


class RealPrimariesTest(Case):
    primaries: dict[str, Primary] = {}

    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(KNOT, BIND, NSD, OURS)
        folder = Path(os.environ["WEIR_E2E_FOLDER"]) / f"{cls.__name__}-primaries"
        cls.keys = folder / "keys"
        cls.keys.mkdir(parents=True)
        body = f'[transfer]\nlisten = ["{OURS}"]\n'
        lists = []
        for kind, address in REAL.items():
            primary = kind(folder / kind.program, address, OURS)
            primary.write(1, {f"a.{kind.program}.bulk.test": "192.0.2.1", f"b.{kind.program}.bulk.test": "192.0.2.1"})
            primary.start()
            cls.addClassCleanup(primary.stop)
            cls.primaries[kind.program] = primary
            (cls.keys / kind.program).write_text(SECRET)
            (cls.keys / kind.program).chmod(0o600)
            body += (f'[[tsig_key]]\nname = "{primary.key}"\nalgorithm = "{primary.algorithm}"\n'
                     f'secret_file = "{cls.keys / kind.program}"\n'
                     f'[[list]]\nname = "{kind.program}"\nzone = "{primary.zone}"\nprimaries = ["{address}"]\n'
                     f'tsig_key = "{primary.key}"\n')
            lists.append(f'"{kind.program}"')
        cls.BODY = body + f'[[policy]]\nname = "default"\nlists = [{", ".join(lists)}]\n'
        super().setUpClass()

    def test_1_zones_are_in_force_after_axfr(self) -> None:
        for program in self.primaries:
            self.shows((f"a.{program}.bulk.test", "A", ["192.0.2.1"]), (f"z.{program}.bulk.test", "A", BULK))
            self.assertIn(f"list {program}: serial 1 by AXFR", self.weir.sidecar.output())
        self.assertNotIn(SECRET, self.weir.sidecar.output())

    def test_2_a_change_is_in_force_soon_after_the_primary_tells(self) -> None:
        for program, primary in self.primaries.items():
            with self.subTest(program=program):
                begun = time.monotonic()
                primary.change(2, {f"a.{program}.bulk.test": "192.0.2.2", f"c.{program}.bulk.test": "192.0.2.2"})
                self.weir.until(f"a.{program}.bulk.test", ["192.0.2.2"], 30)
                print(f"{program}: in force {time.monotonic() - begun:.2f} s after the primary was told to read its zone")
                self.shows((f"c.{program}.bulk.test", "A", ["192.0.2.2"]), (f"b.{program}.bulk.test", "A", BULK))
                if program != "nsd":
                    self.assertIn(f"list {program}: serial 2 by IXFR", self.weir.sidecar.output())

    def test_3_a_wrong_key_changes_nothing_and_is_named(self) -> None:
        for program, primary in self.primaries.items():
            with self.subTest(program=program):
                (self.keys / program).write_text("d3Jvbmctd3Jvbmctd3Jvbmc=")
                try:
                    ran = self.weir.command("list", "update", program)
                finally:
                    (self.keys / program).write_text(SECRET)
                self.assertNotEqual(ran.status, 0)
                self.assertIn(f"{primary.address}:53: TSIG key {primary.key}: ", ran.err)
                self.assertIn("BADSIG", ran.err)
                self.assertNotIn("d3Jvbmct", ran.err + ran.out)
                self.shows((f"a.{program}.bulk.test", "A", ["192.0.2.2"]))
                self.weir.updated(program)


class FakePrimaryTest(Case):
    BODY = f"""
[transfer]
listen = ["{OURS}"]

[[list]]
name = "fake"
zone = "fake.rpz"
primaries = ["{FAKE}"]
max_shrink = 100
max_growth = 1000000
min_overlap = 0

[[policy]]
name = "default"
lists = ["fake"]
"""

    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(STRANGER, FAKE, ADDED, OURS)
        cls.primary = FakePrimary(FAKE, "fake.rpz")
        cls.addClassCleanup(cls.primary.close)
        cls.names = {f"n{i}.bulk.test": "192.0.2.1" for i in range(20)}
        cls.primary.set(10, cls.names)
        super().setUpClass()

    def update(self, **names: str) -> None:
        """The next version, with what changed of it, which is still to be transferred."""
        self.names.update({f"{name}.bulk.test": address for name, address in names.items()})
        self.primary.set(self.primary.serial + 1, self.names)
        self.primary.asked.clear()

    def settle(self) -> None:
        self.primary.mode = ""
        self.weir.updated("fake")

    # SEMANTICS 2 RPZ: Keep the last good copy on disk over a restart (PDNS#5076).
    def test_changes_are_applied_over_a_restart(self) -> None:
        self.settle()
        self.weir.stop()
        self.weir.start()
        self.shows(("n1.bulk.test", "A", self.expected("n1")))
        self.update(n1="192.0.2.31")
        self.settle()
        self.assertEqual(self.primary.asked, ["IXFR"])
        self.shows(("n1.bulk.test", "A", ["192.0.2.31"]), ("n2.bulk.test", "A", self.expected("n2")))

    def expected(self, name: str) -> list[str]:
        return [self.names[f"{name}.bulk.test"]]

    def test_a_notify_brings_the_change_within_a_second(self) -> None:
        self.settle()
        took = []
        for i in range(5):
            self.update(n3=f"192.0.2.{40 + i}")
            begun = time.monotonic()
            self.primary.notify(OURS)
            self.weir.until("n3.bulk.test", [f"192.0.2.{40 + i}"], 30)
            took.append(time.monotonic() - begun)
            self.assertEqual(self.primary.asked, ["IXFR"])
        print(f"in force after NOTIFY: {', '.join(f'{seconds * 1000:.0f} ms' for seconds in took)}")
        self.assertLess(sorted(took)[2], 1.0)

    def test_only_primaries_are_heard(self) -> None:
        self.settle()
        self.update(n4="192.0.2.50")
        stranger = FakePrimary(STRANGER, "fake.rpz")
        try:
            with self.assertRaises(TimeoutError):
                stranger.notify(OURS)
        finally:
            stranger.close()
        self.assertEqual(self.primary.asked, [])
        self.settle()
        self.shows(("n4.bulk.test", "A", ["192.0.2.50"]))

    def test_what_goes_wrong_changes_nothing(self) -> None:
        self.settle()
        self.shows(("n5.bulk.test", "A", self.expected("n5")))
        before = self.expected("n5")
        self.update(n5="192.0.2.60")
        for mode, told in (("dies", "the connection was closed before the answer was whole"),
                           ("garbage", "the transfer is broken"), ("refuses", "the primary answers REFUSED to AXFR")):
            with self.subTest(mode=mode):
                self.primary.mode = mode
                ran = self.weir.command("list", "update", "fake")
                self.assertNotEqual(ran.status, 0)
                self.assertIn(f"{FAKE}:53: ", ran.err)
                self.assertIn(told, ran.err)
                self.shows(("n5.bulk.test", "A", before))
                left = sorted(path.name for path in (self.weir.store / "fetch").iterdir())
                self.assertEqual(left, ["fake.good"])
        self.settle()
        self.shows(("n5.bulk.test", "A", ["192.0.2.60"]))

    def test_changes_that_do_not_fit_are_replaced_by_the_whole_zone(self) -> None:
        self.settle()
        self.update(n6="192.0.2.70")
        self.primary.mode = "no changes"
        self.weir.done("list", "update", "fake")
        self.assertEqual(self.primary.asked, ["IXFR", "AXFR"])
        self.shows(("n6.bulk.test", "A", ["192.0.2.70"]))

    # SEMANTICS 2 RPZ: Serial going backwards: warn, follow.
    def test_a_serial_that_goes_backwards_is_followed(self) -> None:
        self.settle()
        self.update(n7="192.0.2.80")
        self.primary.set(5, self.names)
        self.weir.done("list", "update", "fake")
        self.assertEqual(self.primary.asked, ["AXFR"])
        self.shows(("n7.bulk.test", "A", ["192.0.2.80"]))
        shown = self.weir.done("list", "show", "fake").out
        self.assertIn("serial number went backwards", shown)
        self.primary.set(1000, self.names)
        self.settle()

    def test_a_zone_without_rules_is_an_empty_list(self) -> None:
        self.settle()
        self.primary.set(self.primary.serial + 1, {})
        self.settle()
        self.shows(("n2.bulk.test", "A", BULK))
        self.assertEqual(self.weir.done("list", "show", "fake", "--json").json["lists"][0]["rules"], 0)
        self.primary.set(self.primary.serial + 1, self.names)
        self.settle()
        self.shows(("n2.bulk.test", "A", self.expected("n2")))

    def test_a_zone_is_added_by_command(self) -> None:
        primary = FakePrimary(ADDED, "added.rpz")
        try:
            primary.set(3, {})
            self.weir.done("list", "add", "added", "--zone", "added.rpz", "--primary", ADDED)
            shown = self.weir.done("list", "show", "added", "--json").json["lists"][0]
            self.assertEqual((shown["kind"], shown["rules"], shown["source"]), ("rpz", 0, f"axfr://{ADDED}:53/added.rpz"))
            primary.set(4, {"added.bulk.test": "192.0.2.90"})
            self.weir.done("list", "update", "added")
            self.shows(("added.bulk.test", "A", ["192.0.2.90"]))
            self.weir.done("list", "remove", "added")
            self.shows(("added.bulk.test", "A", BULK))
            for wrong in (("--zone", "z"), ("/x", "--zone", "z", "--primary", ADDED), (), ("/x", "--primary", ADDED)):
                self.assertEqual(self.weir.command("list", "add", "wrong", *wrong).status, 2, wrong)
        finally:
            primary.close()

    def test_nothing_newer_is_no_transfer(self) -> None:
        self.settle()
        self.primary.asked.clear()
        self.weir.done("list", "update", "fake")
        self.assertEqual(self.primary.asked, [])


class LargeZoneTest(Case):
    """Ten changes to a large zone. WEIR_TRANSFER_RULES sets how large: 1000000 is what issue 5 asks for."""

    RULES = int(os.environ.get("WEIR_TRANSFER_RULES", "50000"))
    LIMIT = 1.0
    BODY = f"""
[transfer]
listen = ["{OURS}"]

[fetch]
max_bytes = "256MiB"
max_decoded_bytes = "1GiB"
timeout = "120s"

[[list]]
name = "large"
zone = "large.rpz"
primaries = ["{FAKE}"]

[[policy]]
name = "default"
lists = ["large"]
"""
    CHANGED = [f"c{i}.bulk.test" for i in range(10)]

    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(FAKE, OURS)
        cls.primary = FakePrimary(FAKE, "large.rpz", records_a_message=400)
        cls.addClassCleanup(cls.primary.close)
        cls.primary.set(1, {f"n{i}.d{i % 999}.example": "192.0.2.1" for i in range(cls.RULES)}
                        | {name: "192.0.2.1" for name in cls.CHANGED})
        super().setUpClass()

    # Issue 5, must show 2: "IXFR of 10 changes to a 1M-rule zone is in force within a second of the NOTIFY".
    def test_ten_changes_are_in_force_within_a_second(self) -> None:
        self.weir.until(self.CHANGED[9], ["192.0.2.1"], 120)
        self.weir.updated("large")
        took = []
        for round in range(2, 7):
            address = f"192.0.2.{round}"
            self.primary.set(round, self.primary.names() | {name: address for name in self.CHANGED})
            self.primary.asked.clear()
            begun = time.monotonic()
            self.primary.notify(OURS)
            self.weir.until(self.CHANGED[9], [address], 30)
            took.append(time.monotonic() - begun)
            self.assertEqual(self.primary.asked, ["IXFR"])
            self.shows(*((name, "A", [address]) for name in self.CHANGED))
            self.weir.updated("large")  # behind the copy of the zone
        print(f"{self.RULES} rules, ten changes, in force after NOTIFY: "
              + ", ".join(f"{seconds * 1000:.0f} ms" for seconds in took))
        self.assertLess(sorted(took)[2], self.LIMIT)
        self.primary.asked.clear()
        self.weir.stop()
        self.weir.start()
        self.primary.set(7, self.primary.names() | {"c0.bulk.test": "192.0.2.7"})
        self.weir.updated("large")
        self.assertEqual(self.primary.asked, ["IXFR"], "the copy followed the changes")
        self.shows(("c0.bulk.test", "A", ["192.0.2.7"]), ("c1.bulk.test", "A", ["192.0.2.6"]))
