"""kill -9 of the sidecar at each system call of a change, counted over all its threads."""

from __future__ import annotations

import os
import random
from collections import Counter

from tests.e2e.changes import Change, ChangingCase
from tests.support.nth_call import OPENS, REMOVALS, SYNCS, WRITES, NthCall

# How many calls of each kind of change are the last one: evenly spread; all where there are fewer. 0: one at random, of
# some of the kinds.
POINTS = int(os.environ.get("WEIR_LAST_CALLS", "0"))
FIRST_CALLS = 2000  # of an import with publish, that are tried
KINDS_AT_RANDOM = 4
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
CHANGING = (*WRITES, *SYNCS, *REMOVALS, *OPENS)


class LastCallsTest(ChangingCase):
    def kill_at(self, change: Change, calls: tuple[str, ...], point: int) -> tuple[str, str]:
        """What the change came to, and at which call: "acknowledged", "new", "old"."""
        before, records = self.seen, len(self.records())
        fatal = NthCall(self.weir.sidecar.process.pid, calls, kill=point, below=self.weir.store if calls else None)
        ran = self.weir.command(*change.command)
        hit = fatal.stop().hit
        acknowledged = ran.status == change.status
        told = f"killed at call {point}: {hit or 'it did not come to it'}\n{ran}"
        if not hit:
            self.assertTrue(acknowledged, told)
            self.settle(change, ran, before, records, told)
            return "acknowledged", hit
        self.weir.sidecar.process.wait(10)
        dead = self.in_force([before.state, change.after], told)
        self.weir.sidecar.start()
        is_new = self.settle(change, ran if acknowledged else None, before, records, told)
        self.assertIn(self.seen.state, [dead, change.after], "what was in force went back")
        return "acknowledged" if acknowledged else "new" if is_new else "old", hit

    def kill_at_each(self, kind: str, calls: tuple[str, ...], most: int, dice: random.Random) -> Counter[str]:
        outcomes: Counter[str] = Counter()
        count = min(self.count(kind, calls, dice), most)
        for point in self.spread(count, POINTS, dice):
            change = self.needed(kind, dice)
            with self.subTest(kind=kind, call=point, seed=SEED):
                outcomes[self.kill_at(change, calls, point)[0]] += 1
        return outcomes

    def test_the_calls_of_an_import(self) -> None:
        dice = random.Random(SEED)
        outcomes = self.kill_at_each("import", (), FIRST_CALLS, dice)
        print(f"    WEIR_SEED={SEED} WEIR_LAST_CALLS={POINTS}: {sum(outcomes.values())} of the first {FIRST_CALLS} system calls: "
              f"{outcomes['old']} times the old version, {outcomes['new']} the new, {outcomes['acknowledged']} acknowledged")

    def test_the_calls_that_change_the_store(self) -> None:
        dice = random.Random(SEED)
        print(f"    WEIR_SEED={SEED} WEIR_LAST_CALLS={POINTS}")
        for kind in self.KINDS if POINTS else dice.sample(self.KINDS, KINDS_AT_RANDOM):
            outcomes = self.kill_at_each(kind, CHANGING, 10_000, dice)
            print(f"    {kind}: {sum(outcomes.values())} calls: {outcomes['old']} old, {outcomes['new']} new, "
                  f"{outcomes['acknowledged']} acknowledged")
