"""What attacks leave behind: nothing, once the cache has its size."""

from __future__ import annotations

from tests.attack.arena import Arena, Case, Outcome
from tests.attack.mixture import attack_names
from tests.attack.world import World

MEBIBYTE = 1 << 20
ROUND = 1000
WARM_ROUNDS = 6
ROUNDS = 6


def install(_: World) -> None:
    pass


def _growth(arena: Arena) -> Outcome:
    """Rounds of a thousand; the last is compared with the one after which nothing new should be kept."""
    outcome = Outcome()
    sizes = []
    for number in range(WARM_ROUNDS + ROUNDS):
        arena.ask_many(attack_names(ROUND, 100_000 + number * ROUND))
        sizes.append(arena.system.resident_bytes() / MEBIBYTE)
    growth = (sizes[-1] - sizes[WARM_ROUNDS - 1]) / ROUNDS
    outcome.expect(growth <= 1, f"{growth:.2f} MiB a thousand: {[round(size, 1) for size in sizes]}")
    outcome.figures = {"mib_per_1000": round(growth, 3), "resident_mib": round(sizes[-1], 1)}
    return outcome


CASES = [
    Case("growth", "all of them again and again, with the cache at its limit", "<= 1 MiB for each 1000 repetitions",
         _growth, quick=False),
]
