"""Chains of aliases: one link an answer, all at once, in circles, ever longer, and across a blocked name."""

from __future__ import annotations

from tests.attack.arena import Arena, Case, Outcome, amplification
from tests.attack.messages import NXDOMAIN, Query, Reply, Rr, soa
from tests.attack.world import World

SERVER = "10.53.4.1"
BLOCKED = ["c5-9.blockedchain.evil"]


def _chain(query: Query, number: str) -> Reply:
    """c<i>-<n> leads to c<i+1>-<n>."""
    link, _, repetition = number[1:].partition("-")
    zone = ".".join(query.labels[-2:])
    return Reply([Rr(query.name, "CNAME", f"c{int(link) + 1}-{repetition}.{zone}.")])


def _at_once(query: Query) -> Reply:
    """A hundred links in one answer."""
    names = [query.name] + [f"l{i}.{query.name}" for i in range(1, 101)]
    return Reply([Rr(owner, "CNAME", target) for owner, target in zip(names, names[1:])]
                 + [Rr(names[-1], "A", "192.0.2.1")])


def _loops(query: Query) -> Reply:
    first = query.labels[0]
    if first.startswith("self"):
        return Reply([Rr(query.name, "CNAME", query.name)])
    if first[:1] in "abc" and first[1:2] == "-":
        following = {"a": "b", "b": "c", "c": "a"}[first[0]]
        return Reply([Rr(query.name, "CNAME", f"{following}{first[1:]}.loops.evil.")])
    return Reply([Rr(query.name, "A", "192.0.2.1")])


def _growing(query: Query) -> Reply:
    """r<n>.growing.evil is a DNAME to longer.r<n>.growing.evil: each step makes the name longer."""
    owner = ".".join(query.labels[-3:]) + "."
    if not query.labels[-3].startswith("r") or len(query.labels) == 3:
        return Reply(authority=[soa("growing.evil.")], rcode=0 if len(query.labels) <= 3 else NXDOMAIN)
    dname = Rr(owner, "DNAME", "a-label-that-makes-it-longer." + owner)
    target = query.name.removesuffix(owner) + dname.data
    return Reply([dname, Rr(query.name, "CNAME", target)])


def _handle(query: Query) -> Reply:
    zone, first = query.labels[-2], query.labels[0]
    if zone == "loops":
        return _loops(query)
    if zone == "growing":
        return _growing(query)
    if zone == "atonce" and first.startswith("r"):
        return _at_once(query)
    if zone in ("chain", "blockedchain") and first.startswith("c") and "-" in first:
        return _chain(query, first)
    return Reply([Rr(query.name, "A", "192.0.2.1")])


def _labels(query: Query) -> Reply:
    """A name of a hundred labels exists, and so do all above it."""
    if query.is_a("A") and query.labels[0].startswith("r"):
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    return Reply(authority=[soa("labels.good.")])


LABELS = "10.53.4.2"


def install(world: World) -> None:
    for zone in ("chain", "atonce", "loops", "growing", "blockedchain"):
        world.delegate(f"{zone}.evil.", [(f"ns.{zone}.evil.", [SERVER])])
    world.serve(SERVER, _handle)
    world.delegate("labels.good.", [("ns.labels.good.", [LABELS])])
    world.serve(LABELS, _labels)


def _blocked_mid_chain(arena: Arena) -> Outcome:
    """The fifth link is on a list: the verdict wins over the chain's failure, and nobody sees an address."""
    outcome = Outcome()
    answer = arena.ask("c1-9.blockedchain.evil")
    outcome.figures = {"rcode": answer.rcode if answer else "none"}
    outcome.expect(answer is not None and answer.data("A") == ["0.0.0.0"], f"not blocked: {answer}")
    return outcome


CASES = [
    amplification("alias-chain", "endless chain of CNAMEs, one link an answer (11 are followed)",
                  lambda n: f"c1-{n}.chain.evil", warm=("warm.chain.evil",), packets=12, peers=True, batch=20),
    amplification("aliases-at-once", "100 CNAMEs in one answer", lambda n: f"r{n}.atonce.evil",
                  warm=("warm.atonce.evil",), packets=4),
    amplification("alias-to-itself", "CNAME to itself", lambda n: f"self{n}.loops.evil", warm=("warm.loops.evil",),
                  packets=12),
    amplification("alias-loop", "three CNAMEs in a circle", lambda n: f"a-{n}.loops.evil", warm=("warm.loops.evil",),
                  packets=12),
    amplification("dname-growth", "a DNAME below itself: the name grows (RFC 6672 section 2.2)",
                  lambda n: f"x.r{n}.growing.evil", warm=("warm.growing.evil",), packets=12,
                  rcodes=("SERVFAIL", "YXDOMAIN")),
    amplification("hundred-labels", "100 labels, each an empty non-terminal (RFC 9156 section 2.3)",
                  lambda n: f"r{n}." + "a." * 99 + "labels.good", warm=("rwarm.labels.good",), packets=10,
                  rcodes=("NOERROR",), shown=True),
    Case("alias-blocked", "a blocked name in the middle of an endless chain", "the block's verdict wins",
         _blocked_mid_chain),
]
