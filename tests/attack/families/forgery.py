"""Answers that somebody else sends, or that say more than was asked: what of it is believed."""

from __future__ import annotations

import random

from tests.attack.arena import Arena, Asked, Case, Outcome, amplification
from tests.attack.messages import AA, NOTIMP, QR, RA, Query, Reply, Rr, soa, write_reply
from tests.attack.systems import OWN_ADDRESS
from tests.attack.world import ROOT, TLD, World

SERVER = "10.53.7.1"
RIGHTFUL = "10.53.7.2"  # of zones that somebody tries to take over
THIEF = "10.53.7.3"
FORWARDER = "10.53.7.4"
FORWARD = {"corp": FORWARDER}
POISON = "203.0.113.66"
SPOOFS = 50  # forged datagrams before each true answer
ODD_ADDRESSES = ["0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", OWN_ADDRESS]

_noise = random.Random(4)


def _true(query: Query) -> Reply:
    return Reply([Rr(query.name, "A", "192.0.2.1")])


def _tudor(query: Query) -> list:
    """Everything that must not end the wait, before the true answer."""
    poison = write_reply(query, Reply([Rr(query.name, "A", POISON)]))
    stranger = Query(query.raw, query.id, query.flags, "other.tudoor.evil.", query.type,
                     b"\5other\6tudoor\4evil\0" + query.question[-4:], query.edns_size, query.dnssec_ok)
    return [poison[:2] + bytes([poison[2] & 0x7F]) + poison[3:],  # QR=0
            poison[:7], b"", query.raw,  # a header cut short, nothing, our own query
            write_reply(stranger, Reply([Rr(stranger.name, "A", POISON)])),
            poison[:2] + bytes([poison[2], poison[3] & 0xF0 | NOTIMP]) + bytes(8),  # NOTIMP, no question
            poison[:2] + bytes([poison[2] & 0x87 | 0x28]) + poison[3:],  # another opcode
            (0.02, _true(query))]


def _spoofed(query: Query) -> list | Reply:
    """An off-path attacker who knows the port: fifty datagrams with ids by chance, then the true answer."""
    if query.tcp:
        return _true(query)
    forged = bytearray(write_reply(query, Reply([Rr(query.name, "A", POISON)])))
    forged[12:12 + len(query.question)] = forged[12:12 + len(query.question)].lower()  # he does not see the case
    out: list = []
    for _ in range(SPOOFS):
        forged[:2] = _noise.getrandbits(16).to_bytes(2)
        out.append(bytes(forged))
    return [*out, _true(query)]


def _unsolicited(query: Query) -> Reply:
    """A true answer, and beside it name servers for zones that were not asked about."""
    own = ".".join(query.labels[-2:]) + "."
    return Reply([Rr(query.name, "A", "192.0.2.1")],
                 [Rr(own, "NS", "ns.thief.evil."), Rr("rightful.good.", "NS", "ns.thief.evil."),
                  Rr("good.", "NS", "ns.thief.evil."), Rr(".", "NS", "ns.thief.evil.")],
                 [Rr("ns.thief.evil.", "A", THIEF), Rr("www.rightful.good.", "A", POISON),
                  Rr("ns.rightful.good.", "A", THIEF), Rr("a.root.", "A", THIEF)])


def _redirecting(query: Query) -> Reply:
    """Data of other zones in the answer section, and an alias that brings its target's address along."""
    return Reply([Rr(query.name, "CNAME", "www.rightful.good."), Rr("www.rightful.good.", "A", POISON),
                  Rr("rightful.good.", "NS", "ns.thief.evil."), Rr("good.", "DNAME", "thief.evil.")])


def _forwarder(query: Query) -> Reply:
    """Recursive for corp., and full of opinions about the rest."""
    return Reply([Rr(query.name, "A", "192.0.2.1")],
                 [Rr("good.", "NS", "ns.thief.evil."), Rr("rightful.good.", "NS", "ns.thief.evil.")],
                 [Rr("ns.thief.evil.", "A", THIEF), Rr("www.rightful.good.", "A", POISON)], flags=QR | AA | RA)


def _handle(query: Query):
    if query.labels[0] == "warm" or not query.is_a("A"):
        return _true(query) if query.is_a("A") else Reply(authority=[soa(".".join(query.labels[-2:]) + ".")])
    return {"tudoor": _tudor, "spoofed": _spoofed, "unsolicited": _unsolicited,
            "redirecting": _redirecting}[query.labels[-2]](query)


def _rightful(query: Query) -> Reply:
    if query.is_a("A"):
        return Reply([Rr(query.name, "A", "192.0.2.7")])
    return Reply(authority=[soa("rightful.good.")])


def install(world: World) -> None:
    for zone in ("tudoor", "spoofed", "unsolicited", "redirecting"):
        world.delegate(f"{zone}.evil.", [(f"ns.{zone}.evil.", [SERVER])])
    world.serve(SERVER, _handle)
    world.delegate("rightful.good.", [("ns.rightful.good.", [RIGHTFUL])])
    world.serve(RIGHTFUL, _rightful)
    world.delegate("thief.evil.", [("ns.thief.evil.", [THIEF])])
    world.serve(FORWARDER, _forwarder)
    world.serve(THIEF, lambda query: Reply([Rr(query.name, "A", POISON)]))
    for n in range(len(ODD_ADDRESSES) + 1):
        addresses = ODD_ADDRESSES if n == len(ODD_ADDRESSES) else [ODD_ADDRESSES[n]]
        world.delegate(f"odd{n}.evil.", [(f"ns{i}.odd{n}.evil.", [address]) for i, address in enumerate(addresses)])
    world.delegate("odd6.evil.", [("ns.odd6.evil.", ["::", "::1", "::ffff:127.0.0.1", f"::ffff:{OWN_ADDRESS}"])])


def _untouched(arena: Arena, outcome: Outcome) -> None:
    """The rightful zone is still asked of its own servers, whatever was said of it."""
    for name in ("www.rightful.good", "fresh.rightful.good", "again.rightful.good"):
        answer = arena.ask(name)
        found = answer.data("A") if answer else None
        outcome.expect(found == ["192.0.2.7"], f"{name}: {found}")
    stolen = arena.authority.counts().to(THIEF)
    outcome.expect(stolen == 0, f"{stolen} queries went to the thief")


def _poisoning(name: str):
    def run(arena: Arena) -> Outcome:
        outcome = Outcome()
        arena.authority.reset()
        for n in range(3):
            arena.ask(f"r{n}.{name}", timeout=6)
        _untouched(arena, outcome)
        outcome.figures = {"stolen": arena.authority.counts().to(THIEF)}
        return outcome

    return run


def _maginot(arena: Arena) -> Outcome:
    outcome = Outcome()
    arena.authority.reset()
    for name in ("www.corp", "mail.corp"):
        answer = arena.ask(name)
        outcome.expect(answer is not None and answer.data("A") == ["192.0.2.1"], f"not forwarded: {answer}")
    outcome.expect(arena.authority.counts().to(FORWARDER) == 2, "the forwarder was not asked")
    _untouched(arena, outcome)
    outcome.figures = {"stolen": arena.authority.counts().to(THIEF)}
    return outcome


def _true_answer(_: Arena, asked: Asked, outcome: Outcome) -> None:
    if asked.answer is not None:
        outcome.expect(asked.answer.data("A") == ["192.0.2.1"], f"{asked.answer.data('A')}")


def _ignored_counted(arena: Arena, asked: Asked, outcome: Outcome) -> None:
    _true_answer(arena, asked, outcome)
    ignored = arena.system.counters_after()["weir_upstream_ignored_total"]
    outcome.expect(ignored > 0, "what was ignored was not counted")


def _spoofs(questions: int):
    def run(arena: Arena) -> Outcome:
        outcome = Outcome()
        arena.ask("warm.spoofed.evil")
        arena.authority.reset()
        answers = arena.ask_many([f"r{n}-{questions}.letters-for-the-case.spoofed.evil" for n in range(questions)])
        poisoned = sum(POISON in answer.data("A") for answer in answers)
        wrong = sum(answer.data("A") != ["192.0.2.1"] for answer in answers)
        counts = arena.authority.counts()
        outcome.expect(not poisoned, f"{poisoned} of {questions} answers are the attacker's")
        outcome.expect(not wrong, f"{wrong} answers are not the server's")
        outcome.expect(counts.tcp >= questions, f"only {counts.tcp} of {questions} were asked again over TCP")
        outcome.figures = {"spoofs": SPOOFS * questions, "poisoned": poisoned, "over TCP": counts.tcp}
        return outcome

    return run


def _queries(arena: Arena) -> int:
    counters = arena.system.counters_after()
    return int(sum(value for name, value in counters.items() if name.startswith("weir_queries_total")))


def _never_itself(arena: Arena) -> Outcome:
    """Glue that points at nobody, at everybody, or at the resolver."""
    outcome = Outcome()
    arena.authority.reset()
    asked = len(ODD_ADDRESSES) + 2
    before = _queries(arena)
    for n in range(asked):
        answer = arena.ask(f"www.odd{n}.evil", timeout=6)
        outcome.expect(answer is not None and answer.rcode == "SERVFAIL", f"odd{n}: {answer}")
    itself = _queries(arena) - before - asked
    elsewhere = {address: count for address, count in arena.authority.counts().packets.items()
                 if address not in (ROOT, TLD)}
    outcome.expect(not itself, f"asked itself {itself} times")
    outcome.expect(not elsewhere, f"asked {elsewhere}")
    outcome.figures = {"to itself": itself, "elsewhere": sum(elsewhere.values())}
    return outcome


CASES = [
    amplification("tudoor", "TuDoor: QR=0, wrong question, cut header, NOTIMP before the true answer",
                  lambda n: f"r{n}.tudoor.evil", warm=("warm.tudoor.evil",), packets=2, rcodes=("NOERROR",),
                  check=_ignored_counted),
    Case("sad-dns", "SAD DNS (CVE-2020-25705): wrong ids at the right port", "TCP after two; 0 poisoned",
         _spoofs(200)),
    Case("sad-dns-million", "the same, 10^6 forged datagrams", "0 poisoned", _spoofs(20_000), quick=False),
    Case("unsolicited-ns", "CVE-2025-11411, CVE-2025-40778: name servers that nobody asked for", "0 believed",
         _poisoning("unsolicited.evil")),
    Case("redirecting", "data of other zones in the answer section", "0 believed", _poisoning("redirecting.evil")),
    Case("maginot", "MaginotDNS (CVE-2021-25220): a forwarder speaks of zones that are not forwarded to it",
         "0 believed", _maginot),
    Case("odd-glue", "CVE-2026-50251: glue 0.0.0.0, ::, loopback, our own address", "never asks itself",
         _never_itself),
]
