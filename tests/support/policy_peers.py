"""Unbound, BIND and PowerDNS Recursor with the same policy zones in the same order, from files."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support import recursor
from tests.support.bind import Bind
from tests.support.unbound import Unbound
from tests.versus.resolvers import Peer

CLIENTS = "10.0.0.0/8"


def unbound(folder: Path, address: str, hints: Path, zones: dict[str, Path]) -> Unbound:
    """Version 1.17 dies by a segmentation fault of rpz-tcp-only for a name server, or for an alias's target: it gets the
    zones without that."""
    folder.mkdir(parents=True)
    copies = {}
    for zone, path in zones.items():
        copies[zone] = folder / path.name
        with open(copies[zone], "w") as out:
            out.writelines(line for line in path.read_text().splitlines(keepends=True)
                           if not re.search(r"(rpz-ns(ip|dname)|^tcponly\.exact\S*) CNAME rpz-tcp-only", line))
    return Unbound(folder, address, hints, [], '  do-ip6: yes\n  local-zone: "example." nodefault\n',
                   modules="respip iterator",
                   clauses="".join(f'rpz:\n  name: "{zone}.rpz"\n  zonefile: "{path}"\n' for zone, path in copies.items()))


def bind(folder: Path, address: str, hints: Path, zones: dict[str, Path]) -> Bind:
    """Asked to do as weir does where that is a choice: rules hold for signed answers too, names are decided before they
    are resolved, and the servers of top-level domains count."""
    listed = " ".join(f'zone "{zone}.rpz";' for zone in zones)
    return Bind(folder, address, hints, None, ipv6=True,
                options=f"  check-names primary ignore;\n  response-policy {{ {listed} }} break-dnssec yes "
                        "qname-wait-recurse no min-ns-dots 0 nsip-wait-recurse yes nsdname-wait-recurse yes;\n",
                zones="".join(f'zone "{zone}.rpz" {{ type primary; file "{path}"; allow-query {{ none; }}; }};\n'
                              for zone, path in zones.items()))


class PowerDns(Peer):
    """PowerDNS Recursor; `zones` are loaded from a Lua file. Its packet cache does not know that clients have rules."""

    name = "powerdns"

    def __init__(self, folder: Path, address: str, hints: Path, zones: dict[str, Path]) -> None:
        super().__init__(folder, address, hints, Path())
        self.zones = zones

    def configure(self) -> list[str]:
        (self.folder / "zones.lua").write_text("".join(
            f'rpzFile("{path}", {{policyName="{zone}"}})\n' for zone, path in self.zones.items()))
        return recursor.write_configuration(
            self.folder, self.hints, local_address=f"{self.address}:53", allow_from=CLIENTS, threads=1,
            pdns_distributes_queries="no", disable_packetcache="yes", dnssec="off",
            lua_config_file=self.folder / "zones.lua", query_local_address="0.0.0.0 ::")
