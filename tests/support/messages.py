"""DNS messages as a server that misbehaves needs them: taken apart into raw records, changed, and put together again.

Names are in wire format, lower-cased nowhere and compressed nowhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

OPT = 41
# Types whose data begins with this many octets and then holds this many names, which servers may compress
# (RFC 3597 section 4).
_NAMES = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 39: (0, 1)}


def _name(message: bytes, offset: int) -> tuple[bytes, int]:
    """Uncompressed, and the offset behind it."""
    name, end = b"", None
    for _ in range(128):
        length = message[offset]
        if length & 0xC0:
            end = offset + 2 if end is None else end
            offset = (length & 0x3F) << 8 | message[offset + 1]
        elif length:
            name += message[offset:offset + 1 + length]
            offset += 1 + length
        else:
            return name + b"\0", offset + 1 if end is None else end
    raise ValueError("compression loop")


@dataclass(frozen=True)
class Raw:
    name: bytes
    type: int
    record_class: int  # the UDP size, of OPT
    ttl: int  # flags, of OPT
    data: bytes

    def octets(self) -> bytes:
        return self.name + struct.pack(">HHIH", self.type, self.record_class, self.ttl, len(self.data)) + self.data

    @property
    def covered(self) -> int:
        """What an RRSIG is of; 0 of other types."""
        return struct.unpack(">H", self.data[:2])[0] if self.type == 46 else 0


@dataclass
class Message:
    id: int
    flags: int
    questions: list[tuple[bytes, int, int]] = field(default_factory=list)
    answer: list[Raw] = field(default_factory=list)
    authority: list[Raw] = field(default_factory=list)
    additional: list[Raw] = field(default_factory=list)

    @property
    def rcode(self) -> int:
        return self.flags & 15

    @property
    def opt(self) -> Raw | None:
        return next((record for record in self.additional if record.type == OPT), None)

    @property
    def name(self) -> bytes:
        return self.questions[0][0]

    @property
    def type(self) -> int:
        return self.questions[0][1]

    def only(self, keep) -> "Message":
        """With the records for which keep(record) holds; OPT stays."""
        return replace(self, answer=[r for r in self.answer if keep(r)],
                       authority=[r for r in self.authority if keep(r)],
                       additional=[r for r in self.additional if r.type == OPT or keep(r)])

    def octets(self) -> bytes:
        sections = (self.answer, self.authority, self.additional)
        head = struct.pack(">HHHHHH", self.id, self.flags, len(self.questions), *(len(section) for section in sections))
        return (head + b"".join(name + struct.pack(">HH", type, rclass) for name, type, rclass in self.questions)
                + b"".join(record.octets() for section in sections for record in section))


def read(message: bytes) -> Message:
    """Raises ValueError, IndexError or struct.error for what is no message."""
    id, flags, questions, *counts = struct.unpack(">HHHHHH", message[:12])
    found, offset = Message(id, flags), 12
    for _ in range(questions):
        name, offset = _name(message, offset)
        found.questions.append((name, *struct.unpack(">HH", message[offset:offset + 4])))
        offset += 4
    for section, count in zip((found.answer, found.authority, found.additional), counts):
        for _ in range(count):
            name, offset = _name(message, offset)
            type, record_class, ttl, length = struct.unpack(">HHIH", message[offset:offset + 10])
            offset += 10
            section.append(Raw(name, type, record_class, ttl, _data(message, type, offset, length)))
            offset += length
    return found


def _data(message: bytes, type: int, offset: int, length: int) -> bytes:
    end = offset + length
    if type not in _NAMES:
        return message[offset:end]
    fixed, names = _NAMES[type]
    data = message[offset:offset + fixed]
    offset += fixed
    for _ in range(names):
        name, offset = _name(message, offset)
        data += name
    return data + message[offset:end]
