"""DNS messages from the name server's side: questions taken apart, replies put together, with compression.

Names are lower-case text with a dot at the end. What a reply says is up to the attack; nothing here is checked.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

from tests.support.dns import TYPES, read_name, wire_name

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
BADVERS, BADCOOKIE = 16, 23
AA, TC, RD, RA = 0x0400, 0x0200, 0x0100, 0x0080
QR = 0x8000
HOSTS = {"NS", "CNAME", "DNAME", "PTR"}  # whose data is one name
NUMBERS = {**TYPES, "TXT": 16, "NULL": 10, "SIG": 24, "KEY": 25, "TKEY": 249, "TSIG": 250}


@dataclass(frozen=True)
class Rr:
    owner: str
    type: str  # "A", or "TYPE300"
    data: str | bytes  # an address, a name, or RDATA as it is sent
    ttl: int = 300

    @property
    def number(self) -> int:
        return NUMBERS[self.type] if self.type in NUMBERS else int(self.type.removeprefix("TYPE"))

    def rdata(self) -> bytes:
        """Not compressed: as it is hashed and signed."""
        if isinstance(self.data, bytes):
            return self.data
        if self.type in ("A", "AAAA"):
            return ipaddress.ip_address(self.data).packed
        if self.type in HOSTS:
            return wire_name(self.data)
        if self.type == "TXT":
            return bytes([len(self.data)]) + self.data.encode()
        raise ValueError(f"{self.type} wants octets")


def soa(zone: str, minimum: int = 60, ttl: int = 60) -> Rr:
    return Rr(zone, "SOA", wire_name("ns." + zone) + wire_name("host." + zone)
              + struct.pack(">IIIII", 1, 3600, 600, 86400, minimum), ttl)


@dataclass
class Query:
    """What came in, to whom and how."""

    raw: bytes
    id: int
    flags: int
    name: str  # lower case
    type: int
    question: bytes  # in the case in which it was asked
    edns_size: int  # 0 without EDNS
    dnssec_ok: bool
    server: str = ""
    client: tuple[str, int] = ("", 0)
    tcp: bool = False

    @property
    def labels(self) -> list[str]:
        return [label for label in self.name.split(".") if label]

    def is_a(self, type: str) -> bool:
        return self.type == NUMBERS[type]

    def below(self, zone: str) -> bool:
        """At `zone` or below it."""
        return self.name == zone or zone == "." or self.name.endswith("." + zone)


def read_query(raw: bytes) -> Query:
    """Raises IndexError, ValueError, struct.error where it is none."""
    id, flags, questions, _, _, additional = struct.unpack(">HHHHHH", raw[:12])
    if questions != 1 or flags & QR:
        raise ValueError("no query")
    name, end = read_name(raw, 12)
    type, _ = struct.unpack(">HH", raw[end:end + 4])
    question = raw[12:end + 4]
    edns_size, dnssec_ok = 0, False
    if additional and raw[end + 4:end + 7] == b"\0\0\x29":
        edns_size, ttl = struct.unpack(">HI", raw[end + 7:end + 13])
        dnssec_ok = bool(ttl & 0x8000)
    return Query(raw, id, flags, name, type, question, edns_size, dnssec_ok)


@dataclass
class Reply:
    answer: list[Rr] = field(default_factory=list)
    authority: list[Rr] = field(default_factory=list)
    additional: list[Rr] = field(default_factory=list)
    rcode: int = NOERROR
    flags: int = QR | AA
    compress: bool = True
    size: int = 0  # of a UDP reply at most; 0: what the query offers, 1232 at most


def referral(zone: str, servers: list[tuple[str, list[str]]], ttl: int = 3600) -> Reply:
    """To name servers (name, addresses); those without addresses are without glue."""
    return Reply(authority=[Rr(zone, "NS", name, ttl) for name, _ in servers],
                 additional=[Rr(name, "AAAA" if ":" in address else "A", address, ttl)
                             for name, addresses in servers for address in addresses], flags=QR)


class _Writer:
    def __init__(self, question: bytes, compress: bool) -> None:
        self.out = bytearray(12) + question
        self._places: dict[str, int] = {}
        self._compress = compress
        if compress:
            self._remember(read_name(bytes(self.out), 12)[0], 12)

    def _remember(self, name: str, offset: int) -> None:
        while name and name != ".":
            if offset >= 0x4000 or name in self._places:
                return
            self._places[name] = offset
            label, _, name = name.partition(".")
            offset += 1 + len(label)

    def name(self, name: str) -> None:
        if not self._compress:
            self.out += wire_name(name)
            return
        start, rest = len(self.out), name
        while rest and rest != ".":
            if rest in self._places:
                self.out += struct.pack(">H", 0xC000 | self._places[rest])
                break
            label, _, rest = rest.partition(".")
            self.out += bytes([len(label)]) + label.encode()
        else:
            self.out += b"\0"
        self._remember(name, start)

    def record(self, record: Rr) -> None:
        self.name(record.owner)
        self.out += struct.pack(">HHI", record.number, 1, record.ttl)
        at = len(self.out)
        self.out += b"\0\0"
        if record.type in HOSTS and isinstance(record.data, str):
            self.name(record.data)
        else:
            self.out += record.rdata()
        self.out[at:at + 2] = struct.pack(">H", len(self.out) - at - 2)


def write_reply(query: Query, reply: Reply) -> bytes:
    """Truncated to an empty one with TC where it does not fit into the datagram that was offered."""
    writer = _Writer(query.question, reply.compress)
    for section in (reply.answer, reply.authority, reply.additional):
        for record in section:
            writer.record(record)
    counts = [len(reply.answer), len(reply.authority), len(reply.additional)]
    flags = reply.flags
    room = 65535 if query.tcp else reply.size or min(1232, max(512, query.edns_size))
    opt = struct.pack(">xHHBBHH", 41, 1232, reply.rcode >> 4, 0, 0x8000 if query.dnssec_ok else 0, 0)
    if not query.edns_size:
        opt = b""
    out = writer.out
    if len(out) + len(opt) > room:
        out, counts, flags = bytearray(12) + query.question, [0, 0, 0], flags | TC
    out += opt
    out[:12] = struct.pack(">HHHHHH", query.id, flags | query.flags & RD | reply.rcode & 15, 1, counts[0], counts[1],
                           counts[2] + bool(opt))
    return bytes(out)
