"""Clients that ask over UDP and TCP, and clients that are gone before they have their answer."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from typing import Callable

SOCKETS = 3  # of a client: each meets the worker that the kernel chooses for its port
PIPELINED = 16
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class Port:
    """A UDP socket of one client. What it is sent is kept by the ID of the question."""

    def __init__(self, server: tuple[str, int], address: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((address, 0))
        self.socket.connect(server)
        self.following = 0
        self.came: dict[int, bytes] = {}

    def send(self, body: bytes) -> int:
        self.following = (self.following + 1) & 0xFFFF
        self.came.pop(self.following, None)
        self.socket.send(struct.pack(">H", self.following) + body)
        return self.following

    def take(self, id: int, timeout: float) -> bytes | None:
        """None: nothing came in that time."""
        self.socket.settimeout(timeout)
        while id not in self.came:
            try:
                self._keep(self.socket.recv(65535))
            except (TimeoutError, BlockingIOError):
                return None
        return self.came.pop(id)

    def _keep(self, message: bytes) -> None:
        self.came[struct.unpack(">H", message[:2])[0]] = message

    def close(self) -> None:
        self.socket.close()


def _connected(server: tuple[str, int], address: str, timeout: float) -> socket.socket:
    stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.settimeout(timeout)
    stream.bind((address, 0))
    stream.connect(server)
    return stream


def _framed(body: bytes, id: int) -> bytes:
    return struct.pack(">HH", len(body) + 2, id) + body


@dataclass
class Pending:
    """A question under way."""
    port: Port | None = None
    id: int = 0
    stream: socket.socket | None = None

    def reply(self, timeout: float) -> bytes | None:
        """The message; None: there is none. Over TCP that is known as soon as the other side closes."""
        if self.stream is None:
            return self.port.take(self.id, timeout)
        with self.stream as stream:
            stream.settimeout(timeout)
            data = b""
            while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
                piece = stream.recv(65535)
                if not piece:
                    return None
                data += piece
            return data[2:]


@dataclass
class Client:
    server: tuple[str, int]
    address: str
    timeout: float = 15.0
    ports: list[Port] = field(default_factory=list)
    asked: int = 0

    def begin(self, body: bytes, tcp: bool) -> Pending:
        """Asks `body`, a query without its ID. Over TCP it is the last on its connection."""
        self.asked += 1
        if tcp:
            stream = _connected(self.server, self.address, self.timeout)
            stream.sendall(_framed(body, self.asked & 0xFFFF))
            stream.shutdown(socket.SHUT_WR)
            return Pending(stream=stream)
        if len(self.ports) < SOCKETS:
            self.ports.append(Port(self.server, self.address))
        port = self.ports[self.asked % len(self.ports)]
        return Pending(port, port.send(body))

    def leave(self, body: bytes, way: str, answered: bool) -> None:
        """Asks and is gone. `answered`: an answer is to be expected, of which the first octet is waited for."""
        LEAVING[way](self, body, answered)

    def close(self) -> None:
        for port in self.ports:
            port.close()


def _udp(client: Client, body: bytes, _: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind((client.address, 0))
        port.connect(client.server)
        port.send(b"\0\1" + body)


def _half(client: Client, body: bytes, _: bool) -> None:
    with _connected(client.server, client.address, client.timeout) as stream:
        message = _framed(body, 1)
        stream.sendall(message[:len(message) // 2])


def _half_reset(client: Client, body: bytes, _: bool) -> None:
    with _connected(client.server, client.address, client.timeout) as stream:
        message = _framed(body, 1)
        stream.sendall(message[:len(message) // 2])
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _whole(client: Client, body: bytes, _: bool) -> None:
    with _connected(client.server, client.address, client.timeout) as stream:
        stream.sendall(_framed(body, 1))


def _whole_reset(client: Client, body: bytes, _: bool) -> None:
    with _connected(client.server, client.address, client.timeout) as stream:
        stream.sendall(_framed(body, 1))
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _middle(client: Client, body: bytes, answered: bool) -> None:
    """Of the first of many answers."""
    with _connected(client.server, client.address, client.timeout) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        stream.sendall(b"".join(_framed(body, id) for id in range(PIPELINED)))
        if answered:
            stream.recv(1)


LEAVING: dict[str, Callable[[Client, bytes, bool], None]] = {
    "udp": _udp, "half": _half, "half-reset": _half_reset, "whole": _whole, "whole-reset": _whole_reset, "middle": _middle}
