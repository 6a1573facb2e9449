"""A mixture of what the families attack with: names of which each costs its share, every one of them new."""

from __future__ import annotations

KINDS = ("www.r{n}.nxns.evil", "www.0-{n}.camp.evil", "c1-{n}.chain.evil", "m50-{n}.keytrap.evil",
         "m10-{n}.keytrap.evil", "x.r{n}.growing.evil", "a.a.a.a.a.a.r{n}.deep.evil", "i50-{n}.hashes.evil",
         "r{n}.atonce.evil", "a{n}.big.evil")


def attack_names(count: int, first: int) -> list[str]:
    return [KINDS[n % len(KINDS)].format(n=first + n) for n in range(count)]
