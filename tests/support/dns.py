"""DNS messages as tests need them: queries built octet by octet, answers taken apart, also what dig does not show."""

from __future__ import annotations

import ipaddress
import random
import re
import socket
import struct
import time
from dataclasses import dataclass, field

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39,
         "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "SVCB": 64,
         "HTTPS": 65, "HINFO": 13, "LOC": 29, "NAPTR": 35, "SSHFP": 44, "TLSA": 52, "CDS": 59, "CDNSKEY": 60, "SPF": 99,
         "CAA": 257, "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"]
EDE_OPTION = 15


def wire_name(name: str) -> bytes:
    """Of its presentation, with \\. and \\DDD (RFC 1035 section 5.1)."""
    labels = [b""]
    for piece in re.findall(r"\\\d{3}|\\.|\.|[^\\.]+", name):
        if piece == ".":
            labels.append(b"")
        elif piece[0] != "\\":
            labels[-1] += piece.encode()
        else:
            labels[-1] += bytes([int(piece[1:])]) if len(piece) == 4 else piece[1:].encode()
    return b"".join(bytes([len(label)]) + label for label in labels if label) + b"\0"


def _label(octets: bytes) -> str:
    return "".join(f"\\{octet:03}" if octet <= 32 or octet >= 127 else f"\\{octet:c}" if octet in b".\\" else chr(octet)
                   for octet in octets.lower())


def type_number(name: str) -> int:
    return TYPES[name] if name in TYPES else int(name.removeprefix("TYPE"))


@dataclass
class Record:
    name: str
    type: str
    ttl: int
    # Presentation of the types above that hold names or addresses; of an RRSIG the type it covers, its labels and its
    # signer; of an NSEC the next name; hex otherwise.
    data: str

    def __str__(self) -> str:
        return f"{self.name} {self.ttl} {self.type} {self.data}"


@dataclass
class Answer:
    id: int
    flags: int
    rcode: str
    question: tuple[str, str]
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    edns: bool = False
    do: bool = False
    ede: list[tuple[int, str]] = field(default_factory=list)  # code, text
    size: int = 0

    @property
    def authoritative(self) -> bool:
        return bool(self.flags & 0x0400)

    @property
    def truncated(self) -> bool:
        return bool(self.flags & 0x0200)

    @property
    def recursion_available(self) -> bool:
        return bool(self.flags & 0x0080)

    @property
    def authentic(self) -> bool:
        return bool(self.flags & 0x0020)

    @property
    def checking_disabled(self) -> bool:
        return bool(self.flags & 0x0010)

    def data(self, type: str) -> list[str]:
        """What the answer section holds of one type, sorted."""
        return sorted(record.data for record in self.answer if record.type == type)

    def soa(self) -> Record | None:
        return next((record for record in self.authority if record.type == "SOA"), None)

    def __str__(self) -> str:
        lines = [f"{self.rcode} {' '.join(self.question)}{' ad' if self.authentic else ''}"]
        lines += [f"  {record}" for record in self.answer]
        lines += [f"  authority: {record}" for record in self.authority] + [f"  EDE {code}: {text}" for code, text in self.ede]
        return "\n".join(lines)


def query(name: str, type: str = "A", *, id: int | None = None, edns: bool = True, do: bool = False, cd: bool = False,
          ad: bool = False, size: int = 1232) -> bytes:
    flags = 0x0100 | (0x0010 if cd else 0) | (0x0020 if ad else 0)
    message = struct.pack(">HHHHHH", random.getrandbits(16) if id is None else id, flags, 1, 0, 0, 1 if edns else 0)
    message += wire_name(name) + struct.pack(">HH", type_number(type), 1)
    if edns:
        message += b"\0" + struct.pack(">HHIH", TYPES["OPT"], size, 0x8000 if do else 0, 0)
    return message


def read_name(message: bytes, offset: int) -> tuple[str, int]:
    labels, end, hops = [], None, 0
    while True:
        length = message[offset]
        if length & 0xC0 == 0xC0:
            if end is None:
                end = offset + 2
            offset = (length & 0x3F) << 8 | message[offset + 1]
            hops += 1
            if hops > 127:
                raise ValueError("compression loop")
        elif length == 0:
            return (".".join(labels) + ".") if labels else ".", offset + 1 if end is None else end
        else:
            labels.append(_label(message[offset + 1:offset + 1 + length]))
            offset += 1 + length


def _data(message: bytes, type: int, offset: int, length: int) -> str:
    raw = message[offset:offset + length]
    if type in (1, 28):
        return str(ipaddress.ip_address(raw))
    if type == 46:
        covered, labels = struct.unpack(">HxB", raw[:4])
        return f"{TYPE_NAMES.get(covered, f'TYPE{covered}')} {labels} {read_name(message, offset + 18)[0]}"
    if type in (2, 5, 12, 39, 47):
        return read_name(message, offset)[0]
    if type == 15:
        return f"{struct.unpack('>H', raw[:2])[0]} {read_name(message, offset + 2)[0]}"
    if type == 6:
        mname, offset = read_name(message, offset)
        rname, offset = read_name(message, offset)
        return f"{mname} {rname} " + " ".join(str(n) for n in struct.unpack(">IIIII", message[offset:offset + 20]))
    if type == 16:
        texts = []
        while raw:
            texts.append(raw[1:1 + raw[0]].decode("latin-1"))
            raw = raw[1 + raw[0]:]
        return "".join(texts)
    return raw.hex()


def parse(message: bytes) -> Answer:
    id, flags, questions, *counts = struct.unpack(">HHHHHH", message[:12])
    offset, question = 12, (".", "NONE")
    for _ in range(questions):
        name, offset = read_name(message, offset)
        number = struct.unpack(">H", message[offset:offset + 2])[0]
        question, offset = (name, TYPE_NAMES.get(number, f"TYPE{number}")), offset + 4
    rcode = flags & 15
    found = Answer(id, flags, RCODES[rcode] if rcode < len(RCODES) else str(rcode), question, size=len(message))
    for section, count in zip((found.answer, found.authority, found.additional), counts):
        for _ in range(count):
            name, offset = read_name(message, offset)
            type, _, ttl, length = struct.unpack(">HHIH", message[offset:offset + 10])
            offset += 10
            if type == TYPES["OPT"]:
                found.edns, found.do = True, bool(ttl & 0x8000)
                rcode |= ttl >> 24 << 4  # RFC 6891 section 6.1.3
                found.rcode = RCODES[rcode] if rcode < len(RCODES) else str(rcode)
                options, end = offset, offset + length
                while options < end:
                    code, size = struct.unpack(">HH", message[options:options + 4])
                    if code == EDE_OPTION:
                        info = struct.unpack(">H", message[options + 4:options + 6])[0]
                        found.ede.append((info, message[options + 6:options + 4 + size].decode("utf-8", "replace")))
                    options += 4 + size
            else:
                section.append(Record(name, TYPE_NAMES.get(type, f"TYPE{type}"), ttl, _data(message, type, offset, length)))
            offset += length
    if offset != len(message):
        raise ValueError(f"{len(message) - offset} octets behind the message")
    return found


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def send_udp(server: tuple[str, int], message: bytes, *, source: str | None = None, timeout: float = 10.0) -> bytes:
    """The first datagram that comes back. Raises TimeoutError."""
    with socket.socket(_family(server[0]), socket.SOCK_DGRAM) as udp:
        if source:
            udp.bind((source, 0))
        udp.connect(server)
        udp.settimeout(timeout)
        udp.send(message)
        return udp.recv(65535)


def read_exactly(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed in the middle of a message")
        data += piece
    return data


def send_tcp(server: tuple[str, int], message: bytes, *, source: str | None = None, timeout: float = 10.0) -> bytes:
    with socket.socket(_family(server[0]), socket.SOCK_STREAM) as tcp:
        tcp.settimeout(timeout)
        if source:
            tcp.bind((source, 0))
        tcp.connect(server)
        tcp.sendall(struct.pack(">H", len(message)) + message)
        return read_exactly(tcp, struct.unpack(">H", read_exactly(tcp, 2))[0])


def ask(server: tuple[str, int], name: str, type: str = "A", *, tcp: bool = False, source: str | None = None,
        timeout: float = 10.0, **options) -> Answer:
    """One question, one answer to it (another id or question is an error). TC is not followed."""
    message = query(name, type, **options)
    reply = (send_tcp if tcp else send_udp)(server, message, source=source, timeout=timeout)
    found = parse(reply)
    if found.id != struct.unpack(">H", message[:2])[0] or (wire_name(found.question[0]), found.question[1]) != (
            wire_name(name).lower(), type):
        raise ValueError(f"an answer to another question: {found}")
    return found


def wait_until(condition, seconds: float, what: str, every: float = 0.02):
    """What `condition` gives as soon as it is true; an error naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


def ask_many(server: tuple[str, int], names: list[str], type: str = "A", *, source: str, window: int = 100, read=parse,
             timeout: float = 20.0) -> list:
    """One UDP question for each name, `window` at a time; what `read` makes of each reply, in the order of `names`.

    Raises TimeoutError naming the first name that got no answer.
    """
    found: list = [None] * len(names)
    waiting: dict[int, tuple[int, float]] = {}  # id -> index, deadline
    following = 0
    with socket.socket(_family(server[0]), socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        udp.bind((source, 0))
        udp.connect(server)
        udp.settimeout(1.0)
        while following < len(names) or waiting:
            while following < len(names) and len(waiting) < window:
                id = following & 0xFFFF
                udp.send(query(names[following], type, id=id))
                waiting[id] = following, time.monotonic() + timeout
                following += 1
            try:
                reply = udp.recv(4096)
                index, _ = waiting.pop(reply[0] << 8 | reply[1])
                found[index] = read(reply)
            except TimeoutError:
                for index, deadline in waiting.values():
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"no answer for {names[index]}") from None
    return found
