"""kill -9 at random moments: the store holds the old or the new version, never a mixture, and queries are answered."""

import os
import random
import subprocess
import time

from tests.e2e.case import BULK, NULL, Case
from tests.support.daemons import COMMAND
from tests.support.load import Load
from tests.support.small_internet import CLIENT

KILLS = int(os.environ.get("WEIR_KILLS", "10"))
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
RULES = 30_000
OPEN, BLOCKED = BULK[0], NULL[0]
PROBES = 40  # names of each version, spread over the list


class SidecarCrashTest(Case):
    LISTS = {"moving.hosts": "", "fixed.domains": "h9999.bulk.test\n"}
    BODY = """
[[list]]
name = "moving"
source = "{lists}/moving.hosts"
in_use = 0

[[list]]
name = "fixed"
source = "{lists}/fixed.domains"

[[policy]]
name = "default"
lists = ["moving", "fixed"]
"""

    @classmethod
    def setUpClass(cls):
        cls.LISTS = dict(cls.LISTS)
        cls.LISTS["moving.hosts"] = cls.version(0)
        super().setUpClass()

    @staticmethod
    def probes(version: int) -> list[str]:
        return [f"v{version}-{number}.bulk.test" for number in range(PROBES)]

    @classmethod
    def version(cls, version: int) -> str:
        """Each version has names of its own among names that all have."""
        lines = [f"0.0.0.0 filler{number}.example\n" for number in range(RULES)]
        for number, name in enumerate(cls.probes(version)):
            lines.insert((number * 7919 + version) % len(lines), f"0.0.0.0 {name}\n")
        return "".join(lines)

    def versions_in_force(self, newest: int) -> dict[int, set[str]]:
        """version -> what its names answer, for the two that may be in force.

        A sidecar killed between publishing and telling leaves it to the resolver to see the new generation (once a
        second), which may be in the middle of our questions: then they are asked once more. A mixture would stay.
        """
        def ask() -> dict[int, set[str]]:
            return {version: {self.weir.ask(name).data("A")[0] for name in self.probes(version)}
                    for version in (newest - 1, newest)}

        found = ask()
        return found if all(len(answers) == 1 for answers in found.values()) and found[newest] != found[newest - 1] else ask()

    def test_old_or_new_never_mixed(self):
        print(f"    WEIR_SEED={SEED} WEIR_KILLS={KILLS}")
        dice = random.Random(SEED)
        began = time.monotonic()
        self.write_list("moving.hosts", self.version(1))
        self.weir.done("list", "update", "moving")
        whole = time.monotonic() - began  # how long an import and publish takes here
        held, outcomes = 1, {"old": 0, "new": 0}
        load = Load(self.folder / "load", self.weir.server, ["h9999.bulk.test", "h1.bulk.test"], 500, CLIENT)
        for kill in range(KILLS):
            following = held + 1
            self.write_list("moving.hosts", self.version(following))
            update = subprocess.Popen([str(COMMAND), "--config", str(self.weir.config), "list", "update", "moving"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, whole * 1.1))  # the random moment: this wait is the test
            self.weir.sidecar.kill()
            update.wait(30)
            # Still filtering while the sidecar is dead, by one generation.
            states = self.versions_in_force(following)
            self.assertIn(states, ({held: {BLOCKED}, following: {OPEN}}, {held: {OPEN}, following: {BLOCKED}}), f"kill {kill}")
            before = states
            self.weir.sidecar.start()
            states = self.versions_in_force(following)
            self.assertIn(states, ({held: {BLOCKED}, following: {OPEN}}, {held: {OPEN}, following: {BLOCKED}}), f"kill {kill}")
            if before[following] == {BLOCKED}:
                self.assertEqual(states, before, "what was in force went back")
            outcomes["new" if before[following] == {BLOCKED} else "old"] += 1
            # The store opens and takes the next change.
            self.weir.done("list", "update", "moving")
            states = self.versions_in_force(following)
            self.assertEqual(states, {held: {OPEN}, following: {BLOCKED}})
            held = following
            self.weir.done("audit", "verify")
        recorded = {record["generation"] for record in self.weir.done("audit", "show", "--json").json["records"]}
        published = {row["number"] for row in self.weir.done("generation", "show", "--json").json["generations"]}
        self.assertEqual(published - recorded, set(), "in force without a record")
        exchanges = load.stop()
        self.assertEqual({(e.name, e.outcome) for e in exchanges},
                         {("h9999.bulk.test", BLOCKED), ("h1.bulk.test", OPEN)})
        print(f"    after the kill: {outcomes['old']} times the old version, {outcomes['new']} times the new; "
              f"{len(exchanges)} queries meanwhile, none lost or wrong")


class ResolverCrashTest(Case):
    LISTS = {"ads.hosts": "".join(f"0.0.0.0 ad{number}.bulk.test\n" for number in range(1000))}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"

[[policy]]
name = "default"
lists = ["ads"]
"""

    def test_filters_from_its_first_answer(self):
        names = [f"ad{number}.bulk.test" for number in range(50)]
        for round in range(3):
            load = Load(self.folder / f"load{round}", self.weir.server, names, 2000, CLIENT, patience=0.5)
            self.weir.until(names[0], NULL)
            self.weir.resolver.kill()
            killed = time.monotonic_ns()
            self.weir.resolver.start()
            up = time.monotonic_ns()
            for name in names:  # meanwhile the load goes on
                self.assertEqual(self.weir.ask(name).data("A"), NULL)
            exchanges = load.stop()
            outcomes = {exchange.outcome for exchange in exchanges}
            self.assertEqual(outcomes - {"lost"}, {BLOCKED})
            after = [e for e in exchanges if e.sent_ns > up]
            self.assertEqual([e.outcome for e in after if e.outcome != BLOCKED], [])
            first = min(e.received_ns for e in exchanges if e.sent_ns > killed and e.received_ns)
            print(f"    first filtered answer {(first - killed) / 1e6:.0f} ms after kill -9 and restart under load")

    def test_decisions_survive(self):
        """What was decided before a kill of the resolver is in the log afterwards: the ring outlives it."""
        self.assertEqual(self.weir.ask("ad500.bulk.test").data("A"), NULL)
        self.weir.resolver.kill()
        self.weir.resolver.start()
        deadline = time.monotonic() + 10
        while "ad500.bulk.test" not in self.weir.done("log", "search", "--name", "ad500.bulk.test").out:
            self.assertLess(time.monotonic(), deadline)
