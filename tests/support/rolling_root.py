"""A signed root with one signed zone below it, whose key-signing keys come and go: for trust anchors that follow.

Everything is signed for a day that the test names, counted from today, so that a resolver whose clock is as far ahead
finds it good. ldns-signzone signs, NSD serves.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.support import namespace
from tests.support.name_servers import Nsd

DAY = 86400
ROOT, TLD = "10.55.0.1", "10.55.0.2"
SPAN = (-2 * DAY, 12 * DAY)  # of signatures, around the day


class RollingRoot:
    """A context manager. Nothing is served before the first publish()."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hints = folder / "root.hints"
        self._servers: list[Nsd] = []
        self._keys: dict[str, str] = {}  # letter -> file name without suffix
        self._published: tuple = ()
        self._starts = 0

    def __enter__(self) -> "RollingRoot":
        self.folder.mkdir(parents=True)
        namespace.add_addresses(ROOT, TLD)
        self.hints.write_text(f". 3600000 NS ns1.\nns1. 3600000 A {ROOT}\n")
        for letter in "AB":
            self._keys[letter] = self._keygen(".", "-k")
        self._root_zsk = self._keygen(".")
        self._tld_ksk, self._tld_zsk = self._keygen("test", "-k"), self._keygen("test")
        return self

    def __exit__(self, *_) -> None:
        for server in self._servers:
            server.stop()
        self._servers = []

    def _keygen(self, zone: str, *options: str) -> str:
        return self._run("ldns-keygen", "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", *options, zone).strip()

    def tag(self, letter: str) -> int:
        return int(self._keys[letter].rsplit("+", 1)[1])

    def anchor(self, letter: str) -> Path:
        """Its DS, as a file of trust anchors."""
        path = self.folder / f"anchor.{letter}"
        path.write_text(self._run("ldns-key2ds", "-n", "-2", f"{self._keys[letter]}.key"))
        return path

    def publish(self, day: int, signs: str, *, waiting: str = "", revoked: str = "") -> None:
        """The root is signed by the key `signs`; `waiting` is published and signs nothing, `revoked` says so itself."""
        self._published = (day, signs, waiting, revoked)
        self._serve(damaged=False)

    def damage(self) -> None:
        """test's address record becomes one that nobody signed."""
        self._serve(damaged=True)

    def mend(self) -> None:
        self._serve(damaged=False)

    def _serve(self, *, damaged: bool) -> None:
        day, signs, waiting, revoked = self._published
        for server in self._servers:
            server.stop()
        self._starts += 1
        ds = self._run("ldns-key2ds", "-n", "-2", f"{self._tld_ksk}.key")
        records = f"{ds}test. 300 IN NS ns1.test.\nns1.test. 300 IN A {TLD}\nns1. 300 IN A {ROOT}\n"
        signing = [self._keys[signs], self._root_zsk]
        for letter in waiting:
            records += Path(self.folder / f"{self._keys[letter]}.key").read_text()
        for letter in revoked:
            signing.append(self._revoked(letter))
        root = self._sign(".", records, signing, day)
        test = self._sign("test.", f"ns1.test. 300 IN A {TLD}\nwww.test. 300 IN A 192.0.2.1\n",
                          [self._tld_ksk, self._tld_zsk], day)
        if damaged:
            test.write_text("\n".join(line.replace("192.0.2.1", "192.0.2.66") if "\tA\t" in line else line
                                      for line in test.read_text().splitlines()) + "\n")
        self._servers = [Nsd(f"rolling{i}", self.folder / f"nsd{i}", [address], {zone: path})
                         for i, (address, zone, path) in enumerate([(ROOT, ".", root), (TLD, "test", test)])]
        for server in self._servers:
            server.start()

    def _revoked(self, letter: str) -> str:
        """The same key with the REVOKE bit (RFC 5011 section 7): its tag is another, so its files are named anew."""
        name = self._keys[letter]
        text = (self.folder / f"{name}.key").read_text().replace("257 3", "385 3")
        draft = self.folder / "revoked.key"
        draft.write_text(text)
        tag = int(self._run("ldns-key2ds", "-n", "-2", "revoked.key").split()[-4])
        fresh = f"{name.rsplit('+', 1)[0]}+{tag:05d}"
        (self.folder / f"{fresh}.key").write_text(text)
        (self.folder / f"{fresh}.private").write_text((self.folder / f"{name}.private").read_text())
        return fresh

    def _sign(self, zone: str, records: str, keys: list[str], day: int) -> Path:
        name = zone.strip(".") or "root"
        plain, signed = self.folder / f"{name}.plain", self.folder / f"{name}.signed"
        plain.write_text(f"{zone} 300 IN SOA ns1.{zone.lstrip('.')} host. {self._starts} 3600 600 864000 300\n"
                         f"{zone} 300 IN NS ns1.{zone.lstrip('.')}\n{records}")
        now = int(time.time()) + day * DAY
        self._run("ldns-signzone", "-i", str(now + SPAN[0]), "-e", str(now + SPAN[1]), "-f", str(signed), str(plain),
                  *keys)
        return signed

    def _run(self, *command: str) -> str:
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                             timeout=60)
        if ran.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {ran.stdout}{ran.stderr}")
        return ran.stdout
