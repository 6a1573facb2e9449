"""A disk that fails under the sidecar, call by call: ENOSPC, EIO, EMFILE at the n-th of them.

Whatever was not acknowledged may be in force or not, but never by half; the command says what went wrong, and the same
command succeeds as soon as the disk does.
"""

from __future__ import annotations

import errno
import os
import random
import time
from collections import Counter

from tests.e2e.changes import ChangingCase
from tests.support.nth_call import OPENS, SYNCS, WRITES, NthCall

# Of each kind of change and error, evenly spread; all where there are fewer. 0: one at random, of some of the kinds.
POINTS = int(os.environ.get("WEIR_FAULT_POINTS", "0"))
KINDS_AT_RANDOM = 3
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
RECOVERED_SECONDS = 10
NEXT_TURN_SECONDS = 1


class DiskFaultsTest(ChangingCase):
    def until_it_writes(self, hit: str) -> None:
        """What failed is taken back, or a new process opens the store, as by systemd."""
        if "/log/" in hit:  # the decisions' own thread sees it at its next turn, and may then end the process
            deadline = time.monotonic() + NEXT_TURN_SECONDS
            while self.weir.sidecar.running() and time.monotonic() < deadline:
                time.sleep(0.02)
        deadline = time.monotonic() + RECOVERED_SECONDS
        while (ran := self.weir.command("rule", "remove", "none.invalid")).status != 1:
            self.assertLess(time.monotonic(), deadline, f"{ran}{self.weir.sidecar.output()[-2000:]}")
            if not self.weir.sidecar.running():
                self.assertEqual(self.weir.sidecar.process.returncode, 6, self.weir.sidecar.output()[-2000:])
                self.assertIn("must be opened anew", self.weir.sidecar.output())
                self.weir.sidecar.start()
                self.restarts += 1

    def try_errors(self, calls: tuple[str, ...], error: int, goes_on: bool) -> None:
        dice = random.Random(SEED)
        print(f"    WEIR_SEED={SEED} WEIR_FAULT_POINTS={POINTS}")
        outcomes: Counter[str] = Counter()
        self.restarts = 0
        for kind in self.KINDS if POINTS else dice.sample(self.KINDS, KINDS_AT_RANDOM):
            for point in self.spread(self.count(kind, calls, dice), POINTS, dice):
                change = self.needed(kind, dice)
                with self.subTest(kind=kind, error=errno.errorcode[error], call=point, goes_on=goes_on):
                    before, records = self.seen, len(self.records())
                    fault = NthCall(self.weir.sidecar.process.pid, calls, fail=point, error=error, goes_on=goes_on,
                                    below=self.weir.store)
                    ran = self.weir.command(*change.command)
                    hit = fault.stop().hit
                    where = f"{hit or 'no call was hit'}: {ran}{self.weir.sidecar.process.poll()}\n{self.weir.sidecar.output()[-1500:]}"
                    acknowledged = ran.status == change.status
                    if not acknowledged:
                        self.assertTrue(hit, where)
                        self.assertIn(ran.status, (3, 6), where)
                        self.assertGreater(len(ran.err.strip()), 20, where)
                    self.until_it_writes(hit)
                    is_new = self.settle(change, ran if acknowledged else None, before, records, where)
                    outcomes["acknowledged" if acknowledged else "new" if is_new else "old"] += 1
                    if not is_new:
                        self.done_whole(change)
        print(f"    {errno.errorcode[error]}{' from then on' if goes_on else ''}: {sum(outcomes.values())} failing calls; "
              f"{outcomes['acknowledged']} changes were made all the same, of the refused ones {outcomes['old']} are not "
              f"in force and {outcomes['new']} are; {self.restarts} times a new process had to open the store")

    def test_no_space(self) -> None:
        self.try_errors(WRITES, errno.ENOSPC, True)

    def test_an_error_once(self) -> None:
        self.try_errors((*WRITES, *SYNCS), errno.EIO, False)

    def test_no_descriptors(self) -> None:
        self.try_errors(OPENS, errno.EMFILE, False)
