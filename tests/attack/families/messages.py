"""Single messages that are costly or deadly to read: from servers, and from clients."""

from __future__ import annotations

import os
import struct

from tests.attack.arena import Arena, Case, Outcome, amplification
from tests.attack.messages import NUMBERS, Query, Reply, Rr, soa
from tests.attack.world import World
from tests.support import dns

SERVER = "10.53.8.1"
FEW_MICROSECONDS = 50.0
ROUNDS = 50  # questions that a CPU time is averaged over

OPTIONS = {"NSID": 3, "ECS": 8, "expire": 9, "cookie": 10, "keepalive": 11, "padding": 12, "chain": 13, "key tag": 14,
           "EDE": 15, "client tag": 16, "unknown": 65001}


def _big(query: Query) -> Reply:
    """a<n>: 5000 addresses; t<n>: 3000 types at one name (ANY); o<n>: 2000 owners; c<n>: names without a common end."""
    kind = query.labels[0][0]
    if kind == "a" and query.is_a("A"):
        return Reply([Rr(query.name, "A", f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}") for i in range(4000)])
    if kind == "t":
        return Reply([Rr(query.name, f"TYPE{1000 + i}", b"x") for i in range(3000)])
    if kind == "o":
        return Reply([Rr(query.name, "A", "192.0.2.1"),
                      *(Rr(f"o{i}.big.evil.", "A", "192.0.2.1") for i in range(2000))])
    if kind == "c" and query.is_a("NS"):
        return Reply([Rr(query.name, "NS", f"{os.urandom(24).hex()}.{os.urandom(24).hex()}.{os.urandom(4).hex()}.")
                      for _ in range(450)], compress=False)
    if kind == "f" and query.is_a("TXT"):  # 1400 octets, whatever was offered
        return Reply([Rr(query.name, "TXT", "x" * 200 + str(i)) for i in range(6)], size=65535)
    if kind == "w" and query.is_a("A"):
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    return Reply(authority=[soa("big.evil.")])


def install(world: World) -> None:
    world.delegate("big.evil.", [("ns.big.evil.", [SERVER])])
    world.serve(SERVER, _big)


def _with_options(name: str, options: bytes) -> bytes:
    message = bytearray(dns.query(name, "A"))
    message[-2:] = struct.pack(">H", len(options))
    return bytes(message) + options


def _option(code: int, data: bytes) -> bytes:
    return struct.pack(">HH", code, len(data)) + data


def _edns(arena: Arena) -> Outcome:
    """Each option once, twice and as often as fits, with no octets, one, and as many as fit."""
    outcome = Outcome()
    arena.ask("warm.big.evil")
    plain = dns.query("warm.big.evil", "A")
    slowest, what = 0.0, ""
    for name, code in OPTIONS.items():
        for length in (0, 1, 8, 1000):
            for count in (1, 2, 16000):
                one = _option(code, bytes(length))
                options = one * min(count, 65000 // len(one))
                message = _with_options("warm.big.evil", options)
                tcp = len(message) > 60_000 or len(message) > 1232
                try:
                    reply = arena.exchange(message, tcp=tcp)
                except (TimeoutError, ConnectionError) as error:
                    outcome.problems.append(f"{name} x {count} of {length} octets: {type(error).__name__}")
                    continue
                rcode = reply[3] & 15
                if rcode not in (0, 1):
                    outcome.problems.append(f"{name} x {count} of {length} octets: RCODE {rcode}")
    # What the worst kinds cost beyond a plain question over the same transport.
    base = arena.cpu_us_each(plain, ROUNDS, tcp=True)
    for name, code in OPTIONS.items():
        many = _with_options("warm.big.evil", _option(code, b"") * 15_000)
        cost = arena.cpu_us_each(many, ROUNDS, tcp=True) - base
        if cost > slowest:
            slowest, what = cost, name
    outcome.expect(slowest <= FEW_MICROSECONDS, f"15000 x {what}: {slowest:.0f} us more than a plain question")
    outcome.figures = {"slowest_us": round(slowest, 1), "option": what, "plain_us": round(base, 1)}
    return outcome


def _signed_queries(arena: Arena) -> Outcome:
    """SIG(0), TKEY, TSIG: no cryptography is done for strangers."""
    outcome = Outcome()
    arena.ask("warm.big.evil")
    plain = dns.query("warm.big.evil", "A", edns=False)
    base = arena.cpu_us_each(plain, ROUNDS, tcp=True)
    rdata = struct.pack(">HBBIIIH", 0, 15, 0, 0, 2**31, 0, 4242) + dns.wire_name("key.evil") + os.urandom(64)
    sig0 = b"\0" + struct.pack(">HHIH", NUMBERS["SIG"], 255, 0, len(rdata)) + rdata
    key = b"\0" + struct.pack(">HHIH", NUMBERS["TKEY"], 255, 0, 30) + os.urandom(30)
    messages = {"SIG(0)": plain[:10] + b"\0\1" + plain[12:] + sig0,
                "SIG(0) x 500": plain[:10] + struct.pack(">H", 500) + plain[12:] + sig0 * 500,
                "TKEY": plain[:10] + b"\0\1" + plain[12:-4] + struct.pack(">HH", NUMBERS["TKEY"], 255) + key}
    worst = 0.0
    for name, message in messages.items():
        reply = arena.exchange(message, tcp=True)
        rcode = reply[3] & 15
        # RFC 2931 asks nobody to check; what is there beside the question is left unread or refused.
        outcome.expect(rcode in (0, 1, 4, 5), f"{name}: RCODE {rcode}")
        outcome.expect(name != "TKEY" or rcode in (1, 4, 5), f"{name}: answered with RCODE {rcode}")
        cost = arena.cpu_us_each(message, ROUNDS, tcp=True) - base
        worst = max(worst, cost)
        outcome.expect(cost <= FEW_MICROSECONDS, f"{name}: {cost:.0f} us more than a plain question")
    outcome.figures = {"slowest_us": round(worst, 1), "plain_us": round(base, 1)}
    return outcome


def _compression(arena: Arena) -> Outcome:
    """CVE-2024-8508: 450 names that share no end, over TCP; from the cache, so that it is the building that counts."""
    outcome = Outcome()
    first = arena.measure("c1.big.evil", "NS", tcp=True)
    outcome.expect(first.answer is not None and first.answer.rcode in ("NOERROR", "SERVFAIL"), f"{first.answer}")
    cost = arena.cpu_us_each(dns.query("c1.big.evil", "NS"), ROUNDS, tcp=True)
    outcome.expect(first.cpu_ms <= 5, f"{first.cpu_ms:.1f} ms to resolve and build")
    outcome.expect(cost <= 2000, f"{cost:.0f} us for each answer from the cache")
    outcome.figures = {"first_ms": round(first.cpu_ms, 2), "cached_us": round(cost, 1),
                       "rcode": first.answer.rcode if first.answer else "none"}
    return outcome


def _fragments(arena: Arena) -> Outcome:
    """Never asks for what would be fragmented, and takes no offence at a server that sends it all the same."""
    outcome = Outcome()
    asked = arena.measure("f1.big.evil", "TXT", tcp=True)
    outcome.expect(asked.counts.largest_offer <= 1232, f"offers {asked.counts.largest_offer} octets")
    outcome.expect(asked.answer is not None, "no answer")
    outcome.figures = {"offer": asked.counts.largest_offer, "rcode": asked.answer.rcode if asked.answer else "none"}
    return outcome


CASES = [
    amplification("big-rrset", "CVE-2024-1737: 4000 addresses in one RRset", lambda n: f"a{n}.big.evil",
                  warm=("warm.big.evil",), packets=6, rcodes=("SERVFAIL", "NOERROR")),
    amplification("many-types", "CVE-2024-1737: 3000 types at one name", lambda n: f"t{n}.big.evil", type="ANY",
                  warm=("warm.big.evil",), packets=6, rcodes=("SERVFAIL", "NOERROR")),
    amplification("many-owners", "CVE-2023-4408: 2000 owner names in one message", lambda n: f"o{n}.big.evil",
                  warm=("warm.big.evil",), packets=6, rcodes=("SERVFAIL", "NOERROR")),
    Case("compression", "CVE-2024-8508: names without a common end, 60 kB over TCP", "<= 2 ms an answer", _compression),
    Case("edns-options", "CVE-2026-41292, CVE-2026-42944: each EDNS option x 1, 2, 16000, of 0, 1, many octets",
         "NOERROR or FORMERR, <= 50 us more than a plain question", _edns),
    Case("sig0-tkey", "SIG(0) (CVE-2024-1975), TKEY", "no cryptography: <= 50 us more than a plain question",
         _signed_queries),
    Case("fragments", "fragmentation: answers above 1232 octets", "never asks above 1232", _fragments),
]
