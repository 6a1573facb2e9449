"""kill -9 of the sidecar at random moments of every kind of change: nothing acknowledged is lost, nothing is by half."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import time
from collections import Counter

from tests.e2e.case import BULK, NULL
from tests.e2e.changes import ALWAYS_BLOCKED, ALWAYS_OPEN, Change, ChangingCase, State
from tests.support.daemons import COMMAND, Ran
from tests.support.load import Load
from tests.support.small_internet import CLIENT

KILLS = int(os.environ.get("WEIR_KILLS", "10"))
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


class KillsTest(ChangingCase):
    def run_killed(self, change: Change, seconds: float) -> Ran | None:
        """The change's command, and the end of the sidecar `seconds` later: what was acknowledged by then, if anything."""
        command = subprocess.Popen([str(COMMAND), "--config", str(self.weir.config), *change.command], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(seconds)  # the random moment: this wait is the test
        self.weir.sidecar.kill()
        out, err = command.communicate(timeout=30)
        return Ran(command.returncode, out, err)

    def test_nothing_acknowledged_is_lost_and_nothing_is_by_half(self) -> None:
        print(f"    WEIR_SEED={SEED} WEIR_KILLS={KILLS}")
        dice = random.Random(SEED)
        took: dict[str, list[float]] = {kind: [] for kind in self.KINDS}
        outcomes: Counter[str] = Counter()
        load = Load(self.folder / "load", self.weir.server, [ALWAYS_BLOCKED, ALWAYS_OPEN], 200, CLIENT)
        kills = 0
        while kills < KILLS:
            kind = dice.choice(self.KINDS)
            change = self.change(kind, dice)
            if change is None:
                continue
            before, records = self.seen, len(self.records())
            if not took[kind]:  # how long one takes, when nothing happens to it
                begun = time.monotonic()
                ran = self.weir.command(*change.command)
                took[kind].append(time.monotonic() - begun)
                self.assertEqual(ran.status, change.status, f"{change.command}: {ran}")
                self.settle(change, ran, before, records)
                continue
            with self.subTest(kill=kills, change=change.command, seed=SEED):
                ran = self.run_killed(change, dice.uniform(0, 1.5 * statistics.median(took[kind])))
                kills += 1
                acknowledged = ran.status == change.status
                dead = self.in_force([before.state, change.after])  # still filtering, by one generation
                self.weir.sidecar.start()
                is_new = self.settle(change, ran if acknowledged else None, before, records)
                self.assertIn(self.seen.state, [dead, change.after], "what was in force went back")
                outcomes["acknowledged" if acknowledged else "new" if is_new else "old"] += 1
                if not is_new:  # the store takes it now
                    before, records = self.seen, len(self.records())
                    ran = self.weir.command(*change.command)
                    self.assertEqual(ran.status, change.status, f"{change.command}: {ran}")
                    self.settle(change, ran, before, records)
        exchanges = load.stop()
        self.assertEqual({(e.name, e.outcome) for e in exchanges},
                         {(ALWAYS_BLOCKED, NULL[0]), (ALWAYS_OPEN, BULK[0])})
        print(f"    {kills} kills: {outcomes['acknowledged']} changes were acknowledged before, of the others "
              f"{outcomes['new']} are in force and {outcomes['old']} are not; {len(self.records())} audit records, "
              f"{len(exchanges)} queries meanwhile, none lost or wrong")


class ForgetfulTest(ChangingCase):
    """Killed behind an import and before what is remembered of its source was written."""

    def forget(self, *command: str) -> None:
        """The command, done; and the memory of before it."""
        memory = self.weir.store / "sidecar-state.json"
        before = memory.read_bytes()
        self.weir.done(*command)
        self.weir.sidecar.kill()
        memory.write_bytes(before)
        self.weir.sidecar.start()

    def test_a_source_that_goes_back_is_not_taken_for_unchanged(self) -> None:
        self.write_list("big.hosts", self.big(1))
        self.forget("list", "update", "big")
        self.assertEqual(self.faults(State(big=1)), [])
        self.write_list("big.hosts", self.big(0))
        self.weir.done("list", "update", "big")
        self.assertEqual(self.faults(State(big=0)), [])
        self.assertEqual((self.weir.store / "fetch" / "big.good").read_text(), self.big(0))

    def test_a_version_that_was_approved_is_held_no_longer(self) -> None:
        self.write_list("guarded.domains", self.guarded(120))
        self.assertEqual(self.weir.command("list", "update", "guarded").status, 3)
        self.assertTrue(self.is_held())
        self.forget("list", "approve", "guarded")
        self.assertFalse(self.is_held())
        self.assertEqual((self.weir.store / "fetch" / "guarded.good").read_text(), self.guarded(120))
        self.assertIn("not changed", self.weir.done("list", "update", "guarded").out)
