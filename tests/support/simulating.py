"""tests/run simulation: which programs run, with which words."""

from __future__ import annotations

import argparse
from pathlib import Path

SEEDS = 500
MOST_SEEDS_OF_A_PLANTED_BUG = 10_000
PLANTED = ["glue", "wildcard", "ttl"]  # bugs, each in a program of its own: weir_planted() in CMakeLists.txt
SECONDS = 600  # of a program, and one more for each seed over SEEDS


def read_words(words: list[str]) -> argparse.Namespace:
    """Raises ValueError for what is no option, or has a number too many or too few."""
    parser = argparse.ArgumentParser(prog="tests/run simulation", exit_on_error=False, add_help=False)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--churn", type=int)
    parser.add_argument("--trace", action="store_true")
    try:
        found, unknown = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise ValueError(f"simulation: {error}") from error
    if unknown:
        raise ValueError(f"simulation: {unknown[0]}: no such option; there are: --seed N --seeds N --planted --churn HOURS "
                         "--trace")
    if found.churn is not None and found.churn < 4:
        raise ValueError("simulation: --churn takes a number of hours, from 4 on")
    if (found.seeds is not None and found.seeds < 1) or (found.seed is not None and found.seed < 0):
        raise ValueError("simulation: --seed takes a number from 0 on, --seeds one from 1 on")
    return found


def targets(words: list[str]) -> list[str]:
    return [f"weir_planted_{bug}" for bug in PLANTED] if read_words(words).planted else ["weir_simulate"]


def commands(folder: Path, words: list[str]) -> list[tuple[list[str], int]]:
    """Each with the seconds that it may take."""
    wanted = read_words(words)
    first = ["--seed", str(wanted.seed)] if wanted.seed is not None else []
    if wanted.planted:
        seeds = wanted.seeds or MOST_SEEDS_OF_A_PLANTED_BUG
        return [([str(folder / f"weir_planted_{bug}"), "--planted", bug, "--seeds", str(seeds), *first], SECONDS + seeds)
                for bug in PLANTED]
    if wanted.churn:
        return [([str(folder / "weir_simulate"), "--churn", str(wanted.churn), *first], SECONDS + 60 * wanted.churn)]
    seeds = wanted.seeds or (1 if first else SEEDS)
    program = str(folder / "weir_simulate")
    trace = ["--trace"] if wanted.trace else []
    out = [([program, "--seeds", str(seeds), *first, *trace], SECONDS + max(0, seeds - SEEDS))]
    if not words:
        out.append(([program, "--small"], SECONDS))
    return out
