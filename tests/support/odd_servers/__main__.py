"""Servers that misbehave, each on an address of its own: what they say is what NSD says on INNER, changed.

python3 -m tests.support.odd_servers: serves until it is ended; says "ready" when it listens. Behaviours are the
functions of transport.py and content.py; address_of() tells where each is found.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from dataclasses import dataclass

from tests.support import messages
from tests.support.messages import Message
from tests.support.odd_servers import BEHAVIOURS, Asked, address_of, other_address_of
from tests.support.signed_internet import INNER

SECONDS_OF_INNER = 5.0


async def _ask_inner(query: bytes) -> bytes:
    """Over TCP, so that nothing is left out; truncation is this side's business."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(INNER, 53), SECONDS_OF_INNER)
    try:
        writer.write(struct.pack(">H", len(query)) + query)
        length = struct.unpack(">H", await asyncio.wait_for(reader.readexactly(2), SECONDS_OF_INNER))[0]
        return await asyncio.wait_for(reader.readexactly(length), SECONDS_OF_INNER)
    finally:
        writer.close()


def _fits(reply: Message, query: Message) -> bytes:
    """RFC 1035 section 4.2.1, RFC 6891 section 6.2.3."""
    octets = reply.octets()
    size = max(512, query.opt.record_class) if query.opt else 512
    if len(octets) <= size:
        return octets
    return Message(reply.id, reply.flags | 0x0200, reply.questions, additional=[r for r in reply.additional
                                                                                if r.type == messages.OPT]).octets()


@dataclass
class _Server:
    """One address, UDP and TCP."""

    name: str
    count: int = 0

    async def replies(self, data: bytes, tcp: bool) -> list[bytes]:
        try:
            query = messages.read(data)
        except (ValueError, IndexError, struct.error):
            return []
        if not query.questions:
            return []
        self.count += 1
        found = await BEHAVIOURS[self.name](Asked(query, data, tcp, self.count, _ask_inner))
        made = found if isinstance(found, list) else [found]
        return [reply if isinstance(reply, bytes) else reply.octets() if tcp else _fits(reply, query)
                for reply in made if reply is not None]


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: _Server) -> None:
        self.server, self.tasks = server, set()
        self.send_from: asyncio.DatagramTransport | None = None

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address) -> None:
        task = asyncio.get_running_loop().create_task(self.reply(data, address))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def reply(self, data: bytes, address) -> None:
        for reply in await self.server.replies(data, tcp=False):
            (self.send_from or self.transport).sendto(reply, address)


async def _serve_tcp(server: _Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            length = struct.unpack(">H", await reader.readexactly(2))[0]
            for reply in await server.replies(await reader.readexactly(length), tcp=True):
                writer.write(struct.pack(">H", len(reply)) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve() -> None:
    loop = asyncio.get_running_loop()
    servers = []
    for name, behaviour in BEHAVIOURS.items():
        server, address = _Server(name), address_of(name)
        if "udp" in behaviour.transports:
            _, udp = await loop.create_datagram_endpoint(lambda s=server: _Udp(s), local_addr=(address, 53))
            if behaviour.from_elsewhere:
                udp.send_from, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol,
                                                                       local_addr=(other_address_of(name), 53))
        if "tcp" in behaviour.transports:
            servers.append(await asyncio.start_server(lambda r, w, s=server: _serve_tcp(s, r, w), address, 53))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
    sys.exit(0)
