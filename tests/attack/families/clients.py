"""What clients do: pipelines that nobody reads, NOTIFY, one question in many subnets, floods of spoofed sources."""

from __future__ import annotations

import socket
import struct
import time

from tests.attack.arena import Arena, Case, Outcome
from tests.attack.messages import Query, Reply, Rr, soa
from tests.attack.world import World
from tests.support import dns

SERVER = "10.53.9.1"
PIPELINED = 100_000
CLOSE_SECONDS = 10
MEBIBYTE = 1 << 20
HELD_SECONDS = 1.2  # that the authority sits on its answers
PULSE_SECONDS = 0.1


RETRANSMIT_SECONDS = 0.045  # weir waits 50 ms for a quick server at least
_slow: list[float] = []  # when it was asked


def _handle(query: Query):
    first = query.labels[0]
    if first.startswith("slow"):  # late enough for others to come and ask the same
        _slow.append(time.monotonic())
        return [(0.04, Reply([Rr(query.name, "A", "192.0.2.1")]))]
    if first.startswith("bomb"):
        return [(HELD_SECONDS, Reply([Rr(query.name, "A", "192.0.2.1")]))]
    if query.is_a("A"):
        return Reply([Rr(query.name, "A", "192.0.2.1")])
    return Reply(authority=[soa("clients.evil.")])


def install(world: World) -> None:
    world.delegate("clients.evil.", [("ns.clients.evil.", [SERVER])])
    world.serve(SERVER, _handle)
    world.on_tell("clients", lambda *_: list(_slow))


def _never_read(arena: Arena) -> Outcome:
    """CVE-2024-0760: 10^5 questions over one connection, and not one answer is read."""
    outcome = Outcome()
    arena.ask("warm.clients.evil")
    before = arena.system.resident_bytes()
    message = dns.query("warm.clients.evil", "A")
    data = (struct.pack(">H", len(message)) + message) * 1000
    sent, progress, closed = 0, time.monotonic(), 0.0
    most = before
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.settimeout(0.2)
        stream.bind((arena.system.client, 0))
        stream.connect(arena.system.server)
        while not closed and time.monotonic() - progress < CLOSE_SECONDS + 5:
            try:
                if sent < PIPELINED * len(data) // 1000:
                    sent += stream.send(data)
                    progress = time.monotonic()
                else:
                    stream.settimeout(0.2)
                    time.sleep(0.05)
                    stream.send(b"\0")  # the connection's end shows when something is written
            except TimeoutError:
                pass
            except OSError:
                closed = time.monotonic() - progress
            most = max(most, arena.system.resident_bytes())
    grown = (most - before) / MEBIBYTE
    outcome.expect(bool(closed) and closed <= CLOSE_SECONDS, f"not closed within {CLOSE_SECONDS} s")
    outcome.expect(grown <= 4, f"memory grew by {grown:.1f} MiB")
    after = arena.ask("warm.clients.evil", tcp=True)
    outcome.expect(after is not None and after.rcode == "NOERROR", "others are not served afterwards")
    outcome.figures = {"closed_s": round(closed, 2), "grown_mib": round(grown, 2)}
    return outcome


def _notify(arena: Arena) -> Outcome:
    """CVE-2025-59030: a stranger's NOTIFY empties no cache."""
    outcome = Outcome()
    arena.ask("cached.clients.evil")
    message = bytearray(dns.query("clients.evil", "SOA", edns=False))
    message[2] = 4 << 3  # opcode NOTIFY
    reply = arena.exchange(bytes(message), tcp=True)
    outcome.expect(reply[3] & 15 in (4, 5), f"RCODE {reply[3] & 15}, expected NOTIMP or REFUSED")
    arena.authority.reset()
    answer = arena.ask("cached.clients.evil")
    outcome.expect(answer is not None and answer.rcode == "NOERROR", f"{answer}")
    outcome.expect(arena.authority.counts().all == 0, "what was cached had to be asked again")
    outcome.figures = {"rcode": reply[3] & 15}
    return outcome


def _ecs(subnet: int) -> bytes:
    return struct.pack(">HHHBBBBB", 8, 7, 1, 24, 0, 198, 51, subnet)


def _birthday(arena: Arena) -> Outcome:
    """RebirthDay (CVE-2025-5994): one question in 256 subnets at once, with every flag, is one question upstream."""
    outcome = Outcome()
    arena.ask("warm.clients.evil")
    arena.authority.reset()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((arena.system.client, 0))
        udp.settimeout(5)
        for number in range(256):
            message = bytearray(dns.query("slow1.clients.evil", "A", id=number, do=bool(number & 1),
                                          cd=bool(number & 2)))
            option = _ecs(number)
            message[-2:] = struct.pack(">H", len(option))
            udp.sendto(bytes(message) + option, arena.system.server)
        answered = 0
        while answered < 256:
            try:
                udp.recv(4096)
                answered += 1
            except TimeoutError:
                break
    asked = arena.authority.tell("clients", "slow")
    # What comes after that long is the same question sent again.
    together = 1 + sum(later - earlier < RETRANSMIT_SECONDS for earlier, later in zip(asked, asked[1:]))
    outcome.expect(answered == 256, f"{answered} of 256 were answered")
    outcome.expect(bool(asked) and together == 1, f"{together} queries for one name at once")
    outcome.figures = {"at once": together, "with retransmissions": len(asked), "answered": answered}
    return outcome


def _bomb(arena: Arena) -> Outcome:
    """DNSBomb (CVE-2024-33655): 5000 questions of one /24 wait, and are answered by the authority all at once."""
    outcome = Outcome()
    arena.ask("warm.clients.evil")
    questions, over = 5000, 1.0
    arrivals: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        udp.bind(("10.53.201.1", 0))
        began = time.monotonic()
        udp.setblocking(False)
        sent = 0
        while time.monotonic() - began < over + HELD_SECONDS + 4:
            now = time.monotonic() - began
            while sent < questions and sent < questions * now / over:
                udp.sendto(dns.query(f"bomb{sent}.clients.evil", "A", id=sent & 0xFFFF), arena.system.server)
                sent += 1
            try:
                while True:
                    reply = udp.recv(4096)
                    if not reply[3] & 15:  # refusals leave at once: no pulse can be made of them
                        arrivals.append(time.monotonic() - began)
            except BlockingIOError:
                time.sleep(0.001)
    worst = 0
    start = 0
    for end, at in enumerate(arrivals):
        while at - arrivals[start] > PULSE_SECONDS:
            start += 1
        worst = max(worst, end - start + 1)
    outcome.expect(worst <= 100 * 1.1, f"{worst} answers within {PULSE_SECONDS * 1000:.0f} ms")
    other = arena.ask("fresh.clients.evil", source="10.53.202.1")
    outcome.expect(other is not None and other.rcode == "NOERROR", "another client is not served")
    outcome.figures = {"pulse": worst, "answers": len(arrivals)}
    return outcome


CASES = [
    Case("never-read", "CVE-2024-0760, unlimited pipelining: 10^5 questions over TCP, no answer read",
         "closed <= 10 s, memory bounded", _never_read),
    Case("notify", "CVE-2025-59030: NOTIFY over TCP", "refused, the cache is as before", _notify),
    Case("birthday", "RebirthDay (CVE-2025-5994, CVE-2025-40776): 256 subnets ask one name", "1 query upstream",
         _birthday),
    Case("dnsbomb", "DNSBomb (CVE-2024-33655): 5000 waiting questions of one /24 answered at once",
         "<= 100 answers in 100 ms", _bomb),
]
