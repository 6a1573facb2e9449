"""Certificates made at test time: an authority of one's own and what it signs."""

from __future__ import annotations

import subprocess
from pathlib import Path

_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*arguments) -> None:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if ran.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {ran.stderr}")


class Authority:
    """Keeps its files in `folder`; `file` is what a client must trust."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.file, "-days", 2, "-subj", f"/CN={name}")

    def issue(self, name: str, *hosts: str, days: int = 2) -> Path:
        """Key and certificate for `hosts` ("DNS:localhost", "IP:127.0.0.1") in one file; `days` -1: ended yesterday."""
        key, request, certificate, more = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
        more.write_text(f"subjectAltName={','.join(hosts)}\nbasicConstraints=critical,CA:FALSE\n")
        _openssl("req", "-new", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-days", days, "-extfile", more,
                 "-out", certificate)
        return self._joined(name, key, certificate)

    def self_signed(self, name: str, *hosts: str) -> Path:
        """Right in all but that nobody vouches for it."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", key, "-out", certificate, "-days", 2, "-subj", f"/CN={name}",
                 "-addext", f"subjectAltName={','.join(hosts)}")
        return self._joined(name, key, certificate)

    def _joined(self, name: str, key: Path, certificate: Path) -> Path:
        both = self.folder / f"{name}.both.pem"
        both.write_text(key.read_text() + certificate.read_text())
        return both
