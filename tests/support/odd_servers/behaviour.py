"""What a behaviour is, and the table of all.

A behaviour makes of a query, and of the true answer to it, what is sent: a Message, octets, a list of them, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Awaitable, Callable

from tests.support import messages
from tests.support.messages import Message, Raw

A, NS, CNAME, SOA, AAAA, DNAME, DS, RRSIG, NSEC, DNSKEY, NSEC3, ANY = 1, 2, 5, 6, 28, 39, 43, 46, 47, 48, 50, 255
DENIALS = {NSEC, NSEC3}
OLD_TYPES = {A, NS, CNAME, SOA, 12, 15, 16}  # what a server of 1990 knows
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
BADVERS = 16
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
VICTIM = b"\3www\4nsec\4test\0"  # whose data others try to forge
FORGED = b"\xcb\x00\x71\x63"  # 203.0.113.99


@dataclass
class Asked:
    query: Message
    octets: bytes
    tcp: bool
    count: int  # queries to this server so far, this one included
    ask_inner: Callable[[bytes], Awaitable[bytes]]

    async def truth(self, query: Message | None = None) -> Message:
        return messages.read(await self.ask_inner((query or self.query).octets()))

    def refusal(self, rcode: int, *, opt: bool = True) -> Message:
        found = self.query.opt if opt else None
        answer = replace(found, record_class=1232, ttl=found.ttl & 0x8000 | rcode >> 4 << 24, data=b"") if found else None
        return Message(self.query.id, QR | self.query.flags & (RD | CD) | rcode & 15, self.query.questions,
                       additional=[answer] if answer else [])


@dataclass(frozen=True)
class Behaviour:
    reply: Callable[[Asked], Awaitable]
    transports: tuple[str, ...]
    from_elsewhere: bool  # UDP answers come from another address

    async def __call__(self, asked: Asked):
        return await self.reply(asked)


BEHAVIOURS: dict[str, Behaviour] = {}


def address_of(name: str) -> str:
    return f"10.54.2.{list(BEHAVIOURS).index(name) + 1}"


def other_address_of(name: str) -> str:
    return f"10.54.3.{list(BEHAVIOURS).index(name) + 1}"


def addresses() -> list[str]:
    return [address for name, behaviour in BEHAVIOURS.items()
            for address in [address_of(name), *([other_address_of(name)] if behaviour.from_elsewhere else [])]]


def behaviour(function=None, *, transports: tuple[str, ...] = ("udp", "tcp"), from_elsewhere: bool = False):
    def add(one):
        BEHAVIOURS[one.__name__.replace("_", "-")] = Behaviour(one, transports, from_elsewhere)
        return one
    return add(function) if function else add


def without_opt(message: Message) -> Message:
    return replace(message, additional=[record for record in message.additional if record.type != messages.OPT])


def positive(message: Message) -> bool:
    return message.rcode == NOERROR and bool(message.answer)


def negative(message: Message) -> bool:
    return not message.answer and any(record.type == SOA for record in message.authority)


def parent(name: bytes) -> bytes:
    return name[1 + name[0]:] if name[0] else name


def apex(name: bytes) -> bytes:
    """Of the zone that `name` lies in: all are one label below a top-level domain."""
    while parent(parent(name)) != b"\0":
        name = parent(name)
    return name


def forged(message: Message) -> Message:
    return replace(message, answer=[*message.answer, Raw(VICTIM, A, 1, 86400, FORGED)],
                   additional=[*message.additional, Raw(VICTIM, A, 1, 86400, FORGED)])
