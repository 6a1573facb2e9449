"""Five validating resolvers over one world: root hints and a trust anchor in, a server to ask out.

Each is a context manager on an address of its own, port 53, with empty caches; IPv4 only.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import daemons, dns, namespace, recursor
from tests.support.bind import Bind
from tests.support.unbound import Unbound

START_SECONDS = 30
STOP_SECONDS = 20


class Weir:
    name = "weir"

    def __init__(self, folder: Path, address: str, hints: Path, anchor: Path) -> None:
        self.server = (address, 53)
        namespace.add_addresses(address)
        self.weir = daemons.Weir(folder, listen=[f"{address}:53"], hints=hints, body="", clients=["10.0.0.0/8"],
                                 trust_anchor=anchor, resolver_keys="ipv6_upstream = false\n")

    def __enter__(self) -> "Weir":
        self.weir.start()
        return self

    def __exit__(self, *_) -> None:
        self.weir.stop()


class UnboundPeer(Unbound):
    name = "unbound"

    def __init__(self, folder: Path, address: str, hints: Path, anchor: Path) -> None:
        super().__init__(folder, address, hints, [anchor])


class BindPeer(Bind):
    name = "bind"


class Peer:
    """A process with a configuration file, ready when it answers anything."""

    name = ""

    def __init__(self, folder: Path, address: str, hints: Path, anchor: Path) -> None:
        self.folder, self.address, self.hints, self.anchor = folder, address, hints, anchor
        self.server = (address, 53)
        folder.mkdir(parents=True, exist_ok=True)
        namespace.add_addresses(address)

    def configure(self) -> list[str]:
        """Writes the configuration; the command."""
        raise NotImplementedError

    def __enter__(self) -> "Peer":
        command = self.configure()
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

        def answers() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            try:
                return bool(dns.ask(self.server, ".", "SOA", timeout=1))
            except (TimeoutError, ConnectionError):
                return False

        try:
            dns.wait_until(answers, START_SECONDS, f"{self.name} answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class KnotResolver(Peer):
    name = "knot"

    def configure(self) -> list[str]:
        anchor = " ".join(self.anchor.read_text().split())
        (self.folder / "kresd.conf").write_text(f"""
net.listen('{self.address}', 53, {{ kind = 'dns' }})
net.ipv6 = false
modules.load('hints')
modules.unload('policy')
modules.unload('ta_signal_query')
modules.unload('ta_update')
modules.unload('detect_time_skew')
trust_anchors.remove('.')
trust_anchors.add('{anchor}')
hints.root_file('{self.hints}')
cache.open(100 * MB, 'lmdb://{self.folder}/cache')
""")
        return ["kresd", "-n", "-c", str(self.folder / "kresd.conf"), str(self.folder)]


class PowerDns(Peer):
    name = "powerdns"

    def configure(self) -> list[str]:
        (self.folder / "anchor.lua").write_text(
            f"clearTA('.')\naddTA('.', '{' '.join(self.anchor.read_text().split()[-4:])}')\n")
        return recursor.write_configuration(
            self.folder, self.hints, local_address=f"{self.address}:53", allow_from="10.0.0.0/8", threads=1,
            pdns_distributes_queries="no", dnssec="validate", lua_config_file=self.folder / "anchor.lua",
            query_local_address="0.0.0.0")


ALL = [Weir, UnboundPeer, BindPeer, KnotResolver, PowerDns]
