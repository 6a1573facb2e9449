"""Unbound as a resolver, to compare with: validating, or with other modules and further clauses."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import dns, namespace


class Unbound:
    """One process on `address`, port 53, from `hints` and `anchors` on; a context manager."""

    def __init__(self, folder: Path, address: str, hints: Path, anchors: list[Path], lines: str = "", *,
                 modules: str = "validator iterator", clauses: str = "") -> None:
        """`lines` go into its server section, `clauses` behind everything."""
        self.folder, self.address, self.hints, self.anchors, self.lines = folder, address, hints, anchors, lines
        self.modules, self.clauses = modules, clauses
        self.server = (address, 53)

    def __enter__(self) -> "Unbound":
        self.folder.mkdir(parents=True, exist_ok=True)
        namespace.add_addresses(self.address)
        configuration = self.folder / "unbound.conf"
        # `test` is one of the zones that it answers for itself; 10.0.0.0/8 is not asked by default, nor is loopback.
        configuration.write_text(f"""server:
  interface: {self.address}
  access-control: 0.0.0.0/0 allow
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  local-zone: "test." nodefault
  root-hints: "{self.hints}"
  module-config: "{self.modules}"
  ede: yes
  val-log-level: 2
{''.join(f'  trust-anchor-file: "{anchor}"{chr(10)}' for anchor in self.anchors)}{self.lines}remote-control:
  control-enable: no
{self.clauses}""")
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(["unbound", "-d", "-c", str(configuration)], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)

        def answers() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"Unbound ended: {(self.folder / 'log').read_text(errors='replace')}")
            try:
                return bool(dns.ask(self.server, ".", "SOA", timeout=1))
            except (TimeoutError, ConnectionError):
                return False

        try:
            dns.wait_until(answers, 20, "Unbound answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait(20)

    def ask(self, name: str, type: str = "A", **options) -> dns.Answer:
        return dns.ask(self.server, name, type, **options)
