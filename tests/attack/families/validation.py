"""What validators can be made to compute (KeyTrap, NSEC3), and to believe (wildcards and denials that reach too far).

The zones are signed islands with trust anchors of their own; keys and signatures are made here.
"""

from __future__ import annotations

import functools

from tests.attack.arena import Arena, Asked, Case, Outcome, amplification
from tests.attack.messages import NXDOMAIN, QR, Query, Reply, Rr, referral, soa
from tests.attack.signing import Key, bogus_rrsig, colliding_keys, covering, matching, nsec
from tests.attack.world import World

SERVER = "10.53.6.1"
CHILD = "10.53.6.2"
TAG = 4242  # that of all the colliding keys
KEYS = 50
SALT = bytes.fromhex("0badcafe")

keytrap, dstrap, hashes, forge, other = (Key(f"{zone}.evil.", zone)
                                         for zone in ("keytrap", "dstrap", "hashes", "forge", "forgeother"))
dnskeys = {key.zone: [key.dnskey, *(colliding_keys(key.zone, TAG, KEYS) if key in (keytrap, dstrap) else [])]
           for key in (keytrap, dstrap, hashes, forge, other)}
signers = {key.zone: key for key in (keytrap, dstrap, hashes, forge, other)}
ANCHORS = [key.ds() for key in (keytrap, hashes, forge, other)] + [dstrap.ds()] + [
    f"dstrap.evil. IN DS {TAG} 15 2 {number:064x}" for number in range(10)]


@functools.cache
def _signed_keys(zone: str) -> list[Rr]:
    return [*dnskeys[zone], signers[zone].rrsig(dnskeys[zone])]


@functools.cache
def _signed_soa(zone: str) -> list[Rr]:
    record = soa(zone)
    return [record, signers[zone].rrsig([record])]


@functools.lru_cache(maxsize=10_000)
def _signature(key: Key, record: Rr) -> Rr:
    return key.rrsig([record])


def _signed(key: Key, records: list[Rr]) -> list[Rr]:
    return [*records, *(_signature(key, record) for record in records)]


def _trap(query: Query, zone: str, first: str) -> Reply:
    """m<count>-<n>: an address with so many bogus signatures; m0: with a good one. d<count>: denied by that many."""
    key = signers[zone]
    count = int(first[1:].partition("-")[0])
    if first[0] == "d":
        padding = []
        for i in range(count):
            proof = nsec(f"p{i}.{zone}", f"q{i}.{zone}", ["A"])
            padding += [proof, bogus_rrsig([proof], zone, TAG, i)]
        return Reply(authority=[*_signed_soa(zone), *padding], rcode=NXDOMAIN)
    if first[0] == "x":  # ANY: that many RRsets, ten bogus signatures each
        answer = []
        for i in range(count):
            record = Rr(query.name, f"TYPE{300 + i}", bytes([i]))
            answer += [record, *(bogus_rrsig([record], zone, TAG, n) for n in range(10))]
        return Reply(answer)
    record = Rr(query.name, "A", "192.0.2.1")
    if not count:
        return Reply(_signed(key, [record]))
    return Reply([record, *(bogus_rrsig([record], zone, TAG, i) for i in range(count))])


def _hashes(query: Query, zone: str) -> Reply:
    """i<iterations>: a closest encloser proof for a name of many labels; c<iterations>-<n>: a delegation without DS."""
    family = query.labels[-3]
    iterations = int(family[1:].partition("-")[0])
    owner = f"{family}.{zone}"
    if family[0] == "c":
        if query.is_a("DS") or not query.name == owner:
            proofs = [matching(zone, zone, ["SOA", "NS", "DNSKEY"], iterations, SALT),
                      covering(zone, owner, iterations, SALT, flags=1)]
            signed = [record for proof in proofs for record in _signed(hashes, [proof])]
            if query.is_a("DS"):
                return Reply(authority=[*_signed_soa(zone), *signed])
            reply = referral(owner, [(f"ns.{owner}", [CHILD])])
            reply.authority += signed
            return reply
    proofs = [matching(zone, zone, ["SOA", "NS", "DNSKEY"], iterations, SALT), covering(zone, owner, iterations, SALT),
              covering(zone, f"*.{zone}", iterations, SALT)]
    # Decoys that have to be compared with each hash.
    proofs += [covering(zone, f"decoy{i}.{zone}", iterations, SALT) for i in range(10)]
    return Reply(authority=[*_signed_soa(zone), *(record for proof in proofs for record in _signed(hashes, [proof]))],
                 rcode=NXDOMAIN)


def _forge(query: Query, zone: str, first: str) -> Reply:
    record = Rr(query.name, "A", "192.0.2.66")
    if first.startswith("few"):  # the signature of a wildcard of the parent's
        return Reply([record, forge.rrsig([record], labels=1)])
    if first.startswith("far"):  # the next name lies in another zone
        proof = nsec(f"a.{zone}", "zzz.good.", ["A"])
    elif first.startswith("foreign"):  # signed well, by a zone that has nothing to say here
        proof = nsec("a.forgeother.evil.", "z.forgeother.evil.", ["A"])
        return Reply(authority=[*_signed_soa(zone), *_signed(other, [proof])], rcode=NXDOMAIN)
    elif first.startswith("child"):  # an NSEC of the parent's side of a cut denies what is below
        proof = nsec(f"child.{zone}", f"z.{zone}", ["NS", "NSEC", "RRSIG"])
        return Reply(authority=[*_signed_soa(zone), *_signed(forge, [proof])], rcode=NXDOMAIN)
    else:
        return Reply(_signed(forge, [record]))
    return Reply(authority=[*_signed_soa(zone), *_signed(forge, [proof])], rcode=NXDOMAIN)


def _handle(query: Query) -> Reply:
    zone = ".".join(query.labels[-2:]) + "."
    if query.name == zone and query.is_a("DNSKEY"):
        return Reply(_signed_keys(zone))
    if query.name == zone or query.labels[-3] == "warm":
        return Reply(_signed(signers[zone], [Rr(query.name, "A", "192.0.2.1")]) if query.is_a("A")
                     else [], _signed_soa(zone))
    if zone in ("keytrap.evil.", "dstrap.evil."):
        return _trap(query, zone, query.labels[0])
    if zone == "hashes.evil.":
        return _hashes(query, zone)
    return _forge(query, zone, query.labels[-3])


def install(world: World) -> None:
    for zone in signers:
        world.delegate(zone, [(f"ns.{zone}", [SERVER])])
    world.serve(SERVER, _handle)
    world.serve(CHILD, lambda query: Reply([Rr(query.name, "A", "192.0.2.1")]) if query.is_a("A")
                else Reply(authority=[soa(".".join(query.labels[-3:]) + ".")]))


def _bogus(arena: Arena, asked: Asked, outcome: Outcome) -> None:
    """EDE 6 (bogus) or 7 (its kin) says why."""
    if arena.system.name == "weir" and asked.answer is not None:
        codes = [code for code, _ in asked.answer.ede]
        outcome.expect(bool({6, 7} & set(codes)), f"EDE {codes}, expected 6 or 7")


def _authentic(arena: Arena, asked: Asked, outcome: Outcome) -> None:
    if arena.system.name == "weir" and asked.answer is not None:
        outcome.expect(asked.answer.authentic, "not validated: the case shows nothing")


def _insecure(_: Arena, asked: Asked, outcome: Outcome) -> None:
    if asked.answer is not None:
        outcome.expect(not asked.answer.authentic, "authentic, with more than 50 iterations")


def _forged(arena: Arena) -> Outcome:
    """All bogus, and nothing of it is believed of other names afterwards."""
    outcome = Outcome()
    good = arena.ask("good.forge.evil", ad=True)
    outcome.expect(good is not None and good.authentic, f"the zone itself does not validate: {good}")
    wrong = 0
    for name in ("few", "far", "foreign", "child", "sub.child"):
        answer = arena.ask(f"{name}.forge.evil", do=True)
        if answer is None or answer.rcode != "SERVFAIL":
            wrong += 1
            outcome.problems.append(f"{name}: {answer}")
    for name in ("other.evil", "b.good", "between.forge.evil", "m.forgeother.evil"):
        arena.authority.reset()
        answer = arena.ask(name)
        if arena.authority.counts().all == 0:
            outcome.problems.append(f"{name} was made up from a forged denial: {answer}")
    outcome.figures = {"believed": wrong}
    return outcome


def _keytrap(count: int) -> Case:
    return amplification(
        f"keytrap-{count}", f"KeyTrap (CVE-2023-50387): {KEYS} keys with one tag x {count} bogus signatures",
        lambda n: f"m{count}-{n}.keytrap.evil", warm=("warm.keytrap.evil",), packets=20, batch=10, peers=True,
        rcodes=("SERVFAIL",) if count else ("NOERROR",), check=_bogus if count else _authentic, compare=("cpu_ms",))


CASES = [
    *(_keytrap(count) for count in (0, 1, 10, 50)),
    amplification("keytrap-ds", "KeyTrap: ten DS more, all with the tag of 50 keys", lambda n: f"m0-{n}.dstrap.evil",
                  packets=20, rcodes=("NOERROR", "SERVFAIL")),
    amplification("keytrap-any", "KeyTrap: ANY, 20 RRsets with 10 bogus signatures each",
                  lambda n: f"x20-{n}.keytrap.evil", type="ANY", packets=20, rcodes=("SERVFAIL",)),
    amplification("keytrap-denial", "CVE-2026-11605: a denial padded with 50 NSEC, bogus signatures each",
                  lambda n: f"d50-{n}.keytrap.evil", packets=20, check=_bogus),
    amplification("nsec3-encloser", "CVE-2023-50868: closest encloser of a name of 100 labels, 50 iterations",
                  lambda n: "a." * 97 + f"i50-{n}.hashes.evil", warm=("warm.hashes.evil",), packets=20,
                  rcodes=("NXDOMAIN", "SERVFAIL"), shown=True),
    amplification("nsec3-iterations", "RFC 9276, CVE-2026-1519: 65535 iterations",
                  lambda n: "a." * 97 + f"i65535-{n}.hashes.evil", warm=("warm.hashes.evil",), packets=20,
                  rcodes=("NXDOMAIN", "SERVFAIL"), check=_insecure),
    amplification("nsec3-referral", "CVE-2026-42923: 65535 iterations prove that a delegation has no DS",
                  lambda n: "a." * 20 + f"c65535-{n}.hashes.evil", warm=("warm.hashes.evil",), packets=30,
                  rcodes=("NOERROR", "SERVFAIL"), check=_insecure),
    Case("forged-proofs", "CVE-2026-44690 and kin: signature with too few labels, NSEC out of its zone, a stranger's, "
         "the parent's side of a cut", "all bogus, nothing synthesised from them", _forged),
]
