"""An open-loop load of UDP queries from a process of its own; every answer is kept and judged afterwards.

As a program (`python3 -m tests.support.load PLAN`): asks at the plan's rate until its standard input ends, waits for
what is still out, writes the records and ends. From a test: `Load(...)`, `stop()`, then judge the records.
"""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import struct
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

from tests.support import dns

ROOT = Path(__file__).resolve().parent.parent.parent
SOCKETS = 16  # ports to ask from, so that the kernel spreads them over the workers
LAST_ANSWERS_SECONDS = 5  # how long answers are waited for at the end
LOST = -1
SO_RCVBUFFORCE = 33  # of Linux; the module has no name for it


@dataclass(frozen=True)
class Exchange:
    name: str
    sent_ns: int  # CLOCK_MONOTONIC
    received_ns: int  # 0: lost
    outcome: str  # "192.0.2.1", "NXDOMAIN", "NODATA", "lost"


def outcome_of(code: int) -> str:
    if code == LOST:
        return "lost"
    rcode, answers, address = code & 0xFF, code >> 8 & 0xFF, code >> 16
    if rcode:
        return dns.RCODES[rcode] if rcode < len(dns.RCODES) else str(rcode)
    return str(ipaddress.IPv4Address(address)) if answers else "NODATA"


class Load:
    """Started at once. `rate` queries a second over `names`, in turn, type A."""

    def __init__(self, folder: Path, server: tuple[str, int], names: list[str], rate: int, source: str,
                 patience: float = LAST_ANSWERS_SECONDS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._plan = folder / "plan.json"
        self._records = folder / "records"
        self.names = names
        self._plan.write_text(json.dumps({"server": server, "names": names, "rate": rate, "source": source,
                                          "records": str(self._records), "patience": patience}))
        self._process = subprocess.Popen([sys.executable, "-m", "tests.support.load", str(self._plan)], cwd=ROOT,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "started\n":
            raise RuntimeError("the load did not start")

    def stop(self) -> list[Exchange]:
        """Ends the load; all exchanges in the order in which they were sent."""
        self._process.stdin.close()
        if self._process.wait(60) != 0:
            raise RuntimeError("the load failed")
        values = array("q", self._records.read_bytes())
        return [Exchange(self.names[values[i]], values[i + 1], values[i + 2], outcome_of(values[i + 3]))
                for i in range(0, len(values), 4)]


class Timeline:
    """What a name may be answered with, as changes come into force somewhere between their begin and their end."""

    def __init__(self, initial: str) -> None:
        self._states: list[tuple[int, int, str]] = [(0, 0, initial)]  # begin of the change, its end, state from then on

    def change(self, begin_ns: int, end_ns: int, state: str) -> None:
        self._states.append((begin_ns, end_ns, state))

    def allowed(self, sent_ns: int, received_ns: int) -> set[str]:
        found = set()
        for number, (begin, _, state) in enumerate(self._states):
            gone = self._states[number + 1][1] if number + 1 < len(self._states) else None
            if begin <= received_ns and (gone is None or gone >= sent_ns):
                found.add(state)
        return found


def wrong_answers(exchanges: list[Exchange], timelines: dict[str, Timeline]) -> list[str]:
    """Every answer that neither the generation before nor the one after a change would have given."""
    found = []
    for exchange in exchanges:
        if not exchange.received_ns:
            continue
        allowed = timelines[exchange.name].allowed(exchange.sent_ns, exchange.received_ns)
        if exchange.outcome not in allowed:
            found.append(f"{exchange.name}: {exchange.outcome}, allowed: {sorted(allowed)}")
    return found


def longest_wait_ms(exchanges: list[Exchange]) -> float:
    return max((e.received_ns - e.sent_ns for e in exchanges if e.received_ns), default=0) / 1e6


def _classify(reply: bytes, question_length: int) -> int:
    rcode, answers = reply[3] & 15, reply[7]
    address = 0
    record = 12 + question_length
    if not rcode and answers:
        _, record = dns.read_name(reply, record)
        if reply[record:record + 2] == b"\0\1":
            address = struct.unpack(">I", reply[record + 10:record + 14])[0]
    return rcode | answers << 8 | address << 16


def main() -> int:
    plan = json.loads(Path(sys.argv[1]).read_text())
    packets = [dns.query(name, "A", id=0)[2:] for name in plan["names"]]
    lengths = [len(dns.wire_name(name)) + 4 for name in plan["names"]]
    server, interval = tuple(plan["server"]), 1_000_000_000 // plan["rate"]
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    poll = select.epoll()
    sockets: dict[int, tuple[socket.socket, dict[int, int]]] = {}
    for _ in range(SOCKETS):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        udp.bind((plan["source"], 0))
        udp.connect(server)
        udp.setblocking(False)
        poll.register(udp, select.EPOLLIN)
        sockets[udp.fileno()] = (udp, {})  # id -> index of the record
    ring = list(sockets.values())
    poll.register(sys.stdin, select.EPOLLIN)
    records = array("q")  # name, sent, received, outcome; in turn
    out, count, ending = 0, 0, None
    print("started", flush=True)
    due = time.monotonic_ns()
    while True:
        now = time.monotonic_ns()
        while ending is None and due <= now:
            udp, waiting = ring[count % SOCKETS]
            name, id = count % len(packets), (count // SOCKETS) & 0xFFFF
            records.extend((name, time.monotonic_ns(), 0, LOST))
            if id not in waiting:
                out += 1
            waiting[id] = len(records) - 4
            try:
                udp.send(struct.pack(">H", id) + packets[name])
            except (ConnectionError, BlockingIOError):
                pass  # counted as lost unless an answer comes
            count += 1
            due += interval
        if ending is not None and (not out or now > ending):
            break
        pause = 0.05 if ending is not None else max(0.0, (due - time.monotonic_ns()) / 1e9)
        for descriptor, _ in poll.poll(pause):
            if descriptor == 0:
                poll.unregister(sys.stdin)
                ending = time.monotonic_ns() + int(plan["patience"] * 1e9)
                continue
            udp, waiting = sockets[descriptor]
            for _ in range(64):
                try:
                    reply = udp.recv(4096)
                except BlockingIOError:
                    break
                except ConnectionError:
                    continue
                place = waiting.pop(int.from_bytes(reply[:2], "big"), None)
                if place is not None:
                    out -= 1
                    records[place + 2] = time.monotonic_ns()
                    records[place + 3] = _classify(reply, lengths[records[place]])
    Path(plan["records"]).write_bytes(records.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
