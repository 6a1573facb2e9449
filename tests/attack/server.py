"""One process that is every name server of the namespace: it tells them apart by the address that was asked.

`python3 -m tests.attack.server SOCKET` serves all worlds of tests/attack/families on port 53, UDP and TCP, of every
local address, and counts what comes in. Its control socket takes a line of JSON and gives one back:

  {"do": "reset"}    counts begin at zero
  {"do": "counts"}   {"packets": {address: queries}, "tcp": n, "largest_offer": octets, "last": [the last queries],
                     "faults": [exceptions of the worlds]}
  {"do": "tell", "family": name, "word": ...}   what a family's world does with it
"""

from __future__ import annotations

import collections
import heapq
import json
import selectors
import socket
import struct
import sys
import time
import traceback
from pathlib import Path

from tests.attack.messages import Query, Reply, read_query, write_reply
from tests.attack.world import World

PORT = 53
IP_PKTINFO = 8  # of Linux; the module has no name for it
SO_RCVBUFFORCE = 33
LAST = 60


class Server:
    def __init__(self, control: Path, world: World) -> None:
        self.world = world
        self.selector = selectors.DefaultSelector()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        # weir has the port too, at an address of its own.
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.udp.bind(("0.0.0.0", PORT))
        self.tcp = socket.create_server(("0.0.0.0", PORT), backlog=1024, reuse_port=True)
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.bind(str(control))
        self.control.listen(4)
        for listener, ready in ((self.udp, self._datagrams), (self.tcp, self._accept), (self.control, self._steer)):
            listener.setblocking(False)
            self.selector.register(listener, selectors.EVENT_READ, ready)
        self._later: list[tuple[float, int, object]] = []  # due, number, what to call
        self._number = 0
        self._reset()

    def _reset(self) -> None:
        self.packets: collections.Counter[str] = collections.Counter()
        self.over_tcp = 0
        self.largest_offer = 0
        self.faults: list[str] = []
        self.last: collections.deque[str] = collections.deque(maxlen=LAST)

    def run(self) -> None:
        while True:
            pause = None
            if self._later:
                pause = max(0.0, self._later[0][0] - time.monotonic())
            for key, _ in self.selector.select(pause):
                key.data(key.fileobj)
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()

    def at(self, seconds: float, call) -> None:
        self._number += 1
        heapq.heappush(self._later, (time.monotonic() + seconds, self._number, call))

    # --- queries ---------------------------------------------------------------------------------------------------

    def _datagrams(self, _) -> None:
        for _ in range(64):
            try:
                raw, ancillary, _, client = self.udp.recvmsg(4096, 64)
            except BlockingIOError:
                return
            # struct in_pktinfo: interface, our address, the header's destination.
            server = socket.inet_ntoa(next(data[8:12] for _, kind, data in ancillary if kind == IP_PKTINFO))

            def send(message: bytes, server=server, client=client) -> None:
                try:
                    self.udp.sendmsg([message], [(socket.IPPROTO_IP, IP_PKTINFO,
                                                  struct.pack("=I4s4s", 0, socket.inet_aton(server), bytes(4)))],
                                     0, client)
                except OSError:
                    pass  # nobody listens there any more
            self._serve(raw, server, client, False, send)

    def _serve(self, raw: bytes, server: str, client: tuple[str, int], tcp: bool, send) -> None:
        self.packets[server] += 1
        self.over_tcp += tcp
        try:
            query = read_query(raw)
        except (IndexError, ValueError, struct.error):
            self.last.append(f"{server} no query: {raw[:24].hex()}")
            return
        query.server, query.client, query.tcp = server, client, tcp
        self.largest_offer = max(self.largest_offer, query.edns_size)
        self.last.append(f"{server} {query.name} {query.type}{' tcp' if tcp else ''}")
        try:
            said = self.world.handle(query)
        except Exception:  # a query that a world did not expect: a fault of the test, told with the counts
            self.faults.append(f"{self.last[-1]}: {traceback.format_exc(limit=-2)}")
            return
        self.answer(query, send, said)

    def answer(self, query: Query, send, said) -> None:
        """`said`: a Reply, octets, None for silence, or a list of these with (seconds, one of these) for later ones."""
        if said is None:
            return
        if isinstance(said, list):
            for one in said:
                if isinstance(one, tuple):
                    self.at(one[0], lambda one=one: self.answer(query, send, one[1]))
                else:
                    self.answer(query, send, one)
            return
        send(write_reply(query, said) if isinstance(said, Reply) else said)

    def _accept(self, _) -> None:
        try:
            stream, client = self.tcp.accept()
        except OSError:
            return
        stream.setblocking(False)
        Stream(self, stream, client)

    # --- control ---------------------------------------------------------------------------------------------------

    def _steer(self, _) -> None:
        connection, _ = self.control.accept()
        connection.settimeout(5)
        with connection, connection.makefile("rwb") as lines:
            wish = json.loads(lines.readline())
            lines.write(json.dumps(self._obey(wish)).encode() + b"\n")

    def _obey(self, wish: dict) -> dict:
        if wish["do"] == "reset":
            self._reset()
        elif wish["do"] == "tell":
            return {"said": self.world.tell(wish["family"], wish["word"], self)}
        return {"packets": dict(self.packets), "tcp": self.over_tcp, "largest_offer": self.largest_offer,
                "last": list(self.last), "faults": self.faults[:5]}


class Stream:
    """One TCP connection."""

    def __init__(self, server: Server, stream: socket.socket, client: tuple[str, int]) -> None:
        self.server, self.stream, self.client = server, stream, client
        self.address = stream.getsockname()[0]
        self.incoming, self.outgoing = b"", b""
        server.selector.register(stream, selectors.EVENT_READ, self._ready)

    def _close(self) -> None:
        if self.stream.fileno() >= 0:
            self.server.selector.unregister(self.stream)
            self.stream.close()

    def _ready(self, _) -> None:
        try:
            if self.outgoing:
                self._write()
            data = self.stream.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            return self._close()
        if not data:
            return self._close()
        self.incoming += data
        while len(self.incoming) >= 2:
            length = self.incoming[0] << 8 | self.incoming[1]
            if len(self.incoming) < length + 2:
                break
            raw, self.incoming = self.incoming[2:2 + length], self.incoming[2 + length:]
            self.server._serve(raw, self.address, self.client, True, self.send)

    def send(self, message: bytes) -> None:
        if self.stream.fileno() < 0:
            return
        self.outgoing += struct.pack(">H", len(message)) + message
        try:
            self._write()
        except OSError:
            self._close()

    def _write(self) -> None:
        try:
            sent = self.stream.send(self.outgoing)
            self.outgoing = self.outgoing[sent:]
        except BlockingIOError:
            pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outgoing else 0)
        self.server.selector.modify(self.stream, events, self._ready)


def main() -> None:
    from tests.attack import families

    world = World()
    families.install(world)
    server = Server(Path(sys.argv[1]), world)
    print("ready", flush=True)
    server.run()


if __name__ == "__main__":
    main()
