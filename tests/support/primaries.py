"""Primaries of one zone with a TSIG key: Knot, BIND and NSD as people run them, and one that misbehaves on purpose.

Each listens on an address of its own, port 53, and tells `secondary` (RFC 1996) when its zone changed.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from tests.support import dns
from tests.support.name_servers import end

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
FILLER = 4000  # records beside those that a test names: several messages of a transfer


def zone_text(serial: int, names: dict[str, str], filler: int = FILLER) -> str:
    lines = [f"@ 60 IN SOA ns host {serial} 3600 600 86400 60", "@ 60 IN NS ns.invalid."]
    lines += [f"{name} 60 IN A {address}" for name, address in names.items()]
    lines += [f"filler-{i}.bulk.test 60 IN CNAME ." for i in range(filler)]
    return "\n".join(lines) + "\n"


class Primary:
    program = ""
    algorithm = "hmac-sha256"

    def __init__(self, folder: Path, address: str, secondary: str) -> None:
        self.folder, self.address, self.secondary = folder, address, secondary
        self.zone = f"{self.program}.rpz"
        self.key = f"{self.program}.key"
        self.file = folder / "zone"
        self._process: subprocess.Popen | None = None

    def configuration(self) -> str:
        raise NotImplementedError

    def command(self, configuration: Path) -> list[str]:
        raise NotImplementedError

    def write(self, serial: int, names: dict[str, str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".new")
        temporary.write_text(zone_text(serial, names))
        temporary.rename(self.file)
        # Some look at whole seconds to see whether a file is another one.
        stamp = time.time() - 100_000 + serial
        os.utime(self.file, (stamp, stamp))

    def start(self) -> None:
        configuration = self.folder / "conf"
        configuration.write_text(self.configuration())
        with open(self.folder / "log", "ab") as output:
            self._process = subprocess.Popen(self.command(configuration), stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=output)

        def answers() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.program} ended: {(self.folder / 'log').read_text(errors='replace')}")
            try:
                return dns.ask((self.address, 53), self.zone, "SOA", timeout=0.5).authoritative
            except (TimeoutError, ConnectionError):
                return False

        dns.wait_until(answers, 30, f"{self.program} answers for {self.zone}")

    def change(self, serial: int, names: dict[str, str]) -> None:
        """It reads its zone again, and says so."""
        self.write(serial, names)
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process is None:
            return
        end(self._process)
        self._process = None


class KnotPrimary(Primary):
    program = "knotd"
    algorithm = "hmac-sha512"

    def command(self, configuration: Path) -> list[str]:
        (self.folder / "db").mkdir(exist_ok=True)
        return ["knotd", "-c", str(configuration)]

    def configuration(self) -> str:
        return f"""server:
  rundir: "{self.folder}"
  listen: {self.address}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
- target: stderr
  any: info
database:
  storage: "{self.folder}/db"
key:
- id: {self.key}
  algorithm: {self.algorithm}
  secret: {SECRET}
remote:
- id: weir
  address: {self.secondary}@53
  via: {self.address}
  key: {self.key}
acl:
- id: out
  key: {self.key}
  action: transfer
zone:
- domain: {self.zone}
  file: "{self.file}"
  zonefile-sync: -1
  zonefile-load: difference
  notify: weir
  acl: out
"""


class BindPrimary(Primary):
    program = "named"
    algorithm = "hmac-sha384"

    def command(self, configuration: Path) -> list[str]:
        return ["named", "-4", "-g", "-n", "1", "-c", str(configuration)]

    def configuration(self) -> str:
        return f"""key "{self.key}" {{ algorithm {self.algorithm}; secret "{SECRET}"; }};
options {{
  directory "{self.folder}";
  pid-file none;
  session-keyfile none;
  listen-on {{ {self.address}; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  allow-transfer {{ key "{self.key}"; }};
  notify explicit;
  notify-source {self.address};
  notify-delay 0;
  ixfr-from-differences yes;
}};
controls {{ }};
zone "{self.zone}" {{ type primary; file "{self.file}"; also-notify {{ {self.secondary} port 53 key "{self.key}"; }}; }};
"""


class NsdPrimary(Primary):
    program = "nsd"

    def command(self, configuration: Path) -> list[str]:
        return ["nsd", "-d", "-c", str(configuration)]

    def configuration(self) -> str:
        folder = self.folder
        network = self.address.rsplit(".", 1)[0] + ".0/24"
        return f"""server:
  ip-address: {self.address}@53
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
key:
  name: "{self.key}"
  algorithm: {self.algorithm}
  secret: "{SECRET}"
zone:
  name: "{self.zone}"
  zonefile: "{self.file}"
  provide-xfr: {network} {self.key}
  notify: {self.secondary}@53 {self.key}
  outgoing-interface: {self.address}
"""


def record(owner: str, type: int, data: bytes) -> bytes:
    return dns.wire_name(owner) + struct.pack(">HHIH", type, 1, 60, len(data)) + data


class FakePrimary:
    """Serves `zone` over TCP from a history of versions: SOA, AXFR, IXFR. `mode` says how it misbehaves:

    "" not at all; "dies" in the middle of a transfer; "garbage" instead of it; "no changes": IXFR that does not fit;
    "refuses"; "silent" after the first message.
    """

    SOA, AXFR, IXFR = 6, 252, 251

    def __init__(self, address: str, zone: str, records_a_message: int = 3) -> None:
        self.address, self.zone = address, zone
        self.records_a_message = records_a_message
        self.mode = ""
        self.serial = 0
        self.asked: list[str] = []
        self._versions: dict[int, dict[str, str]] = {}
        self._changes: dict[tuple[int, int], tuple[dict[str, str], dict[str, str]]] = {}  # of the newest version
        self._listener = socket.create_server((address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def set(self, serial: int, names: dict[str, str]) -> None:
        before = self._versions.get(self.serial, {})
        self._versions[serial] = dict(names)
        self._changes = {(self.serial, serial): self._between(before, names)}
        self.serial = serial

    @staticmethod
    def _between(old: dict[str, str], new: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """What goes and what comes."""
        return ({name: address for name, address in old.items() if new.get(name) != address},
                {name: address for name, address in new.items() if old.get(name) != address})

    def names(self) -> dict[str, str]:
        return self._versions[self.serial]

    def notify(self, to: str) -> None:
        """Tells `to`, and waits for its answer."""
        message = struct.pack(">HHHHHH", 7, 0x2400, 1, 0, 0, 0) + dns.wire_name(self.zone) + struct.pack(">HH", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((self.address, 0))
            sender.settimeout(5)
            sender.sendto(message, (to, 53))
            answer = sender.recv(4096)
        if answer[:2] != message[:2] or answer[2] & 0xF8 != 0xA0 or answer[3] & 15:
            raise RuntimeError(f"not an answer to NOTIFY: {answer.hex()}")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # accept() would hold it open
        self._listener.close()

    def _soa(self, serial: int) -> bytes:
        return record(self.zone, 6, b"\0\0" + struct.pack(">IIIII", serial, 3600, 600, 86400, 60))

    def _records(self, names: dict[str, str]) -> list[bytes]:
        return [record(f"{name}.{self.zone}", 1, socket.inet_aton(address)) for name, address in names.items()]

    def _transfer(self, type: int, have: int) -> list[bytes]:
        new = self._versions[self.serial]
        if type == self.IXFR and have in self._versions and self.mode != "whole":
            gone, come = self._changes.get((have, self.serial)) or self._between(self._versions[have], new)
            if self.mode == "no changes":
                gone = {"never.was.here": "192.0.2.99"}
            return [self._soa(self.serial), self._soa(have), *self._records(gone), self._soa(self.serial),
                    *self._records(come), self._soa(self.serial)]
        return [self._soa(self.serial), *self._records(new), self._soa(self.serial)]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    self._answer(connection)
                except OSError:
                    pass

    def _answer(self, connection: socket.socket) -> None:
        size = connection.recv(2, socket.MSG_WAITALL)
        if len(size) < 2:
            return
        query = connection.recv(struct.unpack(">H", size)[0], socket.MSG_WAITALL)
        _, end = dns.read_name(query, 12)
        type = struct.unpack(">H", query[end:end + 2])[0]
        question = query[12:end + 4]

        def send(records: list[bytes], rcode: int = 0) -> None:
            message = query[:2] + struct.pack(">HHHHH", 0x8400 | rcode, 1, len(records), 0, 0) + question + b"".join(records)
            connection.sendall(struct.pack(">H", len(message)) + message)

        if type == self.SOA:
            return send([self._soa(self.serial)])
        self.asked.append("IXFR" if type == self.IXFR else "AXFR")
        if self.mode == "refuses":
            return send([], 5)
        if self.mode == "garbage":
            junk = os.urandom(300)
            connection.sendall(struct.pack(">H", len(junk)) + junk)
            return None
        have = struct.unpack(">I", query[-20:-16])[0] if type == self.IXFR else 0
        records = self._transfer(type, have)
        for at in range(0, len(records), self.records_a_message):
            if at > 0 and self.mode == "dies":
                return None
            send(records[at:at + self.records_a_message])
        return None
