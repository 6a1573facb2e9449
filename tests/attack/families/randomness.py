"""Whether an off-path attacker can tell the next query's port and id from those before."""

from __future__ import annotations

from tests.attack.arena import Arena, Case, Outcome
from tests.attack.messages import Query, Reply, Rr, soa
from tests.attack.world import World
from tests.support import dns

SERVER = "10.53.12.1"
FIRST_PORT = 1024
Z_BOUND = 4.75  # p > 10^-6 on either side: too even is as suspicious as too uneven

_ports = [0] * 65536
_ids = [0] * 65536


def _handle(query: Query) -> Reply:
    if query.labels[0].startswith("u") and not query.tcp:
        _ports[query.client[1]] += 1
        _ids[query.id] += 1
    if query.is_a("A"):
        return Reply([Rr(query.name, "A", "192.0.2.1", 1)])
    return Reply(authority=[soa("random.evil.")])


def chi_square_z(counts: list[int]) -> float:
    """How many standard deviations chi-square over equal cells is off (Wilson and Hilferty's cube root)."""
    expected = sum(counts) / len(counts)
    freedom = len(counts) - 1
    value = sum((count - expected) ** 2 for count in counts) / expected
    spread = 2 / (9 * freedom)
    return ((value / freedom) ** (1 / 3) - (1 - spread)) / spread ** 0.5


def _cells(counts: list[int], size: int) -> list[int]:
    return [sum(counts[at:at + size]) for at in range(0, len(counts) - size + 1, size)]


def _obey(word: str, _) -> dict:
    if word == "forget":
        _ports[:] = _ids[:] = [0] * 65536
        return {}
    ports = _ports[FIRST_PORT:]
    return {"queries": sum(_ids), "low ports": sum(_ports[:FIRST_PORT]),
            "ports": round(chi_square_z(ports), 2), "port cells": round(chi_square_z(_cells(ports, 504)), 2),
            "ids": round(chi_square_z(_ids), 2), "id cells": round(chi_square_z(_cells(_ids, 512)), 2)}


def install(world: World) -> None:
    world.delegate("random.evil.", [("ns.random.evil.", [SERVER])])
    world.serve(SERVER, _handle)
    world.on_tell("randomness", _obey)


def _even(queries: int):
    def run(arena: Arena) -> Outcome:
        outcome = Outcome()
        arena.authority.tell("randomness", "forget")
        for begin in range(0, queries, 50_000):
            names = [f"u{n}-{queries}.random.evil" for n in range(begin, min(begin + 50_000, queries))]
            dns.ask_many(arena.system.server, names, source=arena.system.client, window=200,
                         read=lambda reply: reply[3] & 15)
        found = arena.authority.tell("randomness", "tell")
        outcome.figures = found
        outcome.expect(found["queries"] >= queries, f"only {found['queries']} queries came")
        outcome.expect(not found["low ports"], f"{found['low ports']} from ports below {FIRST_PORT}")
        # Few a cell say nothing cell by cell.
        for figure in ("port cells", "id cells", *(("ports", "ids") if queries >= 500_000 else ())):
            outcome.expect(abs(found[figure]) < Z_BOUND, f"{figure}: {found[figure]} standard deviations off")
        return outcome

    return run


CASES = [
    Case("ports-ids", "CVE-2026-50252, CVE-2025-40780: ports and ids of 20,000 queries", "chi-square: p > 10^-6",
         _even(20_000)),
    Case("ports-ids-million", "the same, 10^6 queries", "chi-square: p > 10^-6", _even(1_000_000), quick=False),
]
