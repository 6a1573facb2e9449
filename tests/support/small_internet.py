"""A small internet inside one's namespace: root, two top-level domains, a dozen zones and more below them.

Each level has servers of its own, NSD processes bound to their own addresses on port 53, so that a resolver meets real
referrals, with glue and without. The zones are in deploy/demo/zones; what they hold is explained there.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from tests.support import namespace
from tests.support.name_servers import PORT, Nsd

ZONES = Path(__file__).resolve().parent.parent.parent / "deploy" / "demo" / "zones"


@dataclass(frozen=True)
class Server:
    name: str
    ipv4: str
    ipv6: str
    zones: tuple[str, ...]  # the file of zone "x" is x.zone, that of "." root.zone


SERVERS = [
    Server("root", "10.53.0.1", "fd53::1", (".",)),
    Server("example", "10.53.0.2", "fd53::2", ("example",)),
    Server("test", "10.53.0.3", "fd53::3", ("test",)),
    Server("ns1", "10.53.0.4", "fd53::4", (
        "shop.example", "news.example", "moved.example", "deep.example", "school.example", "loops.example",
        "slow.example", "ads.example", "tracker.example", "malware.example", "hosting.test", "cdn.test", "bulk.test")),
    Server("ns2", "10.53.0.5", "fd53::5", (
        "shop.example", "news.example", "bank.example", "half.example", "v6only.example", "c.deep.example",
        "hosting.test", "metrics.test")),
]
SILENT = "10.53.0.6"  # takes queries and never answers

RESOLVER = "10.53.0.53"
RESOLVER_IPV6 = "fd53::53"
CLIENT = "10.53.1.10"  # of no particular group
CLIENT_IPV6 = "fd53:1::10"
KID = "10.53.7.10"  # of the group `kids`
KID_IPV6 = "fd53:7::10"
OUTSIDER = "192.0.2.200"  # may not ask


class SmallInternet:
    """Servers and addresses; a context manager. `folder` is for what the servers write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hints = folder / "root.hints"
        self._servers: dict[str, Nsd] = {}
        self._silent: list[socket.socket] = []

    def __enter__(self) -> "SmallInternet":
        self.folder.mkdir(parents=True, exist_ok=True)
        namespace.add_addresses(*(a for server in SERVERS for a in (server.ipv4, server.ipv6)), SILENT, RESOLVER,
                                RESOLVER_IPV6, CLIENT, CLIENT_IPV6, KID, KID_IPV6, OUTSIDER)
        self.hints.write_text(f". 3600000 NS a.root-servers.test.\na.root-servers.test. 3600000 A {SERVERS[0].ipv4}\n"
                              f"a.root-servers.test. 3600000 AAAA {SERVERS[0].ipv6}\n")
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                silent = socket.socket(socket.AF_INET, kind)
                silent.bind((SILENT, PORT))
                if kind == socket.SOCK_STREAM:
                    silent.listen(64)
                self._silent.append(silent)
            for server in SERVERS:
                self.start(server.name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for name in list(self._servers):
            self.stop(name)
        for silent in self._silent:
            silent.close()
        self._silent = []

    def start(self, name: str) -> None:
        """Starts one server and waits until it answers for each of its zones."""
        server = next(server for server in SERVERS if server.name == name)
        zones = {zone: ZONES / f"{'root' if zone == '.' else zone}.zone" for zone in server.zones}
        self._servers[name] = Nsd(name, self.folder / name, [server.ipv4, server.ipv6], zones)
        self._servers[name].start()

    def stop(self, name: str) -> None:
        self._servers.pop(name).stop()
