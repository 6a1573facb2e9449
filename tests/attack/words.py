"""What may follow `tests/run attacks`."""

from __future__ import annotations

import argparse

from tests.attack import families


def read_words(words: list[str]) -> argparse.Namespace:
    """families, word, quick, peers. Raises ValueError for what is neither an option nor a family."""
    every = families.cases()
    parser = argparse.ArgumentParser(prog="tests/run attacks", exit_on_error=False, add_help=False)
    parser.add_argument("families", nargs="*")
    parser.add_argument("-k", dest="word", default="")  # only cases whose name contains this
    parser.add_argument("--quick", action="store_true")  # without peers and without what takes long
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    try:
        found, unknown = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise ValueError(f"attacks: {error}") from error
    unknown += [name for name in found.families if name not in every]
    if unknown:
        raise ValueError(f"attacks: {unknown[0]}: no such option or family; there are: [FAMILY...] [-k WORD] [--quick] "
                         f"[--no-peers]; families: {' '.join(every)}")
    found.peers = found.peers and not found.quick
    return found
