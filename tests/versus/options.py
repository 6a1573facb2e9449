"""What tests/run versus takes."""

from __future__ import annotations

import argparse
from pathlib import Path


def parser(description: str | None = None) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser("tests/run versus", description=description, exit_on_error=False,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--seed", type=int, default=1, help="of the first world")
    found.add_argument("--worlds", type=int, default=20)
    found.add_argument("--feel", type=int, default=1, help="how many large worlds")
    found.add_argument("--questions", type=int, default=2000, help="in each large world")
    found.add_argument("--only", help="names of resolvers, with commas")
    found.add_argument("--details", type=Path, help="writes all differences and the slowest questions there")
    return found


def read_words(words: list[str]) -> argparse.Namespace:
    """Raises ValueError for what is no option."""
    try:
        found, others = parser().parse_known_args(words)
    except argparse.ArgumentError as error:
        raise ValueError(f"versus: {error}") from None
    if others:
        raise ValueError(f"versus takes no {others[0]}")
    return found
