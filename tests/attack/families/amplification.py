"""One question makes the resolver ask many: delegations to name servers that do not exist, do not answer, or refuse.

Every repetition asks below a delegation of its own, since failures are remembered.
"""

from __future__ import annotations

from tests.attack.arena import amplification
from tests.attack.messages import NXDOMAIN, QR, REFUSED, Query, Reply, Rr, referral, soa
from tests.attack.world import World, Zone

ATTACKER = "10.53.3.1"
VICTIM = "10.53.3.2"
DEAD = 10  # 10.53.10. and on: fifty silent servers for each repetition
REFUSING = 20
CROWDED = 30
CAMP_VICTIM = "10.53.3.3"
CAMP_CHILD = "10.53.3.4"


def _number(label: str) -> int:
    """Of "r7"."""
    return int(label[1:])


def _nxns(query: Query) -> Reply:
    """r<n>.nxns.evil has a hundred name servers in the victim's zone; none exists."""
    if query.name in ("nxns.evil.", "warm.nxns.evil."):
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    zone = ".".join(query.labels[-3:]) + "."
    return referral(zone, [(f"n{i}-{query.labels[-3]}.nxns.victim.", []) for i in range(100)])


def _many(count: int, network: int):
    """r<n>.<zone>.evil has `count` name servers at addresses of its own."""

    def handle(query: Query) -> Reply:
        zone = ".".join(query.labels[-3:]) + "."
        first = query.labels[-3]
        if not first.startswith("r"):
            return Reply([Rr(query.name, "A", "192.0.2.1")])
        subnet = network + _number(first)
        return referral(zone, [(f"s{i}.{zone}", [f"10.53.{subnet}.{i % 250 + 1}"]) for i in range(count)][:1000]
                        + [(f"t{i}.{zone}", []) for i in range(count - 1000)])

    return handle


def _crowded(query: Query) -> Reply:
    """r<n>.crowd.evil: ten name servers, each with the same twenty addresses."""
    zone = ".".join(query.labels[-3:]) + "."
    first = query.labels[-3]
    if not first.startswith("r"):
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    addresses = [f"10.53.{CROWDED + _number(first)}.{i}" for i in range(1, 21)]
    return referral(zone, [(f"s{i}.{zone}", addresses) for i in range(10)])


def _camp(query: Query) -> Reply:
    """<link>-<n>.camp.evil: each a zone with ten name servers without glue in the victim's zone; three exist."""
    zone = ".".join(query.labels[-3:]) + "."
    first = query.labels[-3]
    if "-" not in first:
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    return referral(zone, [(f"n{i}.{first}.camp.victim.", []) for i in range(10)])


def _camp_victim(query: Query) -> Reply:
    number = query.labels[0]
    if number in ("n0", "n1", "n2") and query.is_a("A"):
        return Reply([Rr(query.name, "A", CAMP_CHILD)])
    if number in ("n0", "n1", "n2", "camp", "warm") or "-" in number:
        return Reply(authority=[soa("camp.victim.")])
    return Reply(authority=[soa("camp.victim.")], rcode=NXDOMAIN)


def _camp_child(query: Query) -> Reply:
    """Every link leads to the next one's zone."""
    link, _, repetition = query.labels[-3].partition("-")
    return Reply([Rr(query.name, "CNAME", f"www.{int(link) + 1}-{repetition}.camp.evil.")])


def install(world: World) -> None:
    for zone in ("nxns", "silent", "nrdelegation", "crowd", "camp", "refusing"):
        world.delegate(f"{zone}.evil.", [(f"ns.{zone}.evil.", [ATTACKER])])
    handlers = {"nxns": _nxns, "silent": _many(50, DEAD), "nrdelegation": _many(1500, DEAD + 5),
                "refusing": _many(90, REFUSING), "crowd": _crowded, "camp": _camp}
    world.serve(ATTACKER, lambda query: handlers[query.labels[-2]](query))
    world.delegate("nxns.victim.", [("ns.nxns.victim.", [VICTIM])])
    world.serve(VICTIM, Zone("nxns.victim.", [Rr("warm.nxns.victim.", "A", "192.0.2.1")], 900).handle)
    world.delegate("camp.victim.", [("ns.camp.victim.", [CAMP_VICTIM])])
    world.serve(CAMP_VICTIM, _camp_victim)
    world.serve(CAMP_CHILD, _camp_child)
    for subnet in range(5):
        world.serve(f"10.53.{REFUSING + subnet}.", lambda query: Reply(rcode=REFUSED, flags=QR))


CASES = [
    amplification("nxns", "NXNSAttack (CVE-2020-8616): 100 name servers without glue, none exists",
                  lambda n: f"www.r{n}.nxns.evil", warm=("warm.nxns.evil", "warm.nxns.victim"), packets=8,
                  victim=VICTIM, victim_packets=5, peers=True, batch=20),
    amplification("silent", "50 name servers with glue, none answers", lambda n: f"www.r{n}.silent.evil",
                  warm=("warm.silent.evil",), packets=8, again_packets=0, peers=True),
    amplification("nrdelegation-silent", "NRDelegation (CVE-2022-3204): 1500 name servers, none answers",
                  lambda n: f"www.r{n}.nrdelegation.evil", warm=("warm.nrdelegation.evil",), packets=20,
                  per_address=2),
    amplification("nrdelegation-refused", "NRDelegation (CVE-2022-3204): 90 name servers, all say REFUSED",
                  lambda n: f"www.r{n}.refusing.evil", warm=("warm.refusing.evil",), packets=20, per_address=2),
    amplification("same-addresses", "CVE-2026-3592: ten name servers, all with the same twenty addresses",
                  lambda n: f"www.r{n}.crowd.evil", warm=("warm.crowd.evil",), packets=20, per_address=2),
    amplification("camp", "CAMP: aliases without end, each in a zone of ten name servers without glue (3 exist)",
                  lambda n: f"www.0-{n}.camp.evil", warm=("warm.camp.evil", "warm.camp.victim"), packets=20,
                  victim=CAMP_VICTIM, victim_packets=11, peers=True, batch=20),
]
