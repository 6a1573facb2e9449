"""A root and authoritative servers that die and return on command, one process with an address for each of them.

As a program (`python3 -m tests.support.mortal_servers PLAN`): serves until its standard input ends; a line
`kill ADDRESS...` or `revive ADDRESS...` is answered by `done`. From a test: a context manager.

Every zone is delegated from the root with glue. Below it each name has an A record, address_of(name), with the TTL that
its first label says ("t1-x" is 1 s, else 300), and nothing else. Of two that are killed one falls silent, and one's
host says that nobody listens there.
"""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

from tests.support import dns, namespace

ROOT = Path(__file__).resolve().parent.parent.parent
PORT = 53
A, NS, SOA, OPT = (dns.TYPES[type] for type in ("A", "NS", "SOA", "OPT"))


def address_of(name: str) -> str:
    return str(ipaddress.IPv4Address(0xC6120000 + zlib.crc32(name.encode()) % 0x20000))  # RFC 2544's


def ttl_of(name: str) -> int:
    first = name.split("-")[0]
    return int(first[1:]) if first[:1] == "t" and first[1:].isdigit() else 300


class MortalServers:
    """`zones`: name -> addresses of its servers."""

    def __init__(self, folder: Path, root: str, zones: dict[str, list[str]]) -> None:
        self.hints = folder / "root.hints"
        self._folder, self._root, self._zones = folder, root, zones

    def __enter__(self) -> "MortalServers":
        self._folder.mkdir(parents=True, exist_ok=True)
        namespace.add_addresses(self._root, *sorted({address for them in self._zones.values() for address in them}))
        self.hints.write_text(f". 3600000 NS a.root.invalid.\na.root.invalid. 3600000 A {self._root}\n")
        plan = self._folder / "servers.json"
        plan.write_text(json.dumps({"root": self._root, "zones": self._zones}))
        self._process = subprocess.Popen([sys.executable, "-m", "tests.support.mortal_servers", str(plan)], cwd=ROOT,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._await("started")
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        if self._process.wait(20) != 0:
            raise RuntimeError("the servers failed")
        self._process.stdout.close()

    def _await(self, line: str) -> None:
        if self._process.stdout.readline() != line + "\n":
            raise RuntimeError("the servers ended")

    def kill(self, addresses: list[str]) -> None:
        self._say("kill", addresses)

    def revive(self, addresses: list[str]) -> None:
        self._say("revive", addresses)

    def _say(self, what: str, addresses: list[str]) -> None:
        self._process.stdin.write(f"{what} {' '.join(addresses)}\n")
        self._process.stdin.flush()
        self._await("done")


def _record(name: str, type: int, ttl: int, data: bytes) -> bytes:
    return dns.wire_name(name) + struct.pack(">HHIH", type, 1, ttl, len(data)) + data


def _soa(zone: str) -> bytes:
    return _record(zone, SOA, 1, dns.wire_name("ns." + zone) * 2 + struct.pack(">IIIII", 1, 60, 60, 60, 1))


class Answers:
    def __init__(self, root: str, zones: dict[str, list[str]]) -> None:
        self.root, self.zones = root, zones

    def _delegation(self, zone: str) -> tuple[list[bytes], list[bytes]]:
        names = [f"ns{number}.{zone}" for number in range(len(self.zones[zone]))]
        return ([_record(zone, NS, 3600, dns.wire_name(name)) for name in names],
                [_record(name, A, 3600, socket.inet_aton(address)) for name, address in zip(names, self.zones[zone])])

    def _sections(self, server: str, name: str, type: int) -> tuple[int, list[bytes], list[bytes], list[bytes]]:
        """Flags with RCODE, answer, authority, additional."""
        zone = next((zone for zone in self.zones if name == zone or name.endswith("." + zone)), None)
        if server == self.root:
            if zone is not None:
                return 0x8000, [], *self._delegation(zone)
            if name == "" and type == NS:
                return 0x8400, [_record("", NS, 3600, dns.wire_name("a.root.invalid"))], [], [
                    _record("a.root.invalid", A, 3600, socket.inet_aton(self.root))]
            return 0x8403, [], [_soa("")], []
        if zone is None or server not in self.zones[zone]:
            return 0x8005, [], [], []
        if type == SOA and name == zone:
            return 0x8400, [_soa(zone)], [], []
        if type == NS and name == zone:
            return 0x8400, *self._delegation(zone), []
        if type == A and name != zone:
            return 0x8400, [_record(name, A, ttl_of(name), socket.inet_aton(address_of(name)))], [], []
        return 0x8400, [], [_soa(zone)], []

    def answer(self, server: str, query: bytes) -> bytes:
        name, offset = dns.read_name(query, 12)
        question = query[12:offset + 4]
        type = struct.unpack(">H", query[offset:offset + 2])[0]
        flags, answer, authority, additional = self._sections(server, name.rstrip("."), type)
        if query[11]:
            additional = [*additional, b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0)]
        return (query[:2] + struct.pack(">HHHHH", flags, 1, len(answer), len(authority), len(additional)) + question +
                b"".join([*answer, *authority, *additional]))


def main() -> int:
    plan = json.loads(Path(sys.argv[1]).read_text())
    answers = Answers(plan["root"], plan["zones"])
    addresses = sorted({plan["root"], *(address for them in plan["zones"].values() for address in them)})
    poll = select.epoll()
    sockets: dict[str, socket.socket] = {}
    silent: set[str] = set()

    def open_socket(address: str) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.bind((address, PORT))
        udp.setblocking(False)
        poll.register(udp, select.EPOLLIN)
        sockets[address] = udp
        by_descriptor[udp.fileno()] = address

    def obey(what: str, them: list[str]) -> None:
        for address in them:
            falls_silent = addresses.index(address) % 2 == 0
            if what == "kill" and falls_silent:
                silent.add(address)
            elif what == "kill":
                udp = sockets.pop(address)
                del by_descriptor[udp.fileno()]
                poll.unregister(udp)
                udp.close()
            elif falls_silent:
                silent.discard(address)
            else:
                open_socket(address)

    by_descriptor: dict[int, str] = {}
    for address in addresses:
        open_socket(address)
    poll.register(sys.stdin, select.EPOLLIN)
    print("started", flush=True)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == sys.stdin.fileno():
                line = sys.stdin.readline()
                if not line:
                    return 0
                obey(line.split()[0], line.split()[1:])
                print("done", flush=True)
                break  # what was ready may be closed by now
            address = by_descriptor[descriptor]
            for _ in range(32):
                try:
                    query, client = sockets[address].recvfrom(4096)
                except BlockingIOError:
                    break
                if address not in silent:
                    sockets[address].sendto(answers.answer(address, query), client)


if __name__ == "__main__":
    sys.exit(main())
