"""Authoritative servers on addresses of their own, port 53: NSD and Knot over zone files.

start() returns when the server answers for all of its zones, stop() when it is gone. What it writes lies in a folder of
its own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.support import dns

PORT = 53


def end(process: subprocess.Popen) -> None:
    """Asked first, then made to."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _family(process: int) -> list[int]:
    """It, its children and theirs."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(re.sub(r".*\) ", "", (entry / "stat").read_text(), flags=re.DOTALL).split()[1])
        except OSError:
            continue  # it ended just now
    found = [process]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


class NameServer:
    """One process that answers for `zones` (name -> zone file) on `addresses`."""

    program = ""

    def __init__(self, name: str, folder: Path, addresses: list[str], zones: dict[str, Path]) -> None:
        self.name, self.folder, self.addresses, self.zones = name, folder, addresses, zones
        self._process: subprocess.Popen | None = None

    def configuration(self) -> str:
        raise NotImplementedError

    def command(self, configuration: Path) -> list[str]:
        raise NotImplementedError

    def ready(self, answer: dns.Answer) -> bool:
        return answer.authoritative

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "conf"
        configuration.write_text(self.configuration())
        log = self.folder / "log"
        with open(log, "ab") as output:
            self._process = process = subprocess.Popen(self.command(configuration), stdin=subprocess.DEVNULL,
                                                       stdout=output, stderr=output)

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{self.program} {self.name} ended: {log.read_text(errors='replace')}")
            try:
                return all(self.ready(dns.ask((address, PORT), zone, "SOA", timeout=0.5, do=True))
                           for address in self.addresses for zone in self.zones)
            except (TimeoutError, ConnectionError):
                return False

        dns.wait_until(answers, 20, f"{self.program} {self.name} answers")

    def stop(self) -> None:
        if self._process is None:
            return
        end(self._process)
        self._process = None

    def fall_silent(self) -> None:
        """Takes what it is asked and says nothing."""
        self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Nobody listens there any more, and nothing that it was asked is answered."""
        self._signal(signal.SIGKILL)
        self._process.wait(10)
        self._process = None

    def _signal(self, what: signal.Signals) -> None:
        for process in _family(self._process.pid):
            os.kill(process, what)


class Nsd(NameServer):
    program = "nsd"

    def command(self, configuration: Path) -> list[str]:
        return ["nsd", "-d", "-c", str(configuration)]

    def configuration(self) -> str:
        folder = self.folder
        lines = ["server:", *(f"  ip-address: {address}@{PORT}" for address in self.addresses), "  server-count: 1",
                 '  username: ""', '  chroot: ""', f'  zonesdir: "{folder}"', '  database: ""',
                 f'  pidfile: "{folder}/pid"', f'  zonelistfile: "{folder}/zone.list"', f'  xfrdfile: "{folder}/xfrd"',
                 f'  xfrdir: "{folder}"', "  hide-version: yes", "  rrl-ratelimit: 0", "  rrl-whitelist-ratelimit: 0",
                 "remote-control:", "  control-enable: no"]
        for zone, path in self.zones.items():
            lines += ["zone:", f'  name: "{zone}"', f'  zonefile: "{path}"']
        return "\n".join(lines) + "\n"


class Knot(NameServer):
    """Signs by itself, with one key a zone: those of `online` an answer at a time, with an NSEC that covers no more than
    the question (mod-onlinesign), the others as a whole and with NSEC3."""

    program = "knotd"

    def __init__(self, name: str, folder: Path, addresses: list[str], zones: dict[str, Path], online: set[str]) -> None:
        super().__init__(name, folder, addresses, zones)
        self.online = online

    def command(self, configuration: Path) -> list[str]:
        (self.folder / "db").mkdir(exist_ok=True)
        return ["knotd", "-c", str(configuration)]

    def ready(self, answer: dns.Answer) -> bool:
        return answer.authoritative and any(record.type == "RRSIG" for record in answer.answer)

    def configuration(self) -> str:
        lines = ["server:", f'  rundir: "{self.folder}"', "  udp-workers: 1", "  tcp-workers: 1",
                 "  background-workers: 1", *(f"  listen: {address}@{PORT}" for address in self.addresses), "log:",
                 "- target: stderr", "  any: warning", "database:", f'  storage: "{self.folder}/db"', "policy:",
                 "- id: whole", "  algorithm: ecdsap256sha256", "  single-type-signing: on", "  nsec3: on",
                 "  nsec3-iterations: 0", "  nsec3-salt-length: 0", "- id: each", "  algorithm: ecdsap256sha256",
                 "  single-type-signing: on", "mod-onlinesign:", "- id: each", "  policy: each", "zone:"]
        for zone, path in self.zones.items():
            lines += [f'- domain: "{zone}"', f'  file: "{path}"', "  zonefile-sync: -1"]
            lines += ["  module: mod-onlinesign/each"] if zone in self.online else ["  dnssec-signing: on",
                                                                                    "  dnssec-policy: whole"]
        return "\n".join(lines) + "\n"
