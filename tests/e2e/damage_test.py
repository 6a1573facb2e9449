"""One bit flipped in each block of a published generation: it is refused and the one before stays, or nothing changes."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

from tests.e2e.case import BULK, NULL, Case
from tests.support.control import Refused

BLOCK = 4096
POINTS = int(os.environ.get("WEIR_FLIPS", "60"))  # blocks that are damaged, at random; all where there are fewer
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
RULES = 3000
OLD, NEW, BOTH = "h1.bulk.test", "h2.bulk.test", "h3.bulk.test"


class DamageTest(Case):
    LISTS = {"ads.hosts": f"0.0.0.0 {OLD}\n0.0.0.0 {BOTH}\n" + "".join(f"0.0.0.0 old{n}.example\n" for n in range(RULES))}
    BODY = """
[[list]]
name = "ads"
source = "{lists}/ads.hosts"
max_shrink = 100
max_growth = 1000
min_overlap = 0

[[policy]]
name = "default"
lists = ["ads"]
"""

    def answers(self) -> tuple:
        return tuple(self.weir.ask(name).data("A") == NULL for name in (OLD, NEW, BOTH))

    def publish_number(self, number: int) -> str:
        """Names a generation as the one in force, and lets the resolver look; its refusal, or ""."""
        temporary = self.weir.store / "policy" / "current.test"
        temporary.write_text(f"{number}\n")
        temporary.rename(self.weir.store / "policy" / "current")
        try:
            self.weir.control("generation.load")
        except Refused as refused:
            return str(refused)
        return ""

    def test_no_bit_of_a_generation_changes_a_verdict(self) -> None:
        dice = random.Random(SEED)
        before = self.weir.done("generation", "show", "--json").json["current"]
        text = f"0.0.0.0 {NEW}\n0.0.0.0 {BOTH}\n" + "".join(f"0.0.0.0 new{n}.example\n" for n in range(RULES))
        self.write_list("ads.hosts", text)
        self.weir.done("list", "update", "ads")
        after = self.weir.done("generation", "show", "--json").json["current"]
        self.assertEqual(self.answers(), (False, True, True))
        self.weir.sidecar.stop()  # it alone publishes
        folder = self.weir.store / "policy" / "generations" / str(after)
        blocks = [(file, offset) for file in sorted(folder.iterdir()) for offset in range(0, file.stat().st_size, BLOCK)]
        outcomes: Counter[str] = Counter()
        for file, offset in dice.sample(blocks, min(POINTS, len(blocks))):
            self.assertEqual(self.publish_number(before), "")
            self.assertEqual(self.answers(), (True, False, True))
            whole = file.read_bytes()
            kept = file.rename(file.parent.parent / "kept")  # other generations share it: a copy is damaged
            bit = dice.randrange(offset * 8, min(len(whole), offset + BLOCK) * 8)
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            file.write_bytes(damaged)
            with self.subTest(file=file.name, bit=bit, seed=SEED):
                refusal = self.publish_number(after)
                self.assertTrue(self.weir.resolver.running())
                self.assertEqual(self.answers(), (True, False, True) if refusal else (False, True, True), refusal)
                if refusal and not outcomes["refused"]:
                    # Nor does a start on it leave anybody without answers.
                    self.weir.resolver.stop()
                    self.weir.resolver.start()
                    self.assertEqual(self.answers(), (True, False, True))
                outcomes["refused" if refusal else "harmless"] += 1
            kept.rename(file)
        self.assertGreater(outcomes["refused"], 0)
        self.assertEqual(self.publish_number(before), "")
        self.assertEqual(self.publish_number(after), "")
        print(f"    WEIR_SEED={SEED} WEIR_FLIPS={POINTS}: of {len(blocks)} blocks {outcomes['refused']} flips were refused, "
              f"{outcomes['harmless']} changed no answer")
