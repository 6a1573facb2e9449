"""Where an attack happens: one resolver under test, the server program that counts, and a client.

A Case names the row of the attack, its threshold and the RFC or CVE behind it; what it measures comes back as an
Outcome. Amplification is the usual one: ask fresh names, count what leaves.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.attack.systems import System
from tests.support import dns

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWER_SECONDS = 5.0  # within which every client gets an answer
PATIENCE_SECONDS = 15.0  # how long a peer is waited for
QUIET_SECONDS = 0.3  # without a packet: the resolver has given up


@dataclass
class Counts:
    packets: dict[str, int]
    tcp: int
    largest_offer: int
    last: list[str]
    faults: list[str]

    @property
    def all(self) -> int:
        return sum(self.packets.values())

    def to(self, where: str) -> int:
        """To an address, or to all that begin with it."""
        return sum(count for address, count in self.packets.items()
                   if address == where or where.endswith(".") and address.startswith(where))


class Authority:
    """The server program, and its control socket; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "authority.sock"
        self._log = folder / "authority.log"

    def __enter__(self) -> "Authority":
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "tests.attack.server", str(self._socket)],
                                             cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                             text=True)
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the server program did not start: {self._log.read_text()}")
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._socket.unlink()

    def _request(self, **wish) -> dict:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(str(self._socket))
            with connection.makefile("rwb") as lines:
                lines.write(json.dumps(wish).encode() + b"\n")
                lines.flush()
                line = lines.readline()
        if not line:
            raise RuntimeError(f"the server program: {self._log.read_text()[-2000:]}")
        return json.loads(line)

    def reset(self) -> None:
        self._request(do="reset")

    def counts(self) -> Counts:
        return Counts(**self._request(do="counts"))

    def tell(self, family: str, word):
        return self._request(do="tell", family=family, word=word)["said"]

    def counts_when_quiet(self) -> Counts:
        """What has come once nothing more comes: a resolver may go on after its answer."""
        before = self.counts()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            now = self.counts()
            if now.packets == before.packets:
                return now
            before = now
        return before


@dataclass
class Asked:
    """One question of a client's, and how it went."""

    answer: dns.Answer | None
    seconds: float
    cpu_ms: float
    counts: Counts


@dataclass
class Outcome:
    figures: dict[str, object] = field(default_factory=dict)  # for the table and the report
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.problems.append(what)


class Arena:
    def __init__(self, system: System, authority: Authority, folder: Path) -> None:
        self.system, self.authority, self.folder = system, authority, folder

    def ask(self, name: str, type: str = "A", *, timeout: float = PATIENCE_SECONDS, **options) -> dns.Answer | None:
        """None where no answer comes in time."""
        try:
            return dns.ask(self.system.server, name, type, source=options.pop("source", self.system.client),
                           timeout=timeout, **options)
        except TimeoutError:
            return None

    def ask_many(self, names: list[str], *, window: int = 50) -> list[dns.Answer]:
        """Raises TimeoutError where one gets no answer."""
        return dns.ask_many(self.system.server, names, source=self.system.client, window=window)

    def exchange(self, message: bytes, *, tcp: bool) -> bytes:
        """Octets that are no question of `ask`'s, and what comes back. Raises TimeoutError, ConnectionError."""
        return (dns.send_tcp if tcp else dns.send_udp)(self.system.server, message, source=self.system.client,
                                                       timeout=ANSWER_SECONDS)

    def cpu_us_each(self, message: bytes, times: int, *, tcp: bool) -> float:
        """CPU time for each of such messages: the least of five rounds of `times`, as a busy machine only adds."""
        rounds = []
        for _ in range(5):
            cpu = self.system.cpu_seconds()
            for _ in range(times):
                self.exchange(message, tcp=tcp)
            rounds.append((self.system.cpu_seconds() - cpu) * 1e6 / times)
        return min(rounds)

    def measure(self, name: str, type: str = "A", **options) -> Asked:
        """One question; what it cost until nothing more was sent for it."""
        self.authority.reset()
        cpu = self.system.cpu_seconds()
        began = time.monotonic()
        answer = self.ask(name, type, ad=True, **options)
        seconds = time.monotonic() - began
        counts = self.authority.counts_when_quiet()
        return Asked(answer, seconds, (self.system.cpu_seconds() - cpu) * 1000, counts)


    def cpu_ms_each(self, names: list[str], type: str) -> float:
        """CPU time per question, asked one after the other."""
        cpu = self.system.cpu_seconds()
        for name in names:
            self.ask(name, type)
        return (self.system.cpu_seconds() - cpu) * 1000 / len(names)


@dataclass
class Case:
    name: str
    row: str  # of the list of attacks: what it is, with CVE or RFC
    threshold: str
    run: Callable[[Arena], Outcome]
    peers: bool = False  # measured at Unbound, BIND, PowerDNS and Knot too
    quick: bool = True  # part of the default suites
    compared: tuple[str, ...] = ()  # figures that may be at most the best peer's


def spread(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"


def amplification(name: str, row: str, question: Callable[[int], str], *, packets: int, warm: tuple[str, ...] = (),
                  victim: str = "", victim_packets: int = 0, per_address: int = 0, repeats: int = 3, type: str = "A",
                  rcodes: tuple[str, ...] = ("SERVFAIL",), seconds: float = ANSWER_SECONDS, cpu_ms: float = 5.0,
                  again_packets: int | None = None, again_seconds: float = 0.01, peers: bool = False, batch: int = 0,
                  check: Callable[[Arena, Asked, Outcome], None] | None = None, quick: bool = True,
                  shown: bool = False, compare: tuple[str, ...] = ("packets", "cpu_ms")) -> Case:
    """`question(n)`: the name of repetition n. Its limits are on all packets, those to `victim` (an address, or the
    beginning of some), those to any one address, the seconds to an answer and the CPU time. `again`: what a second
    question for the same name may cost. `batch`: how many more are asked for the CPU time of one. `peers`: in `compare`
    it may be no worse than the best of them; `shown`: their figures only stand beside."""

    def run(arena: Arena) -> Outcome:
        outcome = Outcome()
        # A cold cache costs referrals that the attack is not to blame for.
        for known in warm:
            arena.ask(known)
        all_asked: list[Asked] = []
        for number in range(repeats):
            asked = arena.measure(question(number), type)
            all_asked.append(asked)
            last = "; ".join(asked.counts.last[-20:])
            outcome.expect(asked.answer is not None, "no answer")
            outcome.expect(not asked.counts.faults, f"the server program: {asked.counts.faults}")
            if asked.answer is not None:
                outcome.expect(asked.answer.rcode in rcodes, f"{asked.answer.rcode}, expected {'/'.join(rcodes)}")
                if asked.answer.rcode == "SERVFAIL":
                    outcome.expect(bool(asked.answer.ede), "SERVFAIL without an extended error")
            outcome.expect(asked.counts.all <= packets, f"{asked.counts.all} packets > {packets}: {last}")
            if victim:
                outcome.expect(asked.counts.to(victim) <= victim_packets,
                               f"{asked.counts.to(victim)} packets to {victim} > {victim_packets}: {last}")
            if per_address:
                # The servers above have other questions to answer too.
                most = max((count for address, count in asked.counts.packets.items()
                            if not address.startswith(("10.53.0.", "10.53.3."))), default=0)
                outcome.expect(most <= per_address, f"{most} packets to one address > {per_address}: {last}")
            outcome.expect(asked.seconds <= seconds, f"{asked.seconds:.2f} s > {seconds} s")
            outcome.expect(asked.counts.largest_offer <= 1232, f"offers {asked.counts.largest_offer} octets")
            if again_packets is not None and arena.system.name == "weir":
                seconds_again = [arena.measure(question(number), type) for _ in range(3)]
                sent = sum(second.counts.all for second in seconds_again)
                outcome.expect(sent <= again_packets, f"{sent} packets when asked again > {again_packets}")
                quickest = min(second.seconds for second in seconds_again)  # the machine may be busy
                outcome.expect(quickest <= again_seconds, f"answered again after {quickest * 1000:.1f} ms")
            if check:
                check(arena, asked, outcome)
        cpu = statistics.median(asked.cpu_ms for asked in all_asked)
        # One at a time is mostly waking up and cold caches; where it takes seconds, that does not matter.
        if batch and max(asked.seconds for asked in all_asked) < 1:
            cpu = arena.cpu_ms_each([question(repeats + number) for number in range(batch)], type)
        outcome.expect(cpu <= cpu_ms, f"{cpu:.1f} ms of CPU > {cpu_ms} ms")
        outcome.figures = {"packets": spread([asked.counts.all for asked in all_asked]),
                           "victim": spread([asked.counts.to(victim) for asked in all_asked]) if victim else "",
                           "seconds": round(max(asked.seconds for asked in all_asked), 3),
                           "cpu_ms": round(cpu, 2),
                           "rcode": "/".join(sorted({asked.answer.rcode if asked.answer else "none"
                                                     for asked in all_asked}))}
        return outcome

    limits = f"<= {packets}" + (f" / {victim_packets}" if victim else "") + f" packets, {seconds:g} s, {cpu_ms:g} ms"
    return Case(name, row, limits, run, peers=peers or shown, quick=quick, 
                compared=compare if peers else ())
