"""Delegations that lead nowhere: in circles (TsuNAME), downwards without end, to servers that only ever err."""

from __future__ import annotations

import itertools

from tests.attack.arena import Arena, Outcome, Case, amplification
from tests.attack.messages import BADCOOKIE, BADVERS, FORMERR, NXDOMAIN, QR, Query, Reply, Rr, referral, soa
from tests.attack.world import World

DEEP = ("10.53.5.1", "10.53.5.2")
ERRING = ("10.53.5.3", "10.53.5.4")
CIRCLES = 30  # pairs of zones that need each other

_errors = itertools.cycle((FORMERR, BADVERS, BADCOOKIE))


def _deeper(query: Query) -> Reply:
    """Every name is a zone of its own, at the other server."""
    if len(query.labels) <= 3:
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    other = DEEP[query.server == DEEP[0]]
    return referral(query.name, [(f"ns.{query.name}", [other])])


def install(world: World) -> None:
    for n in range(CIRCLES):
        world.delegate(f"left{n}.evil.", [(f"ns.right{n}.victim.", [])])
        world.delegate(f"right{n}.victim.", [(f"ns.left{n}.evil.", [])])
    world.delegate("deep.evil.", [(f"ns{i}.deep.evil.", [address]) for i, address in enumerate(DEEP)])
    for address in DEEP:
        world.serve(address, _deeper)
    for n in range(3):
        world.delegate(f"erring{n}.evil.", [(f"ns{i}.erring{n}.evil.", [address]) for i, address in enumerate(ERRING)])
    for address in ERRING:
        world.serve(address, lambda query: Reply(rcode=next(_errors), flags=QR))


def _tsuname(arena: Arena) -> Outcome:
    """A thousand questions within seconds: the first costs packets, the others none."""
    outcome = Outcome()
    first = arena.measure(f"www.left{CIRCLES - 1}.evil")
    outcome.expect(first.answer is not None and first.answer.rcode == "SERVFAIL", f"{first.answer}")
    outcome.expect(first.counts.all <= 6, f"{first.counts.all} packets at first > 6: {first.counts.last}")
    arena.authority.reset()
    for _ in range(1000):
        answer = arena.ask(f"www.left{CIRCLES - 1}.evil")
        if answer is None or answer.rcode != "SERVFAIL":
            outcome.problems.append(f"{answer}")
            break
    later = arena.authority.counts_when_quiet().all
    # Failures are kept for 5 s at first (RFC 9520): a slow machine may see one of them end, and so one more try.
    outcome.expect(later <= 6, f"{later} packets for 1000 questions more")
    outcome.figures = {"packets": first.counts.all, "later": later, "seconds": round(first.seconds, 3)}
    return outcome


CASES = [
    amplification("cyclic", "TsuNAME: two zones, each one's name server is in the other",
                  lambda n: f"www.left{n}.evil", packets=6, seconds=0.1, peers=True, batch=20),
    Case("tsuname-again", "TsuNAME: 1000 questions for it (RFC 9520)", "<= 6 packets, then 0 for 5 s", _tsuname),
    amplification("endless-referrals", "CVE-2014-8602: referrals downwards without end, two servers in turn",
                  lambda n: "a." * 100 + f"r{n}.deep.evil", warm=("warm.deep.evil",), packets=30),
    amplification("erring", "CVE-2026-5950: servers that say FORMERR, BADVERS and BADCOOKIE in turn",
                  lambda n: f"www.erring{n}.evil", packets=30),
]
