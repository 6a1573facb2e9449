"""BIND as a resolver, to compare with: validating, or with further options and zones."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import dns, namespace


class Bind:
    """One process on `address`, port 53, from `hints` and the root's `anchor` (a DS; None: nothing is
    validated) on; a context manager. `options` go into its options, `zones` behind everything."""

    def __init__(self, folder: Path, address: str, hints: Path, anchor: Path | None, *,
                 options: str = "", zones: str = "", ipv6: bool = False) -> None:
        self.folder, self.address, self.hints, self.anchor = folder, address, hints, anchor
        self.options, self.zones, self.ipv6 = options, zones, ipv6
        self.server = (address, 53)

    def __enter__(self) -> "Bind":
        self.folder.mkdir(parents=True, exist_ok=True)
        namespace.add_addresses(self.address)
        anchors = ""
        if self.anchor:
            tag, algorithm, kind, digest = self.anchor.read_text().split()[-4:]
            anchors = f'trust-anchors {{ . static-ds {tag} {algorithm} {kind} "{digest}"; }};\n'
        configuration = self.folder / "named.conf"
        configuration.write_text(f"""options {{
  directory "{self.folder}";
  pid-file none;
  session-keyfile none;
  listen-on {{ {self.address}; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  allow-query {{ any; }};
  allow-recursion {{ any; }};
  dnssec-validation {"yes" if self.anchor else "no"};
  minimal-responses yes;
  resolver-query-timeout 8000;
  empty-zones-enable no;
  querylog no;
{self.options}}};
controls {{ }};
{anchors}zone "." {{ type hint; file "{self.hints}"; }};
{self.zones}""")
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(["named", *([] if self.ipv6 else ["-4"]), "-g", "-n", "1", "-c",
                                              str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def answers() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"BIND ended: {(self.folder / 'log').read_text(errors='replace')[-3000:]}")
            try:
                return dns.ask(self.server, ".", "SOA", timeout=1).rcode == "NOERROR"
            except (TimeoutError, ConnectionError):
                return False

        try:
            dns.wait_until(answers, 30, "BIND answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
